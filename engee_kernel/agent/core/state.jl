# What the agent remembers: cells by id, one worker per notebook, and which of them run now.
#
# The core is written for a Julia that has just started: what it calls is compiled in Julia's system image already.
# Hence untyped fields, Dict{String,Any}, Vector{Any}, loops, options as a list; no closures, comprehensions, keyword
# arguments of its own; `@nospecialize` where a person's value passes. What is seldom needed stands behind invokelatest: it is not compiled before it is needed.
# Nothing happens when this is defined: start() takes hold.

const SELF = @__MODULE__
const AGENT_FILE = string(nameof(@__MODULE__), ".jl")

mutable struct Cell
    id::String
    notebook::String
    count::Int
    code::String
    workspace::String             # "main" or "notebook"
    silent::Bool
    stdin_allowed::Bool
    output_limit_bytes::Int
    loop_checkpoints::Bool        # whether the loops written in it let others run
    expressions::Any           # name, expression, name, expression, …
    line::Int                  # the line of the top-level expression that runs or ran last
    state::Symbol                 # :queued, :running, :done
    events::Vector{Any}                # frozen events as JSON; the index is the event's number
    times::Vector{Any}                 # when each of them came to be
    pending::Vector{UInt8}               # stream text that is in no event yet: Vector{UInt8}
    pending_name::String
    pending_since::Float64
    handed::Float64                # when events were last given in an answer
    last_line::Vector{UInt8}             # the unfinished last line of stdout: what a prompt shows
    stream_bytes::Int
    dropped_bytes::Int
    kept_bytes::Int
    changed::Threads.Condition               # Threads.Condition; its lock guards every field above
    submitted::Float64
    queued::Float64                # the same by the clock that does not jump
    started::Float64
    finished::Float64
    interrupt_wanted::Bool      # asked for before the user's code began
    prompt::Any                # the open Prompt, or nothing
    prompt_count::Int
    answered::Vector{Any}              # the numbers of the prompts that were answered
    input::Any                 # the PromptReader, made on the first read
end

# A notebook's worker is one long-lived task, so task-local state (random numbers, task_local_storage) carries
# over from cell to cell.
mutable struct Worker
    notebook::String
    queue::Vector{Any}                 # cells that wait
    arrived::Threads.Condition               # Threads.Condition; its lock guards the queue and `closed`
    closed::Bool
    interrupting::ReentrantLock        # held by the task that interrupts its cell
    task::Any
    children::Any              # processes of the interrupted cell, to be waited for
    cell::Any                  # the one that runs, or nothing
    interruptible::Bool         # true exactly while the user's code (or a method of theirs) runs
    workspace::Any             # the module of workspace="notebook", made on first use
    late::Vector{Any}                  # name, bytes, name, bytes, …: text of tasks that outlived their cell
    late_bytes::Int
    late_dropped_bytes::Int
    faults::Vector{Any}                # exceptions thrown into its task between cells, to be told in the next one
    placement::String             # "shared", "own", "engee": how its thread is chosen
    thread::Int                # 0 before it is chosen
    title::String                 # what the person calls the notebook; "" where that is not known
end

mutable struct Agent
    epoch::String                 # "" before start()
    calls::Int                 # how many have come in
    threads::Int               # Julia's, of all pools
    request_threads::Vector{Any}       # those on which calls were seen
    shared_thread::Int         # where the cells of all notebooks run; 0 before it is chosen
    started_at::Float64
    server_logger::Any         # the global logger that Engee had before: it must not get cells' records
    poller::Any
    ended::Vector{Any}                 # ids of finished cells, oldest first
    ended_bytes::Int           # their events
    kept_cells::Int
    kept_limit_bytes::Int
    deaf_after_s::Float64
    image_folder::String
end
# What is made once is made by the interpreter: a constructor would be compiled for it.
const AGENT = Core.eval(SELF, Expr(:new, :Agent, "", 0, 1, Any[], 0, 0.0, nothing, nothing, Any[], 0, 500, 256 << 20, 15.0, ""))

const REGISTRY = ReentrantLock()       # guards what follows
const CELLS = Dict{String,Any}()
const FORGOTTEN = Dict{String,Any}()   # the ids of cells whose events were dropped: they must not run again
const WORKERS = Dict{String,Any}()
const RUNNING = Any[]                  # in the order in which they started
const UNFINISHED = Any[]               # in the order in which they were submitted

function new_cell(notebook, id, count, code, options)
    workspace = option(options, "workspace", "main")::String
    workspace == "main" || workspace == "notebook" || throw(ArgumentError("workspace must be \"main\" or \"notebook\""))
    expressions = option(options, "user_expressions", Any[])
    length(expressions)::Int % 2 == 0 || throw(ArgumentError("user_expressions must be pairs"))
    return Cell(id, notebook, count, code, workspace, option(options, "silent", false)::Bool,
                option(options, "stdin_allowed", false)::Bool, option(options, "output_limit_bytes", 16 << 20)::Int,
                option(options, "loop_checkpoints", true)::Bool, expressions, 1, :queued, Any[], Any[], UInt8[], "", 0.0, 0.0, UInt8[], 0, 0, 0, Threads.Condition(), time(), clock_s(), 0.0, 0.0, false,
                nothing, 0, Any[], nothing)
end

"The value that follows `name` in a list of names and values."
function option(options, name, @nospecialize(default))
    i = 1
    while i < length(options)
        options[i] == name && return options[i+1]
        i += 2
    end
    return default
end

# The method in its short form: at the long one, `function (later::Later)()`, Julia 1.12 compiles a part of its parser for
# 1.5 s.
"A call to be made later, by a task or in a cell's scope; for a closure Julia would compile more."
struct Later <: Function
    f::Any
    args::Vector{Any}
end
(later::Later)() = later.f(later.args...)

cell_name(cell) = string("In[", whole_text(cell.count), "]")

"Seconds by a clock that does not jump, unlike `time()`: what waits by it is not held up when the clock is set back."
clock_s() = time_ns() / 1e9

function elapsed_s(cell)
    cell.started == 0.0 && return 0.0
    return (cell.finished == 0.0 ? clock_s() : cell.finished) - cell.started
end

# Tables. Julia compiles a Dict's methods anew for each type of value that is put in; for lists it has compiled them. So
# each value is in a list of its own.

"Needs REGISTRY's lock."
store!(table::Dict{String,Any}, name::String, @nospecialize(value)) = (table[name] = Any[value]; nothing)

"What a table has under a name, or nothing. Needs REGISTRY's lock."
function held(table::Dict{String,Any}, name::String)
    slot = get(table, name, nothing)
    return slot isa Vector{Any} ? slot[1] : nothing
end

"The same, where its lock is not held."
function known(table::Dict{String,Any}, name::String)
    lock(REGISTRY)
    found = held(table, name)
    unlock(REGISTRY)
    return found
end

"All that a table has. Needs REGISTRY's lock."
function contents(table::Dict{String,Any})
    list = Any[]
    for slot in values(table)
        push!(list, (slot::Vector{Any})[1])
    end
    return list
end

find_cell(id) = known(CELLS, id)
find_worker(notebook) = known(WORKERS, notebook)

function is_forgotten(id)
    lock(REGISTRY)
    forgotten = haskey(FORGOTTEN, id)
    unlock(REGISTRY)
    return forgotten
end

function some_cell_unfinished()
    lock(REGISTRY)
    some = length(UNFINISHED) > 0
    unlock(REGISTRY)
    return some
end

"Take an element out of a list, by identity."
function drop!(list, element)
    i = 1
    while i <= length(list)
        if list[i] === element
            deleteat!(list, i)
            return true
        end
        i += 1
    end
    return false
end

"A finished cell goes to those that are kept for a while; the oldest of them go when there are too many."
function keep_finished(cell)
    lock(REGISTRY)
    try
        drop!(UNFINISHED, cell)
        push!(AGENT.ended, cell.id)
        AGENT.ended_bytes += cell.kept_bytes
        while length(AGENT.ended) > 0 &&
              (length(AGENT.ended) > AGENT.kept_cells || AGENT.ended_bytes > AGENT.kept_limit_bytes)
            forget!(AGENT.ended[1])
        end
    finally
        unlock(REGISTRY)
    end
    return nothing
end

"Drop a finished cell's events; its id stays known so that a late repeat does not run it again. Needs REGISTRY's lock."
function forget!(id)
    cell = held(CELLS, id)
    (cell === nothing || cell.state !== :done) && return nothing
    delete!(CELLS, id)
    FORGOTTEN[id] = nothing
    i = 1
    while i <= length(AGENT.ended)
        if AGENT.ended[i] == id
            deleteat!(AGENT.ended, i)
            AGENT.ended_bytes -= cell.kept_bytes
            break
        end
        i += 1
    end
    return nothing
end
