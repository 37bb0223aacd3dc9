include("driver.jl")

@testset "hello" begin
    @test HELLO["julia"] == string(VERSION)
    @test occursin(Regex("^$(10^9 + getpid())1[0-9]{25}\$"), E)
    @test HELLO["pieces"] == [] && HELLO["cells"] == []
    again = reply_of(serve(INSTALL))
    @test again["epoch"] == E
    both = [serve(INSTALL) for _ in 1:3]
    @test all(t -> reply_of(t)["epoch"] == E, both)
end

@testset "another epoch, an unknown function's absence, an internal failure" begin
    @test call(:events, "0000", "x", 0, 0.0) == Dict("error" => "epoch", "epoch" => E)
    @test call(:events, E, "never", 0, 0.0)["state"] == "unknown"
    @test call(:finish, E, "never")["state"] == "unknown"
    @test call(:interrupt, E, "never") == Dict("interrupted" => false, "state" => "unknown")
    @test call(:submit, E, "nb", "bad", 1, "1", 0.0, String[]; workspace = "elsewhere")["error"] == "internal"
    @test call(:events, E, "bad", 0, 0.0)["state"] == "unknown"
end

@testset "a cell runs exactly once" begin
    run_cell("runs = 0")
    id = new_id()
    first = run_cell("global runs += 1"; id = id)
    @test result_of(first) == "1"
    @test run_cell("global runs += 1"; id = id) == first
    @test call(:finish, E, id)["events"] == first
    tasks = [start_call(:submit, E, "nb", "same", 7, "sleep(0.1); global runs += 1", 5.0, String[]) for _ in 1:5]
    replies = [within(t, 10) for t in tasks]
    @test all(r -> r["state"] == "done" && r["events"][1]["data"]["text/plain"] == "2", replies)
    @test result_of(run_cell("runs")) == "2"
end

@testset "job is submit and finish in one, and can be read by others" begin
    task = start_call(:job, E, "nb", "job-1", 3, "println(\"a\"); sleep(0.3); 5")
    sleep(0.1)
    live = call(:events, E, "job-1", 0, 1.0)
    @test live["state"] == "running" && live["events"][1]["text"] == "a\n"
    done = within(task, 10)
    @test done["state"] == "done" && done["events"][1] == live["events"][1]
    @test status_of(done["events"]) == "ok"
    @test within(start_call(:job, E, "nb", "job-1", 3, "error()"), 10)["events"] == done["events"]
end

@testset "cells of a notebook run in order, notebooks side by side" begin
    run_cell("order = Int[]")
    ids = [start_cell("sleep($(0.05 / i)); push!(order, $i)") for i in 1:4]
    foreach(finish_cell, ids)
    @test result_of(run_cell("order == 1:4")) == "true"
    run_cell("gate = Channel{Int}(1)")
    a = start_cell("take!(gate)"; notebook = "a")
    b = run_cell("put!(gate, 42); 1"; notebook = "b", seconds = 5)
    @test status_of(b) == "ok"
    @test result_of(finish_cell(a)) == "42"
end

@testset "events: the same again, pieces, and the rest" begin
    id = new_id()
    run_cell("for i in 1:5; display(i); end"; id = id)
    whole = call(:events, E, id, 0, 0.0)["events"]
    @test kinds(whole) == [fill("display", 5); "done"]
    @test call(:events, E, id, 0, 0.0)["events"] == whole
    @test call(:events, E, id, 3, 0.0)["events"] == whole[4:end]
    piece = call(:events, E, id, 0, 0.0; max_bytes = 200)
    @test piece["more"] && piece["events"] == whole[1:length(piece["events"])]
    tiny = call(:events, E, id, 0, 0.0; max_bytes = 1)
    @test length(tiny["events"]) == 1 && tiny["more"]
    @test call(:events, E, id, 100, 0.0)["events"] == []
end

@testset "a long poll answers when there is output, when the cell ends, and when its time is over" begin
    id = start_cell("sleep(0.4); println(\"x\"); sleep(0.4)")
    t = time()
    @test call(:events, E, id, 0, 0.1)["events"] == []
    @test time() - t >= 0.09
    reply = call(:events, E, id, 0, 10.0)
    @test reply["state"] == "running" && reply["events"][1]["text"] == "x\n"
    reply = call(:events, E, id, 1, 10.0)
    @test reply["state"] == "done" && length(reply["events"]) == 1
end

@testset "a print loop makes few answers" begin
    id = start_cell("for i in 1:100; println(i); sleep(0.005); end")
    seen, answers = Any[], 0
    while isempty(seen) || seen[end]["t"] != "done"
        reply = call(:events, E, id, length(seen), 5.0)
        append!(seen, reply["events"])
        answers += 1
    end
    @test text_of(seen) == join(string.(1:100, "\n"))
    @test answers < 60
    @test answers > 3                      # and yet it is live
end

@testset "forgetting" begin
    id = new_id()
    run_cell("1"; id = id)
    call(:submit, E, "nb", new_id(), 1, "2", 5.0, [id])
    @test call(:events, E, id, 0, 0.0)["state"] == "forgotten"
    late = call(:submit, E, "nb", id, 1, "runs = 100", 5.0, String[])
    @test late["state"] == "forgotten" && late["events"] == []
    @test call(:finish, E, id)["state"] == "forgotten"
    @test result_of(run_cell("runs")) == "2"
    running = start_cell("sleep(0.2); 9")
    call(:submit, E, "nb2", new_id(), 1, "2", 5.0, [running])   # not done: stays
    @test result_of(finish_cell(running)) == "9"
end

@testset "finished cells are bounded" begin
    agent = getfield(Main, Symbol(NAME)).AGENT
    kept = agent.kept_cells
    agent.kept_cells = 5
    ids = [new_id() for _ in 1:10]
    foreach(id -> run_cell("1"; id = id), ids)
    @test call(:events, E, ids[1], 0, 0.0)["state"] == "forgotten"
    @test call(:events, E, ids[10], 0, 0.0)["state"] == "done"
    agent.kept_cells = kept
end

@testset "the cells call and hello tell of what runs" begin
    id = start_cell("take!(gate)"; notebook = "list")
    wait_state(id, "running")
    queued = start_cell("  \n1 + 1\n2"; notebook = "list")
    listed = Dict(c["id"] => c for c in call(:cells, E)["cells"])
    @test listed[id]["state"] == "running" && listed[queued]["state"] == "queued"
    @test listed[queued]["code"] == "1 + 1"
    @test Set([id, queued]) ⊆ Set(c["id"] for c in call(:hello)["cells"])
    run_cell("put!(gate, 1)")
    finish_cell(queued)
    @test call(:hello)["cells"] == []
end

@testset "no task polls when nothing runs" begin
    agent = getfield(Main, Symbol(NAME)).AGENT
    run_cell("sleep(0.1)")
    @test agent.poller !== nothing
    sleep(0.2)
    @test istaskdone(agent.poller)
end

@testset "random numbers carry over from cell to cell" begin
    run_cell("using Random; Random.seed!(1)")
    in_cells = [result_of(run_cell("rand(UInt32)")), (call(:metrics, E); call(:complete, E, "nb", "si", 2, false); result_of(run_cell("rand(UInt32)")))]
    in_one = result_of(run_cell("Random.seed!(1); (rand(UInt32), rand(UInt32))"))
    @test in_one == string("(", join(in_cells, ", "), ")")
    run_cell("task_local_storage(:mine, 5)")
    @test result_of(run_cell("task_local_storage(:mine)")) == "5"
end

@testset "what a done event tells" begin
    done = run_cell("x = zeros(10^6); sleep(0.05)")[end]
    @test done["allocated_bytes"] > 8 * 10^6
    @test done["elapsed_s"] >= 0.05
    @test haskey(done, "gc_s")
    done = run_cell("y = 4"; user_expressions = ["a", "y + 1", "b", "nonsense_name"])[end]
    @test done["expressions"]["a"]["data"]["text/plain"] == "5"
    @test done["expressions"]["b"]["status"] == "error" && done["expressions"]["b"]["type"] == "UndefVarError"
    @test kinds(run_cell("1 + 1"; silent = true)) == ["done"]
end
