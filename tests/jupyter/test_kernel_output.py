"""What a cell puts out with the agent: live, in order, whole, in every form."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from frontend import Cell, Frontend, KernelFactory, Message

from engee_kernel.emulator.process import LocalEngee


def arrivals(cell: Cell) -> list[float]:
    """When each piece of stdout came."""
    return [
        moment
        for message, moment in zip(cell.messages, cell.times, strict=True)
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout"
    ]


def test_lines_come_as_they_are_printed(agent: Frontend) -> None:
    cell = agent.run('for i in 1:10 println("line $i"); sleep(0.3) end')
    assert cell.text() == "".join(f"line {number}\n" for number in range(1, 11))
    moments = arrivals(cell)
    assert len(moments) >= 8, "no great pieces at the end"
    assert moments[0] - cell.sent_at < 1.5
    assert moments[-1] - moments[0] > 2.0
    assert max(b - a for a, b in pairwise(moments)) < 1.5


def test_a_short_warm_cell_costs_one_request(agent: Frontend, local_engee: LocalEngee) -> None:
    agent.run("1+1")
    agent.pause(1)
    local_engee.reset()
    for number in range(5):
        assert agent.run(f"{number} + 1").result == str(number + 1)
    agent.pause(0.5)
    calls = [(call["method"], call["path"].rsplit("/", 1)[-1]) for call in local_engee.requests()]
    assert calls == [("POST", "eval")] * 5


def test_streams_keep_their_order(agent: Frontend) -> None:
    cell = agent.run(
        'for i in 1:5\n    println("out $i")\n    println(stderr, "err $i")\nend\n@info "told"\nprint("end")'
    )
    shown = [(content["name"], content["text"]) for content in cell.of("stream")]
    assert (
        "".join(text for name, text in shown if name == "stdout") == "".join(f"out {i}\n" for i in range(1, 6)) + "end"
    )
    joined = "".join(text for _, text in shown)
    positions = [joined.index(f"{name} {i}") for i in range(1, 6) for name in ("out", "err")]
    assert positions == sorted(positions)
    assert "told" in cell.text("stderr")


def test_programs_print_into_the_cell(agent: Frontend) -> None:
    cell = agent.run('println("before"); run(`sh -c "echo from outside; echo wrong >&2"`); println("after")')
    assert cell.status == "ok"
    assert cell.text().split() == ["before", "from", "outside", "after"]
    assert "wrong" in cell.text("stderr")


@pytest.mark.slow
def test_a_hundred_thousand_lines_come_whole(agent: Frontend) -> None:
    cell = agent.run("for i in 1:100_000 println(i) end", timeout_s=100)
    assert cell.text() == "".join(f"{number}\n" for number in range(1, 100_001))


def test_one_line_of_a_million_characters(agent: Frontend) -> None:
    cell = agent.run('print("é"^1_000_000)', timeout_s=60)
    assert cell.text() == "é" * 1_000_000


def test_output_beyond_the_limit_is_dropped_and_told(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, output_limit_bytes=10_000)
    cell = kernel.run('for i in 1:10_000 println("line $i") end; 42', timeout_s=60)
    assert len(cell.text().encode()) <= 10_000
    assert cell.text().startswith("line 1\nline 2\n")
    assert "output_limit_bytes" in cell.text("stderr") and "bytes of output were dropped" in cell.text("stderr")
    assert cell.result == "42"
    assert kernel.run('print("again")').text() == "again"


def test_progress_bars_stay_whole(agent: Frontend) -> None:
    cell = agent.run(
        "for i in 1:60\n"
        '    print("\\r\\e[2K", "step ", lpad(i, 2), " \\e[32m", "█"^i, "\\e[39m")\n    sleep(0.02)\nend\n'
        "println()"
    )
    text = cell.text()
    steps = re.findall(r"\r\x1b\[2Kstep ([ \d]\d) \x1b\[32m(█+)\x1b\[39m", text)
    assert [int(number) for number, _ in steps] == list(range(1, 61))
    assert all(len(bar) == int(number) for number, bar in steps)
    for content in cell.of("stream"):
        assert not re.search(r"\x1b(\[[0-9;?]*)?$", content["text"]), "cut inside an escape sequence"
        assert not content["text"].endswith("\r")


def test_windows_line_ends_stay_together(agent: Frontend) -> None:
    cell = agent.run('for i in 1:50 print("a\\r"); sleep(0.01); print("\\n") end')
    assert cell.text() == "a\r\n" * 50
    assert not any(content["text"].endswith("\r") for content in cell.of("stream"))


def test_characters_are_never_cut(agent: Frontend) -> None:
    cell = agent.run('for b in codeunits("α😀" ^ 20) write(stdout, b); sleep(0.003) end')
    assert cell.text() == "α😀" * 20
    assert "\ufffd" not in cell.text()


# Rich output

BUNDLES = [
    ("text/html", "<b>bold</b>"),
    ("text/latex", "$x^2$"),
    ("text/markdown", "*it*"),
    ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'></svg>"),
]


@pytest.mark.parametrize(("mime", "text"), BUNDLES, ids=[mime for mime, _ in BUNDLES])
def test_bundles(agent: Frontend, mime: str, text: str) -> None:
    name = "Rich" + re.sub(r"\W", "", mime)
    agent.run(f'struct {name} end\nBase.show(io::IO, ::MIME"{mime}", ::{name}) = print(io, raw"""{text}""")')
    as_value = agent.run(f"{name}()").of("execute_result")[0]
    assert as_value["data"][mime] == text and "text/plain" in as_value["data"]
    shown = agent.run(f"display({name}()); 5")
    assert shown.of("display_data")[0]["data"][mime] == text
    assert shown.result == "5"


SAME = {  # a Markdown object of Julia's has all of them, and tables have HTML and LaTeX
    "markdown": (["text/plain", "text/markdown", "text/latex"], ["text/plain", "text/markdown"]),
    "html": (["text/plain", "text/html", "text/latex"], ["text/plain", "text/html"]),
    "formula": (["text/plain", "text/latex"], ["text/plain", "text/latex"]),
    "picture": (["text/plain", "image/svg+xml", "text/latex"], ["text/plain", "image/svg+xml", "text/latex"]),
}


@pytest.mark.parametrize("name", SAME)
def test_latex_does_not_stand_beside_what_says_the_same(agent: Frontend, name: str) -> None:
    given, expected = SAME[name]
    methods = "".join(f'Base.show(io::IO, ::MIME"{mime}", ::Same{name}) = print(io, "{mime}")\n' for mime in given[1:])
    cell = agent.run(
        f"struct Same{name} end\n{methods}display(Same{name}()); Same{name}()", user_expressions={"x": f"Same{name}()"}
    )
    assert list(cell.of("display_data")[0]["data"]) == expected
    assert list(cell.of("execute_result")[0]["data"]) == expected
    assert list(cell.content["user_expressions"]["x"]["data"]) == expected


def test_help_and_markdown_are_shown_by_vs_code(agent: Frontend) -> None:
    """It prefers LaTeX, and its KaTeX knows neither \\verb nor \\texttt."""
    for code in ("?sqrt", 'using Markdown; md"""- `a` and **b**\n\n    code"""'):
        (shown,) = agent.run(code).of("display_data", "execute_result")
        assert "text/markdown" in shown["data"] and "text/latex" not in shown["data"]


def test_pictures_are_base64(agent: Frontend) -> None:
    agent.run('struct Dot end\nBase.show(io::IO, ::MIME"image/png", ::Dot) = write(io, UInt8[0x89, 0x50, 0xff])')
    assert agent.run("Dot()").of("execute_result")[0]["data"]["image/png"].strip() == "iVD/"


def test_displays_come_while_the_cell_runs(agent: Frontend) -> None:
    cell = agent.run('for i in 1:4\n    display("text/html", "<p>$i</p>")\n    sleep(0.4)\nend')
    shown = [
        (moment, message["content"]["data"]["text/html"])
        for message, moment in zip(cell.messages, cell.times, strict=True)
        if message["msg_type"] == "display_data"
    ]
    assert [text for _, text in shown] == [f"<p>{number}</p>" for number in range(1, 5)]
    assert shown[-1][0] - shown[0][0] > 0.8


def test_displays_are_updated(agent: Frontend) -> None:
    cell = agent.run('EngeeKernel.display("a", id = "d1")\nsleep(0.1)\nEngeeKernel.update("b", id = "d1")')
    assert (
        cell.of("display_data")[0]["transient"]["display_id"]
        == cell.of("update_display_data")[0]["transient"]["display_id"]
    )
    assert "b" in cell.outputs[0]["data"]["text/plain"] and len(cell.outputs) == 1
    later = agent.run('EngeeKernel.update("c", id = "d1")')
    assert (
        later.of("update_display_data")[0]["transient"]["display_id"]
        == cell.of("display_data")[0]["transient"]["display_id"]
    )


@pytest.mark.parametrize("wait", ["false", "true"])
def test_output_is_cleared(agent: Frontend, wait: str) -> None:
    cell = agent.run(f'println("old"); EngeeKernel.clear_output(wait = {wait}); println("new")')
    assert cell.of("clear_output") == [{"wait": wait == "true"}]
    assert [output["text"] for output in cell.outputs] == ["new\n"]


BAR = r'for i in 1:5; print("\r", i, "/5"); i == 2 && sleep(0.1); end'


@pytest.mark.parametrize(
    "before", ["sleep(3.2)", 'println("old"); EngeeKernel.clear_output(wait = true)'], ids=["life sign", "own"]
)
def test_a_progress_bar_replaces_no_output(agent: Frontend, before: str) -> None:
    """VS Code keeps each state of one that does, as a line: what is there is cleared at once."""
    cell = agent.run(f"{before}; {BAR}")
    at = cell.kinds.index("clear_output")
    assert cell.kinds[at + 1] == "stream" and cell.of("clear_output") == [{"wait": False}]
    assert [output["text"] for output in cell.outputs] == ["\r1/5\r2/5\r3/5\r4/5\r5/5"]


def test_a_clear_that_waits_for_nothing_clears_nothing(agent: Frontend) -> None:
    cell = agent.run('println("old"); EngeeKernel.clear_output(wait = true)')
    assert [output["text"] for output in cell.outputs] == ["old\n"]


def test_a_display_behind_a_life_sign_takes_its_place(agent: Frontend) -> None:
    cell = agent.run('sleep(3.2); display("text/html", "<p>")')
    assert cell.kinds[-2:] == ["clear_output", "display_data"] and cell.of("clear_output") == [{"wait": True}]


def saved_by_nbmodel(cell: Cell) -> list[Message]:
    """What a server-side executor that ignores updates, and clears at once, writes into the notebook."""
    saved: list[Message] = []
    for message in cell.messages:
        if message["msg_type"] == "clear_output":
            saved.clear()
        elif message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
            saved.append(message["content"])
    return saved


def saved_by_documents(cell: Cell) -> list[Message]:
    """And one that adds updates as outputs of their own, and clears when it is told to, at once."""
    saved: list[Message] = []
    for message in cell.messages:
        if message["msg_type"] == "clear_output":
            saved.clear()
        elif message["msg_type"] not in ("status", "execute_input"):
            saved.append(message["content"])
    return saved


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ('sleep(3.2); println("done"); sleep(3.2); 7', ["stream", "execute_result"]),
        ('println("first"); sleep(3.2); println(stderr, "second"); sleep(3.2)', ["stream", "stream"]),
        ('display("text/html", "<p>"); sleep(3.2)', ["display_data"]),
        ('sleep(3.2); error("x")', ["error"]),
        ("sleep(3.2)", []),
        ('println("gone"); EngeeKernel.clear_output(); sleep(3.2); 7', ["execute_result"]),
    ],
)
def test_the_sign_of_life_leaves_no_trace(agent: Frontend, code: str, kinds: list[str]) -> None:
    """In no front end, in no saved notebook, whoever runs the cell; not even an empty display."""
    cell = agent.run(code)
    shows = ("println" not in code.partition(";")[0] and "display" not in code.partition(";")[0]) or "clear" in code
    assert ("running for" in str(cell.of("display_data"))) == shows
    assert [output["kind"] for output in cell.outputs] == kinds
    for saved in (saved_by_nbmodel(cell), saved_by_documents(cell)):
        assert len(saved) == len(kinds) and "running for" not in str(saved), saved


@pytest.mark.slow
def test_below_output_a_trouble_that_lasts_is_told_once(agent: Frontend, local_engee: LocalEngee) -> None:
    cell = agent.send('println("first"); sleep(20); println("second")')
    agent.until(lambda: "first" in cell.text(), 20)
    local_engee.faults({"kind": "drop_before", "path": "external"})
    agent.until(lambda: cell.text("stderr"), 40, cell)
    agent.pause(3)
    local_engee.faults()
    agent.finish(cell)
    assert cell.text() == "first\nsecond\n"
    assert cell.text("stderr").count("no connection to Engee") == 1 == cell.text("stderr").count("\n")


def test_an_error_behind_output(agent: Frontend) -> None:
    cell = agent.run('print("no newline"); error("behind")')
    assert [output["kind"] for output in cell.outputs] == ["stream", "error"]
    assert cell.text() == "no newline"


def test_a_silent_cell_shows_nothing_and_its_error_comes_back(agent: Frontend) -> None:
    assert agent.run('println("x"); display("text/html", "<p>"); 5', silent=True).outputs == []
    failed = agent.run('println("x"); error(5)', silent=True)
    assert failed.status == "error" and failed.content["ename"] == "ErrorException"


def test_user_expressions(agent: Frontend) -> None:
    cell = agent.run("a = 20", user_expressions={"twice": "2a", "wrong": "nosuch", "text": '"α"'})
    expressions = cell.content["user_expressions"]
    assert expressions["twice"]["status"] == "ok" and expressions["twice"]["data"]["text/plain"] == "40"
    assert "α" in expressions["text"]["data"]["text/plain"]
    assert expressions["wrong"]["status"] == "error"
    assert {"ename", "evalue", "traceback"} <= expressions["wrong"].keys()


def test_ans_and_soft_scope(agent: Frontend) -> None:
    agent.run("41")
    assert agent.run("ans + 1").result == "42"
    assert agent.run("total = 0\nfor i in 1:3\n    total += i\nend\ntotal").result == "6"


def test_help_and_shell(agent: Frontend, local_engee: LocalEngee) -> None:
    assert "println" in str(agent.run("?println").outputs)
    assert agent.run(";echo from the shell").text() == "from the shell\n"
    assert agent.run(";cd /user" if local_engee_is_mounted(local_engee) else ";pwd").status == "ok"


def local_engee_is_mounted(engee: LocalEngee) -> bool:
    return bool(getattr(engee, "user_is_mounted", False))


def test_output_of_a_task_lands_in_its_notebook(agent: Frontend) -> None:
    cell = agent.run('@sync begin\n    @async (sleep(0.2); println("from a task"))\n    println("from the cell")\nend')
    assert cell.text() == "from the cell\nfrom a task\n"


def test_files_of_user_are_there(agent: Frontend, local_engee: LocalEngee) -> None:
    (Path(local_engee.user_dir) / "привет.txt").write_text("da", encoding="utf-8")
    assert agent.run('print(read(joinpath(get(ENV, "ENGEE_USER_DIR", "/user"), "привет.txt"), String))').text() == "da"
