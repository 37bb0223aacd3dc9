"""Which files are Engee's scripts, or were made from one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engee_kernel.scripts.conversion import to_notebook
from engee_kernel.scripts.origin import is_of_script

SCRIPT = Path(__file__).parent / "pendulum.ngscript"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"engee": {}}, True),
        ({"engee_kernel": {"from": ".ngscript"}}, True),
        ({"engee_kernel": {"from": ".ipynb"}}, False),
        ({"engee_kernel": "x"}, False),
        ({}, False),
        (None, False),
        ([], False),
    ],
)
def test_by_the_metadata(tmp_path: Path, metadata: Any, expected: bool) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": []}), "utf-8")
    assert is_of_script(path) == expected


def test_by_the_name_and_after_a_conversion(tmp_path: Path) -> None:
    assert is_of_script(tmp_path / "not-there-yet.ngscript")
    path = tmp_path / "a.ipynb"
    path.write_text(to_notebook(SCRIPT.read_text(encoding="utf-8")), encoding="utf-8")
    assert is_of_script(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_what_can_not_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    assert not is_of_script(path)
    assert not is_of_script(tmp_path / "missing.ipynb")
    assert not is_of_script(tmp_path)


def test_a_file_that_was_saved_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text('{"metadata": {}}', encoding="utf-8")
    assert not is_of_script(path)
    path.write_text('{"metadata": {"engee": {}}}', encoding="utf-8")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))  # a clock that is coarse
    assert is_of_script(path)
