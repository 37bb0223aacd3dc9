# with the core

# A worker's task is within reach of the person's code: an exception can be thrown into it, or end it. What happened is told
# in the notebook's next cell, and the task goes on or is made anew.
#
# And what the core has to tell, but seldom: of a cell that a fault ended, of a call that failed, of cells that run.

const FAULTS_KEPT = 10

function keep_fault(worker, error)
    # Woken by other means than its condition, a task still stands in that condition's queue: it could not wait again.
    task = current_task()
    task.queue === nothing || Base.list_deletefirst!(task.queue, task)
    lock(REGISTRY)
    try
        length(worker.faults) < FAULTS_KEPT && push!(worker.faults, error)
    finally
        unlock(REGISTRY)
    end
    yield()                            # whoever throws again and again must not keep everybody else waiting
    return nothing
end

function tell_faults(worker, cell)
    lock(REGISTRY)
    faults = worker.faults
    worker.faults = Any[]
    unlock(REGISTRY)
    for error in faults
        text = error isa String ? error :
               string("An exception was thrown into this notebook's task while no cell ran: ", message_of(error),
                      "\nLook for a timer or a task that throws into the task of a cell which is done.\n")
        add_string(cell, "stderr", text)
    end
    return nothing
end

"Make the task of a worker anew that has ended, and end the cell that ran in it."
function revive(worker)
    lost = nothing
    lock(REGISTRY)
    try
        (worker.closed || !istaskdone(worker.task)) && return nothing
        lost = worker.cell
        worker.interruptible = false
        push!(worker.faults, string("The task that runs this notebook's cells was ended from outside. A new one has taken ",
                                    "its place; task-local state, such as the random numbers' seed, is new.\n"))
        worker.task = work_of(worker)
    finally
        unlock(REGISTRY)
    end
    if lost !== nothing
        end_with_error(lost, "TaskEnded", "The task that ran this cell was ended from outside. Run the cell again.")
        leave_cell(worker, lost)
    end
    start_worker(worker)
    return nothing
end

function end_by_fault(cell, error)
    end_with_error(cell, type_name(error), string("The cell was ended by an exception outside its code: ", message_of(error)))
    return nothing
end

function end_with_error(cell, type, message)
    add_event(cell, "error", Any["type", type, "short", message, "message", message, "frames", Any[], "full", message])
    end_cell(cell, "error", Any[])
    return nothing
end

"What a call gives that failed."
function failure_reply(error)
    isdefined(SELF, :FileProblem) && error isa FileProblem &&
        return json(Fields(Any["error", "file", "message", String(error.message), "path", String(error.path)]))
    return json(Fields(Any["error", "internal", "message", message_of(error)]))
end

"For hello."
function running_cells()
    list = Any[]
    lock(REGISTRY)
    try
        i = 1
        while i <= length(UNFINISHED)
            c = UNFINISHED[i]
            push!(list, Fields(Any["id", c.id, "notebook", c.notebook, "count", c.count, "state", String(c.state), "elapsed_s",
                                   elapsed_s(c)]))
            i += 1
        end
    finally
        unlock(REGISTRY)
    end
    return list
end
