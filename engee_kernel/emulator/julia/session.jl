# The Julia side of the local Engee: one process that plays one Engee session.
#
# It is started as `julia session.jl` with ENGEE_LOCAL_CHANNEL="port:secret" in its environment, connects back to
# that loopback port and then answers framed requests. All integers are big-endian.
#
#   request: id::UInt32  kind::UInt8  flags::UInt8  length::UInt64  bytes
#   reply:   id::UInt32  kind::UInt8  count::UInt8  count * (length::UInt64  bytes)
#
# Request kinds: 'E' run this code. Flags: 1 = strings come back as Julia would write them in source ("quoted"),
# 2 = text printed to stdout is put before the result.
# Reply kinds: 'S' a string value, 'V' another value, 'N' nothing (one field each: the text), 'X' an error (three
# fields: type, short description, full description).
#
# Each request becomes a task of its own on one thread, as in the HTTP.jl server inside Engee: requests interleave
# wherever Julia code yields, and code that never yields stalls all others. This is meant.

module EngeeLocal

using Sockets

const QUOTED = 0x01
const PRINTED = 0x02

# The code of an eval runs in a task of its own; its printed text is collected under this key of the task's storage.
const CAPTURE = :engee_local_capture

"Standard output that goes to the capturing task's buffer where there is one, and to the real stream otherwise."
struct TaskOutput{T<:IO} <: IO
    real::T
end

function target(io::TaskOutput)
    storage = current_task().storage
    storage === nothing && return io.real
    return get(storage, CAPTURE, io.real)
end

Base.unsafe_write(io::TaskOutput, bytes::Ptr{UInt8}, count::UInt) = unsafe_write(target(io), bytes, count)
Base.write(io::TaskOutput, byte::UInt8) = write(target(io), byte)
Base.flush(io::TaskOutput) = flush(target(io))
Base.isopen(io::TaskOutput) = isopen(io.real)
Base.isreadable(::TaskOutput) = false
Base.iswritable(::TaskOutput) = true

# Put in place only once somebody asks for printed text in results: until then stdout is Julia's own.
function watch_stdout()
    stdout isa TaskOutput || Core.eval(Base, Expr(:(=), :stdout, TaskOutput(stdout)))
    return nothing
end

"The text of a value and the kind of reply that carries it."
function describe_value(value, quoted::Bool)
    value === nothing && return 'N', "nothing"
    value isa AbstractString && return 'S', (quoted ? repr(value) : String(value))
    return 'V', string(value)
end

function describe_error(error, trace)
    kind = string(typeof(error))
    short = try
        repr(error)
    catch
        kind  # a user's own `show` may fail; the type still says something
    end
    full = try
        sprint((io, e) -> showerror(io, e, trace), error)
    catch
        short
    end
    return kind, short, full
end

# Code reaches `include_string` as it would by hand: the file is "none" and errors come wrapped, as in Engee's traces.
eval_command(code::String) = include_string(Main, code, "none")

function request_pipeline(handler::Function, code::String, flags::UInt8)
    printed = nothing
    if flags & PRINTED != 0
        watch_stdout()
        printed = task_local_storage(CAPTURE, IOBuffer())
    end
    try
        value = handler(code)
        kind, text = Base.invokelatest(describe_value, value, flags & QUOTED != 0)
        if printed !== nothing && position(printed) > 0
            shown = kind == 'N' ? "" : text
            kind, text = 'S', String(take!(printed)) * shown
        end
        return kind, (text,)
    catch error
        trace = catch_backtrace()
        while error isa LoadError
            error = error.error
        end
        return 'X', Base.invokelatest(describe_error, error, trace)
    end
end

function send_reply(channel, lock::ReentrantLock, id::UInt32, kind::Char, fields)
    reply = IOBuffer()
    write(reply, hton(id), UInt8(kind), UInt8(length(fields)))
    for field in fields
        write(reply, hton(UInt64(sizeof(field))), field)
    end
    # One write per reply: two small ones would wait for each other's acknowledgement.
    Base.lock(() -> write(channel, take!(reply)), lock)
    return nothing
end

function answer(channel, lock::ReentrantLock, id::UInt32, kind::UInt8, flags::UInt8, code::String)
    kind == UInt8('E') || Base.error("unknown request kind $(Char(kind))")
    reply_kind, fields = request_pipeline(eval_command, code, flags)
    send_reply(channel, lock, id, reply_kind, fields)
    return nothing
end

function serve(channel)
    lock = ReentrantLock()
    while !eof(channel)
        id = ntoh(read(channel, UInt32))
        kind = read(channel, UInt8)
        flags = read(channel, UInt8)
        code = String(read(channel, ntoh(read(channel, UInt64))))
        @async try
            answer(channel, lock, id, kind, flags, code)
        catch error
            # Only a lost channel or a broken frame ends up here: neither side can go on.
            isopen(channel) && Base.display_error(stderr, error, catch_backtrace())
            exit(1)
        end
    end
end

function main()
    port, secret = split(pop!(ENV, "ENGEE_LOCAL_CHANNEL"), ':')
    channel = connect(ip"127.0.0.1", parse(UInt16, port))
    Sockets.nagle(channel, false)
    write(channel, secret)
    serve(channel)
    exit(0)  # the local Engee has gone: nobody is left to answer
end

end # module EngeeLocal

"The part of Engee's own programmatic interface that can be had without Engee."
module engee

"The version of this Engee: a local one is not any of the released versions."
version() = "local"

end # module engee

using InteractiveUtils

EngeeLocal.main()
