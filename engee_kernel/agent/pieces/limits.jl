# with the core
# needs: printing

# A cell that prints more than it may: the rest is dropped, and both are told. All need the lock of cell.changed.

function push_note!(cell, text::String)
    freeze_text!(cell, true)
    GC.@preserve text push_text!(cell, "stderr", pointer(text), sizeof(text))
    freeze_text!(cell, true)
    return nothing
end

function drop_text!(cell, name, p, n)
    if cell.dropped_bytes == 0
        room = cell.output_limit_bytes - cell.stream_bytes
        kept = room - unfinished_bytes(copy(unsafe_wrap(Array, p, max(room, 0))))
        if kept > 0
            push_text!(cell, name, p, kept)
            n -= kept
        end
        cell.stream_bytes = cell.output_limit_bytes
        push_note!(cell, string("\nThe output of this cell reached output_limit_bytes = ", whole_text(cell.output_limit_bytes),
                                "; further output is dropped.\n"))
    end
    cell.dropped_bytes += n
    return nothing
end

function tell_dropped!(cell)
    push_note!(cell, string(whole_text(cell.dropped_bytes), " bytes of output were dropped (output_limit_bytes = ",
                            whole_text(cell.output_limit_bytes), ").\n"))
    return nothing
end
