include("driver.jl")

run_cell("lonely = Channel{Int}(0); condition = Condition(); gate = Base.Event(); lock_held = ReentrantLock(); stuck = @async take!(lonely); @async (lock(lock_held); sleep(1000)); nothing"; notebook = "setup")

const BLOCKING = Dict(
    "sleeping" => "sleep(1000)",
    "waiting on a Channel" => "take!(lonely)",
    "waiting on a Condition" => "wait(condition)",
    "waiting on an Event" => "wait(gate)",
    "waiting on a lock" => "lock(lock_held)",
    "waiting on a task" => "wait(stuck)",
    "fetching a task" => "fetch(@async sleep(1000))",
    "a @sync block" => "@sync begin; @async sleep(1000); @async sleep(1000); end",
    "waiting on a child process" => "run(`sleep 15`)",
    "reading from a process" => "read(`sleep 15`, String)",
    "reading from a pipe" => "p = Base.link_pipe!(Pipe()); read(p.out, String)",
    "a loop that prints" => "while true; println(1); end",
    "a loop that yields" => "while true; yield(); end",
    "a loop in a function" => "f() = (x = 0; while true; x += 1; x % 1000 == 0 && yield(); end); f()",
    "asking for input" => "readline()",
    "rendering the result" => "struct Slow end; Base.show(io::IO, ::Slow) = sleep(1000); Slow()",
)

@testset "interrupting $kind" for (kind, code) in BLOCKING
    id = start_cell(code; stdin_allowed = true)
    wait_state(id, "running")
    sleep(0.05)
    reply = call(:interrupt, E, id; seconds = 10)
    @test reply["interrupted"]
    events = finish_cell(id, seconds = 10)
    @test status_of(events) == "interrupted"
    @test error_of(events)["type"] == "InterruptException"
    @test result_of(run_cell("1 + 1")) == "2"
end

@testset "fifty times in a row" begin
    for i in 1:50
        id = start_cell("sleep(1000)")
        wait_state(id, "running")
        @test call(:interrupt, E, id)["interrupted"]
        @test status_of(finish_cell(id)) == "interrupted"
    end
    @test result_of(run_cell("2")) == "2"
end

@testset "at random moments: this cell or none, never the next" begin
    for i in 1:50
        id = start_cell("sleep(0.01); for i in 1:5; print(i); yield(); end; sleep(0.01)")
        next = start_cell("sleep(0.002); $i")
        sleep(rand() * 0.04)
        call(:interrupt, E, id)
        call(:interrupt, E, id)
        @test status_of(finish_cell(id)) in ("ok", "interrupted")
        events = finish_cell(next)
        @test status_of(events) == "ok" && result_of(events) == string(i)
    end
end

@testset "a done cell is not interrupted" begin
    id = new_id()
    run_cell("1"; id = id)
    @test call(:interrupt, E, id) == Dict("interrupted" => false, "state" => "done")
end

@testset "a queued cell does not start" begin
    run_cell("started = false")
    busy = start_cell("sleep(0.3)")
    id = start_cell("global started = true")
    @test call(:interrupt, E, id) == Dict("interrupted" => true, "state" => "done")
    events = finish_cell(id)
    @test kinds(events) == ["error", "done"] && status_of(events) == "interrupted"
    @test status_of(finish_cell(busy)) == "ok"
    @test result_of(run_cell("started")) == "false"
end

@testset "user code that catches it" begin
    id = start_cell("for i in 1:2; try; sleep(1000); catch e; println(typeof(e)); end; end; sleep(1000)")
    for i in 1:3
        wait_state(id, "running")
        # once it sleeps again: what it prints in between is first compiled
        timedwait(() -> count(isequal('\n'), text_of(call(:events, E, id, 0, 0.0)["events"])) == i - 1, 20.0)
        sleep(0.1)
        @test call(:interrupt, E, id)["interrupted"]
    end
    events = finish_cell(id)
    @test status_of(events) == "interrupted"
    @test text_of(events) == "InterruptException\nInterruptException\n"
    id = start_cell("try; sleep(1000); finally; println(\"cleaned up\"); end")
    sleep(0.1)
    call(:interrupt, E, id)
    @test text_of(finish_cell(id)) == "cleaned up\n"
end

@testset "the other notebook goes on" begin
    a = start_cell("sleep(1000)"; notebook = "a")
    b = start_cell("sleep(0.3); 5"; notebook = "b")
    sleep(0.05)
    @test call(:interrupt, E, a)["interrupted"]
    @test status_of(finish_cell(a)) == "interrupted"
    @test result_of(finish_cell(b)) == "5"
end

@testset "task-local state survives an interrupt" begin
    run_cell("task_local_storage(:kept, 7)")
    id = start_cell("sleep(1000)")
    sleep(0.05)
    call(:interrupt, E, id)
    finish_cell(id)
    @test result_of(run_cell("task_local_storage(:kept)")) == "7"
end

@testset "completion and inspection while a cell runs" begin
    id = start_cell("sleep(1000)")
    @test "println" in call(:complete, E, "nb", "prin", 4, false; seconds = 10)["found"]
    @test call(:inspect, E, "nb", "println", 3, 0; seconds = 10)["found"]
    call(:interrupt, E, id)
    finish_cell(id)
end
