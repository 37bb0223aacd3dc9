# A cell's events: numbered, each frozen as JSON before it is first handed out, so that asking again gives the same.

const COALESCE_S = 0.025               # a print loop becomes about 40 answers a second, not one per line
const PROMPT_S = 0.002                 # but a line after a silence is shown at once
const SILENCE_S = 0.1
const SHORT_CELL_S = 0.25              # and a short cell costs one answer, whenever in it the output comes
const TEXT_EVENT_BYTES = 2^16
const LATE_LIMIT_BYTES = 2^16

# The functions with a ! need the lock of cell.changed.

function push_frozen!(cell::Cell, since::Float64, kind::String, fields::Pair...)
    io = IOBuffer()
    print(io, "{\"n\":", length(cell.events) + 1, ",\"t\":")
    write_json(io, kind)
    for (key, value) in fields
        print(io, ',')
        write_json(io, key)
        print(io, ':')
        write_json(io, value)
    end
    print(io, '}')
    text = String(take!(io))
    push!(cell.events, text)
    push!(cell.times, since)
    cell.kept_bytes += sizeof(text)
    return nothing
end

"Turn the waiting stream text into an event. A character cut in two at the end waits for its rest, unless `all`."
function freeze_text!(cell::Cell; all::Bool)
    isempty(cell.pending) && return nothing
    keep = all ? 0 : unfinished_bytes(cell.pending)
    keep == length(cell.pending) && return nothing
    rest = cell.pending[end-keep+1:end]
    resize!(cell.pending, length(cell.pending) - keep)
    text = String(copy(cell.pending))
    resize!(cell.pending, 0)
    append!(cell.pending, rest)
    push_frozen!(cell, cell.pending_since, "stream", "name" => cell.pending_name, "text" => text)
    return nothing
end

"How many bytes at the end of `bytes` begin a UTF-8 character that is not complete yet."
function unfinished_bytes(bytes::AbstractVector{UInt8})
    for back in 0:min(3, length(bytes) - 1)
        b = bytes[end-back]
        b & 0xc0 == 0x80 && continue
        needed = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1
        return needed > back + 1 ? back + 1 : 0
    end
    return 0
end

function push_text!(cell::Cell, name::String, p::Ptr{UInt8}, n::Int)
    was_empty = isempty(cell.pending)
    if !was_empty && cell.pending_name != name
        freeze_text!(cell, all = true)
        was_empty = true
    end
    if was_empty
        cell.pending_name = name
        cell.pending_since = clock_s()
    end
    size = length(cell.pending)
    resize!(cell.pending, size + n)
    GC.@preserve cell unsafe_copyto!(pointer(cell.pending, size + 1), p, n)
    size + n >= TEXT_EVENT_BYTES && freeze_text!(cell, all = false)
    was_empty && notify(cell.changed)
    return nothing
end

function push_text!(cell::Cell, name::String, text::String)
    GC.@preserve text push_text!(cell, name, pointer(text), sizeof(text))
end

function remember_line!(cell::Cell, p::Ptr{UInt8}, n::Int)
    start = n
    while start > 0 && unsafe_load(p, start) != 0x0a
        start -= 1
    end
    start > 0 && resize!(cell.last_line, 0)
    if length(cell.last_line) < 1000
        for i in start+1:n
            push!(cell.last_line, unsafe_load(p, i))
        end
    end
    return nothing
end

"""
Add stream text to a running cell, up to its limit. Gives false for a cell that is done: its last event is out,
so the text has to go elsewhere.
"""
function add_text(cell::Cell, name::String, p::Ptr{UInt8}, n::Int)::Bool
    n == 0 && return true
    lock(cell.changed)
    try
        cell.state === :done && return false
        name == "stdout" && remember_line!(cell, p, n)
        room = cell.output_limit_bytes - cell.stream_bytes
        if n <= room
            cell.stream_bytes += n
            push_text!(cell, name, p, n)
        else
            if cell.dropped_bytes == 0
                kept = room - unfinished_bytes(unsafe_wrap(Array, p, max(room, 0)))
                if kept > 0
                    push_text!(cell, name, p, kept)
                    n -= kept
                end
                cell.stream_bytes = cell.output_limit_bytes
                freeze_text!(cell, all = true)
                push_text!(cell, "stderr", "\nThe output of this cell reached output_limit_bytes = " *
                                           "$(cell.output_limit_bytes); further output is dropped.\n")
                freeze_text!(cell, all = true)
            end
            cell.dropped_bytes += n
        end
        return true
    finally
        unlock(cell.changed)
    end
end

"Add an event that is no stream text. Gives false when the cell is done."
function add_event(cell::Cell, kind::String, fields::Pair...)::Bool
    lock(cell.changed)
    try
        cell.state === :done && return false
        freeze_text!(cell, all = true)
        push_frozen!(cell, clock_s(), kind, fields...)
        notify(cell.changed)
        return true
    finally
        unlock(cell.changed)
    end
end

"Add the last event. Nothing can follow it."
function end_cell(cell::Cell, status::String, fields::Pair...)
    lock(cell.changed)
    try
        cell.state === :done && return nothing
        freeze_text!(cell, all = true)
        if cell.dropped_bytes > 0
            push_text!(cell, "stderr", "$(cell.dropped_bytes) bytes of output were dropped " *
                                       "(output_limit_bytes = $(cell.output_limit_bytes)).\n")
            freeze_text!(cell, all = true)
        end
        cell.finished = clock_s()
        cell.prompt = nothing
        push_frozen!(cell, cell.finished, "done", "status" => status, "elapsed_s" => elapsed_s(cell), fields...)
        cell.state = :done
        notify(cell.changed)
    finally
        unlock(cell.changed)
    end
    trim_cells!()
    return nothing
end

function timed_wait(condition::Threads.Condition, seconds::Float64)
    timer = Timer(max(seconds, 0.001)) do _
        with_lock(() -> notify(condition), condition)
    end
    try
        wait(condition)
    finally
        close(timer)
    end
end

"Wait until the cell has something after event number `after` worth an answer, is done, or `wait_s` passed."
function wait_for_events(cell::Cell, after::Int, wait_s::Float64)
    deadline = clock_s() + wait_s
    lock(cell.changed)
    try
        while cell.state !== :done
            # A person waits behind a prompt: no coalescing.
            cell.prompt !== nothing && cell.prompt.event > after && return nothing
            since = length(cell.events) > after ? cell.times[after+1] :
                    isempty(cell.pending) ? Inf : cell.pending_since
            after_silence = since > max(cell.handed + SILENCE_S, cell.started + SHORT_CELL_S)
            due = min(deadline, since + (after_silence ? PROMPT_S : COALESCE_S))
            now = clock_s()
            now >= due && return nothing
            timed_wait(cell.changed, due - now)
        end
    finally
        unlock(cell.changed)
    end
    return nothing
end

function wait_until_done(cell::Cell)
    with_lock(cell.changed) do
        while cell.state !== :done
            wait(cell.changed)
        end
    end
end

"Wait until the cell is done; no longer than DEAF_AFTER_S while no other call comes in."
function wait_while_heard(cell::Cell)
    before = CALLS[]
    deadline = time_ns() + round(UInt64, 1e9 * DEAF_AFTER_S[])  # a clock that does not jump
    with_lock(cell.changed) do
        while cell.state !== :done
            if CALLS[] > before
                wait(cell.changed)
            else
                left_s = (Int64(deadline) - Int64(time_ns())) / 1e9
                left_s > 0 || return nothing
                timed_wait(cell.changed, left_s)
            end
        end
    end
    return nothing
end

"The reply to an events call: what is after event number `after`, at least one event and at most `max_bytes`."
function events_reply(cell::Cell, after::Int, max_bytes::Int)::String
    with_lock(cell.changed) do
        io = IOBuffer()
        print(io, "{\"epoch\":")
        write_json(io, EPOCH[])
        print(io, ",\"cell\":")
        write_json(io, cell.id)
        print(io, ",\"state\":\"", cell.state, "\",\"elapsed_s\":", elapsed_s(cell), ",\"events\":[")
        size = 0
        last = max(after, 0)
        while true
            if last == length(cell.events)
                freeze_text!(cell, all = false)
            end
            # Beyond the end as well: who asks with a number not reached yet gets nothing.
            last >= length(cell.events) && break
            text = cell.events[last+1]
            size > 0 && size + sizeof(text) > max_bytes && break
            size > 0 && print(io, ',')
            print(io, text)
            size += sizeof(text)
            last += 1
        end
        size > 0 && (cell.handed = clock_s())
        print(io, ']')
        last < length(cell.events) && print(io, ",\"more\":true")
        print(io, '}')
        return String(take!(io))
    end
end
