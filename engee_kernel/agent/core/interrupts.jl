# Interrupting a cell: a wish goes to the task that sits on the worker's thread, which raises the exception.

mutable struct Wish
    cell::Any
    hit::Any                           # nothing until the deliverer has looked
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
    mind(worker)
    wish = Wish(cell, nothing)
    guard = worker.wished.lock
    lock(guard)
    push!(worker.wishes, wish)
    notify(worker.wished)
    unlock(guard)
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

struct Delivery
    worker::Worker
end
(delivery::Delivery)() = always(deliver, delivery.worker)

function deliver(worker)
    while true
        wish = take_wish(worker)
        wish === nothing && return nothing
        cell = wish.cell
        hit = worker.cell === cell && cell.state === :running
        if hit && worker.interruptible
            Base.invokelatest(interrupt_code, worker, cell)
        elseif hit
            # Before the user's code: it will not start. After it: the cell is about to end, this changes nothing.
            cell.interrupt_wanted = true
        end
        wish.hit = hit
    end
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
