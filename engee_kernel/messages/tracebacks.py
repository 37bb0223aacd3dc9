"""How an error looks: ename, evalue and traceback of a Jupyter error message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..facts.cleared import EXPLANATION, is_about_cleared
from ..facts.errors import EngeeError
from ..facts.events import Failure, Frame
from ..facts.repetition import cycle, folded
from ..facts.text import count_frames, paint, split_description, without_world
from .bundles import without_twins


def error_content(failure: Failure) -> dict[str, Any]:
    """ename, evalue and traceback of the person's error: message first, then their own frames."""
    heading = failure.message.rstrip() or failure.short
    first, _, rest = heading.partition("\n")
    traceback = [paint(first, "red")]
    if rest:
        traceback.append(rest)
    frames = failure.frames
    if failure.type == "InterruptException":
        # where Julia waited is of no interest, where the person's code was is
        frames = tuple(frame for frame in frames if frame.user) or frames
    if frames:
        traceback += _frames(frames)
    else:
        _, own, server = split_description(failure.full)
        if own:
            traceback += ["", paint("Stacktrace:", "bold"), own]
        if server:
            traceback.append(paint(f" … {count_frames(server)} more frames inside the Engee server", "grey"))
    for cause in failure.causes:
        first, _, rest = cause.message.rstrip().partition("\n")
        heading = f"{paint('caused by:', 'bold')} {paint(first or cause.type, 'red')}"
        traceback += ["", heading, *([rest] if rest else [])]
        if cause.frames:
            traceback += _frames(cause.frames)
    if is_about_cleared(failure.short, failure.message):
        traceback += ["", EXPLANATION]
    return {"ename": failure.type, "evalue": without_world(failure.short), "traceback": traceback}


def _frames(frames: tuple[Frame, ...]) -> list[str]:
    lines = ["", paint("Stacktrace:", "bold")]
    width = len(str(len(frames)))
    at = 0
    while at < len(frames):
        length, times = cycle(frames, at)
        for number, frame in enumerate(frames[at : at + length], at + 1):
            place = f"{frame.file}:{frame.line}"
            inlined = " [inlined]" if frame.inlined else ""
            if frame.user:
                lines.append(f" [{number:>{width}}] {frame.function}\n    @ {paint(place, 'bold')}{inlined}")
            else:
                lines.append(paint(f" [{number:>{width}}] {frame.function}\n    @ {place}{inlined}", "grey"))
        if times > 1:
            lines.append(paint(folded(length, times), "grey"))
        at += length * times
    return lines


def own_error_content(error: EngeeError) -> dict[str, Any]:
    """An error of the kernel's own: what happened, and the next step."""
    name = type(error).__name__
    first = error.message.strip()
    traceback = [f"{paint(name, 'red')}: {first}"]
    if error.hint:
        traceback += ["", *error.hint.split("\n")]
    return {"ename": name, "evalue": first, "traceback": traceback}


def expression_contents(expressions: Mapping[str, Any]) -> dict[str, Any]:
    """The values of user_expressions as the protocol wants them; the agent gives an error's type and message."""
    contents: dict[str, Any] = {}
    for name, answer in expressions.items():
        content = dict(answer)
        if content.get("status") == "error":
            kind, message = str(content.pop("type", "Error")), str(content.pop("message", ""))
            first, _, rest = message.partition("\n")
            content |= {"ename": kind, "evalue": message, "traceback": [paint(first, "red"), *([rest] if rest else [])]}
        elif "data" in content:
            content["data"] = without_twins(content["data"])
        contents[name] = content
    return contents
