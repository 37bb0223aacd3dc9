# with the core

# Child processes of an interrupted cell: they get the interrupt as well, as in a terminal. What does not end is named,
# and what it writes from then on goes nowhere else.

const CHILDREN_END_S = 2.0

"All child processes that run."
function processes()
    found = Any[]
    note(process) = process isa Base.Process && process_running(process) && push!(found, process)
    from_piece("handles", :each_process, Any[note])
    return found
end

pid_of(process) = Int(getpid(process))

"The cell's child processes: those which its tasks wait for, and those which nobody else can have started."
function children_of(worker, cell)
    found = Any[]
    for process in processes()
        owners = waiting_cells(process)
        mine = isempty(owners) ? started_by(process, cell) : any(owner -> owner === cell, owners)
        mine && push!(found, Any[process, pid_of(process)])
    end
    return found
end

"The same; whatever goes wrong here must not keep the interrupt from the cell itself."
function children_or_fault(worker, cell)
    try
        return children_of(worker, cell)
    catch error
        text = string("Whether the interrupted cell had started other programs is not known, they were not interrupted: ",
                      message_of(error), "\n")
        lock(REGISTRY)
        push!(worker.faults, text)
        unlock(REGISTRY)
        return Any[]
    end
end

"The cells of the tasks that wait for a process to end, or to read or write."
function waiting_cells(process)
    cells = Any[]
    for part in (process.exitnotify, process.in, process.out, process.err)
        condition = part isa Base.GenericCondition ? part : hasproperty(part, :cond) ? part.cond : nothing
        condition isa Base.GenericCondition || continue
        task = condition.waitq.head
        while task isa Task
            owner = cell_of_task(task)
            owner === nothing || push!(cells, owner)
            task = task.next
        end
    end
    return cells
end

function cell_of_task(task)
    lock(REGISTRY)
    try
        for worker in contents(WORKERS)
            worker.task === task && return worker.cell
        end
    finally
        unlock(REGISTRY)
    end
    if HAS_SCOPES
        scope = getfield(task, :scope)     # by its name Julia 1.12 refuses it
        scope === nothing && return nothing
        state = get(scope.values, CELL, nothing)
        state = state isa Some ? something(state) : state
    else
        state = task.logstate
    end
    state isa Base.CoreLogging.LogState || return nothing
    return state.logger isa CellLogger ? state.logger.cell : nothing
end

"Whether a process that nobody waits for is this cell's: it began while the cell ran, and while no other cell did."
function started_by(process, cell)
    Sys.islinux() || return false
    age = try
        fields = split(last(split(read(string("/proc/", pid_of(process), "/stat"), String), ") ")))
        ticks = ccall(:sysconf, Clong, (Cint,), 2)
        parse(Float64, first(split(read("/proc/uptime", String)))) - parse(Int, fields[20]) / ticks
    catch error
        error isa SystemError || error isa Base.IOError || rethrow()
        return false                   # it has ended
    end
    lock(REGISTRY)
    possible = Any[c for c in RUNNING if elapsed_s(c) + 0.02 >= age]
    unlock(REGISTRY)
    return length(possible) == 1 && possible[1] === cell
end

"The processes below these in the system's tree: a shell's command gets a terminal's interrupt too."
function below(pids)
    Sys.islinux() || return Int[]
    found = Int[]
    for pid in pids
        path = string("/proc/", pid, "/task/", pid, "/children")
        text = try
            read(path, String)
        catch error
            error isa SystemError || error isa Base.IOError || rethrow()
            ""
        end
        own = Int[parse(Int, word) for word in split(text)]
        append!(found, own)
        append!(found, below(own))
    end
    return found
end

function interrupt_children(children)
    deeper = below(Int[child[2] for child in children])
    for child in children
        process_running(child[1]) && kill(child[1], Base.SIGINT)
    end
    for pid in deeper
        ccall(:kill, Cint, (Cint, Cint), pid, Base.SIGINT)
    end
    return nothing
end

"Wait until the children have ended; name those that have not, and keep what they still write out of other cells."
function await_children(worker, cell)
    children = worker.children
    worker.children = nothing
    deadline = clock_s() + CHILDREN_END_S
    while any(child -> process_running(child[1]), children) && clock_s() < deadline
        sleep(0.02)
    end
    drain_descriptors(true)
    left = filter(child -> process_running(child[1]), children)
    isempty(left) && return nothing
    for (process, pid) in left
        add_string(cell, "stderr", string("The process ", whole_text(pid), " (", limited(string(process.cmd), 200), ") did not end within ",
                                          "2 s of the interrupt and still runs. To end it: run(`kill -9 ", whole_text(pid), "`)\n"))
    end
    renew_descriptors()
    return nothing
end

"Give the cells that follow new files: those that there were still belong to the processes that did not end."
function renew_descriptors()
    lock(DESCRIPTORS_LOCK)
    try
        DESCRIPTORS.active || return nothing
        old = DESCRIPTORS.files
        DESCRIPTORS.files = Any[]
        try
            open_descriptors()
        catch error
            error isa SystemError || error isa Base.IOError || rethrow()
            foreach(file -> (close(file.writer); close(file.reader)), DESCRIPTORS.files)
            DESCRIPTORS.files = old
            return nothing
        end
        for i in 1:2
            targets = DESCRIPTORS.targets[i]
            for k in 1:length(targets)
                targets[k] === (old[i]::DescriptorFile).writer.handle && (targets[k] = descriptor_of(i))
            end
            repoint_descriptor(i)
        end
        foreach(file -> (close(file.writer); close(file.reader)), old)
    finally
        unlock(DESCRIPTORS_LOCK)
    end
    return nothing
end
