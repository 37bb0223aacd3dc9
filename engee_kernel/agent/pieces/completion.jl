# needs: lookup
# calls: complete

# Completion by Julia's own REPL. Offsets outside count code points, inside bytes.

import REPL
import REPL.REPLCompletions

const MATCHES_LIMIT = 500

# The text before the cursor, `cursor` counted in code points.
before_cursor(code::String, cursor::Int) = String(first(code, clamp(cursor, 0, length(code))))

"Where the top-level expression that the end of `prefix` is in begins, as a byte index."
function expression_start(code::String, prefix::String)
    start = 1
    while start <= ncodeunits(prefix)
        ex, next = Meta.parse(code, start, raise = false)
        # An expression that does not parse reaches as far as it likes: the cursor's part begins here.
        (Meta.isexpr(ex, (:error, :incomplete)) || next > ncodeunits(prefix) || next <= start) && break
        start = next
    end
    return start
end

function completions_of(mod::Module, code::String, cursor::Int)
    prefix = before_cursor(code, cursor)
    cursor = length(prefix)
    nothing_found = Fields(Any["matches", Any[], "start", cursor, "end", cursor])
    all(isspace, prefix) && return nothing_found
    start = expression_start(code, prefix)
    start > ncodeunits(prefix) && return nothing_found
    part = code[start:end]
    at = lastindex(prefix) - start + 1
    found, range, should_complete = REPLCompletions.completions(part, at, mod)
    isempty(found) && return nothing_found
    is_call = !should_complete || all(c -> c isa REPLCompletions.MethodCompletion, found)
    matches = Any[]
    seen = Set{String}()
    for completion in found
        text, type = text_of(completion), completion_type(completion)
        fields = Fields(Any["text", text, "type", type])
        if type == "method"
            # What would be inserted after `f(` is the rest of the call; the whole signature is shown beside it.
            fields = Fields(Any["text", argument_list(text), "type", type, "signature", text])
        end
        fields.list[2] in seen && continue
        push!(seen, fields.list[2])
        push!(matches, fields)
        length(matches) == MATCHES_LIMIT && break
    end
    offset = length(SubString(code, 1, prevind(code, start)))
    if is_call || isempty(range)
        range_start = range_end = cursor
    else
        range_start = offset + length(SubString(part, 1, prevind(part, first(range))))
        range_end = offset + length(SubString(part, 1, last(range)))
    end
    reply = Fields(Any["matches", matches, "start", range_start, "end", range_end])
    length(found) > MATCHES_LIMIT && append!(reply.list, Any["more", true])
    return reply
end

# From 1.12 on the text that is shown and the text that is inserted differ.
function text_of(completion)::String
    isdefined(REPLCompletions, :named_completion) && return REPLCompletions.named_completion(completion).completion
    return REPLCompletions.completion_text(completion)
end

function argument_list(signature::String)
    open = findfirst('(', signature)
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

const COMPLETION_TYPES = Dict(
    :KeywordCompletion => "keyword", :KeyvalCompletion => "keyword", :KeywordArgumentCompletion => "param",
    :PathCompletion => "path", :PackageCompletion => "module", :PropertyCompletion => "field",
    :FieldCompletion => "field", :MethodCompletion => "method", :BslashCompletion => "latex",
    :DictCompletion => "key",
    :ShellCompletion => "path", :TextCompletion => "text",
)

function completion_type(completion)
    kind = nameof(typeof(completion))
    kind === :ModuleCompletion || return get(COMPLETION_TYPES, kind, "text")
    name = Symbol(text_of(completion))
    startswith(String(name), "@") && return "macro"
    return binding_type(completion.parent, name)
end

function binding_type(mod::Module, name::Symbol)
    (!Base.isdeprecated(mod, name) && isdefined(mod, name)) || return "variable"
    value = Base.invokelatest(getfield, mod, name)
    value isa Module && return "module"
    value isa Type && return "type"
    value isa Function && return "function"
    return "variable"
end

complete(notebook, code, cursor) = completions_of(module_of(notebook), code, cursor)
