include("driver.jl")

# Run with several threads, whatever the machine's default.
@test Threads.nthreads() > 1

@testset "tasks on several threads print into their cell, line by line" begin
    ev = run_cell("@sync for t in 1:4; Threads.@spawn for i in 1:1000; println(t, ' ', i); end; end")
    @test status_of(ev) == "ok"
    @test sort(split(chomp(text_of(ev)), '\n')) == sort(vec([string(t, ' ', i) for t in 1:4, i in 1:1000]))
    a = start_cell("for i in 1:300; @sync for t in 1:2; Threads.@spawn println(\"a\", t); end; end"; notebook = "a")
    b = start_cell("for i in 1:300; @sync for t in 1:2; Threads.@spawn println(\"b\", t); end; end"; notebook = "b")
    @test sort(split(text_of(finish_cell(a)))) == sort(repeat(["a1", "a2"], 300))
    @test sort(split(text_of(finish_cell(b)))) == sort(repeat(["b1", "b2"], 300))
end

@testset "interrupts with several threads" begin
    for code in ("sleep(1000)", "wait(Threads.@spawn sleep(1000))", "while true; println(1); end"), i in 1:5
        id = start_cell(code)
        wait_state(id, "running")
        @test call(:interrupt, E, id)["interrupted"]
        @test status_of(finish_cell(id)) == "interrupted"
    end
    @test result_of(run_cell("1 + 1")) == "2"
end
