# Engee's own standard streams: pipes that Engee reads, as the Jupyter kernel that its Julia process is would.
#
# Made as such a kernel makes them, with the same weakness: a program that was started by `run` leaves the pipe's end
# blocking for Julia as well, and more than 64 KiB printed to it at once then stall the process that is to read them.

module Streams

using Logging
using ..EngeeLocal: Line, send_reply

"What takes the place of stdout or stderr: a wrapper around a pipe's end, with properties that `show` asks for."
struct EngeeStream{T<:IO} <: Base.AbstractPipe
    io::IOContext{T}
end

EngeeStream(io::IO) = EngeeStream(IOContext(io, :limit => true, :displaysize => (30, 80)))

Base.pipe_reader(stream::EngeeStream) = stream.io.io
Base.pipe_writer(stream::EngeeStream) = stream.io.io
Base.lock(stream::EngeeStream) = lock(stream.io.io)
Base.unlock(stream::EngeeStream) = unlock(stream.io.io)
Base.get(stream::EngeeStream, key, default) = get(stream.io, key, default)
Base.haskey(stream::EngeeStream, key) = haskey(stream.io, key)
Base.getindex(stream::EngeeStream, key) = stream.io[key]
Base.in(pair::Pair, stream::EngeeStream) = pair in stream.io
Base.displaysize(stream::EngeeStream) = displaysize(stream.io)

"Send on what arrives in a pipe. Its own task on the thread of the loop: code that never yields there holds it up."
function watch(pipe::IO, kind::Char, line::Line)
    @async try
        while !eof(pipe)
            send_reply(line, UInt32(0), kind, (readavailable(pipe),))
        end
    catch
        isopen(line.channel) && rethrow()  # without its channel this process is about to end
    end
    return nothing
end

function replace_stream(name::Symbol, redirect, kind::Char, line::Line)
    # Also for the file descriptor, which C code and programs started by `run` write to.
    made = redirect()  # a Pipe since 1.7, before that its two ends
    reader, writer = made isa Pipe ? (made.out, made.in) : made
    Core.eval(Base, Expr(:(=), name, EngeeStream(writer)))
    watch(reader, kind, line)
    return nothing
end

function take_over(line::Line)
    replace_stream(:stdout, redirect_stdout, 'o', line)
    replace_stream(:stderr, redirect_stderr, 'e', line)
    # The logger of before holds the stream of before.
    global_logger(ConsoleLogger(Base.invokelatest(() -> stderr)))
    return nothing
end

end # module Streams
