# calls: metrics, cells

# What the Engee session uses: memory, processor time, cells.

const CPU_SAMPLE = Any[nothing]         # busy and total ticks at the call before; guarded by REGISTRY

"Busy and total processor time of the machine so far, in ticks."
function cpu_ticks()
    infos = Sys.cpu_info()
    field(info, name) = Float64(getfield(info, name))
    busy = sum(field(i, Symbol("cpu_times!user")) + field(i, Symbol("cpu_times!nice")) +
               field(i, Symbol("cpu_times!sys")) + field(i, Symbol("cpu_times!irq")) for i in infos)
    return busy, busy + sum(field(i, Symbol("cpu_times!idle")) for i in infos)
end

"Keep a sample; gives the one before."
function keep_sample(ticks)
    lock(REGISTRY)
    before = CPU_SAMPLE[1]
    CPU_SAMPLE[1] = ticks
    unlock(REGISTRY)
    return before
end

"The share of processor time used since the call before (the first call measures for a moment), 0 to 1."
function cpu_utilisation()
    now = cpu_ticks()
    before = keep_sample(now)
    if before === nothing
        before = now
        sleep(0.1)
        now = cpu_ticks()
        keep_sample(now)
    end
    total = now[2] - before[2]
    return total > 0 ? clamp((now[1] - before[1]) / total, 0.0, 1.0) : nothing
end

"Resident memory of this process in bytes: the present value where the system tells it, else the peak."
function resident_bytes()
    Sys.islinux() || return Sys.maxrss()
    pages = parse(Int, split(read("/proc/self/statm", String))[2])
    return pages * ccall(:jl_getpagesize, Clong, ())
end

function metrics_object()
    cells = known_cells()
    return Fields(Any[
        "rss_bytes", resident_bytes(), "free_memory_bytes", Int(Sys.free_memory()),
        "total_memory_bytes", Int(Sys.total_memory()), "gc_live_bytes", Base.gc_live_bytes(),
        "cpu_utilisation", cpu_utilisation(), "load_average", collect(Sys.loadavg()), "cpus", Sys.CPU_THREADS,
        "threads", Threads.nthreads(), "julia_threads", from_piece("threads", :thread_facts, Any[]), "uptime_s", time() - AGENT.started_at, "machine_uptime_s", Sys.uptime(),
        "julia", string(VERSION), "pid", getpid(),
        "cells_running", count(c -> c.state === :running, cells),
        "cells_queued", count(c -> c.state === :queued, cells),
        "cells_kept", length(cells), "events_bytes", sum(Int[c.kept_bytes for c in cells])])
end

function cells_list()
    cells = sort!(known_cells(), by = c -> c.submitted)
    return Any[Fields(Any["id", c.id, "notebook", c.notebook, "count", c.count, "state", String(c.state),
                      "elapsed_s", elapsed_s(c), "submitted", c.submitted, "events", length(c.events),
                      "code", limited(first(split(lstrip(c.code), '\n')), 200)])
               for c in cells]
end

function known_cells()
    lock(REGISTRY)
    try
        return contents(CELLS)
    finally
        unlock(REGISTRY)
    end
end

metrics() = metrics_object()
cells() = Fields(Any["cells", cells_list()])
