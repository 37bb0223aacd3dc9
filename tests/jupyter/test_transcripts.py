"""What the kernel keeps of its cells' output for pages that open later: bounded, and only what is still visible."""

from __future__ import annotations

from typing import Any

import pytest

from engee_kernel.messages.transcripts import CUT, MESSAGE_BYTES, Transcript, Transcripts


def shown(run: Any) -> list[tuple[str, Any]]:
    """Kind and text of each message."""
    return [(one["kind"], one["content"].get("text", one["content"].get("data"))) for one in run["messages"]]


class Cell:
    """A cell that runs."""

    def __init__(self, transcripts: Transcripts, name: str = "a") -> None:
        self.transcripts = transcripts
        self.request = f"request-{name}"
        transcripts.queue(self.request, name, "code")
        begun = transcripts.begin(self.request, 1)
        assert begun is not None
        self.run: Transcript = begun

    def put(self, kind: str, **content: Any) -> None:
        self.transcripts.add(self.run, f"m{self.run.published}", kind, content)

    def print(self, text: str, name: str = "stdout") -> None:
        self.put("stream", name=name, text=text)

    def show(self, data: str, display_id: str = "", *, update: bool = False) -> None:
        transient = {"display_id": display_id} if display_id else {}
        self.put("update_display_data" if update else "display_data", data=data, metadata={}, transient=transient)

    def shown(self) -> list[tuple[str, Any]]:
        run = self.transcripts.whole(self.request)
        assert run is not None
        return shown(run)


@pytest.fixture
def cell() -> Cell:
    return Cell(Transcripts())


def test_pieces_of_a_stream_are_one_message_and_each_is_counted(cell: Cell) -> None:
    for piece in ("a", "b\n", "c"):
        cell.print(piece)
    cell.print("!", "stderr")
    cell.print("d")
    assert cell.shown() == [("stream", "ab\nc"), ("stream", "!"), ("stream", "d")]
    assert (cell.run.published, cell.run.last) == (5, "m4")


def test_what_is_cleared_is_dropped_at_once_or_with_the_next_output(cell: Cell) -> None:
    cell.print("first")
    cell.put("clear_output", wait=True)
    assert cell.shown() == [("stream", "first"), ("clear_output", None)]
    cell.show("second")
    assert cell.shown() == [("clear_output", None), ("display_data", "second")]
    cell.put("clear_output", wait=False)
    assert cell.shown() == []
    assert cell.run.size_bytes == 0


def test_of_a_displays_updates_the_newest_is_kept(cell: Cell) -> None:
    cell.show("0", "d")
    for number in range(1, 50):
        cell.show(str(number), "d", update=True)
    cell.show("again", "d")
    cell.show("both", "d", update=True)
    assert cell.shown() == [
        ("display_data", "0"),
        ("update_display_data", "49"),
        ("display_data", "again"),
        ("update_display_data", "both"),
    ]


def test_an_update_behind_a_clearing_that_waits_stays_behind_it(cell: Cell) -> None:
    cell.show("0", "d")
    cell.show("1", "d", update=True)
    cell.put("clear_output", wait=True)
    cell.show("2", "d", update=True)
    assert [kind for kind, _ in cell.shown()] == [
        "display_data",
        "update_display_data",
        "clear_output",
        "update_display_data",
    ]


def test_too_much_loses_its_beginning_and_says_so() -> None:
    transcripts = Transcripts(limit_bytes=100_000)
    cell = Cell(transcripts)
    for number in range(100):
        cell.print(f"{number} " + "x" * 5000)
    messages = cell.shown()
    assert messages[0] == ("stream", CUT)
    assert messages[-1][1].startswith("99 ")
    numbers = [int(text.split()[0]) for _, text in messages[1:]]
    assert numbers == list(range(numbers[0], 100)) and 10 < len(numbers) < 20
    assert cell.run.size_bytes <= 100_000
    assert cell.run.published == 100


def test_cells_that_have_ended_lose_their_output_before_one_that_runs() -> None:
    transcripts = Transcripts(limit_bytes=100_000)
    first, second = Cell(transcripts, "first"), Cell(transcripts, "second")
    second.print("s" * 40_000)
    transcripts.end(second.request)
    for _ in range(15):
        first.print("f" * 5000)
    assert not first.run.cut and second.run.cut
    assert second.shown() == [("stream", CUT)]


def test_of_many_cells_the_oldest_that_have_ended_are_forgotten() -> None:
    transcripts = Transcripts(limit_cells=3)
    runs = Cell(transcripts, "runs")
    for number in range(10):
        transcripts.end(Cell(transcripts, str(number)).request)
    assert [run["cell_id"] for run in transcripts.summaries()] == ["runs", "8", "9"]
    assert runs.run.state == "running"
    for number in range(10):
        transcripts.queue(f"never begins {number}", f"queued {number}", "")
    assert [run["cell_id"] for run in transcripts.summaries()] == ["runs", "queued 8", "queued 9"]


def test_a_cell_sent_again_has_only_its_newest_run() -> None:
    transcripts = Transcripts()
    old = Cell(transcripts)
    old.print("old")
    transcripts.queue("newer", "a", "other code")
    old.print("late")
    transcripts.end(old.request)
    (run,) = transcripts.summaries()
    assert (run["request"], run["state"], run["code"], run["published"]) == ("newer", "queued", "other code", 0)
    assert transcripts.whole(old.request) is None


def test_what_is_aborted_or_cleared_is_forgotten() -> None:
    transcripts = Transcripts()
    transcripts.queue("aborted", "a", "")
    transcripts.drop("aborted")
    cleared, runs = Cell(transcripts, "cleared"), Cell(transcripts, "runs")
    for one in (cleared, runs):
        one.print("text")
    transcripts.end(cleared.request)
    transcripts.forget("cleared")
    transcripts.forget("runs")
    transcripts.forget("unknown")
    assert [run["cell_id"] for run in transcripts.summaries()] == ["runs"]
    assert runs.shown() == [] and runs.run.published == 1


def test_a_message_costs_what_it_holds(cell: Cell) -> None:
    cell.put("display_data", data={"image/png": "x" * 10_000}, metadata={}, transient={})
    assert 10_000 + MESSAGE_BYTES <= cell.run.size_bytes <= 10_000 + 2 * MESSAGE_BYTES + 500
