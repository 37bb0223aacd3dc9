# What C code and child processes write goes past Base.stdout, to file descriptors 1 and 2. While a cell runs these
# point to temporary files opened for append. Files, not pipes: a full pipe would block code that never yields, for
# ever. Julia's own streams hold duplicates of the descriptors made at start-up, so a server's log still goes its own
# way.

mutable struct DescriptorFile
    name::String
    number::Int                        # 1 or 2
    writer::Base.Filesystem.File
    reader::Base.Filesystem.File
    read_to::Int                       # bytes taken out of the file so far
    tail::Vector{UInt8}                # a character cut in two at the end of the last piece
end

const DESCRIPTORS = DescriptorFile[]
# Per descriptor: what it pointed to at first, then the files of the active agents. Agents of different versions in
# one process share this list (install_user_module), so that none takes another's file for the original.
const DESCRIPTOR_TARGETS = Ref(Dict{Int,Vector{Any}}(1 => Any[], 2 => Any[]))
const DESCRIPTORS_LOCK = ReentrantLock()
const DESCRIPTORS_USABLE = Ref(true)
const DESCRIPTORS_ACTIVE = Ref(false)
const POLLER = Ref{Union{Task,Nothing}}(nothing)
const POLL_S = 0.05
const TRUNCATE_BYTES = 16 * 2^20

function open_descriptors()
    for (name, number) in (("stdout", 1), ("stderr", 2))
        path = tempname()
        flags = Base.Filesystem.JL_O_CREAT | Base.Filesystem.JL_O_EXCL | Base.Filesystem.JL_O_WRONLY |
                Base.Filesystem.JL_O_APPEND
        writer = Base.Filesystem.open(path, flags, 0o600)
        reader = Base.Filesystem.open(path, Base.Filesystem.JL_O_RDONLY)
        # Windows does not remove an open file: there it goes when Julia ends.
        Sys.iswindows() ? atexit(() -> (close(reader); close(writer); rm(path, force = true))) : rm(path)
        push!(DESCRIPTORS, DescriptorFile(name, number, writer, reader, 0, UInt8[]))
        targets = DESCRIPTOR_TARGETS[][number]
        # The first agent of the process keeps what the descriptor pointed to at first.
        isempty(targets) && push!(targets, Base.Libc.dup(RawFD(number)))
    end
end

# A descriptor, on Windows a handle: dup takes either.
descriptor_of(file::Base.Filesystem.File) = file.handle

"Point the descriptors to the files when the first cell starts, unless there are none: a daemon may close them."
function activate_descriptors()
    with_lock(DESCRIPTORS_LOCK) do
        DESCRIPTORS_ACTIVE[] && return nothing
        if isempty(DESCRIPTORS)
            DESCRIPTORS_USABLE[] || return nothing
            try
                open_descriptors()
            catch error
                error isa Union{SystemError,Base.IOError} || rethrow()
                DESCRIPTORS_USABLE[] = false
                empty!(DESCRIPTORS)
                return nothing
            end
        end
        for d in DESCRIPTORS
            push!(DESCRIPTOR_TARGETS[][d.number], descriptor_of(d.writer))
            repoint_descriptor(d.number)
        end
        DESCRIPTORS_ACTIVE[] = true
        return nothing
    end
end

"Point the descriptors back when the last running cell has ended."
function release_descriptors()
    with_lock(DESCRIPTORS_LOCK) do
        DESCRIPTORS_ACTIVE[] && isempty(RUNNING) || return nothing
        for d in DESCRIPTORS
            filter!(target -> target != descriptor_of(d.writer), DESCRIPTOR_TARGETS[][d.number])
            repoint_descriptor(d.number)
        end
        DESCRIPTORS_ACTIVE[] = false
        return nothing
    end
end

"Point a descriptor to the file of the agent that became active last, or back to where it pointed at first."
function repoint_descriptor(number::Int)
    targets = DESCRIPTOR_TARGETS[][number]
    isempty(targets) && return nothing
    Base.Libc.flush_cstdio()
    Base.Libc.dup(targets[end], RawFD(number))
    return nothing
end

"Move what arrived in the files to the running cell; of several cells, to the one that started last."
function drain_descriptors(; all::Bool = false)
    DESCRIPTORS_ACTIVE[] || return nothing
    Base.Libc.flush_cstdio()
    for d in DESCRIPTORS
        size = filesize(d.writer)
        (size > d.read_to || (all && !isempty(d.tail))) && drain(d, size, all)
    end
    return nothing
end

function drain(d::DescriptorFile, size::Int, all::Bool)
    with_lock(DESCRIPTORS_LOCK) do
        while d.read_to < size || (all && !isempty(d.tail))
            seek(d.reader, d.read_to)
            bytes = read(d.reader, min(size - d.read_to, 2^20))
            d.read_to += length(bytes)
            bytes = append!(d.tail, bytes)
            keep = all && d.read_to >= size ? 0 : unfinished_bytes(bytes)
            d.tail = bytes[end-keep+1:end]
            n = length(bytes) - keep
            cell = with_lock(() -> isempty(RUNNING) ? nothing : RUNNING[end], REGISTRY)
            GC.@preserve bytes begin
                taken = cell !== nothing && add_text(cell, d.name, pointer(bytes), n)
                taken || n == 0 || unsafe_write(OUTPUTS[d.number].original, pointer(bytes), UInt(n))
            end
            isempty(bytes) && break
        end
        if d.read_to > TRUNCATE_BYTES && filesize(d.writer) == d.read_to
            truncate(d.writer, 0)
            d.read_to = 0
        end
        return nothing
    end
end

"""
Drain now and then while a cell runs: a cell that waits for a child process writes nothing itself. Called by requests,
not by workers: making a task would advance the random numbers of the worker's task (Julia 1.7 to 1.9).
"""
function ensure_poller()
    with_lock(REGISTRY) do
        task = POLLER[]
        task !== nothing && !istaskdone(task) && return nothing
        POLLER[] = @async begin
            while some_cell_unfinished()
                sleep(POLL_S)
                drain_descriptors()
            end
        end
        return nothing
    end
end

some_cell_unfinished() = with_lock(() -> any(c -> c.state !== :done, values(CELLS)), REGISTRY)
