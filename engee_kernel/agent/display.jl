# Values as MIME bundles, and the display that takes display(x) calls made from cells.

# In each group the first type that the value can be shown as is taken; every group gives at most one.
const MIME_GROUPS = [
    ["text/plain"],
    ["image/svg+xml"],
    ["image/png", "image/jpeg"],
    ["text/markdown", "text/html"],
    ["text/latex"],
]
const JSON_MIME_GROUPS = [
    [["application/vnd.vegalite.v$n+json" for n in 5:-1:2]; ["application/vnd.vega.v$n+json" for n in 5:-1:3]],
    ["application/vnd.dataresource+json"],
    ["application/vnd.plotly.v1+json"],
    ["application/geo+json"],
    ["application/json"],
]

is_json_mime(mime::String) = mime == "application/json" || endswith(mime, "+json")

context_io(io::IO, cell::Cell) = IOContext(io, :limit => true, :color => true, :jupyter => true,
                                           :displaysize => DISPLAY_SIZE, :module => cell_module(cell))

"One representation of `x`: text, base64 for binary types, JSON for JSON types."
function mime_value(mime::String, x, cell::Cell)
    type = MIME(mime)
    if x isa AbstractString && mime != "text/plain" && !showable(type, x)
        text = String(x)               # raw text given with its type: display("text/html", "<b>bold</b>")
    elseif x isa Vector{UInt8} && !istextmime(type) && !showable(type, x)
        return base64encode(x)
    elseif istextmime(type) || is_json_mime(mime) || mime == "image/svg+xml"
        text = sprint((io, value) -> show(context_io(io, cell), type, value), x)
    else
        return base64encode(io -> show(context_io(io, cell), type, x))
    end
    return is_json_mime(mime) && is_json(text) ? RawJSON(text) : text
end

function display_bundle(x, cell::Cell)::Object
    data = Object()
    for mime in mimes_of(x)
        push!(data, mime => mime_value(mime, x, cell))
    end
    return data
end

function mimes_of(x)::Vector{String}
    x isa PLAIN_VALUES || return find_mimes(x)
    world = ccall(:jl_get_world_counter, UInt, ())
    with_lock(REGISTRY) do
        if PLAIN_WORLD[] != world
            PLAIN_WORLD[] = world
            empty!(PLAIN_MIMES)
        end
        return get!(() -> find_mimes(x), PLAIN_MIMES, typeof(x))
    end
end

function find_mimes(x)::Vector{String}
    found = String[]
    for groups in (MIME_GROUPS, JSON_MIME_GROUPS), group in groups
        at = findfirst(mime -> showable(MIME(mime), x), group)
        at === nothing || push!(found, group[at])
    end
    return found
end

# Asking eighteen times whether there is a method costs more than a short cell otherwise does. For values of these
# types the answer holds until somebody defines a method; other types may answer by value (Plots does).
const PLAIN_VALUES = Union{Base.BitInteger,Base.IEEEFloat,Bool,Char,String,Symbol}
const PLAIN_MIMES = Dict{DataType,Vector{String}}()
const PLAIN_WORLD = Ref(UInt(0))

struct CellDisplay <: AbstractDisplay end

# The display stack takes a MethodError for "not mine" and asks the next display.
function Base.display(d::CellDisplay, @nospecialize(x))
    cell = output_cell()
    cell === nothing && throw(MethodError(display, (d, x)))
    data = Base.invokelatest(display_bundle, x, cell)
    drain_descriptors(all = true)
    add_event(cell, "display", "data" => data, "metadata" => Object(), "id" => nothing)
    return nothing
end

function Base.display(d::CellDisplay, mime::MIME, @nospecialize(x))
    cell = output_cell()
    cell === nothing && throw(MethodError(display, (d, mime, x)))
    data = Base.invokelatest(single_bundle, string(mime), x, cell)
    drain_descriptors(all = true)
    add_event(cell, "display", "data" => data, "metadata" => Object(), "id" => nothing)
    return nothing
end
Base.display(d::CellDisplay, mime::AbstractString, @nospecialize(x)) = display(d, MIME(mime), x)

const MIME_SYNONYMS = Dict("application/x-latex" => "text/latex", "text/javascript" => "application/javascript")

function single_bundle(mime::String, x, cell::Cell)::Object
    value = mime_value(mime, x, cell)
    data = object(get(MIME_SYNONYMS, mime, mime) => value)
    known = mime == "text/plain" || haskey(MIME_SYNONYMS, mime) || is_json_mime(mime) ||
            mime == "application/javascript" || any(g -> mime in g, MIME_GROUPS)
    # A text type that front ends do not know (text/csv) is shown as plain text.
    known || !istextmime(MIME(mime)) || push!(data, "text/plain" => value)
    return data
end

Base.displayable(::CellDisplay, ::MIME) = output_cell() !== nothing
