# A small stand-in for the registered package JSON, for a Julia that has the standard library alone. It is last in
# the load path: where the user's environment has the real package, that one is loaded instead.

# Loaded from source each time: it is small, and writes nothing into the user's depot this way.
__precompile__(false)

module JSON

using Dates: TimeType

export json

const ESCAPES = Dict('"' => "\\\"", '\\' => "\\\\", '\b' => "\\b", '\f' => "\\f", '\n' => "\\n", '\r' => "\\r", '\t' => "\\t")

struct ParserError <: Exception
    message::String
    position::Int
end
Base.showerror(io::IO, e::ParserError) = Base.print(io, "JSON: ", e.message, " at byte ", e.position)

struct Layout
    step::Int   # spaces per level; 0 = everything on one line
    level::Int
end
deeper(layout::Layout) = Layout(layout.step, layout.level + 1)
newline(io, layout::Layout) = layout.step > 0 && Base.print(io, '\n', ' '^(layout.step * layout.level))

function write_value(io::IO, text::AbstractString, ::Layout)
    Base.print(io, '"')
    for c in text
        if haskey(ESCAPES, c)
            Base.print(io, ESCAPES[c])
        elseif c < ' ' || !isvalid(c)
            Base.print(io, "\\u", string(isvalid(c) ? UInt32(c) : 0xfffd; base=16, pad=4))
        else
            Base.print(io, c)
        end
    end
    Base.print(io, '"')
end

write_value(io::IO, value::Union{Symbol,Char,Enum,TimeType,Type,Module}, layout::Layout) = write_value(io, string(value), layout)
write_value(io::IO, value::Union{Bool,Integer}, ::Layout) = Base.print(io, value)
write_value(io::IO, value::AbstractFloat, ::Layout) = Base.print(io, isfinite(value) ? value : "null")
write_value(io::IO, value::Rational, layout::Layout) = write_value(io, float(value), layout)
write_value(io::IO, ::Union{Nothing,Missing}, ::Layout) = Base.print(io, "null")
write_value(io::IO, value::Union{AbstractArray{<:Any,0},Ref}, layout::Layout) = write_value(io, value[], layout)
write_value(io::IO, value::Union{Tuple,AbstractVector,AbstractSet,Base.Generator}, layout::Layout) = write_array(io, value, layout)
write_value(io::IO, value::Union{AbstractDict,NamedTuple}, layout::Layout) = write_object(io, pairs(value), layout)
write_value(io::IO, value::Pair, layout::Layout) = write_object(io, (value,), layout)

# An array of more dimensions is an array of its slices along the last one, as in the registered package.
function write_value(io::IO, value::AbstractArray{<:Any,N}, layout::Layout) where {N}
    write_array(io, (view(value, ntuple(_ -> Colon(), N - 1)..., i) for i in axes(value, N)), layout)
end

# Any other value is an object of its fields.
function write_value(io::IO, value, layout::Layout)
    write_object(io, (name => getfield(value, name) for name in fieldnames(typeof(value))), layout)
end

function write_array(io::IO, items, layout::Layout)
    Base.print(io, '[')
    inner, first = deeper(layout), true
    for item in items
        first || Base.print(io, ',')
        newline(io, inner)
        write_value(io, item, inner)
        first = false
    end
    first || newline(io, layout)
    Base.print(io, ']')
end

function write_object(io::IO, entries, layout::Layout)
    Base.print(io, '{')
    inner, first = deeper(layout), true
    for (key, value) in entries
        first || Base.print(io, ',')
        newline(io, inner)
        write_value(io, string(key), inner)
        Base.print(io, layout.step > 0 ? ": " : ":")
        write_value(io, value, inner)
        first = false
    end
    first || newline(io, layout)
    Base.print(io, '}')
end

"The JSON text of a value; with a second argument, indented by that many spaces per level."
json(value, indent::Integer=0) = sprint(print, value, indent)

function print(io::IO, value, indent::Integer=0)
    write_value(io, value, Layout(indent, 0))
    indent > 0 && Base.print(io, '\n')
    return nothing
end
print(value, indent::Integer=0) = print(stdout, value, indent)

mutable struct Reader
    bytes::Vector{UInt8}
    position::Int
end

fail(reader::Reader, message) = throw(ParserError(message, reader.position))
peek_byte(reader::Reader) = reader.position <= length(reader.bytes) ? reader.bytes[reader.position] : 0x00

function skip_space(reader::Reader)
    while peek_byte(reader) in (0x20, 0x09, 0x0a, 0x0d)
        reader.position += 1
    end
    return peek_byte(reader)
end

function expect(reader::Reader, text::String)
    last = reader.position + sizeof(text) - 1
    if last > length(reader.bytes) || view(reader.bytes, reader.position:last) != codeunits(text)
        fail(reader, "expected $text")
    end
    reader.position = last + 1
end

function read_value(reader::Reader, dicttype)
    byte = skip_space(reader)
    byte == UInt8('{') && return read_object(reader, dicttype)
    byte == UInt8('[') && return read_array(reader, dicttype)
    byte == UInt8('"') && return read_string(reader)
    byte == UInt8('t') && (expect(reader, "true"); return true)
    byte == UInt8('f') && (expect(reader, "false"); return false)
    byte == UInt8('n') && (expect(reader, "null"); return nothing)
    return read_number(reader)
end

function read_object(reader::Reader, dicttype)
    expect(reader, "{")
    object = dicttype()
    skip_space(reader) == UInt8('}') && (expect(reader, "}"); return object)
    while true
        skip_space(reader)
        key = read_string(reader)
        skip_space(reader)
        expect(reader, ":")
        object[key] = read_value(reader, dicttype)
        skip_space(reader) == UInt8(',') || break
        expect(reader, ",")
    end
    expect(reader, "}")
    return object
end

function read_array(reader::Reader, dicttype)
    expect(reader, "[")
    items = Any[]
    skip_space(reader) == UInt8(']') && (expect(reader, "]"); return items)
    while true
        push!(items, read_value(reader, dicttype))
        skip_space(reader) == UInt8(',') || break
        expect(reader, ",")
    end
    expect(reader, "]")
    return items
end

function read_number(reader::Reader)
    start = reader.position
    while peek_byte(reader) in codeunits("+-.0123456789eE")
        reader.position += 1
    end
    text = String(reader.bytes[start:reader.position-1])
    value = tryparse(Int, text)
    value === nothing && (value = tryparse(Float64, text))
    value === nothing && (reader.position = start; fail(reader, "not a JSON value"))
    return value
end

function read_hex(reader::Reader)
    last = reader.position + 3
    last <= length(reader.bytes) || fail(reader, "unfinished \\u escape")
    value = tryparse(UInt32, String(reader.bytes[reader.position:last]); base=16)
    value === nothing && fail(reader, "not a \\u escape")
    reader.position = last + 1
    return value
end

const PLAIN_ESCAPES = Dict('n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', '"' => '"', '\\' => '\\', '/' => '/')

function read_escape(reader::Reader)
    letter = Char(peek_byte(reader))
    reader.position += 1
    haskey(PLAIN_ESCAPES, letter) && return PLAIN_ESCAPES[letter]
    letter == 'u' || fail(reader, "unknown escape \\$letter")
    code = read_hex(reader)
    if 0xd800 <= code <= 0xdbff  # the first half of a pair
        expect(reader, "\\u")
        code = 0x10000 + ((code - 0xd800) << 10) + (read_hex(reader) - 0xdc00)
    end
    return Char(code)
end

function read_string(reader::Reader)
    expect(reader, "\"")
    text = IOBuffer()
    while true
        reader.position <= length(reader.bytes) || fail(reader, "unfinished string")
        byte = reader.bytes[reader.position]
        reader.position += 1
        byte == UInt8('"') && return String(take!(text))
        byte == UInt8('\\') ? write(text, read_escape(reader)) : write(text, byte)
    end
end

"The value of a JSON text: objects as `Dict{String,Any}` unless `dicttype` says otherwise, arrays as `Vector{Any}`."
function parse(text::AbstractString; dicttype=Dict{String,Any})
    reader = Reader(Vector{UInt8}(codeunits(String(text))), 1)
    value = read_value(reader, dicttype)
    skip_space(reader)
    reader.position > length(reader.bytes) || fail(reader, "text after the value")
    return value
end
parse(io::IO; dicttype=Dict{String,Any}) = parse(read(io, String); dicttype=dicttype)
parsefile(path::AbstractString; dicttype=Dict{String,Any}) = parse(read(path, String); dicttype=dicttype)

end # module JSON
