# with the core

# The agent's own tasks are within reach of the person's code: an exception can be thrown into them, or end them. What
# happened is told in the notebook's next cell, and the task goes on or is made anew.

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

"Make the tasks of a worker that have ended anew, and end the cell that ran in one."
function revive(worker)
    lost = nothing
    lock(REGISTRY)
    try
        worker.closed && return nothing
        if istaskdone(worker.deliverer === nothing ? worker.task : worker.deliverer)
            worker.deliverer = nothing     # the worker makes the next
        end
        if istaskdone(worker.task)
            lost = worker.cell
            worker.interruptible = false
            push!(worker.faults, string("The task that runs this notebook's cells was ended from outside. A new one has taken ",
                                        "its place; task-local state, such as the random numbers' seed, is new.\n"))
            worker.deliverer = nothing
            worker.task = work_of(worker)
        elseif worker.deliverer === nothing
            worker.deliverer = schedule(delivery_of(worker))
            return nothing
        else
            return nothing
        end
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
