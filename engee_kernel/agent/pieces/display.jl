# with the core

# Values as MIME bundles: every type that the value can be shown as and front ends know.

is_json_mime(mime) = mime == "application/json" || endswith(mime, "+json")

function display_bundle(x, cell)
    data = Any[]
    for group in MIME_GROUPS
        for mime in group
            can_show(mime, x) || continue
            push!(data, mime)
            push!(data, mime_value(mime, x, cell))
            break
        end
    end
    return Fields(data)
end

# Asked by method, since `showable` would be compiled anew for each MIME type; types that answer by value (Plots does)
# have a method of their own.
function can_show(mime, x)
    type = MIME{Symbol(mime)}
    showable_by_method(type, typeof(x)) && return hasmethod(show, Tuple{IO,type,typeof(x)})
    return Base.invokelatest(showable, type(), x)
end

showable_by_method(type, of) = which(showable, Tuple{type,of}).module === Base.Multimedia

function show_as(type, x, cell)
    io = IOBuffer()
    Base.invokelatest(show, display_context(io, cell), type, x)
    return take!(io)
end

"One representation of `x`: text, base64 for binary types, JSON for JSON types."
function mime_value(mime, x, cell)
    type = MIME{Symbol(mime)}()
    if x isa AbstractString && mime != "text/plain" && !can_show(mime, x)
        text = String(x)               # raw text given with its type: display("text/html", "<b>bold</b>")
    elseif x isa Vector{UInt8} && !istextmime(type) && !can_show(mime, x)
        return from_piece("binary", :as_base64, Any[x])
    elseif is_json_mime(mime) || mime == "image/svg+xml" || istextmime(type)
        text = String(show_as(type, x, cell))
    else
        return from_piece("binary", :as_base64, Any[show_as(type, x, cell)])
    end
    return is_json_mime(mime) && from_piece("binary", :is_json, Any[text]) ? RawJSON(text) : text
end

function mime_synonym(mime)
    mime == "application/x-latex" && return "text/latex"
    return mime == "text/javascript" ? "application/javascript" : mime
end

function is_known_mime(mime)
    (is_json_mime(mime) || mime == "application/javascript" || mime_synonym(mime) != mime) && return true
    for group in MIME_GROUPS
        mime in group && return true
    end
    return false
end

function single_bundle(mime, x, cell)
    value = mime_value(mime, x, cell)
    data = Any[mime_synonym(mime), value]
    # A text type that front ends do not know (text/csv) is shown as plain text.
    is_known_mime(mime) || !istextmime(MIME{Symbol(mime)}()) || append!(data, Any["text/plain", value])
    return Fields(data)
end
