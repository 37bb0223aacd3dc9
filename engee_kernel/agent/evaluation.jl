# Evaluating a cell's code as a notebook does: soft scope, the file name In[n], `ans`, nothing run when it does not
# parse.

function parse_code(code::String, filename::String)
    isdefined(Meta, :parseall) && return Meta.parseall(code, filename = filename)
    return Base.parse_input_line(code, filename = filename)
end

"Raise SyntaxProblem when the parsed code holds an error at its top level."
function check_syntax(tree, code::String, filename::String)
    expressions = Meta.isexpr(tree, :toplevel) ? tree.args : Any[tree]
    line = 1
    for ex in expressions
        ex isa LineNumberNode && (line = ex.line)
        Meta.isexpr(ex, (:error, :incomplete)) && throw(syntax_problem(ex, line, code, filename))
    end
    return nothing
end

function syntax_problem(ex, line, code, filename)
    detail = isempty(ex.args) ? "invalid syntax" : ex.args[1]
    incomplete = ex.head === :incomplete
    if detail isa Exception            # from 1.10 on the parser's own error shows line, column and the code around
        shown = sprint(showerror, detail)
        place = match(Regex(string("\\Q", filename, "\\E:(\\d+)")), shown)
        return SyntaxProblem("ParseError", shown, place === nothing ? line : parse(Int, place[1]), incomplete)
    end
    line, column = error_place(code, incomplete)
    message = string("syntax: ", detail, "\n  at ", filename, ":", line, ":", column, "\n",
                     pointed_line(code, line, column))
    return SyntaxProblem("ParseError", message, line, incomplete)
end

# The older parser tells only what is wrong. The place is where it stopped reading; for code that ends too early, where
# the unfinished expression begins.
function error_place(code::String, incomplete::Bool)
    start = stop = 1
    while stop <= ncodeunits(code)
        start = stop
        ex, stop = Meta.parse(code, start, raise = false)
        (Meta.isexpr(ex, (:error, :incomplete)) || stop <= start) && break
    end
    at = incomplete ? findnext(!isspace, code, start) :
         findprev(!isspace, code, prevind(code, min(stop, ncodeunits(code) + 1)))
    at === nothing && (at = start)
    row = 1 + count(isequal('\n'), SubString(code, 1, prevind(code, at)))
    line_start = something(findprev(isequal('\n'), code, prevind(code, at)), 0) + 1
    return row, length(code, line_start, at)
end

function pointed_line(code, line, column)
    lines = split(code, '\n')
    line <= length(lines) || return ""
    return string("  ", chomp(lines[line]), "\n  ", " "^(column - 1), "^")
end

"""
Evaluate the whole code; the value is that of its last expression. `at` is kept at the line of the top-level
expression that runs: some errors carry no line of their own.
"""
function evaluate_code(mod::Module, code::String, filename::String, at = Ref(1))
    tree = parse_code(code, filename)
    check_syntax(tree, code, filename)
    tree === nothing && return nothing
    Meta.isexpr(tree, :toplevel) || (tree = Expr(:toplevel, tree))
    value = nothing
    line = LineNumberNode(1, Symbol(filename))
    for ex in tree.args
        if ex isa LineNumberNode
            line = LineNumberNode(ex.line, Symbol(filename))
            at[] = ex.line
            continue
        end
        # Each expression on its own, so that it sees what the one before defined.
        value = Core.eval(mod, Expr(:toplevel, line, soft_scope(ex, line)))
    end
    return value
end

# The line goes inside as well: before 1.6 traces take it from there.
function soft_scope(ex, line)
    soft = REPL.softscope(ex)
    if Meta.isexpr(soft, :block, 2) && Meta.isexpr(soft.args[1], :softscope)
        return Expr(:block, soft.args[1], line, soft.args[2])
    end
    return soft
end

function set_ans(mod::Module, value)
    if mod === Main && isdefined(Base.MainInclude, :ans)
        # From 1.9 on `ans` lives there, as the REPL does it.
        Base.invokelatest(setglobal!, Base.MainInclude, :ans, value)
    elseif !isconst(mod, :ans)
        Core.eval(mod, Expr(:(=), :ans, QuoteNode(value)))
    end
    return nothing
end

function cell_module(cell::Cell)::Module
    cell.workspace == "main" && return Main
    return notebook_module(cell.notebook)
end

function notebook_module(notebook::String)::Module
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
