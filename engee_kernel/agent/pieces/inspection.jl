# needs: lookup
# calls: inspect

# What stands at the cursor, and its documentation.

const METHODS_LIMIT = 30
const DEFINITION_LINES = 60

is_name_char(c::Char) = Base.is_id_char(c) || c == '@'
is_operator_char(c::Char) = c in "+-*/\\^%<>=!&|~÷×⋅∘√∈∉⊆⊂∪∩≤≥≠≈≡" && !is_name_char(c)

"The dotted name (`Base.sum`, `@time`) or operator at the cursor, or \"\"; `at` characters are before it."
function token_at(chars::Vector{Char}, at::Int)
    first = last = at
    here(i) = 1 <= i <= length(chars)
    # A name begins or goes on at the cursor, or ends just before it.
    while here(first) && (is_name_char(chars[first]) || chars[first] == '.')
        first -= 1
    end
    first += 1
    while here(last + 1) && is_name_char(chars[last+1])
        last += 1
    end
    name = strip(String(chars[first:last]), '.')
    isempty(name) || return String(name)
    for i in (at, at + 1)
        here(i) && is_operator_char(chars[i]) || continue
        first = last = i
        while here(first - 1) && is_operator_char(chars[first-1])
            first -= 1
        end
        while here(last + 1) && is_operator_char(chars[last+1])
            last += 1
        end
        return String(chars[first:last])
    end
    return ""
end

"The name before the innermost open parenthesis that the cursor stands in, or an empty string."
function enclosing_call(chars::Vector{Char}, at::Int)
    depth = 0
    for i in at:-1:1
        c = chars[i]
        c in (')', ']', '}') && (depth += 1)
        if c in ('(', '[', '{')
            depth -= 1
            if depth < 0
                depth = 0
                c == '(' || continue
                name = i > 1 && is_name_char(chars[i-1]) ? token_at(chars, i - 1) : ""
                isempty(name) || return name
            end
        end
    end
    return ""
end

"What a token names: (true, value) with value === nothing for a keyword; (false, nothing) when it names nothing."
function resolve(mod::Module, token::String)
    haskey(Docs.keywords, Symbol(token)) && return true, nothing
    ex = Meta.parse(token, raise = false)
    return resolve_expression(mod, ex)
end

function resolve_expression(mod::Module, ex)
    if ex isa Symbol
        isdefined(mod, ex) || return false, nothing
        return true, Base.invokelatest(getfield, mod, ex)
    elseif Meta.isexpr(ex, :macrocall)
        return resolve_expression(mod, ex.args[1])
    elseif Meta.isexpr(ex, :., 2) && ex.args[2] isa QuoteNode
        found, parent = resolve_expression(mod, ex.args[1])
        name = ex.args[2].value
        (found && name isa Symbol) || return false, nothing
        parent isa Module && return resolve_expression(parent, name)
        Base.invokelatest(hasproperty, parent, name) || return false, nothing
        return true, Base.invokelatest(getproperty, parent, name)
    elseif ex isa GlobalRef
        return resolve_expression(ex.mod, ex.name)
    end
    return false, nothing
end

is_documented(value) = value === nothing || value isa Union{Function,Type,Module}

function inspection(mod::Module, code::String, cursor::Int, detail::Int)
    chars = collect(code)
    at = clamp(cursor, 0, length(chars))
    here, call = token_at(chars, at), enclosing_call(chars, at)
    found, value = isempty(here) ? (false, nothing) : resolve(mod, here)
    token = here
    if !isempty(call) && !(found && is_documented(value))
        call_found, call_value = resolve(mod, call)
        call_found && ((found, value, token) = (true, call_value, call))
    end
    found || return Fields(Any["found", false, "data", Fields(Any[])])
    docs = docstrings_or_nothing(mod, token)
    reply = Any["found", true, "token", token]
    append!(reply, docs === nothing ? Any["data", Base.invokelatest(rendered_by_julia, mod, token)] : Any["docs", docs])
    detail >= 1 && append!(reply, Base.invokelatest(definition_facts, value))
    return Fields(reply)
end

"The docstrings as facts; nothing where Julia's own help is to be asked, also because finding them failed."
function docstrings_or_nothing(mod::Module, token::String)
    try
        return from_piece("docstrings", :docstrings, Any[mod, token])
    catch error
        error isa InterruptException && rethrow()
        return nothing
    end
end

"""
Julia's own help, rendered by Julia. It goes through methods that the person may redefine: one form that can't be shown
hides no other, and where none can the reason is the text.
"""
function rendered_by_julia(mod::Module, token::String)
    data = Any[]
    reason = ""
    try
        docs = Core.eval(mod, from_piece("documentation", :help_expression, Any[devnull, token, mod]))
        for mime in ("text/plain", "text/html", "text/markdown")
            try
                append_form!(data, mime, docs)
            catch error
                error isa InterruptException && rethrow()
                reason = message_of(error)
            end
        end
    catch error
        error isa InterruptException && rethrow()
        reason = message_of(error)
    end
    isempty(data) && append!(data, Any["text/plain", string("The documentation of ", token, " can't be shown: ", reason)])
    return Fields(data)
end

function append_form!(data, mime, docs)
    mime == "text/plain" || Base.invokelatest(showable, MIME(mime), docs) || return nothing
    io = IOBuffer()
    context = IOContext(io, :color => mime == "text/plain", :limit => true, :displaysize => DISPLAY_SIZE)
    Base.invokelatest(show, context, MIME(mime), docs)
    append!(data, Any[mime, String(take!(io))])
    return nothing
end

"A function's methods with their places, and the definition itself where there is only one and its text is known."
function definition_facts(value)
    value isa Union{Function,Type} || return Any[]
    list = collect(methods(value))
    shown = Any[]
    for method in list
        length(shown) < METHODS_LIMIT || break
        push!(shown, string(method))
    end
    definition = length(list) == 1 ? source_text(list[1]) : ""
    return Any["methods", shown, "method_count", length(list), "definition", definition]
end

function source_text(method::Method)
    file = String(method.file)
    text = cell_source(file)
    if text === nothing
        path = Base.find_source_file(file)
        path isa AbstractString && isfile(path) || return ""
        text = read(path, String)
    end
    lines = split(text, '\n')
    1 <= method.line <= length(lines) || return ""
    rest = join(lines[method.line:min(end, method.line + DEFINITION_LINES)], '\n')
    ex, stop = Meta.parse(rest, 1, raise = false)
    Meta.isexpr(ex, (:error, :incomplete)) && return ""
    return String(rstrip(rest[1:prevind(rest, stop)]))
end

function cell_source(file::String)
    place = match(r"In\[(\d+)\]$", file)
    place === nothing && return nothing
    count = parse(Int, place[1])
    lock(REGISTRY)
    try
        known = Any[c for c in contents(CELLS) if c.count == count]
        return isempty(known) ? nothing : known[argmax([c.submitted for c in known])].code
    finally
        unlock(REGISTRY)
    end
end

function inspect(notebook, code, cursor, detail = 0)
    occursin("EngeeKernel", code) && need("user")
    return inspection(module_of(notebook), code, cursor, detail)
end
