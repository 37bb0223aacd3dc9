# Base.stdout and Base.stderr, replaced by streams that give each task's text to its cell and all other text on to where
# it went before.

const YIELD_INTERVAL_NS = UInt64(20_000_000)
# Of each thread, which alone uses its place. What stands there at first costs nothing but 20 ms at most.
const LAST_YIELDS = Vector{UInt64}(undef, 256)
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
    pieces::Any                        # writes since a line ended
end

const OUTPUTS = Any[]                  # stdout, stderr

function Base.unsafe_write(out::CellOutput, p::Ptr{UInt8}, n::UInt)
    cell = output_cell()
    cell === nothing && return unsafe_write(out.original, p, n)
    write_to_cell(out, cell, p, Int(n))
    return Int(n)
end

function Base.write(out::CellOutput, byte::UInt8)
    cell = output_cell()
    cell === nothing && return write(out.original, byte)
    bytes = UInt8[byte]
    GC.@preserve bytes write_to_cell(out, cell, pointer(bytes), 1)
    return 1
end

function write_to_cell(out, cell, p::Ptr{UInt8}, n::Int)
    drain_descriptors(false)
    add_text(cell, out.name, p, n) || from_piece("late", :keep_late_text, Any[cell, out.name, p, n])
    line_ended = n > 0 && unsafe_load(p, n) == 0x0a
    out.pieces = line_ended ? 0 : out.pieces::Int + 1
    if way_is_due(line_ended)
        # who prints dots and no line end must not keep all others from printing
        line_ended || out.pieces::Int > 100 ? give_way_to_printers(out.lock) : give_way()
    end
    return nothing
end

# A loop that only prints would starve the server's tasks: nobody could read its output or interrupt it. Yield at line
# ends, so that lines of different tasks do not mix. The second yield runs what I/O events have woken.
#
# Each thread by its own clock: one that gives way must not keep another from it.
way_is_due(line_ended) = time_ns() - LAST_YIELDS[own_place()] > (line_ended ? YIELD_INTERVAL_NS : 5 * YIELD_INTERVAL_NS)

own_place() = min(Threads.threadid(), length(LAST_YIELDS))

function give_way()
    yield()
    yield()
    LAST_YIELDS[own_place()] = time_ns()
    return nothing
end

"The same for who prints: `print` holds the stream's lock, which others wait for."
function give_way_to_printers(guard)
    held = 0
    while guard.locked_by === current_task()
        unlock(guard)
        held += 1
    end
    try
        give_way()
    finally
        held > 0 && lock_again(guard, held)
    end
    return nothing
end

"An interrupt that arrives meanwhile is kept until the lock is held again: `print` will unlock it."
function lock_again(guard, times)
    interrupt = nothing
    while times > 0
        try
            lock(guard)
            times -= 1
        catch error
            interrupt = error
        end
    end
    interrupt === nothing || throw(interrupt)
    return nothing
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
