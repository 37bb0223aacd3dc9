# What is not needed to run a first cell comes in pieces, each defined when it is first needed. A call's piece travels
# with the call; what a cell may need in its middle, when no request is at hand, came with the core as text.

# Short lists in place of tables: name, what it has, name, … REGISTRY guards them.
const PIECES = Any[]                   # name, true: once every definition is there
const CALLABLE = Any[]                 # the calls: name, function; those of a piece once it is complete
const TEXTS = Any[]                    # name, source: of the pieces that came with the core
const HOLDERS = Any[]                  # a call's name, the piece that came with the core and has it
const DEFINING = ReentrantLock()

"""
Define those of the pieces that are not here: name, source, name, source, … A source's last value is the list of its calls,
and it is listed behind that, so nobody finds half a piece: neither who comes while it is being defined nor who repeats a
call whose first try broke off.
"""
function define(pieces)
    lock(DEFINING)
    try
        i = 1
        while i < length(pieces)
            name = pieces[i]::String
            is_here(name) || once(:(let calls = include_string(SELF, $(pieces[i+1]), $(string(name, ".", AGENT_FILE)))
                lock(REGISTRY)
                append!(CALLABLE, calls)
                append!(PIECES, Any[$name, true])
                unlock(REGISTRY)
            end))
            i += 2
        end
    finally
        unlock(DEFINING)
    end
    return nothing
end

"Whether all of a piece is defined."
is_here(name) = listed(PIECES, name) === true

@noinline function listed(list, name)
    lock(REGISTRY)
    found = option(list, name, nothing)
    unlock(REGISTRY)
    return found
end

# Not inlined: it is called in many places, most of which are never come to.
"See that a piece that came with the core is defined."
@noinline function need(name)
    is_here(name) || Base.invokelatest(define, Any[name, listed(TEXTS, name)])
    return nothing
end

"Call a function of a piece that came with the core. invokelatest: it may be younger than who calls."
@noinline function from_piece(name, f, args)
    need(name)
    return Base.invokelatest(Base.invokelatest(getfield, SELF, f), args...)
end

"""
A package of the standard library. One that is loaded is taken as it is: `import` asks by code of Base that a package may
have made Julia compile anew, which takes 0.2 s on 1.12.
"""
function library(uuid, name)
    id = Base.PkgId(Base.UUID(uuid), name)
    found = isdefined(Base, :maybe_root_module) ? Base.maybe_root_module(id) : nothing
    return found === nothing ? Base.require(id) : found
end

"The function behind a call's name, or nothing when its piece is not there."
function callable(name)
    found = listed(CALLABLE, name)
    found === nothing || return found
    return Base.invokelatest(callable_with_core, name)
end

function callable_with_core(name)
    holder = listed(HOLDERS, name)
    holder === nothing && return nothing
    need(holder)
    return listed(CALLABLE, name)
end
