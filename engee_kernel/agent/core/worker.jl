# Running cells: a worker takes its notebook's cells in order; an interrupt is an exception raised in its task.

"The notebook's worker, started on first use. Called by requests."
function get_worker(notebook)
    known = find_worker(notebook)
    return known isa Worker ? known : worker_for(notebook, "shared", "")
end

"The same; it runs on a thread of the kind that is wished for now. `title`: what the person calls the notebook."
function worker_for(notebook, placement, title)
    need_for_worker()
    lock(REGISTRY)
    try
        known = held(WORKERS, notebook)
        if known isa Worker
            title == "" || (known.title = title)
            (known.placement == placement || !is_idle(known)) && return known
        end
        worker = Worker(notebook, Any[], Threads.Condition(), false, ReentrantLock(), nothing, nothing, nothing,
                        false, nothing, Any[], 0, 0, Any[], placement, 0, title)
        known isa Worker && Base.invokelatest(take_over, worker, known)
        store!(WORKERS, notebook, worker)
        worker.task = work_of(worker)
        start_worker(worker)
        return worker
    finally
        unlock(REGISTRY)
    end
end

function is_idle(worker)
    guard = worker.arrived.lock
    lock(guard)
    idle = worker.cell === nothing && length(worker.queue) == 0
    unlock(guard)
    return idle
end

"Another thread means another task: what is the notebook's own comes along, task-local state does not."
function take_over(worker, known)
    worker.workspace = known.workspace
    worker.late, worker.late_bytes = known.late, known.late_bytes
    worker.late_dropped_bytes, worker.faults = known.late_dropped_bytes, known.faults
    close_worker(known)
    return nothing
end

"End a worker that has no cell to run any more."
function close_worker(worker)
    guard = worker.arrived.lock
    lock(guard)
    worker.closed = true
    notify(worker.arrived)
    unlock(guard)
    return nothing
end

# Before REGISTRY is locked: whoever defines a piece locks it at the end, and would wait for us for ever.
need_for_worker() = (AGENT.threads > 1 && need("threads"); nothing)

# The one place that decides on which thread people's code runs.
function start_worker(worker)
    if AGENT.threads > 1 && worker.placement != "engee"
        from_piece("threads", :start_on_thread, Any[worker])
    else
        # On the thread of the request that brought the first cell.
        worker.thread = Threads.threadid()
        schedule(worker.task)
    end
    return nothing
end

function give_cell(worker, cell)
    guard = worker.arrived.lock
    lock(guard)
    try
        push!(worker.queue, cell)
        notify(worker.arrived)
    finally
        unlock(guard)
    end
    return nothing
end

"The worker's next cell, its own from now on; nothing when it is to end."
function take_cell(worker)
    guard = worker.arrived.lock
    lock(guard)
    try
        while length(worker.queue) == 0
            worker.closed && return nothing
            wait(worker.arrived)
        end
        worker.cell = popfirst!(worker.queue)
        return worker.cell
    finally
        unlock(guard)
    end
end

work_of(worker) = Task(Later(work_always, Any[worker]))

# A person's code can throw an exception into this task at any time: a timer that ends its own cell too late does. It
# must cost nothing but a remark.
function work_always(worker)
    while true
        try
            work_on(worker)
            return nothing
        catch error
            Base.invokelatest(note_fault, worker, error)
        end
    end
end

"Keep what was thrown into the worker's task while no cell ran, for its next cell."
function note_fault(worker, error)
    from_piece("supervision", :keep_fault, Any[worker, error])
    return nothing
end

function work_on(worker)
    while worker.task === current_task()
        cell = take_cell(worker)
        cell isa Cell || return nothing
        try
            run_cell(worker, cell)
        catch error
            # The agent's own fault. The cell must end all the same, and the worker go on.
            from_piece("supervision", :end_by_fault, Any[cell, error])
        finally
            try
                # the first turn goes to who waits for the end, the second sends the answer: only then this is compiled
                yield()
                yield()
            finally
                Base.invokelatest(leave_cell, worker, cell)
            end
        end
    end
end

"Give the state of running to a cell that still waits; whether it did."
function begin_cell(cell)
    guard = cell.changed.lock
    lock(guard)
    waited = cell.state === :queued
    if waited
        cell.started = clock_s()
        cell.state = :running
    end
    unlock(guard)
    return waited
end

function enter_cell(worker, cell)
    lock(REGISTRY)
    push!(RUNNING, cell)
    unlock(REGISTRY)
    activate_descriptors()
    may_call_us(cell) && need("user")
    cell.workspace == "main" && names_answer(cell) && from_piece("answers", :lend_answer, Any[cell])
    length(worker.faults) > 0 && from_piece("supervision", :tell_faults, Any[worker, cell])
    (worker.late_bytes > 0 || worker.late_dropped_bytes > 0) && from_piece("late", :add_late_text, Any[worker, cell])
    return nothing
end

function leave_cell(worker, cell)
    worker.cell = nothing
    end_answer(cell)
    lock(REGISTRY)
    drop!(RUNNING, cell)
    unlock(REGISTRY)
    release_descriptors()
    return nothing
end

function run_cell(worker, cell)
    drain_descriptors(true)
    begin_cell(cell) || return nothing     # it was interrupted while it waited
    enter_cell(worker, cell)
    before = measure()
    status = "ok"
    try
        in_cell(cell, run_user_code, Any[worker, cell])
    catch
        worker.interruptible = false
        # Behind invokelatest what is seldom needed is compiled only when it is.
        status = Base.invokelatest(report_error, worker, cell, exception_stack())
    end
    worker.children === nothing || from_piece("children", :await_children, Any[worker, cell])
    fields = measured_since(before)
    status == "ok" && length(cell.expressions) > 0 && Base.invokelatest(add_expressions!, fields, worker, cell)
    drain_descriptors(true)
    end_answer(cell)                   # before the end is told: whoever looks then finds Engee's own
    end_cell(cell, status, fields)
    return nothing
end

function add_expressions!(fields, worker, cell)
    push!(fields, "expressions")
    push!(fields, from_piece("expressions", :evaluate_expressions, Any[worker, cell]))
    return nothing
end

# The user's code runs between the two: only there an interrupt may hit.
function begin_user_code(worker, cell)
    worker.interruptible = true
    if cell.interrupt_wanted
        cell.interrupt_wanted = false
        throw(InterruptException())
    end
    return nothing
end
end_user_code(worker) = (worker.interruptible = false; nothing)

function run_user_code(worker, cell)
    data = nothing
    begin_user_code(worker, cell)
    try
        value = run_code(cell)
        if !cell.silent
            value isa Fields || keep_answer(cell, value)
            value === nothing || ends_with_semicolon(cell.code) || (data = Base.invokelatest(bundle, value, cell))
        end
    finally
        end_user_code(worker)
    end
    drain_descriptors(true)
    data === nothing || add_event(cell, "result", Any["data", data, "metadata", Fields(Any[])])
    return nothing
end

"The first byte that is no blank; 0 where there is none."
function first_mark(code::String)
    i = 1
    while i <= ncodeunits(code)
        b = codeunit(code, i)
        b == 0x20 || (b >= 0x09 && b <= 0x0d) || return b
        i += 1
    end
    return 0x00
end

"The REPL's modes by the cell's first character: ?help, ;shell, ]pkg. Anything else is Julia."
function run_code(cell)
    mark = first_mark(cell.code)
    (mark == 0x3f || mark == 0x3b || mark == 0x5d) && return from_piece("modes", :run_mode, Any[cell])
    return evaluate_code(cell_module(cell), cell.code, cell_name(cell), cell)
end

function report_error(worker, cell, stack)
    error = stack[length(stack)][1]
    fields = try
        # In the cell: a user's showerror may print.
        in_cell(cell, written_error, Any[worker, cell, stack])
    catch reason
        worker.interruptible = false
        from_piece("causes", :bare_error_fields, Any[error, reason])
    end
    drain_descriptors(true)
    add_event(cell, "error", fields)
    return is_interrupt(error, 0) ? "interrupted" : "error"
end

function written_error(worker, cell, stack)
    begin_user_code(worker, cell)
    try
        return error_fields(stack, cell)
    finally
        end_user_code(worker)
    end
end

# What a run used. The time spent compiling is known from 1.8 on.
const HAS_COMPILE_CLOCK = isdefined(Base, :cumulative_compile_timing) && isdefined(Base, :cumulative_compile_time_ns)

function measure()
    HAS_COMPILE_CLOCK && Base.invokelatest(Base.cumulative_compile_timing, true)
    return Any[Base.gc_bytes(), Base.gc_time_ns(), HAS_COMPILE_CLOCK ? Base.invokelatest(compile_ns) : UInt64(0)]
end

compile_ns() = first(Base.cumulative_compile_time_ns())

function measured_since(before)
    fields = Any["allocated_bytes", Base.gc_bytes() - before[1]::Int, "gc_s", (Base.gc_time_ns() - before[2]::UInt64) / 1e9]
    if HAS_COMPILE_CLOCK
        push!(fields, "compile_s")
        push!(fields, (Base.invokelatest(compile_ns) - before[3]) / 1e9)
        Base.invokelatest(Base.cumulative_compile_timing, false)
    end
    return fields
end
