# What people call from cells: a module EngeeKernel in Main, made when that name is free. Kernels of different
# versions share it: it asks each installed agent whether the calling task is one of its cells'.

const USER_MODULE = :(
    module EngeeKernel
        const agents = Any[]
        const descriptors = Any[Any[], Any[]]

        function agent()
            for candidate in agents
                Base.invokelatest(candidate.in_some_cell) && return candidate
            end
            return nothing
        end

        function clear_output(at_next::Bool = false; wait::Bool = at_next)
            found = agent()
            found === nothing || Base.invokelatest(found.clear_output, wait)
            return nothing
        end

        function display(x; id = nothing)
            found = agent()
            found === nothing ? Base.display(x) : Base.invokelatest(found.show_value, "display", x, id)
            return nothing
        end

        function update(x; id)
            found = agent()
            found === nothing ? Base.display(x) : Base.invokelatest(found.show_value, "update", x, id)
            return nothing
        end

        function workspace()
            found = agent()
            return found === nothing ? Main : Base.invokelatest(found.current_workspace)
        end
    end
)

function install_user_module()
    if !isdefined(Main, :EngeeKernel)
        Core.eval(Main, Expr(:toplevel, USER_MODULE))
    end
    existing = Base.invokelatest(getfield, Main, :EngeeKernel)
    if existing isa Module && Base.invokelatest(isdefined, existing, :agents)
        agents = Base.invokelatest(getfield, existing, :agents)
        agents isa Vector{Any} && push!(agents, SELF)
        targets = Base.invokelatest(isdefined, existing, :descriptors) ?
                  Base.invokelatest(getfield, existing, :descriptors) : nothing
        targets === nothing || (DESCRIPTORS.targets = targets)
    end
    DESCRIPTORS.targets === nothing && (DESCRIPTORS.targets = Any[Any[], Any[]])
    return nothing
end

function clear_output(wait)
    cell = output_cell()
    drain_descriptors(true)
    cell === nothing || add_event(cell, "clear", Any["wait", wait])
    return nothing
end

function show_value(kind, x, id)
    cell = output_cell()
    cell === nothing && return display(x)
    show_event(kind, Base.invokelatest(bundle, x, cell), id === nothing ? nothing : string(id), cell)
    return nothing
end

current_workspace() = cell_module(output_cell())
