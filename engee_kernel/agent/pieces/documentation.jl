# with the core

# Julia's own help on a name.

const REPL = library("3fa0cd96-eef1-5676-8a61-b3b8758bbffb", "REPL")

# Older versions take no module: the expression is evaluated in it all the same.
function help_expression(io, text, mod)
    hasmethod(REPL.helpmode, Tuple{IO,String,Module}) && return REPL.helpmode(io, text, mod)
    return REPL.helpmode(io, text)
end
