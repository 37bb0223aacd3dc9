# Values as MIME bundles, and the display that takes display(x) calls made from cells. Here is what a number or a
# string takes; other values, and types of our own for numbers, go by the piece `display`.

const IN_NOTEBOOK = Base.ImmutableDict{Symbol,Any}

# What a value is shown with, but for the module.
const SETTINGS = IN_NOTEBOOK(IN_NOTEBOOK(IN_NOTEBOOK(IN_NOTEBOOK(IN_NOTEBOOK(), :limit, true), :color, true), :jupyter, true),
                             :displaysize, DISPLAY_SIZE)

display_context(io, cell) = IOContext{IOBuffer}(io, IN_NOTEBOOK(SETTINGS, :module, cell_module(cell)))

"The representations of a value: type, text, type, text, …"
function bundle(@nospecialize(x), cell)
    x isa Fields && return x           # docstrings as facts: the kernel makes the representations
    type = typeof(x)
    # by the type: where it is known which of them x is, Julia 1.12 compiles the showing of all of them
    form = is_plain_type(type) ? plain_form(type) : MORE_FORMS
    form === MORE_FORMS && return from_piece("display", :display_bundle, Any[x, cell])
    io = IOBuffer()
    # the first is compiled for these types already, the second would do nothing but call it
    form === ONLY_TEXT ? show(display_context(io, cell), x) : show(display_context(io, cell), MIME{Symbol("text/plain")}(), x)
    return Fields(Any["text/plain", String(take!(io))])
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

# How a type is shown: as plain text only, by the method that Julia has for all or by another, or in other forms as well.
const ONLY_TEXT, TEXT_BY_MIME, MORE_FORMS = 1, 2, 3

"""
The one method that calls with arguments of these types come to; nothing where there are several. Not by `which` on newer
Julias: its sentence for none is 0.4 s of compiling where the process has streams of its own kind, as Engee's has.
"""
function only_method(@nospecialize(f), @nospecialize(types))
    VERSION < v"1.11" && return which(f, types)
    found = Base._methods_by_ftype(Base.signature_type(f, types), 1, ccall(:jl_get_world_counter, UInt, ()))
    return found isa Vector{Any} && length(found) === 1 ? getfield(found[1], :method) : nothing
end

text_method(@nospecialize(type)) = only_method(show, Tuple{IO,MIME{Symbol("text/plain")},type})

const GENERAL_SHOW = text_method(Cell)

# Asking twenty times whether there is a method costs more than a short cell otherwise does. For values of the types
# above the answer holds until somebody defines a method; other types may answer by value (Plots does).
const FORMS_SEEN = Any[UInt(0)]        # the world, then type, form, …

function plain_form(@nospecialize(type))
    world = ccall(:jl_get_world_counter, UInt, ())
    lock(REGISTRY)
    try
        FORMS_SEEN[1] === world || (resize!(FORMS_SEEN, 1); FORMS_SEEN[1] = world)
        i = 2
        while i < length(FORMS_SEEN)
            FORMS_SEEN[i] === type && return FORMS_SEEN[i+1]
            i += 2
        end
        i = 2
        while i <= length(MIME_GROUPS)
            for mime in MIME_GROUPS[i]
                hasmethod(show, Tuple{IO,MIME{Symbol(mime)},type}) && return MORE_FORMS
            end
            i += 1
        end
        method = text_method(type)
        form = method !== nothing && method === GENERAL_SHOW ? ONLY_TEXT : TEXT_BY_MIME
        append!(FORMS_SEEN, Any[type, form])
        return form
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
