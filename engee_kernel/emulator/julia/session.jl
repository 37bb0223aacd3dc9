# The Julia side of the local Engee: one process that plays one Engee session.
#
# It is started as `julia session.jl` with ENGEE_LOCAL_CHANNEL="port:secret" in its environment, connects back to
# that loopback port and then answers framed requests. All integers are big-endian.
#
#   request: id::UInt32  kind::UInt8  flags::UInt8  length::UInt64  bytes
#   reply:   id::UInt32  kind::UInt8  count::UInt8  count * (length::UInt64  bytes)
#
# Request kinds: 'E' run this code; 'T' run this line as the browser tab does (tab.jl). Flags: 1 = strings come back as
# Julia would write them in source ("quoted"), 2 = text printed to stdout is put before the result, 4 = run in the
# default pool, 8 = run in the interactive pool.
# Reply kinds: 'S' a string value, 'V' another value, 'N' nothing (one field each: the text), 'X' an error (three
# fields: type, short description, full description).
# A reply with the id 0 answers nothing: it is what the browser tab gets to see. 'o' and 'e' printed text (one field),
# 'd' a value (pairs of MIME type and text).
#
# Each request becomes a task of its own, as in the HTTP.jl server inside Engee. On the thread of the server's loop,
# requests interleave wherever Julia code yields, and code that never yields stalls all others. In a pool they run in
# parallel. This is meant.

module EngeeLocal

using Sockets

const QUOTED = 0x01
const PRINTED = 0x02
const DEFAULT_POOL = 0x04
const INTERACTIVE_POOL = 0x08

# The code of an eval runs in a task of its own; its printed text is collected under this key of the task's storage.
const CAPTURE = :engee_local_capture

"The channel to the local Engee, which any task on any thread may write to: replies leave it whole."
struct Line
    channel::IO
    lock::ReentrantLock
end

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
# Programs write past tasks: packages are precompiled by one.
Base.setup_stdio(io::TaskOutput, child_readable::Bool) = Base.setup_stdio(io.real, child_readable)

const WATCHING = ReentrantLock()

# Put in place only once somebody asks for printed text in results: until then stdout is Julia's own.
function watch_stdout()
    lock(WATCHING)
    try
        stdout isa TaskOutput || Core.eval(Base, Expr(:(=), :stdout, TaskOutput(stdout)))
    finally
        unlock(WATCHING)
    end
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

function send_reply(line::Line, id::UInt32, kind::Char, fields)
    reply = IOBuffer()
    write(reply, hton(id), UInt8(kind), UInt8(length(fields)))
    for field in fields
        write(reply, hton(UInt64(sizeof(field))), field)
    end
    bytes = take!(reply)
    # One write per reply: two small ones would wait for each other's acknowledgement.
    lock(line.lock)
    try
        write(line.channel, bytes)
    finally
        unlock(line.lock)
    end
    return nothing
end

function answer(line::Line, id::UInt32, kind::UInt8, flags::UInt8, code::String)
    if kind == UInt8('E')
        note_request()
        reply_kind, fields = request_pipeline(eval_command, code, flags)
    elseif kind == UInt8('T')
        reply_kind, fields = request_pipeline(code -> from_part(:Tab, :run_line, code, line), code, flags)
    else
        Base.error("unknown request kind $(Char(kind))")
    end
    send_reply(line, id, reply_kind, fields)
    return nothing
end

function answer_or_end(line::Line, id::UInt32, kind::UInt8, flags::UInt8, code::String)
    try
        answer(line, id, kind, flags, code)
    catch error
        # Only a lost channel or a broken frame ends up here: neither side can go on.
        isopen(line.channel) && Base.display_error(stderr, error, catch_backtrace())
        exit(1)
    end
    return nothing
end

@static if VERSION >= v"1.9"
    spawn_interactive(work) = Threads.@spawn :interactive work()
    count_threads() = Threads.nthreads(:default), Threads.nthreads(:interactive)
else
    spawn_interactive(work) = error("Julia $VERSION has no interactive pool")
    count_threads() = Threads.nthreads(), 0
end

"Turn a request into a task where its flags say."
function begin_task(work, flags::UInt8)
    if flags & INTERACTIVE_POOL != 0
        spawn_interactive(work)
    elseif flags & DEFAULT_POOL != 0
        Threads.@spawn work()
    else
        @async work()
    end
    return nothing
end

function serve(line::Line)
    channel = line.channel
    while !eof(channel)
        id = ntoh(read(channel, UInt32))
        kind = read(channel, UInt8)
        flags = read(channel, UInt8)
        code = String(read(channel, ntoh(read(channel, UInt64))))
        begin_task(() -> answer_or_end(line, id, kind, flags, code), flags)
    end
end

"What the local Engee asks first: Julia's version and its threads."
facts() = string(VERSION, ' ', join(count_threads(), ' '))

# -- Engee's own life in the process: in files of their own, which only a session that needs them pays for

const PARTS = Dict(:Streams => "streams.jl", :Tab => "tab.jl", :Background => "background.jl")
const LOADING = ReentrantLock()

"A part of Engee's life, loaded when it is first needed."
function part(name::Symbol)
    lock(LOADING)
    try
        isdefined(EngeeLocal, name) || Base.include(EngeeLocal, joinpath(@__DIR__, PARTS[name]))
    finally
        unlock(LOADING)
    end
    return Base.invokelatest(getfield, EngeeLocal, name)
end

"Call a function of a part. It may be younger than who calls, and so may its name be."
function from_part(name, f, args...)
    return Base.invokelatest(Base.invokelatest(getfield, part(name), f), args...)
end

const NOTE = Ref{Any}(nothing)

"Engee's own modules log something about each request while they are at work in the background."
function note_request()
    note = NOTE[]
    note === nothing || Base.invokelatest(note)
    return nothing
end

"Let Engee's modules log and print every so many seconds; 0 = no more."
background(seconds) = from_part(:Background, :every, Float64(seconds))

clear_variables() = from_part(:Tab, :clear_variables)

"What was there before the first request, named by words in the environment."
function begin_life(line::Line)
    life = split(pop!(ENV, "ENGEE_LOCAL_LIFE", ""), ','; keepempty=false)
    "pipes" in life && from_part(:Streams, :take_over, line)
    "packages" in life && Core.eval(Main, :(using EngeeTables))
    "packages" in life && from_part(:Background, :load_modules)
    "display" in life && from_part(:Tab, :begin_display, line)
    return nothing
end

function main()
    port, secret = split(pop!(ENV, "ENGEE_LOCAL_CHANNEL"), ':')
    channel = connect(ip"127.0.0.1", parse(UInt16, port))
    Sockets.nagle(channel, false)
    line = Line(channel, ReentrantLock())
    begin_life(line)
    write(channel, secret)
    serve(line)
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
