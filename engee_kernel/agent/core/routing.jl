# Which cell does the running task belong to? From Julia 1.11 on a scoped value tells; before, the logger, which child
# tasks inherit as well. A worker's own task is known in any case.

# The logger of every cell. It writes to the cell's stderr in the usual look, or hands on to the logger which the
# user made global.
mutable struct CellLogger <: Base.CoreLogging.AbstractLogger
    cell::Any
    console::Any                       # made for the first record
end

const SERVER_LOGGERS = Any[]           # those seen in tasks which call the agent, newest last
const SERVER_LOGGERS_KEPT = 100

# The scoped value holds a LogState, a type which every Julia has compiled for, that holds the CellLogger.
const HAS_SCOPES = isdefined(Base, :ScopedValues)
const NO_CELL = HAS_SCOPES ? Base.CoreLogging.LogState(Base.CoreLogging.NullLogger()) : nothing
const CELL = HAS_SCOPES ? Base.ScopedValues.ScopedValue{Base.CoreLogging.LogState}(NO_CELL) : nothing

"The user's own global logger, or nothing while it is Engee's, which must not get cells' records."
function chosen_logger()
    current = Base.CoreLogging.global_logger()
    return current === AGENT.server_logger ? nothing : current
end

function Base.CoreLogging.min_enabled_level(logger::CellLogger)
    chosen = chosen_logger()
    chosen === nothing && return Base.CoreLogging.Info
    return Base.invokelatest(Base.CoreLogging.min_enabled_level, chosen)
end
# What is done with a record is in the piece `logging`.
Base.CoreLogging.catch_exceptions(logger::CellLogger) = from_piece("logging", :catches_exceptions, Any[logger])
Base.CoreLogging.shouldlog(logger::CellLogger, args...) = from_piece("logging", :should_log, Any[logger, args])
Base.CoreLogging.handle_message(logger::CellLogger, args...; kwargs...) =
    from_piece("logging", :handle_record, Any[logger, args, kwargs])

"Call `f(args...)` so that its output, and that of the tasks it makes, belongs to `cell`."
function in_cell(cell, f, args)
    logger = CellLogger(cell, nothing)
    run = Later(f, args)
    HAS_SCOPES || return Base.CoreLogging.with_logger(run, logger)
    return Base.invokelatest(in_scope, run, logger)
end

function in_scope(run, logger)
    run = Later(Base.CoreLogging.with_logger, Any[run, logger])
    return Base.ScopedValues.with(run, CELL => Base.CoreLogging.LogState(logger))
end

# The cell of another agent in this process, of a kernel of another version.
function is_agent_logger(logger)
    type = typeof(logger)
    return nameof(type) === :CellLogger && startswith(String(nameof(parentmodule(type))), "EngeeKernelAgent_")
end

"The cell whose code made the running task, done or not; nothing for a task of the server."
function origin_cell()
    if HAS_SCOPES
        logger = CELL[].logger
        return logger isa CellLogger ? logger.cell : nothing
    end
    logger = Base.CoreLogging.current_logger()
    logger isa CellLogger && return logger.cell
    (length(RUNNING) == 0 && !is_here("carriers")) && return nothing
    return Base.invokelatest(cell_by_task, logger)
end

"A task under a logger of the user's own: it can be told from the server's tasks only by that logger."
function cell_by_task(logger)
    is_agent_logger(logger) && return nothing
    task = current_task()
    lock(REGISTRY)
    try
        for worker in contents(WORKERS)
            worker.task === task && return worker.cell
        end
        (logger === Base.CoreLogging.global_logger() || is_servers(logger)) && return nothing
    finally
        unlock(REGISTRY)
    end
    return from_piece("carriers", :cell_of_logger, Any[logger])
end

"""
The cell which output of the running task goes to. What a finished cell's task still prints goes to the cell that its
notebook runs now; where there is none, the finished cell is given and the text waits for the next one.
"""
function output_cell()
    cell = origin_cell()
    (cell === nothing || cell.state !== :done) && return cell
    worker = find_worker(cell.notebook)
    (worker === nothing || worker.cell === nothing) && return cell
    return worker.cell
end

"Needs REGISTRY's lock."
function is_servers(logger)
    i = length(SERVER_LOGGERS)
    while i > 0
        SERVER_LOGGERS[i] === logger && return true
        i -= 1
    end
    return false
end

function remember_server_logger()
    HAS_SCOPES && return nothing
    logger = Base.CoreLogging.current_logger()
    (logger isa CellLogger || logger === AGENT.server_logger) && return nothing
    lock(REGISTRY)
    if !is_servers(logger)
        push!(SERVER_LOGGERS, logger)
        length(SERVER_LOGGERS) > SERVER_LOGGERS_KEPT && popfirst!(SERVER_LOGGERS)
    end
    unlock(REGISTRY)
    return nothing
end
