# A kernel of Jupyter's kind has `ans` in a module of its own, from which Main imports it.
module TabsKernel
    ans = :tab
end
import .TabsKernel: ans

include("driver.jl")

@testset "ans, where Main has it from another module" begin
    @test result_of(run_cell("ans"; notebook = "a1")) == ":tab"
    @test result_of(run_cell("6 * 7"; notebook = "a1")) == "42"
    @test TabsKernel.ans === :tab
    @test result_of(run_cell("ans + 1"; notebook = "a1")) == "43"
    @test TabsKernel.ans === :tab
end

# `|` marks the cursor.
function at_cursor(marked)
    before, after = split(marked, '|')
    return string(before, after), length(before)
end
# What is found, as text => kind, and what is replaced by it, as bytes; nothing where nothing is.
function complete(marked; notebook = "nb")
    before, after = split(marked, '|')
    several = occursin('\n', before) || occursin(';', before)
    reply = call(:complete, E, notebook, string(before, after), lastindex(before), several)
    found = Dict(reply["found"][i+1] => reply["found"][i] for i in 1:2:length(reply["found"]))
    isempty(found) && return found, nothing
    offset = get(reply, "start", 1) - 1
    return found, reply["replaces"] ? (offset + reply["first"], offset + reply["last"]) : nothing
end

@testset "completion" begin
    run_cell("my_value = (alpha_field = 1, beta = 2); my_function(x::Int, y) = 1; struct MyType; size_m::Int; end; α_wide = 1; table = Dict(\"key one\" => 1, \"key two\" => 2)")
    @test complete("my_f|") == (Dict("my_function" => "function"), (1, 4))
    found, range = complete("x = 1\nprintl|")
    @test found["println"] == "function" && range == (7, 12)
    @test complete("αβγ = 2; 😀 = 3\ny = my_v| + 1") == (Dict("my_value" => "variable"), (26, 29))
    found, range = complete("my_value.al|")
    @test collect(keys(found)) == ["alpha_field"] && found["alpha_field"] in ("FieldCompletion", "PropertyCompletion") && range == (10, 11)
    found, range = complete("Base.Thr|")
    @test found["Threads"] == "module" && range == (6, 8)
    @test complete("MyT|") == (Dict("MyType" => "type"), (1, 3))
    @test complete("wh|")[1]["while"] == "KeywordCompletion"
    found, range = complete("@tim|")
    @test found["@time"] == "function" && range == (1, 4)
    @test complete("β = \\alpha|") == (Dict("α" => "BslashCompletion"), (6, 11))
    found, range = complete("\\al|")
    @test found["\\alpha"] == "BslashCompletion" && range == (1, 3)
    @test complete("\\:smile:|") == (Dict("😄" => "BslashCompletion"), (1, 8))
    @test complete("α_w| + 1") == (Dict("α_wide" => "variable"), (1, 4))
    found, range = complete("table[\"key o|")
    @test collect(values(found)) == ["DictCompletion"] && occursin("key one", only_one(collect(keys(found))))
    found, range = complete("my_function(|")
    @test collect(values(found)) == ["MethodCompletion"] && startswith(only_one(collect(keys(found))), "my_function(x::Int")
    mkpath(joinpath(mktempdir(), "x")); dir = mktempdir(); write(joinpath(dir, "notes.txt"), "")
    # the name or the whole path, each with its own range: what counts is what stands there then
    code = "1\nread(\"$dir/not"
    found, range = complete(code * "|")
    @test startswith(string(code[1:range[1]-1], only_one(collect(keys(found)))), "1\nread(\"$dir/notes.txt")
    @test collect(values(found)) == ["PathCompletion"]
    for empty in ["x = 1\n|", "nonsense_zzz|", "# comm|", "\"text|\"", ")|", "x = )\nprin|", "😀|", "((((|", "\"|", ";|", "]|", "?|", "f(;|"]
        found, range = complete(empty)
        @test range === nothing || 1 <= range[1]
    end
    @test "println" in keys(complete("x = )\nprintl|")[1])
    # the table has 500 lines, and some of what is found may be the same
    @test 500 < length(call(:complete, E, "nb", "Base.", 5, false)["found"]) <= 2000
    run_cell("module Many; for i in 1:1200; eval(:(\$(Symbol(:name_, i)) = 1)); end; end")
    @test length(call(:complete, E, "nb", "Many.name", 9, false)["found"]) == 2000
end

@testset "inspection" begin
    found(marked; detail = 0) = (c = at_cursor(marked); call(:inspect, E, "nb", c..., detail))
    for (marked, words) in ["sqrt|(2)" => "square root", "sq|rt(2)" => "square root", "|sqrt(2)" => "square root",
                            "sqrt(2|)" => "square root", "αβ = 1; 😀 = sqrt(|)" => "square root", "Base.pri|ntln" => "Print",
                            "@ti|me 1" => "macro", "@time| 1" => "macro", "1 +| 2" => "Addition", "whi|le true" => "loop",
                            "sum(map(x -> x, |[1, 2]))" => "map", "sqrt(my_va|lue)" => "square root", "x ∈| y" => "in"]
        reply = found(marked)
        @test reply["found"]
        @test occursin(words, join(reply["docs"]))
    end
    @test occursin("``\\sqrt{x}``", found("sqrt|")["docs"][1]) || occursin("√x", found("sqrt|")["docs"][1])
    @test !found("nothing_of_the_kind|")["found"]
    @test !found("|")["found"]
    run_cell("\"Doubles it.\"\ndoubled(x) = 2x"; count = 50)
    reply = found("doubled|(2)"; detail = 1)
    @test strip(reply["docs"][1]) == "Doubles it."
    @test reply["definition"] == "doubled(x) = 2x" && occursin("In[50]", reply["methods"][1])
    @test reply["method_count"] == 1
    reply = found("sin|"; detail = 1)
    @test reply["method_count"] > 1 && all(startswith("sin("), reply["methods"]) && reply["definition"] == ""
    @test !haskey(found("sin|"), "methods")
    @test occursin("No documentation found", found("my_value|")["docs"][1])

    # every docstring of a name, an alias's, a module's own names
    run_cell("\"First.\"\ntwice(x::Int) = 1\n\"Second.\"\ntwice(x::String) = 2\nconst also_twice = twice\nmodule Deep\n\"Inner.\"\ninner() = 1\nend")
    @test strip.(found("twice|")["docs"]) == ["First.", "Second."] == strip.(found("also_twice|")["docs"])
    @test strip.(found("Deep.inn|er")["docs"]) == ["Inner."]

    # what documents itself or was parsed when it was written is rendered by Julia
    run_cell("import Markdown\n@doc Markdown.parse(\"*Parsed* text.\") parsed() = 1\n" *
             "struct Own end\nBase.Docs.getdoc(::Own) = Markdown.parse(\"Says *itself*.\")\n" *
             "Base.Docs.getdoc(own::Own, signature) = Base.Docs.getdoc(own)\nself_said = Own()")
    for (marked, words) in ["parsed|" => "Parsed</em> text", "self_said|" => "Says <em>itself"]
        reply = found(marked)
        @test !haskey(reply, "docs") && occursin(words, reply["data"]["text/html"])
        @test haskey(reply["data"], "text/plain") && haskey(reply["data"], "text/markdown")
    end
end

@testset "completeness" begin
    status(code) = call(:is_complete, E, code)["status"]
    for code in ["1 + 1", "", "f(x) = 1\nf(2)", "if true\n  1\nend", "?sin", ";ls", "# a", "\"α😀\""]
        @test status(code) == "complete"
    end
    for code in ["if true", "f(", "[1,", "\"open", "function f(x)", "1 +", "begin\n 1", "x = 1\nfor i in 1:3", "#= open"]
        @test status(code) == "incomplete"
    end
    @test status("x = )") == "invalid"
    @test call(:is_complete, E, "  for i in 1:3")["indent"] == "      "
    @test call(:is_complete, E, "if true\n    x = f(1,\n")["indent"] == "        "
end

@testset "help, shell, pkg" begin
    ev = run_cell("?sqrt")
    @test occursin("square root", lowercase(join(of(ev, "result")[1]["data"]["docs"])))
    @test !of(ev, "result")[1]["data"]["whole"] && of(run_cell("??sqrt"), "result")[1]["data"]["whole"]
    @test result_of(run_cell("1 + 1")) == "2" && (run_cell("?sqrt"); result_of(run_cell("ans")) == "2")
    @test occursin("No documentation", of(run_cell("?no_such_thing_at_all"), "result")[1]["data"]["text/markdown"])
    @test status_of(run_cell("? @time")) == "ok"
    @test text_of(run_cell(";echo shell words")) == "shell words\n"
    run_cell("word = \"interpolated\"")
    @test text_of(run_cell("; echo \$word\n;echo two")) == "interpolated\ntwo\n"
    dir = realpath(mktempdir())
    old = pwd()
    run_cell(";cd $dir")
    @test result_of(run_cell("pwd()")) == repr(dir)
    cd(old)
    @test status_of(run_cell(";echo 'unclosed")) == "error"
    dirs = [mktempdir(), mktempdir()]  # nothing that a registry is asked for
    ev = run_cell("]activate $(dirs[1])\n]activate $(dirs[2])"; seconds = 100)
    @test status_of(ev) == "ok" && all(dir -> occursin(basename(dir), text_of(ev) * text_of(ev, "stderr")), dirs)
    @test status_of(run_cell("]no-such-command"; seconds = 60)) == "error"
end

@testset "prompts" begin
    function next_prompt(id, after = 0)
        reply = call(:events, E, id, after, 10.0)
        reply["events"][end]["t"] == "input" ? reply["events"][end] : next_prompt(id, after + length(reply["events"]))
    end
    ask(code; options...) = (id = start_cell(code; stdin_allowed = true, options...); (id, next_prompt(id)))

    id, prompt = ask("print(\"Name? \"); name = readline()")
    @test prompt["prompt"] == "Name? " && prompt["password"] == false
    @test call(:answer, E, id, 99, "x")["answered"] == false
    @test call(:answer, E, id, prompt["id"], "Иван α")["answered"]
    @test result_of(finish_cell(id)) == "\"Иван α\""
    @test call(:answer, E, id, prompt["id"], "again")["repeated"]
    @test result_of(run_cell("name")) == "\"Иван α\""

    id, prompt = ask("a = readline(); b = readline(); a * b")
    call(:answer, E, id, prompt["id"], "1")
    call(:answer, E, id, prompt["id"], "wrong")           # a repeat does not answer the next prompt
    second = next_prompt(id, prompt["n"])
    @test second["id"] != prompt["id"]
    call(:answer, E, id, second["id"], "2")
    @test result_of(finish_cell(id)) == "\"12\""

    id, prompt = ask("readlines()")
    call(:answer, E, id, prompt["id"], "x")
    second = next_prompt(id, prompt["n"])
    call(:answer, E, id, second["id"], nothing)
    @test result_of(finish_cell(id)) == "1-element Array{String,1}:\n \"x\"" || occursin("\"x\"", result_of(finish_cell(id)))

    id, prompt = ask("read(stdin, String)")
    call(:answer, E, id, prompt["id"], "\x04")
    @test result_of(finish_cell(id)) == "\"\""
    id, prompt = ask("read(stdin, Char), readuntil(stdin, 'c'), read(stdin, UInt8)")
    call(:answer, E, id, prompt["id"], "abc")
    @test result_of(finish_cell(id)) == "('a', \"b\", 0x0a)"
    id, prompt = ask("parse(Int, readline(stdin)) + 1")
    call(:answer, E, id, prompt["id"], "41")
    @test result_of(finish_cell(id)) == "42"

    id, prompt = ask("Base.prompt(\"Colour\", default = \"red\")")
    @test prompt["prompt"] == "Colour [red]: "
    call(:answer, E, id, prompt["id"], "")
    @test result_of(finish_cell(id)) == "\"red\""

    id, prompt = ask("secret = Base.getpass(\"Password\"); n = length(read(secret, String)); Base.shred!(secret); n")
    @test prompt["password"] && prompt["prompt"] == "Password: "
    @test !occursin("swordfish", fetch(start_call(:answer, E, id, prompt["id"], "swordfish")))
    events = finish_cell(id)
    @test result_of(events) == "9" && !occursin("swordfish", string(events))

    e = error_of(run_cell("readline()"))
    @test occursin("input", e["message"])
    id, prompt = ask("try; readline(); catch; end; readline()")
    @test call(:interrupt, E, id)["interrupted"]
    second = next_prompt(id, prompt["n"])
    @test call(:answer, E, id, prompt["id"], "stale")["answered"] == false
    call(:answer, E, id, second["id"], "fresh")
    @test result_of(finish_cell(id)) == "\"fresh\""
end

@testset "metrics" begin
    m = call(:metrics, E)
    @test m["rss_bytes"] > 10^7 && m["total_memory_bytes"] > m["free_memory_bytes"] > 0
    @test 0 <= m["cpu_utilisation"] <= 1 && m["uptime_s"] > 0 && m["threads"] >= 1
    @test m["cells_running"] == 0
end
