# Values as MIME bundles, and the display that takes display(x) calls made from cells. Here is what a number or a
# string takes; other values, and types of our own for numbers, go by the piece `display`.

const IN_NOTEBOOK = Base.ImmutableDict{Symbol,Any}

"The settings that a value is shown with."
function display_context(io, cell)
    settings = IN_NOTEBOOK(IN_NOTEBOOK(IN_NOTEBOOK(IN_NOTEBOOK(), :limit, true), :color, true), :jupyter, true)
    settings = IN_NOTEBOOK(IN_NOTEBOOK(settings, :displaysize, DISPLAY_SIZE), :module, cell_module(cell))
    return IOContext{IOBuffer}(io, settings)
end

"The representations of a value: type, text, type, text, …"
function bundle(@nospecialize(x), cell)
    x isa Fields && return x           # docstrings as facts: the kernel makes the representations
    type = typeof(x)
    # by the type: where it is known which of them x is, Julia 1.12 compiles the showing of all of them
    is_plain_type(type) && only_plain(type) && return Fields(Any["text/plain", plain_text(x, cell)])
    return from_piece("display", :display_bundle, Any[x, cell])
end

function plain_text(@nospecialize(x), cell)
    io = IOBuffer()
    show(display_context(io, cell), MIME{Symbol("text/plain")}(), x)
    return String(take!(io))
end

is_plain_type(@nospecialize(type)) = type === Int || type === String || type === Float64 || type === Bool || type === Symbol ||
                                     type === Char || type <: Base.BitInteger || type <: Base.IEEEFloat

# In each group the first type that the value can be shown as is taken; every group gives at most one.
const MIME_GROUPS = Any[
    Any["text/plain"],
    Any["image/svg+xml"],
    Any["image/png", "image/jpeg"],
    Any["text/markdown", "text/html"],
    Any["text/latex"],
    Any["application/vnd.vegalite.v5+json", "application/vnd.vegalite.v4+json", "application/vnd.vegalite.v3+json",
        "application/vnd.vegalite.v2+json", "application/vnd.vega.v5+json", "application/vnd.vega.v4+json",
        "application/vnd.vega.v3+json"],
    Any["application/vnd.dataresource+json"],
    Any["application/vnd.plotly.v1+json"],
    Any["application/geo+json"],
    Any["application/json"],
]

# Asking twenty times whether there is a method costs more than a short cell otherwise does. For values of the types
# above the answer holds until somebody defines a method; other types may answer by value (Plots does).
const PLAIN_TYPES_SEEN = Any[UInt(0)]  # the world, then the types that are shown as plain text only

function only_plain(@nospecialize(type))
    world = ccall(:jl_get_world_counter, UInt, ())
    lock(REGISTRY)
    try
        PLAIN_TYPES_SEEN[1] === world || (resize!(PLAIN_TYPES_SEEN, 1); PLAIN_TYPES_SEEN[1] = world)
        i = 2
        while i <= length(PLAIN_TYPES_SEEN)
            PLAIN_TYPES_SEEN[i] === type && return true
            i += 1
        end
        i = 2
        while i <= length(MIME_GROUPS)
            for mime in MIME_GROUPS[i]
                hasmethod(show, Tuple{IO,MIME{Symbol(mime)},type}) && return false
            end
            i += 1
        end
        push!(PLAIN_TYPES_SEEN, type)
        return true
    finally
        unlock(REGISTRY)
    end
end

struct CellDisplay <: AbstractDisplay end

# The display stack takes a MethodError for "not mine" and asks the next display.
function Base.display(d::CellDisplay, @nospecialize(x))
    cell = output_cell()
    cell === nothing && throw(MethodError(display, (d, x)))
    from_piece("showing", :show_event, Any["display", Base.invokelatest(bundle, x, cell), nothing, cell])
    return nothing
end

function Base.display(d::CellDisplay, mime::MIME, @nospecialize(x))
    cell = output_cell()
    cell === nothing && throw(MethodError(display, (d, mime, x)))
    data = from_piece("display", :single_bundle, Any[string(mime), x, cell])
    from_piece("showing", :show_event, Any["display", data, nothing, cell])
    return nothing
end
Base.display(d::CellDisplay, mime::AbstractString, @nospecialize(x)) = display(d, MIME(mime), x)

Base.displayable(::CellDisplay, ::MIME) = output_cell() !== nothing
