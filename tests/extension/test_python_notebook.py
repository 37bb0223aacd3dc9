"""The extension in an ordinary Python notebook, over its real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from frontend import Cell
from pythonnotebook import PythonNotebook

from engee_kernel.emulator.process import LocalEngee

pytestmark = pytest.mark.julia


def shown(cell: Cell) -> str:
    """What was displayed and not taken away."""
    return "\n".join(
        output["data"].get("text/plain", "") for output in cell.outputs if output["kind"] == "display_data"
    )


class TestCells:
    def test_arrays_there_and_tables_back(self, python: PythonNotebook) -> None:
        python.run("import numpy as np; a = np.arange(6.0).reshape(2, 3)")
        cell = python.run('%%engee -i a -o b,t\nb = 2a\nt = (i = [1, 2], s = ["x", missing])\nb[2, :]')
        assert cell.status == "ok"
        assert cell.result is not None
        assert cell.result.split()[-3:] == ["6.0", "8.0", "10.0"]
        assert python.run("(b == 2 * a).all(), list(t.columns), type(t).__name__").result == (
            "(np.True_, ['i', 's'], 'DataFrame')"
        )

    def test_output_is_live(self, python: PythonNotebook) -> None:
        cell = python.send('%%engee\nprintln("first"); sleep(3); println(stderr, "second")')
        python.until(lambda: "first" in cell.text(), about=cell)
        assert cell.reply is None
        python.finish(cell)
        assert cell.text("stdout") == "first\n"
        assert cell.text("stderr") == "second\n"

    def test_a_quiet_cell_shows_that_it_lives(self, python: PythonNotebook) -> None:
        cell = python.run("%%engee\nsleep(4)")
        assert any("running for" in data["data"]["text/plain"] for data in cell.of("display_data"))
        assert shown(cell) == ""

    def test_the_life_sign_of_a_line_clears_nothing(self, python: PythonNotebook) -> None:
        cell = python.run("print('kept')\n%engee (sleep(4); nothing)")
        assert {"kind": "stream", "name": "stdout", "text": "kept\n"} in cell.outputs
        assert shown(cell).strip() == ""

    def test_rich_displays_and_updates(self, python: PythonNotebook) -> None:
        cell = python.run(
            "%%engee\n"
            'EngeeKernel.display(HTML("<b>1</b>"), id = "d")\n'
            'EngeeKernel.update(HTML("<b>2</b>"), id = "d")\n'
            'HTML("<i>last</i>")'
        )
        assert cell.status == "ok", cell
        assert [display["data"]["text/html"] for display in cell.of("display_data")] == ["<b>1</b>"]
        assert [display["data"]["text/html"] for display in cell.of("update_display_data")] == ["<b>2</b>"]
        assert cell.of("execute_result")[0]["data"]["text/html"] == "<i>last</i>"

    def test_clear_output(self, python: PythonNotebook) -> None:
        cell = python.run('%%engee\nprintln("old"); EngeeKernel.clear_output(); println("new")')
        assert [output["text"] for output in cell.outputs if output["kind"] == "stream"] == ["new\n"]

    def test_semicolon(self, python: PythonNotebook) -> None:
        assert python.run("%%engee\n1 + 1;").result is None

    def test_captured(self, python: PythonNotebook) -> None:
        python.run('%%capture got\n%engee println("into it")')
        assert python.run("got.stdout").result == "'into it\\n'"


class TestErrors:
    def test_as_in_the_engee_kernel(self, python: PythonNotebook) -> None:
        cell = python.run("%%engee\n\nsqrt(-1)")
        assert cell.error["ename"] == "DomainError"
        assert "sqrt" in cell.error["evalue"]
        assert ":2" in cell.traceback
        assert ".py" not in cell.traceback

    def test_run_all_stops(self, python: PythonNotebook) -> None:
        first = python.send('%%engee\nerror("stop")')
        second = python.send("after = 'ran'")
        python.finish(first)
        python.finish(second)
        assert first.status == "error"
        assert second.status == "aborted"

    def test_python_can_catch_them(self, python: PythonNotebook) -> None:
        cell = python.run(
            "from engee_kernel import CodeError\n"
            "try:\n    get_ipython().run_cell_magic('engee', '', 'undefined_name')\n"
            "except CodeError as error:\n    print(error.type)"
        )
        assert cell.text() == "UndefVarError\n"

    def test_a_failed_cell_sets_nothing(self, python: PythonNotebook) -> None:
        python.run("left = 'as it was'")
        python.run('%%engee -o left\nleft = 1\nerror("late")')
        assert python.run("left").result == "'as it was'"

    @pytest.mark.parametrize(
        ("code", "ename", "words"),
        [
            ("%%engee -i nowhere\n1", "UsageError", "no Python variable “nowhere”"),
            ("%%engee -i\n1", "UsageError", "-i needs names"),
            ("%%engee -x 3\n1", "UsageError", "“-x 3” is not an option"),
            ("%%engee -o end\n1", "UsageError", "reserved word in Julia"),
            ("%engee -i __name__", "UsageError", "no Julia code"),
            ("%%engee -o not_there\n1", "ExchangeError", "not_there can't be fetched from Engee"),
            ("thing = object()\n%engee -i thing 1", "ExchangeError", "thing can't be sent to Engee: a object"),
            (
                "length = 1\n%engee f_of_x(x) = x\nf_of_x = 1\n%engee -i f_of_x 1",
                "ExchangeError",
                "choose another name",
            ),
            ("%upload", "UsageError", "LOCAL"),
        ],
    )
    def test_mistakes(self, python: PythonNotebook, code: str, ename: str, words: str) -> None:
        cell = python.run(code)
        assert cell.error["ename"] == ename
        assert words in cell.error["evalue"]
        assert ".py" not in cell.traceback

    def test_no_token(self, new_python: Callable[..., PythonNotebook], local_engee: LocalEngee) -> None:
        cell = new_python(local_engee, token="").run("%engee 1")
        assert cell.error["ename"] == "MissingTokenError"
        assert "ENGEE_TOKEN" in cell.traceback or "engee-kernel login" in cell.traceback


class TestLines:
    def test_values_are_pythons(self, python: PythonNotebook) -> None:
        python.run("%engee total = sum([0.1, 0.2])")
        assert python.run("y = %engee total * 10\ntype(y), y").result == "(float, 3.0000000000000004)"

    def test_names_of_base_can_be_sent(self, python: PythonNotebook) -> None:
        assert python.run("time, values = 2.5, [1, 2]\n%engee -i time,values time .* values").result == (
            "array([2.5, 5. ])"
        )

    def test_what_python_does_not_have_is_shown_as_julia_does(self, python: PythonNotebook) -> None:
        cell = python.run('p = %engee HTML("<b>plot</b>")\np')
        assert cell.of("execute_result")[0]["data"]["text/html"] == "<b>plot</b>"

    def test_julias_own_signs(self, python: PythonNotebook) -> None:
        """IPython would fill in $x and {x} in a line."""
        python.run("x = 'python'")
        assert python.run('%engee (x = 5; "$x and {x}")').result == "'5 and {x}'"

    def test_a_minus_is_no_option(self, python: PythonNotebook) -> None:
        assert python.run("%engee -5 + 1").result == "-4"
        assert python.run("%engee -- -o").status == "error"

    def test_the_server_card(self, python: PythonNotebook) -> None:
        assert "running" in shown(python.run("%engee"))

    def test_help(self, python: PythonNotebook) -> None:
        assert "%%engee [-i NAMES]" in shown(python.run("%engee --help"))
        assert "%upload" in shown(python.run("%upload --help"))

    def test_files(self, python: PythonNotebook, local_engee: LocalEngee, tmp_path: Path) -> None:
        if not local_engee.user_is_mounted:
            pytest.skip("absolute /user paths in Julia do not lead to the local Engee's folder on this system")
        source = tmp_path / "отчёт 1.txt"
        source.write_text("данные", encoding="utf-8")
        assert python.run(f'%upload "{source.as_posix()}" /user/in').status == "ok"
        assert (local_engee.user_dir / "in" / "отчёт 1.txt").read_text(encoding="utf-8") == "данные"
        assert python.run(f'%download "/user/in/отчёт 1.txt" --to "{tmp_path.as_posix()}/back.txt"').status == "ok"
        assert (tmp_path / "back.txt").read_text(encoding="utf-8") == "данные"


class TestInput:
    def test_a_line(self, python: PythonNotebook) -> None:
        python.on_input = lambda request: "Анна"
        try:
            cell = python.run(
                '%%engee -o name\nprint("Who? "); name = readline(); println("Hello, ", name)', allow_stdin=True
            )
        finally:
            python.on_input = None
        assert "Hello, Анна" in cell.text()
        assert python.run("name").result == "'Анна'"

    def test_a_password_is_asked_without_echo(self, python: PythonNotebook) -> None:
        before = len(python.input_requests)
        python.on_input = lambda request: "geheim"
        try:
            cell = python.run('%%engee\nread(Base.getpass("Password"), String) == "geheim"', allow_stdin=True)
        finally:
            python.on_input = None
        assert cell.result == "true", cell
        assert python.input_requests[before]["content"]["password"] is True

    def test_where_there_is_none(self, python: PythonNotebook) -> None:
        cell = python.run("%%engee\nreadline()", allow_stdin=False)
        assert cell.status == "error"


class TestInterrupts:
    def test_a_cell_that_sleeps(self, python: PythonNotebook) -> None:
        cell = python.send('%%engee\nprintln("on its way"); sleep(300)')
        python.until(lambda: "on its way" in cell.text(), about=cell)
        python.interrupt()
        python.finish(cell, timeout_s=30)
        assert cell.error["ename"] == "InterruptException", cell.traceback
        assert python.run("%engee 1 + 1").result == "2"

    def test_code_that_never_yields_is_left(
        self, new_python: Callable[..., PythonNotebook], local_engee_factory: Callable[..., LocalEngee]
    ) -> None:
        python = new_python(local_engee_factory(), interrupt_grace_s=1)
        python.run("%engee 1")
        cell = python.send('%%engee\nspin() = while true end\nprintln("spinning"); flush(stdout); sleep(0.5); spin()')
        python.until(lambda: "spinning" in cell.text(), about=cell)
        time.sleep(1.5)
        python.interrupt()
        python.finish(cell, timeout_s=40)
        assert cell.error["ename"] == "StillRunningError", cell.traceback
        assert python.run("1 + 1").result == "2"

    def test_while_values_are_sent(self, python: PythonNotebook, local_engee: LocalEngee) -> None:
        python.run("import numpy as np; large = np.zeros(200_000)")
        local_engee.faults({"kind": "latency", "path": "file/upload", "delay_s": 60})
        cell = python.send("%engee -i large 1")
        python.until(lambda: "file/upload" in str(local_engee.requests()) or cell.reply, about=cell)
        time.sleep(0.5)
        python.interrupt()
        python.finish(cell, timeout_s=30)
        local_engee.faults()
        assert cell.error["ename"] == "StillRunningError", cell.traceback
        assert python.run("%engee 2").result == "2"


class TestLife:
    def test_reload_and_unload(self, new_python: Callable[..., PythonNotebook], local_engee: LocalEngee) -> None:
        python = new_python(local_engee)
        python.run("%engee kept = 7")
        assert python.run("%load_ext engee_kernel").status == "ok"
        assert python.run("%reload_ext engee_kernel\n%engee kept").result == "7"
        names = "import threading; [t.name for t in threading.enumerate()].count('engee')"
        assert python.run(names).result == "1"
        assert python.run("%unload_ext engee_kernel").status == "ok"
        assert python.run(names).result == "0"
        assert "engee" not in str(python.run("%lsmagic").result)
        assert python.run("%load_ext engee_kernel\n%engee kept").result == "7"

    def test_loading_sends_nothing(self, new_python: Callable[..., PythonNotebook], local_engee: LocalEngee) -> None:
        before = len(local_engee.requests())
        new_python(local_engee)
        assert len(local_engee.requests()) == before

    def test_a_stopped_server_is_started_by_values(
        self, new_python: Callable[..., PythonNotebook], local_engee_factory: Callable[..., LocalEngee]
    ) -> None:
        engee = local_engee_factory(stopped=True, start_time=1)
        python = new_python(engee)
        assert python.run("a = 20\n%engee -i a a + 1", timeout_s=120).result == "21"

    def test_plain_mode(self, new_python: Callable[..., PythonNotebook], local_engee: LocalEngee) -> None:
        python = new_python(local_engee, mode="plain")
        assert python.run("%engee 20 + 22").result == "42"
        assert python.run("a = 1\n%engee -i a a").error["ename"] == "AgentUnavailableError"

    def test_without_numpy_and_pandas(self, new_python: Callable[..., PythonNotebook], local_engee: LocalEngee) -> None:
        python = new_python(local_engee, blocked=("numpy", "pandas"))
        assert python.run("import numpy").error["ename"] == "ModuleNotFoundError"
        python.run('a = {"k": [1.5, 2.5], "s": "x", "n": None}')
        cell = python.run("%engee -i a -o b b = a")
        assert cell.status == "ok", cell.traceback
        assert python.run("b == a").result == "True"
        assert python.run("%engee [1, missing]").result == "[1, None]"
        assert python.run('%engee (t = [1, 2], s = ["a", "b"])').result == "{'t': [1, 2], 's': ['a', 'b']}"
        cell = python.run("%%engee -o m\nm = [1 2; 3 4]")
        assert "need the package numpy" in cell.error["evalue"]


def test_public_names() -> None:
    import engee_kernel  # noqa: PLC0415

    for name in engee_kernel.__all__:
        assert getattr(engee_kernel, name).__name__ == name
        assert name in dir(engee_kernel)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        engee_kernel.nothing_of_the_kind  # noqa: B018


def test_pages_of_the_gateway(python: PythonNotebook, local_engee: LocalEngee) -> None:
    python.run("import numpy as np; sent = np.arange(3.0)")
    for path in ("command/eval", "file/"):
        local_engee.faults({"kind": "maintenance", "path": path, "count": 2})
        cell = python.run("%%engee -i sent -o back\nback = 2sent")
        local_engee.faults()
        assert cell.status == "ok", cell.traceback
        assert python.run("back.tolist()").result == "[0.0, 2.0, 4.0]"
