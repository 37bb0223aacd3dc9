include("driver.jl")

# The raw frames in cells; what Python makes of them is tested in test_agent_traces.py.
places(error) = [(f[1], replace(f[2], "./" => ""), f[3]) for f in error["raw"] if f isa Vector && occursin("In[", f[2])]

@testset "ans is the notebook's for code that never named it before" begin
    agent = getfield(Main, Symbol(NAME))
    here() = agent.is_here("answers")
    names_it(code, options...) = agent.names_answer(agent.new_cell("nb", "id", 1, code, Any[options...]))
    @test names_it("ans + 1") && names_it("include(\"file.jl\")") && names_it("42", "user_expressions", Any["e", "1"])
    @test !names_it("42")
    for (number, later) in enumerate(("ans + 1", "include(\"$(tempname())\")", "42"))
        occursin("include", later) && write(match(r"\"(.+)\"", later)[1], "ans + 1")
        notebook = "first$number"
        number == 1 && @test result_of(run_cell("6 * 7"; notebook = notebook)) == "42" && !here()
        run_cell("6 * 7"; notebook = notebook)
        ev = run_cell(later; notebook = notebook, user_expressions = ["e", "ans + 1"])
        @test result_of(ev) == (number == 3 ? "42" : "43") && here()
        @test ev[end]["expressions"]["e"]["data"]["text/plain"] == (number == 3 ? "43" : "44")
    end
    run_cell("plus_ans() = ans + 1; 7"; notebook = "first1")
    @test result_of(run_cell("plus_ans()"; notebook = "first1")) == "8"
end

@testset "an error names cell and line" begin
    ev = run_cell("x = 1\nerror(\"boo \$x\")"; count = 3)
    e = error_of(ev)
    @test e["type"] == "ErrorException" && e["message"] == "boo 1" && e["short"] == "ErrorException(\"boo 1\")"
    @test places(e)[end][2:3] == ("In[3]", 2)
    @test e["cell"] == "In[3]" && e["line"] == 2
    @test ev[end]["status"] == "error" && kinds(ev) == ["error", "done"]
end

@testset "functions, nested cells, loops, files" begin
    run_cell("f(x) = g(x)\n\nfunction g(x)\n    x > 2 && throw(DomainError(x, \"too big\"))\n    return x\nend"; count = 11)
    e = error_of(run_cell("1\nf(3)"; count = 12))
    @test places(e) == [("g", "In[11]", 4), ("f", "In[11]", 1), ("top-level scope", "In[12]", 2)]
    @test e["type"] == "DomainError" && occursin("too big", e["message"])
    e = error_of(run_cell("undefined_name"; count = 13))
    @test e["cell"] == "In[13]" && e["line"] == 1 && e["short"] == "UndefVarError(:undefined_name)"
    e = error_of(run_cell("1\n\nfor i in 1:3\n    i == 2 && error(\"two\")\nend"; count = 14))
    @test places(e)[end][2:3] == ("In[14]", 4)
    path = joinpath(mktempdir(), "mine.jl")
    write(path, "h() = sqrt(-1.0)\nh()\n")
    e = error_of(run_cell("\ninclude($(repr(path)))"; count = 15))
    @test e["type"] == "LoadError"
    @test ["h", path, 1, false, true] in [f[1:5] for f in e["raw"]] && places(e)[end][2:3] == ("In[15]", 2)
end

@testset "causes and tasks" begin
    e = error_of(run_cell("try; error(\"first\"); catch; error(\"second\"); end"))
    @test e["message"] == "second" && only_one(e["causes"])["message"] == "first"
    e = error_of(run_cell("fetch(@async error(\"inside\"))"))
    @test e["type"] == "TaskFailedException" && occursin("inside", e["message"])
    @test error_of(run_cell("throw(\"no exception\")"))["type"] == "String"
    e = error_of(run_cell("stack(n) = stack(n + 1) + 1; stack(1)"; seconds = 60))
    @test e["type"] == "StackOverflowError" && length(e["raw"]) < 1000 && length(places(e)) > 100
end

@testset "syntax errors: nothing runs, the place is shown" begin
    run_cell("ran = 0")
    e = error_of(run_cell("global ran = 1\ny = )"; count = 21))
    @test e["type"] == "ParseError" && occursin("In[21]:2", e["message"]) && e["cell"] == "In[21]" && e["line"] == 2
    @test result_of(run_cell("ran")) == "0"
    e = error_of(run_cell("x = 1\n\nwhile true\n  x"; count = 22))
    # from 1.10 on Julia's parser points to where something is missing, with a mark of its own
    own = VERSION >= v"1.10"
    @test e["line"] == (own ? 4 : 3)
    @test occursin(own ? "Expected `end`" : "^", e["message"])
    for code in ["\"α", "f(1,\n 2]", "x = 3 4", "α = (", "@ x", "end", "function", "'", "1 +* 2", "😀 ="]
        @test error_of(run_cell(code))["type"] == "ParseError"
    end
    @test kinds(run_cell("")) == ["done"] && kinds(run_cell(" \n ")) == ["done"] && kinds(run_cell("# only\n")) == ["done"]
end

@testset "what breaks while it is shown" begin
    run_cell("struct Broken end; Base.show(io::IO, ::Broken) = error(\"broken show\")")
    e = error_of(run_cell("Broken()"))
    @test e["message"] == "broken show"
    @test error_of(run_cell("display(Broken())"))["message"] == "broken show"
    run_cell("struct Odd <: Exception end; Base.showerror(io::IO, ::Odd) = error(\"broken showerror\")")
    ev = run_cell("throw(Odd())")
    @test error_of(ev)["type"] == "Odd" && status_of(ev) == "error"
    @test result_of(run_cell("1")) == "1"
    run_cell("struct Half end; Base.show(io::IO, ::MIME\"text/html\", ::Half) = error(\"broken html\")")
    @test result_of(run_cell("Half()")) == "Half()"        # the other forms are shown: see broken_test.jl
end

@testset "scope, ans, files, world age" begin
    @test result_of(run_cell("total = 0\nfor i in 1:4\n    total += i\nend\ntotal")) == "10"
    run_cell("6 * 7")
    @test result_of(run_cell("ans + 1")) == "43"
    run_cell("5;")
    @test result_of(run_cell("ans")) == "5"
    @test result_of(run_cell("@__FILE__"; count = 30)) == "\"In[30]\""
    @test result_of(run_cell("struct P; x::Int; end\nBase.show(io::IO, p::P) = print(io, \"P#\", p.x)\nP(4)")) == "P#4"
    @test text_of(run_cell("println(P(5))")) == "P#5\n"
    @test result_of(run_cell("macro twice(x) :(2 * \$(esc(x))) end\n@twice 4")) == "8"
    @test result_of(run_cell("module Inner; k = 3; end\nInner.k")) == "3"
    @test result_of(run_cell("using Statistics\nmean([1, 3])")) == "2.0"
    @test result_of(run_cell("const fixed = 3\nfixed")) == "3"
    @test result_of(run_cell("\"docs\"\ndocumented() = 1\ndocumented()")) == "1"
    @test result_of(run_cell("let q = 2\n q\nend")) == "2"
    path = tempname()
    write(path, "included = 9\n")
    @test result_of(run_cell("include($(repr(path)))")) == "9"
end

@testset "workspaces" begin
    run_cell("w = 1"; notebook = "w1", workspace = "notebook")
    run_cell("w = 2"; notebook = "w2", workspace = "notebook")
    run_cell("w = 3"; notebook = "w3")
    @test result_of(run_cell("w, ans"; notebook = "w1", workspace = "notebook")) == "(1, 1)"
    @test result_of(run_cell("w"; notebook = "w2", workspace = "notebook")) == "2"
    @test result_of(run_cell("Main.w"; notebook = "w1", workspace = "notebook")) == "3"
    @test result_of(run_cell("eval(:(w + 1))"; notebook = "w1", workspace = "notebook")) == "2"
    path = tempname()
    write(path, "w + 10\n")
    @test result_of(run_cell("include($(repr(path)))"; notebook = "w2", workspace = "notebook")) == "12"
    @test result_of(run_cell("EngeeKernel.workspace().w"; notebook = "w1", workspace = "notebook")) == "1"
    run_cell("mat = zeros(10, 10); txt = \"abc\""; notebook = "w1", workspace = "notebook")
    listed = Dict(v["name"] => v for v in call(:variables, E, "w1")["variables"])
    @test Set(keys(listed)) == Set(["w", "mat", "txt"])
    @test listed["mat"]["size_bytes"] == 800 && occursin("10×10", listed["mat"]["summary"])
    @test listed["txt"]["type"] == "String" && listed["txt"]["summary"] == "\"abc\""
    @test call(:complete, E, "w1", "tx", 2, false)["found"] == ["variable", "txt"]
    @test call(:reset, E, "w1")["workspace"] == "notebook"
    @test call(:variables, E, "w1")["variables"] == []
    @test error_of(run_cell("w"; notebook = "w1", workspace = "notebook"))["type"] == "UndefVarError"
    @test result_of(run_cell("w"; notebook = "w2", workspace = "notebook")) == "2"
    run_cell("const stays = 4; goes = 5"; notebook = "w3")
    told = call(:reset, E, "w3")
    @test told["workspace"] == "main" && "goes" in told["cleared"]
    @test "stays" in [k["name"] for k in told["kept"]]
    @test result_of(run_cell("goes === nothing, stays"; notebook = "w3")) == "(true, 4)"
end

@testset "ans: the notebook's while its cells run, Engee's own between them" begin
    tab(code) = Core.eval(Main, Meta.parse(code))
    tab("ans = :tab")
    @test result_of(run_cell("6 * 7"; notebook = "a1")) == "42"
    @test tab("ans") === :tab
    @test result_of(run_cell("ans"; notebook = "a1")) == "42"
    @test result_of(run_cell("ans"; notebook = "a2")) == ":tab"
    run_cell("error(1)"; notebook = "a1")
    @test (tab("ans"), result_of(run_cell("ans"; notebook = "a1"))) == (:tab, "42")
    # A line of the tab in the middle of a cell, which here the cell itself plays.
    run_cell("Core.eval(Main, :(ans = :later)); 5"; notebook = "a1")
    @test (tab("ans"), result_of(run_cell("ans"; notebook = "a1"))) == (:later, "5")
end
