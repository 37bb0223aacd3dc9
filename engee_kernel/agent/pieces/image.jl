# calls: image_state, image_build

# The image of the agent on the person's disk: made while nothing runs, loaded by the next fresh Julia. What is done
# with it in a process of its own is in ../image/child.jl.

const IMAGES_KEPT = 3
const ABANDONED_AFTER_S = 600.0        # a folder of a builder that has been killed
const BUILD_MEMORY_BYTES = 2^30
const BUILD_DISK_BYTES = 64 * 2^20

mutable struct ImageBuild
    process::Any
    outcome::Any                       # "" while it goes on
end
const IMAGE_BUILD = ImageBuild(nothing, "")

is_image_possible() = VERSION >= v"1.11" && VERSION < v"1.13-"
is_from_image() = Base.moduleroot(SELF) === SELF

"The place, a Julia program, tells the folder for this Julia; \"\" where there is none."
image_folder(place) = is_image_possible() ? include_string(SELF, place, "place")::String : ""

function image_state(place)
    folder = image_folder(place)
    is_there = folder != "" && isfile(joinpath(folder, "agent.ji"))
    state = folder == "" ? "impossible" : is_from_image() ? "used" : IMAGE_BUILD.process !== nothing ? "building" :
            is_there ? "there" : "none"
    bytes = is_there ? sum(filesize(joinpath(folder, name)) for name in readdir(folder)) : 0
    return Fields(Any["state", state, "folder", folder, "bytes", bytes, "julia", Base.VERSION_STRING, "outcome",
                      IMAGE_BUILD.outcome])
end

"""
Begin to make the image. Gives at once what became of it: "building", "used" or "there", "impossible", "later" when
something else needs the machine, or why it can't be.
"""
function image_build(place, name, uuid, source, child)
    folder = image_folder(place)
    outcome = folder == "" ? "impossible" : is_from_image() ? "used" : isfile(joinpath(folder, "agent.ji")) ? "there" :
              some_cell_unfinished() || Sys.free_memory() < BUILD_MEMORY_BYTES ? "later" : ""
    outcome == "" && (outcome = start_build(folder, name, uuid, source, child))
    return Fields(Any["state", outcome, "folder", folder])
end

function start_build(folder, name, uuid, source, child)
    lock(DEFINING)
    try
        IMAGE_BUILD.process === nothing || return "building"
        base = mkpath(dirname(folder))
        for other in readdir(base, join = true)
            startswith(basename(other), "build-") || continue
            time() - mtime(other) < ABANDONED_AFTER_S && return "building"
            rm(other, recursive = true, force = true)
        end
        diskstat(base).available < BUILD_DISK_BYTES && return "no room on the disk"
        made = mktempdir(base, prefix = "build-")
        package = joinpath(made, name)
        code = joinpath(package, "src", string(name, ".jl"))
        mkpath(dirname(code))
        write(joinpath(package, "Project.toml"), "name = \"$name\"\nuuid = \"$uuid\"\n")
        write(code, source)
        write(joinpath(made, "child.jl"), child)
        IMAGE_BUILD.outcome = ""
        IMAGE_BUILD.process = open(build_command(made, package, code, name, uuid), "w")
        schedule(Task(() -> see_through(made, folder)))
        return "building"
    catch error
        error isa SystemError || error isa Base.IOError || rethrow()
        IMAGE_BUILD.outcome = message_of(error)
        return IMAGE_BUILD.outcome     # a disk that is full or read-only
    finally
        unlock(DEFINING)
    end
end

# The flags of this Julia, so that the image fits it. A depot of its own takes what Julia would write into the first one.
function build_command(made, package, code, name, uuid)
    alone = Sys.CPU_THREADS == 1 ? "alone" : "beside"
    command = `$(Base.julia_cmd()) --startup-file=no --history-file=no --threads=1 --heap-size-hint=512M
               $(joinpath(made, "child.jl")) $name $uuid $code $made $alone`
    command = addenv(command, "JULIA_DEPOT_PATH" => join([joinpath(made, "depot"); DEPOT_PATH], ':'),
                     "JULIA_LOAD_PATH" => string(package, ":@stdlib"), "JULIA_PROJECT" => nothing, "JULIA_DEBUG" => nothing)
    # a group of its own: it can be ended together with the process that compiles for it
    return pipeline(Cmd(command, detach = true, dir = made), stdout = joinpath(made, "log"), stderr = joinpath(made, "log"),
                    append = true)
end

"Tell the process that it may go on, until it has ended; then put into place what it made."
function see_through(made, folder)
    process = IMAGE_BUILD.process
    outcome = "failed"
    try
        while process_running(process)
            (Sys.CPU_THREADS == 1 && some_cell_unfinished()) || write(process, "\n")
            sleep(0.25)
        end
        outcome = success(process) ? put_in_place(made, folder) : string("failed: ", last_lines(joinpath(made, "log")))
    catch error
        outcome = message_of(error)
    finally
        close(process)
        rm(made, recursive = true, force = true)
        IMAGE_BUILD.outcome = outcome
        IMAGE_BUILD.process = nothing
    end
    return nothing
end

last_lines(log) = isfile(log) ? last(read(log, String), 500) : ""

function put_in_place(made, folder)
    for name in ("depot", "child.jl", "log")
        rm(joinpath(made, name), recursive = true, force = true)
    end
    # mv would copy where renaming fails; of two builders the first one's image stays
    ccall(:jl_fs_rename, Int32, (Cstring, Cstring), made, folder) == 0 || return "another was first"
    remove_old_images(dirname(folder))
    return "built"
end

"The images that were used last stay."
function remove_old_images(base)
    images = filter(path -> startswith(basename(path), "EngeeKernelAgent_"), readdir(base, join = true))
    sort!(images, by = path -> mtime(joinpath(path, "agent.ji")), rev = true)
    for image in images[min(end + 1, IMAGES_KEPT + 1):end]
        rm(image, recursive = true, force = true)
    end
    return nothing
end
