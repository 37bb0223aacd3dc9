# Jobs that carry a time limit of their own or run beside their notebook's other cells, and what a kernel that comes
# later needs to know of a cell's prompt.

"""
Like `job`, and: a cell that runs for `limit_s` seconds is interrupted from here, whether a kernel watches or not
(0: no limit). With `beside` it runs in a worker of its own, so that the notebook's next cells do not wait for it.
"""
function run_job(epoch, notebook, cell_id, count, code; beside = false, limit_s = 0.0, workspace = "main", options...)
    return reply(epoch) do
        name = beside ? string(notebook, '/', cell_id) : String(notebook)
        beside && workspace == "notebook" && (get_worker(name).workspace = notebook_module(String(notebook)))
        limit_s > 0 && @async limit_cell(String(cell_id), Float64(limit_s))
        answer = job(epoch, name, cell_id, count, code; workspace = workspace, options...)
        beside && end_worker(name)
        return answer
    end
end

"Wait for the cell to begin, and set the clock that ends it."
function limit_cell(cell_id::String, limit_s::Float64)
    cell = find_cell(cell_id)
    while cell !== nothing && cell.state === :queued
        sleep(0.05)
    end
    (cell === nothing || cell.state === :done) && return nothing
    Timer(max(0.001, cell.started + limit_s - clock_s())) do _
        cell.state === :done && return nothing
        text = "The job's time limit of $(limit_s) s is over: it is interrupted.\n"
        GC.@preserve text add_text(cell, "stderr", pointer(text), sizeof(text))
        interrupt_cell(cell)
        return nothing
    end
    return nothing
end

function end_worker(name::String)
    worker = with_lock(() -> pop!(WORKERS, name, nothing), REGISTRY)
    if worker !== nothing
        close(worker.queue)
        close(worker.interrupts)
    end
    return nothing
end

"The number of the prompt that waits for an answer now, or null."
function open_prompt(epoch, cell_id)
    return reply(epoch) do
        cell = find_cell(cell_id)
        return object("prompt" => cell === nothing || cell.prompt === nothing ? nothing : cell.prompt.id)
    end
end
