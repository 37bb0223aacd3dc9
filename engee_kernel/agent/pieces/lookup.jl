# Where a notebook's names are looked up.

# No constants: Julia has them compiled, and would look into them again at each place where it knew what is called.
acquire = lock
release = unlock
find_value = get

"The module a notebook works in: its own where it has one, else Main."
function module_of(notebook)
    acquire(REGISTRY)
    slot = find_value(WORKERS, notebook, nothing)
    release(REGISTRY)
    slot isa Vector{Any} || return Main
    workspace = (slot[1]::Worker).workspace
    return workspace isa Module ? workspace : Main
end
