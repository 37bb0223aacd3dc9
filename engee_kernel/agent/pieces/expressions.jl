# with the core

# What a front end asks to have evaluated after the cell (`user_expressions`).

mutable struct Expressions
    replies::Any
end

function evaluate_expressions(worker, cell)
    asked = Expressions(Any[])
    in_cell(asked, worker, cell)
    return Fields(asked.replies)
end

(asked::Expressions)(worker, cell) = evaluate_asked(asked, worker, cell)

function evaluate_asked(asked, worker, cell)
    for i in 1:2:length(cell.expressions)
        name, code = cell.expressions[i], cell.expressions[i+1]
        fields = try
            Any["status", "ok", "data", expression_bundle(worker, cell, name, code), "metadata", Fields(Any[])]
        catch error
            end_user_code(worker)
            Any["status", "error", "type", type_name(error), "message", Base.invokelatest(message_of, error)]
        end
        append!(asked.replies, Any[name, Fields(fields)])
    end
    return nothing
end

function expression_bundle(worker, cell, name, code)
    begin_user_code(worker, cell)
    try
        value = evaluate_code(cell_module(cell), code, string(cell_name(cell), " expression ", name), nothing)
        return Base.invokelatest(bundle, value, cell)
    finally
        end_user_code(worker)
    end
end
