# Evaluating a cell's code as a notebook does: soft scope, the file name In[n], `ans`, nothing run when it does not
# parse.

# From 1.6 on there is Meta.parseall.
function parse_code(code::String, filename::String)
    isdefined(Meta, :parseall) && return Base.invokelatest(parse_all, code, filename)
    return Base.parse_input_line(code, filename = filename)
end

parse_all(code::String, filename::String) = Meta.parseall(code, filename = filename)

"Raise a SyntaxProblem when the parsed code holds an error at its top level."
function check_syntax(tree, code, filename)
    list = tree isa Expr && tree.head === :toplevel ? tree.args : Any[tree]
    line = 1
    i = 1
    while i <= length(list)
        ex = list[i]
        ex isa LineNumberNode && (line = ex.line)
        ex isa Expr && (ex.head === :error || ex.head === :incomplete) &&
            throw(from_piece("syntax", :syntax_problem, Any[ex, line, code, filename]))
        i += 1
    end
    return nothing
end

"""
Evaluate the whole code; the value is that of its last expression. The cell's line is kept at that of the top-level
expression that runs: some errors carry no line of their own.
"""
function evaluate_code(mod, code, filename, cell)
    tree = parse_code(code, filename)
    check_syntax(tree, code, filename)
    tree === nothing && return nothing
    list = tree isa Expr && tree.head === :toplevel ? tree.args : Any[tree]
    name = Symbol(filename)
    line = LineNumberNode(1, name)
    with_loops = cell !== nothing && cell.loop_checkpoints && Base.invokelatest(may_loop, code)
    value = nothing
    i = 1
    while i <= length(list)
        ex = list[i]
        with_loops && Base.invokelatest(has_loop, ex) && (ex = from_piece("loops", :with_checkpoints, Any[mod, ex]))
        if ex isa LineNumberNode
            line = LineNumberNode(ex.line, name)
            cell === nothing || (cell.line = ex.line)
        else
            # Each expression on its own, so that it sees what the one before defined.
            value = Core.eval(mod, Expr(:toplevel, line, soft_scope(ex, line)))
        end
        i += 1
    end
    return value
end

# Most cells have none: they pay for a search in their text.
may_loop(code) = occursin("for", code) || occursin("while", code)

function has_loop(@nospecialize(ex))
    ex isa Expr || return false
    (ex.head === :for || ex.head === :while) && return true
    i = 1
    while i <= length(ex.args)
        has_loop(ex.args[i]) && return true
        i += 1
    end
    return false
end

# What REPL.softscope does; loading REPL takes a third of a second where it is not in the system image (1.12). The line
# goes inside as well: before 1.6 traces take it from there.
function soft_scope(ex, line)
    ex isa Expr || return ex
    head = ex.head
    if head === :toplevel
        inner = Expr(:toplevel)
        i = 1
        while i <= length(ex.args)
            push!(inner.args, soft_scope(ex.args[i], line))
            i += 1
        end
        return inner
    end
    (head === :meta || head === :import || head === :using || head === :export || head === :public ||
     head === :module || head === :error || head === :incomplete || head === :thunk) && return ex
    head === :global && only_names(ex.args) && return ex
    return Expr(:block, Expr(:softscope, true), line, ex)
end

function only_names(args)
    i = 1
    while i <= length(args)
        args[i] isa Symbol || return false
        i += 1
    end
    return true
end

"Whether the cell's value is to be hidden: its last `;` is followed by nothing but blanks and comments."
function ends_with_semicolon(code)
    occursin(";", code) || return false
    return from_piece("syntax", :hides_value, Any[code])
end

# From 1.9 on for a name that is there; before, what the C interface has for it.
const HAS_SETGLOBAL = isdefined(Core, :setglobal!)

"Set `ans`. An assignment that is evaluated takes 0.1 ms, on Julia 1.12 0.7."
function set_ans(mod, @nospecialize(value))
    isconst(mod, :ans) && return nothing
    if isdefined(mod, :ans) && !(isdefined(Core, :get_binding_type) && Core.get_binding_type(mod, :ans) !== Any)
        HAS_SETGLOBAL ? setglobal!(mod, :ans, value) : ccall(:jl_set_global, Cvoid, (Any, Any, Any), mod, :ans, value)
    else
        Core.eval(mod, Expr(:(=), :ans, QuoteNode(value)))
    end
    return nothing
end

"The module in which a cell's code runs."
cell_module(cell) = cell.workspace == "main" ? Main : from_piece("modules", :notebook_module, Any[cell.notebook])

const ANSWERS = Dict{String,Any}()     # notebook => the value of its last cell in Main
const ANSWERS_LOCK = ReentrantLock()   # guards them, and the name

"""
Whether Main's `ans` must be the notebook's while the cell runs: the code names it, a file that it includes may, or some
cell before did, perhaps in a function.
"""
names_answer(cell) = is_here("answers") || occursin("ans", cell.code) || occursin("include", cell.code) ||
                     length(cell.expressions) > 0

"The value of a cell that runs."
function keep_answer(cell, @nospecialize(value))
    cell.workspace == "main" || return set_ans(cell_module(cell), value)
    lock(ANSWERS_LOCK)
    store!(ANSWERS, cell.notebook, value)
    unlock(ANSWERS_LOCK)
    is_here("answers") && from_piece("answers", :show_answer, Any[cell, value])
    return nothing
end

"A cell ends; called again, it does nothing."
end_answer(cell) = (is_here("answers") && from_piece("answers", :return_answer, Any[cell]); nothing)
