# with the core

# Julia's own help on a name.

import REPL

# Older versions take no module: the expression is evaluated in it all the same.
function help_expression(io, text, mod)
    hasmethod(REPL.helpmode, Tuple{IO,String,Module}) && return REPL.helpmode(io, text, mod)
    return REPL.helpmode(io, text)
end
