# Engee's own modules in the process, and what they log and print from background tasks.

module Background

using ..EngeeLocal: EngeeLocal

const DEBUGGED = "BackendLib,AbstractAPI"
const GENERATION = Threads.Atomic{Int}(0)

"Load Engee's modules as roots, as packages of its system are: loaded, yet unknown to `Base.find_package`."
function load_modules()
    isdefined(Main, :BackendLib) && return nothing
    Base.include(Base.__toplevel__, joinpath(@__DIR__, "backend.jl"))
    for name in (:BackendLib, :AbstractAPI)
        Core.eval(Main, Expr(:const, Expr(:(=), name, Base.root_module(Base.PkgId(string(name))))))
    end
    Core.eval(Main, :(using .BackendLib))  # for EngeeNothing, which people see without a module's name
    return nothing
end

engee_module(name::Symbol) = Base.invokelatest(getfield, Main, name)

"What a cleared variable holds."
function cleared()
    load_modules()
    return Base.invokelatest(Base.invokelatest(getfield, engee_module(:BackendLib), :EngeeNothing))
end

"In the world of its begin, as such tasks are: methods that are defined later are not there."
function go_on(work, seconds::Float64, generation::Int)
    while GENERATION[] == generation
        work()
        sleep(seconds)
    end
    return nothing
end

"Begin or end the background tasks: one on the thread of the loop, one on any thread."
function every(seconds::Float64)
    generation = Threads.atomic_add!(GENERATION, 1) + 1
    if seconds == 0
        EngeeLocal.NOTE[] = nothing
        delete!(ENV, "JULIA_DEBUG")
        return nothing
    end
    load_modules()
    ENV["JULIA_DEBUG"] = DEBUGGED
    backend = engee_module(:BackendLib)
    interface = engee_module(:AbstractAPI)
    EngeeLocal.NOTE[] = Base.invokelatest(getfield, backend, :note_request)
    beat = Base.invokelatest(getfield, backend, :beat)
    poll = Base.invokelatest(getfield, interface, :poll)
    # the newest world has what was just loaded
    @async Base.invokelatest(go_on, beat, seconds, generation)
    Threads.@spawn Base.invokelatest(go_on, poll, seconds, generation)
    return nothing
end

end # module Background
