"""The emulator's own floors: a module imports from its floor and those below it, and no two modules form a circle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import engee_kernel.emulator

FOLDER = Path(engee_kernel.emulator.__file__).parent


def floors() -> list[set[str]]:
    """From the ground up, as the package's docstring has them: `| floor | modules |`."""
    rows = re.findall(r"^\| ([\w ]+) \| ([a-z_, ]+) \|", engee_kernel.emulator.__doc__ or "", re.MULTILINE)
    return [set(modules.split(", ")) for floor, modules in rows if floor != "floor"]


def modules() -> dict[str, set[str]]:
    """Each module, and the ones that it imports, lazily or not."""
    found = {}
    for path in FOLDER.glob("*.py"):
        if path.stem in ("__init__", "__main__"):
            continue
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                names |= {node.module} if node.module else {alias.name for alias in node.names}
        found[path.stem] = names
    return found


def objections(order: list[set[str]], imports: dict[str, set[str]]) -> list[str]:
    floor_of = {module: number for number, names in enumerate(order) for module in names}
    wrong = [f"{module} has no floor" for module in imports if module not in floor_of]
    wrong += [f"{module} does not exist" for module in floor_of if module not in imports]
    for module, names in imports.items():
        wrong += [
            f"{module} imports {name}, which is above it"
            for name in names
            if floor_of.get(name, -1) > floor_of.get(module, len(order))
        ]
        wrong += [f"{module} is in a circle"] if module in _reached(module, imports) else []
    return wrong


def _reached(module: str, imports: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = list(imports[module])
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += imports.get(name, ())
    return reached


def test_arrows_go_down() -> None:
    assert objections(floors(), modules()) == []


@pytest.mark.parametrize(
    ("imports", "objection"),
    [
        ({"a": {"b"}, "b": set()}, "a imports b, which is above it"),
        ({"a": set(), "b": {"c"}, "c": {"b"}}, "b is in a circle"),
        ({"a": set(), "b": {"a"}, "d": set()}, "d has no floor"),
        ({"a": set()}, "b does not exist"),
    ],
)
def test_arrows_that_are_wrong(imports: dict[str, set[str]], objection: str) -> None:
    assert objection in objections([{"a"}, {"b", "c"}], imports)


def test_arrows_that_are_right() -> None:
    assert objections([{"a"}, {"b", "c"}], {"a": set(), "b": {"a", "c"}, "c": {"a"}}) == []
