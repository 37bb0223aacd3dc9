# with the core

# Checkpoints in the loops that a cell itself holds: a `for` or `while` around code that computes and never yields would
# silence everything else on its thread. Functions, closures, quoted code and macros not listed here stay as they are.

# One for each top-level expression, so only the cell's own task uses it. Typed fields: the loop's code inlines `tick`.
mutable struct LoopWatch
    left::Int                          # turns until the clock is looked at
    turns::Int                         # turns between two looks
    looked::UInt64
    yielded::UInt64
end

# A turn of a short loop takes some 50 ns and a look at the clock 25. Few turns, and slowly more: when the turns become
# slow, only so many of them pass before that is seen.
const MOST_TURNS = 250
const QUICK_NS = UInt64(100_000)
const SLOW_NS = UInt64(2_000_000)
# What woke up needs several rounds to get on: a request is read, parsed, answered by one task after the other.
const YIELD_ROUNDS = 4

@inline function tick(watch::LoopWatch)
    watch.left -= 1
    watch.left < 0 && look(watch)
    return nothing
end

@noinline function look(watch::LoopWatch)
    now = time_ns()
    since = now - watch.looked
    watch.turns = since > SLOW_NS ? 0 : since < QUICK_NS && watch.turns < MOST_TURNS ? watch.turns + 1 : watch.turns
    if now - watch.yielded > YIELD_INTERVAL_NS
        let_others_run()
        now = watch.yielded = time_ns()
    end
    watch.looked = now
    watch.left = watch.turns
    return nothing
end

function let_others_run()
    i = 1
    while i <= YIELD_ROUNDS
        yield()
        i += 1
    end
    return nothing
end

# Their argument stays in the scope where it is written, and what they measure does not count the checkpoint.
const KNOWN_MACROS = Any[Symbol("@time"), Symbol("@timev"), Symbol("@elapsed"), Symbol("@timed"), Symbol("@show"),
                         Symbol("@inbounds"), Symbol("@sync")]

"The expression with a checkpoint at the head of each of its loops."
function with_checkpoints(mod, ex)
    now = time_ns()
    return watched(mod, ex, LoopWatch(0, 0, now, now))
end

function watched(mod, @nospecialize(ex), watch)
    ex isa Expr || return ex
    head = ex.head
    if head === :for || head === :while
        length(ex.args) == 2 || return ex
        body = watched(mod, ex.args[2], watch)
        # In front of the body's first line number: an interrupt is seen at the loop's own line.
        turn = Expr(:block, Expr(:call, tick, watch))
        body isa Expr && body.head === :block ? append!(turn.args, body.args) : push!(turn.args, body)
        return Expr(head, ex.args[1], turn)
    end
    head === :let && length(ex.args) == 2 && return Expr(head, ex.args[1], watched(mod, ex.args[2], watch))
    head === :macrocall && is_known_macro(mod, ex.args[1]) && return watched_from(3, mod, ex, watch)
    if head === :(=)
        left = ex.args[1]
        left isa Expr && (left.head === :call || left.head === :where || left.head === :(::)) && return ex
        return watched_from(2, mod, ex, watch)
    end
    (head === :block || head === :toplevel || head === :if || head === :elseif || head === :try || head === :else ||
     head === :local || head === :global || head === :const || head === :&& || head === :||) &&
        return watched_from(1, mod, ex, watch)
    return ex
end

function watched_from(first, mod, ex, watch)
    copied = Expr(ex.head)
    i = 1
    while i <= length(ex.args)
        push!(copied.args, i < first ? ex.args[i] : watched(mod, ex.args[i], watch))
        i += 1
    end
    return copied
end

"Whether the macro is Base's own of that name, also when written as `Base.@time`."
function is_known_macro(mod, @nospecialize(name))
    if name isa Expr && name.head === :. && name.args[1] === :Base
        name = name.args[2]
        name isa QuoteNode && (name = name.value)
        return name in KNOWN_MACROS
    end
    name isa GlobalRef && return name.mod === Base && name.name in KNOWN_MACROS
    (name isa Symbol && name in KNOWN_MACROS && isdefined(mod, name)) || return false
    return getfield(mod, name) === getfield(Base, name)
end
