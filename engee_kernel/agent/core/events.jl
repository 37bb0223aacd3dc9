# A cell's events: numbered, each frozen as JSON before it is first handed out, so that asking again gives the same.

const TEXT_EVENT_BYTES = 1 << 16
const TELL_FRONT_S = 0.8

# The functions with a ! need the lock of cell.changed.

function push_frozen!(cell, since, kind, fields)
    text = json(Fields(append!(Any["n", length(cell.events::Vector{Any}) + 1, "t", kind], fields)))
    push!(cell.events::Vector{Any}, text)
    push!(cell.times::Vector{Any}, since)
    cell.kept_bytes += sizeof(text)
    return nothing
end

"Turn the waiting stream text into an event. A character cut in two at the end waits for its rest, unless `all`."
function freeze_text!(cell, all)
    pending = cell.pending::Vector{UInt8}
    n = length(pending)
    n == 0 && return nothing
    keep = all ? 0 : unfinished_bytes(pending)
    keep == n && return nothing
    rest = UInt8[]
    while keep > 0
        push!(rest, pending[n-keep+1])
        keep -= 1
    end
    resize!(pending, n - length(rest))
    cell.pending = rest
    push_frozen!(cell, cell.pending_since, "stream", Any["name", cell.pending_name, "text", String(pending)])
    return nothing
end

"How many bytes at the end of `bytes` begin a UTF-8 character that is not complete yet."
function unfinished_bytes(bytes::Vector{UInt8})
    n = length(bytes)
    back = 0
    while back < 4 && back < n
        b = bytes[n-back]
        if b & 0xc0 != 0x80
            needed = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1
            return needed > back + 1 ? back + 1 : 0
        end
        back += 1
    end
    return 0
end

function push_text!(cell, name, p::Ptr{UInt8}, n::Int)
    pending = cell.pending::Vector{UInt8}
    size = length(pending)
    if size > 0 && cell.pending_name != name
        freeze_text!(cell, true)
        pending = cell.pending::Vector{UInt8}
        size = 0
    end
    if size == 0
        cell.pending_name = name
        cell.pending_since = clock_s()
    end
    resize!(pending, size + n)
    GC.@preserve pending unsafe_copyto!(pointer(pending, size + 1), p, n)
    size + n >= TEXT_EVENT_BYTES && freeze_text!(cell, false)
    size == 0 && notify(cell.changed)
    return nothing
end

"Keep the last line of stdout that has not ended yet, at most 1000 bytes of it: a prompt shows it."
function remember_line!(cell, p::Ptr{UInt8}, n::Int)
    line = cell.last_line::Vector{UInt8}
    start = n
    while start > 0
        b = unsafe_load(p, start)
        (b == 0x0a || b == 0x0d) && break
        start -= 1
    end
    start > 0 && resize!(line, 0)
    while start < n && length(line) < 1000
        start += 1
        push!(line, unsafe_load(p, start))
    end
    return nothing
end

"""
Add stream text to a running cell, up to its limit. Gives false for a cell that is done: its last event is out,
so the text has to go elsewhere.
"""
function add_text(cell, name, p::Ptr{UInt8}, n::Int)
    n == 0 && return true
    guard = cell.changed.lock
    lock(guard)
    try
        cell.state === :done && return false
        name == "stdout" && remember_line!(cell, p, n)
        used = cell.stream_bytes + n
        if used <= cell.output_limit_bytes
            cell.stream_bytes = used
            push_text!(cell, name, p, n)
        else
            from_piece("limits", :drop_text!, Any[cell, name, p, n])
        end
        return true
    finally
        unlock(guard)
    end
end

function add_string(cell, name, text::String)
    GC.@preserve text return add_text(cell, name, pointer(text), sizeof(text))
end

"Add an event that is no stream text. Gives false when the cell is done."
function add_event(cell, kind, fields)
    guard = cell.changed.lock
    lock(guard)
    try
        cell.state === :done && return false
        length(cell.pending) > 0 && Base.invokelatest(freeze_text!, cell, true)
        push_frozen!(cell, clock_s(), kind, fields)
        notify(cell.changed)
        return true
    finally
        unlock(guard)
    end
end

"Add the last event. Nothing can follow it."
function end_cell(cell, status, fields)
    guard = cell.changed.lock
    lock(guard)
    try
        cell.state === :done && return nothing
        length(cell.pending) > 0 && Base.invokelatest(freeze_text!, cell, true)
        cell.dropped_bytes > 0 && from_piece("limits", :tell_dropped!, Any[cell])
        cell.finished = clock_s()
        cell.prompt = nothing
        all = Any["status", status, "elapsed_s", elapsed_s(cell)]
        append!(all, fields)
        push_frozen!(cell, cell.finished, "done", all)
        cell.state = :done
        notify(cell.changed)
    finally
        unlock(guard)
    end
    keep_finished(cell)
    return nothing
end

"The reply to an events call: what is after event number `after`, at least one event and at most `max_bytes`."
function events_reply(cell, after, max_bytes)
    guard = cell.changed.lock
    lock(guard)
    try
        portion = Any[]
        reply = Any["epoch", AGENT.epoch, "cell", cell.id, "state", String(cell.state), "elapsed_s", elapsed_s(cell), "events", portion]
        cell.state === :queued && clock_s() - cell.queued > TELL_FRONT_S && from_piece("threads", :add_front!, Any[reply, cell])
        events = cell.events::Vector{Any}
        size = 0
        last = after < 0 ? 0 : after
        while true
            last == length(events) && length(cell.pending) > 0 && Base.invokelatest(freeze_text!, cell, false)
            # Beyond the end as well: who asks with a number not reached yet gets nothing.
            last >= length(events) && break
            text = events[last+1]::String
            size > 0 && size + sizeof(text) > max_bytes && break
            push!(portion, RawJSON(text))
            size += sizeof(text)
            last += 1
        end
        size > 0 && (cell.handed = clock_s())
        last < length(events) && append!(reply, Any["more", true])
        return json(Fields(reply))
    finally
        unlock(guard)
    end
end
