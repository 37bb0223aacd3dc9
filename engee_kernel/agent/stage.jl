begin
    isdefined(Main, :EngeeKernelPieces) || Core.eval(Main, :(const EngeeKernelPieces = Dict{String,String}()))
    local parts = Base.invokelatest(getfield, Main, :EngeeKernelPieces)
    parts["STAGE_KEY:PART_NUMBER"] = PART_TEXT
    "{}"
end
