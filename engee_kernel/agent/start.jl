# Taking hold in the process, once: the streams, the display, the epoch.

const STARTED = Ref(false)

"Called by the install command, by every kernel that installs; only the first call acts."
function start()::String
    with_lock(REGISTRY) do
        STARTED[] && return nothing
        STARTED[] = true
        EPOCH[] = string(rand(RandomDevice(), UInt64), base = 16, pad = 16)
        SERVER_LOGGER[] = global_logger()
        install_outputs()
        pushdisplay(CellDisplay())
        return nothing
    end
    return hello()
end
