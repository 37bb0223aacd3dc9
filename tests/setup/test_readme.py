"""What the pages of the documentation say of settings, commands and magics is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engee_kernel import cli
from engee_kernel.household.settings import EngeeSettings

from .conftest import CHECKOUT

PAGES = [*CHECKOUT.glob("README*.md"), *(CHECKOUT / "docs").rglob("*.md")]
TABLE = (CHECKOUT / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z_]+)` \|(.*?)\| .+ \|$", TABLE, re.MULTILINE))

every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])


def test_the_settings_are_those_of_the_kernel() -> None:
    assert list(ROWS) == EngeeSettings.names()


@pytest.mark.parametrize("name", EngeeSettings.names())
def test_defaults_are_the_kernels(name: str) -> None:
    shown = ROWS[name].strip("` ")
    if shown.startswith("see"):
        return
    default: Any = EngeeSettings.class_traits()[name].default_value
    assert shown == (f"{default:g}" if isinstance(default, float) else str(default))


@every_page
def test_commands_it_names_exist(page: Path) -> None:
    named = set(re.findall(r"(?<!install )engee-kernel ([a-z]+)", page.read_text(encoding="utf-8")))
    assert named <= set(cli.COMMANDS), named - set(cli.COMMANDS)


@every_page
def test_make_targets_it_names_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"\bmake ((?:setup|demo|lab|test-fast|test|clean)\b)", page.read_text(encoding="utf-8"))
    assert set(named) <= targets
