# with the core

# The REPL's modes by the cell's first character: ?help, ;shell, ]pkg.

function run_mode(cell)
    code = cell.code
    start = findfirst(c -> !(c in " \t\n\v\f\r"), code)
    mod = cell_module(cell)
    mark = code[start]
    mark == '?' && return help(mod, strip(code[nextind(code, start):end]))
    mark == ';' && return run_shell(mod, code)
    return run_pkg(code)
end

# `??name` asks for the whole text.
function help(mod, text)
    whole = startswith(text, "?")
    docs = from_piece("docstrings", :docstrings, Any[mod, String(lstrip(text, '?'))])
    docs === nothing || return Fields(Any["docs", docs, "whole", whole])
    need("documentation")
    # The search hints go to stdout, the help itself is the value.
    return Core.eval(mod, from_piece("documentation", :help_expression, Any[stdout, String(text), mod]))
end

"Each line is a command of its own, as in the REPL; `\$name` is Julia's interpolation, cd changes Julia's directory."
function run_shell(mod, code)
    for line in split(code, '\n')
        command = lstrip(strip(line), ';')
        all(isspace, command) && continue
        parsed = Base.shell_parse(String(command))[1]
        Core.eval(mod, :($(Base.repl_cmd)($(Base.cmd_gen)($parsed), $(Base.stdout))))
    end
    return nothing
end

say_interactive(mode) = isdefined(mode, :PRINTED_REPL_WARNING) && (mode.PRINTED_REPL_WARNING[] = true)

function run_pkg(code)
    pkg = library("44cfe95a-1eb2-52ea-b672-e2afdf69b78f", "Pkg")    # only now: loading it takes a while
    # A person types here: Pkg's remark that this mode is for people alone, not for scripts, is not for them.
    Base.invokelatest(say_interactive, Base.invokelatest(getfield, pkg, :REPLMode))
    for line in split(code, '\n')
        command = lstrip(strip(line), ']')
        all(isspace, command) && continue
        name = GlobalRef(pkg, Symbol("@pkg_str"))
        Core.eval(Main, Expr(:macrocall, name, LineNumberNode(1, :none), String(strip(command))))
    end
    return nothing
end
