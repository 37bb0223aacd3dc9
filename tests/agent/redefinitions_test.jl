include("driver.jl")

# People redefine how numbers and text are shown. Their cells change at once; how the agent speaks does not. Each method
# stays for the rest of the file: what is replaced in Base can't be had back.

const REDEFINED = [
    raw"""using Printf; Base.show(io::IO, x::Float64) = print(io, replace(@sprintf("%.3f", x), "." => ","))""",
    raw"""Base.show(io::IO, x::Int) = write(io, "<int>")""",
    raw"""Base.string(x::Float64) = "<float>" """,
    raw"""Base.show(io::IO, x::Bool) = write(io, "<bool>")""",
    raw"""Base.show(io::IO, x::Symbol) = write(io, "<symbol>")""",
    raw"""Base.show(io::IO, x::Char) = write(io, "<char>")""",
    raw"""Base.show(io::IO, x::UInt8) = write(io, "<byte>")""",
    raw"""Base.show(io::IO, ::Nothing) = error("nothing to show")""",
    raw"""Base.show(io::IO, x::VersionNumber) = error("no version")""",
    raw"""Base.show(io::IO, x::String) = write(io, "<text>")""",
    raw"""Base.print(io::IO, x::Int) = write(io, "<printed>")""",
    raw"""Base.show(io::IO, ::Vector{Any}) = error("no list")""",
    raw"""hello = 1; json = 2; AGENT = 3; Fields = 4; Cell = 5; known = 6; option = 7; submit = 8; events = 9; put = 10; REGISTRY = 11""",
]

large(x) = getfield(Main, Symbol(NAME)).json(x)

folder = mktempdir()
write(joinpath(folder, "a.txt"), "abc")

@testset "the agent speaks as before" for (n, code) in enumerate(REDEFINED)
    @test status_of(run_cell(code)) == "ok"
    ev = run_cell("kept = 1.5"; count = 100 + n)
    @test status_of(ev) == "ok" && ev[end]["elapsed_s"] isa Number && kinds(ev) == ["result", "done"]
    @test result_of(ev) == "1,500"
    e = error_of(run_cell("1\nerror(\"boo\")"; count = 200 + n))
    place = join(["In[", literal(200 + n), "]"])
    @test e["cell"] == place && e["message"] == "boo" && any(f -> f isa Vector && endswith(f[2], place) && f[3] == 2, e["raw"])
    listed = call(:variables, E, "nb")["variables"]
    @test any(v -> v["name"] == "kept" && v["size_bytes"] == 8, listed)
    @test "println" in call(:complete, E, "nb", "printl", 6, false)["found"]
    @test call(:inspect, E, "nb", "println", 3, 0)["found"]
    @test call(:metrics, E)["pid"] == getpid() && !isempty(call(:cells, E)["cells"])
    @test only_one(call(:files_list, E, folder)["entries"])["size_bytes"] == 3
    @test length(call(:find, E, folder, "*.txt")["entries"]) == 1
    @test call(:sha256, E, joinpath(folder, "a.txt"))["size_bytes"] == 3
    ev = run_cell("2"; user_expressions = Any["k", "kept"])
    @test ev[end]["expressions"]["k"]["data"]["text/plain"] == "1,500"
    @test text_of(run_cell("print(\"plain\")")) == "plain"
    @test call(:is_complete, E, "f(")["status"] == "incomplete"
end

@testset "large numbers" begin
    for x in (9.1e15, 1.0e300, -2.5e20)
        @test Reader.parse_json(large(x)) ≈ x
    end
    @test large(Inf) == "null"
end
