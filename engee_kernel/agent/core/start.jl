# Taking hold in the process, once: the streams, the display, the epoch.

"""
Called by the install command, by every kernel that installs; only the first call acts. `texts` holds name, source, …
of the pieces that come with the core, `holders` the names of their calls: call, piece, …
"""
function start(texts, holders)
    lock(REGISTRY)
    try
        AGENT.epoch == "" && take_hold(texts, holders)
    finally
        unlock(REGISTRY)
    end
    return hello()
end

function take_hold(texts, holders)
    fill_table(TEXTS, texts)
    fill_table(HOLDERS, holders)
    fill_table(CALLABLE, Any["submit", submit, "events", events, "finish", finish, "interrupt", interrupt,
                             "define", defined])
    AGENT.server_logger = Base.CoreLogging.global_logger()
    AGENT.started_at = time()
    install_outputs()
    install_input()
    install_user_module()
    pushdisplay(CellDisplay())
    AGENT.epoch = new_epoch()
    return nothing
end

function fill_table(table, list)
    i = 1
    while i < length(list)
        table[list[i]] = list[i+1]
        i += 2
    end
    return nothing
end

# Sixteen digits that no other Julia process has: not secret, so its clocks and its number make them.
new_epoch() = string(hash(time_ns(), hash(time(), UInt(getpid()))), base = 16, pad = 16)
