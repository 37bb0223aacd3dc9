# with the core

# Where people's code runs when Julia has several threads. A thread whose code does not yield does nothing else: so the
# workers keep off the threads on which requests are answered, and of these off thread 1, which moves all input and
# output of the process.

pool_of(thread) = isdefined(Threads, :threadpool) ? Threads.threadpool(thread) : :default

"Start the worker's task on a thread chosen for it. Needs REGISTRY's lock."
function start_on_thread(worker)
    if worker.placement == "own"
        thread = best_thread(true)
    else
        AGENT.shared_thread == 0 && (AGENT.shared_thread = best_thread(false))
        thread = AGENT.shared_thread
    end
    worker.thread = thread
    start_there(worker.task, thread)
    return nothing
end

function start_there(task, thread)
    task.sticky = true
    # As Julia's own packages for threads do it, for want of a documented way.
    ccall(:jl_set_task_tid, Cvoid, (Any, Cint), task, thread - 1)
    isdefined(Threads, :_spawn_set_thrpool) && Threads._spawn_set_thrpool(task, pool_of(thread))
    schedule(task)
    return nothing
end

# Stands in the first cell's way, so it is written for the compiler: a plain loop, the rest behind invokelatest.
"""
The thread of the default pool with the least against it; of equals the last. `alone`: where no other worker runs, if
there is such a thread.
"""
function best_thread(alone)
    best, least = 1, typemax(Int)
    thread = 1
    while thread <= AGENT.threads
        if pool_of(thread) === :default
            against = (thread == 1 ? 2 : 0) + (answers_requests(thread) ? 1 : 0)
            alone && (against += 4 * Base.invokelatest(workers_on, thread)::Int)
            if against <= least
                best, least = thread, against
            end
        end
        thread += 1
    end
    return best
end

function workers_on(thread)
    count = AGENT.shared_thread == thread ? 1 : 0
    for worker in contents(WORKERS)
        worker.placement == "own" && worker.thread == thread && (count += 1)
    end
    return count
end

"""
The cell that keeps a queued one from starting: of another notebook, and running on the same thread. nothing when the
notebook's own cells keep it.
"""
function cell_in_front(cell)
    lock(REGISTRY)
    try
        worker = held(WORKERS, cell.notebook)
        (worker === nothing || worker.cell !== nothing) && return nothing
        for other in contents(WORKERS)
            running = other.cell
            other !== worker && other.thread == worker.thread && running !== nothing || continue
            return Fields(Any["notebook", other.title, "count", running.count])
        end
        return nothing
    finally
        unlock(REGISTRY)
    end
end

"Why a cell has not begun, where another notebook's keeps its thread."
function add_front!(reply, cell)
    front = cell_in_front(cell)
    front === nothing || append!(reply, Any["behind", front])
    return nothing
end

"Julia's threads and who uses them, for the person."
function thread_facts()
    lock(REGISTRY)
    try
        pools = Any[string(pool_of(thread)) for thread in 1:AGENT.threads]
        workers = sort!(unique(Int[w.thread for w in contents(WORKERS) if w.thread > 0]))
        return Fields(Any["pools", pools, "cells", Any[workers...], "requests", Any[sort(Int[AGENT.request_threads...])...],
                          "threads_macro_serial", VERSION < v"1.8" && any(thread -> thread > 1, workers)])
    finally
        unlock(REGISTRY)
    end
end
