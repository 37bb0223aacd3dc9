# Tasks of Engee's that began before the agent: they run in a world that has none of its methods.

"Everything that is written to what takes the stream's place from now on."
function collected(redirect)
    pipe = Pipe()
    Base.link_pipe!(pipe)
    redirect(pipe.in)
    text = IOBuffer()
    @async while !eof(pipe.out)
        write(text, readavailable(pipe.out))
    end
    return text
end

const BEFORE = (stdout, stderr)
const OUT, ERR = collected(redirect_stdout), collected(redirect_stderr)
const GO = Base.Event()

struct ShownInTab <: AbstractDisplay end
const SHOWN = Any[]
Base.display(::ShownInTab, value) = (push!(SHOWN, value); nothing)
pushdisplay(ShownInTab())

"One that begins now, and goes on when the agent is there."
begun_before(f) = @async (wait(GO); f())

lines_of(t) = for i in 1:100; println("line ", i, " of ", t); end
const PRINTING = [begun_before(() -> lines_of(t)) for t in 1:3]
const ASKING = begun_before() do
    printstyled("plain "; color = :red)
    print(IOContext(stdout, :limit => true), [1, 2])
    println(stderr, "complains")
    show(devnull, stdout)
    flush(stdout)
    @info "logs"
    display(:shown)
    return (displaysize(stdout), get(stdout, :color, false), isopen(stdout), iswritable(stderr), stdout isa Base.TTY)
end

# What this process itself says goes to where it went before, whatever comes of it.
const CELL, ASKED, SAID, COMPLAINED = try
    include("driver.jl")
    id = start_cell("for i in 1:30; println(\"cell \", i); sleep(0.01); end")
    wait_state(id, "running")
    notify(GO)
    later = [@async lines_of(t) for t in 4:5]
    foreach(wait, [PRINTING; later])
    asked = fetch(ASKING)
    cell = finish_cell(id)
    sleep(0.2)
    cell, asked, String(take!(OUT)), String(take!(ERR))
finally
    redirect_stdout(BEFORE[1])
    redirect_stderr(BEFORE[2])
end

@testset "what older tasks print goes where it went, line by line" begin
    @test text_of(CELL) == join(["cell $i\n" for i in 1:30])
    @test ASKED == ((24, 80), false, true, true, false)
    @test occursin("plain ", SAID) && occursin("[1, 2]", SAID)
    lines = split(replace(replace(SAID, "plain " => ""), "[1, 2]" => ""), '\n')
    @test sort(lines) == sort([""; vec(["line $i of $t" for i in 1:100, t in 1:5])])
    @test occursin("complains\n", COMPLAINED)
    @test SHOWN == [:shown]
end
