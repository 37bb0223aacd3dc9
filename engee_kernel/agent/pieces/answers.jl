# with the core

# `ans` in Main: each notebook has its own, and so has Engee's browser tab. While cells run, the name leads to that of
# the notebook; when none runs, to Engee's own again. Needed from the first cell on that names it.

const LENT = Any[]                     # the cells that run in Main with theirs
const ENGEES_ANSWER = Any[nothing, nothing]   # Engee's own, and what stands in its place now

"The module that has Main's `ans`: Main, Base.MainInclude from 1.9 on, or a kernel's from which Main imports it."
function answer_holder()
    isdefined(Main, :ans) && return Base.binding_module(Main, :ans)
    return isdefined(Base.MainInclude, :ans) ? Base.MainInclude : Main
end

present_answer() = isdefined(Main, :ans) ? Base.invokelatest(getfield, Main, :ans) : nothing

function place_answer(@nospecialize(value))
    set_ans(answer_holder(), value)
    ENGEES_ANSWER[2] = present_answer()
    return nothing
end

"A line of the tab may have set its `ans` meanwhile."
function notice_answer()
    present = present_answer()
    present === ENGEES_ANSWER[2] || (ENGEES_ANSWER[1] = present; ENGEES_ANSWER[2] = present)
    return nothing
end

"A cell begins: its notebook's `ans` stands there from now on."
function lend_answer(cell)
    lock(ANSWERS_LOCK)
    try
        if length(LENT) == 0
            ENGEES_ANSWER[1] = ENGEES_ANSWER[2] = present_answer()
        else
            notice_answer()
        end
        push!(LENT, cell)
        haskey(ANSWERS, cell.notebook) && place_answer(held(ANSWERS, cell.notebook))
    finally
        unlock(ANSWERS_LOCK)
    end
    return nothing
end

"A cell that runs has a value: its notebook's `ans` is another one now."
function show_answer(cell, @nospecialize(value))
    lock(ANSWERS_LOCK)
    try
        cell in LENT || return nothing
        notice_answer()
        place_answer(value)
    finally
        unlock(ANSWERS_LOCK)
    end
    return nothing
end

"A cell ends; called again, it does nothing."
function return_answer(cell)
    lock(ANSWERS_LOCK)
    try
        drop!(LENT, cell) || return nothing
        notice_answer()
        if length(LENT) == 0
            place_answer(ENGEES_ANSWER[1])
            ENGEES_ANSWER[1] = ENGEES_ANSWER[2] = nothing
        end
    finally
        unlock(ANSWERS_LOCK)
    end
    return nothing
end

"A notebook's `ans` in Main, whether a cell of it runs or not."
function answer_of(notebook)
    lock(ANSWERS_LOCK)
    try
        return haskey(ANSWERS, notebook) ? held(ANSWERS, notebook) : present_answer()
    finally
        unlock(ANSWERS_LOCK)
    end
end

"The notebook's variables are cleared."
function forget_answer(notebook)
    lock(ANSWERS_LOCK)
    store!(ANSWERS, notebook, nothing)
    unlock(ANSWERS_LOCK)
    return nothing
end
