# with the core

# The functions of the module EngeeKernel. Each of the agents that share it is asked whether the calling task is one of its
# cells'.

"What the calling cell's agent does, or `otherwise` where no cell calls."
function ask_agent(otherwise, name, arguments...)
    for agent in getfield(Main.EngeeKernel, :agents)
        Base.invokelatest(agent.in_some_cell) && return Base.invokelatest(agent.from_piece, "showing", name, Any[arguments...])
    end
    return otherwise()
end

clear_cell(at_next::Bool = false; wait::Bool = at_next) = ask_agent(() -> nothing, :clear_shown, wait)
show_in_cell(x; id = nothing) = (ask_agent(() -> display(x), :show_value, "display", x, id); nothing)
update_in_cell(x; id) = (ask_agent(() -> display(x), :show_value, "update", x, id); nothing)
workspace_of_cell() = ask_agent(() -> Main, :current_workspace)

"Where the module is ours and another agent has not done it."
function fill_user_module(existing)
    existing isa Module && isdefined(existing, :agents) && !isdefined(existing, :workspace) || return nothing
    for (name, f) in (:clear_output => clear_cell, :display => show_in_cell, :update => update_in_cell,
                      :workspace => workspace_of_cell)
        Core.eval(existing, Expr(:const, Expr(:(=), name, f)))
    end
    return nothing
end

fill_user_module(Base.invokelatest(getfield, Main, :EngeeKernel))
