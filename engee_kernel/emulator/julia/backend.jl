# Stand-ins for Engee's own modules, loaded as roots by background.jl.

module BackendLib

export EngeeNothing

"The value of a variable that was cleared in the browser tab."
struct EngeeNothing end

beat() = @debug "BackendLib is alive" thread = Threads.threadid()
note_request() = @debug "BackendLib got a request" thread = Threads.threadid()

end # module BackendLib

module AbstractAPI

function poll()
    @debug "AbstractAPI has polled"
    println("AbstractAPI: nothing new")
    return nothing
end

end # module AbstractAPI
