# Where a notebook's names are looked up.

"The module a notebook works in: its own where it has one, else Main."
function module_of(notebook)::Module
    worker = find_worker(notebook)
    return worker === nothing || worker.workspace === nothing ? Main : worker.workspace
end
