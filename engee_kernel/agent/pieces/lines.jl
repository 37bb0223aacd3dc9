# with the core

# Lines of frames in cells. Before 1.9 or so a macro's expansion brings line numbers of the file where the macro stands,
# and Julia takes them for lines of the cell. They are mapped to the line of the macro's call.

function mend_lines(raw, cell)
    for frame in raw
        frame isa Vector || continue
        place = match(r"In\[(\d+)\]$", frame[2])
        place === nothing && continue
        count = parse(Int, place[1])
        own = count == cell.count
        code = own ? cell.code : code_of_cell(count, cell.notebook)
        code === nothing && continue
        tree = parse_code(code, cell_name(cell))
        range = own && frame[1] == "top-level scope" ? running_lines(tree, code, cell.line) : (1:line_count(code))
        (frame[3] <= 0 || frame[3] in range) && continue
        frame[3] = line_of_macro(tree, range, frame[3], cell_module(cell))
    end
    return nothing
end

line_count(code) = 1 + count(isequal('\n'), rstrip(code))

"The lines of the top-level expression that begins in `line`."
function running_lines(tree, code, line)
    last = line_count(code)
    for ex in (tree isa Expr ? tree.args : Any[])
        ex isa LineNumberNode && ex.line > line && return line:min(last, ex.line - 1)
    end
    return line:max(line, last)
end

function line_of_macro(tree, range, line, mod)
    found = Any[]
    collect_macros!(found, tree)
    filter!(call -> call.args[2].line in range, found)
    isempty(found) && return first(range)
    if any(call -> call.args[2].line != found[1].args[2].line, found)
        for call in found
            brings_line(call, line, mod) && return call.args[2].line
        end
    end
    return found[1].args[2].line
end

function collect_macros!(found, ex)
    ex isa Expr || return nothing
    ex.head === :macrocall && length(ex.args) > 1 && ex.args[2] isa LineNumberNode && push!(found, ex)
    for part in ex.args
        collect_macros!(found, part)
    end
    return nothing
end

"Whether the call's expansion has that line."
function brings_line(call, line, mod)
    try
        return has_line(Base.invokelatest(macroexpand, mod, call, recursive = false), line)
    catch error
        error isa InterruptException && rethrow()
        return false
    end
end

has_line(ex, line) = ex isa LineNumberNode ? ex.line == line : ex isa Expr && any(part -> has_line(part, line), ex.args)

"The code of the newest cell with that number, of this notebook where it has one."
function code_of_cell(count, notebook)
    lock(REGISTRY)
    try
        best = nothing
        for cell in contents(CELLS)
            cell.count == count || continue
            rank = (cell.notebook == notebook, cell.submitted)
            (best === nothing || rank > best[1]) && (best = (rank, cell.code))
        end
        return best === nothing ? nothing : best[2]
    finally
        unlock(REGISTRY)
    end
end
