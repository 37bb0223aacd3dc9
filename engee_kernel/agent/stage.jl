begin
    isdefined(Main, :EngeeKernelPieces) || Core.eval(Main, :(const EngeeKernelPieces = Dict{String,String}()))
    Base.invokelatest(setindex!, Base.invokelatest(getfield, Main, :EngeeKernelPieces), PIECE_TEXT, "AGENT_NAME:PIECE_NUMBER")
    "{}"
end
