"""What the README says of settings, commands and magics is so."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engee_kernel import cli
from engee_kernel.household.settings import EngeeSettings

from .conftest import CHECKOUT

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([a-z_]+)` \|(.*?)\| .+ \|$", README, re.MULTILINE))


def test_the_settings_are_those_of_the_kernel() -> None:
    assert list(ROWS) == EngeeSettings.names()


@pytest.mark.parametrize("name", EngeeSettings.names())
def test_defaults_are_the_kernels(name: str) -> None:
    shown = ROWS[name].strip("` ")
    if shown.startswith("see"):
        return
    default: Any = EngeeSettings.class_traits()[name].default_value
    assert shown == (f"{default:g}" if isinstance(default, float) else str(default))


def test_commands_it_names_exist() -> None:
    named = set(re.findall(r"(?<!install )engee-kernel ([a-z]+)", README))
    assert named <= set(cli.COMMANDS), named - set(cli.COMMANDS)


def test_make_targets_it_names_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ((?:setup|demo|lab|test-fast|test|clean)\b)", README)) <= targets
