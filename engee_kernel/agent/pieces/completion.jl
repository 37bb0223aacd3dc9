# needs: lookup
# calls: complete

# Completion by Julia's own REPL. What it finds is told as it is found, a table is made of it in Python: the first Tab waits
# until all that stands here is compiled.

const REPLCompletions = library("3fa0cd96-eef1-5676-8a61-b3b8758bbffb", "REPL").REPLCompletions

# More than the table has lines: some of them will be the same.
const FOUND_LIMIT = 1000

# Globals that are no constants: the compiler does not know what is called by them, so it looks into none of it and gets by
# with what Julia has compiled. invokelatest takes it as long as the call itself.
find_completions = REPLCompletions.completions
# From 1.12 on the text that is shown and the text that is inserted differ.
completed = isdefined(REPLCompletions, :named_completion) ? REPLCompletions.named_completion : REPLCompletions.completion_text
is_deprecated = Base.isdeprecated
name_of = nameof
as_symbol = Symbol
as_string = String
as_vector = collect
as_list = getindex                     # as_list(Any, 1, 2) is Any[1, 2]
append_one = push!
mentions = occursin

"""
`last`: the byte index of the character before the cursor. `several`: whether an expression may end before it. The reply
has what was found as kind, text, kind, text, …, and the first and the last byte that are replaced, counted from `start`
where it says so.
"""
function complete(notebook, code, last, several)
    mentions("EngeeKernel", code) && need("user")
    several && return in_expression(notebook, code, last)
    answer = find_completions(code, last, module_of(notebook))
    list = getfield(answer, 1)
    list isa Vector{REPLCompletions.Completion} ||
        (list = as_vector(REPLCompletions.Completion, list)::Vector{REPLCompletions.Completion})
    found = Any[]
    i = 1
    while i <= length(list) && i <= FOUND_LIMIT
        add_found(found, list[i])
        i += 1
    end
    range = getfield(answer, 2)
    return Fields(as_list(Any, "found", found, "first", getfield(range, 1), "last", getfield(range, 2), "replaces", getfield(answer, 3)))
end

# One instance for all kinds of completions; their fields by getfield, which is no method for each of them.
function add_completion!(found, @nospecialize(completion))
    text = completed(completion)
    text isa String || (text = getfield(text, :completion))
    kind = name_of(typeof(completion))
    if kind === :ModuleCompletion
        kind = "variable"
        mod = getfield(completion, :parent)
        name = as_symbol(text)
        if !is_deprecated(mod, name) && isdefined(mod, name)
            value = getfield(mod, name)
            kind = value isa Module ? "module" : value isa Type ? "type" : value isa Function ? "function" : kind
        end
    else
        kind = as_string(kind)
    end
    append_one(found, kind)
    append_one(found, text)
    return nothing
end
add_found = add_completion!

"The same for the top-level expression that the cursor is in; `start`: the byte index where it begins."
function complete_expression(notebook, code, last)
    start = 1
    while start <= last
        ex, next = Meta.parse(code, start, raise = false)
        # An expression that does not parse reaches as far as it likes: the cursor's part begins here.
        (ex isa Expr && (ex.head === :error || ex.head === :incomplete)) && break
        (next > last || next <= start) && break
        start = next
    end
    start > last && return Fields(Any["found", Any[]])
    reply = complete(notebook, code[start:lastindex(code)], last - start + 1, false)
    append!(reply.list, Any["start", start])
    return reply
end
in_expression = complete_expression
