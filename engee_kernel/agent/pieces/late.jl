# with the core

# What tasks that outlived their cell print and show: it waits for their notebook's next cell, and opens it.

const LATE_LIMIT_BYTES = 1 << 20

"The worker whose next cell shows what comes late: the notebook's, also for a cell that ran beside the others."
function late_worker(cell)
    worker = find_worker(cell.notebook)
    worker === nothing || return worker
    slash = findlast(isequal('/'), cell.notebook)
    return slash === nothing ? nothing : find_worker(cell.notebook[1:prevind(cell.notebook, slash)])
end

"Text of a task that outlived its cell, while its notebook is idle: it opens the notebook's next cell."
keep_late_text(cell, name, p, n) = keep_late(cell, name, copy(unsafe_wrap(Array, p, n)), n)

"The same for what a late task displays, updates or clears: frozen as JSON now, the value may change."
function keep_late_event(cell, kind, fields)
    frozen = Any[]
    for field in fields
        push!(frozen, field isa Fields ? RawJSON(json(field)) : field)
    end
    n = 1
    for field in frozen
        field isa RawJSON && (n += sizeof(field.text))
    end
    return keep_late(cell, Symbol(kind), frozen, n)
end

function keep_late(cell, name, kept, n)
    worker = late_worker(cell)
    worker === nothing && return nothing
    lock(REGISTRY)
    try
        if worker.late_bytes + n <= LATE_LIMIT_BYTES
            worker.late_bytes += n
            push!(worker.late, name)
            push!(worker.late, kept)
        else
            worker.late_dropped_bytes += n
        end
    finally
        unlock(REGISTRY)
    end
    return nothing
end

function add_late_text(worker, cell)
    lock(REGISTRY)
    late = worker.late
    dropped = worker.late_dropped_bytes
    worker.late = Any[]
    worker.late_bytes = 0
    worker.late_dropped_bytes = 0
    unlock(REGISTRY)
    i = 1
    while i < length(late)
        kept = late[i+1]
        if late[i] isa Symbol
            add_event(cell, String(late[i]), kept)
        else
            add_string(cell, late[i], kept)
        end
        i += 2
    end
    dropped > 0 && add_string(cell, "stderr", string(
        "Tasks of earlier cells wrote more while no cell ran; ", whole_text(dropped), " bytes of it were dropped.\n"))
    return nothing
end
