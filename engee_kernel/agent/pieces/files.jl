# calls: files_list, file_stat, make_dir, remove, move, copy_file, find, read_head, sha256, commit_upload, remove_staging

# Files of the Engee session: list, look, move, find, check, and put uploads in place.

const RandomDevice = library("9a3f8284-a2c9-5f02-9a11-845980a1fd5c", "Random").RandomDevice
const SHA = library("ea8e919c-243c-51af-8825-aaa63cd721ce", "SHA")

const CHUNK_BYTES = 2^20
const LIST_LIMIT = 10_000
const FIND_DEPTH = 50
const PROGRAM_FROM_BYTES = 16 * 2^20    # below, starting a program takes longer than it saves

"A file operation that was refused."
struct FileProblem <: Exception
    message::Any
    path::Any
end

"Run `f`; the file system's refusal becomes a FileProblem about `path`."
function about_file(f, path)
    try
        return f()
    catch error
        error isa Union{Base.IOError,SystemError,ArgumentError} || rethrow()
        throw(FileProblem(limited(sprint(showerror, error), 500), String(path)))
    end
end

function expand_path(path)::String
    isempty(path) && return pwd()
    text = String(path)
    return abspath(text == "~" || startswith(text, "~/") ? joinpath(homedir(), text[min(3, end + 1):end]) : text)
end

"As splitdir, which is a regular expression: bytes that are no UTF-8 confuse it."
function folder_and_name(full::String)
    isvalid(full) && return splitdir(full)
    cut = findlast(isequal('/'), full)
    cut === nothing && return "", full
    return cut == 1 ? "/" : full[1:prevind(full, cut)], full[nextind(full, cut):end]
end
folder_of(full::String) = first(folder_and_name(full))

const USER = "/user"
const LINK_OUT = "link out of /user"

"""
Whether links on the way to a path below /user lead out of it, where the API does not go either. What is not there yet
is judged by the folder that it would be in.
"""
function leads_out(full::String)
    startswith(full, USER * "/") && ispath(USER) || return false
    place = full
    while !reachable(place) && folder_of(place) != place
        place = folder_of(place)
    end
    return about_file(full) do
        real, user = realpath(place), realpath(USER)
        !(real == user || startswith(real, user * "/"))
    end
end

"Its last name may be a link that leads out, which can be looked at, moved and removed."
function inside(full::String)
    leads_out(folder_of(full)) && throw(FileProblem("a link on the way leads out of /user", full))
    return full
end

"For what follows a link."
function followed(full::String)
    leads_out(full) && throw(FileProblem("it is a link out of /user, or leads through one", full))
    return full
end

function existing(path)::String
    full = inside(expand_path(path))
    (islink(full) || about_file(() -> ispath(full), full)) || throw(FileProblem("no such file or directory", full))
    return full
end

function file_object(full::String)
    link = islink(full)
    # What a link points to may be gone or out of reach: then the link itself is described.
    status = about_file(() -> link && !reachable(full) ? lstat(full) : stat(full), full)
    kind = isdir(status) ? "directory" : isfile(status) ? "file" : link ? "broken link" : "other"
    link && kind != "broken link" && leads_out(full) && (kind = LINK_OUT)
    found = Fields(Any["name", last(folder_and_name(full)), "path", full, "type", kind, "size_bytes", Int(filesize(status)),
                       "modified", mtime(status), "mode", Int(filemode(status) & 0o7777), "link", link])
    # A name that is no UTF-8 can't be told in JSON: as Julia's escapes it can at least be shown, and typed in a cell.
    isvalid(full) || append!(found.list, Any["escaped", escape_string(full, "\"\$")])
    return found
end

function reachable(full::String)
    try
        return ispath(full)
    catch error
        error isa Base.IOError || rethrow()
        return false
    end
end

function list_directory(path)
    full = followed(existing(path))
    isdir(full) || return Fields(Any["path", full, "entries", Any[file_object(full)]])
    names = about_file(() -> readdir(full), full)
    entries = Any[file_object(joinpath(full, name)) for name in Iterators.take(names, LIST_LIMIT)]
    reply = Fields(Any["path", full, "entries", entries])
    length(names) > LIST_LIMIT && append!(reply.list, Any["more", true])
    return reply
end

function remove_path(path, recursive::Bool)
    full = existing(path)
    (isdir(full) && !islink(full) && !recursive && !isempty(about_file(() -> readdir(full), full))) &&
        throw(FileProblem("the directory is not empty; remove it recursively", full))
    (dirname(full) == full || full == homedir()) && throw(FileProblem("refusing to remove this directory", full))
    about_file(() -> rm(full, recursive = recursive), full)
    return Fields(Any["path", full])
end

# An existing directory as the target means "into it", as with mv and cp.
function target_of(from::String, to)::String
    full = expand_path(to)
    return isdir(full) ? joinpath(full, basename(rstrip(from, '/'))) : full
end

function transfer_path(action, from, to, force::Bool)
    source = existing(from)
    target = inside(target_of(source, to))
    action === cp && followed(source)
    source == target && throw(FileProblem("source and target are the same", source))
    startswith(target, joinpath(source, "")) && throw(FileProblem("the target lies inside the source", target))
    ispath(target) && !force && throw(FileProblem("the target exists", target))
    isdir(dirname(target)) || throw(FileProblem("no such directory", dirname(target)))
    about_file(() -> action(source, target, force = force), target)
    return Fields(Any["from", source, "path", target])
end

"A glob as a regular expression: * and ? stay within one name, ** crosses directories, [abc] and {a,b} as in a shell."
function glob_regex(pattern::String)
    io = IOBuffer()
    chars = collect(pattern)
    i, braces = 1, 0
    while i <= length(chars)
        c = chars[i]
        if c == '*' && i < length(chars) && chars[i+1] == '*'
            followed = i + 2 <= length(chars) && chars[i+2] == '/'
            print(io, followed ? "(?:.*/)?" : ".*")
            i += followed ? 2 : 1
        elseif c == '*'
            print(io, "[^/]*")
        elseif c == '?'
            print(io, "[^/]")
        elseif c == '[' && (close = findnext(isequal(']'), chars, min(i + 2, length(chars)))) !== nothing
            inside = replace(String(chars[i+1:close-1]), "\\" => "\\\\")
            startswith(inside, "!") && (inside = "^" * inside[2:end])
            print(io, '[', inside, ']')
            i = close
        elseif c == '{'
            braces += 1
            print(io, "(?:")
        elseif c == '}' && braces > 0
            braces -= 1
            print(io, ')')
        elseif c == ',' && braces > 0
            print(io, '|')
        else
            c in raw"\^$.|+()[]{}" && print(io, '\\')
            print(io, c)
        end
        i += 1
    end
    braces == 0 || throw(FileProblem("a brace in the pattern is not closed", pattern))
    return Regex("^" * String(take!(io)) * "\$")
end

"A regular expression must not meet bytes that are no UTF-8."
printable(name) = isvalid(name) ? name : String(map(c -> isvalid(c) ? c : '\ufffd', name))

"Files and directories under `path` whose path below it (or bare name, for a pattern without /) matches."
function find_paths(path, pattern)
    root = followed(existing(path))
    regex = glob_regex(String(pattern))
    by_name = !occursin('/', pattern)
    found, unreadable = Any[], String[]
    last_yield = time()
    function visit(directory, below, depth)
        names = try
            readdir(directory)
        catch error
            error isa Union{Base.IOError,SystemError} || rethrow()
            push!(unreadable, directory)
            String[]
        end
        for name in names
            length(found) >= LIST_LIMIT && return nothing
            relative = isempty(below) ? name : string(below, '/', name)
            full = joinpath(directory, name)
            occursin(regex, printable(by_name ? name : relative)) && push!(found, file_object(full))
            # Links are not followed: they may lead in circles.
            isdir(full) && !islink(full) && depth < FIND_DEPTH && visit(full, relative, depth + 1)
            if time() - last_yield > 0.02
                yield()
                last_yield = time()
            end
        end
    end
    isdir(root) && visit(root, "", 0)
    reply = Fields(Any["path", root, "entries", found])
    isempty(unreadable) || append!(reply.list, Any["unreadable", unreadable])
    length(found) >= LIST_LIMIT && append!(reply.list, Any["more", true])
    return reply
end

function head_of_file(path, max_bytes::Int)
    full = followed(existing(path))
    isfile(full) || throw(FileProblem("not a regular file", full))
    bytes = about_file(() -> open(io -> read(io, max_bytes), full), full)
    size = filesize(full)
    truncated = size > length(bytes)
    truncated && resize!(bytes, length(bytes) - unfinished_bytes(bytes))
    return Fields(Any["path", full, "text", String(copy(bytes)), "size_bytes", size, "truncated", truncated,
                  "binary", 0x00 in bytes])
end

"The checksum by a program of the system, several times as fast for a large file; nothing where there is none."
function sha256_by_program(full::String)
    filesize(full) < PROGRAM_FROM_BYTES && return nothing
    for (program, options) in (("openssl", ["dgst", "-sha256", "-r"]), ("sha256sum", String[]))
        found = Sys.which(program)
        found === nothing && continue
        try
            # as the program's standard input, so that the file's name can hold anything
            text = read(pipeline(Cmd([found; options]), stdin = full, stderr = devnull), String)
            digest = match(r"^[0-9a-f]{64}\b", text)
            digest === nothing || return String(digest.match)
        catch error
            error isa Union{ProcessFailedException,Base.IOError,SystemError} || rethrow()
        end
    end
    return nothing
end

function sha256_of_file(path)
    full = followed(existing(path))
    isfile(full) || throw(FileProblem("not a regular file", full))
    size = filesize(full)
    known = sha256_by_program(full)
    known === nothing || return Fields(Any["path", full, "sha256", known, "size_bytes", size])
    context = SHA.SHA2_256_CTX()
    bytes = about_file(full) do
        open(full) do io
            count = 0
            while !eof(io)
                chunk = read(io, CHUNK_BYTES)
                count += length(chunk)
                SHA.update!(context, chunk)
                yield()                # other requests are answered between chunks
            end
            count
        end
    end
    return Fields(Any["path", full, "sha256", bytes2hex(SHA.digest!(context)), "size_bytes", bytes])
end

"""
Move staged files over their targets. `pairs` holds name, target, name, target, …: names in the staging directory.
Each target appears whole: the file is brought beside it and renamed. Repeating after a lost reply is right: a pair
whose staged file is gone and whose target is there counts as done.
"""
function commit_staging(staging, pairs)
    iseven(length(pairs)) || throw(FileProblem("name and target must come in pairs", String(staging)))
    directory = expand_path(staging)
    done = Any[]
    for i in 1:2:length(pairs)
        source, target = joinpath(directory, pairs[i]), inside(expand_path(pairs[i+1]))
        basename(pairs[i]) == pairs[i] || throw(FileProblem("a staged file is named by its bare name", pairs[i]))
        if isfile(source)
            isdir(target) && throw(FileProblem("the target is a directory", target))
            about_file(() -> mkpath(dirname(target)), target)
            # not longer than any name may be, whatever the target's
            mark = string(rand(RandomDevice(), UInt64), base = 16)
            beside = joinpath(dirname(target), string(".engee-kernel-", mark, ".part"))
            about_file(target) do
                mv(source, beside)
                try
                    replace_file(beside, target)
                catch
                    mv(beside, source)         # what is not in place is staged: so it can be told apart
                    rethrow()
                end
            end
        elseif !isfile(target)
            throw(FileProblem("the staged file is missing", source))
        end
        push!(done, target)
    end
    remove_staging_directory(directory)
    return Fields(Any["paths", done])
end

# rename is atomic and replaces its target, on Windows as well.
function replace_file(from::String, to::String)
    status = ccall(:jl_fs_rename, Int32, (Cstring, Cstring), from, to)
    if status < 0
        throw(Base.IOError(string("rename: ", unsafe_string(ccall(:uv_strerror, Cstring, (Int32,), status))), status))
    end
end

function remove_staging_directory(directory::String)
    occursin("engee-kernel", basename(rstrip(directory, '/'))) ||
        throw(FileProblem("not a staging directory of this kernel", directory))
    isdir(inside(directory)) && about_file(() -> rm(directory, recursive = true, force = true), directory)
    return nothing
end

# The calls. What the file system refuses anywhere in them, e.g. a name that is too long, is a FileProblem.

files_list(path) = about_file(() -> list_directory(path), path)
file_stat(path) = about_file(() -> file_object(existing(path)), path)
function make_dir(path)
    full = followed(expand_path(path))
    about_file(() -> mkpath(full), full)
    return Fields(Any["path", full])
end
remove(path, recursive = false) = about_file(() -> remove_path(path, recursive), path)
move(from, to, force = false) = about_file(() -> transfer_path(mv, from, to, force), to)
copy_file(from, to, force = false) = about_file(() -> transfer_path(cp, from, to, force), to)
find(path, pattern) = about_file(() -> find_paths(path, pattern), path)
read_head(path, max_bytes = 65536) = about_file(() -> head_of_file(path, Int(max_bytes)), path)
sha256(path) = about_file(() -> sha256_of_file(path), path)
commit_upload(staging_dir, pairs) = about_file(() -> commit_staging(staging_dir, pairs), staging_dir)
function remove_staging(staging_dir)
    about_file(() -> remove_staging_directory(expand_path(staging_dir)), staging_dir)
    return Fields(Any["path", expand_path(staging_dir)])
end
