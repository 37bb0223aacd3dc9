"""What must hold of a cell, whatever the weather was. Each broken promise is one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from frontend import Cell

from engee_kernel.facts import errors

from .plans import Plan

OWN_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
_SAYS_UNKNOWN = re.compile(
    r"may still be running|may be running|may have run|may run|not sent again|not run again|still runs|goes on|"
    r"was not created twice|Stopped following the job"
)
_SAYS_RUNNING = re.compile(r"(?<!may )still runs|goes on (in|there)")
_SAYS_NOT_RUN = re.compile(r"was not run(?! again)")
_FAULTY = ("The kernel itself failed", "Output is missing", "does not know this cell", "Traceback (most recent call")


def broken(plan: Plan, cell: Cell, runs: int, *, sees_streams: bool) -> Iterator[str]:
    """`runs`: how often the cell's code began, as far as is known now."""
    yield from _runs(plan, cell, runs)
    yield from _outputs(plan, cell, sees_streams=sees_streams)
    shown = cell.traceback if cell.status == "error" else ""
    for words in _FAULTY:
        if words in shown:
            yield f"it says “{words}”: {shown}"
    if cell.status == "error" and cell.error["ename"] not in OWN_ERRORS | {"InterruptException", plan.raises}:
        yield f"an error of nobody's: {shown}"
    if any("running for" in str(output.get("data")) for output in cell.outputs):
        yield "its life sign was left under it"


def _runs(plan: Plan, cell: Cell, runs: int) -> Iterator[str]:
    if runs > 1:
        yield f"it ran {runs} times"
    if not plan.counted:
        return
    if cell.status == "ok":
        if runs != 1 and not plan.is_detached:
            yield f"it is said to have run and ran {runs} times"
        return
    if cell.status == "aborted":
        if runs:
            yield "it was aborted and ran"
        return
    yield from misled(plan, cell, runs)


def misled(plan: Plan, cell: Cell, runs: int) -> Iterator[str]:
    """What a cell that failed says of itself, against what is known of it, now or in the end."""
    if cell.status != "error" or not plan.counted:
        return
    text, name = cell.traceback, cell.error["ename"]
    if name not in OWN_ERRORS:
        if runs != 1 and name != "InterruptException":
            yield f"its own error came and it ran {runs} times: {text}"
        return
    if runs and _SAYS_NOT_RUN.search(text):
        yield f"it ran, and the person was told that it was not run: {text}"
    elif runs and not _SAYS_UNKNOWN.search(text):
        yield f"it ran, and the person was not told that it may have: {text}"


def invented(plan: Plan, cell: Cell, runs: int) -> Iterator[str]:
    """For the end of a world, when nothing can begin any more: a cell that was said to run has run."""
    if cell.status == "error" and plan.counted and not runs and _SAYS_RUNNING.search(cell.traceback):
        yield f"it never ran, and the person was told that it does: {cell.traceback}"


def _outputs(plan: Plan, cell: Cell, *, sees_streams: bool) -> Iterator[str]:
    complete = cell.status == "ok" or (cell.status == "error" and cell.error["ename"] == plan.raises)
    if plan.is_detached:
        return
    if sees_streams and plan.counted:  # transfers draw their bar there
        yield from _compare("stdout", cell.text("stdout"), plan.stdout, complete)
        own = "".join(line for line in cell.text("stderr").splitlines(keepends=True) if line.startswith(plan.key))
        yield from _compare("stderr", own, plan.stderr, complete)
    displays = [
        str(content["data"]["text/html"])
        for content in cell.of("display_data")
        if f"<p>{plan.key}" in str(content["data"].get("text/html"))
    ]
    yield from _compare("displays", "".join(f"{text}\n" for text in displays), plan.displays, complete)
    if plan.displays and complete and f"{plan.key} seen {len(plan.displays)}" not in str(cell.outputs):
        yield "the last update of its display was lost"
    if cell.status == "ok" and plan.result is not None and cell.result != plan.result:
        yield f"its result is {cell.result!r} in place of {plan.result!r}"


def _compare(what: str, came: str, expected: Sequence[str], complete: bool) -> Iterator[str]:
    text = "".join(f"{line}\n" for line in expected)
    if came == text or (not complete and text.startswith(came)):
        return
    place = next((i for i, (a, b) in enumerate(zip(came, text, strict=False)) if a != b), min(len(came), len(text)))
    yield (
        f"{what} differs at character {place} of {len(text)} ({len(came)} came, "
        f"{'complete' if complete else 'a beginning'} is expected): "
        f"…{came[max(0, place - 60) : place + 60]!r} in place of …{text[max(0, place - 60) : place + 60]!r}"
    )
