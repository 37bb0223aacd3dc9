# What C code and child processes write goes past Base.stdout, to file descriptors 1 and 2. While a cell runs these
# point to temporary files opened for append. Files, not pipes: a full pipe would block code that never yields, for
# ever. Julia's own streams hold duplicates of the descriptors made at start-up, so a server's log still goes its own
# way. So would what Julia's runtime itself prints, warnings of redefinitions and the like: while a cell runs it is told
# to write to the descriptors, as Julia tells it at its end.

mutable struct DescriptorFile
    name::String
    number::Int                        # 1 or 2
    writer::Base.Filesystem.File
    reader::Base.Filesystem.File
    read_to::Int                       # bytes taken out of the file so far
    tail::Vector{UInt8}                # a character cut in two at the end of the last piece
end

mutable struct Descriptors
    files::Any                         # made when the first cell starts
    usable::Any
    active::Any
    # Per descriptor: what it pointed to at first, then the files of the active agents. Agents of different versions in
    # one process share this list (join_user_module), so that none takes another's file for the original. Then a list of
    # the streams that the runtime prints to at first.
    targets::Any
end
const DESCRIPTORS = Core.eval(SELF, Expr(:new, :Descriptors, Any[], true, false, nothing))
const DESCRIPTORS_LOCK = ReentrantLock()

function open_descriptors()
    number = 1
    while number <= 2
        path = tempname()
        flags = Base.Filesystem.JL_O_CREAT | Base.Filesystem.JL_O_EXCL | Base.Filesystem.JL_O_WRONLY |
                Base.Filesystem.JL_O_APPEND
        writer = Base.Filesystem.open(path, flags, 0o600)
        reader = Base.Filesystem.open(path, Base.Filesystem.JL_O_RDONLY)
        # Windows does not remove an open file: there it goes when Julia ends.
        if Sys.iswindows()
            Base.invokelatest(remove_at_exit, reader, writer, path)
        else
            rm(path)
        end
        push!(DESCRIPTORS.files, DescriptorFile(number == 1 ? "stdout" : "stderr", number, writer, reader, 0, UInt8[]))
        targets = DESCRIPTORS.targets[number]
        # The first agent of the process keeps what the descriptor pointed to at first.
        length(targets) == 0 && push!(targets, Base.Libc.dup(RawFD(number)))
        length(DESCRIPTORS.targets[3]) < number && push!(DESCRIPTORS.targets[3], unsafe_load(runtime_stream(number)))
        number += 1
    end
    return nothing
end

remove_at_exit(reader, writer, path) = atexit(() -> (close(reader); close(writer); rm(path, force = true)))

# Where the runtime keeps the stream that it prints to. A small number in its place means the descriptor of that number.
runtime_stream(number) = number == 1 ? cglobal(:jl_uv_stdout, Ptr{Cvoid}) : cglobal(:jl_uv_stderr, Ptr{Cvoid})

# A descriptor, on Windows a handle: dup takes either.
descriptor_of(number) = (DESCRIPTORS.files[number]::DescriptorFile).writer.handle

"Point the descriptors to the files when the first cell starts, unless there are none: a daemon may close them."
function activate_descriptors()
    lock(DESCRIPTORS_LOCK)
    try
        (DESCRIPTORS.active || !DESCRIPTORS.usable) && return nothing
        if length(DESCRIPTORS.files) == 0
            try
                open_descriptors()
            catch error
                error isa SystemError || error isa Base.IOError || rethrow()
                DESCRIPTORS.usable = false
                DESCRIPTORS.files = Any[]
                return nothing
            end
        end
        i = 1
        while i <= 2
            push!(DESCRIPTORS.targets[i], descriptor_of(i))
            repoint_descriptor(i)
            i += 1
        end
        DESCRIPTORS.active = true
    finally
        unlock(DESCRIPTORS_LOCK)
    end
    return nothing
end

"Point the descriptors back when the last running cell has ended."
function release_descriptors()
    lock(DESCRIPTORS_LOCK)
    try
        (DESCRIPTORS.active && length(RUNNING) == 0) || return nothing
        i = 1
        while i <= 2
            targets = DESCRIPTORS.targets[i]
            k = length(targets)
            while k > 0
                targets[k] === descriptor_of(i) && deleteat!(targets, k)
                k -= 1
            end
            repoint_descriptor(i)
            i += 1
        end
        DESCRIPTORS.active = false
    finally
        unlock(DESCRIPTORS_LOCK)
    end
    return nothing
end

"Point a descriptor to the file of the agent that became active last, or back to where it pointed at first."
function repoint_descriptor(number)
    targets = DESCRIPTORS.targets[number]
    length(targets) == 0 && return nothing
    Base.Libc.flush_cstdio()
    Base.Libc.dup(targets[length(targets)], RawFD(number))
    streams = DESCRIPTORS.targets[3]
    length(streams) < number ||
        unsafe_store!(runtime_stream(number), length(targets) > 1 ? Ptr{Cvoid}(number) : streams[number]::Ptr{Cvoid})
    return nothing
end

"Move what arrived in the files to the running cell; of several cells, to the one that started last."
function drain_descriptors(all)
    DESCRIPTORS.active || return nothing
    if all
        lock(DESCRIPTORS_LOCK)
    else
        trylock(DESCRIPTORS_LOCK) || return nothing    # another thread is at it
    end
    try
        Base.Libc.flush_cstdio()
        i = 1
        while i <= length(DESCRIPTORS.files)
            d = DESCRIPTORS.files[i]::DescriptorFile
            size = filesize(d.writer)
            (size > d.read_to || (all && length(d.tail) > 0)) && from_piece("printing", :drain, Any[d, size, all])
            i += 1
        end
    finally
        unlock(DESCRIPTORS_LOCK)
    end
    return nothing
end
