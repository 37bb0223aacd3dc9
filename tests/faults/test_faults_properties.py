"""Where data crosses a border: whatever it is, it arrives as it was, or is refused by an error of ours."""

from __future__ import annotations

import io
import itertools
import json
import shlex
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from engee_kernel import agent
from engee_kernel.agent import completions
from engee_kernel.agent.dialogue import CellAnswer, read_answer, read_cell
from engee_kernel.api.client import EngeeClient
from engee_kernel.cells.cell import Cell, State
from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import AgentUnavailableError, SettingError, TransferError, UsageError
from engee_kernel.facts.events import Display, Done, Event, Input, Result, Stream, decode
from engee_kernel.files.archive import match_entries
from engee_kernel.magics.grammar import Call, split_cell, split_words
from engee_kernel.magics.magic import MagicHelp
from engee_kernel.magics.pathwords import _quoted
from engee_kernel.magics.registry import magics

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
with_real_julia = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


# Events


@st.composite
def raw_events(draw: DrawFn) -> list[dict[str, Any]]:
    """A cell's events as the agent numbers them; the last one may be its end."""
    kinds = st.one_of(
        st.builds(lambda name, text: {"t": "stream", "name": name, "text": text}, st.sampled_from(["stdout"]), TEXT),
        st.builds(lambda text: {"t": "display", "data": {"text/plain": text}, "id": None}, TEXT),
        st.builds(lambda text: {"t": "update", "data": {"text/plain": text}, "id": "a"}, TEXT),
        st.builds(lambda text: {"t": "result", "data": {"text/plain": text}, "metadata": {}}, TEXT),
        st.builds(lambda text: {"t": "a kind of a newer agent", "text": text}, TEXT),
        st.just({"t": "clear", "wait": True}),
    )
    events = draw(st.lists(kinds, max_size=12))
    if draw(st.booleans()):
        events.append({"t": "done", "status": "ok"})
    return [{"n": number, **event} for number, event in enumerate(events, 1)]


def known(events: list[dict[str, Any]]) -> list[Event]:
    return [event for raw in events if (event := decode(raw)) is not None]


def sent_cell() -> Cell:
    cell = Cell("", 1)
    cell.become(State.SENT)
    return cell


@given(raw_events(), st.data())
def test_each_event_comes_once_and_in_order_however_the_answers_overlap(
    events: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Answers repeat what is known, come late, and list their events in any order; none leaves a gap."""
    cell, got, reached = sent_cell(), list[Event](), 0
    for first, last in data.draw(st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), max_size=6)):
        portion = events[min(first, reached) : last]
        got += cell.accept(CellAnswer("running", data.draw(st.permutations(portion))))
        reached = max(reached, min(last, len(events)))
    got += cell.accept(CellAnswer("running", events))
    assert got == known(events)
    assert cell.seen == len(events)
    ended = bool(events) and events[-1]["t"] == "done"
    assert (cell.state is State.DONE) == ended and (cell.done is not None) == ended


@given(raw_events(), st.data())
def test_a_gap_is_an_error_and_nothing_behind_it_is_shown(events: list[dict[str, Any]], data: st.DataObject) -> None:
    if len(events) < 2:
        return
    cell = sent_cell()
    start = data.draw(st.integers(0, len(events) - 2))
    cell.accept(CellAnswer("running", events[:start]))
    behind = data.draw(st.integers(start + 1, len(events) - 1))
    with pytest.raises(AgentUnavailableError, match="missing"):
        cell.accept(CellAnswer("running", events[behind:]))
    assert cell.seen == start and cell.done is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXT, _json, max_size=4), st.booleans())
def test_an_answer_is_read_whether_strings_come_quoted_or_not(fields: dict[str, Any], quoted: bool) -> None:
    fields = {name: value for name, value in fields.items() if name != "error"}
    text = json.dumps(fields, ensure_ascii=False)
    assert read_answer(json.dumps(text) if quoted else text) == fields


@given(st.text(max_size=60) | _json.map(json.dumps))
def test_an_answer_that_is_none_is_an_error_of_ours(text: str) -> None:
    try:
        read_cell(text)
    except (AgentUnavailableError, TransferError):
        return


@given(st.fixed_dictionaries({"t": st.sampled_from(["stream", "display", "result", "error", "input", "done", "?"])}))
def test_a_known_event_without_its_parts_is_not_taken(raw: Mapping[str, Any]) -> None:
    if raw["t"] == "?":
        assert decode(raw) is None
        return
    with pytest.raises(KeyError):
        decode(raw)


def test_the_kinds_of_events_are_told_apart() -> None:
    assert isinstance(decode({"t": "display", "data": {}, "id": "x"}), Display)
    assert isinstance(decode({"t": "result", "data": {}}), Result)
    assert isinstance(decode({"t": "stream", "name": "stdout", "text": ""}), Stream)
    assert isinstance(decode({"t": "input", "id": 1}), Input)
    assert isinstance(decode({"t": "done", "status": "ok"}), Done)


# Julia


@pytest.mark.julia
@with_real_julia
@given(texts=st.lists(TEXT, min_size=1, max_size=5))
async def test_quoted_answers_of_real_julia_are_read(local_engee: LocalEngee, texts: list[str]) -> None:
    fields = {"epoch": "e", "texts": texts}
    async with EngeeClient(local_engee.url, local_engee.token) as client:
        text = await client.eval(f"repr({agent.literal(json.dumps(fields, ensure_ascii=False))})")
    assert read_answer(text) == fields


_words = st.text(st.sampled_from("aα🙂é\u0301Ж=≤ \t'"), max_size=12)


@pytest.mark.julia
@with_real_julia
@given(
    before=st.lists(st.tuples(_words, st.sampled_from(["\n", "\r\n"])), max_size=3),
    inside=_words,
    after=st.sampled_from(["", "\n", "\r\nα = 1", " # 🙂"]),
)
async def test_offsets_count_code_points(
    local_engee: LocalEngee, before: list[tuple[str, str]], inside: str, after: str
) -> None:
    """Behind any text the completion replaces what was typed, no character more or less."""
    head = "".join(f'"{text}"{end}' for text, end in before) + f'("{inside}", '
    code, cursor = f"{head}printl{after}", len(head) + len("printl")
    async with EngeeClient(local_engee.url, local_engee.token) as client:
        epoch = json.loads(await client.eval(agent.install_command()))["epoch"]
        question = completions.question(code, cursor)
        assert question is not None
        answer = read_answer(await client.eval(agent.call("complete", epoch, "offsets", *question)))
        inspected = read_answer(await client.eval(agent.call("inspect", epoch, "offsets", f"{head}println)", cursor)))
    table = completions.table(code, cursor, answer)
    assert "println" in [match.text for match in table.matches]
    assert code[table.start : table.end] == "printl"
    assert "error" not in inspected


# ZIPs

_names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='/\\:"'), min_size=1, max_size=12)
_good_names = _names.filter(lambda name: name not in (".", ".."))


@given(st.lists(_good_names, min_size=1, max_size=5, unique=True), st.data())
def test_the_entries_of_a_zip_are_those_asked_for(names: list[str], data: st.DataObject) -> None:
    """Whatever of the path the server puts into the names, and in whatever order they come."""
    sources = [f"/user/папка/{name}" for name in names]
    if len({_composed(name) for name in names}) < len(names):
        return  # such files are fetched one by one
    depth = data.draw(st.integers(1, 3))
    packed = data.draw(st.permutations(list(enumerate(sources))))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number, source in packed:
            made.writestr("/".join(source.split("/")[-depth:]), str(number))
    with zipfile.ZipFile(buffer) as made:
        try:
            found = match_entries(made, sources)
        except TransferError:
            # what a ZIP can't carry (a NUL ends a name) is fetched one by one
            assert any(set(name) & {"\0"} for name in names)
            return
        assert [made.read(entry) for entry in found] == [str(number).encode() for number in range(len(names))]


@given(st.lists(st.text(max_size=12), max_size=5))
def test_no_zip_gives_a_file_that_was_not_asked_for(names: list[str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in dict.fromkeys(names):
            try:
                made.writestr(name, "x")
            except (ValueError, UnicodeError, IndexError):
                continue  # no name for a ZIP
    with zipfile.ZipFile(buffer) as made:
        try:
            found = match_entries(made, ["/user/a.txt"])
        except TransferError:
            return
        assert [entry.filename.replace("\\", "/").split("/")[-1] for entry in found] == ["a.txt"]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


# Magics

_line = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=20)
_cell = st.lists(_line | _line.map(lambda text: f"%{text}") | st.just("  "), max_size=6).map("\n".join)


def _is_magic(line: str) -> bool:
    """One or two % and a letter; or nothing behind them yet."""
    name = line.strip().split(maxsplit=1)[0] if line.strip() else ""
    letters = name.removeprefix("%").removeprefix("%")
    return name.startswith("%") and (not letters or letters[0].isalpha())


@given(_cell)
def test_a_cells_code_keeps_its_lines_and_its_text(code: str) -> None:
    calls, rest = split_cell(code)
    if not calls:
        assert rest == code
        return
    lines = code.split("\n")
    kept = rest.split("\n") if rest else []
    taken = next((i for i, line in enumerate(lines) if line.strip() and not _is_magic(line)), len(lines))
    assert len(calls) == sum(map(_is_magic, lines[:taken]))
    assert kept[taken:] == lines[taken:] and not any(kept[:taken])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10), max_size=4))
def test_quoted_words_are_split_as_they_were(words: list[str]) -> None:
    assert split_words(" ".join(map(shlex.quote, words))) == words


@given(_good_names)
def test_a_completed_name_is_the_name(name: str) -> None:
    assert split_words(_quoted("", name, False)) == [name]


def _lines() -> Iterator[st.SearchStrategy[tuple[str, str]]]:
    for name, magic in magics().items():
        options = [option for action in magic.parser()._actions for option in action.option_strings]
        words = st.sampled_from([*options, "attach", "list", "/user/a", "3", "-1", "nan", "=", "a=b"]) | _line
        yield st.lists(words, max_size=5).map(lambda words, name=name: (name, " ".join(words)))


@settings(max_examples=400)
@given(st.one_of(*_lines()))
def test_any_arguments_are_understood_or_refused_by_an_error_of_ours(line: tuple[str, str]) -> None:
    name, text = line
    try:
        magics()[name].parse(Call(name, text.strip()))
    except (UsageError, SettingError, MagicHelp):
        return


@given(st.lists(_line, max_size=4))
def test_every_line_of_magics_has_a_name(lines: list[str]) -> None:
    calls, _ = split_cell("\n".join(f"%{line}" for line in lines))
    assert all(call.name.startswith("%") for call in calls)
    assert all(" " not in call.name for call in calls)
    first = [("%" + line).strip().split(" ")[0] for line in lines[:1] if _is_magic(f"%{line}")]
    assert [call.name for call in itertools.islice(calls, 1)] == first
