# The calls: every one gives one JSON string and raises nothing.

# The boundary of the agent: whatever goes wrong inside becomes a reply.
"""
One call: its name, the epoch it is meant for, its arguments. `pieces` holds name, source, name, source, …: what the
call needs beyond the core, as far as the caller does not know it to be here; nothing where it needs nothing.
"""
function call(name, epoch, args, @nospecialize(pieces))
    lock(REGISTRY)
    AGENT.calls += 1
    AGENT.threads > 1 && Base.invokelatest(remember_request_thread)
    unlock(REGISTRY)
    epoch == AGENT.epoch || return json(Fields(Any["error", "epoch", "epoch", AGENT.epoch]))
    try
        pieces === nothing || Base.invokelatest(define, pieces)
        f = callable(String(name))
        f === nothing && return json(Fields(Any["error", "piece", "call", String(name)]))
        value = Base.invokelatest(f, args...)
        return value isa String ? value : json(value)
    catch error
        return from_piece("supervision", :failure_reply, Any[error])
    end
end

"Needs REGISTRY's lock."
function remember_request_thread()
    thread = Threads.threadid()
    answers_requests(thread) || push!(AGENT.request_threads, thread)
    return nothing
end

"Whether calls were seen on this thread."
function answers_requests(thread)
    i = 1
    while i <= length(AGENT.request_threads)
        AGENT.request_threads[i] === thread && return true
        i += 1
    end
    return false
end

hello() = once(HELLO)

const HELLO = :(begin
    remember_server_logger()
    getfield(AGENT, :threads) === 1 || (lock(REGISTRY); remember_request_thread(); unlock(REGISTRY))
    json($(Expr(:new, :Fields, :(Any["epoch", getfield(AGENT, :epoch), "julia", Base.VERSION_STRING,
                                     "pieces", length(PIECES) === 0 ? Any[] : defined_pieces(),
                                     "cells", length(UNFINISHED) === 0 ? Any[] : from_piece("supervision", :running_cells, Any[])]))))
end)

function defined_pieces()
    lock(REGISTRY)
    try
        return Any[sort(String[name for name in PIECES if name isa String])...]
    finally
        unlock(REGISTRY)
    end
end

absent(state, cell_id) = json(Fields(Any["epoch", AGENT.epoch, "cell", String(cell_id), "state", state, "events", Any[],
                                         "elapsed_s", 0.0]))
not_there(cell_id) = absent(is_forgotten(cell_id) ? "forgotten" : "unknown", cell_id)

"The cell with this id: the known one, or a new one that is queued. nothing for a forgotten id."
function enqueue_cell(notebook, cell_id, count, code, options)
    need_for_worker()
    lock(REGISTRY)
    try
        haskey(FORGOTTEN, cell_id) && return nothing
        known = held(CELLS, cell_id)
        known isa Cell && return known
        cell = new_cell(notebook, cell_id, count, code, options)
        store!(CELLS, cell_id, cell)
        push!(UNFINISHED, cell)
        give_cell(worker_for(notebook, option(options, "threads", "shared"), option(options, "title", "")), cell)
        return cell
    finally
        unlock(REGISTRY)
    end
end

"""
Whether a request for the cell may wait: before 1.7 a task stays on the thread where it began, and on the worker's
thread it would be silenced by code that does not yield. It is answered at once there, and asked again.
"""
may_wait(cell) = AGENT.threads == 1 || VERSION >= v"1.7" || Base.invokelatest(may_wait_here, cell)

function may_wait_here(cell)
    worker = find_worker(cell.notebook)
    return worker === nothing || worker.thread != Threads.threadid() || worker.placement == "engee"
end

function submit(notebook, cell_id, count, code, wait_s, forget, options)
    remember_server_logger()
    length(forget) > 0 && Base.invokelatest(forget_cells, forget)
    cell = enqueue_cell(notebook, cell_id, count, code, options)
    cell isa Cell || return Base.invokelatest(absent, "forgotten", cell_id)
    after = option(options, "after", 0)::Int
    may_wait(cell) || return events_reply(cell, after, option(options, "max_bytes", 1_000_000)::Int)
    wait_for_cell(cell, after, wait_s)
    return events_reply(cell, after, option(options, "max_bytes", 1_000_000)::Int)
end

const SHORT_CELL_S = 0.25              # it costs one answer, whenever in it the output comes
const LOOKED_AFTER_S = 1.0             # so long a new cell goes without what waits for it and drains its descriptors

"Wait until the cell has something worth an answer, is done, or `wait_s` passed."
function wait_for_cell(cell, after, wait_s)
    cell.state === :done && return nothing
    yield()                            # most cells end in this moment: no need for a clock to wait by
    if !is_here("waiting")
        # A fresh Julia compiles two things at once no faster than one: first the cell's way, then how it is waited for.
        left_s = cell.queued + LOOKED_AFTER_S - clock_s()
        wait_s -= look_after(cell, after, wait_s < left_s ? wait_s : left_s)
    end
    cell.state === :done || wait_s <= 0.0 || from_piece("waiting", :wait_longer, Any[cell, after, wait_s])
    return nothing
end

"""
Look again and again whether the cell is done or has something to tell, for so long at most. Gives the seconds it took.
What a short cell prints comes with its end: to go on from here means to compile, while its line may be half printed.
"""
function look_after(cell, after, seconds)
    began = clock_s()
    while clock_s() - began < seconds && cell.state !== :done && cell.prompt === nothing &&
          (elapsed_s(cell) < SHORT_CELL_S || (length(cell.events) <= after && length(cell.pending) == 0))
        sleep(0.001)
    end
    return clock_s() - began
end

function forget_cells(ids)
    lock(REGISTRY)
    try
        i = 1
        while i <= length(ids)
            forget!(ids[i])
            i += 1
        end
    finally
        unlock(REGISTRY)
    end
    return nothing
end

function events(cell_id, after, wait_s, options)
    cell = find_cell(cell_id)
    cell isa Cell || return Base.invokelatest(not_there, cell_id)
    may_wait(cell) && wait_for_cell(cell, after, wait_s)
    return events_reply(cell, after, option(options, "max_bytes", 1_000_000)::Int)
end

"The call that only brings pieces: `call` has defined them."
defined() = Fields(Any["pieces", defined_pieces()])
