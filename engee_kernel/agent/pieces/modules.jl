# with the core

# The modules of notebooks that do not work in Main.

"The notebook's, made on first use."
function notebook_module(notebook)
    worker = get_worker(notebook)
    worker.workspace === nothing && (worker.workspace = new_module())
    return worker.workspace
end

function new_module()
    mod = Module(:Notebook)            # this constructor brings `using Base` along, but neither eval nor include
    Core.eval(mod, quote
        eval(x) = Core.eval($mod, x)
        include(path::AbstractString) = Base.include($mod, path)
        ans = nothing
    end)
    if isdefined(Main, :EngeeKernel)
        Core.eval(mod, :(const EngeeKernel = $(Base.invokelatest(getfield, Main, :EngeeKernel))))
    end
    return mod
end
