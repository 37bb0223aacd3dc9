include("driver.jl")

# Run with several threads, whatever the machine's default.
@test Threads.nthreads() > 1

# Before any other: a first cell needs a piece of the agent.
@testset "a first cell while another request defines a piece" begin
    agent = getfield(Main, Symbol(NAME))
    defining = @async agent.define(Any["slow", "sleep(1.0); Any[]"])
    sleep(0.2)
    cell = @async run_cell("1 + 1")
    @test timedwait(() -> istaskdone(defining) && istaskdone(cell), 60.0) == :ok
    @test status_of(fetch(cell)) == "ok"
end

@testset "tasks on several threads print into their cell, line by line" begin
    ev = run_cell("@sync for t in 1:4; Threads.@spawn for i in 1:1000; println(t, ' ', i); end; end")
    @test status_of(ev) == "ok"
    @test sort(split(chomp(text_of(ev)), '\n')) == sort(vec([string(t, ' ', i) for t in 1:4, i in 1:1000]))
    a = start_cell("for i in 1:300; @sync for t in 1:2; Threads.@spawn println(\"a\", t); end; end"; notebook = "a")
    b = start_cell("for i in 1:300; @sync for t in 1:2; Threads.@spawn println(\"b\", t); end; end"; notebook = "b")
    @test sort(split(text_of(finish_cell(a)))) == sort(repeat(["a1", "a2"], 300))
    @test sort(split(text_of(finish_cell(b)))) == sort(repeat(["b1", "b2"], 300))
end

const WHOLE = Set(string("line ", i, " of ", t, ' ', "x"^40) for i in 1:200, t in 1:4)

@testset "lines from all threads come once and whole: $way" for (way, code) in (
    "@threads" => "Threads.@threads for k in 1:800; println(\"line \", cld(k, 4), \" of \", mod1(k, 4), ' ', \"x\"^40); end",
    "@spawn" => "@sync for t in 1:4; Threads.@spawn for i in 1:200; println(\"line \", i, \" of \", t, ' ', \"x\"^40); end; end",
    "a channel" => """
        let lines = Channel{String}(8)  # both notebooks' names are those of Main
            printers = [Threads.@spawn(foreach(println, lines)) for _ in 1:3]
            @sync for t in 1:4
                Threads.@spawn for i in 1:200; put!(lines, string("line ", i, " of ", t, ' ', "x"^40)); end
            end
            close(lines)
            foreach(wait, printers)
        end""",
    "stderr" => "@sync for t in 1:4; Threads.@spawn for i in 1:200; println(stderr, \"line \", i, \" of \", t, ' ', \"x\"^40); end; end")
    # two notebooks at once: each has all of its own lines, and none of the other's
    ids = [start_cell(code; notebook = notebook, threads = threads) for (notebook, threads) in (("a", "shared"), ("b", "own"))]
    for id in ids
        ev = finish_cell(id)
        @test status_of(ev) == "ok"
        lines = split(chomp(text_of(ev, way == "stderr" ? "stderr" : "stdout")), '\n')
        @test length(lines) == 800 && Set(lines) == WHOLE
    end
end

@testset "what C code and programs print while all threads print" begin
    code = """
        @sync begin
            for t in 1:4; Threads.@spawn for i in 1:100; println("julia"); end; end
            Threads.@spawn for i in 1:20; run(`echo program`); end
            Threads.@spawn for i in 1:100; ccall(:puts, Cint, (Cstring,), "c code"); yield(); end
        end"""
    text = text_of(run_cell(code))
    # a program's line may come between a word of Julia's and its line end, as in a terminal
    @test [length(findall(word, text)) for word in ("julia", "program", "c code", "\n")] == [400, 20, 100, 520]
    @test sizeof(text) == 400 * 6 + 20 * 8 + 100 * 7
end

@testset "a queued cell that is interrupted runs not at all, or is interrupted" begin
    for turn in 1:100
        before = start_cell("nothing"; notebook = "race")
        id = start_cell("global ran = $turn; sleep(30)"; notebook = "race")
        hit = Threads.@spawn reply_of(start_call(:interrupt, E, id))
        ev = finish_cell(id)
        @test status_of(ev) == "interrupted" && length(of(ev, "error")) == 1 && length(of(ev, "done")) == 1
        @test fetch(hit)["interrupted"]
        finish_cell(before)
    end
end

@testset "cells of a notebook stay in order while their threads change" begin
    run_cell("order = Int[]; busy_now = Threads.Atomic{Int}(0)")
    placements = ("shared", "own", "engee")
    ids = map(1:60) do k
        start_cell("Threads.atomic_add!(busy_now, 1) == 0 || error(\"two at once\"); push!(order, $k); Threads.atomic_sub!(busy_now, 1); $k";
                   notebook = "mover", threads = placements[mod1(k, 3)])
    end
    @test [result_of(finish_cell(id)) for id in ids] == map(string, 1:60)
    @test result_of(run_cell("order == 1:60")) == "true"
end

@testset "each thread gives way by its own clock" begin
    agent = getfield(Main, Symbol(NAME))
    fill!(agent.LAST_YIELDS, 0)
    agent.give_way()
    here = agent.own_place()
    places, due = zeros(Int, Threads.nthreads()), fill(false, Threads.nthreads())
    Threads.@threads for i in 1:Threads.nthreads()
        places[i], due[i] = agent.own_place(), agent.way_is_due(true)
    end
    others = places .!= here
    @test agent.LAST_YIELDS[here] > 0 && any(others) && all(due[others])
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

# Requests from all threads at once, as an Engee makes them that spawns each.
spawn_call(f, args...; options...) = Threads.@spawn reply_of(start_call(f, args...; options...))

@testset "many requests on several threads at once" begin
    call(:complete, E, "nb", "prin", 4, false)
    codes = ("for i in 1:20; println(i); end; 7", "display(\"text/html\", \"<b>x</b>\"); 7",
             "Threads.@threads for i in 1:20; println(i); end; 7", "sleep(0.01); 7")
    foreach(run_cell, codes)           # a line whose end is compiled for longer than others wait for it is torn
    askers = map(1:8) do k
        Threads.@spawn begin
            ended = String[]
            for turn in 1:15
                id = "hammer-$k-$turn"
                code = codes[mod1(k + turn, 4)]
                reply = reply_of(start_call(:submit, E, "nb$k", id, turn, code, 0.0, String[];
                                            threads = isodd(k) ? "shared" : "own"))
                events = reply["events"]
                # What an interrupted cell's tasks still print opens the next cell: this one has none.
                occursin("sleep", code) && reply_of(start_call(:interrupt, E, id))
                reply_of(start_call(:complete, E, "nb$k", "prin", 4, false))
                while reply["state"] != "done" || haskey(reply, "more")
                    reply = reply_of(start_call(:events, E, id, length(events), 1.0))
                    append!(events, reply["events"])
                end
                [e["n"] for e in events] == 1:length(events) || error("events out of order: $events")
                status = status_of(events)
                if status == "ok"
                    result_of(events) == "7" || error("no result: $events")
                    occursin("println", code) && (sort(parse.(Int, split(text_of(events)))) == 1:20 || error("lines: $events"))
                end
                push!(ended, status)
            end
            ended
        end
    end
    @test timedwait(() -> all(istaskdone, askers), 120.0) === :ok
    for asker in askers
        ended = fetch(asker)
        @test length(ended) == 15 && all(in(("ok", "interrupted")), ended)
    end
    @test isempty(reply_of(start_call(:hello))["cells"])
    @test result_of(run_cell("1 + 1")) == "2"
end

# Never yields; reaches safe points, without which it would hold up all collections of garbage.
run_cell("busy(s) = (t = time_ns() + s * 10^9; while time_ns() < t; GC.safepoint(); end; 5); busy(0)")
run_cell("1"; notebook = "own", threads = "own")

@testset "cells keep off the threads of requests, and say what they wait for" begin
    @test result_of(run_cell("Threads.threadid()")) != string(Threads.threadid())
    @test result_of(run_cell("Threads.threadid()"; notebook = "another")) == result_of(run_cell("Threads.threadid()"))
    id = start_cell("println(\"started\"); busy(8)"; title = "first.ipynb")
    @test text_of(call(:events, E, id, 0, 5.0; seconds = 5)["events"]) == "started\n"
    @test "println" in call(:complete, E, "nb", "prin", 4, false; seconds = 5)["found"]
    waiting = start_cell("1 + 1"; notebook = "another", wait_s = 2.0)
    reply = call(:events, E, waiting, 0, 1.0)
    @test reply["state"] == "queued" && reply["behind"] == Dict("notebook" => "first.ipynb", "count" => COUNTER[] - 1)
    @test !call(:interrupt, E, id; seconds = 6)["interrupted"]
    @test call(:events, E, id, 0, 0.0)["state"] == "running"
    @test result_of(follow(id, call(:events, E, id, 0, 5.0))) == "5"
    @test result_of(follow(waiting, reply)) == "2"
end

@testset "where a cell runs is the person's choice" begin
    facts = call(:metrics, E)["julia_threads"]
    @test length(facts["pools"]) >= Threads.nthreads() && Threads.threadid() in facts["requests"]
    @test parse(Int, result_of(run_cell("Threads.threadid()"))) in facts["cells"]
    run_cell("task_local_storage(:kept, 1); kept = 5"; notebook = "chooser")
    @test result_of(run_cell("kept + Threads.threadid() - Threads.threadid()"; notebook = "chooser", threads = "engee")) == "5"
    @test result_of(run_cell("Threads.threadid()"; notebook = "chooser", threads = "engee")) == string(Threads.threadid())
end
