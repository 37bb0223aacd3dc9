# What the agent remembers: cells by id, one worker per notebook, and which of them run now.

mutable struct Cell
    id::String
    notebook::String
    count::Int
    code::String
    workspace::String
    silent::Bool
    stdin_allowed::Bool
    output_limit_bytes::Int
    expressions::Vector{String}        # name, expression, name, expression, …
    line::Base.RefValue{Int}           # the line of the top-level expression that runs or ran last
    state::Symbol                      # :queued, :running, :done
    events::Vector{String}             # frozen events as JSON; the index is the event's number
    times::Vector{Float64}             # when each of them came to be
    pending::Vector{UInt8}             # stream text that is in no event yet
    pending_name::String
    pending_since::Float64
    handed::Float64                    # when events were last given in an answer
    last_line::Vector{UInt8}           # the unfinished last line of stdout: what a prompt shows
    stream_bytes::Int
    dropped_bytes::Int
    kept_bytes::Int
    changed::Threads.Condition         # its lock guards every field above
    submitted::Float64
    started::Float64
    finished::Float64
    interrupt_wanted::Bool             # asked for before the user's code began
    interrupts::Int
    prompt::Any                        # the open Prompt, or nothing
    prompt_count::Int
    answered::Set{Int}                 # the prompts that were answered
    input::Any                         # the PromptReader, made on the first read
end

function Cell(id, notebook, count, code; workspace, silent, stdin_allowed, output_limit_bytes, user_expressions)
    workspace in ("main", "notebook") || throw(ArgumentError("workspace must be \"main\" or \"notebook\""))
    iseven(length(user_expressions)) || throw(ArgumentError("user_expressions must be pairs"))
    return Cell(id, notebook, count, code, workspace, silent, stdin_allowed, output_limit_bytes,
                collect(String, user_expressions), Ref(1), :queued, String[], Float64[], UInt8[], "", 0.0, 0.0, UInt8[],
                0, 0, 0, Threads.Condition(), time(), 0.0, 0.0, false, 0, nothing, 0, Set{Int}(), nothing)
end

cell_name(cell::Cell) = string("In[", cell.count, "]")

"Seconds by a clock that does not jump, unlike `time()`: what waits by it is not held up when the clock is set back."
clock_s() = time_ns() / 1e9

function elapsed_s(cell::Cell)
    cell.started == 0 && return 0.0
    return (cell.finished == 0 ? clock_s() : cell.finished) - cell.started
end

# A notebook's worker is one long-lived task, so task-local state (random numbers, task_local_storage) carries
# over from cell to cell.
mutable struct Worker
    notebook::String
    queue::Channel{Cell}
    interrupts::Channel{Any}
    task::Union{Task,Nothing}
    cell::Union{Cell,Nothing}
    interruptible::Bool                # true exactly while the user's code (or a method of theirs) runs
    workspace::Union{Module,Nothing}   # the module of workspace="notebook", made on first use
    late::Vector{Tuple{String,Vector{UInt8}}}
    late_bytes::Int
end

const REGISTRY = ReentrantLock()       # guards the four below
const CELLS = Dict{String,Cell}()
const FORGOTTEN = Set{String}()
const WORKERS = Dict{String,Worker}()
const RUNNING = Cell[]                 # in the order in which they started

const EPOCH = Ref("")
const KEPT_CELLS = Ref(500)
const KEPT_BYTES = Ref(256 * 2^20)

with_lock(f, l) = (lock(l); try f() finally unlock(l) end)

find_cell(id) = with_lock(() -> get(CELLS, id, nothing), REGISTRY)
find_worker(notebook) = with_lock(() -> get(WORKERS, notebook, nothing), REGISTRY)

"Drop a finished cell's events; its id stays known so that a late repeat does not run it again."
function forget_cell!(id)
    with_lock(REGISTRY) do
        cell = get(CELLS, id, nothing)
        if cell !== nothing && cell.state === :done
            delete!(CELLS, id)
            push!(FORGOTTEN, id)
        end
    end
end

"Keep finished cells bounded: the oldest go first, unacknowledged or not."
function trim_cells!()
    with_lock(REGISTRY) do
        finished = sort!([c for c in values(CELLS) if c.state === :done], by = c -> c.finished)
        bytes = sum(Int[c.kept_bytes for c in finished])
        excess = length(finished) - KEPT_CELLS[]
        for cell in finished
            (excess > 0 || bytes > KEPT_BYTES[]) || break
            delete!(CELLS, cell.id)
            push!(FORGOTTEN, cell.id)
            excess -= 1
            bytes -= cell.kept_bytes
        end
    end
end
