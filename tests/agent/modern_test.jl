include("driver.jl")

# What differs from version to version of Julia: right on each that is at hand.

@testset "an undefined name is described without Julia's world age" begin
    short = error_of(run_cell("undefined_name"))["short"]
    @test startswith(short, "UndefVarError(:undefined_name") && !occursin("0x", short)
    mod = getfield(Main, Symbol(NAME))
end

@testset "the package mode is for people" begin
    @test !occursin("interactive use", text_of(run_cell("]help"; seconds = 90), "stderr"))
end

@testset "what a package prints while it loads" begin
    folder = mktempdir()
    mkpath(joinpath(folder, "Noisy", "src"))
    write(joinpath(folder, "Noisy", "src", "Noisy.jl"),
          "module Noisy\n__init__() = (println(\"loaded\"); println(stderr, \"warned\"))\nend\n")
    events = run_cell("push!(LOAD_PATH, $(repr(folder))); using Noisy"; seconds = 90)
    @test status_of(events) == "ok"
    @test text_of(events) == "loaded\n" && endswith(text_of(events, "stderr"), "warned\n")
end

@testset "unfinished code has a place" begin
    for code in ("for i in 1:3\n  x = 1\n", "x = (1,\n 2")
        error = error_of(run_cell(code))
        @test error["type"] == "ParseError" && error["line"] in 1:3
    end
end

@testset "completion of fields and paths" begin
    run_cell("mm = (res = 1, resid = 2)")
    @test call(:complete, E, "nb", "z=1; mm.res", 11, true)["found"][2:2:end] == ["res", "resid"]
    folder = mktempdir()
    mkpath(joinpath(folder, "data"))
    touch(joinpath(folder, "data", "file_one.txt"))
    run_cell("cd($(repr(folder)))")
    code = "open(\"data/fi"
    reply = call(:complete, E, "nb", code, length(code), false)
    inserted = string(first(code, reply["first"] - 1), only_one(reply["found"][2:2:end]))
    @test startswith(inserted, "open(\"data/file_one.txt")
    run_cell("cd(\"/\")")
end
if isdefined(Base, :ScopedValues)
    @testset "scoped values reach tasks" begin
        @test result_of(run_cell("using Base.ScopedValues; sv = ScopedValue(1); with(sv => 2) do; fetch(Threads.@spawn sv[]); end")) == "2"
    end
end
