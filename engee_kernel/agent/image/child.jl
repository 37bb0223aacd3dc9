# The process that makes the image. Its arguments: the package's name and uuid, the image's folder, the length of the
# source, "alone" on a machine with one core. Its input: the source, then signs of life.
# It ends itself, and the process that compiles for it, when its parent is gone, when a cell needs the only core (the
# signs of life cease), and when it takes too much time or memory.

const NAME, UUID, FOLDER, SOURCE_BYTES, PLACE = ARGS
const BASE = dirname(FOLDER)
const FAILED = string(FOLDER, ".failed")
const IMAGES_KEPT = 3
const ABANDONED_AFTER_S = 600.0        # the folder of a builder that was killed
const DISK_BYTES = 64 * 2^20
const MEMORY_BYTES = 2^30
const LIMIT_S = 300.0
const BEGAN = time()
const HEARD = Ref(time())
const MADE = Ref("")

ccall(:nice, Cint, (Cint,), 19)

function give_up(why)
    MADE[] == "" || rm(MADE[], recursive = true, force = true)
    why == "" || write(FAILED, why)    # it would be so again
    ccall(:kill, Cint, (Cint, Cint), 0, 9)     # the parent made this process the leader of a group of its own
end

function resident_bytes()
    children = split(read("/proc/self/task/$(getpid())/children", String))
    pages = sum(parse(Int, split(read("/proc/$child/statm", String))[2]) for child in children; init = 0)
    return pages * Int(ccall(:getpagesize, Cint, ()))
end

function watch(_)
    time() - BEGAN > LIMIT_S && give_up("not done after $LIMIT_S s")
    PLACE == "alone" && time() - HEARD[] > 1.0 && give_up("")
    used = try
        resident_bytes()
    catch                              # a process that has just ended, a system without these files
        0
    end
    used > MEMORY_BYTES && give_up("takes more than $MEMORY_BYTES bytes of memory")
    return nothing
end

function listen()
    while !eof(stdin)
        readavailable(stdin)
        HEARD[] = time()
    end
    give_up("")
end

"The folder to work in, \"\" where somebody else works or there is no room."
function begin_work()
    mkpath(BASE)
    for other in readdir(BASE, join = true)
        startswith(basename(other), "build-") || continue
        time() - mtime(other) < ABANDONED_AFTER_S && return ""
        rm(other, recursive = true, force = true)
    end
    return diskstat(BASE).available < DISK_BYTES ? "" : mktempdir(BASE, prefix = "build-")
end

function compile(made, source)
    package = joinpath(made, NAME)
    code = joinpath(package, "src", string(NAME, ".jl"))
    mkpath(dirname(code))
    write(joinpath(package, "Project.toml"), "name = \"$NAME\"\nuuid = \"$UUID\"\n")
    write(code, source)
    # a depot of its own takes what Julia would write into the first one
    pushfirst!(DEPOT_PATH, joinpath(made, "depot"))
    copy!(LOAD_PATH, [package, "@stdlib"])
    log = IOBuffer()
    result = try
        Base.compilecache(Base.PkgId(Base.UUID(UUID), NAME), code, log, log)
    catch problem
        problem
    end
    result isa Tuple && result[2] isa String || return string(result, "\n", String(take!(log)))
    cp(result[1], joinpath(made, "agent.ji"))
    cp(result[2], joinpath(made, "agent.so"))
    rm(joinpath(made, "depot"), recursive = true)
    return ""
end

"Of two builders the first one's image stays; mv would copy where renaming fails."
function put_in_place(made)
    isfile(joinpath(FOLDER, "agent.ji")) || rm(FOLDER, recursive = true, force = true)     # what is left of one
    return ccall(:jl_fs_rename, Int32, (Cstring, Cstring), made, FOLDER) == 0
end

"The images that were used last stay."
function remove_old()
    images = filter(path -> isfile(joinpath(path, "agent.ji")) && path != FOLDER, readdir(BASE, join = true))
    sort!(images, by = path -> mtime(joinpath(path, "agent.ji")), rev = true)
    foreach(path -> rm(path, recursive = true, force = true), images[IMAGES_KEPT:end])
    for mark in filter(endswith(".failed"), readdir(BASE, join = true))
        rm(mark, force = true)
    end
end

function main()
    source = read(stdin, parse(Int, SOURCE_BYTES))
    Timer(watch, 0.25, interval = 0.25)
    @async listen()
    MADE[] = begin_work()
    MADE[] == "" && return nothing
    why = compile(MADE[], source)
    if why == "" && put_in_place(MADE[])
        remove_old()
        return nothing
    end
    rm(MADE[], recursive = true, force = true)
    why == "" || write(FAILED, last(why, 4000))
    return nothing
end

main()
