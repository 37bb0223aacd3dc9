"""What the READMEs are made of: headings, code blocks, tables, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
ENGLISH = "README.md"
RUSSIAN = "README.ru.md"
BOTH = (ENGLISH, RUSSIAN)

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line of text."""

    language: str
    text: str
    line: int

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, without comments and empty ones."""
        lines = [re.sub(r"\s+#.*", "", line).strip() for line in self.text.splitlines()]
        return [line for line in lines if line and not line.startswith("#")]


def read(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def code_blocks(name: str, language: str = "") -> list[Block]:
    """The document's blocks, of one language if it is named."""
    text = read(name)
    blocks = []
    for found in _BLOCK.finditer(text):
        indent, kind, body = found.groups()
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        blocks.append(Block(kind, "\n".join(lines), text[: found.start()].count("\n") + 2))
    return [block for block in blocks if language in ("", block.language)]


def prose(name: str) -> str:
    """The text without code blocks."""
    return _BLOCK.sub("", read(name))


def headings(name: str) -> list[tuple[int, str]]:
    """Level and text of each heading."""
    return [(len(marks), text.strip()) for marks, text in re.findall(r"^(#+) (.+)$", prose(name), re.MULTILINE)]


def links(name: str) -> list[str]:
    """Targets of links and pictures, in Markdown and in HTML."""
    text = prose(name)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)


def table_rows(name: str, first: str) -> list[list[str]]:
    """The cells of the rows of each table whose first heading is `first`."""
    rows: list[list[str]] = []
    inside = False
    for line in prose(name).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        # a bar inside code is written \|
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[0] == first:
            inside = True
        elif inside and not set(cells[0]) <= set("-: "):
            rows.append(cells)
    return rows
