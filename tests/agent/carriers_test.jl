include("driver.jl")

# Output of tasks under loggers of the person's own, while other notebooks are busy.

@testset "a logger of one's own, two notebooks" begin
    busy = start_cell("sleep(1000)"; notebook = "busy")
    wait_state(busy, "running")
    ev = run_cell("""
        using Logging
        with_logger(ConsoleLogger(stderr)) do
            @sync for i in 1:2
                @async begin
                    println("iter ", i)
                    @warn "warned"
                    display(i)
                end
            end
        end
        """; notebook = "mine")
    @test sort(split(text_of(ev), '\n', keepempty = false)) == ["iter 1", "iter 2"]
    @test length(collect(eachmatch(r"warned", text_of(ev, "stderr")))) == 2
    @test sort([e["data"]["text/plain"] for e in of(ev, "display")]) == ["1", "2"]
    call(:interrupt, E, busy)
    @test kinds(finish_cell(busy)) == ["error", "done"]
end

@testset "a task under its own logger outlives its cell" begin
    run_cell("with_logger(ConsoleLogger(stderr)) do; println(\"now\"); @async (println(\"seen\"); sleep(0.3); println(\"late\")); yield(); end; nothing"; notebook = "mine")
    sleep(0.6)
    @test text_of(run_cell("1"; notebook = "mine")) == "late\n"
end
