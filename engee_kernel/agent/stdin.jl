# Prompts. Reading from stdin in a cell becomes an input event; the reader waits until `answer` brings the text.

mutable struct Prompt
    id::Int
    event::Int                         # the number of its input event
    text::Union{String,Nothing}        # nothing: end of input
    answered::Bool
end

"Ask the person at the notebook; gives the line without its line end, or nothing for end of input."
function ask(cell::Cell, text::AbstractString; password::Bool = false)::Union{String,Nothing}
    cell.stdin_allowed || error("The cell reads from stdin, but this front end does not allow input.")
    drain_descriptors()
    prompt = nothing
    lock(cell.changed)
    try
        while cell.prompt !== nothing  # another task of the cell asks
            wait(cell.changed)
        end
        cell.state === :running || error("The cell is done: its task can no longer ask for input.")
        freeze_text!(cell, all = true)
        cell.prompt_count += 1
        prompt = Prompt(cell.prompt_count, length(cell.events) + 1, nothing, false)
        push_frozen!(cell, clock_s(), "input", "id" => prompt.id, "prompt" => String(text), "password" => password)
        cell.prompt = prompt
        resize!(cell.last_line, 0)
        notify(cell.changed)
        while !prompt.answered && cell.state === :running
            wait(cell.changed)
        end
        return prompt.text
    finally
        if prompt !== nothing
            prompt.text = nothing      # a password must not linger
            cell.prompt === prompt && (cell.prompt = nothing)
        end
        notify(cell.changed)
        unlock(cell.changed)
    end
end

"Answer an open prompt; the same id again changes nothing."
function answer_prompt(cell::Cell, id::Int, text::Union{AbstractString,Nothing})
    with_lock(cell.changed) do
        prompt = cell.prompt
        id in cell.answered && return object("answered" => true, "repeated" => true, "state" => string(cell.state))
        (prompt === nothing || prompt.id != id || prompt.answered) &&
            return object("answered" => false, "state" => string(cell.state))
        prompt.text = text === nothing || text == "\x04" ? nothing : String(text)
        prompt.answered = true
        push!(cell.answered, id)
        notify(cell.changed)
        return object("answered" => true, "state" => string(cell.state))
    end
end

# What a cell reads from: lines that were answered and not read yet.
mutable struct PromptReader <: IO
    cell::Cell
    buffer::IOBuffer
end

function Base.eof(reader::PromptReader)
    eof(reader.buffer) || return false
    line = ask(reader.cell, String(copy(reader.cell.last_line)))
    line === nothing && return true    # for this read only: as in a terminal, the next one asks again
    reader.buffer = IOBuffer(line * "\n")
    return false
end

Base.read(reader::PromptReader, ::Type{UInt8}) = eof(reader) ? throw(EOFError()) : read(reader.buffer, UInt8)
Base.peek(reader::PromptReader, ::Type{UInt8}) = eof(reader) ? throw(EOFError()) : Base.peek(reader.buffer)
Base.bytesavailable(reader::PromptReader) = bytesavailable(reader.buffer)
Base.readavailable(reader::PromptReader) = eof(reader) ? UInt8[] : read(reader.buffer)
function Base.unsafe_read(reader::PromptReader, p::Ptr{UInt8}, n::UInt)
    for i in 1:n
        unsafe_store!(p, read(reader, UInt8), i)
    end
end
Base.isopen(::PromptReader) = true
Base.isreadable(::PromptReader) = true
Base.iswritable(::PromptReader) = false
Base.close(::PromptReader) = nothing

struct CellInput <: Base.AbstractPipe
    original::IO
end

function Base.pipe_reader(input::CellInput)
    cell = output_cell()
    cell === nothing && return input.original
    return with_lock(cell.changed) do
        cell.input === nothing && (cell.input = PromptReader(cell, IOBuffer()))
        cell.input
    end
end
Base.pipe_writer(input::CellInput) = input.original
Base.isopen(::CellInput) = true
Base.isreadable(::CellInput) = true
Base.iswritable(::CellInput) = false
Base.close(::CellInput) = nothing
# A child process reads what it would have read without us: a prompt cannot know that it waits.
Base.setup_stdio(input::CellInput, readable::Bool) = Base.setup_stdio(input.original, readable)

restore_input(input::CellInput) = (set_stream(:stdin, input); input)
if isdefined(Base, :RedirectStdStream)
    (::Base.RedirectStdStream)(input::CellInput) = restore_input(input)
else
    Base.redirect_stdin(input::CellInput) = restore_input(input)
end

function Base.prompt(input::CellInput, output::CellOutput, message::AbstractString; default::AbstractString = "")
    cell = output_cell()
    cell === nothing && return Base.prompt(input.original, output.original, message, default = default)
    line = ask(cell, isempty(default) ? "$message: " : "$message [$default]: ")
    line === nothing && return nothing
    return isempty(line) ? String(default) : line
end

function Base.getpass(input::CellInput, output::CellOutput, message::AbstractString; with_suffix::Bool = true)
    cell = output_cell()
    cell === nothing && return Base.getpass(input.original, output.original, message)
    line = ask(cell, with_suffix ? "$message: " : message, password = true)
    return Base.SecretBuffer!(Vector{UInt8}(codeunits(something(line, ""))))
end

install_input() = set_stream(:stdin, CellInput(Base.stdin))
