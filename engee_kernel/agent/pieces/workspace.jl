# needs: lookup
# calls: variables, reset, open_workspace

# A notebook's variables: list them, clear them.

function variable_names(mod::Module)
    found = Symbol[]
    for name in names(mod, all = true)
        text = String(name)
        (startswith(text, "#") || startswith(text, "EngeeKernel")) && continue
        name in (:ans, :eval, :include, nameof(mod)) && continue
        (Base.isdeprecated(mod, name) || !isdefined(mod, name)) && continue
        value = Base.invokelatest(getfield, mod, name)
        value isa Union{Module,Function,Type} && continue
        push!(found, name)
    end
    return sort!(found)
end

function describe_variables(mod::Module)
    return Any[describe_variable(name, Base.invokelatest(getfield, mod, name)) for name in variable_names(mod)]
end

function describe_variable(name::Symbol, value)
    return Fields(Any["name", String(name), "type", or_else(() -> string(typeof(value)), type_name(value)), "size_bytes",
                  or_else(() -> size_of(value), nothing), "summary", summary_of(value)])
end

"One variable whose methods fail must not hide the others."
function or_else(f, otherwise)
    try
        return Base.invokelatest(f)
    catch error
        error isa InterruptException && rethrow()
        return otherwise
    end
end

# Walking through a very large collection of references would hold up every other request.
function size_of(value)
    value isa Array && isbitstype(eltype(value)) && return sizeof(value)
    value isa Union{AbstractArray,AbstractDict,AbstractSet} && length(value) > 100_000 && return nothing
    return Base.summarysize(value)
end

function summary_of(value)
    try
        text = value isa AbstractArray ? Base.invokelatest(summary, value) :
               sprint((io, x) -> Base.invokelatest(show, IOContext(io, :limit => true, :compact => true), x), value)
        return limited(first(split(text, '\n')), 200)
    catch error
        return string("(showing it failed with ", nameof(typeof(error)), ")")
    end
end

"""
Clear the notebook's variables: a module of its own is made anew; in Main, where names cannot be removed, the variables
become nothing, and what cannot (constants, typed globals) is told.
"""
function reset_workspace(notebook)
    worker = find_worker(notebook)
    if worker !== nothing && worker.workspace !== nothing
        worker.workspace = from_piece("modules", :new_module, Any[])
        return Fields(Any["workspace", "notebook", "cleared", Any[], "kept", Any[]])
    end
    cleared, kept = Any[], Any[]
    for name in variable_names(Main)
        if isconst(Main, name)
            push!(kept, Fields(Any["name", String(name), "reason", "a constant"]))
            continue
        end
        try
            Core.eval(Main, Expr(:(=), name, nothing))
            push!(cleared, String(name))
        catch error                    # a global declared with a type
            push!(kept, Fields(Any["name", String(name), "reason", limited(message_of(error), 200)]))
        end
    end
    from_piece("answers", :forget_answer, Any[notebook])
    return Fields(Any["workspace", "main", "cleared", cleared, "kept", kept])
end

# The calls

variables(notebook) = Fields(Any["variables", describe_variables(module_of(notebook))])
reset(notebook) = reset_workspace(notebook)

"Make the notebook's own workspace if it has none, so that questions about variables are not about Main."
function open_workspace(notebook)
    from_piece("modules", :notebook_module, Any[notebook])
    return Fields(Any["workspace", "notebook"])
end
