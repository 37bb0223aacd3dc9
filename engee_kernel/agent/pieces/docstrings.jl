# with the core

# Docstrings as facts: the Markdown as it was written. The kernel renders it: Julia would compile its own renderers for
# more than a second before the first answer.

const REPL = library("3fa0cd96-eef1-5676-8a61-b3b8758bbffb", "REPL")

"""
The docstrings of a name, a list of Markdown texts; nothing where Julia's own help knows more: what documents itself,
fields, parsed docstrings, names without a value.
"""
function docstrings(mod, token)
    keyword = get(Docs.keywords, Symbol(token), nothing)
    keyword isa Docs.DocStr && return docstring_texts(Any[keyword])
    binding = binding_of(mod, Meta.parse(token, raise = false))
    binding isa Docs.Binding && Base.invokelatest(Docs.defined, binding) || return nothing
    value = Base.invokelatest(Docs.resolve, binding)
    Base.invokelatest(Docs.getdoc, value, Union{}) === nothing || return nothing
    found = docstrings_of(binding)
    length(found) == 0 && (found = docstrings_of(Base.invokelatest(Docs.aliasof, binding)))
    length(found) == 0 && return Base.invokelatest(summary_texts, value, binding)
    return docstring_texts(found)
end

"What `name`, `Module.name` or `@name` stands for in the documentation; nothing for any other expression."
function binding_of(mod, ex)
    ex isa Symbol && return Docs.Binding(mod, ex)
    ex isa Expr || return nothing
    ex.head === :macrocall && return length(ex.args) == 2 ? binding_of(mod, ex.args[1]) : nothing
    ex.head === :. && length(ex.args) == 2 && ex.args[2] isa QuoteNode && ex.args[2].value isa Symbol || return nothing
    parent = binding_of(mod, ex.args[1])
    parent isa Docs.Binding && Base.invokelatest(Docs.defined, parent) || return nothing
    inside = Base.invokelatest(Docs.resolve, parent)
    return inside isa Module ? Docs.Binding(inside, ex.args[2].value) : nothing
end

"All docstrings of a name, in the order in which they were written."
function docstrings_of(binding)
    found = Any[]
    for mod in Docs.modules
        isdefined(mod, Docs.META) || continue
        table = Base.invokelatest(getfield, mod, Docs.META)
        several = table isa IdDict ? get(table, binding, nothing) : nothing
        several === nothing && continue
        for signature in several.order
            push!(found, several.docs[signature])
        end
    end
    return found
end

function docstring_texts(found)
    texts = Any[]
    i = 1
    while i <= length(found)
        length(found[i].text) == 0 && return nothing    # only there as something parsed
        push!(texts, docstring_text(found[i]))
        i += 1
    end
    return texts
end

# Most parts are text; packages put in others, which write themselves.
function docstring_text(docstring)
    io = IOBuffer()
    i = 1
    while i <= length(docstring.text)
        part = docstring.text[i]
        part isa String ? put(io, part) : Base.invokelatest(Docs.formatdoc, io, docstring, part)
        i += 1
    end
    return String(take!(io))
end

"What Julia can say of a value without a docstring: Markdown as well."
function summary_texts(value, binding)
    isdefined(REPL, :summarize) && hasmethod(REPL.summarize, Tuple{IOBuffer,typeof(value),Docs.Binding}) || return nothing
    io = IOBuffer()
    put(io, "No documentation found.\n\n")
    REPL.summarize(io, value, binding)
    return Any[String(take!(io))]
end
