# with the core

# What a front end asks to have evaluated after the cell (`user_expressions`).

evaluate_expressions(worker, cell) = in_cell(cell, replies_of, Any[worker, cell])

function replies_of(worker, cell)
    replies = Any[]
    for i in 1:2:length(cell.expressions)
        name, code = cell.expressions[i], cell.expressions[i+1]
        fields = try
            Any["status", "ok", "data", expression_bundle(worker, cell, name, code), "metadata", Fields(Any[])]
        catch error
            end_user_code(worker)
            Any["status", "error", "type", type_name(error), "message", Base.invokelatest(message_of, error)]
        end
        append!(replies, Any[name, Fields(fields)])
    end
    return Fields(replies)
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
