"""The arrows between modules: facts ← no I/O ← I/O ← Jupyter ← entry, and the emulator apart.

A new module is named in `LAYERS`, in the first layer from which everything that it needs can be reached.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "engee_kernel"
MAX_LINES = 350

# A name is a module, or a package for all modules in it that are not named themselves. A layer's modules import from
# it and from those above.
LAYERS = {
    "facts": {"__init__", "errors", "events", "text"},
    "no I/O": {
        "agent",
        "arguments",
        "api.credentials",
        "api.multipart",
        "api.replies",
        "api.retry",
        "api.wire",
        "cells.cell",
        "cells.output",
        "cells.records",
        "cells.submission",
        "exchange",
        "files.paths",
        "jupyter.cursors",
        "tables",
    },
    "I/O": {
        "account",
        "api",
        "cells",
        "exchange.variables",
        "files",
        "jobs",
        "overview",
        "server",
        "terminal",
    },
    "Jupyter": {"extension", "jupyter", "magics"},
    "entry": {"__main__", "cli", "commands", "doctor", "kernelspec"},
}
ORDER = list(LAYERS)
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}
EMULATOR = "emulator"
MAY_START_EMULATOR = {"cli", "commands"}

# Packages that only some layers may import.
RESERVED = {
    "httpcore": {"I/O"},
    "httpx": {"I/O"},
    "traitlets": {"Jupyter", "entry"},
    "ipykernel": {"Jupyter", "entry"},
    "papermill": {"Jupyter"},
    "jupyter_client": {"Jupyter", "entry"},
    "jupyter_core": {"Jupyter", "entry"},
    "zmq": {"Jupyter", "entry"},
}
INPUT_OUTPUT = {
    "asyncio",
    "http",
    "keyring",
    "requests",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
}


@dataclass(frozen=True)
class Import:
    """`target` is dotted and absolute; `lazy` when it happens inside a function."""

    line: int
    target: str
    lazy: bool

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]

    @property
    def module(self) -> str:
        """Below the package, for an import from it."""
        return self.target.partition(".")[2] or "__init__"


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def module_of(path: Path) -> str:
    """Its name below the package; a package's own is that of its `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def named(module: str) -> str:
    """The name in `LAYERS` that holds for a module: its own, else that of the package around it."""
    while module not in LAYER_OF and "." in module:
        module = module.rpartition(".")[0]
    return module


def in_emulator(module: str) -> bool:
    return module.partition(".")[0] == EMULATOR


def imports(path: Path) -> Iterator[Import]:
    package = ("engee_kernel", *path.relative_to(PACKAGE).parent.parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, id(node) in lazy)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *((node.module or "").split(".") if node.module else [])])
            for alias in node.names:
                target = f"{origin}.{alias.name}"
                yield Import(node.lineno, target if names_a_module(target) else origin, id(node) in lazy)


def names_a_module(target: str) -> bool:
    path = PACKAGE.parent.joinpath(*target.split("."))
    return target.startswith("engee_kernel.") and (path.with_suffix(".py").exists() or path.is_dir())


def test_every_module_has_a_layer() -> None:
    modules = {module_of(path) for path in sources()}
    unknown = sorted(module for module in modules if named(module) not in LAYER_OF and not in_emulator(module))
    assert not unknown, f"Add {', '.join(unknown)} to a layer in LAYERS (tests/test_layers.py), the first that fits."


def test_every_name_is_a_module() -> None:
    assert [name for name in LAYER_OF if not names_a_module(f"engee_kernel.{name}")] == []


def test_no_module_is_in_two_layers() -> None:
    assert len(LAYER_OF) == sum(len(modules) for modules in LAYERS.values())


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path: Path) -> None:
    module = module_of(path)
    wrong = [f"line {one.line}: {one.target} – {reason}" for one in imports(path) if (reason := objection(module, one))]
    assert not wrong, "\n".join(wrong)


def objection(module: str, one: Import) -> str:
    """Why the module may not import that; "" if it may."""
    if in_emulator(module):
        apart = one.top != "engee_kernel" or one.target.startswith("engee_kernel.emulator")
        return "" if apart else "the emulator restates the contract and imports nothing of the rest"
    layer = LAYER_OF.get(named(module))
    if layer is None:
        return ""  # said once, by the test above
    if one.top == "engee_kernel":
        return objection_inside(module, layer, one)
    allowed = RESERVED.get(one.top)
    if allowed is not None and layer not in allowed:
        return f"{one.top} belongs to {' and '.join(sorted(allowed))}, not to {layer}"
    if one.top in INPUT_OUTPUT and layer in ("facts", "no I/O"):
        return f"this is input and output, and {module} is in “{layer}”"
    return ""


def objection_inside(module: str, layer: str, one: Import) -> str:
    if in_emulator(one.module):
        if named(module) not in MAY_START_EMULATOR:
            return "nothing but the command line starts the emulator"
        return "" if one.lazy else "the emulator is an optional part: import it inside the function"
    target = LAYER_OF.get(named(one.module))
    if target is None or ORDER.index(target) <= ORDER.index(layer):
        return ""
    return f"{module} ({layer}) may not import {one.module} ({target})"


@pytest.mark.parametrize(
    ("module", "target", "lazy"),
    [
        ("errors", "engee_kernel.text.paint", False),
        ("api.wire", "engee_kernel.errors", False),
        ("jupyter.kernel", "engee_kernel.api.client", True),
        ("api.client", "httpx", False),
        ("commands.emulator", "engee_kernel.emulator.command", True),
        ("emulator.app", "engee_kernel.emulator.log", False),
    ],
)
def test_arrows_that_are_right(module: str, target: str, lazy: bool) -> None:
    assert objection(module, Import(1, target, lazy)) == ""


@pytest.mark.parametrize(
    ("module", "target", "lazy"),
    [
        ("errors", "engee_kernel.api.wire", False),
        ("api.wire", "engee_kernel.api.client", True),
        ("api.wire", "asyncio", False),
        ("api.client", "engee_kernel.jupyter.config", False),
        ("api.client", "traitlets.config", False),
        ("jupyter.kernel", "httpx", True),
        ("jupyter.kernel", "engee_kernel.cli", True),
        ("jupyter.kernel", "engee_kernel.emulator.process", True),
        ("commands.emulator", "engee_kernel.emulator.command", False),
        ("emulator.app", "engee_kernel.errors", True),
    ],
)
def test_arrows_that_are_wrong(module: str, target: str, lazy: bool) -> None:
    assert objection(module, Import(1, target, lazy)) != ""


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(PACKAGE.rglob("*")) if path.suffix in (".py", ".jl")],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_modules_stay_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MAX_LINES, f"{lines} lines: divide it by what changes together"
