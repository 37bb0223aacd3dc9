# What people call from cells: a module EngeeKernel in Main, made when that name is free. Kernels of different
# versions share it: it asks each installed agent whether the calling task is one of its cells'.

const USER_MODULE = :(
    module EngeeKernel
        const agents = Any[]
        const descriptors = Dict{Int,Vector{Any}}(1 => Any[], 2 => Any[])

        function agent()
            for candidate in agents
                Base.invokelatest(candidate.in_some_cell) && return candidate
            end
            return nothing
        end

        "`clear_output(wait = false)`: clear the cell's output, with `wait = true` when the next output comes."
        function clear_output(at_next::Bool = false; wait::Bool = at_next)
            found = agent()
            found === nothing || Base.invokelatest(found.clear_output, wait)
            return nothing
        end

        "`EngeeKernel.display(x, id = \"a\")`: show `x` in an output that `update` can replace."
        function display(x; id = nothing)
            found = agent()
            found === nothing ? Base.display(x) : Base.invokelatest(found.show_value, "display", x, id)
            return nothing
        end

        "`EngeeKernel.update(x, id = \"a\")`: replace what `display` has shown under this id."
        function update(x; id)
            found = agent()
            found === nothing ? Base.display(x) : Base.invokelatest(found.show_value, "update", x, id)
            return nothing
        end

        "`EngeeKernel.workspace()`: the module in which the notebook's cells run."
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
        agents isa Vector{Any} && push!(agents, @__MODULE__)
        targets = Base.invokelatest(isdefined, existing, :descriptors) ?
                  Base.invokelatest(getfield, existing, :descriptors) : nothing
        targets isa Dict{Int,Vector{Any}} && (DESCRIPTOR_TARGETS[] = targets)
    end
    return nothing
end

function clear_output(wait::Bool)
    cell = output_cell()
    drain_descriptors(all = true)
    cell === nothing || add_event(cell, "clear", "wait" => wait)
    return nothing
end

function show_value(kind::String, x, id)
    cell = output_cell()
    cell === nothing && return display(x)
    data = Base.invokelatest(display_bundle, x, cell)
    drain_descriptors(all = true)
    add_event(cell, kind, "data" => data, "metadata" => Object(), "id" => id === nothing ? nothing : string(id))
    return nothing
end

current_workspace() = cell_module(output_cell())
