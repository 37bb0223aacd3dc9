include("driver.jl")

run_cell("compute(n) = (x = 0.0; for i in 1:n; x += sin(i); end; x); compute(1)"; notebook = "setup")
# What takes some 20 ms and never yields.
const TURN = "compute(10^6)"

# Whoever asks meanwhile is answered, and the cell can be stopped: shown by the loop's being interrupted at all, since
# on one thread nothing else runs before the loop lets it.
@testset "a loop that never yields lives: $code" for code in (
    "while true; $TURN; end",
    "for i in 1:10^9; $TURN; end",
    "for i in 1:10^9, j in 1:10^9; $TURN; end",
    "while true; for i in 1:3; $TURN; end; end",
    "let x = 0; while true; x += $TURN; end; end",
    "begin; if true; while true; $TURN; end; end; end",
    "try; while true; $TURN; end; finally; println(\"left\"); end",
    "@time while true; $TURN; end",
    "t = @elapsed for i in 1:10^9; $TURN; end",
    "Base.@time for i in 1:10^9; $TURN; end",
    "while true; end",
    "i = 0\nwhile true\n    global i += 1\nend",
)
    id = start_cell("println(\"started\"); " * code)
    wait_state(id, "running")
    @test text_of(call(:events, E, id, 0, 5.0)["events"]) == "started\n"
    @test "println" in call(:complete, E, "nb", "prin", 4, false; seconds = 15)["found"]
    @test result_of(run_cell("1 + 1"; notebook = "other")) == "2"
    @test call(:interrupt, E, id)["interrupted"]
    events = finish_cell(id; seconds = 10)
    @test status_of(events) == "interrupted"
    @test occursin("finally", code) == occursin("left", text_of(events))
end

@testset "the same values with and without checkpoints: $(repr(code))" for code in (
    "s = 0; for i in 1:10; i == 3 && continue; i == 8 && break; s += i; end; s",
    "s = 0; for i in 1:4, j in 1:4; j > i && break; s += 1; end; s",
    "s = 0; for i in 1:4; for j in 1:4; j > i && break; s += 1; end; end; s",
    "r = []; for i in 1:3; local t = i; push!(r, () -> t); end; [f() for f in r]",
    "for i in 1:3; end",
    "k = 10; while k > 3; k -= 1; end; k",
    "let a = 1; for i in 1:3; a *= 2; end; a; end",
    "x = begin; for i in 1:3; end; 7; end",
    "f(n) = (s = 0; for i in 1:n; s += i; end; s); f(4)",
    "function g(n)\n    while n > 1\n        n -= 1\n    end\n    n\nend; g(5)",
    "[i for i in 1:3 for j in 1:2]",
    "e = :(for i in 1:3; i; end); string(e.args[2].args[end])",
    "macro twice(e); esc(:(\$e; \$e)); end; n = 0; @twice for i in 1:3; n += i; end; n",
    "n = 0; try; for i in 1:3; n += i; i == 2 && error(); end; catch; n += 100; end; n",
    "n = 0; if false; elseif true; for i in 1:3; n += i; end; end; n",
    "fs = 0; for i in 1:3; h(x) = x + i; fs += h(1); end; fs",
    "v = 0; t = @elapsed for i in 1:3; v += i; end; t isa Float64 && v == 6",
    "n = 0; @sync for i in 1:3; @async (global n += i); end; n",
)
    plain = run_cell(code; count = 7, loop_checkpoints = false)
    watched = run_cell(code; count = 7)
    @test kinds(watched) == kinds(plain)
    @test status_of(watched) == "ok"
    @test result_of(watched) == result_of(plain)
end

@testset "the lines of errors stay" begin
    code = "s = 0\nfor i in 1:3\n    s += i\n    for j in 1:2\n        i == 2 && sqrt(-1.0)\n    end\nend"
    places(events) = [(f[1], f[3]) for f in error_of(events)["raw"] if occursin("In[", f[2])]
    plain = run_cell(code; loop_checkpoints = false)
    watched = run_cell(code)
    @test places(watched) == places(plain)
    @test ("top-level scope", 5) in places(watched)
    id = start_cell("\n\nwhile true\n    $TURN\nend")
    wait_state(id, "running")
    call(:interrupt, E, id)
    @test ("top-level scope", 3) in places(finish_cell(id))
end

@testset "a loop of functions' own stays as it is" begin
    mod = getfield(Main, Symbol(NAME))
    for code in ("f(n) = for i in 1:n; end", "function f(); while true; end; end", "() -> while true; end",
                 "quote; while true; end; end", "@threads for i in 1:3; end", "map(1:3) do i; for j in 1:3; end; end",
                 "Base.@time2 for i in 1:3; end", "f(n)::Int = for i in 1:n; end", "[(for i in 1:3; end) for j in 1:3]")
        ex = Meta.parse(code)
        @test Base.invokelatest(mod.from_piece, "loops", :with_checkpoints, Any[Main, ex]) == ex
    end
end

@testset "switched off, a loop is evaluated as it was written" begin
    @test result_of(run_cell("s = 0; for i in 1:3; s += i; end; s"; loop_checkpoints = false)) == "6"
end
