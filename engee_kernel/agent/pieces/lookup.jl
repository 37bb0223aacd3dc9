# Where a notebook's names are looked up.

"The module a notebook works in: its own where it has one, else Main."
function module_of(notebook)
    # invokelatest: a lock is much to compile
    Base.invokelatest(lock, REGISTRY)
    slot = Base.invokelatest(get, WORKERS, notebook, nothing)
    Base.invokelatest(unlock, REGISTRY)
    slot isa Vector{Any} || return Main
    workspace = (slot[1]::Worker).workspace
    return workspace === nothing ? Main : workspace
end
