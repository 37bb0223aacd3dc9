begin
    local place = ""
IMAGE_LOADER
    # The module is made aside and bound to its name when complete, so nobody ever sees half of it; of two installers
    # at once the first one's module stays. invokelatest: the code that calls is older than what it has just defined.
    if !isdefined(Main, :AGENT_NAME)
        local aside = Module(:EngeeKernelAside)
        Base.include_string(aside, AGENT_SOURCE, "AGENT_NAME.jl")
        isdefined(Main, :AGENT_NAME) ||
            Core.eval(Main, Expr(:const, Expr(:(=), :AGENT_NAME, Base.invokelatest(getfield, aside, :AGENT_NAME))))
    end
    Base.invokelatest(Base.invokelatest(getfield, Base.invokelatest(getfield, Main, :AGENT_NAME), :start), AGENT_TEXTS, AGENT_HOLDERS, place)
end
