# The process that makes the image: name, uuid, source, folder for the result, "alone" on a machine with one core.
# It ends itself, and the process that compiles for it, when its parent is gone, when a cell needs the only core (the
# parent sends no signs of life meanwhile), and when it takes too much time or memory.

const NAME, UUID, SOURCE, TARGET, PLACE = ARGS
const ALONE = PLACE == "alone"
const BEGAN = time()
const HEARD = Ref(time())

ccall(:nice, Cint, (Cint,), 19)

# The parent made this process the leader of a group of its own.
give_up() = ccall(:kill, Cint, (Cint, Cint), 0, 9)

function resident_bytes()
    children = split(read("/proc/self/task/$(getpid())/children", String))
    pages = sum(parse(Int, split(read("/proc/$child/statm", String))[2]) for child in children; init = 0)
    return pages * Int(ccall(:getpagesize, Cint, ()))
end

function watch(_)
    too_long = time() - BEGAN > 180.0 || (ALONE && time() - HEARD[] > 1.0)
    too_large = try
        resident_bytes() > 2^30
    catch                              # a process that has just ended, a system without these files
        false
    end
    (too_long || too_large) && give_up()
    return nothing
end

Timer(watch, 0.25, interval = 0.25)
@async begin
    while !eof(stdin)
        readavailable(stdin)
        HEARD[] = time()
    end
    give_up()
end

const MADE = Base.compilecache(Base.PkgId(Base.UUID(UUID), NAME), SOURCE, stderr, stderr)
(MADE isa Tuple && MADE[2] isa String) || error("no image: $MADE")
cp(MADE[1], joinpath(TARGET, "agent.ji"))
cp(MADE[2], joinpath(TARGET, "agent.so"))
