"""%time, %%time, %history, %who and %reset through a real kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from frontend import Cell, Frontend

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.magics.code import precise, reset_report, times, variable_table

pytestmark = pytest.mark.julia


def shown(cell: Cell) -> str:
    """The text of what was displayed."""
    return "\n".join(content["data"]["text/plain"] for content in cell.of("display_data"))


def html(cell: Cell) -> str:
    return "\n".join(content["data"].get("text/html", "") for content in cell.of("display_data"))


class TestTime:
    def test_a_line(self, notebook: Frontend) -> None:
        cell = notebook.run("%time sum([1, 2, 3])")
        assert cell.status == "ok"
        assert cell.result == "6"
        for heading in ("wall time", "running in Engee", "collecting garbage", "allocated"):
            assert heading in shown(cell)
            assert heading in html(cell)

    def test_the_time_is_the_cells(self, notebook: Frontend) -> None:
        cell = notebook.run("%%time\nsleep(0.7)")
        wall = shown(cell).splitlines()[2].split()[:2]
        seconds = float(wall[0]) / {"s": 1, "ms": 1000}[wall[1]]
        assert 0.7 <= seconds < 60

    def test_what_was_allocated(self, notebook: Frontend) -> None:
        cell = notebook.run("%%time\nzeros(2^23); nothing")
        mebibytes = float(shown(cell).split()[-2])
        assert 64 <= mebibytes < 80

    def test_a_line_and_the_rest_of_the_cell(self, notebook: Frontend) -> None:
        cell = notebook.run("%time timed = 1\ntimed + 1")
        assert [content["data"]["text/plain"] for content in cell.of("execute_result")] == ["1", "2"]

    def test_a_line_that_fails_ends_the_cell(self, notebook: Frontend) -> None:
        cell = notebook.run('%time error("stop here")\nprintln("not reached")')
        assert cell.status == "error"
        assert len(cell.of("error")) == 1
        assert "not reached" not in cell.text()
        assert "wall time" in shown(cell)

    def test_a_cell_that_fails_is_timed_too(self, notebook: Frontend) -> None:
        cell = notebook.run('%%time\nerror("late")')
        assert cell.status == "error"
        assert "wall time" in shown(cell)

    @pytest.mark.parametrize("magics", ["%%time\n%%job", "%%job\n%%time"])
    def test_a_job_is_timed_whatever_the_order(self, notebook: Frontend, magics: str) -> None:
        cell = notebook.run(f"{magics}\n40 + 2")
        assert cell.result == "42"
        assert "wall time" in shown(cell)

    def test_lines_of_traces_are_the_cells(self, notebook: Frontend) -> None:
        cell = notebook.run('%%time\n\nerror("third line")')
        assert ":3" in cell.traceback

    @pytest.mark.parametrize("code", ["%time", "%%time", "%%time\n\n"])
    def test_nothing_to_time(self, notebook: Frontend, code: str) -> None:
        cell = notebook.run(code)
        assert cell.error["ename"] == "UsageError"
        assert "needs code" in cell.error["evalue"]

    def test_plain_mode_knows_the_wall_time_only(
        self, new_notebook: Callable[..., Frontend], local_engee: LocalEngee
    ) -> None:
        cell = new_notebook(local_engee, mode="plain").run("%%time\n1 + 1")
        assert cell.result == "2"
        assert "wall time" in shown(cell)
        assert "allocated" not in shown(cell)

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0, "0 s"), (0.0000012, "1.20 µs"), (0.0123, "12.3 ms"), (1.234, "1.23 s"), (125.4, "125 s")],
    )
    def test_digits(self, seconds: float, text: str) -> None:
        assert precise(seconds) == text

    def test_compile_time_where_julia_tells_it(self) -> None:
        table = times(2.0, {"elapsed_s": 1.5, "compile_s": 1.0, "gc_s": 0.1, "allocated_bytes": 1024})
        assert "of it compiling" in table.headers
        assert table.rows[0][2] == "1.00 s"


class TestHistory:
    def test_cells_in_order_without_the_one_that_asks(
        self, new_notebook: Callable[..., Frontend], local_engee: LocalEngee
    ) -> None:
        notebook = new_notebook(local_engee)
        notebook.run("first = 1")
        notebook.run("second = 2\nthird = 3")
        assert shown(notebook.run("%history")) == "1: first = 1\n2: second = 2\n   third = 3"
        assert shown(notebook.run("%history -n 1")) == "3: %history"
        assert shown(notebook.run("%history -g f*1")) == "1: first = 1"
        assert shown(notebook.run("%history -g nothing-like-it")) == "No such cells."

    @pytest.mark.parametrize("number", ["0", "many"])
    def test_a_number_that_is_none(self, notebook: Frontend, number: str) -> None:
        assert notebook.run(f"%history -n {number}").error["ename"] == "UsageError"


class TestWho:
    def test_variables_with_type_and_size(self, notebook: Frontend) -> None:
        notebook.run('matrix = zeros(10, 20); α = 1.5; words = "слова";')
        cell = notebook.run("%who")
        rows = {row.split()[0]: row for row in shown(cell).splitlines()[2:]}
        assert "1.6 KiB" in rows["matrix"]
        assert "Float64" in rows["matrix"]
        assert "1.5" in rows["α"]
        assert "слова" in rows["words"]
        assert "<table>" in html(cell)

    def test_a_pattern(self, notebook: Frontend) -> None:
        notebook.run("aa = 1; ab = 2; b = 3;")
        rows = shown(notebook.run("%who a?")).splitlines()[2:]
        assert [row.split()[0] for row in rows] == ["aa", "ab"]

    def test_a_new_workspace_has_none(self, new_notebook: Callable[..., Frontend], local_engee: LocalEngee) -> None:
        """Main's variables are not the notebook's, even before its first cell."""
        main = new_notebook(local_engee)
        main.run("of_main = 1;")
        own = new_notebook(local_engee, workspace="notebook")
        assert shown(own.run("%who")) == "No variables."
        own.run("%reset --force")
        assert main.run("of_main").result == "1"

    def test_completion(self, notebook: Frontend) -> None:
        notebook.run("unmistakable = 1;")
        reply = notebook.ask("complete_request", code="%who unm", cursor_pos=8).content
        assert reply["matches"] == ["unmistakable"]

    def test_needs_the_agent(self, new_notebook: Callable[..., Frontend], local_engee: LocalEngee) -> None:
        cell = new_notebook(local_engee, mode="plain").run("%who")
        assert cell.error["ename"] == "AgentUnavailableError"
        assert "%config mode = agent" in cell.traceback

    def test_a_restart_is_told(self, new_notebook: Callable[..., Frontend], local_engee: LocalEngee) -> None:
        notebook = new_notebook(local_engee)
        notebook.run("gone = 1;")
        local_engee.control("POST", "kill-julia")
        cell = notebook.run("%who")
        assert cell.status == "error"
        assert "variables are gone" in cell.error["evalue"]
        assert "gone " not in shown(notebook.run("%who"))

    def test_a_size_that_is_not_known(self) -> None:
        table = variable_table([{"name": "d", "type": "Dict", "size_bytes": None, "summary": "…"}])
        assert table.rows == [("d", "Dict", "", "…")]


class TestReset:
    def test_a_fresh_workspace(self, notebook: Frontend) -> None:
        notebook.run("doomed = 1; f_doomed() = 2;")
        cell = notebook.run("%reset --force")
        assert "fresh workspace" in shown(cell)
        assert shown(notebook.run("%who")) == "No variables."
        assert notebook.run("doomed").error["ename"] == "UndefVarError"

    def test_main(self, new_notebook: Callable[..., Frontend], local_engee: LocalEngee) -> None:
        notebook = new_notebook(local_engee)
        other = new_notebook(local_engee)
        other.run("of_other = 3;")
        notebook.run("doomed = 1; const kept_constant = 2;")
        assert "also those of other notebooks" in " ".join(shown(notebook.run("%reset --help")).split())
        text = shown(notebook.run("%reset -f"))
        assert "doomed" in text.splitlines()[0]
        assert "Kept: kept_constant (a constant)." in text
        assert notebook.run("doomed === nothing").result == "true"
        assert notebook.run("kept_constant").result == "2"
        assert other.run("of_other === nothing").result == "true"

    @pytest.mark.parametrize(("answer", "is_left"), [("n", True), ("", True), ("y", False), ("да", False)])
    def test_it_asks(self, notebook: Frontend, answer: str, is_left: bool) -> None:
        notebook.run("asked_about = 1;")
        questions: list[str] = []

        def on_input(request: dict[str, Any]) -> str:
            questions.append(request["prompt"])
            return answer

        notebook.on_input = on_input
        try:
            cell = notebook.run("%reset", allow_stdin=True)
        finally:
            notebook.on_input = None
        assert len(questions) == 1
        assert "Clear all variables?" in questions[0]
        assert ("Nothing was cleared." in shown(cell)) == is_left
        assert (notebook.run("asked_about").status == "ok") == is_left

    def test_without_input_it_wants_force(self, notebook: Frontend) -> None:
        cell = notebook.run("%reset")
        assert cell.error["ename"] == "UsageError"
        assert "%reset --force" in cell.traceback

    def test_report(self) -> None:
        assert reset_report({"workspace": "main", "cleared": [], "kept": []}) == "There were no variables to clear."


@pytest.mark.parametrize("name", ["%time", "%%time", "%history", "%who", "%reset"])
def test_help(notebook: Frontend, name: str) -> None:
    cell = notebook.run(f"{name} --help")
    assert cell.status == "ok"
    assert name in shown(cell)
