"""What the READMEs say is so: names, settings, messages, links; and both say the same."""

from __future__ import annotations

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from engee_kernel import cli
from engee_kernel.account.store import FOLDER_VARIABLE
from engee_kernel.extension.magics import KERNEL_MAGICS
from engee_kernel.household.settings import EngeeSettings, environment_variable, markdown_table
from engee_kernel.magics.registry import magics

from .documents import BOTH, CHECKOUT, ENGLISH, RUSSIAN, code_blocks, headings, links, prose, read, table_rows

PICTURE_LIMIT_BYTES = 150_000
FIRST_CELLS = {
    ENGLISH: {"settings": "setting", "commands": "command", "magics": "magic", "messages": "what you see"},
    RUSSIAN: {"settings": "настройка", "commands": "команда", "magics": "магия", "messages": "что видно"},
}
both = pytest.mark.parametrize("name", BOTH)


def rows(name: str, table: str) -> list[list[str]]:
    found = table_rows(name, FIRST_CELLS[name][table])
    assert found, f"{name} has no table of {table}"
    return found


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Names


@both
def test_every_magic_is_explained_and_no_other(name: str) -> None:
    named = [magic for row in rows(name, "magics") for magic in quoted(row[0])]
    assert sorted(named) == sorted(magics())


@both
def test_every_command_is_explained_and_no_other(name: str) -> None:
    named = [word.removeprefix("engee-kernel ") for row in rows(name, "commands") for word in quoted(row[0])]
    assert sorted(named) == sorted(cli.COMMANDS)


@both
def test_the_magics_of_the_extension_are_named(name: str) -> None:
    section = read(name).split("%load_ext engee_kernel")[1].split("\n## ")[0]
    assert [magic for magic in ("%%engee", "%engee", *KERNEL_MAGICS) if magic not in section] == []


@both
def test_variables_are_known(name: str) -> None:
    known = {environment_variable(setting) for setting in EngeeSettings.names()} | {FOLDER_VARIABLE}
    assert set(re.findall(r"\bENGEE_[A-Z_]+", read(name))) <= known


@both
def test_words_in_capitals_of_the_settings_exist(name: str) -> None:
    known = set(EngeeSettings.names())
    assigned = re.findall(r"c\.EngeeSettings\.([a-z_]+)", read(name)) + re.findall(r"`([a-z_]+) = \w+`", read(name))
    assert assigned
    assert set(assigned) <= known


@both
def test_modules_that_are_run_exist(name: str) -> None:
    modules = set(re.findall(r"python -m ([\w.]+)", read(name))) - {"pytest", "venv"}
    assert modules
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


@both
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {line.split()[1] for block in code_blocks(name, "bash") for line in block.commands if line[:5] == "make "}
    shown |= set(re.findall(r"`make ([a-z-]+)", prose(name)))
    assert shown
    assert shown <= targets


# Settings


def test_the_table_of_settings_is_the_programs_own() -> None:
    ours = [line for line in read(ENGLISH).splitlines() if re.match(r"\| `[a-z_]+` \|.*\| `ENGEE_", line)]
    # 120, as a person would write it
    theirs = markdown_table().splitlines()[2:]
    assert ours == theirs


def test_the_russian_table_has_the_same_values() -> None:
    assert [row[:3] for row in rows(RUSSIAN, "settings")] == [row[:3] for row in rows(ENGLISH, "settings")]
    assert all(re.search("[а-я]", row[3]) for row in rows(RUSSIAN, "settings"))


# Messages


@cache
def sentences() -> tuple[str, ...]:
    """Every string of the package, what is filled in reads “…”; and the agent."""
    found = []
    for path in (CHECKOUT / "engee_kernel").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    found += [path.read_text(encoding="utf-8") for path in (CHECKOUT / "engee_kernel" / "agent").rglob("*.jl")]
    return tuple(found)


@both
def test_messages_are_those_of_the_program(name: str) -> None:
    messages = [row[0].strip("`") for row in rows(name, "messages") if row[0].startswith("`") and row[0].endswith("`")]
    assert len(messages) > 25
    invented = [
        (message, fragment)
        for message in messages
        for fragment in (part.strip(" –") for part in message.split("…"))
        if len(fragment) > 1 and not any(fragment in sentence for sentence in sentences())
    ]
    assert invented == []


# Links and pictures


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@both
def test_links_lead_somewhere(name: str) -> None:
    anchors = {f"#{slug(text)}" for _, text in headings(name)}
    inside = [link for link in links(name) if not link.startswith("http")]
    assert any(link.endswith(".png") for link in inside)
    broken = [
        link for link in inside if (link not in anchors if link.startswith("#") else not (CHECKOUT / link).exists())
    ]
    assert broken == []


@both
def test_files_that_are_named_exist(name: str) -> None:
    named = re.findall(r"`((?:notebooks|tests|engee_kernel)/[\w./*-]+)`", prose(name))
    assert named
    assert [path for path in named if not any(CHECKOUT.glob(path))] == []


def test_pictures_are_small_and_used() -> None:
    pictures = sorted((CHECKOUT / "notebooks" / "pictures").iterdir())
    for name in BOTH:
        assert sorted(Path(link) for link in links(name) if link.endswith(".png")) == [
            picture.relative_to(CHECKOUT) for picture in pictures
        ]
    assert {path.name: path.stat().st_size for path in pictures if path.stat().st_size > PICTURE_LIMIT_BYTES} == {}


# The same in both languages


def shape(name: str) -> list[tuple[int, int, int, int]]:
    """Of each section: the level of its heading, how many blocks, rows of tables, and items of lists it has."""
    sections = re.split(r"^(#+) .+$", read(name).replace("\n# ", "\n\\# "), flags=re.MULTILINE)[1:]
    return [
        (
            len(marks),
            len(re.findall(r"^ *```", text, re.MULTILINE)) // 2,
            len(re.findall(r"^\|", text, re.MULTILINE)),
            len(re.findall(r"^(?:- |\d\. )", text, re.MULTILINE)),
        )
        for marks, text in zip(sections[::2], sections[1::2], strict=True)
    ]


def test_both_have_the_same_sections() -> None:
    assert shape(ENGLISH) == shape(RUSSIAN)
    assert len(headings(ENGLISH)) == len(headings(RUSSIAN)) > 15


def bare(code: str) -> list[str]:
    """Code without comments and documentation strings, which are in the reader's language."""
    lines = (re.sub(r"(^|\s+)# .*$", "", line).rstrip() for line in code.splitlines())
    return [line for line in lines if line and not re.fullmatch(r'\s*".*"', line)]


def test_both_have_the_same_code() -> None:
    drawings = {""}
    english, russian = ([block for block in code_blocks(name) if block.language not in drawings] for name in BOTH)
    assert [(block.language, bare(block.text)) for block in russian] == [
        (block.language, bare(block.text)) for block in english
    ]


def test_the_russian_page_is_in_russian() -> None:
    paragraphs = [part for part in prose(RUSSIAN).split("\n\n") if len(part) > 80]
    assert [part for part in paragraphs if not re.search("[а-яё]{3}", part)] == []


# The changelog


def test_the_changelog_names_the_version() -> None:
    from engee_kernel import __version__  # noqa: PLC0415

    text = read("CHANGELOG.md")
    assert re.search(rf"^## \[{re.escape(__version__)}\]", text, re.MULTILINE)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
