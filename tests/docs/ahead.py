"""What the pages say already and this tree may not have yet: the checks of it wait, and begin by themselves.

To be removed, with its marks and the one in tests/setup/test_readme.py, once nothing here is missing:
`test_nothing_is_ahead` says so.
"""

from __future__ import annotations

import ast

import pytest

from engee_kernel import cli
from engee_kernel.emulator.settings import Settings
from engee_kernel.magics.registry import magics

from .documents import CHECKOUT


def floors() -> tuple[tuple[str, ...], ...]:
    """From the ground up, as tests/test_layers.py has them; empty where it has none."""
    source = (CHECKOUT / "tests" / "test_layers.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "FLOORS":
            assert node.value is not None
            return tuple(ast.literal_eval(node.value))
    return ()


THERE = {
    "floors": bool(floors()),
    "the local Engee's gateway and tab": "maintenance" in Settings.__dataclass_fields__,
    "jobs that keep local files": "--force" in magics()["%%job"].parser().format_help(),
    "converted scripts": "convert" in cli.COMMANDS,
}


def waits_for(*features: str) -> pytest.MarkDecorator:
    missing = [feature for feature in features if not THERE[feature]]
    return pytest.mark.skipif(bool(missing), reason=f"this tree does not have yet: {', '.join(missing)}")
