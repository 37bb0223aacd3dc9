include("driver.jl")

# Where an error came from: lines of cells, and what lies behind it.

lines(raw, count) = [f[3] for f in raw if f isa Vector && endswith(f[2], "In[$count]")]

@testset "a macro's own lines are not the cell's" begin
    for (code, line) in [
            ("@time error(\"x\")", 1),
            ("1\n@elapsed error(\"y\")", 2),
            ("1\n2\nwait(@async error(\"z\"))", 3),
            ("begin\n    x = 1\n    @time x\n    @elapsed error(\"deep\")\nend", 4),
            ("begin\n    x = 1\n    @elapsed x\n    @time error(\"deep\")\nend", 4),
            ("1\n@sync begin\n    @async error(\"s\")\nend\n", 2:4),
            (string("1\n"^400, "@elapsed error(\"long\")"), 401),
            ("@assert false", 1),
        ]
        count = COUNTER[] + 1000
        e = error_of(run_cell(code; count = count))
        found = lines(e["raw"], count)
        @test !isempty(found) && all(in(line), found)
    end
    run_cell("1\nfaulty() = 1 +\n    @elapsed error(\"in a function\")"; count = 801)
    e = error_of(run_cell("faulty()"; count = 802))
    @test lines(e["raw"], 801) ⊆ [2, 3] && lines(e["raw"], 802) == [1]
end

@testset "causes" begin
    e = error_of(run_cell("try\n    error(\"root cause\")\ncatch\n    error(\"outer\")\nend"; count = 810))
    @test e["message"] == "outer" && lines(e["raw"], 810) == [4]
    cause = only_one(e["causes"])
    @test cause["message"] == "root cause" && lines(cause["raw"], 810) == [2]
    e = error_of(run_cell("root() = error(\"in the task\")\nwait(@async root())"; count = 811))
    @test e["message"] == "TaskFailedException: in the task"
    cause = only_one(e["causes"])
    @test cause["type"] == "ErrorException" && 1 in lines(cause["raw"], 811)
    e = error_of(run_cell("wait(@async (try; error(\"first\"); catch; error(\"second\"); end))"))
    @test [c["message"] for c in e["causes"]] == ["second", "first"]
    e = error_of(run_cell("wait(@async wait(@async error(\"innermost\")))"))
    @test [c["type"] for c in e["causes"]] == ["TaskFailedException", "ErrorException"]
    e = error_of(run_cell("@sync begin; @async error(\"one\"); @async error(\"two\"); end"))
    @test e["type"] == "CompositeException" && occursin("1 more exception", e["message"])
    @test [c["message"] for c in e["causes"]] == ["one", "two"]
    e = error_of(run_cell("try; error(\"a\"); catch; try; error(\"b\"); catch; error(\"c\"); end; end"))
    @test e["message"] == "c" && [c["message"] for c in e["causes"]] == ["b", "a"]
    e = error_of(run_cell("using Distributed\nfar(x) = error(\"far away\")\nremotecall_fetch(far, 1, 2)"; count = 820))
    @test occursin("far away", e["message"])
    e = error_of(run_cell("throw(RemoteException(3, CapturedException(ErrorException(\"there\"), stacktrace())))"; seconds = 60))
    @test e["message"] == "On worker 3: there" && only_one(e["causes"])["message"] == "there"
end
