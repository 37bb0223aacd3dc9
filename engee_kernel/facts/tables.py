"""Small tables and cards, as text for consoles and as HTML for notebooks. No I/O."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from .events import MimeBundle


@dataclass(frozen=True)
class Table:
    """Rows of cells; `empty` is what is said where there are none."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing."

    def text(self) -> str:
        if not self.rows:
            return self.empty
        lines = [tuple(self.headers), *(tuple(cell.replace("\n", " ") for cell in row) for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headers))]
        shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        shown.insert(1, "  ".join("─" * width for width in widths))
        return "\n".join(line.rstrip() for line in shown)

    def html(self) -> str:
        if not self.rows:
            return f"<i>{html.escape(self.empty)}</i>"
        left = ' style="text-align:left"'
        head = "".join(f"<th{left}>{html.escape(header)}</th>" for header in self.headers)
        body = "".join(
            "<tr>" + "".join(f"<td{left}>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def bundle(self) -> MimeBundle:
        return {"text/plain": self.text(), "text/html": self.html()}


def card(title: str, facts: Sequence[tuple[str, str]]) -> MimeBundle:
    """A titled list of names and values."""
    width = max((len(name) for name, _ in facts), default=0)
    text = "\n".join([title, *(f"  {name.ljust(width)}  {value}" for name, value in facts)])
    rows = "".join(
        f'<tr><td style="text-align:left;opacity:.7">{html.escape(name)}</td>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in facts
    )
    page = f"<b>{html.escape(title)}</b><table>{rows}</table>"
    return {"text/plain": text, "text/html": page}
