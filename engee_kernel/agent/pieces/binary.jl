# with the core

# Representations that are no text of the agent's own: base64 for images, and a look at JSON before it is embedded.

const base64encode = library("2a0f44e3-6c83-55bd-87e4-b1978d98bd5f", "Base64").base64encode

as_base64(bytes) = base64encode(bytes)

"""
Whether `text` is one well-formed JSON value. A `show` method for a JSON MIME type may write anything, and
a malformed value embedded in a reply would spoil the whole reply.
"""
function is_json(text::String)
    isvalid(text) || return false
    i = json_value(codeunits(text), 1, 0)
    return i > 0 && json_space(codeunits(text), i) > ncodeunits(text)
end

"""
The text as JSON, or nothing. Numbers that JSON lacks, as Julia's and Python's writers leave them (NaN, Infinity, Inf),
become null, which is what Plotly itself makes of a gap.
"""
function valid_json(text::String)
    is_json(text) && return text
    isvalid(text) || return nothing
    mended = without_odd_numbers(text)
    return is_json(mended) ? mended : nothing
end

const ODD_NUMBERS = Any["NaN64", "NaN32", "NaN16", "NaN", "-Infinity", "Infinity", "-Inf64", "-Inf32", "-Inf16", "-Inf", "Inf64",
                        "Inf32", "Inf16", "Inf", "undefined", "missing"]

function without_odd_numbers(text::String)
    b = codeunits(text)
    io = IOBuffer()
    i = 1
    while i <= length(b)
        if b[i] == UInt8('"')
            stop = json_text(b, i)
            stop == 0 && (stop = length(b) + 1)
            write(io, view(b, i:stop-1))
            i = stop
            continue
        end
        odd = findfirst(word -> json_word(b, i, codeunits(word)) > 0, ODD_NUMBERS)
        if odd === nothing
            write(io, b[i])
            i += 1
        else
            write(io, "null")
            i += ncodeunits(ODD_NUMBERS[odd])
        end
    end
    return String(take!(io))
end

# Each json_* function gives the index after what it recognised, or 0.
const JSON_DEPTH_LIMIT = 500

function json_space(b, i)
    while i <= length(b) && b[i] in (0x20, 0x09, 0x0a, 0x0d)
        i += 1
    end
    return i
end

function json_value(b, i, depth)
    depth > JSON_DEPTH_LIMIT && return 0
    i = json_space(b, i)
    i > length(b) && return 0
    c = Char(b[i])
    c == '{' && return json_items(b, i, depth, UInt8('}'), true)
    c == '[' && return json_items(b, i, depth, UInt8(']'), false)
    c == '"' && return json_text(b, i)
    c == 't' && return json_word(b, i, b"true")
    c == 'f' && return json_word(b, i, b"false")
    c == 'n' && return json_word(b, i, b"null")
    return json_number(b, i)
end

function json_items(b, i, depth, closing, keyed)
    i = json_space(b, i + 1)
    i <= length(b) && b[i] == closing && return i + 1
    while true
        if keyed
            i = json_space(b, i)
            (i <= length(b) && b[i] == UInt8('"')) || return 0
            i = json_text(b, i)
            i == 0 && return 0
            i = json_space(b, i)
            (i <= length(b) && b[i] == UInt8(':')) || return 0
            i += 1
        end
        i = json_value(b, i, depth + 1)
        i == 0 && return 0
        i = json_space(b, i)
        i > length(b) && return 0
        b[i] == closing && return i + 1
        b[i] == UInt8(',') || return 0
        i += 1
    end
end

function json_text(b, i)
    i += 1
    while i <= length(b)
        c = b[i]
        c == UInt8('"') && return i + 1
        c < 0x20 && return 0
        if c == UInt8('\\')
            i += 1
            i > length(b) && return 0
            e = Char(b[i])
            if e == 'u'
                (i + 4 <= length(b) && all(k -> isxdigit(Char(b[k])), i+1:i+4)) || return 0
                i += 4
            elseif !(e in "\"\\/bfnrt")
                return 0
            end
        end
        i += 1
    end
    return 0
end

function json_word(b, i, word)
    last = i + length(word) - 1
    return last <= length(b) && view(b, i:last) == word ? last + 1 : 0
end

function json_number(b, i)
    digits_from(k) = (n = k; while n <= length(b) && isdigit(Char(b[n])) n += 1 end; n)
    b[i] == UInt8('-') && (i += 1)
    j = digits_from(i)
    j == i && return 0
    (j > i + 1 && b[i] == UInt8('0')) && return 0
    if j <= length(b) && b[j] == UInt8('.')
        k = digits_from(j + 1)
        k == j + 1 && return 0
        j = k
    end
    if j <= length(b) && b[j] in (UInt8('e'), UInt8('E'))
        j += 1
        j <= length(b) && b[j] in (UInt8('+'), UInt8('-')) && (j += 1)
        k = digits_from(j)
        k == j && return 0
        j = k
    end
    return j
end
