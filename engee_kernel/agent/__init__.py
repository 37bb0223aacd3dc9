"""The Julia agent: its sources, and the commands that install and call it through Engee's `eval`.

The module's name carries a hash of its sources, so kernels of different versions share an Engee session in
peace. Nothing here does I/O apart from reading package resources.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import cache
from importlib import resources

__all__ = ["MODULE_NAME", "Argument", "call", "install_command", "install_commands", "literal", "source"]

Argument = None | bool | int | float | str | Sequence[str]

# In the order in which Julia needs them.
_FILES = (
    "header.jl",
    "json.jl",
    "cells.jl",
    "events.jl",
    "routing.jl",
    "descriptors.jl",
    "capture.jl",
    "stdin.jl",
    "display.jl",
    "errors.jl",
    "evaluation.jl",
    "modes.jl",
    "worker.jl",
    "completion.jl",
    "inspection.jl",
    "workspace.jl",
    "metrics.jl",
    "files.jl",
    "exchange.jl",
    "payloads.jl",
    "user.jl",
    "calls.jl",
    "requests.jl",
    "background.jl",
    "start.jl",
)

_STAGE_BYTES = 400
"""What a staging command needs besides its piece of the source, in bytes; an upper bound."""


@cache
def _read(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _body() -> str:
    return "\n".join(_read(name) for name in _FILES)


def _module_name() -> str:
    digest = hashlib.sha256((_body() + _read("install.jl")).encode()).hexdigest()
    return f"EngeeKernelAgent_{digest[:8]}"


MODULE_NAME = _module_name()


def source() -> str:
    """The whole agent as one Julia module."""
    return f"module {MODULE_NAME}\n{_body()}\nend\n"


def _installer() -> str:
    return _read("install.jl").replace("AGENT_NAME", MODULE_NAME)


def install_command() -> str:
    """A Julia program whose value is the reply of `hello()`. Safe to repeat and to run twice at once."""
    return _installer().replace("AGENT_SOURCE", literal(source()))


def install_commands(max_bytes: int) -> list[str]:
    """The same as several commands, each of at most `max_bytes` bytes of UTF-8, to be run in this order.

    The last one's value is the reply of `hello()`, or `{"error":"missing"}` when a piece has not arrived.

    Raises:
        ValueError: `max_bytes` leaves no room for a piece of the source.
    """
    whole = install_command()
    if len(whole.encode()) <= max_bytes:
        return [whole]
    pieces = _pieces(source(), max_bytes - _STAGE_BYTES)
    stage = _read("stage.jl")
    commands = [
        stage.replace("AGENT_NAME", MODULE_NAME)
        .replace("PIECE_NUMBER", str(number))
        .replace("PIECE_TEXT", literal(piece))
        for number, piece in enumerate(pieces, 1)
    ]
    joined = _read("join.jl").replace("AGENT_NAME", MODULE_NAME).replace("PIECE_COUNT", str(len(pieces)))
    commands.append(joined.replace("AGENT_INSTALL", _installer().replace("AGENT_SOURCE", "source").strip()))
    longest = max(len(command.encode()) for command in commands)
    if longest > max_bytes:
        raise ValueError(f"the agent cannot be installed by commands of {max_bytes} bytes; {longest} are needed")
    return commands


def _pieces(text: str, room: int) -> list[str]:
    """`text` cut so that each piece's literal has at most `room` bytes."""
    if room < 64:
        raise ValueError("no room for a piece of the agent's source")
    pieces: list[str] = []
    start = size = 0
    for index, char in enumerate(text):
        cost = len(_escaped(char).encode())
        if size + cost > room:
            pieces.append(text[start:index])
            start, size = index, 0
        size += cost
    pieces.append(text[start:])
    return pieces


def call(function: str, /, *args: Argument, **options: Argument) -> str:
    """A Julia expression whose value is the JSON reply of one of the agent's calls.

    Where the agent is not installed its value is `{"error":"missing"}`.

    Raises:
        ValueError: an argument holds a lone surrogate, which no UTF-8 text can carry.
    """
    arguments = ",".join(literal(argument) for argument in args)
    keywords = ",".join(f"{name}={literal(value)}" for name, value in options.items())
    separator = ";" if keywords else ""
    return (
        f"isdefined(Main,:{MODULE_NAME}) ? Main.{MODULE_NAME}.{function}({arguments}{separator}{keywords})"
        ' : "{\\"error\\":\\"missing\\"}"'
    )


def literal(value: Argument) -> str:
    """`value` as Julia source."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_literal(value)
    if isinstance(value, str):
        return _string_literal(value)
    return f"String[{','.join(_string_literal(item) for item in value)}]"


def _float_literal(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "-Inf"
    return repr(value)


_NAMED = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSEEN = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF]
# Four digits always: a shorter form would swallow a hex digit that follows.
_ESCAPES = {**{code: f"\\u{code:04x}" for code in _UNSEEN}, **{ord(char): text for char, text in _NAMED.items()}}


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _string_literal(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text with a lone surrogate cannot be sent to Julia") from error
    return '"' + _escaped(text) + '"'
