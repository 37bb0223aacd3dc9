# needs: lookup
# calls: complete

# Completion by Julia's own REPL. Offsets outside count code points, inside bytes.

import REPL
import REPL.REPLCompletions

const MATCHES_LIMIT = 500

"The text before the cursor, `cursor` counted in code points."
function before_cursor(code, cursor)
    cursor <= 0 && return ""
    return cursor >= length(code) ? code : code[1:nextind(code, 0, cursor)]
end

"Where the top-level expression that the end of `prefix` is in begins, as a byte index."
function expression_start(code, prefix)
    start = 1
    last = ncodeunits(prefix)
    while start <= last
        ex, next = Base.invokelatest(parse_from, code, start)
        next = next::Int
        # An expression that does not parse reaches as far as it likes: the cursor's part begins here.
        (ex isa Expr && (ex.head === :error || ex.head === :incomplete)) && break
        (next > last || next <= start) && break
        start = next
    end
    return start
end

parse_from(code, start) = Meta.parse(code, start, raise = false)

# How many characters there are up to a byte index.
characters(text, last) = length(text, 1, last)
characters_before(text, start) = characters(text, prevind(text, start))
text_from(text, start) = text[start:lastindex(text)]

function completions_of(mod, code, cursor)
    prefix = before_cursor(code, cursor)
    cursor = length(prefix)
    nothing_found = Fields(Any["matches", Any[], "start", cursor, "end", cursor])
    first_mark(prefix) === 0x00 && return nothing_found
    several = occursin("\n", prefix) || occursin(";", prefix)
    start = several ? Base.invokelatest(expression_start, code, prefix)::Int : 1
    start > ncodeunits(prefix) && return nothing_found
    part = start == 1 ? code : Base.invokelatest(text_from, code, start)::String
    # invokelatest, and no types guessed: what Julia has compiled of REPL is called as it is.
    answer = Base.invokelatest(REPLCompletions.completions, part, lastindex(prefix) - start + 1, mod)
    found = answer[1]::Vector
    range = answer[2]::UnitRange{Int}
    length(found) == 0 && return nothing_found
    matches = Any[]
    seen = Dict{String,Any}()
    is_call = true
    i = 1
    while i <= length(found)
        completion = found[i]
        i += 1
        kind = nameof(typeof(completion))
        kind === :MethodCompletion || (is_call = false)
        length(matches) == MATCHES_LIMIT && continue
        text = text_of(completion)
        type = completion_type(kind, completion, text)
        # What would be inserted after `f(` is the rest of the call; the whole signature is shown beside it.
        shown = type == "method" ? Base.invokelatest(argument_list, text)::String : text
        haskey(seen, shown) && continue
        seen[shown] = true
        fields = Any["text", shown, "type", type]
        type == "method" && append!(fields, Any["signature", text])
        push!(matches, Fields(fields))
    end
    if is_call || !answer[3] || isempty(range)
        range_start = range_end = cursor
    else
        offset = start == 1 ? 0 : Base.invokelatest(characters_before, code, start)::Int
        range_start = offset + (first(range) == 1 ? 0 : characters_before(part, first(range)))
        range_end = offset + characters(part, last(range))
    end
    reply = Any["matches", matches, "start", range_start, "end", range_end]
    length(found) > MATCHES_LIMIT && append!(reply, Any["more", true])
    return Fields(reply)
end

# From 1.12 on the text that is shown and the text that is inserted differ.
function text_of(completion)::String
    isdefined(REPLCompletions, :named_completion) && return REPLCompletions.named_completion(completion).completion
    return REPLCompletions.completion_text(completion)
end

function argument_list(signature)
    open = findfirst(isequal('('), signature)
    open === nothing && return signature
    depth = 0
    for i in open:lastindex(signature)
        isvalid(signature, i) || continue
        signature[i] == '(' && (depth += 1)
        signature[i] == ')' && (depth -= 1)
        depth == 0 && return signature[nextind(signature, open):i]
    end
    return signature
end

function completion_type(kind, completion, text)
    if kind === :ModuleCompletion
        startswith(text, "@") && return "macro"
        return binding_type(completion.parent, Symbol(text))
    end
    (kind === :KeywordCompletion || kind === :KeyvalCompletion) && return "keyword"
    kind === :KeywordArgumentCompletion && return "param"
    (kind === :PathCompletion || kind === :ShellCompletion) && return "path"
    kind === :PackageCompletion && return "module"
    (kind === :PropertyCompletion || kind === :FieldCompletion) && return "field"
    kind === :MethodCompletion && return "method"
    kind === :BslashCompletion && return "latex"
    return kind === :DictCompletion ? "key" : "text"
end

function binding_type(mod, name)
    (!Base.isdeprecated(mod, name) && isdefined(mod, name)) || return "variable"
    value = getfield(mod, name)
    value isa Module && return "module"
    value isa Type && return "type"
    value isa Function && return "function"
    return "variable"
end

complete(notebook, code, cursor) = completions_of(module_of(notebook), code, cursor)
