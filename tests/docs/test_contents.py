"""What the pages say is so: names, options, settings, messages, links; and both languages say the same."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from starlette.routing import Route

from engee_kernel import __version__, cli
from engee_kernel.account.store import FOLDER_VARIABLE
from engee_kernel.emulator import command as emulator_command
from engee_kernel.emulator import faults
from engee_kernel.emulator.julia import ENVIRONMENT_NAME
from engee_kernel.emulator.settings import Settings, choices
from engee_kernel.extension.magics import HELP, KERNEL_MAGICS
from engee_kernel.household.settings import EngeeSettings, environment_variable, markdown_table
from engee_kernel.magics.registry import magics

from .documents import (
    ALL,
    CHECKOUT,
    ENGLISH,
    README,
    RUSSIAN,
    code_blocks,
    headings,
    links,
    prose,
    quoted,
    read,
    russian,
    table_rows,
    tables,
    target,
)

PICTURE_LIMIT_BYTES = 150_000
# the first heading of a table, in each language
HEADINGS = {
    "settings": ("setting", "настройка"),
    "commands": ("command", "команда"),
    "magics": ("magic", "магия"),
    "messages": ("what you see", "что видно"),
    "options": ("option", "ключ"),
    "switches": ("switch", "переключатель"),
    "faults": ("fault", "сбой"),
    "calls": ("call", "вызов"),
    "floors": ("floor", "этаж"),
}
MAGICS, FILES, JOBS, SYNC = "docs/magics.md", "docs/files.md", "docs/jobs.md", "docs/sync.md"
COMMANDS, SETTINGS, PYTHON = "docs/command-line.md", "docs/settings.md", "docs/python-notebooks.md"
EMULATOR, TROUBLE, ARCHITECTURE = "docs/local-engee.md", "docs/troubleshooting.md", "docs/architecture.md"
# in the local Engee's own world, beside the settings
OTHER_VARIABLES = {FOLDER_VARIABLE, ENVIRONMENT_NAME, "ENGEE_USER_DIR", "ENGEE_CHROMIUM", "ENGEE_LAB_PYTHON"}
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")

every_page = pytest.mark.parametrize("page", ALL)
every_pair = pytest.mark.parametrize("page", ENGLISH)


def both(page: str) -> pytest.MarkDecorator:
    """A page in both languages."""
    return pytest.mark.parametrize("page", [page, russian(page)])


def rows(page: str, table: str) -> list[list[str]]:
    found = table_rows(page, HEADINGS[table][page in RUSSIAN])
    assert found, f"{page} has no table of {table}"
    return found


# Pages


def test_each_page_is_there_in_both_languages() -> None:
    assert len(ENGLISH) > 10
    there = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / "docs").rglob("*.md")}
    assert there == set(ALL) - {README, russian(README)}


@both(README)
def test_the_readme_leads_to_each_page(page: str) -> None:
    wanted = set(RUSSIAN if page in RUSSIAN else ENGLISH) - {page}
    leads_to = [target(page, link)[0] for row in table_rows(page, tables(page)[-1].heading[0]) for link in _links(row)]
    assert sorted(leads_to) == sorted(wanted)


@both(README)
def test_the_readme_is_read_in_ten_minutes(page: str) -> None:
    assert 150 <= read(page).count("\n") <= 220


@every_pair
def test_each_page_leads_to_its_twin_and_back(page: str) -> None:
    for one, other, first in ((page, russian(page), README), (russian(page), page, russian(README))):
        leads_to = {target(one, link)[0] for link in links(one) if not link.startswith("http")}
        assert {other, first} - {one} <= leads_to


def _links(row: Iterable[str]) -> list[str]:
    return [link for cell in row for link in re.findall(r"\]\(([^)\s]+)\)", cell)]


# Names


@both(MAGICS)
def test_every_magic_is_explained_and_no_other(page: str) -> None:
    named = [magic for row in rows(page, "magics") for magic in quoted(row[0])]
    assert sorted(named) == sorted(magics())


@both(README)
def test_the_magics_of_the_readme_exist(page: str) -> None:
    named = [magic for row in rows(page, "magics") for magic in quoted(row[0])]
    assert len(named) == len(set(named)) >= 10
    assert set(named) <= set(magics())


@both(COMMANDS)
def test_every_command_is_explained_and_no_other(page: str) -> None:
    named = [word.removeprefix("engee-kernel ") for row in rows(page, "commands") for word in quoted(row[0])]
    assert sorted(named) == sorted(cli.COMMANDS)


@both(PYTHON)
def test_the_magics_of_the_extension_are_named(page: str) -> None:
    named = {word.split()[0] for row in rows(page, "magics") for word in quoted(row[0])}
    assert named == {"%%engee", "%engee", *KERNEL_MAGICS}


@every_page
def test_variables_are_known(page: str) -> None:
    known = {environment_variable(setting) for setting in EngeeSettings.names()} | OTHER_VARIABLES
    assert set(re.findall(r"\bENGEE_[A-Z_]+", read(page))) <= known


@both(SETTINGS)
def test_settings_that_are_assigned_exist(page: str) -> None:
    known = set(EngeeSettings.names())
    assigned = re.findall(r"c\.EngeeSettings\.([a-z_]+)", read(page))
    assert assigned
    assert set(assigned) <= known


def with_units(page: str) -> set[str]:
    """Words such as `poll_wait_s`."""
    return {word for word in quoted(prose(page)) if re.fullmatch(r"[a-z_]+_(s|bytes)", word)}


@pytest.mark.parametrize("page", [page for page in ALL if page not in (EMULATOR, russian(EMULATOR))])
def test_settings_that_are_named_exist(page: str) -> None:
    assigned = set(re.findall(r"`([a-z_]+) = \w+`", read(page)))
    assert assigned | with_units(page) <= set(EngeeSettings.names())


def test_modules_that_are_run_exist() -> None:
    modules = {name for page in ALL for name in re.findall(r"python -m ([\w.]+)", read(page))} - {"pytest"}
    assert modules
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


@every_page
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    blocks = code_blocks(page, "bash")
    shown = {line.split()[1] for block in blocks for line in block.commands if line[:5] == "make "}
    shown |= set(re.findall(r"`make ([a-z-]+)", prose(page)))
    assert shown <= targets
    assert shown or Path(page).name not in ("README.md", "README.ru.md", "contributing.md")


@every_page
def test_the_wheel_is_this_version(page: str) -> None:
    named = set(re.findall(r"engee_kernel-[\w.]+?-py3-none-any\.whl", read(page)))
    assert named <= {f"engee_kernel-{__version__}-py3-none-any.whl"}
    assert named or Path(page).name not in ("README.md", "README.ru.md", "windows.md", "contributing.md")


# Words and options


def usages(page: str) -> list[str]:
    """The lines of the page's usage blocks; one that is indented continues the line before."""
    lines: list[str] = []
    for block in code_blocks(page, "text"):
        for line in block.text.splitlines():
            if line.startswith(" "):
                lines[-1] += line
            else:
                lines.append(line)
    return lines


def used(lines: Iterable[str]) -> set[str]:
    return {option for line in lines for option in OPTION.findall(line)}


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Its options but for --help, those of the words that it knows included."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from actions(inner)
        elif action.option_strings and action.dest != "help" and action.help != argparse.SUPPRESS:
            yield action


def disagreements(options: set[str], parser: argparse.ArgumentParser) -> list[str]:
    """`options` against those of the program, each of which may be named by one of its spellings."""
    spellings = [set(action.option_strings) for action in actions(parser)]
    wrong = [f"{option} is not there" for option in options if not any(option in known for known in spellings)]
    return wrong + [f"{sorted(known)[0]} is missing" for known in spellings if not known & options]


def test_the_words_of_every_magic_are_the_programs_own() -> None:
    lines = [line for page in (MAGICS, FILES, JOBS, SYNC) for line in usages(page)]
    names = {line.split()[0] for line in lines}
    assert names == set(magics())
    wrong = {
        name: disagreements(used(line for line in lines if line.split()[0] == name), magic.parser())
        for name, magic in magics().items()
    }
    assert {name: objections for name, objections in wrong.items() if objections} == {}


def parsers() -> Mapping[str, argparse.ArgumentParser]:
    (found,) = (a for a in cli._parser(cli.COMMANDS)._actions if isinstance(a, argparse._SubParsersAction))
    return {name: parser for name, parser in found.choices.items() if name != "emulator"}


def test_the_words_of_every_command_are_the_programs_own() -> None:
    lines = usages(COMMANDS)
    assert {line.split()[1] for line in lines} == set(parsers())
    wrong = {}
    for name, parser in parsers().items():
        everywhere = set() if name in ("install", "uninstall", "convert") else {"--url", "--json"}  # as the page says
        has = {option for action in actions(parser) for option in action.option_strings}
        assert {"--url", "--json"} & has == everywhere, name
        shown = used(line for line in lines if line.split()[1] == name) | everywhere
        wrong[name] = disagreements(shown, parser)
    assert {name: objections for name, objections in wrong.items() if objections} == {}


@pytest.mark.parametrize("page", [MAGICS, FILES, JOBS, SYNC, COMMANDS])
def test_every_option_is_explained_and_no_other(page: str) -> None:
    explained = used(word for row in rows(page, "options") for word in quoted(row[0]))
    assert explained == used(usages(page)) | ({"--url", "--json"} if page == COMMANDS else set())


def test_the_options_of_the_extension_are_explained() -> None:
    explained = {quoted(row[0])[0].split()[0] for row in rows(PYTHON, "options")}
    assert explained == set(re.findall(r"^  (--?\w?)", HELP, re.MULTILINE))


# Settings


def test_the_table_of_settings_is_the_programs_own() -> None:
    ours = [line for line in read(SETTINGS).splitlines() if re.match(r"\| `[a-z_]+` \|.*\| `ENGEE_", line)]
    # 120, as a person would write it
    theirs = markdown_table().splitlines()[2:]
    assert ours == theirs


def test_the_russian_table_has_the_same_values() -> None:
    ours, theirs = rows(russian(SETTINGS), "settings"), rows(SETTINGS, "settings")
    assert [row[:3] for row in ours] == [row[:3] for row in theirs]
    assert all(re.search("[а-я]", row[3]) for row in ours)


# The local Engee


@both(EMULATOR)
def test_every_switch_is_explained_with_its_values_and_default(page: str) -> None:
    written = {quoted(row[0])[0]: (quoted(row[1]), quoted(row[2])) for row in rows(page, "switches")}
    fields = {emulator_command.option_name(name): name for name in Settings.__dataclass_fields__}
    assert list(written) == list(fields)
    for option, name in fields.items():
        values, default = written[option]
        assert default == [_shown(Settings.__dataclass_fields__[name].default)], option
        assert values == _shown_choices(name) or choices(name) is None, option


def _shown(value: object) -> str:
    names = {None: "off", True: "yes", False: "no"}
    return names[value] if value is None or isinstance(value, bool) else str(value)


def _shown_choices(name: str) -> list[str]:
    return [_shown(choice) for choice in choices(name) or ()]


@both(EMULATOR)
def test_every_option_of_the_local_engee_is_explained(page: str) -> None:
    switches = {emulator_command.option_name(name) for name in Settings.__dataclass_fields__}
    known = {option for action in actions(emulator_command._parser()) for option in action.option_strings}
    assert {option for row in rows(page, "options") for option in quoted(row[0])} == known - switches


@both(EMULATOR)
def test_every_fault_and_every_call_is_explained(page: str) -> None:
    assert [quoted(row[0]) for row in rows(page, "faults")] == [[kind] for kind in faults.KINDS]
    fields = {word for row in rows(page, "faults") for word in quoted(row[1]) if word.isidentifier()}
    assert fields | with_units(page) <= set(faults.Fault.__dataclass_fields__)
    theirs = {f"{method} {route.path}" for route in _routes() for method in (route.methods or set()) - {"HEAD"}}
    assert {call for row in rows(page, "calls") for call in quoted(row[0])} == theirs


def _routes() -> list[Route]:
    """The calls that only a local Engee has."""
    modules = [importlib.import_module(f"engee_kernel.emulator.{name}") for name in ("control", "tab")]
    return [route for module in modules for route in module.routes]


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


@both(TROUBLE)
def test_messages_are_those_of_the_program(page: str) -> None:
    messages = [row[0].strip("`") for row in rows(page, "messages") if row[0].startswith("`") and row[0].endswith("`")]
    assert len(messages) > 25
    invented = [
        (message, fragment)
        for message in messages
        for fragment in (part.strip(" –") for part in message.split("…"))
        if len(fragment) > 1 and not any(fragment in sentence for sentence in sentences())
    ]
    assert invented == []


# The drawing of the floors


def floors() -> tuple[tuple[str, ...], ...]:
    """From the ground up, as tests/test_layers.py has them."""
    source = (CHECKOUT / "tests" / "test_layers.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "FLOORS":
            assert node.value is not None
            return tuple(ast.literal_eval(node.value))
    raise LookupError("tests/test_layers.py has no FLOORS")


@pytest.mark.parametrize("page", [README, russian(README), ARCHITECTURE, russian(ARCHITECTURE)])
def test_the_floors_are_those_that_are_tested(page: str) -> None:
    *drawn, apart = [[word for word in quoted(row[1]) if word.isidentifier()] for row in rows(page, "floors")]
    height = {name: number for number, names in enumerate(floors()) for name in names if not name.startswith("__")}
    assert apart == ["emulator"]
    assert sorted(name for names in drawn for name in names) == sorted(height)
    levels = [[height[name] for name in names] for names in drawn]
    assert all(min(upper) > max(lower) for upper, lower in itertools.pairwise(levels)), "from the top down"


@both(ARCHITECTURE)
def test_files_of_the_package_that_are_named_exist(page: str) -> None:
    named = [word for word in quoted(prose(page)) if re.fullmatch(r"\w+/[\w/]+\.(py|jl)", word)]
    named = [word for word in named if not word.startswith("tests/")]
    assert len(named) > 20
    assert [path for path in named if not (CHECKOUT / "engee_kernel" / path).exists()] == []


# Links and pictures


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@every_page
def test_links_lead_somewhere(page: str) -> None:
    inside = [link for link in links(page) if not link.startswith("http")]
    assert inside
    broken = []
    for link in inside:
        file, anchor = target(page, link)
        if not (CHECKOUT / file).exists() or (anchor and anchor not in {slug(text) for _, text in headings(file)}):
            broken.append(link)
    assert broken == []


@every_page
def test_links_stay_in_the_language(page: str) -> None:
    """But for the one to the page's twin."""
    others = set(ENGLISH if page in RUSSIAN else RUSSIAN)
    away = [target(page, link)[0] for link in links(page) if not link.startswith("http")]
    assert len([file for file in away if file in others]) == 1


def test_files_that_are_named_exist() -> None:
    named = {
        path for page in ALL for path in re.findall(r"`((?:notebooks|tests|engee_kernel|docs)/[\w./*-]+)`", prose(page))
    }
    assert named
    assert [path for path in named if not any(CHECKOUT.glob(path))] == []


@pytest.mark.parametrize("pages", [ENGLISH, RUSSIAN], ids=["english", "russian"])
def test_pictures_are_small_and_used(pages: tuple[str, ...]) -> None:
    pictures = sorted((CHECKOUT / "notebooks" / "pictures").iterdir())
    shown = [target(page, link)[0] for page in pages for link in links(page) if link.endswith(".png")]
    assert sorted(shown) == [picture.relative_to(CHECKOUT).as_posix() for picture in pictures]
    assert {path.name: path.stat().st_size for path in pictures if path.stat().st_size > PICTURE_LIMIT_BYTES} == {}


# The same in both languages


def shape(page: str) -> list[tuple[int, int, int, int, int]]:
    """Of each section: the level of its heading; how many blocks, rows of tables, items of lists, and paragraphs."""
    sections = re.split(r"^(#+) .+$", read(page).replace("\n# ", "\n\\# "), flags=re.MULTILINE)[1:]
    return [
        (
            len(marks),
            len(re.findall(r"^ *```", text, re.MULTILINE)) // 2,
            len(re.findall(r"^\|", text, re.MULTILINE)),
            len(re.findall(r"^(?:- |\d\. )", text, re.MULTILINE)),
            len([part for part in re.split(r"\n\s*\n", text) if part.strip()]),
        )
        for marks, text in zip(sections[::2], sections[1::2], strict=True)
    ]


@every_pair
def test_both_have_the_same_sections(page: str) -> None:
    assert shape(page) == shape(russian(page))
    assert len(headings(page)) == len(headings(russian(page))) > 0


def test_there_are_many_sections() -> None:
    assert sum(len(headings(page)) for page in ENGLISH) > 50


def bare(code: str) -> list[str]:
    """Code without comments and documentation strings, which are in the reader's language."""
    lines = (re.sub(r"(^|\s+)# .*$", "", line).rstrip() for line in code.splitlines())
    return [line for line in lines if line and not re.fullmatch(r'\s*".*"', line)]


@every_pair
def test_both_have_the_same_code(page: str) -> None:
    drawings = {""}
    english, other = (
        [(block.language, bare(block.text)) for block in code_blocks(name) if block.language not in drawings]
        for name in (page, russian(page))
    )
    assert other == english


@every_pair
def test_tables_name_the_same_in_both(page: str) -> None:
    english, other = (
        [[quoted(row[0]) for row in table.rows] for table in tables(name)] for name in (page, russian(page))
    )
    assert other == english


@every_pair
def test_links_are_the_same_in_both(page: str) -> None:
    ours = [target(russian(page), link)[0] for link in links(russian(page)) if not link.startswith("http")]
    theirs = [target(page, link)[0] for link in links(page) if not link.startswith("http")]
    twins = dict(zip(ENGLISH, RUSSIAN, strict=True)) | dict(zip(RUSSIAN, ENGLISH, strict=True))
    assert ours == [twins.get(file, file) for file in theirs]


@pytest.mark.parametrize("page", RUSSIAN)
def test_the_russian_page_is_in_russian(page: str) -> None:
    paragraphs = [part for part in prose(page).split("\n\n") if len(part) > 80]
    assert [part for part in paragraphs if not re.search("[а-яё]{3}", part)] == []


# The changelog


def test_the_changelog_names_the_version() -> None:
    text = read("CHANGELOG.md")
    assert re.search(rf"^## \[{re.escape(__version__)}\]", text, re.MULTILINE)
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_source_distribution_has_the_pages() -> None:
    included = re.search(r"\[tool\.hatch\.build\.targets\.sdist\]\ninclude = \[(.*)\]", read("pyproject.toml"))
    assert included
    assert {"docs", README, russian(README), "CHANGELOG.md"} <= set(re.findall(r'"([^"]+)"', included[1]))
