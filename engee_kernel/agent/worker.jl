# Running cells: a worker takes its notebook's cells in order; an interrupt is an exception raised in its task.

const INTERRUPT_REPLY_S = 2.0

"The notebook's worker, started on first use. Called by requests."
function get_worker(notebook::String)::Worker
    return with_lock(REGISTRY) do
        get!(WORKERS, notebook) do
            worker = Worker(notebook, Channel{Cell}(Inf), Channel{Any}(Inf), nothing, nothing, false, nothing,
                            Tuple{String,Vector{UInt8}}[], 0)
            worker.task = @async work(worker)
            worker
        end
    end
end

function work(worker::Worker)
    # Made by the worker itself and sticky, so it runs on the worker's thread: when it runs, the worker does not.
    @async deliver_interrupts(worker)
    for cell in worker.queue
        cell.state === :queued || continue
        try
            run_cell(worker, cell)
        catch error
            # The agent's own fault. The cell must end all the same, and the worker go on.
            end_cell(cell, "error", "internal" => message_of(error))
        finally
            leave_cell(worker, cell)
        end
    end
end

"Run `f`, the user's code: only in here an interrupt may hit."
function user_code(f, worker::Worker, cell::Cell)
    worker.interruptible = true
    try
        cell.interrupt_wanted && (cell.interrupt_wanted = false; throw(InterruptException()))
        return f()
    finally
        worker.interruptible = false
    end
end

function enter_cell(worker::Worker, cell::Cell)
    drain_descriptors(all = true)
    with_lock(cell.changed) do
        cell.started = clock_s()
        cell.state = :running
    end
    worker.cell = cell
    # The warm-up must not take what other cells' child processes write.
    if cell.notebook != WARM_UP
        with_lock(() -> push!(RUNNING, cell), REGISTRY)
        activate_descriptors()
    end
    add_late_text(worker, cell)
end

function leave_cell(worker::Worker, cell::Cell)
    worker.cell = nothing
    with_lock(() -> filter!(c -> c !== cell, RUNNING), REGISTRY)
    release_descriptors()
end

function run_cell(worker::Worker, cell::Cell)
    enter_cell(worker, cell)
    before = measure()
    status = "ok"
    try
        in_cell(() -> run_user_code(worker, cell), cell)
    catch
        # Behind invokelatest what is seldom needed is compiled only when it is.
        status = Base.invokelatest(report_error, worker, cell, exception_stack())
    end
    used = measured_since(before)
    expressions = status == "ok" && !isempty(cell.expressions) ?
                  in_cell(() -> Base.invokelatest(evaluate_expressions, worker, cell), cell) : Object()
    drain_descriptors(all = true)
    end_cell(cell, status, used..., "expressions" => expressions)
end

function run_user_code(worker::Worker, cell::Cell)
    data = nothing
    user_code(worker, cell) do
        value = run_mode(cell)
        cell.silent || Base.invokelatest(set_ans, cell_module(cell), value)
        if value !== nothing && !cell.silent && !REPL.ends_with_semicolon(cell.code)
            data = Base.invokelatest(display_bundle, value, cell)
        end
    end
    drain_descriptors(all = true)
    data === nothing || add_event(cell, "result", "data" => data, "metadata" => Object())
    return nothing
end

function report_error(worker::Worker, cell::Cell, stack)
    error = stack[end][1]
    interrupted = is_interrupt(error)
    fields = try
        # In the cell: a user's showerror may print.
        in_cell(() -> user_code(() -> error_fields(stack, cell), worker, cell), cell)
    catch reason
        bare_error_fields(error, reason)
    end
    drain_descriptors(all = true)
    add_event(cell, "error", fields...)
    return interrupted ? "interrupted" : "error"
end

function evaluate_expressions(worker::Worker, cell::Cell)
    replies = Object()
    for i in 1:2:length(cell.expressions)
        name, code = cell.expressions[i], cell.expressions[i+1]
        fields = try
            data = user_code(worker, cell) do
                value = evaluate_code(cell_module(cell), code, string("In[", cell.count, "] expression ", name))
                Base.invokelatest(display_bundle, value, cell)
            end
            object("status" => "ok", "data" => data, "metadata" => Object())
        catch error
            object("status" => "error", "type" => string(nameof(typeof(error))), "message" => message_of(error))
        end
        push!(replies, name => fields)
    end
    return replies
end

# What a run used. The time spent compiling is known from 1.8 on.
has_compile_clock() = isdefined(Base, :cumulative_compile_timing) && isdefined(Base, :cumulative_compile_time_ns)

function measure()
    has_compile_clock() && Base.cumulative_compile_timing(true)
    compile_ns = has_compile_clock() ? first(Base.cumulative_compile_time_ns()) : UInt64(0)
    return (Base.gc_num(), compile_ns)
end

function measured_since((gc, compile_ns))
    used = Base.GC_Diff(Base.gc_num(), gc)
    fields = Pair[("allocated_bytes" => used.allocd), ("gc_s" => used.total_time / 1e9)]
    if has_compile_clock()
        push!(fields, "compile_s" => (first(Base.cumulative_compile_time_ns()) - compile_ns) / 1e9)
        Base.cumulative_compile_timing(false)
    end
    return fields
end

"""
Interrupt a cell. Gives whether an interrupt was delivered: not to a cell that is done, and not within
INTERRUPT_REPLY_S to code that never yields (it is delivered when it does, if the cell still runs).
"""
function interrupt_cell(cell::Cell)::Bool
    ended = with_lock(cell.changed) do
        cell.state === :queued || return cell.state === :done
        push_frozen!(cell, clock_s(), "error", interrupted_before_start()...)
        cell.started = clock_s()
        return nothing
    end
    ended === true && return false
    ended === nothing && (end_cell(cell, "interrupted", "expressions" => Object()); return true)
    worker = find_worker(cell.notebook)
    worker === nothing && return false
    answer = Channel{Bool}(1)
    put!(worker.interrupts, (cell, answer))
    timedwait(() -> isready(answer), INTERRUPT_REPLY_S, pollint = 0.005)
    return isready(answer) && take!(answer)
end

function interrupted_before_start()
    message = "InterruptException: the cell was interrupted before it started"
    return object("type" => "InterruptException", "short" => "InterruptException()", "message" => message,
                  "frames" => Any[], "full" => message)
end

function deliver_interrupts(worker::Worker)
    for (cell, answer) in worker.interrupts
        hit = worker.cell === cell && cell.state === :running
        if hit && worker.interruptible
            cell.interrupts += 1
            schedule(worker.task, InterruptException(), error = true)
        elseif hit
            # Before the user's code: it will not start. After it: the cell is about to end, this changes nothing.
            cell.interrupt_wanted = true
        end
        put!(answer, hit)
    end
end
