# Errors as a person reads them: what went wrong, then the lines of their own code; what lies below the cell (this
# agent, the server) is cut away.

"Code that does not parse, found before any of it ran."
struct SyntaxProblem <: Exception
    type::String
    message::String
    line::Int
    incomplete::Bool
end
Base.showerror(io::IO, problem::SyntaxProblem) = print(io, problem.message)

const MESSAGE_LIMIT = 100_000
const FRAMES_LIMIT = 200

function exception_stack()
    stack = isdefined(Base, :current_exceptions) ? Base.current_exceptions() : Base.catch_stack()
    return Any[(entry[1], entry[2]) for entry in stack]       # oldest first
end

limited(text::AbstractString, n = MESSAGE_LIMIT) = length(text) <= n ? String(text) : string(first(text, n), " …")

message_of(error) = limited(sprint((io, e) -> Base.invokelatest(showerror, io, e), error, context = :limit => true))

function short_of(error)
    error isa SyntaxProblem && return limited(error.message, 1000)
    return limited(sprint((io, e) -> Base.invokelatest(show, io, e), error, context = :limit => true), 1000)
end

is_cell_file(file) = occursin(r"^(\./)?In\[\d+\]", String(file))

is_own(pointer) = any(frame -> endswith(String(frame.file), AGENT_FILE), StackTraces.lookup(pointer))

"The part of a raw backtrace down to the cell's own top level, without the agent's frames between (a yielding print)."
function cell_backtrace(backtrace)
    last = 0
    for (i, pointer) in enumerate(backtrace)
        any(frame -> is_cell_file(frame.file), StackTraces.lookup(pointer)) && (last = i)
    end
    last > 0 && return filter(!is_own, backtrace[1:last])
    # No frame of a cell (its top level may be optimised away): end where the agent begins.
    first_own = findfirst(is_own, backtrace)
    return first_own === nothing ? backtrace : backtrace[1:first_own-1]
end

function frame_object(frame)
    file = String(frame.file)
    is_cell_file(file) && (file = file[findfirst('I', file):end])
    return object("func" => limited(string(frame.func), 300), "file" => file, "line" => Int(frame.line),
                  "user" => is_user_file(file), "inlined" => frame.inlined)
end

top_frame(cell, line) = object("func" => "top-level scope", "file" => cell_name(cell), "line" => line, "user" => true,
                               "inlined" => false)

function is_user_file(file::String)
    is_cell_file(file) && return true
    isabspath(file) || return false    # Base's own files are given as ./array.jl
    any(part -> occursin(part, file), ("/packages/", "/stdlib/", "/share/julia/", "\\packages\\", "\\stdlib\\",
                                       "\\share\\julia\\")) && return false
    return isfile(file)
end

"The fields of an error event, from an exception stack, oldest first."
function error_fields(stack, cell::Cell)
    error, backtrace = stack[end]
    if error isa SyntaxProblem
        full = string(error.message, "\n\nStacktrace:\n [1] top-level scope\n   @ ", cell_name(cell), ":", error.line)
        return object("type" => error.type, "short" => short_of(error), "message" => error.message,
                      "frames" => Any[top_frame(cell, error.line)], "full" => full)
    end
    cut = cell_backtrace(backtrace)
    frames = Any[frame_object(f) for f in Iterators.take(stacktrace(cut), FRAMES_LIMIT) if f.line > 0]
    any(f -> is_cell_file(f[2][2]), frames) || push!(frames, top_frame(cell, cell.line[]))
    message = message_of(error)
    return object("type" => string(nameof(typeof(error))), "short" => short_of(error), "message" => message,
                  "frames" => frames,
                  "full" => full_description(message, cut, stack, cell))
end

function full_description(message, cut, stack, cell)
    io = IOBuffer()
    print(io, message)
    print_trace(io, cut)
    any(p -> any(f -> is_cell_file(f.file), StackTraces.lookup(p)), cut) ||
        print(io, "\n  at ", cell_name(cell), ":", cell.line[])
    for (error, backtrace) in reverse(stack[1:end-1])
        print(io, "\n\ncaused by: ", message_of(error))
        print_trace(io, cell_backtrace(backtrace))
    end
    return limited(String(take!(io)))
end

print_trace(io, backtrace) = isempty(backtrace) ? nothing : Base.invokelatest(Base.show_backtrace, io, backtrace)

"What can be said of an error whose own showing fails."
function bare_error_fields(error, reason)
    type = string(nameof(typeof(error)))
    message = string(type, " (showing this error failed with ", nameof(typeof(reason)), ")")
    return object("type" => type, "short" => type, "message" => message, "frames" => Any[], "full" => message)
end

"Whether the exception is an interrupt, also when it comes out of a task or an included file."
function is_interrupt(error, depth::Int = 0)
    depth > 20 && return false
    error isa InterruptException && return true
    error isa LoadError && return is_interrupt(error.error, depth + 1)
    error isa CompositeException && return any(e -> is_interrupt(e, depth + 1), error.exceptions)
    if error isa TaskFailedException
        result = error.task.result
        return result isa Exception && is_interrupt(result, depth + 1)
    end
    return false
end
