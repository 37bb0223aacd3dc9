# with the core

# What a cell's code shows beside its value, and what it may ask of the agent.

function show_event(kind, data, id, cell)
    drain_descriptors(true)
    add_or_keep(cell, kind, Any["data", data, "metadata", Fields(Any[]), "id", id])
    return nothing
end

"An event of a running cell; that of a task which outlived its cell waits for the notebook's next one."
function add_or_keep(cell, kind, fields)
    add_event(cell, kind, fields) || from_piece("late", :keep_late_event, Any[cell, kind, fields])
    return nothing
end

function clear_shown(wait)
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
