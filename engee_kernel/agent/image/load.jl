# Take the agent from its image; nothing of DEPOT_PATH, LOAD_PATH or the project takes part. Julia
# checks the files' sums itself. Whatever is wrong with the image, the source is there: the image goes, and the next idle
# moment makes another one.
if VERSION >= v"1.11" && VERSION < v"1.13-" && !isdefined(Main, :AGENT_NAME)
    place = IMAGE_PLACE
    local cache = joinpath(place, "agent.ji")
    if place != "" && isfile(cache)
        try
            # Called by name Julia would infer, image or not, all that loads packages, which may not be compiled any more.
            local found = Base.invokelatest(getfield(Base, :_require_from_serialized),
                                            Base.PkgId(Base.UUID("AGENT_UUID"), "AGENT_NAME"), cache,
                                            joinpath(place, "agent.so"),
                                            joinpath(place, "AGENT_NAME", "src", "AGENT_NAME.jl"))
            isdefined(Main, :AGENT_NAME) || Core.eval(Main, Expr(:const, Expr(:(=), :AGENT_NAME, found)))
            try
                touch(cache)           # the images used last are kept
            catch
            end
        catch
            try
                rm(place, recursive = true)
            catch                      # a folder that can't be written
            end
        end
    end
end
