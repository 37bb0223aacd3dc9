"""Parsed Markdown as text for consoles, in the colours in which Julia shows help. No I/O.

Lines end where the author ended them: docstrings are written for a terminal's width.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.token import Token
    from markdown_it.tree import SyntaxTreeNode

RULE = "─" * 40

_COLOUR = re.compile(r"\x1b\[\d+m")
_CODE = ("\x1b[36m", "\x1b[39m")
_STYLES = {"strong": ("\x1b[1m", "\x1b[22m"), "em": ("\x1b[4m", "\x1b[24m")}


def rendered(tokens: Sequence[Token]) -> str:
    from markdown_it.tree import SyntaxTreeNode  # noqa: PLC0415 - as docs.py does

    return "\n".join(_blocks(SyntaxTreeNode(tokens).children))


def _blocks(nodes: Sequence[SyntaxTreeNode], *, tight: bool = False) -> list[str]:
    """The lines of blocks, an empty line between two of them unless they are a tight list's."""
    lines: list[str] = []
    for node in nodes:
        if lines and not tight:
            lines.append("")
        lines += _block(node)
    return lines


def _block(node: SyntaxTreeNode) -> list[str]:
    lines = _BLOCKS.get(node.type)
    return lines(node) if lines else node.content.split("\n")


def _code(node: SyntaxTreeNode) -> list[str]:
    return ["  " + _in(_CODE, line) if line else "" for line in node.content.rstrip("\n").split("\n")]


def _quoted(node: SyntaxTreeNode) -> list[str]:
    return [f"│ {line}".rstrip() for line in _blocks(node.children)]


def _list(node: SyntaxTreeNode) -> list[str]:
    lines: list[str] = []
    first = int(node.attrs.get("start") or 1)
    tight = all(child.hidden for item in node.children for child in item.children if child.type == "paragraph")
    for number, item in enumerate(node.children, first):
        mark = "• " if node.type == "bullet_list" else f"{number}. "
        if lines and not tight:
            lines.append("")
        body = _blocks(item.children, tight=tight) or [""]
        lines += [f"  {mark}{body[0]}".rstrip(), *(f"  {' ' * len(mark)}{line}".rstrip() for line in body[1:])]
    return lines


def _table(node: SyntaxTreeNode) -> list[str]:
    rows = [[_inline(cell.children) for cell in row.children] for part in node.children for row in part.children]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)) for row in rows
    ]
    return [lines[0].rstrip(), "  ".join("─" * width for width in widths), *(line.rstrip() for line in lines[1:])]


def _width(cell: str) -> int:
    return len(_COLOUR.sub("", cell))


def _inline(nodes: Sequence[SyntaxTreeNode]) -> str:
    return "".join(map(_span, nodes))


def _span(node: SyntaxTreeNode) -> str:
    if node.type in ("softbreak", "hardbreak"):
        return "\n"
    if node.type == "code_inline":
        return _in(_CODE, node.content)
    inside = _inline(node.children) if node.children else node.content
    if node.type == "link":
        address = str(node.attrs.get("href", ""))
        return inside if not address or address == inside else f"{inside} ({address})"
    return _in(_STYLES[node.type], inside) if node.type in _STYLES else inside


def _in(style: tuple[str, str], text: str) -> str:
    return f"{style[0]}{text}{style[1]}"


_BLOCKS: dict[str, Callable[[SyntaxTreeNode], list[str]]] = {
    "paragraph": lambda node: _inline(node.children).split("\n"),
    "heading": lambda node: [_in(_STYLES["strong"], _inline(node.children))],
    "fence": _code,
    "code_block": _code,
    "blockquote": _quoted,
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
    "hr": lambda _: [RULE],
}
