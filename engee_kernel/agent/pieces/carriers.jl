# with the core

# Before Julia 1.11 a task inherits nothing but its logger from the one that made it. Where that is a logger of the
# person's own, the cell is found by what the logger holds, by who works under it, or by having been seen before.

const LOGGERS_SEEN = Any[]             # logger, cell, …, oldest first
const LOGGERS_SEEN_LIMIT = 200

"The cell that a task under a logger of the person's own belongs to; nothing while no cell runs and none is known."
function cell_of_logger(logger)
    found = cell_inside(logger, 0)
    lock(REGISTRY)
    try
        i = length(RUNNING)
        while found === nothing && i > 0
            works_under(RUNNING[i], logger) && (found = RUNNING[i])
            i -= 1
        end
        found === nothing || return remember_logger(logger, found)
        i = length(LOGGERS_SEEN) - 1
        while i > 0
            LOGGERS_SEEN[i] === logger && return LOGGERS_SEEN[i+1]
            i -= 2
        end
        # not known whose it is: under the latest cell it is at least seen
        return length(RUNNING) == 0 ? nothing : RUNNING[length(RUNNING)]
    finally
        unlock(REGISTRY)
    end
end

"Whether the cell's own task is inside with_logger for this logger, which the tasks that it made there have as well."
function works_under(cell, logger)
    worker = held(WORKERS, cell.notebook)
    (worker === nothing || worker.cell !== cell) && return false
    state = worker.task.logstate
    return state isa Base.CoreLogging.LogState && state.logger === logger
end

function remember_logger(logger, cell)
    i = 1
    while i < length(LOGGERS_SEEN)
        LOGGERS_SEEN[i] === logger && (deleteat!(LOGGERS_SEEN, i:i+1); break)
        i += 2
    end
    append!(LOGGERS_SEEN, Any[logger, cell])
    length(LOGGERS_SEEN) > LOGGERS_SEEN_LIMIT && deleteat!(LOGGERS_SEEN, 1:2)
    return cell
end

"The cell whose logger this one hands its records on to."
function cell_inside(part, depth)
    part isa CellLogger && return part.cell
    (depth > 4 || !(part isa Base.CoreLogging.AbstractLogger || part isa Tuple || part isa Vector{<:Base.CoreLogging.AbstractLogger})) &&
        return nothing
    parts = part isa Vector ? part : Any[getfield(part, i) for i in 1:nfields(part) if isdefined(part, i)]
    for inner in parts
        found = cell_inside(inner, depth + 1)
        found === nothing || return found
    end
    return nothing
end
