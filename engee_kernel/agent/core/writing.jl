# Writing JSON. Every reply is one JSON string, so whatever a user's program produced must come out as valid JSON: bytes
# that are no UTF-8 become U+FFFD, numbers that JSON lacks become null. Nothing here calls what people redefine (show,
# print, string of numbers): their cells must not change how the agent speaks.

"An object: name, value, name, value, … A list is a Vector{Any}."
struct Fields
    list::Any
end

"Text that is JSON already."
struct RawJSON
    text::String
end

# Not inlined: whoever writes JSON would be compiled with all of it.
@noinline function json(value)
    io = IOBuffer()
    put_value(io, value)
    return String(take!(io))
end

"Text as it is."
function put(io, text::String)
    GC.@preserve text unsafe_write(io, pointer(text), UInt(sizeof(text)))
    return nothing
end

function put_value(io, @nospecialize(value))
    if value isa String
        put_text(io, value)
    elseif value isa Bool
        put(io, value ? "true" : "false")
    elseif value isa Int
        put_whole(io, value)
    elseif value isa Float64
        put_real(io, value)
    elseif value === nothing
        put(io, "null")
    elseif value isa Fields
        put_fields(io, value.list)
    elseif value isa Vector{Any}
        put_list(io, value)
    elseif value isa RawJSON
        put(io, value.text)
    else
        put_value(io, Base.invokelatest(plain_value, value))
    end
    return nothing
end

function plain_value(value)
    value isa AbstractString && return String(value)
    value isa Symbol && return String(value)
    value isa AbstractVector && return collect(Any, value)
    value isa AbstractFloat && return Float64(value)
    value isa Integer && return typemin(Int) <= value <= typemax(Int) ? Int(value) : Float64(value)
    throw(ArgumentError(string("no JSON for a ", typeof(value))))
end

function put_fields(io, list)
    put(io, "{")
    i = 1
    while i < length(list)
        i > 1 && put(io, ",")
        put_text(io, list[i])
        put(io, ":")
        put_value(io, list[i+1])
        i += 2
    end
    put(io, "}")
    return nothing
end

function put_list(io, list)
    put(io, "[")
    i = 1
    while i <= length(list)
        i > 1 && put(io, ",")
        put_value(io, list[i])
        i += 1
    end
    put(io, "]")
    return nothing
end

"A number as text: string() of several values asks `print`, which people redefine."
function whole_text(n::Int)
    io = IOBuffer()
    put_whole(io, n)
    return String(take!(io))
end

function put_whole(io, n::Int)
    n == typemin(Int) && return put(io, "-9223372036854775808")
    n < 0 && put(io, "-")
    digits = UInt8[]
    n = abs(n)
    while true
        push!(digits, 0x30 + (n % 10) % UInt8)
        n = div(n, 10)
        n == 0 && break
    end
    i = length(digits)
    while i > 0
        write(io, digits[i])
        i -= 1
    end
    return nothing
end

# Times and sizes: six decimals are more than they have.
function put_real(io, x::Float64)
    if !(abs(x) < 9.0e15)
        abs(x) < Inf || return put(io, "null")
        return Base.invokelatest(put_large, io, x)
    end
    x < 0 && put(io, "-")
    x = abs(x)
    whole = unsafe_trunc(Int, x)
    part = unsafe_trunc(Int, (x - whole) * 1.0e6 + 0.5)
    part >= 1000000 && (whole += 1; part = 0)
    put_whole(io, whole)
    put(io, ".")
    scale = 100000
    while true
        put_whole(io, div(part, scale))
        part = part % scale
        part == 0 && break
        scale = div(scale, 10)
    end
    return nothing
end

function put_large(io, x::Float64)
    exponent = 0
    while abs(x) >= 10.0
        x /= 10.0
        exponent += 1
    end
    put_real(io, x)
    put(io, "e")
    return put_whole(io, exponent)
end

function put_text(io, text::String)
    isvalid(text) || return put_text(io, Base.invokelatest(repaired, text)::String)
    put(io, "\"")
    # Runs without a special byte are written in one go: outputs are long and mostly plain.
    GC.@preserve text begin
        p = pointer(text)
        n = sizeof(text)
        start = 0
        i = 0
        while i < n
            b = unsafe_load(p + i)
            if b < 0x20 || b == 0x22 || b == 0x5c || b == 0x7f
                unsafe_write(io, p + start, UInt(i - start))
                put_escape(io, b)
                start = i + 1
            end
            i += 1
        end
        unsafe_write(io, p + start, UInt(n - start))
    end
    put(io, "\"")
    return nothing
end

const HEX_DIGITS = "0123456789abcdef"

function put_escape(io, b::UInt8)
    if b == 0x22
        put(io, "\\\"")
    elseif b == 0x5c
        put(io, "\\\\")
    elseif b == 0x0a
        put(io, "\\n")
    elseif b == 0x0d
        put(io, "\\r")
    elseif b == 0x09
        put(io, "\\t")
    else
        put(io, "\\u00")
        write(io, codeunit(HEX_DIGITS, Int(b >> 4) + 1))
        write(io, codeunit(HEX_DIGITS, Int(b & 0x0f) + 1))
    end
    return nothing
end

function repaired(text)
    io = IOBuffer()
    for c in text
        write(io, isvalid(c) ? c : '\ufffd')
    end
    return String(take!(io))
end
