# Values on their way from and to Python: a payload is one byte stream, read and written here and in Python's
# `engee_kernel.exchange`, which documents it. Little-endian, as is every machine that Engee runs on.

const Dates = library("ade2ca70-3891-5945-98fb-dc099432e06a", "Dates")

"What can't be exchanged, and why: becomes a reply, not an error of the agent."
struct ExchangeProblem <: Exception
    message::String
end
Base.showerror(io::IO, problem::ExchangeProblem) = print(io, problem.message)

const NESTING_LIMIT = 100
const EPOCH_DAY = Dates.Date(1970)
const EPOCH_TIME = Dates.DateTime(1970)

# Elements of fixed width, by the letter that stands for them.
const PLAIN = Pair{Char,DataType}[
    '?' => Bool, 'b' => Int8, 'B' => UInt8, 'h' => Int16, 'H' => UInt16, 'i' => Int32, 'I' => UInt32, 'q' => Int64,
    'Q' => UInt64, 'e' => Float16, 'f' => Float32, 'd' => Float64, 'F' => ComplexF32, 'D' => ComplexF64]
# The same for what is sent as an Int64.
const COUNTED = Pair{Char,DataType}[
    'A' => Dates.Date, 'T' => Dates.DateTime, 't' => Dates.Time, '0' => Dates.Year, '1' => Dates.Month,
    '2' => Dates.Week, '3' => Dates.Day, '4' => Dates.Hour, '5' => Dates.Minute, '6' => Dates.Second, '7' => Dates.Millisecond,
    '8' => Dates.Microsecond, '9' => Dates.Nanosecond]

const ELEMENT_TYPES = Dict{UInt8,DataType}(UInt8(first(p)) => last(p) for p in [PLAIN; COUNTED])
const ELEMENT_CODES = Dict{DataType,UInt8}(last(p) => UInt8(first(p)) for p in [PLAIN; COUNTED])
const PLAIN_TYPES = Set{DataType}(last(p) for p in PLAIN)

from_count(::Type{Dates.Date}, n) = EPOCH_DAY + Dates.Day(n)
from_count(::Type{Dates.DateTime}, n) = EPOCH_TIME + Dates.Millisecond(n)
from_count(T::Type, n) = T(n)
from_count(::Type{Dates.Time}, n) = Dates.Time(Dates.Nanosecond(n))
to_count(x::Dates.Date) = Dates.value(x - EPOCH_DAY)
to_count(x::Dates.DateTime) = Dates.value(x - EPOCH_TIME)
to_count(x) = Int64(Dates.value(x))
zero_of(::Type{T}) where {T} = T in PLAIN_TYPES ? zero(T) : from_count(T, 0)

# Reading

read_count(io::IO) = Int(read(io, Int64))
read_text(io::IO) = String(read(io, read_count(io)))

function read_elements(io::IO, T::DataType, count::Int)
    T in PLAIN_TYPES && return read!(io, Vector{T}(undef, count))
    return T[from_count(T, n) for n in read!(io, Vector{Int64}(undef, count))]
end

function read_shape(io::IO)
    dimensions = Int(read(io, UInt8))
    return Tuple(Int[read_count(io) for _ in 1:dimensions])
end

function read_value(io::IO)
    tag = Char(read(io, UInt8))
    tag == 'N' && return nothing
    tag == 'M' && return missing
    tag == 'x' && return read_elements(io, ELEMENT_TYPES[read(io, UInt8)], 1)[1]
    tag == 'I' && return parse(BigInt, read_text(io))
    tag == 'r' && return (numerator = read_value(io); numerator // read_value(io))
    tag == 's' && return read_text(io)
    tag == 'b' && return read(io, read_count(io))
    tag == 'a' && return read_array(io)
    tag == 'k' && return read_masked(io)
    tag == 'o' && return (shape = read_shape(io); narrowed(reshape(read_values(io, prod(shape)), shape)))
    tag == 'u' && return Tuple(read_values(io, read_count(io)))
    tag == 'm' && return read_dict(io)
    tag == 'S' && return Set(narrowed(read_values(io, read_count(io))))
    tag == 'n' && return read_named(io)
    tag == 't' && return as_table(read_named(io))
    throw(ExchangeProblem(string("the payload has an unknown tag ", repr(tag))))
end

read_values(io::IO, count::Int) = Any[read_value(io) for _ in 1:count]
narrowed(values) = isempty(values) ? values : map(identity, values)

function read_array(io::IO)
    T = ELEMENT_TYPES[read(io, UInt8)]
    shape = read_shape(io)
    return reshape(read_elements(io, T, prod(shape)), shape)
end

function read_masked(io::IO)
    values = read_array(io)
    absent = read!(io, Vector{Bool}(undef, length(values)))
    result = Array{Union{Missing,eltype(values)}}(values)
    result[reshape(absent, size(values))] .= missing
    return result
end

function read_dict(io::IO)
    entries = Any[(key = read_value(io); key => read_value(io)) for _ in 1:read_count(io)]
    return isempty(entries) ? Dict{Any,Any}() : Dict(key => value for (key, value) in entries)
end

function read_named(io::IO)
    count = read_count(io)
    names, values = Symbol[], Any[]
    for _ in 1:count
        push!(names, Symbol(read_text(io)))
        push!(values, read_value(io))
    end
    return NamedTuple{Tuple(names)}(Tuple(values))
end

const DATAFRAMES = Base.PkgId(Base.UUID("a93c6f00-e57d-5684-b7b6-d8193f3e46c0"), "DataFrames")

"A DataFrame where that package is loaded, else the columns as they are."
function as_table(columns::NamedTuple)
    package = get(Base.loaded_modules, DATAFRAMES, nothing)
    package === nothing && return columns
    return Base.invokelatest(getfield(package, :DataFrame), columns)
end

# Writing

write_count(io::IO, n) = write(io, Int64(n))
write_tag(io::IO, tag::Char) = write(io, UInt8(tag))

function write_text(io::IO, text)
    isvalid(text) || throw(ExchangeProblem("it holds a string that is not valid UTF-8; send its bytes: codeunits(…)"))
    write_count(io, ncodeunits(text))
    write(io, text)
end

function write_value(io::IO, x, depth)
    code = get(ELEMENT_CODES, typeof(x), nothing)
    code === nothing && return write_other(io, x, depth)
    write_tag(io, 'x')
    write(io, code)
    write(io, typeof(x) in PLAIN_TYPES ? x : to_count(x))
end

write_other(io::IO, ::Nothing, depth) = write_tag(io, 'N')
write_other(io::IO, ::Missing, depth) = write_tag(io, 'M')
write_other(io::IO, x::Integer, depth) = (write_tag(io, 'I'); write_text(io, string(BigInt(x))))
write_other(io::IO, x::AbstractIrrational, depth) = write_value(io, Float64(x), depth)
write_other(io::IO, x::AbstractString, depth) = (write_tag(io, 's'); write_text(io, String(x)))
write_other(io::IO, x::Union{Symbol,AbstractChar}, depth) = write_value(io, string(x), depth)
write_other(io::IO, x::Base.CodeUnits, depth) = (write_tag(io, 'b'); write_count(io, length(x)); write(io, collect(x)))
write_other(io::IO, x::Pair, depth) = write_value(io, (first(x), last(x)), depth)

function write_other(io::IO, x::Rational, depth)
    iszero(denominator(x)) && throw(ExchangeProblem("it holds the infinite fraction $x, which Python does not have"))
    write_tag(io, 'r')
    write_value(io, numerator(x), depth)
    write_value(io, denominator(x), depth)
end

function write_other(io::IO, x::Complex, depth)
    double = ComplexF64(x)
    isequal(double, x) || throw(ExchangeProblem("it holds a $(typeof(x)) that no ComplexF64 equals"))
    write_value(io, double, depth)
end

function write_other(io::IO, x::Tuple, depth)
    write_tag(io, 'u')
    write_count(io, length(x))
    write_each(io, x, depth)
end

function write_other(io::IO, x::AbstractDict, depth)
    write_tag(io, 'm')
    write_count(io, length(x))
    for (key, value) in x
        write_nested(io, key, depth)
        write_nested(io, value, depth)
    end
end

function write_other(io::IO, x::AbstractSet, depth)
    write_tag(io, 'S')
    write_count(io, length(x))
    write_each(io, x, depth)
end

function write_other(io::IO, x::NamedTuple, depth)
    columns = columns_of(x)
    columns === nothing || return write_named(io, 't', columns, depth)
    write_named(io, 'n', [name => x[name] for name in keys(x)], depth)
end

function write_other(io::IO, x, depth)
    T = typeof(x)
    if nameof(T) === :CategoricalValue && isdefined(parentmodule(T), :unwrap)
        return write_nested(io, getfield(parentmodule(T), :unwrap)(x), depth)
    end
    columns = x isa Union{Function,Module,Type,Task,IO,Number} ? nothing : columns_of(x)
    columns === nothing && throw(ExchangeProblem(string("a ", T, " has no counterpart in Python")))
    write_named(io, 't', columns, depth)
end

function write_other(io::IO, x::AbstractArray, depth)
    T = nonmissingtype(eltype(x))
    if T isa DataType && haskey(ELEMENT_CODES, T)
        write_elements(io, T, eltype(x) === T ? collect_plain(x) : collect(x))
    else
        write_tag(io, 'o')
        write_shape(io, x)
        for index in eachindex(x)
            isassigned(x, index) || throw(ExchangeProblem("it holds an element that is not defined yet (#undef)"))
            write_nested(io, x[index], depth)
        end
    end
end

collect_plain(x::Array) = x
collect_plain(x::AbstractArray) = collect(x)
collect_plain(x::BitArray) = Array(x)

function write_shape(io::IO, x::AbstractArray)
    write(io, UInt8(ndims(x)))
    foreach(n -> write_count(io, n), size(x))
end

function write_elements(io::IO, T::DataType, x::Array)
    masked = eltype(x) !== T
    write_tag(io, masked ? 'k' : 'a')
    write(io, ELEMENT_CODES[T])
    write_shape(io, x)
    values = masked ? T[ismissing(value) ? zero_of(T) : value for value in vec(x)] : x
    if T in PLAIN_TYPES
        write(io, values)
    else
        write(io, Int64[to_count(value) for value in vec(values)])
    end
    masked && write(io, Bool[ismissing(value) for value in vec(x)])
end

write_each(io::IO, values, depth) = foreach(value -> write_nested(io, value, depth), values)

function write_nested(io::IO, x, depth)
    depth < NESTING_LIMIT ||
        throw(ExchangeProblem("it is nested more than $NESTING_LIMIT levels deep, or holds itself"))
    write_value(io, x, depth + 1)
end

function write_named(io::IO, tag, pairs, depth)
    write_tag(io, tag)
    write_count(io, length(pairs))
    for (name, value) in pairs
        write_text(io, String(name))
        write_nested(io, value, depth)
    end
end

"The columns of what looks like a table: every property a vector, all of the same length. Else nothing."
function columns_of(x)
    names = propertynames(x)
    isempty(names) && return nothing
    all(name -> name isa Symbol, names) || return nothing
    columns = [name => getproperty(x, name) for name in names]
    all(pair -> last(pair) isa AbstractVector, columns) || return nothing
    rows = length(last(columns[1]))
    return all(pair -> length(last(pair)) == rows, columns) ? columns : nothing
end
