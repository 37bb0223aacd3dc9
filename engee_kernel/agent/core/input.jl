# Base.stdin, replaced by a pipe from which a cell's code reads what the person types. How a line is asked for is in the
# piece `prompts`; the methods stand here because the code that reads is older than a piece defined while it runs.

# What a cell reads from: lines that were answered and not read yet.
mutable struct PromptReader <: IO
    cell::Any
    buffer::Any
end

Base.eof(reader::PromptReader) = from_piece("prompts", :reader_ended, Any[reader])
Base.read(reader::PromptReader, ::Type{UInt8}) = eof(reader) ? throw(EOFError()) : read(reader.buffer, UInt8)
Base.peek(reader::PromptReader, ::Type{UInt8}) = eof(reader) ? throw(EOFError()) : Base.peek(reader.buffer)
Base.bytesavailable(reader::PromptReader) = bytesavailable(reader.buffer)
Base.readavailable(reader::PromptReader) = eof(reader) ? UInt8[] : read(reader.buffer)
function Base.unsafe_read(reader::PromptReader, p::Ptr{UInt8}, n::UInt)
    i = 1
    while i <= n
        unsafe_store!(p, read(reader, UInt8), i)
        i += 1
    end
    return nothing
end
Base.isopen(::PromptReader) = true
Base.isreadable(::PromptReader) = true
Base.iswritable(::PromptReader) = false
Base.close(::PromptReader) = nothing

struct CellInput <: Base.AbstractPipe
    original::Any
end

function Base.pipe_reader(input::CellInput)
    cell = output_cell()
    cell === nothing && return input.original
    guard = cell.changed.lock
    lock(guard)
    try
        cell.input === nothing && (cell.input = PromptReader(cell, IOBuffer()))
        return cell.input
    finally
        unlock(guard)
    end
end
Base.pipe_writer(input::CellInput) = input.original
Base.isopen(::CellInput) = true
Base.isreadable(::CellInput) = true
Base.iswritable(::CellInput) = false
Base.close(::CellInput) = nothing
# A child process reads what it would have read without us: a prompt cannot know that it waits.
Base.setup_stdio(input::CellInput, readable::Bool) = Base.setup_stdio(input.original, readable)

restore_input(input) = (set_stream(:stdin, input); input)
if isdefined(Base, :RedirectStdStream)
    (::Base.RedirectStdStream)(input::CellInput) = restore_input(input)
else
    Base.redirect_stdin(input::CellInput) = restore_input(input)
end

# Base.prompt prints its message and reads a line: right as it is. A method of our own for it would throw away what Julia
# has compiled of LibGit2 and Pkg.
function Base.getpass(input::CellInput, output::IO, message::AbstractString; with_suffix::Bool = true)
    return from_piece("prompts", :prompt_password, Any[input, output, message, with_suffix])
end
