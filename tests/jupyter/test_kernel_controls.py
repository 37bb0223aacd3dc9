"""Controls of a cell, moved as a page moves them: by the comm messages of ipywidgets."""

from __future__ import annotations

import html
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frontend import Cell, Frontend, KernelFactory, Message

from engee_kernel.emulator.process import LocalEngee

VIEW = "application/vnd.jupyter.widget-view+json"
SLIDER = '# @param {type:"slider", min:0, max:20, step:0.1}'


class Page:
    """What a page knows of one cell's controls: the models that were opened, and their state by now."""

    def __init__(self, kernel: Frontend, code: str, *, front_cell: str = "") -> None:
        self.kernel = kernel
        self.front_cell = front_cell or str(uuid.uuid4())
        self._causes: list[Cell] = []
        self.cell = self.send(code)

    def send(self, code: str) -> Cell:
        """Run the cell; its front end takes input, as pages do."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True, "stop_on_error": True}
        self.cell = self.kernel.request("execute_request", metadata={"cellId": self.front_cell}, **content)
        self._causes.append(self.cell)
        return self.cell

    def shown(self) -> Page:
        """Wait for the cell's end."""
        self.kernel.finish(self.cell)
        return self

    @property
    def models(self) -> dict[str, Message]:
        """State by model id; what was closed is gone."""
        messages = [
            (at, message) for cause in self._causes for at, message in zip(cause.times, cause.messages, strict=True)
        ]
        models: dict[str, Message] = {}
        for _, message in sorted(messages, key=lambda pair: pair[0]):
            kind, content = message["msg_type"], message["content"]
            if kind == "comm_open":
                models[content["comm_id"]] = dict(content["data"]["state"])
            elif kind == "comm_msg" and content["comm_id"] in models:
                models[content["comm_id"]].update(content["data"].get("state") or {})
            elif kind == "comm_close":
                models.pop(content["comm_id"], None)
        return models

    def model(self, description: str) -> str:
        """The id of the newest control that is called so."""
        return [name for name, state in self.models.items() if state.get("description") == description][-1]

    def only(self, kind: str) -> Message:
        return [state for state in self.models.values() if state["_model_name"] == kind][-1]

    @property
    def outputs(self) -> list[Message]:
        return list(self.only("OutputModel")["outputs"])

    @property
    def text(self) -> str:
        return "".join(output.get("text", "") for output in self.outputs)

    @property
    def said(self) -> str:
        """What stands below the controls."""
        return html.unescape(
            next(state["value"] for state in self.models.values() if state["_model_name"] == "HTMLModel")
        )

    def move(self, name: str, **state: Any) -> Cell:
        """What a page sends when a control was moved; not waited for."""
        data = {"method": "update", "state": state, "buffer_paths": []}
        cause = self.kernel.request("comm_msg", comm_id=self.model(name), data=data)
        self._causes.append(cause)
        return cause

    def press(self, name: str) -> None:
        data = {"method": "custom", "content": {"event": "click"}}
        self._causes.append(self.kernel.request("comm_msg", comm_id=self.model(name), data=data))

    def until(self, condition: Callable[[], object], timeout_s: float = 60) -> None:
        self.kernel.until(condition, timeout_s, self)

    def until_result(self, text: str) -> None:
        """Wait until the value of the last expression is shown so, and nothing behind it."""
        self.until(lambda: self.outputs and self.outputs[-1].get("data", {}).get("text/plain") == text)

    def __repr__(self) -> str:
        return f"<Page outputs={self.outputs} {self.cell}>"


def test_a_slider_runs_the_cell_again_and_its_output_replaces_the_last(agent: Frontend) -> None:
    page = Page(agent, f'%%controls\ng = 9.8  {SLIDER}\nprintln("g is ", g)\n2g').shown()
    (view,) = page.cell.of("display_data")
    assert page.models[view["data"][VIEW]["model_id"]]["_model_name"] == "VBoxModel"
    assert "Controls for g." in view["data"]["text/plain"]
    assert page.cell.kinds.count("stream") == 0, "the output is in the area below the controls"
    assert page.outputs == [
        {"output_type": "stream", "name": "stdout", "text": "g is 9.8\n"},
        {
            "output_type": "execute_result",
            "data": {"text/plain": "19.6"},
            "metadata": {},
            "execution_count": page.cell.content["execution_count"],
        },
    ]
    moved = page.move("g", value=5.0)
    page.until(lambda: page.text == "g is 5.0\n")
    assert [output.get("data") for output in page.outputs] == [None, {"text/plain": "10.0"}]
    agent.until(lambda: moved.states[-2:] == ["busy", "idle"])
    # of the message itself, which the page waits for before it sends more, and of the run
    assert moved.states == ["busy", "idle"] * 2
    assert agent.value("g") == "5.0"
    assert agent.run("1").content["execution_count"] == page.cell.content["execution_count"] + 2, "no count is spent"


def test_each_kind_of_control_writes_julia(agent: Frontend) -> None:
    page = Page(
        agent,
        "%%controls\n"
        "# @title Every **kind** <b>\n"
        'a = 1 # @param {type:"integer"}\n'
        "# @markdown *below* <script>\n"
        'b = 1.5 # @param {type:"number"}\n'
        'c = "x" # @param {type:"string"}\n'
        'd = true # @param {type:"boolean"}\n'
        'e = [1, 2] # @param {type:"raw"}\n'
        'f = "p" # @param ["p", "q"]\n'
        "println((a, b, d, e, f), '|', Int.(collect(c)))",
    ).shown()
    assert page.text == '(1, 1.5, true, [1, 2], "p")|[120]\n'
    texts = [state["value"] for state in page.models.values() if state["_model_name"] == "HTMLModel"]
    assert any("<b>Every **kind** &lt;b&gt;</b>" in text for text in texts)
    assert any("<em>below</em> &lt;script&gt;" in text for text in texts)
    page.move("a", value=2)
    page.until(lambda: page.text.startswith("(2, 1.5"))
    page.move("b", value=2.0)
    page.until(lambda: page.text.startswith("(2, 2.0, true"))
    page.move("d", value=False)
    page.until(lambda: page.text.startswith("(2, 2.0, false"))
    page.move("e", value="sum(1:3)")
    page.until(lambda: page.text.startswith("(2, 2.0, false, 6"))
    page.move("f", index=1)
    page.until(lambda: page.text.startswith('(2, 2.0, false, 6, "q")'))
    odd = 'say "$x" \\n∀\t🚀\u2028\x00é'
    page.move("c", value=odd)
    page.until(lambda: page.text.endswith(f"|[{', '.join(str(ord(sign)) for sign in odd)}]\n"))


def test_what_can_not_be_written_is_said_and_the_last_value_stays(agent: Frontend) -> None:
    page = Page(agent, '%%controls\ne = 1 # @param {type:"raw"}\nf = 1 # @param {type:"raw"}\nprintln(e + f)').shown()
    page.move("e", value=" ")
    page.until(lambda: "e: code is expected" in page.said)
    page.move("f", value="2")
    page.until(lambda: page.text == "3\n")
    assert "e: code is expected, such as 2π. The last value stays." in page.said
    page.move("e", value="5")
    page.until(lambda: page.text == "7\n")
    assert page.said == ""


def test_while_it_runs_the_newest_change_waits_and_older_ones_are_dropped(agent: Frontend) -> None:
    agent.run("seen = Float64[];")
    page = Page(agent, f"%%controls\ng = 1.0 {SLIDER}\npush!(seen, g); sleep(1); println(g)").shown()
    page.move("g", value=2.0)
    agent.until(lambda: agent.all_states[-1][0] == "busy")
    page.until(lambda: len(page._causes[-1].states) >= 3)
    for value in (3.0, 4.0, 5.0, 6.0):
        page.move("g", value=value)
    page.until(lambda: page.text == "6.0\n")
    assert agent.value("seen == [1.0, 2.0, 6.0]") == "true"


def test_runs_and_cells_come_one_after_the_other_in_the_order_in_which_they_were_asked_for(agent: Frontend) -> None:
    agent.run(
        'order = String[]; busy = Ref(0); log(name) = (busy[] += 1; sleep(0.3); push!(order, "$name$(busy[])"); '
        "busy[] -= 1);"
    )
    page = Page(agent, f'%%controls\ng = 1.0 {SLIDER}\nlog("g$g ")').shown()
    first = agent.send('log("a ")')
    page.move("g", value=2.0)
    second = agent.send('log("b ")')
    page.move("g", value=3.0)
    for cell in (first, second):
        assert agent.finish(cell).status == "ok"
    page.until(lambda: len(page._causes[-2].states) == 4)
    # the change that waited for its turn took the value that was the newest then
    assert agent.value("join(order, ',')") == '"g1.0 1,a 1,g3.0 1,b 1"'


def test_an_error_shows_and_the_controls_stay(agent: Frontend) -> None:
    page = Page(agent, f'%%controls\nx = 4.0 {SLIDER.replace("min:0", "min:-5")}\nprintln("root")\nsqrt(x)').shown()
    queued_behind = [page.move("x", value=-1.0), agent.send("1 + 1")]
    page.until(lambda: page.outputs[-1]["output_type"] == "error")
    assert page.outputs[-1]["ename"] == "DomainError"
    assert "In[" in "\n".join(page.outputs[-1]["traceback"])
    assert agent.finish(queued_behind[1]).status == "ok", "an error of a control aborts no cell"
    page.move("x", value=9.0)
    page.until(lambda: page.outputs[-1]["output_type"] == "execute_result")
    assert page.outputs[-1]["data"]["text/plain"] == "3.0"


def test_an_error_of_the_first_run_stops_run_all_and_the_controls_stay(agent: Frontend) -> None:
    page = Page(agent, f"%%controls\nx = -4.0 {SLIDER.replace('min:0', 'min:-5')}\nsqrt(x)")
    behind = agent.send("1 + 1")
    page.shown()
    assert page.cell.status == "error" and page.cell.content["ename"] == "DomainError"
    assert page.outputs[-1]["ename"] == "DomainError" and not page.cell.of("error")
    assert agent.finish(behind).status == "aborted"
    page.move("x", value=4.0)
    page.until(lambda: page.outputs[-1]["output_type"] == "execute_result")


def test_an_interrupt_stops_the_run_and_the_newest_change_runs(agent: Frontend) -> None:
    page = Page(agent, f"%%controls\ng = 0.1 {SLIDER}\nsleep(g); println(g)").shown()
    moved = page.move("g", value=20.0)
    page.until(lambda: len(moved.states) == 3)
    time.sleep(0.5)
    page.move("g", value=0.2)
    agent.interrupt()
    page.until(lambda: page.text == "0.2\n", 30)
    moved = page.move("g", value=19.0)
    page.until(lambda: len(moved.states) == 3)
    time.sleep(0.5)
    agent.interrupt()
    page.until(lambda: page.outputs and page.outputs[-1]["output_type"] == "error", 30)
    assert page.outputs[-1]["ename"] == "InterruptException"
    assert agent.value("1") == "1"


def test_a_silent_run_says_that_it_is_alive_and_leaves_nothing_of_that(agent: Frontend) -> None:
    page = Page(agent, f"%%controls\ng = 0.1 {SLIDER}\nsleep(g); g").shown()
    moved = page.move("g", value=4.0)
    page.until(lambda: any("running for" in str(output) for output in page.outputs))
    page.until(lambda: len(moved.states) == 4)
    assert [output["output_type"] for output in page.outputs] == ["execute_result"]
    moved = page.move("g", value=0.0)
    page.until(lambda: len(moved.states) == 4)
    assert "running for" not in str(page.outputs)


def test_a_run_may_ask(agent: Frontend) -> None:
    page = Page(
        agent, '%%controls\nn = 0 # @param {type:"integer"}\nprintln("Hello ", n > 0 ? readline() : "")'
    ).shown()
    agent.input_requests.clear()
    agent.on_input = lambda asked: "you"
    try:
        page.move("n", value=1)
        page.until(lambda: page.text == "Hello you\n")
    finally:
        agent.on_input = None
    (asked,) = agent.input_requests
    assert asked["parent_header"]["msg_id"] == page.cell.msg_id, "pages show it in the cell"


def test_displays_are_updated_where_they_are(agent: Frontend) -> None:
    agent.run('EngeeKernel.display("outside", id = "outside")')
    page = Page(
        agent,
        f"%%controls\ng = 1.0 {SLIDER}\n"
        'EngeeKernel.display("waiting", id = "inside"); EngeeKernel.update("ready $g", id = "inside");'
        'EngeeKernel.update("seen", id = "outside")',
    ).shown()
    assert [output["data"]["text/plain"] for output in page.outputs] == ['"ready 1.0"']
    (update,) = page.cell.of("update_display_data")
    assert update["data"]["text/plain"] == '"seen"'


def test_the_button_has_the_values_written_by_the_next_run(agent: Frontend) -> None:
    code = f'%%time\n%%controls\n\ng = 9.8 {SLIDER}\ns = "a" # @param\nprintln(g, s)'
    page = Page(agent, code).shown()
    page.press("Write into the cell")
    page.until(lambda: page.said)
    assert "The code has these values already." in page.said
    page.move("g", value=5.0)
    page.move("s", value="$")
    page.until(lambda: page.text.startswith("5.0$"))
    page.press("Write into the cell")
    page.until(lambda: "Run this cell once more" in page.said)
    assert f'<pre>g = 5.0 {SLIDER}\ns = "\\$" # @param</pre>' in page.said
    page.move("g", value=6.0)
    page.until(lambda: page.text.startswith("6.0$"))
    assert "Run this cell once more" in page.said and "<pre>g = 6.0 " in page.said, "the newest values are written"
    # other cells have codes of their own
    assert agent.run("1", allow_stdin=True).content["payload"] == []
    edited = code.replace("println(g, s)", "println(s, g)")
    page.send(edited)
    page.shown()
    (payload,) = page.cell.content["payload"]
    assert payload["source"] == "set_next_input" and payload["replace"] is True
    assert payload["text"] == edited.replace("9.8", "6.0").replace('"a"', '"\\$"')
    assert page.text.startswith("$6.0\n")
    page.send(payload["text"])
    page.shown()
    assert page.cell.content["payload"] == [], "it is written once"


@pytest.mark.parametrize("answers", [[True], [False, True], [False], [None]], ids=str)
def test_a_page_that_offers_itself_writes_at_once(agent: Frontend, answers: list[bool | None]) -> None:
    """Each answer is one page's; None: it has gone without a word."""
    code = f"%%time\n%%controls\ng = 9.8 {SLIDER}\nprintln(g)"
    page = Page(agent, code).shown()
    opened = {
        agent.request("comm_open", comm_id=comm_id, target_name="engee_kernel.code", data={}): (comm_id, answer)
        for answer in answers
        if (comm_id := uuid.uuid4().hex)
    }
    page.move("g", value=5.0)
    page.until(lambda: page.text.startswith("5.0\n"))
    page.press("Write into the cell")
    pressed = page._causes[-1]

    def asked(comm_id: str) -> list[Message]:
        return [content["data"] for content in pressed.of("comm_msg") if content["comm_id"] == comm_id]

    for cell, (comm_id, answer) in opened.items():
        assert not cell.of("comm_close")
        agent.until(lambda comm_id=comm_id: asked(comm_id))
        (data,) = asked(comm_id)
        assert (data["cell"], data["before"]) == (page.front_cell, code)
        assert data["after"] == code.replace("9.8", "5.0")
        if answer is not None:
            reply = {"request": data["request"], "written": answer}
            agent.request("comm_msg", comm_id=comm_id, data=reply)
    if True in answers:
        page.until(lambda: "Written into the cell." in page.said)
        page.press("Write into the cell")
        page.until(lambda: "The code has these values already." in page.said)
        page.send(code.replace("9.8", "5.0"))
        assert page.shown().cell.content["payload"] == []
    else:
        page.until(lambda: "Run this cell once more" in page.said)
        page.send(code)
        assert page.shown().cell.content["payload"][0]["text"] == code.replace("9.8", "5.0")
    for comm_id, _ in opened.values():
        closed = agent.request("comm_close", comm_id=comm_id, data={})
        agent.until(lambda closed=closed: closed.is_idle)


def test_values_that_could_not_be_written_behind_an_error_are_written_by_the_run_after_that(agent: Frontend) -> None:
    code = f"%%controls\ng = 9.8 {SLIDER}\nworks || error()\ng"
    agent.run("works = true")
    page = Page(agent, code).shown()
    page.move("g", value=5.0)
    page.until_result("5.0")
    page.press("Write into the cell")
    agent.run("works = false")
    page.send(code)
    assert page.shown().cell.status == "error"
    agent.run("works = true")
    page.send(code)  # JupyterLab takes no code from the answer of a cell that failed
    page.shown()
    assert page.cell.content["payload"][0]["text"] == code.replace("9.8", "5.0")
    assert page.outputs[-1]["data"]["text/plain"] == "5.0"


def test_running_the_cell_again_takes_its_earlier_controls_away(agent: Frontend) -> None:
    code = f"%%controls\ng = 9.8 {SLIDER}\nsleep(0.5); g"
    page = Page(agent, code).shown()
    before = set(page.models)
    page.send(code)
    page.move("g", value=5.0)  # on its way when the cell is sent: the panel is gone before its turn
    page.shown()
    assert page.outputs[-1]["data"]["text/plain"] == "9.8"
    assert not before & set(page.models)
    listed = agent.ask("comm_info_request", target_name="jupyter.widget").content["comms"]
    assert not before & set(listed) and set(page.models) <= set(listed)


def test_a_page_that_was_reloaded_asks_for_the_state(agent: Frontend) -> None:
    page = Page(agent, f"%%controls\ng = 9.8 {SLIDER}\nprintln(g)").shown()
    page.move("g", value=5.0)
    page.until(lambda: page.text == "5.0\n")
    comm_id = uuid.uuid4().hex
    target, version = "jupyter.widget.control", {"version": "1.0.0"}
    opened = agent.request("comm_open", None, version, comm_id=comm_id, target_name=target, data={})
    asked = agent.request("comm_msg", comm_id=comm_id, data={"method": "request_states"})
    agent.until(lambda: asked.of("comm_msg"))
    assert not opened.of("comm_close")
    states = asked.of("comm_msg")[0]["data"]["states"]
    assert states[page.model("g")]["state"]["value"] == 5.0
    (output,) = [
        state["state"] for name, state in states.items() if name in page.models and "outputs" in state["state"]
    ]
    assert output["outputs"][0]["text"] == "5.0\n"


def test_where_nobody_can_move_a_control_the_cell_runs_as_it_is(agent: Frontend) -> None:
    cell = agent.run(f"%%controls\ng = 9.8 {SLIDER}\nprintln(g)")  # as papermill and nbconvert send it
    assert cell.kinds == ["execute_input", "stream"] and cell.text() == "9.8\n"


def test_wrong_masks_are_code_and_told_once(agent: Frontend) -> None:
    code = f'%%controls\ng = 9.8 {SLIDER}\nn = 7 # @param {{type:"slidr"}}\nprintln(g + n)'
    page = Page(agent, code).shown()
    remark = "Line 3: this mask shows no control: “slidr” is no type; expected is slider, number,"
    assert remark in page.cell.text("stderr")
    assert page.text == "16.8\n"
    page.send(code)
    page.shown()
    assert "slidr" not in page.cell.text("stderr")


def test_a_cell_without_masks_runs_and_says_so(agent: Frontend) -> None:
    cell = agent.run("%%controls\nprintln(1)", allow_stdin=True)
    assert cell.status == "ok" and cell.text() == "1\n"
    assert "this cell has no mask" in cell.text("stderr") and "# @param" in cell.text("stderr")


def test_plain_mode(plain: Frontend) -> None:
    page = Page(plain, f"%%controls\ng = 9.8 {SLIDER}\n2g").shown()
    assert page.outputs[-1]["data"]["text/plain"] == "19.6"
    page.move("g", value=5.0)
    page.until_result("10.0")


def notebook(path: Path, **metadata: Any) -> Path:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": []}), "utf-8")
    return path


@pytest.mark.parametrize(
    ("metadata", "shows"),
    [
        ({"engee_kernel": {"from": ".ngscript"}}, {"asked": False, "scripts": True}),
        ({}, {"scripts": False, "all": True}),
    ],
)
def test_controls_by_themselves(
    local_engee: LocalEngee,
    kernel_factory: KernelFactory,
    tmp_path: Path,
    metadata: dict[str, Any],
    shows: dict[str, bool],
) -> None:
    kernel = kernel_factory(local_engee)
    address = notebook(tmp_path / "model.ipynb", **metadata).as_uri().replace("file:", "vscode-notebook-cell:")
    for choice, expected in shows.items():
        kernel.run(f"%config controls = {choice}")
        page = Page(kernel, f"g = 9.8 {SLIDER}\n2g", front_cell=f"{address}#W0sZmlsZQ==").shown()
        assert (VIEW in str(page.cell.messages)) == expected
        if not expected:
            assert page.cell.result == "19.6"
            continue
        page.move("g", value=5.0)
        page.until_result("10.0")


def test_a_script_is_known_by_the_name_that_jupyter_server_gives(local_engee: LocalEngee, tmp_path: Path) -> None:
    file = notebook(tmp_path / "model.ipynb", engee={})
    environment = {
        "ENGEE_URL": local_engee.url,
        "ENGEE_TOKEN": local_engee.token,
        "ENGEE_CONTROLS": "scripts",
        "JPY_SESSION_NAME": str(file),
    }
    with Frontend(tmp_path / "kernel", environment) as kernel:
        assert VIEW in str(Page(kernel, f"g = 9.8 {SLIDER}").shown().cell.messages)
        notebook(file)
        assert VIEW not in str(Page(kernel, f"g = 9.8 {SLIDER}").shown().cell.messages)


LOADED = """
import sys
import engee_kernel.jupyter.application
from engee_kernel.magics.registry import magics
before = set(sys.modules)
assert "%%controls" in magics()
print(sorted(name for name in sys.modules if name.startswith(("ipywidgets", "engee_kernel.controls.panel"))))
print("engee_kernel.masks.form" in before)
"""


def test_a_kernel_without_controls_loads_nothing_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_without_ipywidgets_the_error_says_how_to_install_it(local_engee: LocalEngee, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow" / "ipywidgets.py"
    shadow.parent.mkdir()
    shadow.write_text("raise ImportError('No module named ipywidgets')", encoding="utf-8")
    environment = {
        "ENGEE_URL": local_engee.url,
        "ENGEE_TOKEN": local_engee.token,
        "ENGEE_CONTROLS": "all",
        "PYTHONPATH": str(shadow.parent),
    }
    with Frontend(tmp_path / "kernel", environment) as kernel:
        cell = kernel.run(f"%%controls\ng = 9.8 {SLIDER}", allow_stdin=True)
        assert cell.error["ename"] == "UsageError" and 'pip install "engee-kernel[widgets]"' in cell.traceback
        for told in (True, False):
            cell = kernel.run(f"g = 9.8 {SLIDER}\n2g", allow_stdin=True)
            assert cell.result == "19.6", "by themselves they are no condition"
            assert ('pip install "engee-kernel[widgets]"' in cell.text("stderr")) == told
