# The calls: every one gives one JSON string and raises nothing.

struct FileProblem <: Exception
    message::String
    path::String
end
Base.showerror(io::IO, problem::FileProblem) = print(io, problem.message, ": ", problem.path)

const CALLS = Threads.Atomic{Int}(0)   # how many have come in
const DEAF_AFTER_S = Ref(15.0)

# The boundary of the agent: whatever goes wrong inside becomes a reply.
function reply(f, epoch::AbstractString)::String
    Threads.atomic_add!(CALLS, 1)
    epoch == EPOCH[] || return json(object("error" => "epoch", "epoch" => EPOCH[]))
    try
        value = f()
        return value isa String ? value : json(value)
    catch error
        error isa FileProblem &&
            return json(object("error" => "file", "message" => error.message, "path" => error.path))
        return json(object("error" => "internal", "message" => message_of(error)))
    end
end

function hello()::String
    remember_server_logger()
    running = with_lock(REGISTRY) do
        sort!([c for c in values(CELLS) if c.state !== :done && c.notebook != WARM_UP], by = c -> c.submitted)
    end
    return json(object(
        "epoch" => EPOCH[], "julia" => string(VERSION), "pid" => getpid(), "threads" => Threads.nthreads(),
        "hostname" => gethostname(), "directory" => pwd(), "descriptors" => DESCRIPTORS_USABLE[],
        "cells" => Any[object("id" => c.id, "notebook" => c.notebook, "count" => c.count, "state" => string(c.state),
                              "elapsed_s" => elapsed_s(c)) for c in running]))
end

absent(state, cell_id) = object("epoch" => EPOCH[], "cell" => String(cell_id), "state" => state, "events" => Any[],
                                "elapsed_s" => 0.0)

is_forgotten(cell_id) = with_lock(() -> cell_id in FORGOTTEN, REGISTRY)

"The cell with this id: the known one, or a new one that is queued. nothing for a forgotten id."
function enqueue_cell(notebook, cell_id, count, code; options...)
    cell, is_new = with_lock(REGISTRY) do
        cell_id in FORGOTTEN && return nothing, false
        known = get(CELLS, cell_id, nothing)
        known === nothing || return known, false
        made = Cell(String(cell_id), String(notebook), Int(count), String(code); options...)
        CELLS[made.id] = made
        return made, true
    end
    if is_new
        ensure_poller()
        put!(get_worker(cell.notebook).queue, cell)
    end
    return cell
end

function submit(epoch, notebook, cell_id, count, code, wait_s, forget; after = 0, max_bytes = 1_000_000,
                workspace = "main", silent = false, stdin_allowed = false, output_limit_bytes = 16 * 2^20,
                user_expressions = String[])
    return reply(epoch) do
        remember_server_logger()
        foreach(forget_cell!, forget)
        cell = enqueue_cell(notebook, cell_id, count, code; workspace = workspace, silent = silent,
                            stdin_allowed = stdin_allowed, output_limit_bytes = output_limit_bytes,
                            user_expressions = user_expressions)
        cell === nothing && return absent("forgotten", cell_id)
        yield()                        # most cells end in this moment: no need for a clock to wait by
        wait_for_events(cell, Int(after), Float64(wait_s))
        return events_reply(cell, Int(after), Int(max_bytes))
    end
end

function events(epoch, cell_id, after, wait_s; max_bytes = 1_000_000)
    return reply(epoch) do
        cell = find_cell(cell_id)
        cell === nothing && return absent(is_forgotten(cell_id) ? "forgotten" : "unknown", cell_id)
        wait_for_events(cell, Int(after), Float64(wait_s))
        return events_reply(cell, Int(after), Int(max_bytes))
    end
end

"""
Wait, for however long, until the cell is done, and give all its events: the code of an Engee job.

A kernel that follows the cell asks for its events again and again. Where none of its calls comes in, Engee lets
nothing through while a job runs: nobody could answer the cell's prompts or interrupt it. What is there so far is
the answer then, with the cell's state, so that the calls come in again.
"""
function finish(epoch, cell_id)
    return reply(epoch) do
        cell = find_cell(cell_id)
        cell === nothing && return absent(is_forgotten(cell_id) ? "forgotten" : "unknown", cell_id)
        wait_while_heard(cell)
        return events_reply(cell, 0, typemax(Int))
    end
end

function job(epoch, notebook, cell_id, count, code; workspace = "main", silent = false, stdin_allowed = false,
             output_limit_bytes = 16 * 2^20, user_expressions = String[])
    return reply(epoch) do
        remember_server_logger()
        cell = enqueue_cell(notebook, cell_id, count, code; workspace = workspace, silent = silent,
                            stdin_allowed = stdin_allowed, output_limit_bytes = output_limit_bytes,
                            user_expressions = user_expressions)
        cell === nothing && return absent("forgotten", cell_id)
        wait_until_done(cell)
        return events_reply(cell, 0, typemax(Int))
    end
end

function interrupt(epoch, cell_id)
    return reply(epoch) do
        cell = find_cell(cell_id)
        cell === nothing &&
            return object("interrupted" => false, "state" => is_forgotten(cell_id) ? "forgotten" : "unknown")
        hit = interrupt_cell(cell)
        return object("interrupted" => hit, "state" => string(cell.state))
    end
end
