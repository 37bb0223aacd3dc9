"""What VS Code wants otherwise than everybody else, and how it is told from them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.jupyter import cursors
from engee_kernel.jupyter.editors import KEPT_SESSIONS, Editors
from engee_kernel.jupyter.labels import labels

VS_CODE = {"username": str(uuid.uuid4()), "session": str(uuid.uuid4())}
SERVED = {"username": "", "session": str(uuid.uuid4())}
CELL_OF_VS_CODE = "vscode-notebook-cell:/home/me/model.ipynb#W2sZmlsZQ%3D%3D"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.data())
def test_utf16_there_and_back(code: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(code)))
    with Editors().of(VS_CODE):
        units = cursors.from_code_points(code, position)
        assert units == sum(2 if ord(char) > 0xFFFF else 1 for char in code[:position])
        assert cursors.to_code_points(code, units) == position


def test_a_position_inside_of_a_character_is_before_it() -> None:
    with Editors().of(VS_CODE):
        assert [cursors.to_code_points("a🚀b", position) for position in range(6)] == [0, 1, 1, 2, 3, 3]


@pytest.mark.parametrize("username", ["", "username", "root", "3f2a1b9c", "engineer@example.com"])
def test_everybody_else_counts_code_points(username: str) -> None:
    with Editors().of({"username": username}):
        assert cursors.to_code_points("🚀🚀", 1) == 1 and cursors.from_code_points("🚀🚀", 2) == 2
        assert labels("\\alpha", ["α"]) == ["α"]


def test_it_holds_for_one_request_only() -> None:
    with Editors().of(VS_CODE):
        pass
    assert cursors.to_code_points("🚀x", 2) == 2


@pytest.mark.parametrize(
    ("cell_id", "is_vs_code"),
    [(CELL_OF_VS_CODE, True), ("vscode-interactive-input:a", True), ("2f7fb0ef", False), (None, False), ("", False)],
)
def test_through_a_server_it_is_known_by_its_cells(cell_id: Any, is_vs_code: bool) -> None:
    editors = Editors()
    assert not editors.is_vs_code(SERVED)
    editors.ran(SERVED, cell_id)
    assert editors.is_vs_code(SERVED) == is_vs_code
    assert not editors.is_vs_code({"username": "", "session": "another"})
    assert not editors.is_vs_code({"username": ""})


def test_few_sessions_are_kept() -> None:
    editors = Editors()
    for number in range(KEPT_SESSIONS + 1):
        editors.ran({"session": str(number)}, CELL_OF_VS_CODE)
    assert not editors.is_vs_code({"session": "0"}) and editors.is_vs_code({"session": "1"})


@pytest.mark.parametrize(
    ("typed", "texts", "expected"),
    [
        ("\\alpha", ["α"], ["\\alpha"]),
        ("\\:smile:", ["😄"], ["\\:smile:"]),
        ("\\al", ["\\aleph", "\\alpha"], ["\\aleph", "\\alpha"]),
        ("printl", ["println"], ["println"]),
        ("PRINTL", ["println"], ["println"]),
        ("~/d", ["/home/me/docs", "/home/me/data"], ["~/d /home/me/docs", "~/d /home/me/data"]),
        ("", ["a", "b"], ["a", "b"]),
        ("x", [], []),
    ],
)
def test_a_label_is_found_by_what_was_typed(typed: str, texts: list[str], expected: list[str]) -> None:
    with Editors().of(VS_CODE):
        assert labels(typed, texts) == expected
