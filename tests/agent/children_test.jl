include("driver.jl")

runs(pid) = ccall(:kill, Cint, (Cint, Cint), pid, 0) == 0
function ends(pid, seconds = 5)
    deadline = time() + seconds
    while runs(pid) && time() < deadline
        sleep(0.02)
    end
    return !runs(pid)
end

"Start the code in a cell, interrupt it when it has written its child's number; gives that and the cell's events."
function interrupted(code; notebook = "nb", seconds = 20)
    file = tempname()
    id = start_cell(replace(code, "FILE" => file); notebook = notebook)
    timedwait(() -> isfile(file) && endswith(read(file, String), "\n"), 20.0) === :ok || error("no child")
    pid = parse(Int, read(file, String))
    sleep(0.1)
    @test runs(pid)
    @test call(:interrupt, E, id; seconds = 10)["interrupted"]
    return pid, finish_cell(id; seconds = seconds)
end

@testset "an interrupt reaches the child: $code" for code in [
        raw"run(`sh -c 'echo $$ > FILE; exec sleep 600'`)",
        raw"read(`sh -c 'echo $$ > FILE; exec sleep 600'`, String)",
        raw"open(`sh -c 'echo $$ > FILE; exec sleep 600'`) do io; read(io); end",
        raw"run(pipeline(`sh -c 'echo $$ > FILE; exec sleep 600'`, `cat`))",
        raw"p = run(`sh -c 'echo $$ > FILE; exec sleep 600'`, wait = false); sleep(1000)",
        raw"@sync @async run(`sh -c 'echo $$ > FILE; exec sleep 600'`)",
    ]
    pid, events = interrupted(code)
    @test status_of(events) == "interrupted"
    @test ends(pid)
    @test result_of(run_cell("1")) == "1"
end

@testset "other processes live on" begin
    run_cell("server = run(`sleep 600`, wait = false); nothing")
    other = start_cell("run(`sleep 1.5`); \"whole\""; notebook = "other")
    wait_state(other, "running")
    pid, _ = interrupted(raw"run(`sh -c 'echo $$ > FILE; exec sleep 600'`)")
    @test ends(pid)
    @test result_of(finish_cell(other)) == "\"whole\""
    @test result_of(run_cell("process_running(server)")) == "true"
    run_cell("kill(server); wait(server)")
end

@testset "what does not end is named, and writes into no other cell" begin
    pid, events = interrupted(raw"run(`sh -c 'trap \"\" INT; echo $$ > FILE; while true; do echo noise; sleep 0.1; done'`)")
    @test status_of(events) == "interrupted" && occursin(string(pid), text_of(events, "stderr"))
    @test text_of(run_cell("sleep(0.4); run(`echo mine`);")) == "mine\n"
    ccall(:kill, Cint, (Cint, Cint), pid, 9)
    @test ends(pid)
end

@testset "a fault in looking for children does not keep the interrupt from the cell" begin
    agent = getfield(Main, Symbol(NAME))
    Core.eval(agent, :(children_of(worker, cell) = error("not to be found")))
    pid, events = interrupted(raw"run(`sh -c 'echo $$ > FILE; exec sleep 600'`)")
    @test status_of(events) == "interrupted"
    @test occursin("they were not interrupted: not to be found", text_of(run_cell("1"), "stderr"))
    ccall(:kill, Cint, (Cint, Cint), pid, 9)
    @test ends(pid)
end
