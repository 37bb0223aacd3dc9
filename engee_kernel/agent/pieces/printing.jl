# with the core

# A cell's text, from the streams and from the descriptors: collected, frozen into events, within what the cell may print.

const TEXT_EVENT_BYTES = 1 << 16
const TRUNCATE_BYTES = 16 << 20
# Of each thread, which alone uses its place. What stands there at first costs nothing but 20 ms at most.
const LAST_YIELDS = Vector{UInt64}(undef, 256)

function write_to_cell(out, cell, p::Ptr{UInt8}, n::Int)
    drain_descriptors(false)
    add_text(cell, out.name, p, n) || from_piece("late", :keep_late_text, Any[cell, out.name, p, n])
    line_ended = n > 0 && unsafe_load(p, n) == 0x0a
    out.writes = line_ended ? 0 : out.writes::Int + 1
    if way_is_due(line_ended)
        # who prints dots and no line end must not keep all others from printing
        line_ended || out.writes::Int > 100 ? give_way_to_printers(out.lock) : give_way()
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

# The functions with a ! need the lock of cell.changed.

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

function add_whole(cell, name, text)
    GC.@preserve text return add_text(cell, name, pointer(text), sizeof(text))
end

"What has arrived in one of the files of descriptors.jl. Needs DESCRIPTORS_LOCK."
function drain(d, size, all)
    while d.read_to < size || (all && length(d.tail) > 0)
        cell = last_running()
        cell === nothing && break      # the next cell gets it
        seek(d.reader, d.read_to)
        got = read(d.reader, min(size - d.read_to, 1 << 20))
        d.read_to += length(got)
        bytes = append!(d.tail, got)
        keep = all && d.read_to >= size ? 0 : unfinished_bytes(bytes)
        d.tail = bytes[length(bytes)-keep+1:length(bytes)]
        n = length(bytes) - keep
        # Never to Engee's own streams: nobody would find it there, and a pipe that a program has left blocking
        # would hold up the process that is to read it.
        GC.@preserve bytes begin
            add_text(cell, d.name, pointer(bytes), n) || from_piece("late", :keep_late_text, Any[cell, d.name, pointer(bytes), n])
        end
        length(bytes) == 0 && break
    end
    if d.read_to > TRUNCATE_BYTES && filesize(d.writer) == d.read_to
        truncate(d.writer, 0)
        d.read_to = 0
    end
    return nothing
end

function last_running()
    lock(REGISTRY)
    cell = length(RUNNING) == 0 ? nothing : RUNNING[length(RUNNING)]
    unlock(REGISTRY)
    return cell
end

PRINTER[1] = write_to_cell
