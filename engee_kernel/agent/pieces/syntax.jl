# with the core

# What is wrong with code that does not parse, and where.

"Code that does not parse, found before any of it ran."
struct SyntaxProblem <: Exception
    type::Any
    message::Any
    line::Any
    incomplete::Any
end

Base.showerror(io::IO, problem::SyntaxProblem) = print(io, problem.message)

"The fields of its error event; nothing for an exception of another kind."
function problem_fields(error, cell)
    error isa SyntaxProblem || return nothing
    return Any["type", error.type, "short", limited(error.message, 1000), "message", error.message, "cell", cell_name(cell),
               "line", error.line]
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

function hides_value(code)
    at = findlast(isequal(';'), code)
    rest = code[nextind(code, at):end]
    while true
        rest = lstrip(rest)
        isempty(rest) && return true
        if startswith(rest, "#=")
            rest = after_block_comment(rest)
            rest === nothing && return false
        elseif startswith(rest, "#")
            stop = findfirst(isequal('\n'), rest)
            stop === nothing && return true
            rest = rest[nextind(rest, stop):end]
        else
            return false
        end
    end
end

function after_block_comment(text)
    depth = 0
    i = firstindex(text)
    while i <= lastindex(text)
        two = SubString(text, i, min(nextind(text, i), lastindex(text)))
        if two == "#="
            depth += 1
            i = nextind(text, i)
        elseif two == "=#"
            depth -= 1
            i = nextind(text, i)
            depth == 0 && return text[nextind(text, i):end]
        end
        i = nextind(text, i)
    end
    return nothing
end
