let keys = ["AGENT_NAME:$number" for number in 1:PIECE_COUNT],
    pieces = isdefined(Main, :EngeeKernelPieces) ? getfield(Main, :EngeeKernelPieces) : Dict{String,String}()

    if !isdefined(Main, :AGENT_NAME) && !all(key -> haskey(pieces, key), keys)
        "{\"error\":\"missing\"}"
    else
        # Another installer may have finished and cleared the pieces: then the module is there.
        source = join([get(pieces, key, "") for key in keys])
        reply = AGENT_INSTALL
        foreach(key -> delete!(pieces, key), keys)
        reply
    end
end
