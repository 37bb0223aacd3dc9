# Taking hold in the process, once: the streams, the display, the epoch.

const STARTED = Ref(false)
const WARM_UP = "engee-kernel-warm-up"

"Called by the install command, by every kernel that installs; only the first call acts."
function start()::String
    with_lock(REGISTRY) do
        STARTED[] && return nothing
        EPOCH[] = string(rand(RandomDevice(), UInt64), base = 16, pad = 16)
        SERVER_LOGGER[] = global_logger()
        STARTED_AT[] = time()
        install_outputs()
        install_input()
        install_user_module()
        pushdisplay(CellDisplay())
        STARTED[] = true
        # Compiling the way of a cell takes seconds, once. It is done while the person still reads or types.
        @async warm_up()
        return nothing
    end
    return hello()
end

function warm_up()
    for (number, code) in enumerate(("println(\"x\"); [1.0]", "error(\"x\")"))
        id = string(WARM_UP, number)
        submit(EPOCH[], WARM_UP, id, number, code, 10.0, String[]; workspace = "notebook")
        person_waits = with_lock(REGISTRY) do
            delete!(CELLS, id)
            !isempty(CELLS)
        end
        person_waits && break
    end
    worker = with_lock(() -> pop!(WORKERS, WARM_UP, nothing), REGISTRY)
    if worker !== nothing
        close(worker.queue)
        close(worker.interrupts)
    end
    return nothing
end
