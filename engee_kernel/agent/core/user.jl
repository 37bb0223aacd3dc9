# What people call from cells: a module EngeeKernel in Main, made when that name is free. Kernels of different versions
# share it. Its functions are in the piece `user`.

# Without Base's names: `EngeeKernel.display` must mean nothing else before its functions are there.
const USER_MODULE = :(let shared = Module(:EngeeKernel, false)
    Core.eval(shared, Expr(:const, Expr(:(=), :agents, Any[])))
    Core.eval(shared, Expr(:const, Expr(:(=), :descriptors, Any[Any[], Any[], Any[]])))
    Core.eval(Main, Expr(:const, Expr(:(=), :EngeeKernel, shared)))
end)

"Take part in what kernels of different versions share, where the name EngeeKernel is not the person's own."
function join_user_module(existing)
    DESCRIPTORS.targets = Any[Any[], Any[], Any[]]
    existing isa Module && isdefined(existing, :agents) && isdefined(existing, :descriptors) || return nothing
    push!(getfield(existing, :agents), SELF)
    DESCRIPTORS.targets = getfield(existing, :descriptors)
    length(DESCRIPTORS.targets) < 3 && push!(DESCRIPTORS.targets, Any[])       # an older kernel's has two
    return nothing
end

"""
Whether a cell may call them: its code names the module, or brings code along that may. What was there before may as well,
seldom: so every cell may that is not among the first.
"""
may_call_us(cell) = occursin("EngeeKernel", cell.code) || occursin("include", cell.code) || occursin("using", cell.code) ||
                    occursin("import", cell.code) || time() - AGENT.started_at > 20
