# calls: image_state, image_build

# The image of the agent on the person's disk: made while nothing runs, loaded by the next fresh Julia. The process that
# makes it is in ../image/child.jl: here is as little as can be, for it is compiled while somebody may wait.

const BUILD_MEMORY_BYTES = 2^30
const BUILDER = Any[nothing]           # the process that makes the image
const BUILDING = ReentrantLock()       # held by who begins: of two requests one starts it

is_from_image() = Base.moduleroot(SELF) === SELF
is_building() = BUILDER[1] !== nothing && process_running(BUILDER[1])

"The folder for this Julia; \"\" where there is none. Where it was not found out at the start, `place`, a program, tells it."
function image_folder(place)
    (VERSION >= v"1.11" && VERSION < v"1.13-") || return ""
    return AGENT.image_folder == "" ? include_string(SELF, place, "place")::String : AGENT.image_folder
end

function image_found(folder)
    folder == "" && return "impossible"
    is_from_image() && return "used"
    isfile(joinpath(folder, "agent.ji")) && return "there"
    is_building() && return "building"
    return isfile(string(folder, ".failed")) ? "failed" : "none"
end

function image_state(place)
    folder = image_folder(place)
    bytes = 0
    for name in ("agent.ji", "agent.so")
        bytes += folder == "" ? 0 : filesize(joinpath(folder, name))
    end
    return Fields(Any["state", image_found(folder), "folder", folder, "bytes", bytes, "julia", Base.VERSION_STRING])
end

"Begin to make the image unless it is there, or something else needs the machine (\"later\"). Gives the state at once."
function image_build(place, name, uuid, source, child)
    folder = image_folder(place)
    lock(BUILDING)
    try
        state = image_found(folder)
        if state == "none"
            state = some_cell_unfinished() || Sys.free_memory() < BUILD_MEMORY_BYTES ? "later" : "building"
            state == "building" && Base.invokelatest(start_builder, folder, name, uuid, source, child)
        end
        return Fields(Any["state", state, "folder", folder])
    finally
        unlock(BUILDING)
    end
end

function start_builder(folder, name, uuid, source, child)
    words = copy(Base.julia_cmd().exec)            # the flags of this Julia, so that the image fits it
    append!(words, String["--startup-file=no", "--history-file=no", "--threads=1", "--heap-size-hint=512M", "-e", child,
                          name, uuid, folder, string(sizeof(source)), Sys.CPU_THREADS == 1 ? "alone" : "beside"])
    # a group of its own: what compiles for it ends with it
    process = open(pipeline(Cmd(Cmd(words), detach = true), stdout = devnull, stderr = devnull), "w")
    BUILDER[1] = process
    schedule(Task(Later(give_signs, Any[process, source])))
    return nothing
end

"Signs of life for a child process as long as it runs; `text` goes before them."
function give_signs(process, text)
    while process_running(process)
        if !(Sys.CPU_THREADS == 1 && some_cell_unfinished())
            try
                write(process, text)
                text = "\n"
            catch error
                error isa Base.IOError || rethrow()        # it ended just now
            end
        end
        sleep(0.25)
    end
    close(process)
    return nothing
end
