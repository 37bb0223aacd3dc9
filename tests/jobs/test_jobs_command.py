"""`engee-kernel run` and `engee-kernel jobs`, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from joblab import COMMAND_LIMIT_S, COMMAND_LINE, Command, Gate

from engee_kernel.emulator.process import LocalEngee

Write = Callable[..., str]

FAILING = """\
println("до")
f(x) = x > 2 ? error("boom") : x
@warn "careful"
f(3)
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(code: str, name: str = "model.jl") -> str:
        (tmp_path / name).write_text(code, encoding="utf-8")
        return name

    return write_file


@contextmanager
def running(environment: dict[str, str], folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND_LINE, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        env=environment,
        cwd=folder,
        **own_group,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def ctrl_c(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)


def test_a_file_runs_as_julia_would_run_it(command: Command, write: Write) -> None:
    done = command("run", write('print("name? "); n = readline(); println("Hi $n"); display([1 2]); 42'), stdin="Боб\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("name? Hi Боб\n1×2 ")
    assert done.stdout.endswith(":\n 1  2\n")  # the value of the last expression is not printed


def test_an_error_is_printed_and_is_the_exit_code(command: Command, write: Write) -> None:
    done = command("run", write(FAILING))
    assert (done.returncode, done.stdout) == (1, "до\n")
    assert "ERROR: boom\nStacktrace:" in done.stderr
    assert "model.jl:2" in done.stderr and "model.jl:4" in done.stderr
    assert "Main model.jl:3" in done.stderr
    assert "In[1]" not in done.stderr
    assert "\x1b" not in done.stderr


def test_json(command: Command, write: Write) -> None:
    done = command("run", write('println("a"); println(stderr, "b"); 6 * 7'), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"], report["stdout"], report["stderr"]) == (0, "ok", "a\n", "b\n")
    assert report["result"] == {"text/plain": "42"}
    done = command("run", write(FAILING), "--json", "--job")
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"], report["error"]["type"]) == (1, "error", "ErrorException")


def test_mistakes(command: Command, write: Write) -> None:
    for words, said in (
        (("run", "nothing.jl"), "There is no file nothing.jl"),
        (("run", write("  ", "empty.jl")), "is empty"),
        (("run", write("1"), "--timeout", "-1"), "0 or more"),
        (("jobs", "attach", "zz"), "engee-kernel jobs --all lists them"),
        (("jobs", "dance"), "dance"),
    ):
        done = command(*words)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert said in done.stderr


def test_a_detached_file_is_listed_waited_for_and_attached_to(command: Command, write: Write, gate: Gate) -> None:
    started = command("run", write(f'for i in 1:4; println("n $i"); end; {gate.wait}; [1.5, 2]'), "--detach")
    job_id = started.stdout.strip()
    assert started.returncode == 0
    assert f"engee-kernel jobs attach {job_id}" in started.stderr
    table = command("jobs", "--running").stdout
    assert job_id[:8] in table and "model.jl" in table
    gate.open()
    attached = command("jobs", "attach", job_id[:8])
    assert (attached.returncode, attached.stdout.splitlines()[:4]) == (0, ["n 1", "n 2", "n 3", "n 4"])
    waited = command("jobs", "wait", job_id, "--json")
    (row,) = json.loads(waited.stdout)
    assert (waited.returncode, row["job_id"], row["state"], row["name"]) == (0, job_id, "done", "model.jl")
    result = command("jobs", "result", job_id)
    assert result.stdout.startswith("2-element") and "n 1" not in result.stdout
    assert json.loads(command("jobs", "attach", job_id, "--json").stdout)["stdout"] == "n 1\nn 2\nn 3\nn 4\n"
    assert command("jobs", "list", "--failed").stdout == "No jobs.\n"


def test_interrupting_by_command(command: Command, write: Write) -> None:
    job_id = command("run", write("sleep(60)"), "--detach").stdout.strip()
    late = command("jobs", "wait", job_id, "--timeout", "0.5")
    assert late.returncode == 1 and "still runs" in late.stderr and "engee-kernel jobs --running" in late.stderr
    assert "has stopped" in command("jobs", "interrupt", job_id).stdout
    assert command("jobs", "wait", job_id).returncode == 1
    assert command("jobs", "result", job_id).returncode == 130


def test_a_time_limit(command: Command, write: Write) -> None:
    done = command("run", write('println("on"); sleep(60)'), "--timeout", "1")
    assert (done.returncode, done.stdout) == (130, "on\n")
    assert "time limit" in done.stderr


@pytest.mark.parametrize("job", [[], ["--job"]])
def test_ctrl_c_interrupts_the_code_in_engee(
    command: Command, command_environment: dict[str, str], tmp_path: Path, write: Write, job: list[str]
) -> None:
    write('println("on"); try; sleep(60); finally; println("cleaned"); end')
    with running(command_environment, tmp_path, "run", "model.jl", *job) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        ctrl_c(process)
        out, errors = process.communicate(timeout=COMMAND_LIMIT_S)
    assert (process.returncode, out) == (130, "cleaned\n")
    assert "ERROR: InterruptException" in errors


def test_a_second_ctrl_c_comes_back_at_once_and_says_how_to_attach(
    command: Command, command_environment: dict[str, str], tmp_path: Path, write: Write
) -> None:
    code = 'println("on"); for i in 1:40; try; sleep(0.2); catch; end; end; println("went on"); 5'
    write(code)
    environment = command_environment | {"ENGEE_INTERRUPT_GRACE_S": "60"}
    with running(environment, tmp_path, "run", "model.jl", "--job") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        ctrl_c(process)
        time.sleep(1)
        assert process.poll() is None
        ctrl_c(process)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    job_id = errors.partition("engee-kernel jobs attach ")[2].split()[0]
    attached = command("jobs", "attach", job_id)
    assert attached.stdout == "on\nwent on\n5\n"


@pytest.mark.skipif(os.name == "nt", reason="a pipe is not given to the process as its keyboard there")
def test_ctrl_c_at_a_prompt_ends_in_order(command_environment: dict[str, str], tmp_path: Path, write: Write) -> None:
    write('println("on"); readline()')
    with running(command_environment, tmp_path, "run", "model.jl") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        time.sleep(0.5)
        ctrl_c(process)
        process.wait(timeout=COMMAND_LIMIT_S)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 130
    assert "InterruptException" in errors and "Fatal" not in errors


def test_a_file_runs_to_its_end_behind_pages_of_the_gateway(
    command: Command, write: Write, local_engee: LocalEngee
) -> None:
    pages = {"kind": "maintenance", "path": "external/command", "skip": 2, "count": 3}
    for words in ((), ("--job",)):
        local_engee.faults(pages)
        done = command("run", *words, write('println("began"); sleep(1); println("ended")'))
        local_engee.faults()
        assert (done.returncode, done.stdout) == (0, "began\nended\n"), done.stderr
