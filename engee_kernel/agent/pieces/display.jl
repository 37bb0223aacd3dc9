# with the core

# Values as MIME bundles: every type that the value can be shown as and front ends know.

is_json_mime(mime) = mime == "application/json" || endswith(mime, "+json")

function display_bundle(x, cell)
    # The plain text is what every front end can fall back to: where that fails the cell fails.
    data = Any["text/plain", mime_value("text/plain", x, cell)]
    for i in 2:length(MIME_GROUPS)
        for mime in MIME_GROUPS[i]
            try
                can_show(mime, x) || continue
                value = mime_value(mime, x, cell)
                is_json_mime(mime) && value isa String &&
                    throw(ArgumentError(string("it is no JSON; it begins with ", limited(value, 40))))
                append!(data, Any[mime, value])
                break                  # a type that fails leaves its place to the next of the group
            catch error
                is_interrupt(error, 0) && rethrow()
                tell_failed_type(mime, x, cell, error, exception_stack())
            end
        end
    end
    return Fields(data)
end

const FAILED_TYPES_TOLD = Dict{String,Any}()

"Tell the author of a `show` method, once per type, that it fails and where. The other representations are shown."
function tell_failed_type(mime, x, cell, error, stack)
    key = string(mime, " ", objectid(typeof(x)))
    lock(REGISTRY)
    told = haskey(FAILED_TYPES_TOLD, key)
    FAILED_TYPES_TOLD[key] = true
    unlock(REGISTRY)
    told && return nothing
    reason = first(split(message_of(error), '\n'))
    place = failed_place(stack[length(stack)][2])
    add_string(cell, "stderr", string("This ", type_name(x), " could not be shown as ", mime, ", and that form is left out: ",
                                      limited(reason, 300), place, ".\n"))
    return nothing
end

"Where the method that shows the value failed: the first frame that is neither the agent's nor Base's."
function failed_place(backtrace)
    for frame in stacktrace(backtrace)
        file = String(frame.file)
        occursin(AGENT_FILE, file) && return ""
        (frame.line <= 0 || file == "none" || (startswith(file, "./") && !startswith(file, "./In["))) && continue
        return string(" (", startswith(file, "./") ? file[3:end] : file, ":", whole_text(Int(frame.line)), ")")
    end
    return ""
end

# Asked by method, since `showable` would be compiled anew for each MIME type; types that answer by value (Plots does)
# have a method of their own.
function can_show(mime, x)
    type = MIME{Symbol(mime)}
    showable_by_method(type, typeof(x)) && return hasmethod(show, Tuple{IO,type,typeof(x)})
    return Base.invokelatest(showable, type(), x)
end

function showable_by_method(type, of)
    method = only_method(showable, Tuple{type,of})
    return method !== nothing && method.module === Base.Multimedia
end

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
    is_json_mime(mime) || return text
    valid = from_piece("binary", :valid_json, Any[text])
    return valid === nothing ? text : RawJSON(valid)
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
