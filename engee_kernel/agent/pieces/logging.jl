# with the core

# What cells log: to their stderr in the usual look, or to the logger that the person made global.

function console_of(logger)
    logger.console === nothing && Base.invokelatest(give_console, logger, Base.invokelatest(new_console))
    return logger.console
end

"Of tasks on several threads that log at first the first one's is kept: it counts the records of `maxlog`."
function give_console(logger, console)
    lock(REGISTRY)
    logger.console === nothing && (logger.console = console)
    unlock(REGISTRY)
    return nothing
end

function new_console()
    package = library("56ddb016-857b-54e1-b83d-db4d58db5568", "Logging")
    stream = IOContext{CellOutput}(OUTPUTS[2], coloured())
    return Base.invokelatest(Base.invokelatest(getfield, package, :ConsoleLogger), stream, Base.CoreLogging.Info)
end

function catches_exceptions(logger)
    chosen = chosen_logger()
    return chosen === nothing || Base.invokelatest(Base.CoreLogging.catch_exceptions, chosen)
end

"The person's own global logger, else the cell's console."
function taker_of(logger)
    chosen = chosen_logger()
    return chosen === nothing ? console_of(logger) : chosen
end

should_log(logger, args) = Base.invokelatest(Base.CoreLogging.shouldlog, taker_of(logger), args...)

handle_record(logger, args, kwargs) = Base.invokelatest(Base.CoreLogging.handle_message, taker_of(logger), args...; kwargs...)
