"""The Julia agent: the commands that install it and call it through Engee's `eval`.

The module's name carries a hash of its sources, so kernels of different versions share an Engee session in
peace. Nothing here does I/O apart from reading package resources.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Sequence
from functools import cache

from . import image
from .sources import core, needed, origins, pieces, read, with_core

__all__ = [
    "MODULE_NAME",
    "Argument",
    "call",
    "calls",
    "define_command",
    "image",
    "image_order",
    "image_place",
    "install_command",
    "install_commands",
    "literal",
    "needed_by_call",
    "piece_commands",
    "pieces_for",
    "source",
]

Argument = None | bool | int | float | str | Sequence[str]

_STAGE_BYTES = 400
"""What a staging command needs besides its part of the text, in bytes; an upper bound."""

_WITH_OPTIONS = frozenset({"submit", "events", "run_job"})
"""Calls whose last argument is a list of names and values."""


def _module_name() -> str:
    # of the texts as they are written: a kernel's start need not wait until they are stripped
    parts = [origins(), read("install.jl"), *(read(f"image/{name}.jl") for name in image.FILES)]
    return f"EngeeKernelAgent_{hashlib.sha256(''.join(parts).encode()).hexdigest()[:8]}"


MODULE_NAME = _module_name()


def source() -> str:
    """The core as one Julia module."""
    # most of it runs once: what the compiler's optimiser would take is more than it would save
    return f"module {MODULE_NAME}\nBase.Experimental.@optlevel 0\n{core()}end\n"


def _installer(*, from_image: bool) -> str:
    """What defines the module from `AGENT_SOURCE` and gives it the texts of the pieces that come with it."""
    texts = ",".join(f"{_string_literal(piece.name)},{_string_literal(piece.source)}" for piece in with_core())
    holders = ",".join(
        f"{_string_literal(name)},{_string_literal(piece.name)}" for piece in with_core() for name in piece.calls
    )
    text = read("install.jl").replace("AGENT_NAME", MODULE_NAME)
    text = text.replace("IMAGE_LOADER", image.loader(MODULE_NAME) if from_image else "")
    return text.replace("AGENT_TEXTS", f"Any[{texts}]").replace("AGENT_HOLDERS", f"Any[{holders}]")


@cache
def install_command(*, from_image: bool = True) -> str:
    """A Julia program whose value is the reply of `hello()`. Safe to repeat and to run twice at once.

    `from_image`: look for an image of the agent on the person's disk first. The source goes along unused then: it is
    shorter than another request is long.
    """
    return _installer(from_image=from_image).replace("AGENT_SOURCE", literal(source()))


def install_commands(max_bytes: int, *, from_image: bool = True) -> list[str]:
    """The same as several commands, each of at most `max_bytes` bytes of UTF-8, to be run in this order.

    The last one's value is the reply of `hello()`, or `{"error":"missing"}` when a part has not arrived.

    Raises:
        ValueError: `max_bytes` leaves no room for a part of the source.
    """
    whole = install_command(from_image=from_image)
    if len(whole.encode()) <= max_bytes:
        return [whole]
    return _staged(MODULE_NAME, whole, max_bytes)


def define_command(function: str, epoch: str, known: Collection[str]) -> str:
    """A command that defines what a call needs, and no more."""
    return _guarded(f"call(:define,{_string_literal(epoch)},Any[],{_piece_list([function], known)})")


def piece_commands(function: str, epoch: str, known: Collection[str], max_bytes: int) -> list[str]:
    """Commands that define what a call needs, each of at most `max_bytes`; then the call can go without it.

    Raises:
        ValueError: as `install_commands`.
    """
    names = [piece.name for piece in needed([function], known)]
    return _staged(f"{MODULE_NAME}:{'+'.join(names)}", define_command(function, epoch, known), max_bytes)


def image_place() -> list[str]:
    """The arguments of the call `image_state`."""
    return [image.place(MODULE_NAME)]


def image_order() -> list[str]:
    """The arguments of the call `image_build`."""
    return [
        image.place(MODULE_NAME),
        MODULE_NAME,
        image.package_id(MODULE_NAME),
        image.package_source(MODULE_NAME, source()),
        image.program("child"),
    ]


def _staged(key: str, program: str, max_bytes: int) -> list[str]:
    """Commands that bring a program over in parts; the last one runs it and gives its value."""
    parts = _parts(program, max_bytes - _STAGE_BYTES)
    stage = read("stage.jl").replace("STAGE_KEY", key)
    commands = [
        stage.replace("PART_NUMBER", str(number)).replace("PART_TEXT", literal(part))
        for number, part in enumerate(parts, 1)
    ]
    join = read("join.jl").replace("STAGE_KEY", key).replace("PART_COUNT", str(len(parts)))
    commands.append(join.replace("AGENT_HELLO", _guarded("hello()")))
    longest = max(len(command.encode()) for command in commands)
    if longest > max_bytes:
        raise ValueError(f"the agent cannot be installed by commands of {max_bytes} bytes; {longest} are needed")
    return commands


def _parts(text: str, room: int) -> list[str]:
    """`text` cut so that each part's literal has at most `room` bytes."""
    if room < 64:
        raise ValueError("no room for a part of the agent's source")
    parts: list[str] = []
    start = size = 0
    for index, char in enumerate(text):
        cost = len(_escaped(char).encode())
        if size + cost > room:
            parts.append(text[start:index])
            start, size = index, 0
        size += cost
    parts.append(text[start:])
    return parts


def pieces_for(function: str) -> frozenset[str]:
    """The pieces that travel with a call when the session has none of them yet."""
    return frozenset(piece.name for piece in needed([function], ()))


def call(function: str, /, *args: Argument, known: Collection[str] = (), **options: Argument) -> str:
    """A Julia expression whose value is the JSON reply of one of the agent's calls; the first argument is the epoch.

    It brings along what the call needs and the session has not: `known` names the pieces that it has.
    Where the agent is not installed its value is `{"error":"missing"}`.

    Raises:
        ValueError: an argument holds a lone surrogate, which no UTF-8 text can carry.
    """
    return _expression(function, args, options, known)


def calls(each: Sequence[Sequence[Argument]], *, known: Collection[str] = ()) -> list[str]:
    """Expressions for several calls, carried out in this order: what they need comes with the first that needs it."""
    have = set(known)
    expressions = []
    for function, *args in each:
        name = str(function)
        expressions.append(_expression(name, args, {}, have))
        have |= pieces_for(name)
    return expressions


def _expression(function: str, args: Sequence[Argument], options: dict[str, Argument], known: Collection[str]) -> str:
    if function == "hello":
        return _guarded("hello()")
    epoch, *rest = args
    arguments = [literal(argument) for argument in rest]
    if function in _WITH_OPTIONS:
        pairs = (f"{_string_literal(name)},{literal(value)}" for name, value in options.items())
        arguments.append(f"Any[{','.join(pairs)}]")
    elif options:
        raise TypeError(f"{function} takes no options")
    brought = _piece_list([function], known) or "nothing"
    return _guarded(f"call(:{function},{literal(epoch)},Any[{','.join(arguments)}],{brought})")


def needed_by_call() -> str:
    """A Julia program for tests of the agent: `NEEDED[call]` is the text of the list of pieces that the call brings."""
    lists = {call: _piece_list([call], ()) for piece in pieces().values() for call in piece.calls}
    items = ",".join(f"{literal(call)} => {literal(text)}" for call, text in lists.items() if text)
    return f"const NEEDED = Dict{{String,String}}({items})\n"


def _guarded(expression: str) -> str:
    return f'isdefined(Main,:{MODULE_NAME}) ? Main.{MODULE_NAME}.{expression} : "{{\\"error\\":\\"missing\\"}}"'


def _piece_list(functions: Collection[str], known: Collection[str]) -> str:
    """name, source, … as Julia; "" for none."""
    brought = needed(functions, known)
    parts = [f"{_string_literal(piece.name)},{_string_literal(piece.source)}" for piece in brought]
    return f"Any[{','.join(parts)}]" if parts else ""


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
_ESCAPES = {**{chr(code): f"\\u{code:04x}" for code in _UNSEEN}, **_NAMED}
_ESCAPED = re.compile(f"[{re.escape(''.join(_ESCAPES))}]")


def _escaped(text: str) -> str:
    # several times as quick as str.translate, and each start of a kernel waits for it
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def _string_literal(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text with a lone surrogate cannot be sent to Julia") from error
    return '"' + _escaped(text) + '"'
