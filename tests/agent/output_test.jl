include("driver.jl")

@testset "the module EngeeKernel has its functions when a cell names them" begin
    @test !isdefined(Main.EngeeKernel, :display)           # it is looked at before: by Engee's tab, or by a completion
    @test kinds(run_cell("EngeeKernel.display(1)")) == ["display", "done"]
    @test result_of(run_cell("EngeeKernel.workspace()")) == "Main"
    @test Main.EngeeKernel.workspace() === Main
    @test call(:complete, E, "nb", "EngeeKernel.upd", 15, false)["found"][2] == "update"
end

@testset "streams" begin
    ev = run_cell("print(\"a\"); print(stderr, \"e\"); println(\"b\")")
    @test [(e["name"], e["text"]) for e in of(ev, "stream")] == [("stdout", "a"), ("stderr", "e"), ("stdout", "b\n")]
    @test text_of(run_cell("print('α', \"😀\", 1.5, :s)")) == "α😀1.5s"
    @test text_of(run_cell("write(stdout, UInt8[0xce]); write(stdout, UInt8[0xb1, 0x0a])")) == "α\n"
    @test text_of(run_cell("write(stdout, UInt8[0xff, 0x41])")) == "\ufffdA"
    @test text_of(run_cell("printstyled(\"c\", color = :red)")) == "\e[31mc\e[39m"
    @test result_of(run_cell("get(stdout, :color, false), displaysize(stdout), isopen(stdout)")) == "(true, (30, 80), true)"
    @test text_of(run_cell("show(stdout, MIME(\"text/plain\"), [1, 2]); flush(stdout)")) != ""
    @test text_of(run_cell("print(\"50%\\r100%\\r\\e[1Adone\")")) == "50%\r100%\r\e[1Adone"
end

@testset "a character cut in two by a poll" begin
    id = start_cell("write(stdout, 0xce); sleep(0.2); write(stdout, 0xb1); nothing")
    early = call(:events, E, id, 0, 0.1)
    @test early["events"] == []
    @test text_of(finish_cell(id)) == "α"
end

@testset "child tasks print into their cell" begin
    code = k -> """
        @sync for t in 1:3
            @async for i in 1:20
                println("$k", t)
                sleep(0.001)
            end
        end
        """
    a, b = start_cell(code("a"); notebook = "a"), start_cell(code("b"); notebook = "b")
    ta, tb = text_of(finish_cell(a)), text_of(finish_cell(b))
    @test sort(split(ta)) == sort(repeat(["a1", "a2", "a3"], 20))
    @test sort(split(tb)) == sort(repeat(["b1", "b2", "b3"], 20))
end

@testset "a task that outlives its cell" begin
    run_cell("@async (sleep(0.2); println(\"late\")); nothing"; notebook = "late")
    @test text_of(run_cell("sleep(0.4)"; notebook = "late")) == "late\n"      # into the cell that runs
    run_cell("@async (sleep(0.1); println(\"later\")); nothing"; notebook = "late")
    sleep(0.3)
    @test text_of(run_cell("println(1)"; notebook = "late")) == "later\n1\n"   # kept for the next one
end

@testset "logging" begin
    text = text_of(run_cell("@info \"hello\" x = 3"), "stderr")
    @test occursin("Info", text) && occursin("hello", text) && occursin("x = 3", text)
    @test occursin("Warning", text_of(run_cell("@warn \"careful\""), "stderr"))
    @test kinds(run_cell("@debug \"quiet\"")) == ["done"]
    @test occursin("mine", text_of(run_cell("using Logging; with_logger(SimpleLogger(stdout)) do; @info \"mine\"; println(\"in\"); @sync @async println(\"child\"); end")))
    @test occursin("child", text_of(run_cell("with_logger(SimpleLogger(stdout)) do; @sync @async println(\"child\"); end")))
    @test text_of(run_cell("with_logger(NullLogger()) do; @info \"no\"; println(\"yes\"); end")) == "yes\n"
    run_cell("before = global_logger(SimpleLogger(stdout)); nothing")
    @test occursin("global", text_of(run_cell("@info \"global\"")))
    run_cell("global_logger(before)")
    @test occursin("again", text_of(run_cell("@info \"again\""), "stderr"))
end

@testset "the server's own output stays its own" begin
    id = start_cell("sleep(0.3)")
    wait_state(id, "running")
    println("the server prints this")          # from this task, which is no cell's
    @info "the server logs this"
    @test kinds(finish_cell(id)) == ["done"]
end

@testset "external commands and C code" begin
    @test text_of(run_cell("run(`echo hello`);")) == "hello\n"
    @test text_of(run_cell("print(\"1\"); run(`printf 2`); print(\"3\"); ccall(:puts, Cint, (Cstring,), \"4\"); print(\"5\")")) == "1234\n5"
    @test text_of(run_cell("run(pipeline(`sh -c 'echo out; echo err >&2'`, stdout = stdout, stderr = stderr)); nothing")) == "out\n"
    @test text_of(run_cell("run(`sh -c 'echo err >&2'`);"), "stderr") == "err\n"
    @test result_of(run_cell("read(`echo inner`, String)")) == "\"inner\\n\""
    id = start_cell("run(`sh -c 'echo early; sleep 0.6; echo late'`);")
    reply = call(:events, E, id, 0, 0.5)
    @test reply["state"] == "running" && reply["events"][1]["text"] == "early\n"    # live, by the poller
    @test text_of(finish_cell(id)) == "early\nlate\n"
    @test text_of(run_cell("run(`sh -c 'i=0; while [ \$i -lt 3000 ]; do echo line; i=\$((i+1)); done'`);")) == "line\n"^3000
    # Enough to fill any pipe, from code that never yields: must neither block nor lose.
    ev = run_cell("for i in 1:30000; ccall(:puts, Cint, (Cstring,), \"0123456789\"); end")
    @test sizeof(text_of(ev)) == 11 * 30000
end

runtime_streams() = (unsafe_load(cglobal(:jl_uv_stdout, Ptr{Cvoid})), unsafe_load(cglobal(:jl_uv_stderr, Ptr{Cvoid})))

@testset "what Julia's runtime prints by itself" begin
    before = runtime_streams()
    err(code) = text_of(run_cell(code), "stderr")
    if VERSION < v"1.12-"              # later modules and constants are replaced without a word
        @test err("module ZR; end; module ZR; end") == "WARNING: replacing module ZR.\n"
        @test occursin(r"^WARNING: redefinition of constant (Main\.)?KC", err("const KC = 1; const KC = 2"))
    end
    if VERSION < v"1.11-"              # later the error itself tells it
        run_cell("module ZA; export zz; zz = 1; end; module ZB; export zz; zz = 2; end; using .ZA, .ZB")
        @test occursin(r"^WARNING: both Z. and Z. export \"zz\"", err("zz"))
    end
    @test occursin(r"^error in running finalizer: ErrorException.*in a finalizer", err("finalize(finalizer(_ -> error(\"in a finalizer\"), Ref(1)))"))
    ev = run_cell("print(1); Core.println(2); print(stderr, 3); Core.print(Core.stderr, 4); print(5)")
    @test (text_of(ev), text_of(ev, "stderr")) == ("12\n5", "34")
    ev = run_cell("@sync @async (sleep(0.05); Core.println(6))")
    @test text_of(ev) == "6\n"
    @test runtime_streams() == before
    Core.println("the server's runtime prints this")
    @test kinds(run_cell("sleep(0.1)")) == ["done"]
    # As in Julia it goes where stderr is redirected to, and back when that is over.
    path = tempname()
    ev = run_cell("open($(repr(path)), \"w\") do io; redirect_stderr(() -> Core.println(Core.stderr, \"to file\"), io); end; Core.println(Core.stderr, \"after\")")
    @test text_of(ev, "stderr") == "after\n"
    @test read(path, String) == "to file\n"
    @test runtime_streams() == before
end

@testset "redirecting stdout in a cell" begin
    @test text_of(run_cell("old = stdout; (rd, wr) = redirect_stdout(); println(\"caught\"); redirect_stdout(old); close(wr); caught = read(rd, String); println(\"free\")")) == "free\n"
    @test result_of(run_cell("caught")) == "\"caught\\n\""
    @test text_of(run_cell("run(`echo child`);")) == "child\n"
    path = tempname()
    @test text_of(run_cell("open($(repr(path)), \"w\") do io; redirect_stdout(io) do; println(\"to file\"); end; end; println(\"after\")")) == "after\n"
    @test read(path, String) == "to file\n"
    @test text_of(run_cell("old = redirect_stderr(stdout); print(stderr, \"e\"); redirect_stderr(OLD_ERR)"; )) isa String
    getfield(Main, Symbol(NAME)).restore_output(getfield(Main, Symbol(NAME)).OUTPUTS[2])
end

@testset "printing is fast" begin
    t = @elapsed ev = run_cell("for i in 1:100_000; println(i); end")
    @test sizeof(text_of(ev)) == 588895
    @test t < 10                           # about 0.5 s on a free machine
end

@testset "a loop that prints and never yields streams" begin
    id = start_cell("for i in 1:10^9; println(i); end")
    first = call(:events, E, id, 1, 2.0)
    @test first["state"] == "running" && startswith(text_of(call(:events, E, id, 0, 0.0)["events"]), "1\n2\n")
    @test text_of(run_cell("println(\"beside\")"; notebook = "other")) == "beside\n"    # both want the stream's lock
    more = call(:events, E, id, 1 + length(first["events"]), 2.0)
    @test !isempty(more["events"])
    @test call(:interrupt, E, id)["interrupted"]
    @test status_of(finish_cell(id)) == "interrupted"
end

@testset "the output limit" begin
    ev = run_cell("for i in 1:1000; println(\"0123456789\"); end; 7"; output_limit_bytes = 1000)
    @test sizeof(text_of(ev)) == 1000
    notices = text_of(ev, "stderr")
    @test occursin("output_limit_bytes = 1000", notices) && occursin("10000 bytes", notices)
    @test result_of(ev) == "7"
    ev = run_cell("print(\"α\"^10)"; output_limit_bytes = 5)
    @test text_of(ev) == "αα"
end

@testset "display and its updates" begin
    ev = run_cell("display(1); display(\"text/html\", \"<b>x</b>\"); display(MIME(\"text/x-mine\"), \"a,b\"); 2")
    @test [e["data"] for e in of(ev, "display")] == [Dict("text/plain" => "1"), Dict("text/html" => "<b>x</b>"), Dict("text/x-mine" => "a,b", "text/plain" => "a,b")]
    ev = run_cell("EngeeKernel.display(1, id = \"p\"); EngeeKernel.update(2, id = \"p\"); EngeeKernel.clear_output(); EngeeKernel.clear_output(true); EngeeKernel.clear_output(wait = true)")
    @test kinds(ev) == ["display", "update", "clear", "clear", "clear", "done"]
    @test ev[1]["id"] == "p" && ev[2]["id"] == "p" && ev[2]["data"]["text/plain"] == "2"
    @test [e["wait"] for e in of(ev, "clear")] == [false, true, true]
    @test display(TextDisplay(IOBuffer()), 3) === nothing
    io = IOBuffer()
    pushdisplay(TextDisplay(io)); popdisplay()
    @test result_of(run_cell("EngeeKernel.workspace()")) == "Main"
end

@testset "bundles" begin
    run_cell("""
        struct Pic end
        Base.show(io::IO, ::Pic) = print(io, "Pic()")
        Base.show(io::IO, ::MIME"image/png", ::Pic) = write(io, UInt8[0x89, 0x50])
        Base.show(io::IO, ::MIME"image/svg+xml", ::Pic) = print(io, "<svg/>")
        Base.show(io::IO, ::MIME"text/html", ::Pic) = print(io, "<i>pic</i>")
        Base.show(io::IO, ::MIME"text/latex", ::Pic) = print(io, "\\\\pic")
        Base.show(io::IO, ::MIME"application/vnd.vegalite.v5+json", ::Pic) = print(io, "{\\"a\\": [1, 2.5e3, null]}")
        Base.show(io::IO, ::MIME"application/vnd.plotly.v1+json", ::Pic) = print(io, "{broken")
        """)
    data = of(run_cell("Pic()"), "result")[1]["data"]
    @test data == Dict("text/plain" => "Pic()", "image/png" => "iVA=", "image/svg+xml" => "<svg/>",
                       "text/html" => "<i>pic</i>", "text/latex" => "\\pic",
                       "application/vnd.vegalite.v5+json" => Dict("a" => [1, 2500.0, nothing]))
    big = result_of(run_cell("collect(1:10^6)"))
    @test length(big) < 5000 && occursin("⋮", big)
    @test result_of(run_cell("1;")) === nothing
    @test result_of(run_cell("1; # comment")) === nothing
    @test result_of(run_cell("nothing")) === nothing
    @test result_of(run_cell("\"a\\0\\x7f\"")) == repr("a\0\x7f")
end

@testset "JSON of our own" begin
    agent = getfield(Main, Symbol(NAME))
    @test agent.json(agent.Fields(Any["a", NaN, "b", Any[1, nothing, true], "c", Inf, "d", -0.5])) == "{\"a\":null,\"b\":[1,null,true],\"c\":null,\"d\":-0.5}"
    for text in ["", "\0\x01\x1f\x7f\"\\\n\t", "αβ😀\u2028", String(UInt8[0x61, 0xff, 0xfe, 0x62])]
        back = Reader.parse_json(agent.json(text))
        @test back == (isvalid(text) ? text : "a\ufffd\ufffdb")
    end
    good = ["{}", "[]", " [1, -2.5e+3, \"a\\u00e9\\n\", true, false, null, {\"k\": {}}] ", "0", "\"\""]
    bad = ["", "{", "[1,]", "{\"a\"}", "01", "1.", "tru", "\"a", "\"\n\"", "[1] 2", "{\"a\":1,}", "\"\\x\"", "nul", "-", "["^1000]
    agent.need("binary")
    @test all(agent.is_json, good)
    @test !any(agent.is_json, bad)
end
