# Errors as facts: what went wrong and the raw frames of each exception. Python cuts away what lies below the cell (this
# agent, the server), tells the person's frames from the others and writes the trace.

const MESSAGE_LIMIT = 100_000
const FRAMES_LIMIT = 400               # of a deeper trace, as many from its top and from its bottom as fit

# Exceptions and their backtraces, oldest first.
exception_stack() = isdefined(Base, :current_exceptions) ? Base.invokelatest(present_exceptions) : Base.catch_stack()
present_exceptions() = Any[(entry[1], entry[2]) for entry in Base.current_exceptions()]

limited(text, n) = length(text) <= n ? String(text) : string(first(text, n), " …")

"What Julia says of an error; of one whose own showing fails, what was said up to there."
function message_of(error)
    carries_others(error) && return limited(from_piece("causes", :wrapped_message, Any[error]), MESSAGE_LIMIT)
    io = IOBuffer()
    try
        showerror(short_context(io), error)
    catch reason
        return from_piece("causes", :broken_message, Any[io, error, reason])
    end
    return limited(String(take!(io)), MESSAGE_LIMIT)
end

function short_of(error)
    # from 1.11 on Julia's own form holds the number of a world
    error isa UndefVarError && return string("UndefVarError(:", error.var, ")")
    io = IOBuffer()
    try
        show(short_context(io), error)
    catch
        return type_name(error)
    end
    return limited(String(take!(io)), 1000)
end

short_context(io) = IOContext{IOBuffer}(io, IN_NOTEBOOK(IN_NOTEBOOK(), :limit, true))

type_name(x) = String(nameof(typeof(x)))

"The fields of an error event, from an exception stack, oldest first."
function error_fields(stack, cell)
    error = stack[length(stack)][1]
    if is_here("syntax")
        fields = from_piece("syntax", :problem_fields, Any[error, cell])
        fields === nothing || return fields
    end
    raw = raw_frames(stack[length(stack)][2])
    causes = length(stack) == 1 && !(error isa LoadError) && !carries_others(error) ? Any[] :
             from_piece("causes", :causes_of, Any[stack])
    if may_have_foreign_lines(raw, cell)
        from_piece("lines", :mend_lines, Any[raw, cell])
        for cause in causes
            from_piece("lines", :mend_lines, Any[option(cause.list, "raw", Any[]), cell])
        end
    end
    return Any["type", type_name(error), "short", short_of(error), "message", message_of(error), "cell", cell_name(cell),
               "line", cell.line, "raw", raw, "causes", causes, "agent", AGENT_FILE,
               "julia", Base.VERSION_STRING]
end

"Whether an exception carries the exceptions of tasks or of other processes."
carries_others(error) = error isa TaskFailedException || error isa CompositeException || error isa CapturedException ||
                        nameof(typeof(error)) === :RemoteException

"Whether a frame of a cell may have the line of a macro's own file."
function may_have_foreign_lines(raw, cell)
    occursin("@", cell.code) && return true
    i = 1
    while i <= length(raw)
        raw[i] isa Vector{Any} && occursin("In[", raw[i][2]) && !endswith(raw[i][2], cell_name(cell)) && return true
        i += 1
    end
    return false
end

"Each frame: function, file, line, inlined, whether there is such a file, and what Julia knows of its arguments."
function raw_frames(backtrace)
    length(backtrace) <= FRAMES_LIMIT && return add_frames!(Any[], stacktrace(backtrace))
    return from_piece("causes", :ends_of_frames, Any[backtrace])
end

function add_frames!(frames, looked)
    i = 1
    while i <= length(looked)
        frame = looked[i]
        file = String(frame.file)
        there = length(file) > 0 && (file[1] == '/' || file[1] == '\\' || Sys.iswindows()) && isfile(file)
        # the agent's own frames are cut away: what their arguments are need not be written
        signature = endswith(file, AGENT_FILE) ? "" : signature_of(frame)
        push!(frames, Any[String(frame.func), file, Int(frame.line), frame.inlined, there, signature])
        i += 1
    end
    return frames
end

"The types of a frame's arguments as Julia writes them, `Tuple{typeof(f),Int64}`; \"\" where it does not know them."
function signature_of(frame)
    linfo = frame.linfo
    # from 1.12 on a frame has the compiled code, which may be that of a method instance under other types
    linfo isa Core.CodeInstance && (linfo = linfo.def)
    isdefined(Core, :ABIOverride) && linfo isa Core.ABIOverride && (linfo = linfo.def)
    linfo isa Core.MethodInstance || return ""
    linfo.def isa Method || return ""
    io = IOBuffer()
    try
        show(io, linfo.specTypes)
        return limited(String(take!(io)), 500)
    catch
        return ""                      # a type whose own showing fails
    end
end

"Whether the exception is an interrupt, also when it comes out of a task or an included file."
function is_interrupt(error, depth)
    error isa InterruptException && return true
    depth > 20 && return false
    error isa LoadError && return is_interrupt(error.error, depth + 1)
    if error isa TaskFailedException
        result = error.task.result
        return result isa Exception && is_interrupt(result, depth + 1)
    end
    if error isa CompositeException
        for inner in error.exceptions
            is_interrupt(inner, depth + 1) && return true
        end
    end
    return false
end
