# Which cell does the running task belong to? From Julia 1.11 on a scoped value tells; before, the logger, which child
# tasks inherit as well. A worker's own task is known in any case.

const HAS_SCOPES = isdefined(Base, :ScopedValues)
const CELL = HAS_SCOPES ? Base.ScopedValues.ScopedValue{Any}(nothing) : nothing

# The logger of every cell. It writes to the cell's stderr in the usual look, or hands on to the logger which the
# user made global. `server_logger` is the global logger that Engee had before: it must not get cells' records.
struct CellLogger <: AbstractLogger
    cell::Cell
    console::AbstractLogger
end

const SERVER_LOGGER = Ref{Any}(nothing)
const SERVER_LOGGERS = Base.IdDict{Any,Bool}()     # loggers seen in tasks which call the agent

function chosen_logger(logger::CellLogger)
    current = global_logger()
    return current === SERVER_LOGGER[] ? logger.console : current
end

Logging.min_enabled_level(logger::CellLogger) = Base.invokelatest(Logging.min_enabled_level, chosen_logger(logger))
Logging.catch_exceptions(logger::CellLogger) = Base.invokelatest(Logging.catch_exceptions, chosen_logger(logger))
Logging.shouldlog(logger::CellLogger, args...) = Base.invokelatest(Logging.shouldlog, chosen_logger(logger), args...)
function Logging.handle_message(logger::CellLogger, args...; kwargs...)
    Base.invokelatest(Logging.handle_message, chosen_logger(logger), args...; kwargs...)
end

"Run `f` so that its output, and that of the tasks it makes, belongs to `cell`."
function in_cell(f, cell::Cell)
    logger = CellLogger(cell, ConsoleLogger(OUTPUTS[2], Logging.Info))
    HAS_SCOPES || return with_logger(f, logger)
    return Base.ScopedValues.with(() -> with_logger(f, logger), CELL => cell)
end

# The cell of another agent in this process, of a kernel of another version.
function is_agent_logger(logger)
    type = typeof(logger)
    return nameof(type) === :CellLogger && startswith(String(nameof(parentmodule(type))), "EngeeKernelAgent_")
end

"The cell whose code made the running task, done or not; nothing for a task of the server."
function origin_cell()::Union{Cell,Nothing}
    HAS_SCOPES && return CELL[]
    logger = current_logger()
    logger isa CellLogger && return logger.cell
    (isempty(RUNNING) || is_agent_logger(logger)) && return nothing
    task = current_task()
    return with_lock(REGISTRY) do
        for worker in values(WORKERS)
            worker.task === task && return worker.cell
        end
        # A task under a logger of the user's own: it can be told from the server's tasks only by that logger.
        (logger === global_logger() || haskey(SERVER_LOGGERS, logger)) && return nothing
        return length(RUNNING) == 1 ? RUNNING[1] : nothing
    end
end

"""
The cell which output of the running task goes to. What a finished cell's task still prints goes to the cell that its
notebook runs now; where there is none, the finished cell is given and the text waits for the next one.
"""
function output_cell()::Union{Cell,Nothing}
    cell = origin_cell()
    (cell === nothing || cell.state !== :done) && return cell
    worker = find_worker(cell.notebook)
    (worker === nothing || worker.cell === nothing) && return cell
    return worker.cell
end

function remember_server_logger()
    HAS_SCOPES && return nothing
    logger = current_logger()
    logger isa CellLogger || with_lock(() -> SERVER_LOGGERS[logger] = true, REGISTRY)
    return nothing
end
