# calls: is_complete

# Whether code is a whole cell, for consoles.

# A line after which the next one is indented: it opens a block or a list.
const OPENERS = r"""
    ^\s*(?:function|macro|for|while|if|elseif|else|try|catch|finally|let|begin|struct|mutable|module|quote)\b
    | \bdo\b[^()]*$
    | [(\[{,]\s*$
    | \b(?:begin|let|quote)\s*$"""x

function completeness(code::String)
    first_char = findfirst(!isspace, code)
    first_char === nothing && return Fields(Any["status", "complete", "indent", ""])
    code[first_char] in ('?', ';', ']') && return Fields(Any["status", "complete", "indent", ""])
    tree = parse_code(code, "none")
    status = worst_status(tree)
    indent = ""
    if status == "incomplete"
        lines = filter(line -> !all(isspace, line), split(code, '\n'))
        last = lines[end]
        indent = String(match(r"^[ \t]*", last).match)
        occursin(OPENERS, last) && (indent *= "    ")
    end
    return Fields(Any["status", status, "indent", indent])
end

function worst_status(tree)
    expressions = Meta.isexpr(tree, :toplevel) ? tree.args : Any[tree]
    any(ex -> Meta.isexpr(ex, :incomplete), expressions) && return "incomplete"
    any(ex -> Meta.isexpr(ex, :error), expressions) && return "invalid"
    return "complete"
end

is_complete(code) = completeness(code)
