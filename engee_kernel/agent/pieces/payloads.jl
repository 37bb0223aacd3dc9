# needs: exchange, files
# calls: exchange_piece, exchange_bind, exchange_bind_file, exchange_take, exchange_read, exchange_write_file, exchange_discard

# Payloads of values between calls, and the calls; what a payload holds is in exchange.jl.

const BASE64 = library("2a0f44e3-6c83-55bd-87e4-b1978d98bd5f", "Base64")
const base64encode, base64decode = BASE64.base64encode, BASE64.base64decode

mutable struct Payload
    pieces::Dict{Int,Vector{UInt8}}
    touched::Float64
end

const PAYLOADS = Dict{String,Payload}()    # guarded by REGISTRY, as BOUND is
const BOUND = String[]                     # payloads that were bound: a repeated call finds its id here
const PAYLOAD_LIFE_S = 1800.0
const BOUND_KEPT = 1000

locked(f, guard) = (lock(guard); try f() finally unlock(guard) end)

"The payload of this id, a new one if there is none. What was left behind half an hour ago goes."
function payload_of(id)
    return locked(REGISTRY) do
        now = time()
        filter!(entry -> now - last(entry).touched < PAYLOAD_LIFE_S, PAYLOADS)
        payload = get!(() -> Payload(Dict{Int,Vector{UInt8}}(), now), PAYLOADS, String(id))
        payload.touched = now
        payload
    end
end

keep_piece(id, number, bytes) = locked(() -> payload_of(id).pieces[number] = bytes, REGISTRY)
discard_payload(id) = locked(() -> delete!(PAYLOADS, String(id)), REGISTRY)

# invokelatest: types and methods of the person's are younger than the code here.
"`f`'s reply, or that something can't be exchanged."
function exchange_reply(f)
    try
        return Base.invokelatest(f)
    catch error
        error isa ExchangeProblem || rethrow()
        return Fields(Any["problem", error.message])
    end
end

workspace_module(notebook, workspace) = workspace == "main" ? Main : from_piece("modules", :notebook_module, Any[notebook])

function bind_values(mod::Module, bytes::Vector{UInt8})
    io = IOBuffer(bytes)
    values = read_named(io)
    eof(io) || throw(ExchangeProblem("the payload is longer than what it says"))
    # Only names that are the module's own are looked at: looking up one that Base exports, say `time`, would bind it to
    # Base's, and it could not be a variable any more.
    own = Set(Base.names(mod, all = true))
    for name in keys(values)
        name in own && isdefined(mod, name) && isconst(mod, name) &&
            throw(ExchangeProblem("$name can't be set in Engee: it is a constant, a function or a type there; " *
                                  "choose another name"))
    end
    for (name, value) in pairs(values)
        try
            Core.eval(mod, Expr(:(=), name, QuoteNode(value)))
        catch error
            reason = limited(message_of(error), 300)
            throw(ExchangeProblem("$name can't be set in Engee: $reason; choose another name"))
        end
    end
    return nothing
end

"Make the values of a payload variables; a repeated call, whose first reply was lost, changes nothing."
function bind_once(f, notebook, workspace, id)
    locked(() -> String(id) in BOUND, REGISTRY) && return Fields(Any["bound", true])
    bind_values(workspace_module(notebook, workspace), f())
    locked(REGISTRY) do
        push!(BOUND, String(id))
        length(BOUND) > BOUND_KEPT && popfirst!(BOUND)
    end
    discard_payload(id)
    return Fields(Any["bound", true])
end

function snapshot(notebook, mod::Module, names)
    io = IOBuffer()
    write_count(io, length(names))
    for name in names
        write_text(io, String(name))
        try
            write_value(io, variable_value(notebook, mod, Symbol(name)), 0)
        catch error
            error isa ExchangeProblem || rethrow()
            throw(ExchangeProblem("$name can't be fetched from Engee: $(error.message)"))
        end
    end
    return take!(io)
end

function variable_value(notebook, mod::Module, name::Symbol)
    # Between the cells the name leads to Engee's own.
    name === :ans && mod === Main && return from_piece("answers", :answer_of, Any[notebook])
    isdefined(mod, name) || throw(ExchangeProblem("there is no such variable"))
    return getfield(mod, name)
end

piece_text(bytes, offset, max_bytes) = base64encode(view(bytes, offset+1:min(offset + max_bytes, length(bytes))))

function kept_bytes(id)
    return locked(REGISTRY) do
        payload = get(PAYLOADS, String(id), nothing)
        (payload === nothing || !haskey(payload.pieces, 1)) &&
            throw(ExchangeProblem("the value was not fetched within half an hour and is no longer kept"))
        payload.touched = time()
        payload.pieces[1]
    end
end

# The calls

function exchange_piece(id, number, text)
    return exchange_reply() do
        keep_piece(id, Int(number), base64decode(text))
        return Fields(Any["kept", true])
    end
end

"Bind a payload: the pieces that were sent before, and the last one."
function exchange_bind(notebook, workspace, id, count, text)
    return exchange_reply() do
        bind_once(notebook, workspace, id) do
            last_piece = base64decode(text)
            count == 1 && return last_piece
            pieces = locked(() -> copy(payload_of(id).pieces), REGISTRY)
            all(number -> haskey(pieces, number), 1:count-1) ||
                throw(ExchangeProblem("a part of the data has not arrived; run the cell again"))
            return append!(reduce(append!, [pieces[number] for number in 1:count-1], init = UInt8[]), last_piece)
        end
    end
end

function exchange_bind_file(notebook, workspace, id, path)
    return exchange_reply() do
        bind_once(() -> about_file(() -> read(existing(path)), path), notebook, workspace, id)
    end
end

"The first bytes of the named variables' payload, and its size; the rest is kept under `id` for what follows."
function exchange_take(notebook, workspace, id, names, max_bytes)
    return exchange_reply() do
        bytes = snapshot(notebook, workspace_module(notebook, workspace), names)
        length(bytes) > max_bytes && keep_piece(id, 1, bytes)
        return Fields(Any["size_bytes", length(bytes), "data", piece_text(bytes, 0, Int(max_bytes))])
    end
end

function exchange_read(id, offset, max_bytes)
    return exchange_reply(() -> Fields(Any["data", piece_text(kept_bytes(id), Int(offset), Int(max_bytes))]))
end

function exchange_write_file(id, path)
    return exchange_reply() do
        full = expand_path(path)
        about_file(full) do
            mkpath(dirname(full))
            write(full, kept_bytes(id))
        end
        return Fields(Any["path", full])
    end
end

function exchange_discard(id)
    return exchange_reply() do
        discard_payload(id)
        return Fields(Any["kept", false])
    end
end
