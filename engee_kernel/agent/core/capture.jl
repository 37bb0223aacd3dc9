# Base.stdout and Base.stderr, replaced by streams that give each task's text to its cell and all other text on to where
# it went before.

const YIELD_INTERVAL_NS = UInt64(20_000_000)    # so often gives way who prints or loops
const DISPLAY_SIZE = (30, 80)

# A task of Engee's that began before the agent runs in an older world: it finds none of the methods below. So the type is
# one of Base's streams: such a task writes, by Base's methods, to the handle of the stream that was there before. And
# `print` locks it, as it locks any of these, so that lines stay whole: a method of `lock` of our own would throw away a
# thousand of Base's and REPL's compiled methods (Julia 1.11 and newer).
mutable struct CellOutput <: Base.LibuvStream
    handle::Ptr{Cvoid}                 # these five under Base's names
    status::Int
    buffer::IOBuffer
    sendbuf::Nothing
    lock::ReentrantLock
    name::String
    original::Any
    writes::Any                        # since a line ended
end

const OUTPUTS = Any[]                  # stdout, stderr
const PRINTER = Any[nothing]           # what writes to a cell, once its piece is there

"How a cell's text is added; asked for with each text, so without a look into the list of pieces."
function printer()
    PRINTER[1] === nothing && need("printing")
    return PRINTER[1]
end

function Base.unsafe_write(out::CellOutput, p::Ptr{UInt8}, n::UInt)
    cell = output_cell()
    cell === nothing && return unsafe_write(out.original, p, n)
    Base.invokelatest(printer(), out, cell, p, Int(n))
    return Int(n)
end

function Base.write(out::CellOutput, byte::UInt8)
    cell = output_cell()
    cell === nothing && return write(out.original, byte)
    bytes = UInt8[byte]
    GC.@preserve bytes Base.invokelatest(printer(), out, cell, pointer(bytes), 1)
    return 1
end

# What libraries ask an output stream: colour and size as in a notebook, for code of a cell; else as before.
in_some_cell() = origin_cell() !== nothing
function Base.get(out::CellOutput, key, default)
    in_some_cell() || return get(out.original, key, default)
    return key === :color ? true : default
end
Base.haskey(out::CellOutput, key) = in_some_cell() ? key === :color : haskey(out.original, key)
Base.getindex(out::CellOutput, key) = in_some_cell() && key === :color ? true : getindex(out.original, key)
Base.displaysize(out::CellOutput) = in_some_cell() ? DISPLAY_SIZE : displaysize(out.original)

# An IOContext made of the stream takes the colour along. Julia 1.5 would throw away hundreds of Base's compiled methods
# for this one, and for any method of IOContext that does the same: there the colour is lost on that way.
if VERSION >= v"1.6"
    function Base.unwrapcontext(out::CellOutput)
        in_some_cell() || return (out, Base.unwrapcontext(out.original)[2])
        return (out, coloured())
    end
end
coloured() = Base.ImmutableDict{Symbol,Any}(Base.ImmutableDict{Symbol,Any}(), :color, true)

Base.isopen(::CellOutput) = true
Base.isreadable(::CellOutput) = false
Base.iswritable(::CellOutput) = true
Base.close(::CellOutput) = nothing
Base.flush(out::CellOutput) = in_some_cell() ? nothing : flush(out.original)

# `pipeline(cmd, stdout = stdout)`: the child writes where descriptors 1 and 2 point.
Base.setup_stdio(out::CellOutput, ::Bool) = (RawFD(out.name == "stdout" ? 1 : 2), false)

set_stream(name, @nospecialize(stream)) = Core.eval(Base, Expr(:(=), name, stream))

# After `redirect_stdout()` people give the stream that was there before back.
function restore_output(out)
    repoint_descriptor(out.name == "stdout" ? 1 : 2)
    set_stream(Symbol(out.name), out)
    return out
end
if isdefined(Base, :RedirectStdStream)
    (::Base.RedirectStdStream)(out::CellOutput) = restore_output(out)
else
    Base.redirect_stdout(out::CellOutput) = restore_output(out)
    Base.redirect_stderr(out::CellOutput) = restore_output(out)
end
