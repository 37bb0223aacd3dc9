# with the core
# calls: finish

# Waiting for a cell that is not done at once: until it has something worth an answer, or is done. And what is done now and
# then meanwhile.

const COALESCE_S = 0.025               # a print loop becomes about 40 answers a second, not one per line
const PROMPT_S = 0.002                 # but a line after a silence is shown at once
const SILENCE_S = 0.1
const QUEUED_S = 1.0

const POLL_S = 0.05

"""
Start a task of a request's own. Not sticky: else Julia makes the request sticky as well, and one that began on a
worker's thread would have to end there, behind code that does not yield.
"""
function start_beside(task)
    AGENT.threads > 1 && VERSION >= v"1.7" && (task.sticky = false)
    return schedule(task)
end

# Wakes who waits for a cell, when its time is over. The timer is closed when it is not needed any more.
function ring(timer, condition)
    try
        wait(timer)
    catch error
        error isa EOFError || rethrow()
        return nothing
    end
    guard = condition.lock
    lock(guard)
    notify(condition)
    unlock(guard)
    return nothing
end

"Wait for the condition, whose lock is held, for so many seconds at most."
function timed_wait(condition, seconds)
    timer = Timer(seconds < 0.001 ? 0.001 : seconds)
    start_beside(Task(Later(ring, Any[timer, condition])))
    try
        wait(condition)
    finally
        close(timer)
    end
    return nothing
end

"Wait until the cell has something after event number `after` worth an answer, is done, or `wait_s` passed."
function wait_for_events(cell, after, wait_s)
    # Why a cell has not begun is to be told soon.
    deadline = clock_s() + (cell.state === :queued && wait_s > QUEUED_S ? QUEUED_S : wait_s)
    guard = cell.changed.lock
    lock(guard)
    try
        while cell.state !== :done
            # A person waits behind a prompt: no coalescing.
            cell.prompt !== nothing && cell.prompt.event > after && return nothing
            since = length(cell.events) > after ? cell.times[after+1]::Float64 : length(cell.pending) == 0 ? Inf : cell.pending_since
            after_silence = since > cell.handed + SILENCE_S && since > cell.started + SHORT_CELL_S
            due = since + (after_silence ? PROMPT_S : COALESCE_S)
            due > deadline && (due = deadline)
            now = clock_s()
            now >= due && return nothing
            Base.invokelatest(timed_wait, cell.changed, due - now)
        end
    finally
        unlock(guard)
    end
    return nothing
end

"Wait until the cell is done; no longer than `deaf_after_s` while no other call comes in."
function wait_while_heard(cell)
    before = AGENT.calls
    deadline = clock_s() + AGENT.deaf_after_s
    guard = cell.changed.lock
    lock(guard)
    try
        while cell.state !== :done
            if AGENT.calls > before
                wait(cell.changed)
            else
                left_s = deadline - clock_s()
                left_s > 0 || return nothing
                timed_wait(cell.changed, left_s)
            end
        end
    finally
        unlock(guard)
    end
    return nothing
end

function wait_longer(cell, after, wait_s)
    ensure_poller()
    wait_for_events(cell, after, wait_s)
    return nothing
end

"""
Wait, for however long, until the cell is done, and give all its events: the code of an Engee job.

A kernel that follows the cell asks for its events again and again. Where none of its calls comes in, Engee lets
nothing through while a job runs: nobody could answer the cell's prompts or interrupt it. What is there so far is
the answer then, with the cell's state, so that the calls come in again.
"""
function finish(cell_id)
    cell = find_cell(cell_id)
    cell isa Cell || return not_there(cell_id)
    ensure_poller()
    wait_while_heard(cell)
    return events_reply(cell, 0, typemax(Int))
end

# Drains now and then while a cell runs: a cell that waits for a child process writes nothing itself.
function poll_descriptors()
    while some_cell_unfinished()
        sleep(POLL_S)
        drain_descriptors(false)
        mind_workers()
    end
    return nothing
end

function mind_workers()
    lock(REGISTRY)
    workers = contents(WORKERS)
    unlock(REGISTRY)
    i = 1
    while i <= length(workers)
        mind(workers[i])
        i += 1
    end
    return nothing
end

"See that a worker's task lives: the person's code can end it."
function mind(worker)
    worker.closed || !istaskdone(worker.task) || from_piece("supervision", :revive, Any[worker])
    return nothing
end

"""
Called by requests that wait for a cell, not by workers: making a task would advance the random numbers of the worker's
task (Julia 1.7 to 1.9).
"""
function ensure_poller()
    lock(REGISTRY)
    try
        task = AGENT.poller
        task !== nothing && !istaskdone(task) && return nothing
        AGENT.poller = start_beside(Task(Later(poll_descriptors, Any[])))
    finally
        unlock(REGISTRY)
    end
    return nothing
end
