"""The output area below controls: what messages amount to."""

from __future__ import annotations

from typing import Any

import pytest

from engee_kernel.controls.area import Area, overwritten


def stream(text: str, name: str = "stdout") -> tuple[str, dict[str, Any]]:
    return "stream", {"name": name, "text": text}


def display(text: str, display_id: str = "", kind: str = "display_data") -> tuple[str, dict[str, Any]]:
    return kind, {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": display_id}}


def texts(area: Area) -> list[str]:
    return [output.get("text") or output["data"]["text/plain"] for output in area.outputs]


def test_streams_are_joined_and_others_stand_between_them() -> None:
    area = Area()
    for kind, content in (stream("a\n"), stream("b\n"), stream("c\n", "stderr"), display("d"), stream("e\n")):
        assert area.take(kind, content)
    assert texts(area) == ["a\nb\n", "c\n", "d", "e\n"]
    assert area.outputs[2] == {"output_type": "display_data", "data": {"text/plain": "d"}, "metadata": {}}


def test_an_update_finds_its_display_wherever_it_stands() -> None:
    area = Area()
    for kind, content in (stream("a"), stream("b"), display("old", "x"), display("other", "y"), display("old", "x")):
        area.take(kind, content)
    assert area.take(*display("new", "x", "update_display_data"))
    assert texts(area) == ["ab", "new", "other", "new"]
    assert not area.take(*display("new", "elsewhere", "update_display_data"))
    assert not area.take(*display("new", "", "update_display_data"))


def test_what_is_cleared_goes_at_once_or_with_what_comes_next() -> None:
    area = Area()
    area.take(*stream("a"))
    area.take("clear_output", {"wait": True})
    assert texts(area) == ["a"]
    area.take(*stream("b"))
    assert texts(area) == ["b"]
    area.take("clear_output", {"wait": False})
    assert texts(area) == []
    area.take(*stream("c"))
    area.clear_at_next()
    area.settle()
    assert texts(area) == []


def test_what_was_handed_out_does_not_change() -> None:
    area = Area()
    area.take(*stream("a"))
    before = list(area.outputs)
    area.take(*stream("b"))
    assert before == [{"output_type": "stream", "name": "stdout", "text": "a"}]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n", "plain\n"),
        ("10 %\r20 %", "20 %"),
        ("\r10 %\r20 %\r", "20 %\r"),
        ("long line\rshort", "shortline"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("x\r10 %\ny\r2\r", "10 %\n2\r"),
    ],
)
def test_carriage_returns(text: str, shown: str) -> None:
    assert overwritten(text) == shown


def test_a_long_progress_bar_stays_short() -> None:
    area = Area()
    for number in range(2000):
        area.take(*stream(f"\r{number:4d} of 2000"))
    assert texts(area) == ["1999 of 2000"]
