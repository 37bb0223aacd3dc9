# Taking hold in the process, once: the streams, the display, the epoch.

"""
Called by the install command, by every kernel that installs; only the first call acts. `texts` holds name, source, …
of the pieces that come with the core, `holders` the names of their calls: call, piece, … `image_folder` is where an
image of the agent was looked for; "" where it was not.
"""
function start(texts, holders, image_folder)
    lock(REGISTRY)
    try
        if AGENT.epoch == ""
            append!(TEXTS, texts)
            append!(HOLDERS, holders)
            AGENT.image_folder = image_folder
            once(TAKE_HOLD)
        end
    finally
        unlock(REGISTRY)
    end
    return hello()
end

# Expressions that are evaluated once: Julia interprets them, which is quicker than compiling a function for one call.
# Fields by getfield and setfield!, which need no compiling either.
once(expressions) = Core.eval(SELF, expressions)

# The stream below `original` and other wrappers, three at most: interpreted code has no loops.
const INNER = :(original isa Base.AbstractPipe ? Base.pipe_writer(original) : original)
const BASE = :(let original = $INNER; let original = $INNER; $INNER end end)

const NEW_OUTPUT = :(let base = $BASE
    has_handle = base isa Base.LibuvStream && isdefined(base, :handle)    # a file has none, and Engee's streams are pipes
    handle = has_handle ? getfield(base, :handle) : C_NULL
    status = has_handle ? getfield(base, :status) : Base.StatusClosed
    $(Expr(:new, :CellOutput, :handle, :status, :(IOBuffer()), nothing, :(ReentrantLock()), :name, :original, 0))
end)

const TAKE_HOLD = :(begin
    push!(OUTPUTS, let name = "stdout", original = Base.stdout; $NEW_OUTPUT end)
    push!(OUTPUTS, let name = "stderr", original = Base.stderr; $NEW_OUTPUT end)
    set_stream(:stdout, OUTPUTS[1])
    set_stream(:stderr, OUTPUTS[2])
    set_stream(:stdin, $(Expr(:new, :CellInput, :(Base.stdin))))
    isdefined(Main, :EngeeKernel) || $USER_MODULE
    # invokelatest: this code is older than the name, of which Julia 1.12 warns
    Base.invokelatest(join_user_module, Base.invokelatest(getfield, Main, :EngeeKernel))
    pushdisplay(CellDisplay())
    # Julia 1.11 and later load packages in a world of their own, older than this agent: what is printed there would find
    # no method for its streams, and be lost.
    isdefined(Base, :_require_world_age) && setindex!(Base._require_world_age, Base.get_world_counter())
    take_facts()
end)

"What the agent knows of its process from the start. The epoch: what no other has, its number and what two clocks say."
function take_facts()
    AGENT.server_logger = Base.CoreLogging.global_logger()
    AGENT.threads = (isdefined(Threads, :maxthreadid) ? Threads.maxthreadid() : Threads.nthreads())::Int
    AGENT.started_at = time()
    io = IOBuffer()
    # each of a length that stays
    put_whole(io, 1_000_000_000 + Int(getpid()))
    put_whole(io, 1_000_000_000 + rem(time_ns() % Int, 1_000_000_000))
    put_whole(io, unsafe_trunc(Int, AGENT.started_at * 1.0e6))
    AGENT.epoch = String(take!(io))
    return nothing
end

append!(CALLABLE, Any["submit", submit, "events", events, "define", defined])
