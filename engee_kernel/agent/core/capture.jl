# Base.stdout and Base.stderr, replaced by pipes that give each task's text to its cell and all other text on to where
# it went before.

const YIELD_INTERVAL_NS = UInt64(20_000_000)
# Of each thread, which alone uses its place. What stands there at first costs nothing but 20 ms at most.
const LAST_YIELDS = Vector{UInt64}(undef, 256)
const DISPLAY_SIZE = (30, 80)

mutable struct CellOutput <: Base.AbstractPipe
    name::String
    original::Any
    guard::ReentrantLock
    writer::Any                        # the task whose line is not ended; this and what follows is guarded
    since_ns::Any                      # when the line began
    patience_ns::Any                   # how long others wait for its end
end

const OUTPUTS = Any[]                  # stdout, stderr

Base.pipe_writer(out::CellOutput) = out.original
Base.pipe_reader(out::CellOutput) = out.original

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

# `print` writes a line in pieces, and tasks on several threads write at once. Base would lock the stream for them, but a
# method of `lock` for it would throw away a thousand of Base's and REPL's compiled methods (Julia 1.11 and newer). So a task
# keeps the stream until its line ends, or the others lose their patience: sooner each time, as where all print dots.
const LINE_NS = 1_000_000_000

function write_to_cell(out, cell, p::Ptr{UInt8}, n::Int)
    line_ended = n > 0 && unsafe_load(p, n) == 0x0a
    me = current_task()
    lock(out.guard)
    out.writer === nothing || out.writer === me || wait_for_line(out)
    try
        if line_ended
            out.writer === me && (out.patience_ns = LINE_NS)
            out.writer = nothing
        elseif out.writer !== me
            out.writer = me
            out.since_ns = time_ns()
        end
        drain_descriptors(false)
        add_text(cell, out.name, p, n) || from_piece("late", :keep_late_text, Any[cell, out.name, p, n])
    finally
        unlock(out.guard)
    end
    way_is_due(line_ended) && give_way()
    return nothing
end

"Leave the stream's lock to others until the line that was begun is ended; then it is held again."
function wait_for_line(out)
    while out.writer !== nothing
        if time_ns() - out.since_ns::UInt64 > out.patience_ns::Int
            out.patience_ns = out.patience_ns::Int >> 2
            out.writer = nothing
            break
        end
        unlock(out.guard)
        yield()
        lock(out.guard)
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
