include("driver.jl")

# Methods of the person's that fail: one form of a value hides neither the others nor the cell's error.

data_of(events, kind = "result") = only_one(of(events, kind))["data"]

@testset "one form fails, the others are shown" begin
    ev = run_cell("using Markdown; x = 4; md\"The value is \$(x)\"")
    @test status_of(ev) == "ok"
    data = data_of(ev)
    @test occursin("The value is 4", data["text/plain"]) && occursin("The value is", data["text/markdown"])
    haskey(data, "text/latex") || @test occursin("text/latex", text_of(ev, "stderr"))
    run_cell("""
        struct Half end
        Base.show(io::IO, ::Half) = print(io, "Half()")
        Base.show(io::IO, ::MIME"image/png", ::Half) = error("no Cairo")
        Base.show(io::IO, ::MIME"image/jpeg", ::Half) = write(io, UInt8[0x89, 0x50])
        Base.show(io::IO, ::MIME"text/html", ::Half) =
            error("broken html")
        """; count = 700)
    ev = run_cell("Half()")
    @test data_of(ev) == Dict("text/plain" => "Half()", "image/jpeg" => "iVA=") && status_of(ev) == "ok"
    remark = text_of(ev, "stderr")
    @test occursin("image/png", remark) && occursin("no Cairo", remark) && occursin("In[700]:3", remark)
    @test occursin("text/html", remark) && occursin(r"In\[700\]:[56]", remark)
    ev = run_cell("display(Half()); EngeeKernel.display(Half(), id = \"h\"); EngeeKernel.update(Half(), id = \"h\"); nothing")
    @test text_of(ev, "stderr") == "" && status_of(ev) == "ok"          # told once
    @test all(e -> e["data"]["image/jpeg"] == "iVA=", [of(ev, "display"); of(ev, "update")])
    ev = run_cell("1"; user_expressions = Any["h", "Half()"])
    @test ev[end]["expressions"]["h"]["data"]["text/plain"] == "Half()"
    run_cell("struct Asked end; Base.showable(::MIME\"text/html\", ::Asked) = error(\"no answer\")")
    @test result_of(run_cell("Asked()")) == "Asked()"
    run_cell("struct NoText end; Base.show(io::IO, ::NoText) = error(\"no text\"); Base.show(io::IO, ::MIME\"text/html\", ::NoText) = print(io, 1)")
    @test error_of(run_cell("NoText()"))["message"] == "no text"
    @test error_of(run_cell("display(\"text/html\", Half())"))["message"] == "broken html"     # asked for by name
    run_cell("struct Waits end; Base.show(io::IO, ::Waits) = print(io, 1); Base.show(io::IO, ::MIME\"text/html\", ::Waits) = sleep(1000)")
    id = start_cell("Waits()")
    wait_state(id, "running")
    sleep(0.5)
    @test call(:interrupt, E, id)["interrupted"]
    @test status_of(finish_cell(id)) == "interrupted"
end

@testset "one variable that fails does not hide the others" begin
    run_cell("half = Half(); struct NoSize <: AbstractVector{Int} end; Base.length(::NoSize) = error(1); Base.size(::NoSize) = error(2)
              notext = NoText(); nosize = NoSize(); fine = 5")
    listed = Dict(v["name"] => v for v in call(:variables, E, "nb")["variables"])
    @test listed["fine"]["summary"] == "5" && listed["nosize"]["size_bytes"] === nothing
    @test occursin("failed", listed["notext"]["summary"])
end

@testset "numbers that JSON lacks" begin
    run_cell("""
        struct Figure; text::String; end
        Base.show(io::IO, ::Figure) = print(io, "Figure()")
        Base.show(io::IO, ::MIME"text/html", ::Figure) = print(io, "<p>")
        Base.show(io::IO, ::MIME"application/vnd.plotly.v1+json", f::Figure) = print(io, f.text)
        """)
    plotly(text) = get(data_of(run_cell("Figure($(repr(text)))")), "application/vnd.plotly.v1+json", :left_out)
    @test plotly("{\"y\": [1, NaN, 2], \"NaN\": \"NaN, -Infinity\", \"z\": [-Infinity,Infinity,-Inf, Inf,NaN32]}") ==
        Dict("y" => [1, nothing, 2], "NaN" => "NaN, -Infinity", "z" => [nothing, nothing, nothing, nothing, nothing])
    @test plotly("[1, 2.5]") == [1, 2.5]
    @test plotly("[NaNa]") === :left_out && plotly("{broken \"NaN") === :left_out
    @test data_of(run_cell("Figure(\"{\")"))["text/html"] == "<p>"
    ev = run_cell("display(MIME(\"application/json\"), \"[NaN]\")")
    @test data_of(ev, "display")["application/json"] == [nothing]
end

@testset "errors whose message can't be made" begin
    run_cell("struct BadShow end; Base.show(io::IO, ::BadShow) = error(\"no show\"); \n Base.show(io::IO, ::Type{BadShow}) = error(\"no type\")")
    ev = run_cell("1\nsqrt(BadShow())"; count = 710)
    e = error_of(ev)
    @test e["type"] == "MethodError" && startswith(e["message"], "MethodError") && occursin("no type", e["message"])
    @test any(f -> f isa Vector && endswith(f[2], "In[710]") && f[3] == 2, e["raw"])
    run_cell("struct Odd <: Exception end; Base.showerror(io::IO, ::Odd) = error(\"odd\"); Base.show(io::IO, ::Odd) = error(\"odd\")")
    e = error_of(run_cell("f() = throw(Odd())\nf()"; count = 711))
    @test e["type"] == "Odd" && occursin("odd", e["message"]) && any(f -> f isa Vector && f[1] == "f", e["raw"])
    e = error_of(run_cell("try; throw(Odd()); catch; error(\"outer\"); end"))
    @test e["message"] == "outer" && only_one(e["causes"])["type"] == "Odd"
    ev = run_cell("1"; user_expressions = Any["o", "throw(Odd())"])
    @test ev[end]["expressions"]["o"]["type"] == "Odd"
    e = error_of(run_cell("wait(@async throw(Odd()))"))
    @test e["type"] == "TaskFailedException" && !isempty(e["raw"])
    e = error_of(run_cell("throw(BadShow())"))
    @test e["type"] == "BadShow" && !isempty(e["raw"])
end

@testset "what a task shows when its cell is done" begin
    run_cell("@async begin; sleep(0.2); display(\"late display\"); println(\"late text\"); EngeeKernel.update(1, id = \"u\"); EngeeKernel.clear_output(true); end; 1"; notebook = "late")
    sleep(0.8)
    ev = run_cell("2"; notebook = "late")
    @test kinds(ev) == ["display", "stream", "update", "clear", "result", "done"]
    @test ev[1]["data"]["text/plain"] == "\"late display\"" && ev[2]["text"] == "late text\n" && ev[3]["id"] == "u"
    run_cell("@async begin; sleep(0.2); display(3); end; nothing"; notebook = "late")
    @test [e["data"]["text/plain"] for e in of(run_cell("sleep(0.5)"; notebook = "late"), "display")] == ["3"]
    run_cell("@async begin; sleep(0.1); print(\"x\"^100); print(\"y\"^(2^20)); end; nothing"; notebook = "late")
    sleep(0.5)
    ev = run_cell("4"; notebook = "late")
    @test text_of(ev) == "x"^100 && occursin("1048576 bytes", text_of(ev, "stderr"))
end
