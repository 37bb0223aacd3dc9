# What people call from cells: a module EngeeKernel in Main, made when that name is free. Kernels of different
# versions share it: it asks each installed agent whether the calling task is one of its cells'.

const USER_MODULE = :(
    module EngeeKernel
        const agents = Any[]
        const descriptors = Any[Any[], Any[], Any[]]

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

"Take part in what kernels of different versions share, where the name EngeeKernel is not the person's own."
function join_user_module(existing)
    DESCRIPTORS.targets = Any[Any[], Any[], Any[]]
    existing isa Module && isdefined(existing, :agents) && isdefined(existing, :descriptors) || return nothing
    push!(getfield(existing, :agents), SELF)
    DESCRIPTORS.targets = getfield(existing, :descriptors)
    length(DESCRIPTORS.targets) < 3 && push!(DESCRIPTORS.targets, Any[])       # an older kernel's has two
    return nothing
end

function clear_output(wait)
    cell = output_cell()
    drain_descriptors(true)
    cell === nothing || add_or_keep(cell, "clear", Any["wait", wait])
    return nothing
end

function show_value(kind, x, id)
    cell = output_cell()
    cell === nothing && return display(x)
    show_event(kind, Base.invokelatest(bundle, x, cell), id === nothing ? nothing : string(id), cell)
    return nothing
end

current_workspace() = cell_module(output_cell())
