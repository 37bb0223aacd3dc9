include("driver.jl")

const MODULE = getfield(Main, Symbol(NAME))
worker(notebook) = MODULE.find_worker(notebook)

"Let an idle worker's task end, as if something had ended it."
function end_task(worker)
    MODULE.close_worker(worker)
    wait(worker.task)
    worker.closed = false
end

@testset "an exception thrown into the idle worker" begin
    ev = run_cell("t = current_task(); Timer(_ -> schedule(t, ErrorException(\"too slow\"), error = true), 0.2); \"done\"")
    @test result_of(ev) == "\"done\""
    sleep(0.5)
    ev = run_cell("1 + 1")
    @test result_of(ev) == "2" && status_of(ev) == "ok"
    remark = text_of(ev, "stderr")
    @test occursin("too slow", remark) && occursin("while no cell ran", remark)
    @test kinds(run_cell("2")) == ["result", "done"]                    # told once
    for throwing in ("schedule(t, InterruptException(), error = true)", "Base.throwto(t, ErrorException(\"thrown\"))", "yieldto(t)", "schedule(t)")
        run_cell("t = current_task(); @async (sleep(0.1); $throwing); nothing")
        sleep(0.3)
        @test result_of(run_cell("3"; seconds = 10)) == "3"
        id = start_cell("sleep(1000)")
        wait_state(id, "running")
        @test call(:interrupt, E, id; seconds = 10)["interrupted"]
        @test status_of(finish_cell(id; seconds = 10)) == "interrupted"
    end
end

@testset "many exceptions in a row" begin
    run_cell("t = current_task(); storm = Timer(_ -> istaskdone(t) || schedule(t, ErrorException(\"again\"), error = true), 0.05, interval = 0.005); nothing")
    sleep(0.5)
    ev = run_cell("close(storm); 4"; notebook = "beside")
    @test result_of(ev) == "4"
    ev = run_cell("5")
    status_of(ev) == "ok" || (ev = run_cell("5"))
    @test result_of(ev) == "5"
end

@testset "a cell's own exception, thrown when it is done" begin
    @test status_of(run_cell("schedule(current_task(), ErrorException(\"to myself\"), error = true); 1")) in ("ok", "error")
    @test result_of(run_cell("6"; seconds = 10)) == "6"
end

@testset "an exception that arrives while a cell is left" begin
    for turns in 0:30
        # the task is scheduled already where it gives way: then the exception has to wait
        code = "t = current_task(); @async (for _ in 1:$turns; yield(); end; try schedule(t, ErrorException(\"late\"), error = true) catch end); nothing"
        @test status_of(run_cell(code)) in ("ok", "error")
        @test timedwait(() -> isempty(MODULE.RUNNING), 5.0) == :ok && !MODULE.DESCRIPTORS.active
    end
    run_cell("nothing")
    @test result_of(run_cell("9"; seconds = 10)) == "9"
end

@testset "a task that has ended is made anew" begin
    run_cell("1"; notebook = "ended")
    end_task(worker("ended"))
    ev = run_cell("7"; notebook = "ended")
    @test result_of(ev) == "7" && occursin("ended from outside", text_of(ev, "stderr"))
    id = start_cell("sleep(1000)"; notebook = "ended")
    wait_state(id, "running")
    @test call(:interrupt, E, id; seconds = 10)["interrupted"]
    @test status_of(finish_cell(id; seconds = 10)) == "interrupted"
    # the task that runs a cell ends in its middle
    id = start_cell("sleep(1000)"; notebook = "ended")
    wait_state(id, "running")
    dead = @async nothing
    wait(dead)
    worker("ended").task = dead
    ev = finish_cell(id; seconds = 10)
    @test status_of(ev) == "error" && occursin("ended from outside", error_of(ev)["message"])
    @test result_of(run_cell("8"; notebook = "ended", seconds = 10)) == "8"
end
