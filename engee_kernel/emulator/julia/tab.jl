# The browser tab beside us: a front end of Jupyter's kind that uses the same process.

module Tab

import REPL
using Base64
using ..EngeeLocal: EngeeLocal, Line, send_reply

const TEXTS = ("text/html", "image/svg+xml", "text/latex", "text/markdown", "application/vnd.plotly.v1+json")
const PICTURES = ("image/png", "image/gif")

"What shows values in the tab."
struct EngeeDisplay <: AbstractDisplay
    line::Line
end

form(mime, value) = istextmime(mime) || startswith(mime, "image/svg") ? repr(mime, value) : stringmime(mime, value)

function Base.display(shown::EngeeDisplay, value)
    text = sprint(show, "text/plain", value; context=IOContext(devnull, :limit => true, :displaysize => (30, 80)))
    fields = ["text/plain", text]
    for mime in (TEXTS..., PICTURES...)
        showable(mime, value) && push!(fields, mime, form(mime, value))
    end
    send_reply(shown.line, UInt32(0), 'd', fields)
    return nothing
end

function Base.display(shown::EngeeDisplay, mime::MIME, value)
    send_reply(shown.line, UInt32(0), 'd', (string(mime), form(string(mime), value)))
    return nothing
end

Base.displayable(::EngeeDisplay, mime::MIME) = string(mime) in ("text/plain", TEXTS..., PICTURES...)

const COUNT = Threads.Atomic{Int}(0)

"Run a line as the tab does: it prints where stdout is, sets `ans`, and its value is shown by Engee's own display."
function run_line(code::String, line::Line)
    number = Threads.atomic_add!(COUNT, 1) + 1
    value = include_string(REPL.softscope, Main, code, "In[$number]")
    Core.eval(Main, Expr(:(=), :ans, QuoteNode(value)))
    value === nothing || REPL.ends_with_semicolon(code) || Base.invokelatest(display, EngeeDisplay(line), value)
    return value
end

"Engee's display goes onto the stack, and `ans` has a value of the tab's."
function begin_display(line::Line)
    pushdisplay(EngeeDisplay(line))
    Core.eval(Main, :(ans = "of the tab"))
    return nothing
end

accepts(type, name::Symbol) = !isdefined(Core, :get_binding_type) || type <: Core.get_binding_type(Main, name)

"The tab's \"Clear all variables\": the names stay, and each is `EngeeNothing()` from now on. How many there were."
function clear_variables()
    cleared = EngeeLocal.from_part(:Background, :cleared)
    count = 0
    for name in names(Main)
        isdefined(Main, name) && !isconst(Main, name) && accepts(typeof(cleared), name) || continue
        Core.eval(Main, Expr(:(=), name, QuoteNode(cleared)))
        count += 1
    end
    return count
end

end # module Tab
