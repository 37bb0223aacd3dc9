# with the core

# The event loop's handles: child processes to be interrupted, and streams on which an interrupted task waits.

const WALKED = Ptr{Cvoid}[]            # filled while both locks are held
const UV_NAMED_PIPE, UV_PROCESS, UV_TCP, UV_TTY = 7, 10, 12, 14

note_handle(handle::Ptr{Cvoid}, ::Ptr{Cvoid}) = (push!(WALKED, handle); nothing)

"What `f` makes of Julia's objects behind the handles of these kinds. No event is handled meanwhile."
function each_handle(f, kinds)
    lock(DEFINING)
    Base.iolock_begin()
    try
        empty!(WALKED)
        ccall(:uv_walk, Cvoid, (Ptr{Cvoid}, Ptr{Cvoid}, Ptr{Cvoid}), Base.eventloop(),
              @cfunction(note_handle, Cvoid, (Ptr{Cvoid}, Ptr{Cvoid})), C_NULL)
        for handle in WALKED
            kind = Int(ccall(:uv_handle_get_type, Cint, (Ptr{Cvoid},), handle))
            kind in kinds || continue
            data = kind == UV_PROCESS ? ccall(:jl_uv_process_data, Ptr{Cvoid}, (Ptr{Cvoid},), handle) :
                   ccall(:uv_handle_get_data, Ptr{Cvoid}, (Ptr{Cvoid},), handle)
            data == C_NULL || f(unsafe_pointer_to_objref(data))
        end
    finally
        Base.iolock_end()
        unlock(DEFINING)
    end
    return nothing
end

each_process(f) = each_handle(f, (UV_PROCESS,))

"""
Throw an InterruptException into a task where other threads handle events. What it waits for must not come at the same
moment. And where it waits for input, none may be delivered until it has left: it asks for the event loop's lock while
it holds the stream's, the other way round than the loop does, and both would wait for ever.
"""
function raise_beside_loop(task)
    Base.iolock_begin()
    try
        each_handle(stream -> stop_reading_for(task, stream), (UV_NAMED_PIPE, UV_TCP, UV_TTY))
        schedule(task, InterruptException(), error = true)
    finally
        Base.iolock_end()
    end
    return nothing
end

function stop_reading_for(task, stream)
    stream isa Base.LibuvStream && stream.status == Base.StatusActive || return nothing
    stream.cond.waitq === task.queue || return nothing
    ccall(:uv_read_stop, Cint, (Ptr{Cvoid},), stream)
    stream.status = Base.StatusOpen    # the next reader starts it again
    return nothing
end
