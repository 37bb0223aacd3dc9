# calls: job, run_job

# Cells that a job runs: with a time limit of their own, or beside their notebook's other cells.

function job(notebook, cell_id, count, code, options)
    remember_server_logger()
    cell = enqueue_cell(notebook, cell_id, count, code, options)
    cell === nothing && return absent("forgotten", cell_id)
    from_piece("waiting", :ensure_poller, Any[])
    wait_until_done(cell)
    return events_reply(cell, 0, typemax(Int))
end

"""
Like `job`, and: a cell that runs for `limit_s` seconds is interrupted from here, whether a kernel watches or not
(0: no limit). With `beside` it runs in a worker of its own, so that the notebook's next cells do not wait for it.
"""
function run_job(notebook, cell_id, count, code, options)
    beside = option(options, "beside", false)
    limit_s = option(options, "limit_s", 0.0)
    name = beside ? string(notebook, '/', cell_id) : notebook
    beside && option(options, "workspace", "main") == "notebook" &&
        (worker_for(name, option(options, "threads", "shared"), "").workspace = from_piece("modules", :notebook_module, Any[notebook]))
    limit_s > 0 && from_piece("waiting", :start_beside, Any[Task(() -> limit_cell(cell_id, Float64(limit_s)))])
    answer = job(name, cell_id, count, code, options)
    beside && end_worker(name)
    return answer
end

function wait_until_done(cell)
    guard = cell.changed.lock
    lock(guard)
    try
        while cell.state !== :done
            wait(cell.changed)
        end
    finally
        unlock(guard)
    end
    return nothing
end

"Wait for the cell to begin, and interrupt it when its time is over."
function limit_cell(cell_id, limit_s)
    cell = find_cell(cell_id)
    while cell !== nothing && cell.state === :queued
        sleep(0.05)
    end
    (cell === nothing || cell.state === :done) && return nothing
    sleep(max(0.001, cell.started + limit_s - clock_s()))
    cell.state === :done && return nothing
    add_string(cell, "stderr", "The job's time limit of $(limit_s) s is over: it is interrupted.\n")
    from_piece("interruption", :interrupt_cell, Any[cell])
    return nothing
end

function end_worker(name)
    lock(REGISTRY)
    worker = held(WORKERS, name)
    delete!(WORKERS, name)
    unlock(REGISTRY)
    worker === nothing || close_worker(worker)
    return nothing
end
