# Runs while the image is made: what is compiled by it is kept. At its end all is as before the first start.

function work_for_image()
    before = (Base.stdout, Base.stderr, Base.stdin)
    AGENT.epoch = "image"
    AGENT.server_logger = Base.CoreLogging.global_logger()
    push!(OUTPUTS, once(:(let name = "stdout", original = Base.stdout; $NEW_OUTPUT end)))
    push!(OUTPUTS, once(:(let name = "stderr", original = Base.stderr; $NEW_OUTPUT end)))
    DESCRIPTORS.targets = Any[Any[], Any[], Any[]]
    display = CellDisplay()
    try
        setglobal!(Base, :stdout, OUTPUTS[1])
        setglobal!(Base, :stderr, OUTPUTS[2])
        setglobal!(Base, :stdin, CellInput(before[3]))
        pushdisplay(display)
        take_facts()
        AGENT.epoch = "image"
        AGENT.started_at = Inf             # however long this takes, no cell needs the module EngeeKernel
        hello()
        get_worker("image").workspace = SELF
        run_for_image()
    finally
        close_worker(held(WORKERS, "image"))
        timedwait(nobody_works, 20.0)
        sleep(0.1)                     # the timer of the sleep that was interrupted
        Base.Multimedia.popdisplay(display)
        setglobal!(Base, :stdout, before[1])
        setglobal!(Base, :stderr, before[2])
        setglobal!(Base, :stdin, before[3])
        forget_work()
    end
    return nothing
end

nobody_works() = istaskdone(held(WORKERS, "image").task) && (AGENT.poller === nothing || istaskdone(AGENT.poller))

# With names as the kernel's commands have them, symbols: what is compiled is compiled for these.
function run_for_image()
    codes = Any["1 + 1", "1 + 1", "1.5", "\"é\"", ":a", "true", "nothing", "1;", "[1.0, 2.0]", "(1, \"a\")", "println(\"x\")",
                "print(stderr, \"x\")", "display(1)", "display([1])", "error(\"x\")", "undefined_name", "sqrt(-1)", "1 +",
                "throw(InterruptException())", "sleep(0.3)", "run(`echo x`)", "x = 1; x", "for i in 1:2; println(i); end"]
    number = 0
    for code in codes
        number += 1
        id = string("image-", number)
        gone = number > 1 ? String[string("image-", number - 1)] : String[]
        text = call(:submit, "image", Any["image", id, number, code, 0.2, gone,
                                          Any["max_bytes", 1000000, "workspace", "notebook", "silent", false]], nothing)
        text isa String && occursin("\"internal\"", text) && error(text)
        call(:events, "image", Any[id, 0, 5.0, Any[]], nothing)
    end
    call(:submit, "image", Any["image", "image-long", 99, "while true; sleep(0.01); end", 0.1, String[], Any["workspace", "notebook"]],
         nothing)
    call(:interrupt, "image", Any["image-long"], nothing)
    call(:finish, "image", Any["image-long"], nothing)
    call(:events, "another", Any["image-long", 0, 0.0, Any[]], nothing)
    return nothing
end

function forget_work()
    for table in (CELLS, FORGOTTEN, WORKERS, RUNNING, UNFINISHED, OUTPUTS, SERVER_LOGGERS, TEXTS, HOLDERS)
        empty!(table)
    end
    for file in DESCRIPTORS.files
        close(file.writer)
        close(file.reader)
    end
    DESCRIPTORS.files = Any[]
    DESCRIPTORS.usable = true
    DESCRIPTORS.active = false
    DESCRIPTORS.targets = nothing
    empty!(FORMS_SEEN)
    push!(FORMS_SEEN, UInt(0))
    AGENT.epoch = ""
    AGENT.image_folder = ""
    AGENT.calls = 0
    AGENT.threads = 1
    AGENT.request_threads = Any[]
    AGENT.shared_thread = 0
    AGENT.started_at = 0.0
    AGENT.server_logger = nothing
    AGENT.poller = nothing
    AGENT.ended = Any[]
    AGENT.ended_bytes = 0
    return nothing
end

# What would change Main and Base: what only the first start calls, and `ans` in Main.
function precompile_rest()
    precompile(start, (Vector{Any}, Vector{Any}, String))
    precompile(set_stream, (Symbol, Any))
    precompile(join_user_module, (Module,))
    precompile(Base.Multimedia.pushdisplay, (CellDisplay,))
    precompile(lend_answer, (Cell,))
    precompile(show_answer, (Cell, Any))
    precompile(return_answer, (Cell,))
    return nothing
end

# From 1.12 on what a workload compiles of other packages is kept only where it is tagged; before, all of it may be.
if VERSION >= v"1.12-"
    begin_tagging() = ccall(:jl_tag_newly_inferred_enable, Cvoid, ())
    end_tagging() = ccall(:jl_tag_newly_inferred_disable, Cvoid, ())
else
    begin_tagging() = nothing
    end_tagging() = nothing
end

if ccall(:jl_generating_output, Cint, ()) == 1
    begin_tagging()
    try
        Base.invokelatest(work_for_image)
        precompile_rest()
    finally
        end_tagging()
    end
end
