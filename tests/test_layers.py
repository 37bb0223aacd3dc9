"""The floors of the package: each knows who it may call, and nobody calls back up.

A new package is named in `FLOORS`, on the lowest floor from which everything that it needs is below.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

NAME = "engee_kernel"
PACKAGE = Path(__file__).parent.parent / NAME
MAX_LINES = 350

# From the ground up. A package, or a module at the top, imports from the floors below its own, and from itself.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("facts",),
    ("agent", "api", "disk", "masks", "messages", "scripts"),
    ("account", "server"),
    ("records",),
    ("cells",),
    ("exchange", "files"),
    ("controls", "jobs", "sync"),
    ("household",),
    ("magics",),
    ("extension", "jupyter"),
    ("doctor",),
    ("commands",),
    ("cli", "__init__", "__main__"),
)
APART = "emulator"
MAY_START_EMULATOR = ("commands",)

# What needs no input and no output stays so: a package for all of its modules, or a module.
PURE = (
    "agent",
    "api.credentials",
    "api.multipart",
    "api.replies",
    "api.retry",
    "api.wire",
    "cells.cell",
    "cells.output",
    "cells.submission",
    "controls.area",
    "controls.stage",
    "exchange.arrays",
    "exchange.decoding",
    "exchange.elements",
    "exchange.encoder",
    "exchange.encoding",
    "exchange.names",
    "exchange.tabular",
    "facts",
    "files.paths",
    "household.arguments",
    "jupyter.arrivals",
    "jupyter.cursors",
    "jupyter.editors",
    "jupyter.labels",
    "magics.grammar",
    "masks",
    "messages.tracebacks",
    "records.record",
)
INPUT_OUTPUT = frozenset(
    {"asyncio", "http", "httpcore", "httpx", "keyring", "requests", "shutil", "socket", "ssl", "subprocess", "tempfile"}
)

# Libraries that only some packages may import.
RESERVED = {
    "httpcore": ("api",),
    "httpx": ("api", "jobs.webhook"),
    "ipykernel": ("jupyter",),
    "IPython": ("extension",),
    "ipywidgets": ("controls",),
    "jupyter_client": ("jupyter", "doctor"),
    "jupyter_core": ("household",),
    "papermill": ("jupyter",),
    "traitlets": ("household", "jupyter"),
    "zmq": ("jupyter",),
}


@dataclass(frozen=True)
class Arrow:
    """One import: `module` imports `target`; both dotted, below the package where they are in it.

    `inside`: whether the target is a module of this package. `lazy`: imported inside a function.
    """

    module: str
    target: str
    line: int
    inside: bool
    lazy: bool = False


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Its name below the package; a package's own is that of its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def package_of(module: str) -> str:
    return module.partition(".")[0]


def is_module(module: str) -> bool:
    path = PACKAGE.joinpath(*module.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def is_one_of(module: str, names: Iterable[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


# Finding the arrows


def arrows_of(path: Path) -> list[Arrow]:
    module = module_of(path)
    parts = path.relative_to(PACKAGE).parent.parts
    return list(arrows_in(path.read_text(encoding="utf-8"), module, (NAME, *parts)))


def arrows_in(source: str, module: str, package: tuple[str, ...]) -> Iterator[Arrow]:
    """All imports of a module, wherever they stand; `package`: the dotted name around it, in parts."""
    tree = ast.parse(source)
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield arrow(module, alias.name, node, lazy)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                target = f"{origin}.{alias.name}"
                inside = target.startswith(f"{NAME}.") and is_module(target.partition(".")[2])
                yield arrow(module, target if inside else origin, node, lazy)
        elif isinstance(node, ast.Call) and _name_of(node.func) in ("import_module", "__import__"):
            # what is imported is said by a string: any in this file that names a module may be the one
            for name in sorted({*_names_of_modules(tree, _folders(node, package))}):
                yield arrow(module, name, node, lazy)


def arrow(module: str, target: str, node: ast.AST, lazy: set[int]) -> Arrow:
    inside = target == NAME or target.startswith(f"{NAME}.")
    below = target.partition(".")[2] or "__init__" if inside else target
    return Arrow(module, below, getattr(node, "lineno", 0), inside, id(node) in lazy)


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _folders(call: ast.Call, package: tuple[str, ...]) -> set[str]:
    """Where the module of an `import_module` may be: where the string begins that is put together, else anywhere."""
    name = call.args[0] if call.args else None
    if isinstance(name, ast.JoinedStr) and isinstance(name.values[0], ast.Constant):
        start = str(name.values[0].value)
        if start.startswith(f"{NAME}."):
            return {start.removeprefix(f"{NAME}.")}
    return {"", ".".join([*package[1:], ""])}


def _names_of_modules(tree: ast.AST, folders: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            word = node.value.strip(".").removeprefix(f"{NAME}.")
            for folder in folders:
                if word.replace(".", "").replace("_", "").isalnum() and is_module(folder + word):
                    yield f"{NAME}.{folder}{word}"


# Judging them


def floor_of(module: str) -> int | None:
    for number, names in enumerate(FLOORS):
        if package_of(module) in names:
            return number
    return None


def objection(one: Arrow) -> str:  # noqa: PLR0911 - a list of rules
    """Why the module may not import that; "" if it may."""
    if is_one_of(one.module, (APART,)):
        apart = not one.inside or is_one_of(one.target, (APART,))
        return "" if apart else "the emulator restates the contract and imports nothing of the rest"
    if not one.inside:
        return objection_to_library(one)
    if is_one_of(one.target, (APART,)):
        if not is_one_of(one.module, MAY_START_EMULATOR):
            return "only the command line starts the emulator: call a command instead"
        return "" if one.lazy else "the emulator is an optional part: import it inside the function"
    here, there = floor_of(one.module), floor_of(one.target)
    if here is None or there is None or package_of(one.module) == package_of(one.target):
        return ""  # a package without a floor is said once, by a test of its own
    if there < here:
        return ""
    return (
        f"{package_of(one.target)} is not below {package_of(one.module)} in FLOORS: move what both need to a lower "
        f"floor, or hand it down from above as an argument"
    )


def objection_to_library(one: Arrow) -> str:
    top = package_of(one.target)
    if top in INPUT_OUTPUT and is_one_of(one.module, PURE):
        return f"{one.module} does no input and output: leave {top} to its callers"
    owners = RESERVED.get(top)
    if owners is not None and not is_one_of(one.module, owners):
        return f"{top} belongs to {' and '.join(owners)}: call these"
    return ""


def circles(arrows: Iterable[Arrow]) -> list[list[str]]:
    """Modules that reach themselves by their imports, each circle once (Tarjan's strongly connected components)."""
    graph: dict[str, set[str]] = {}
    for one in arrows:
        if one.inside and one.module != one.target:
            graph.setdefault(one.module, set()).add(one.target)
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for target in sorted(graph.get(module, ())):
            if target not in order:
                visit(target)
            if target in stack:
                low[module] = min(low[module], low[target])
        if low[module] == order[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for module in sorted(graph):
        if module not in order:
            visit(module)
    return found


def said(one: Arrow, reason: str) -> str:
    path = PACKAGE.joinpath(*one.module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return f"{file.relative_to(PACKAGE.parent)}:{one.line}: imports {one.target}: {reason}"


# The package


def test_every_package_has_a_floor() -> None:
    packages = {package_of(module_of(path)) for path in sources()} - {APART}
    unknown = sorted(package for package in packages if floor_of(package) is None)
    assert not unknown, f"Add {', '.join(unknown)} to FLOORS (tests/test_layers.py), on the lowest floor that fits."


def test_every_name_is_a_module() -> None:
    names = [name for floor in FLOORS for name in floor]
    assert len(names) == len(set(names))
    owners = [owner for owners in RESERVED.values() for owner in owners]
    assert [name for name in (*names, *PURE, *owners, APART) if not is_module(name)] == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    wrong = [said(one, reason) for one in arrows_of(path) if (reason := objection(one))]
    assert not wrong, "\n".join(wrong)


def test_no_file_reaches_itself() -> None:
    arrows = [one for path in sources() for one in arrows_of(path)]
    wrong = [
        line
        for circle in circles(arrows)
        for line in (
            f"{', '.join(circle)} call each other: move what several of them need into a file below them.",
            *(said(one, "part of the circle") for one in arrows if {one.module, one.target} <= {*circle}),
        )
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".py", ".jl")],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_modules_stay_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: divide it by what changes together"


# The test itself


def inside(module: str, target: str, *, lazy: bool = False) -> Arrow:
    return Arrow(module, target, 1, True, lazy)


def library(module: str, target: str) -> Arrow:
    return Arrow(module, target, 1, False)


@pytest.mark.parametrize(
    "one",
    [
        inside("api.wire", "facts.errors"),
        inside("cells.life", "api.client"),
        inside("cells.life", "cells.cell"),
        inside("jupyter.kernel", "api.client", lazy=True),
        inside("commands.emulator", "emulator.command", lazy=True),
        inside("emulator.app", "emulator.log"),
        library("api.client", "httpx"),
        library("cells.life", "asyncio"),
        library("jupyter.kernel", "zmq"),
    ],
    ids=str,
)
def test_arrows_that_are_right(one: Arrow) -> None:
    assert objection(one) == ""


@pytest.mark.parametrize(
    "one",
    [
        inside("facts.errors", "api.wire"),
        inside("api.wire", "account.tokens", lazy=True),
        inside("agent.dialogue", "api.wire"),
        inside("api.client", "jupyter.kernel"),
        inside("jupyter.kernel", "cli", lazy=True),
        inside("jupyter.kernel", "__init__"),
        inside("jupyter.kernel", "emulator.process", lazy=True),
        inside("commands.emulator", "emulator.command"),
        inside("emulator.app", "facts.errors", lazy=True),
        library("api.wire", "asyncio"),
        library("api.client", "traitlets.config"),
        library("jupyter.kernel", "httpx"),
        library("cells.life", "httpcore"),
    ],
    ids=str,
)
def test_arrows_that_are_wrong(one: Arrow) -> None:
    assert objection(one) != ""


@pytest.mark.parametrize(
    "source",
    [
        "from ..api import wire",
        "from ..api.wire import Job",
        "import engee_kernel.api.wire",
        "def f():\n    from ..api.wire import Job",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..api.wire import Job",
        "from importlib import import_module\nimport_module('engee_kernel.api.wire')",
        "import importlib\nTABLE = {'job': 'api.wire'}\nimportlib.import_module(f'..{TABLE[n]}', __package__)",
    ],
)
def test_arrows_are_found_however_they_are_written(source: str) -> None:
    found = arrows_in(source, "cells.life", (NAME, "cells"))
    assert "api.wire" in [one.target for one in found if one.inside]


def test_names_of_modules_in_the_same_folder_are_found() -> None:
    source = "from importlib import import_module\nNAMES = ('life',)\nimport_module(f'{__package__}.{NAMES[0]}')"
    assert "cells.life" in [one.target for one in arrows_in(source, "cells.cell", (NAME, "cells"))]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["a b", "b c"], []),
        (["a b", "b a"], [["a", "b"]]),
        (["a b", "b c", "c a", "c d"], [["a", "b", "c"]]),
        (["a a"], []),
        (["a b", "b a", "c d", "d c", "a c"], [["c", "d"], ["a", "b"]]),
    ],
)
def test_circles(pairs: list[str], expected: list[list[str]]) -> None:
    assert circles([inside(*pair.split()) for pair in pairs]) == expected


def test_a_wrong_arrow_is_said_with_file_line_and_what_to_do() -> None:
    one = Arrow("api.wire", "cells.life", 7, True)
    assert said(one, objection(one)).startswith(f"{NAME}/api/wire.py:7: imports cells.life: ")
    assert "lower floor" in objection(one)
