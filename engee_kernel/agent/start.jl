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
        @async (warm_up(); warm_up_questions())
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

const REST_S = 1.0
const FIRST_CELL_S = 20.0
const RESTS_LIMIT = 120

"""
What Tab and Shift-Tab take: the first ones would come too late for front ends (JupyterLab gives them a second).
In pieces, since compiling holds up everything else.
"""
function warm_up_questions()
    docs = Ref{Any}()
    pieces = (() -> completions_of(Main, "printl", 6), () -> docs[] = documentation(Main, "sqrt"),
              () -> sprint(show, MIME("text/plain"), docs[]), () -> sprint(show, MIME("text/html"), docs[]),
              () -> inspection(Main, "sqrt", 4, 0), () -> completeness("1"))
    for piece in pieces
        rests = 0
        while !is_resting()
            (rests += 1) > RESTS_LIMIT && return nothing
            sleep(REST_S / 2)
        end
        Base.invokelatest(piece)
    end
    return nothing
end

# A cell that was run at once after the start is the one that must not wait.
is_resting() = with_lock(REGISTRY) do
    isempty(CELLS) && return time() - STARTED_AT[] > FIRST_CELL_S
    return all(cell -> cell.state === :done && time() - cell.submitted > REST_S, values(CELLS))
end
