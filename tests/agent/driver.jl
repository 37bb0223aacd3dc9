# Plays Engee's eval server: each call is Julia code that runs as a task of this process, its value one JSON string.
# The JSON reader is the tests' own, so a fault in the agent's writer shows.

using Test

module Reader
    mutable struct Source
        text::String
        at::Int
    end
    peek_char(s) = s.text[s.at]
    advance(s) = (s.at = nextind(s.text, s.at))
    blanks(s) = while s.at <= ncodeunits(s.text) && peek_char(s) in " \n\r\t"; advance(s); end
    function expect(s, c)
        peek_char(s) == c || error("expected $c at byte $(s.at) of $(first(s.text, 300))")
        advance(s)
    end
    function value(s)
        blanks(s)
        c = peek_char(s)
        c == '{' && return members(s)
        c == '[' && return elements(s)
        c == '"' && return text(s)
        m = match(r"\G(true|false|null|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)", s.text, s.at)
        m === nothing && error("no JSON value at byte $(s.at) of $(first(s.text, 300))")
        s.at += ncodeunits(m.match)
        m.match == "true" && return true
        m.match == "false" && return false
        m.match == "null" && return nothing
        return occursin(r"[.eE]", m.match) ? parse(Float64, m.match) : parse(Int, m.match)
    end
    function members(s)
        result = Dict{String,Any}()
        expect(s, '{'); blanks(s)
        peek_char(s) == '}' && (advance(s); return result)
        while true
            blanks(s)
            key = text(s)
            blanks(s); expect(s, ':')
            result[key] = value(s)
            blanks(s)
            peek_char(s) == ',' ? advance(s) : (expect(s, '}'); return result)
        end
    end
    function elements(s)
        result = Any[]
        expect(s, '['); blanks(s)
        peek_char(s) == ']' && (advance(s); return result)
        while true
            push!(result, value(s))
            blanks(s)
            peek_char(s) == ',' ? advance(s) : (expect(s, ']'); return result)
        end
    end
    const PLAIN = Dict('"' => '"', '\\' => '\\', '/' => '/', 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t')
    function text(s)
        io = IOBuffer()
        expect(s, '"')
        while true
            c = peek_char(s)
            advance(s)
            c == '"' && return String(take!(io))
            c < ' ' && error("a bare control character in a JSON string")
            if c == '\\'
                e = peek_char(s)
                advance(s)
                if e == 'u'
                    print(io, Char(parse(UInt16, s.text[s.at:s.at+3], base = 16)))
                    s.at += 4
                else
                    print(io, PLAIN[e])
                end
            else
                print(io, c)
            end
        end
    end
    function parse_json(text::String)
        isvalid(text) || error("the reply is no valid UTF-8")
        s = Source(text, 1)
        result = value(s)
        blanks(s)
        s.at > ncodeunits(text) || error("text after the JSON value")
        return result
    end
end

const INSTALL = read(ENV["AGENT_INSTALL"], String)
const NAME = match(r"EngeeKernelAgent_[0-9a-f]{8}", INSTALL).match

"What Engee's eval does: the command as a task, its value as text."
serve(command::String) = @async Base.invokelatest(include_string, Main, command)

reply_of(task::Task) = Reader.parse_json(fetch(task)::String)

# Waits in tests are bounded from outside (the pytest time limit), and here where a hang would hide its cause.
function within(task::Task, seconds)
    timedwait(() -> istaskdone(task), Float64(seconds), pollint = 0.005) === :ok || error("no reply within $seconds s")
    return reply_of(task)
end

const HELLO = reply_of(serve(INSTALL))
const E = HELLO["epoch"]

# What each call needs beyond the core, as the kernel sends it along: NEEDED[call] is the source of an Any[…].
include(ENV["AGENT_NEEDED"])
const BROUGHT = Set{Symbol}()

# A value as Julia source, as the kernel writes it: whatever the cells have made of `show` in this process.
literal(::Nothing) = "nothing"
literal(x::Bool) = x ? "true" : "false"
literal(x::Integer) = join(Char[Char(0x30 + d) for d in reverse(digits(x))])
literal(x::AbstractFloat) = string("(", literal(round(Int, x * 1000)), "/1000)")
literal(x::Vector) = string(eltype(x) === String ? "String[" : "Any[", join(String[literal(y) for y in x], ","), "]")
function literal(x::String)
    out = IOBuffer()
    for c in x
        c in "\"\\\$" && write(out, '\\')
        write(out, c)
    end
    return string("\"", String(take!(out)), "\"")
end

function start_call(f, args...; options...)
    f === :hello && return serve("$NAME.hello()")
    epoch, rest = args[1], Any[map(literal, args[2:end])...]
    if f in (:submit, :events, :job, :run_job)
        push!(rest, string("Any[", join([string(literal(String(k)), ",", literal(v)) for (k, v) in options], ","), "]"))
    end
    needed = f in BROUGHT ? "nothing" : get(NEEDED, string(f), "nothing")
    push!(BROUGHT, f)
    return serve(string(NAME, ".call(", literal(String(f)), ",", literal(epoch), ",Any[", join(rest, ","), "],", needed, ")"))
end
call(f, args...; seconds = 30, options...) = within(start_call(f, args...; options...), seconds)

const COUNTER = Ref(0)
new_id() = string("cell-", literal(COUNTER[] += 1))

"Submit and follow a cell to its end; gives all its events."
function run_cell(code; notebook = "nb", id = new_id(), count = COUNTER[], seconds = 30, options...)
    return follow(id, call(:submit, E, notebook, id, count, code, 5.0, String[]; seconds = seconds, options...), seconds)
end

function follow(id, reply, seconds = 30)
    events = copy(reply["events"])
    deadline = time() + seconds
    while !(reply["state"] == "done" && !haskey(reply, "more"))
        time() < deadline || error("cell $id is $(reply["state"]) after $seconds s")
        reply = call(:events, E, id, length(events), 5.0; seconds = seconds)
        append!(events, reply["events"])
    end
    @assert [e["n"] for e in events] == 1:length(events)
    @assert events[end]["t"] == "done"
    return events
end

"Submit without waiting for the end; gives the id."
function start_cell(code; notebook = "nb", wait_s = 0.0, options...)
    id = new_id()
    reply = call(:submit, E, notebook, id, COUNTER[], code, wait_s, String[]; options...)
    @assert reply["cell"] == id
    return id
end

finish_cell(id; seconds = 30) = call(:finish, E, id; seconds = seconds)["events"]

function wait_state(id, state, seconds = 10)
    deadline = time() + seconds
    while (reply = call(:events, E, id, 10^6, 0.0))["state"] != state
        time() < deadline || error("cell $id is $(reply["state"]), not $state")
        sleep(0.01)
    end
end

kinds(events) = [e["t"] for e in events]
of(events, kind) = filter(e -> e["t"] == kind, events)
text_of(events, name = "stdout") = join([e["text"] for e in of(events, "stream") if e["name"] == name])
result_of(events) = (r = of(events, "result"); isempty(r) ? nothing : r[1]["data"]["text/plain"])
status_of(events) = events[end]["status"]
error_of(events) = only_one(of(events, "error"))
only_one(list) = length(list) == 1 ? list[1] : error("$(length(list)) where one is expected: $list")
