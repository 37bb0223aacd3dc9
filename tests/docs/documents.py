"""What the documentation is made of: pages in two languages; headings, code blocks, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
README = "README.md"
RUSSIAN_README = "README.ru.md"
ENGLISH = (README, *sorted(f"docs/{path.name}" for path in (CHECKOUT / "docs").glob("*.md")))

_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def russian(page: str) -> str:
    """The Russian page beside an English one."""
    return RUSSIAN_README if page == README else page.replace("docs/", "docs/ru/")


RUSSIAN = tuple(russian(page) for page in ENGLISH)
ALL = (*ENGLISH, *RUSSIAN)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line of text."""

    page: str
    language: str
    text: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.page}, block at line {self.line}"

    @property
    def commands(self) -> list[str]:
        """The lines of a shell block, without comments and empty ones."""
        lines = [re.sub(r"\s+#.*", "", line).strip() for line in self.text.splitlines()]
        return [line for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True)
class Table:
    """The cells of a table's heading and of its rows."""

    heading: list[str]
    rows: list[list[str]]


def read(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def code_blocks(pages: str | Iterable[str], language: str = "") -> list[Block]:
    """The blocks of a page, or of several, of one language if it is named."""
    blocks = []
    for page in [pages] if isinstance(pages, str) else pages:
        text = read(page)
        for found in _BLOCK.finditer(text):
            indent, kind, body = found.groups()
            lines = [line.removeprefix(indent) for line in body.splitlines()]
            blocks.append(Block(page, kind, "\n".join(lines), text[: found.start()].count("\n") + 2))
    return [block for block in blocks if language in ("", block.language)]


def prose(page: str) -> str:
    """The text without code blocks."""
    return _BLOCK.sub("", read(page))


def headings(page: str) -> list[tuple[int, str]]:
    """Level and text of each heading."""
    return [(len(marks), text.strip()) for marks, text in re.findall(r"^(#+) (.+)$", prose(page), re.MULTILINE)]


def links(page: str) -> list[str]:
    """Targets of links and pictures, in Markdown and in HTML."""
    text = prose(page)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)


def target(page: str, link: str) -> tuple[str, str]:
    """The file that a link within the checkout leads to, and the anchor in it, which may be empty."""
    path, _, anchor = link.partition("#")
    folder = (CHECKOUT / page).parent
    file = (folder / path).resolve() if path else CHECKOUT / page
    return file.relative_to(CHECKOUT).as_posix(), anchor


def tables(page: str) -> list[Table]:
    found: list[Table] = []
    inside = False
    for line in prose(page).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        # a bar inside code is written \|
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not inside:
            found.append(Table(cells, []))
            inside = True
        elif not set(cells[0]) <= set("-: "):
            found[-1].rows.append(cells)
    return found


def table_rows(page: str, first: str) -> list[list[str]]:
    """The cells of the rows of each table whose first heading is `first`."""
    return [row for table in tables(page) if table.heading[0] == first for row in table.rows]


def quoted(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)
