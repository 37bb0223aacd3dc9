"""Exactly once, complete and in order, whatever the network and the server do: a counter in Julia is the witness."""

from __future__ import annotations

import itertools
import random

import pytest
from frontend import Frontend, KernelFactory

from engee_kernel.emulator.process import LocalEngee

TRANSIENT = [
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "drop_body"},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "retry_after_s": 1},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 503, "ran": True},
    {"kind": "status", "status": 504, "ran": True},
    {"kind": "not_json"},
    {"kind": "not_json", "ran": True},
    {"kind": "proxy_timeout", "delay_s": 0.1},
    {"kind": "latency", "delay_s": 0.2, "jitter_s": 0.3},
]
NAMES = ["-".join(map(str, fault.values())) for fault in TRANSIENT]


def counted(kernel: Frontend) -> int:
    return int(kernel.value("counter"))


@pytest.mark.parametrize("fault", TRANSIENT, ids=NAMES)
def test_a_transient_fault_is_not_seen_with_the_agent(
    agent: Frontend, local_engee: LocalEngee, fault: dict[str, object]
) -> None:
    agent.run("counter = 0;")
    local_engee.faults({**fault, "path": "external", "count": 3})
    cell = agent.run('global counter += 1\nfor i in 1:8 println("line $i"); sleep(0.1) end\ncounter')
    assert cell.status == "ok", cell.traceback
    assert [output["kind"] for output in cell.outputs] == ["stream", "execute_result"], cell.outputs
    assert cell.text() == "".join(f"line {number}\n" for number in range(1, 9))
    assert cell.result == "1"
    local_engee.faults()
    assert counted(agent) == 1


def test_a_login_page_that_stays_is_named(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    kernel = kernel_factory(local_engee, reconnect_bound_s=2)
    kernel.run("counter = 0;", timeout_s=60)
    local_engee.faults({"kind": "not_json", "ran": True, "path": "external"})
    cell = kernel.run("global counter += 1", timeout_s=60)
    assert cell.status == "error"
    assert "sign in" in cell.traceback.lower() and "%jobs attach" in cell.traceback, cell.traceback
    local_engee.faults()
    assert counted(kernel) == 1


PLAIN = [
    ({"kind": "drop_before"}, 0, "was lost"),
    ({"kind": "drop_after"}, 1, "was lost"),
    ({"kind": "drop_body"}, 1, "was lost"),
    ({"kind": "status", "status": 502}, 0, "gateway"),
    ({"kind": "status", "status": 503, "ran": True}, 1, "gateway"),
    ({"kind": "status", "status": 504, "ran": True}, 1, "time limit"),
    ({"kind": "not_json", "ran": True}, 1, "with pages"),
]


@pytest.mark.parametrize(("fault", "ran", "words"), PLAIN, ids=["-".join(map(str, f.values())) for f, _, _ in PLAIN])
def test_without_the_agent_a_fault_is_told_and_nothing_is_sent_again(
    plain: Frontend, local_engee: LocalEngee, fault: dict[str, object], ran: int, words: str
) -> None:
    plain.run("counter = 0;")
    local_engee.faults({**fault, "path": "command/eval", "count": 1})
    cell = plain.run("global counter += 1")
    assert cell.status == "error" and words in cell.traceback
    assert [output["kind"] for output in cell.outputs] == ["error"]
    assert len([call for call in local_engee.requests() if call["path"].endswith("eval")]) == 2
    assert counted(plain) == ran


@pytest.mark.parametrize(
    "fault",
    [fault for fault in TRANSIENT if fault["kind"] not in ("proxy_timeout", "not_json")],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_job_without_the_agent_comes_through(
    plain: Frontend, local_engee: LocalEngee, fault: dict[str, object]
) -> None:
    plain.run("counter = 0;")
    local_engee.faults({**fault, "path": "/jobs/", "count": 3})
    cell = plain.run("%%job\nglobal counter += 1; sleep(0.3); counter")
    assert cell.status == "ok" and cell.result == "1", cell
    local_engee.faults()
    assert counted(plain) == 1


def test_a_rate_limit_is_waited_for_without_the_agent(plain: Frontend, local_engee: LocalEngee) -> None:
    plain.run("counter = 0;")
    local_engee.faults({"kind": "status", "status": 429, "retry_after_s": 1, "path": "command/eval", "count": 2})
    assert plain.run("global counter += 1").result == "1"


@pytest.mark.slow
def test_two_hundred_cells_under_random_drops(agent: Frontend, local_engee: LocalEngee) -> None:
    seed = random.randrange(2**31)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    agent.run("counter = 0; order = Int[];")
    faults = [
        {"kind": kind, "path": "external", "probability": 0.1} for kind in ("drop_before", "drop_after", "drop_body")
    ]
    local_engee.faults(*faults, seed=seed)
    for number in range(1, 201):
        cell = agent.run(f'global counter += 1; push!(order, {number}); println("o{number}"); counter')
        assert cell.status == "ok", f"seed {seed}: {cell.traceback}"
        assert (cell.text(), cell.result) == (f"o{number}\n", str(number)), f"seed {seed}"
    local_engee.faults()
    assert counted(agent) == 200, f"seed {seed}"
    assert agent.value("order == 1:200") == "true", f"seed {seed}"


@pytest.mark.slow
def test_output_is_whole_and_in_order_under_drops(agent: Frontend, local_engee: LocalEngee) -> None:
    seed = random.randrange(2**31)  # noqa: S311
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    faults = [
        {"kind": kind, "path": "external", "probability": 0.15} for kind in ("drop_before", "drop_after", "drop_body")
    ]
    local_engee.faults(*faults, seed=seed)
    cell = agent.run(
        'for i in 1:300\n    println(i)\n    i % 50 == 0 && display("text/html", "<i>$i</i>")\n'
        '    sleep(0.02)\nend; "end"',
        timeout_s=100,
    )
    local_engee.faults()
    assert cell.status == "ok", f"seed {seed}"
    assert cell.text() == "".join(f"{number}\n" for number in range(1, 301)), f"seed {seed}"
    shown = [content["data"]["text/html"] for content in cell.of("display_data") if "running for" not in str(content)]
    assert shown == [f"<i>{number}</i>" for number in range(50, 301, 50)], f"seed {seed}"
    assert cell.result == '"end"'


@pytest.mark.slow
@pytest.mark.parametrize(
    ("evals", "jobs", "strings"),
    list(itertools.product(("parallel", "serial"), ("same-process", "own-process"), ("unquoted", "quoted"))),
)
def test_whatever_the_server_does_about_concurrency(
    kernel_factory: KernelFactory, local_engee: LocalEngee, evals: str, jobs: str, strings: str
) -> None:
    local_engee.configure(evals=evals, jobs=jobs, strings=strings)
    kernel = kernel_factory(local_engee, handoff_after_s=1)
    kernel.run("counter = 0;", timeout_s=100)
    short = kernel.run('global counter += 1; println("α \\"\\$\\\\n"); "s\\$"')
    assert short.text() == 'α "$\\n\n' and short.result == '"s\\$"'
    long = kernel.send('global counter += 1\nfor i in 1:8 println("line $i"); sleep(0.4) end\ncounter')
    kernel.until(lambda: "line 2" in long.text(), 20)
    assert long.reply is None, "output is live"
    kernel.finish(long)
    assert long.text() == "".join(f"line {number}\n" for number in range(1, 9)) and long.result == "2"
    job = kernel.run('%%job\nprintln("in a job"); sleep(1.2); 6 * 7', timeout_s=90)
    assert job.status == "ok" and job.result == "42", job
    assert "in a job" in job.text() or jobs == "own-process"
    failed = kernel.run("%%job\nnosuch", timeout_s=90)
    assert failed.error["ename"] == "UndefVarError"
    sleeping = kernel.send("sleep(60)")
    kernel.pause(2)
    kernel.interrupt()
    kernel.finish(sleeping, 20)
    assert sleeping.error["ename"] in ("InterruptException", "StillRunningError")
    assert counted(kernel) == 2


@pytest.mark.parametrize("limit_s", [0.4, 1.0])
def test_a_proxy_limit_shorter_than_the_cell(
    kernel_factory: KernelFactory, local_engee: LocalEngee, limit_s: float
) -> None:
    kernel = kernel_factory(local_engee)
    kernel.run("counter = 0;", timeout_s=60)
    local_engee.configure(eval_limit_s=limit_s)
    cell = kernel.run("global counter += 1\nfor i in 1:6 println(i); sleep(0.5) end\ncounter")
    assert cell.status == "ok", cell.traceback
    assert cell.text() == "".join(f"{number}\n" for number in range(1, 7)) and cell.result == "1"
    quiet = kernel.run("global counter += 1; sleep(4); counter")
    assert quiet.result == "2"


def test_evals_that_wait_for_jobs(kernel_factory: KernelFactory, local_engee: LocalEngee) -> None:
    local_engee.configure(evals_during_jobs=False)
    kernel = kernel_factory(local_engee, handoff_after_s=1)
    kernel.run("counter = 0;", timeout_s=60)
    for turn in (1, 2):
        cell = kernel.run("global counter += 1\nfor i in 1:8 println(i); sleep(0.4) end\ncounter")
        assert cell.text() == "".join(f"{number}\n" for number in range(1, 9)) and cell.result == str(turn)
    job = kernel.run('%%job\nprintln("x"); sleep(1); 5')
    assert (job.text(), job.result) == ("x\n", "5")


@pytest.mark.slow
@pytest.mark.parametrize("proxied", [False, True], ids=["no-limit", "proxy-limit"])
def test_code_that_never_yields(
    kernel_factory: KernelFactory, local_engee_factory: KernelFactory, proxied: bool
) -> None:
    engee: LocalEngee = local_engee_factory()  # type: ignore[assignment]
    kernel = kernel_factory(engee)
    kernel.run("counter = 0;", timeout_s=120)
    if proxied:
        engee.configure(eval_limit_s=1.5)
    cell = kernel.run('println("before")\nglobal counter += 1\nlet t = time()\nwhile time() < t + 6 end\nend\ncounter')
    assert cell.status == "ok", cell.traceback
    assert (cell.text(), cell.result) == ("before\n", "1")
    engee.configure(eval_limit_s=None)
    assert counted(kernel) == 1


def test_an_outage_in_the_middle_is_bridged_and_told(agent: Frontend, local_engee: LocalEngee) -> None:
    agent.run("counter = 0;")
    cell = agent.send("global counter += 1\nsleep(6)\nfor i in 1:8 println(i) end\ncounter")
    agent.until(lambda: cell.of("display_data"), 20)
    local_engee.faults({"kind": "drop_before", "path": "/"})
    agent.pause(4)
    local_engee.faults()
    agent.finish(cell)
    assert cell.status == "ok", cell.traceback
    assert cell.text() == "".join(f"{number}\n" for number in range(1, 9)) and cell.result == "1"
    told = [content["data"]["text/plain"] for content in cell.of("display_data", "update_display_data")]
    assert any("no connection" in text for text in told), told
    assert not any("no connection" in str(output) for output in cell.outputs), "it leaves no trace"


def test_an_outage_beyond_the_bound_gives_the_prompt_back(
    kernel_factory: KernelFactory, local_engee: LocalEngee
) -> None:
    kernel = kernel_factory(local_engee, reconnect_bound_s=2)
    kernel.run("counter = 0;", timeout_s=60)
    cell = kernel.send("global counter += 1; sleep(3); counter")
    kernel.pause(0.5)
    local_engee.faults({"kind": "drop_before", "path": "/"})
    kernel.finish(cell, 40)
    local_engee.faults()
    assert cell.error["ename"] == "StillRunningError"
    assert "goes on there as far as is known" in cell.traceback and "%jobs attach" in cell.traceback
    assert counted(kernel) == 1
