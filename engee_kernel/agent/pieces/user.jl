# with the core

# The functions of the module EngeeKernel: it asks each installed agent whether the calling task is one of its cells'.

const USER_FUNCTIONS = :(begin
    function agent()
        for candidate in agents
            Base.invokelatest(candidate.in_some_cell) && return candidate
        end
        return nothing
    end

    "What the calling cell's agent does, or `otherwise` where no cell calls."
    function ask_agent(otherwise, name, arguments...)
        found = agent()
        return found === nothing ? otherwise() : Base.invokelatest(found.from_piece, "showing", name, Any[arguments...])
    end

    clear_output(at_next::Bool = false; wait::Bool = at_next) = ask_agent(() -> nothing, :clear_shown, wait)
    display(x; id = nothing) = (ask_agent(() -> Base.display(x), :show_value, "display", x, id); nothing)
    update(x; id) = (ask_agent(() -> Base.display(x), :show_value, "update", x, id); nothing)
    workspace() = ask_agent(() -> Main, :current_workspace)
end)

"Where the module is ours and another agent has not done it."
function fill_user_module(existing)
    existing isa Module && isdefined(existing, :agents) && !isdefined(existing, :agent) || return nothing
    Core.eval(existing, USER_FUNCTIONS)
    return nothing
end

fill_user_module(Base.invokelatest(getfield, Main, :EngeeKernel))
