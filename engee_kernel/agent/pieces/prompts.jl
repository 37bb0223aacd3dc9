# with the core
# calls: answer, open_prompt

# Prompts. Reading from stdin in a cell becomes an input event; the reader waits until `answer` brings the text.

mutable struct Prompt
    id::Int
    event::Int                         # the number of its input event
    text::Any                          # nothing: end of input
    answered::Bool
end

"Ask the person at the notebook; gives the line without its line end, or nothing for end of input."
function ask(cell, text, password)
    cell.stdin_allowed || error("The cell reads from stdin, but this front end does not allow input.")
    drain_descriptors(false)
    prompt = nothing
    lock(cell.changed)
    try
        while cell.prompt !== nothing  # another task of the cell asks
            wait(cell.changed)
        end
        cell.state === :running || error("The cell is done: its task can no longer ask for input.")
        from_piece("printing", :freeze_text!, Any[cell, true])
        cell.prompt_count += 1
        prompt = Prompt(cell.prompt_count, length(cell.events) + 1, nothing, false)
        push_frozen!(cell, clock_s(), "input", Any["id", prompt.id, "prompt", String(text), "password", password])
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
function answer_prompt(cell, id, text)
    lock(cell.changed)
    try
        prompt = cell.prompt
        id in cell.answered && return Fields(Any["answered", true, "repeated", true, "state", String(cell.state)])
        (prompt === nothing || prompt.id != id || prompt.answered) &&
            return Fields(Any["answered", false, "state", String(cell.state)])
        prompt.text = text === nothing || text == "\x04" ? nothing : text
        prompt.answered = true
        push!(cell.answered, id)
        notify(cell.changed)
        return Fields(Any["answered", true, "state", String(cell.state)])
    finally
        unlock(cell.changed)
    end
end

function reader_ended(reader)
    eof(reader.buffer) || return false
    line = ask(reader.cell, String(copy(reader.cell.last_line)), false)
    line === nothing && return true    # for this read only: as in a terminal, the next one asks again
    reader.buffer = IOBuffer(line * "\n")
    return false
end

function prompt_password(input, output, message, with_suffix)
    cell = output_cell()
    cell === nothing && return Base.getpass(input.original, output isa CellOutput ? output.original : output, message)
    line = ask(cell, with_suffix ? "$message: " : message, true)
    return Base.SecretBuffer!(Vector{UInt8}(codeunits(something(line, ""))))
end

# The calls

function answer(cell_id, prompt_id, text)
    cell = find_cell(cell_id)
    cell === nothing &&
        return Fields(Any["answered", false, "state", is_forgotten(cell_id) ? "forgotten" : "unknown"])
    return answer_prompt(cell, prompt_id, text)
end

"The number of the prompt that waits for an answer now, or null."
function open_prompt(cell_id)
    cell = find_cell(cell_id)
    return Fields(Any["prompt", cell === nothing || cell.prompt === nothing ? nothing : cell.prompt.id])
end
