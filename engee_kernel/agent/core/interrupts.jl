# The task that sits on a worker's thread and raises interrupts in the worker's: how, is in the piece `interruption`.

function deliver_wishes(worker)
    while true
        wish = take_wish(worker)
        wish === nothing && return nothing
        from_piece("interruption", :deliver, Any[worker, wish])
    end
end

function take_wish(worker)
    guard = worker.wished.lock
    lock(guard)
    try
        while length(worker.wishes) == 0
            worker.closed && return nothing
            wait(worker.wished)
        end
        return popfirst!(worker.wishes)
    finally
        unlock(guard)
    end
end

"End a worker that has no cell to run any more."
function close_worker(worker)
    for condition in (worker.arrived, worker.wished)
        guard = condition.lock
        lock(guard)
        worker.closed = true
        notify(condition)
        unlock(guard)
    end
    return nothing
end
