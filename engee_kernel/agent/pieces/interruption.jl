# with the core
# calls: interrupt

# Interrupting a cell: a task on the worker's thread raises the exception in the worker's: when it runs, the worker does not.

const INTERRUPT_REPLY_S = 2.0

mutable struct Wish
    cell::Any
    hit::Any                           # nothing until it was looked at on the worker's thread
end

"""
Interrupt a cell. Gives whether an interrupt was delivered: not to a cell that is done, and not within
INTERRUPT_REPLY_S to code that never yields (it is delivered when it does, if the cell still runs).
"""
function interrupt_cell(cell)
    guard = cell.changed.lock
    lock(guard)
    was = cell.state
    if was === :queued
        push_frozen!(cell, clock_s(), "error", interrupted_before_start())
        cell.started = clock_s()
        # Under the same lock: its worker, on another thread, may be about to begin it.
        end_cell(cell, "interrupted", Any["expressions", Fields(Any[])])
    end
    unlock(guard)
    was === :running || return was === :queued
    worker = find_worker(cell.notebook)
    worker === nothing && return false
    from_piece("waiting", :mind, Any[worker])
    wish = Wish(cell, nothing)
    task = Task(Later(deliver, Any[worker, wish]))
    AGENT.threads == 1 ? schedule(task) : from_piece("threads", :start_there, Any[task, worker.thread])
    deadline = clock_s() + INTERRUPT_REPLY_S
    yield()
    while wish.hit === nothing && clock_s() < deadline
        sleep(0.005)
    end
    return wish.hit === true
end

function interrupted_before_start()
    message = "InterruptException: the cell was interrupted before it started"
    return Any["type", "InterruptException", "short", "InterruptException()", "message", message, "frames", Any[], "full",
               message]
end

"Interrupt the code and, as a terminal does, the processes that it has started."
function interrupt_code(worker, cell)
    children = has_children() ? from_piece("children", :children_or_fault, Any[worker, cell]) : Any[]
    # Looking may have let others run: the cell may be over.
    worker.cell === cell && worker.interruptible && raise_in(worker.task)
    length(children) == 0 && return nothing
    worker.children = children
    from_piece("children", :interrupt_children, Any[children])
    return nothing
end

# Asked of the system, which is quick: WEXITED | WNOHANG | WNOWAIT.
function has_children()
    Sys.iswindows() && return true
    information = Vector{UInt8}(undef, 256)
    options = Cint(Sys.isapple() ? 0x25 : 0x01000005)
    return ccall(:waitid, Cint, (Cint, Cuint, Ptr{UInt8}, Cint), 0, 0, information, options) == 0
end

raise_in(task) = AGENT.threads > 1 ? from_piece("handles", :raise_beside_loop, Any[task]) :
                 schedule(task, InterruptException(), error = true)

function deliver(worker, wish)
    lock(worker.interrupting)
    try
        fulfil(worker, wish)
    catch error
        from_piece("supervision", :keep_fault, Any[worker, error])
    finally
        unlock(worker.interrupting)
    end
    return nothing
end

function fulfil(worker, wish)
    cell = wish.cell
    hit = worker.cell === cell && cell.state === :running
    if hit && worker.interruptible
        Base.invokelatest(interrupt_code, worker, cell)
    elseif hit
        # Before the user's code: it will not start. After it: the cell is about to end, this changes nothing.
        cell.interrupt_wanted = true
    end
    wish.hit = hit
    return nothing
end

function interrupt(cell_id)
    cell = find_cell(cell_id)
    cell === nothing &&
        return Fields(Any["interrupted", false, "state", is_forgotten(cell_id) ? "forgotten" : "unknown"])
    hit = interrupt_cell(cell)
    return Fields(Any["interrupted", hit, "state", String(cell.state)])
end
