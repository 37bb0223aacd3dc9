# A cell's events: numbered, each frozen as JSON before it is first handed out, so that asking again gives the same.

const TELL_FRONT_S = 0.8

# The functions with a ! need the lock of cell.changed.

function push_frozen!(cell, since, kind, fields)
    text = json(Fields(append!(Any["n", length(cell.events::Vector{Any}) + 1, "t", kind], fields)))
    push!(cell.events::Vector{Any}, text)
    push!(cell.times::Vector{Any}, since)
    cell.kept_bytes += sizeof(text)
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

add_string(cell, name, text) = from_piece("printing", :add_whole, Any[cell, name, text])

"Add an event that is no stream text. Gives false when the cell is done."
function add_event(cell, kind, fields)
    guard = cell.changed.lock
    lock(guard)
    try
        cell.state === :done && return false
        length(cell.pending) > 0 && from_piece("printing", :freeze_text!, Any[cell, true])
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
        length(cell.pending) > 0 && from_piece("printing", :freeze_text!, Any[cell, true])
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
            last == length(events) && length(cell.pending) > 0 && from_piece("printing", :freeze_text!, Any[cell, false])
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
