"""Julia's raw traces made ready to read: the agent tells what it sees, here the person's part is found. No I/O.

A raw frame is [function, file, line, inlined, whether that file exists in Engee, types of the arguments]; a
number in their place says how many frames of a very deep trace were left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..facts.repetition import cycle, folded

FRAMES_LIMIT = 200
FUNCTION_CHARS = 300
FULL_CHARS = 100_000
TOP_LEVEL = "top-level scope"

_CELL = re.compile(r"(?:\./)?(In\[\d+\].*)", re.DOTALL)
_NOT_OWN = ("/packages/", "/stdlib/", "/share/julia/")

Frame = dict[str, Any]


def completed(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An error event with `frames` and `full`; any other event as it is."""
    if event.get("t") != "error" or "cell" not in event:
        return event
    facts = {
        key: value for key, value in event.items() if key not in ("raw", "causes", "agent", "julia", "cell", "line")
    }
    cell, line = str(event["cell"]), int(event["line"])
    message = str(event["message"])
    if "raw" not in event:  # the code did not parse
        facts["frames"] = [_top(cell, line)]
        facts["full"] = f"{message}\n\nStacktrace:\n [1] {TOP_LEVEL}\n   @ {cell}:{line}"
        return facts
    agent, style = str(event["agent"]), _style(str(event.get("julia") or ""))
    cut = _persons_part(event["raw"], agent)
    frames = _frames(cut)
    if not any(_CELL.fullmatch(frame["file"]) for frame in frames):
        frames.append(_top(cell, line))
    facts["frames"] = frames
    full = message + style(cut)
    if not any(_is_in_cell(raw) for raw in cut):
        full += f"\n  at {cell}:{line}"
    causes = []
    for cause in event.get("causes") or ():
        part = _persons_part(cause["raw"], agent)
        full += f"\n\ncaused by: {cause['message']}" + style(part)
        causes.append({"type": cause["type"], "message": cause["message"], "frames": _frames(part)})
    if causes:
        facts["causes"] = causes
    facts["full"] = full if len(full) <= FULL_CHARS else full[:FULL_CHARS] + " …"
    return facts


def _frames(cut: Sequence[Any]) -> list[Frame]:
    return [_frame(raw) for raw in cut if isinstance(raw, list) and int(raw[2]) > 0][:FRAMES_LIMIT]


def _persons_part(raw: Sequence[Any], agent: str) -> list[Any]:
    """Down to the cell's own top level, without the agent's frames between (a print that yields)."""
    own = [isinstance(frame, list) and str(frame[1]).endswith(agent) for frame in raw]
    last = max((number for number, frame in enumerate(raw, 1) if _is_in_cell(frame)), default=0)
    if last:
        return [frame for frame, is_own in zip(raw[:last], own, strict=False) if not is_own]
    # no frame of a cell (its top level may be optimised away): end where the agent begins
    return list(raw[: own.index(True)] if True in own else raw)


def _is_in_cell(raw: Any) -> bool:
    return isinstance(raw, list) and _CELL.fullmatch(str(raw[1])) is not None


def _frame(raw: Sequence[Any]) -> Frame:
    function, file, line, inlined, exists, _ = raw
    cell = _CELL.fullmatch(str(file))
    file = cell[1] if cell else str(file)
    user = cell is not None or (bool(exists) and not any(part in file.replace("\\", "/") for part in _NOT_OWN))
    return {
        "func": str(function)[:FUNCTION_CHARS],
        "file": file,
        "line": int(line),
        "user": user,
        "inlined": bool(inlined),
    }


def _top(cell: str, line: int) -> Frame:
    return {"func": TOP_LEVEL, "file": cell, "line": line, "user": True, "inlined": False}


# A trace as text, as this Julia itself writes it


def _style(julia: str) -> Any:
    """From 1.6 on Julia writes a frame's place in a line of its own."""
    version = re.match(r"1\.(\d+)", julia)
    return _in_one_line if version and int(version[1]) < 6 else _in_two_lines


def _in_one_line(cut: Sequence[Any]) -> str:
    return _trace([_written(raw, " at ") if isinstance(raw, list) else raw for raw in _shown(cut)])


def _in_two_lines(cut: Sequence[Any]) -> str:
    return _trace([_written(raw, "\n   @ ") if isinstance(raw, list) else raw for raw in _shown(cut)])


def _written(raw: Sequence[Any], between: str) -> str:
    cell = _CELL.fullmatch(str(raw[1]))
    return f"{_signature(raw)}{between}{cell[1] if cell else raw[1]}:{raw[2]}{' [inlined]' if raw[3] else ''}"


def _shown(cut: Sequence[Any]) -> list[Any]:
    return [raw for raw in cut if not isinstance(raw, list) or int(raw[2]) > 0]


def _trace(lines: Sequence[Any]) -> str:
    """Numbered, with repetitions folded as Julia folds them."""
    if not lines:
        return ""
    text = ["\nStacktrace:"]
    number = at = 0
    while at < len(lines):
        if not isinstance(lines[at], str):
            text.append(f" … {lines[at]} more frames")
            number += int(lines[at])
            at += 1
            continue
        length, times = _cycle(lines, at)
        for line in lines[at : at + length]:
            number += 1
            text.append(f" [{number}] {line}")
        if times > 1:
            text.append(folded(length, times))
            number += length * (times - 1)
        at += length * times
    return "\n".join(text)


def _cycle(lines: Sequence[Any], at: int) -> tuple[int, int]:
    """Repeated lines; a number, of frames that were left out, ends a run."""
    stop = next((index for index in range(at, len(lines)) if not isinstance(lines[index], str)), len(lines))
    return cycle(lines[at:stop], 0)


def _signature(raw: Sequence[Any]) -> str:
    """`f(::Int64)` from f and `Tuple{typeof(f),Int64}`."""
    function, types = str(raw[0])[:FUNCTION_CHARS], str(raw[5])
    if not (types.startswith("Tuple{") and types.endswith("}")):
        return function
    _, *arguments = _top_level_parts(types[len("Tuple{") : -1])
    return f"{function}({', '.join('::' + argument for argument in arguments)})"


def _top_level_parts(types: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(types):
        depth += (char in "{([") - (char in "})]")
        if char == "," and depth == 0:
            parts.append(types[start:at].strip())
            start = at + 1
    parts.append(types[start:].strip())
    return parts
