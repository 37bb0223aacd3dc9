"""Text in and out: Julia's string literals, stack traces, durations and sizes, HTML error pages."""

from __future__ import annotations

import html
import json
import re

_ESCAPES = {
    "n": "\n", "t": "\t", "r": "\r", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b",
}  # fmt: skip
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)


def unquote_julia(literal: str) -> str:
    r"""The string that Julia's `repr` of it shows: `"a\$b"` → `a$b`.

    Raises ValueError when `literal` is not a quoted string.
    """
    if len(literal) < 2 or not (literal.startswith('"') and literal.endswith('"')):
        raise ValueError("not a quoted Julia string")
    surrogate_free = _ESCAPE.sub(_unescape, literal[1:-1])
    return surrogate_free


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        return chr(int(code, 16))
    return _ESCAPES.get(match[4], match[4])


def after_block_comment(code: str, at: int) -> int | None:
    """Behind Julia's block comment that begins at `at`; they nest. None: it is not closed."""
    depth = 0
    while at < len(code):
        if code.startswith("#=", at):
            depth, at = depth + 1, at + 2
        elif code.startswith("=#", at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                return at
        else:
            at += 1
    return None


def duration(seconds: float) -> str:
    """E.g. "0.4 s", "12 s", "3 min 05 s", "2 h 07 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def size(number_of_bytes: float) -> str:
    """E.g. "512 B", "1.5 MiB"."""
    value = float(number_of_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


_INVISIBLE = re.compile(r"<(script|style|head)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")


def summary_of_body(body: str, limit: int = 200) -> str:
    """One line of what a page, a JSON object or a plain body says, for use in an error's sentence.

    Of an object that is its message, where it has one under a usual name.
    """
    body = _message_of_json(body) or body
    if "<" in body and ">" in body:
        title = _TITLE.search(body)
        visible = title[1] if title else _TAG.sub(" ", _INVISIBLE.sub(" ", body))
        body = html.unescape(visible)
    line = " ".join(body.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _message_of_json(body: str) -> str:
    """Empty where the body is no JSON object or has no message."""
    if not body.lstrip().startswith("{"):
        return ""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return next((said[key] for key in ("message", "detail", "error") if isinstance(said.get(key), str)), "")


# of the world in which a method or a name was missed, and from Julia 1.11 on the module behind it
_WORLD = re.compile(r"\A((?:MethodError|UndefVarError)\(.*), 0x[0-9a-f]{16}(?:, [\w.]+)?\)\Z", re.DOTALL)


def without_world(short_description: str) -> str:
    """What is the same each time that a cell fails in the same way: a notebook under version control keeps it."""
    return _WORLD.sub(r"\1)", short_description)


# a comment with a quotation mark may be the end of a string: then the value is rather shown
_QUIET = re.compile(r""";\s*(?:#[^\n"]*)?\s*\Z""")


def ends_with_semicolon(code: str) -> bool:
    """Whether Julia code ends in `;`, a comment behind it or not: its value is not to be shown."""
    return _QUIET.search(code) is not None


_FRAME = re.compile(r"^\s*\[(\d+)\]", re.MULTILINE)
_EVAL = re.compile(r"^\s*\[\d+\] eval\(m::Module, .*\n?\s*@ Core \S*boot\.jl:", re.MULTILINE)
_STACKTRACE = re.compile(r"\n\s*Stacktrace:\s*\n")


def split_description(full_description: str) -> tuple[str, str, str]:
    """Message, the person's part of the stack trace, and the server's part (both may be empty).

    The person's frames come first and end with the first `top-level scope`: what is below it is
    the machinery that evaluated the code (seen in the API's own example, frames 2 to 27). Where the
    fault is at the top level itself, Julia 1.12 has no such frame: all is machinery from `eval` on.
    """
    match = _STACKTRACE.search(full_description)
    if match is None:
        return full_description.rstrip(), "", ""
    message, trace = full_description[: match.start()].rstrip(), full_description[match.end() :].rstrip()
    frames = [frame.start() for frame in _FRAME.finditer(trace)]
    for start, end in zip(frames, [*frames[1:], len(trace)], strict=True):
        if "top-level scope" in trace[start:end]:
            return message, trace[:end].rstrip(), trace[end:].rstrip()
    machinery = _EVAL.search(trace)
    if machinery is not None:
        return message, trace[: machinery.start()].rstrip(), trace[machinery.start() :]
    return message, trace, ""


def count_frames(trace: str) -> int:
    """How many `[n]` frames a piece of a stack trace has."""
    return len(_FRAME.findall(trace))


_ANSI = {
    "red": "\x1b[0;31m",
    "bold": "\x1b[1m",
    "grey": "\x1b[38;5;244m",  # JupyterLab shows bright black as black
    "green": "\x1b[0;32m",
}


def paint(text: str, colour: str) -> str:
    """`text` in an ANSI colour, each line on its own: front ends split tracebacks at line ends."""
    start = _ANSI[colour]
    return "\n".join(f"{start}{line}\x1b[0m" if line else line for line in text.split("\n"))
