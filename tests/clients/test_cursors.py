"""Positions in code, as VS Code counts them and as everybody else does."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engee_kernel.jupyter import cursors

VS_CODE = {"username": str(uuid.uuid4())}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.data())
def test_utf16_there_and_back(code: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(code)))
    with cursors.counted_by(VS_CODE):
        units = cursors.from_code_points(code, position)
        assert units == sum(2 if ord(char) > 0xFFFF else 1 for char in code[:position])
        assert cursors.to_code_points(code, units) == position


def test_a_position_inside_of_a_character_is_before_it() -> None:
    with cursors.counted_by(VS_CODE):
        assert [cursors.to_code_points("a🚀b", position) for position in range(6)] == [0, 1, 1, 2, 3, 3]


@pytest.mark.parametrize("username", ["", "username", "root", "3f2a1b9c", "engineer@example.com"])
def test_everybody_else_counts_code_points(username: str) -> None:
    with cursors.counted_by({"username": username}):
        assert cursors.to_code_points("🚀🚀", 1) == 1 and cursors.from_code_points("🚀🚀", 2) == 2


def test_it_holds_for_one_request_only() -> None:
    with cursors.counted_by(VS_CODE):
        pass
    assert cursors.to_code_points("🚀x", 2) == 2
