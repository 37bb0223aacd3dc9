begin
    isdefined(Main, :EngeeKernelPieces) || Core.eval(Main, :(const EngeeKernelPieces = Dict{String,String}()))
    local pieces = Base.invokelatest(getfield, Main, :EngeeKernelPieces)
    pieces["AGENT_NAME:PIECE_NUMBER"] = PIECE_TEXT
    "{}"
end
