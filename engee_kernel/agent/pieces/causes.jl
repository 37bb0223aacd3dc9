# with the core

# What lies behind an error: the exceptions that it replaced, those of the tasks and remote workers that it came from. And
# what is seldom needed of the error itself: the ends of a deep trace, what can be said where it can't be shown.

const CAUSES_LIMIT = 20
const CAUSES_DEPTH = 8

is_remote(error) = nameof(typeof(error)) === :RemoteException && hasfield(typeof(error), :captured)

"The causes of the newest exception of a stack, outermost first."
function causes_of(stack)
    causes = Any[]
    add_inner!(causes, stack[length(stack)][1], 0)
    for i in length(stack)-1:-1:1
        add_cause!(causes, stack[i][1], raw_frames(stack[i][2]), 0)
    end
    length(causes) > CAUSES_LIMIT && resize!(causes, CAUSES_LIMIT)
    return causes
end

function add_cause!(causes, error, raw, depth)
    length(causes) > CAUSES_LIMIT && return nothing
    push!(causes, Fields(Any["type", type_name(error), "message", message_of(error), "raw", raw]))
    return add_inner!(causes, error, depth)
end

"What an exception carries inside it: errors of tasks, of several tasks, of another process."
function add_inner!(causes, error, depth)
    depth > CAUSES_DEPTH && return nothing
    if error isa TaskFailedException
        for (inner, backtrace) in reverse(stack_of(error.task))
            add_cause!(causes, inner, raw_frames(backtrace), depth + 1)
        end
    elseif error isa CompositeException
        for inner in error.exceptions
            inner isa TaskFailedException ? add_inner!(causes, inner, depth + 1) :
            add_cause!(causes, inner, Any[], depth + 1)
        end
    elseif error isa CapturedException
        frames = Any[entry isa Tuple ? entry[1] : entry for entry in error.processed_bt]
        add_cause!(causes, error.ex, add_frames!(Any[], filter(frame -> frame isa StackTraces.StackFrame, frames)), depth + 1)
    elseif is_remote(error)
        add_inner!(causes, error.captured, depth + 1)
    elseif error isa LoadError
        add_inner!(causes, error.error, depth + 1)
    end
    return nothing
end

function stack_of(task)
    isdefined(Base, :current_exceptions) && return Any[(entry[1], entry[2]) for entry in Base.current_exceptions(task)]
    return Base.catch_stack(task)
end

"An exception that carries others, in a sentence: Julia would write their traces into its message."
function wrapped_message(error)
    if error isa TaskFailedException
        stack = stack_of(error.task)
        return string("TaskFailedException: ", isempty(stack) ? "" : message_of(stack[length(stack)][1]))
    elseif error isa CompositeException
        n = length(error.exceptions)
        n == 0 && return "CompositeException()"
        first_one = message_of(error.exceptions[1])
        return n == 1 ? first_one : string(first_one, "\n… and ", whole_text(n - 1), n == 2 ? " more exception" : " more exceptions")
    elseif error isa CapturedException
        return message_of(error.ex)
    end
    return string("On worker ", whole_text(Int(error.pid)), ": ", message_of(error.captured))
end

"The frames of the trace's top and bottom, and between them the number of those left out."
function ends_of_frames(backtrace)
    count = length(backtrace)
    half = div(FRAMES_LIMIT, 2)
    frames = add_frames!(Any[], stacktrace(backtrace[1:half]))
    push!(frames, count - FRAMES_LIMIT)
    return add_frames!(frames, stacktrace(backtrace[count-half+1:count]))
end

function broken_message(io, error, reason)
    said = limited(strip(repaired(String(take!(io)))), 1000)
    return string(isempty(said) ? type_name(error) : string(said, " …"), "\n(The rest can't be shown: showing this ",
                  type_name(error), " failed itself", first_words_of(reason), ".)")
end

function first_words_of(reason)
    reason isa ErrorException && reason.msg isa String && return string(" with “", limited(reason.msg, 200), "”")
    return string(" with ", type_name(reason))
end

"What can be said of an error whose own showing fails."
function bare_error_fields(error, reason)
    message = string(type_name(error), " (showing this error failed with ", type_name(reason), ")")
    return Any["type", type_name(error), "short", type_name(error), "message", message, "frames", Any[], "full", message]
end
