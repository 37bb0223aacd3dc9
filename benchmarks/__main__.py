"""Measure, print a table, write build/bench.json: {name: {value, unit, peer, peer_value, ratio, aim, holds}}.

Each figure stands against a peer measured in the same run on the same machine: a bare echo kernel, the raw
HTTP request, a plain ipykernel, curl. `--quick` takes fewer rounds and smaller files.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
import psutil

from engee_kernel.emulator.julia import ENVIRONMENT_NAME
from engee_kernel.emulator.process import LocalEngee

from .cold import Cold
from .figures import Table, figure, milliseconds
from .kernels import ECHO, ENGEE, IPYKERNEL, Measured, kernel
from .many import many
from .transfers import Pair, has_curl

REPORT = Path(__file__).parents[1] / "build" / "bench.json"
PARTS = ("cold", "warm", "many", "transfers")
EVAL = "external/command/eval"


class Bench:
    def __init__(self, engee: LocalEngee, table: Table, *, quick: bool) -> None:
        self.engee = engee
        self.add = table.add
        self.quick = quick
        self.environment = {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}
        self.http = httpx.Client(
            base_url=engee.session_url, headers={"Authorization": f"Bearer {engee.token}"}, timeout=60
        )

    def raw_eval_s(self, command: str = "1+1") -> float:
        began = time.perf_counter()
        self.http.post(EVAL, json={"command": command}).raise_for_status()
        return time.perf_counter() - began

    def start(self) -> None:
        rounds = 3 if self.quick else 7
        own, echo, first = [], [], []
        for _ in range(rounds):
            with kernel(ECHO) as measured:
                echo.append(measured.start_s)
            with kernel(ENGEE, self.environment) as measured:
                own.append(measured.start_s)
                measured.reply_s("1+1")
                first.append(measured.since_start_s())
        peer_ms = 1000 * median(echo)
        self.add(
            "start to ready",
            figure(
                1000 * median(own),
                "ms",
                "echo kernel",
                peer_ms,
                1.0,
                "no debugger, no IPython; the agent is on its way",
            ),
        )
        note = "the first of these kernels brings the agent to Julia, the others find it there"
        self.add(
            "start to first result", figure(1000 * median(first), "ms", "echo kernel to ready", peer_ms, None, note)
        )

    def warm(self, own: Measured, echo: Measured) -> None:
        rounds = 50 if self.quick else 300
        for measured in (own, echo):
            milliseconds(lambda: measured.reply_s("1+1"), 20)  # noqa: B023 - called at once
        milliseconds(self.raw_eval_s, 20)
        # in turns, so that a slow moment of the machine meets all three
        replies, raws, echoes = [], [], []
        used_s = own.cpu_s(), echo.cpu_s()
        for _ in range(rounds):
            replies.append(own.reply_s("1+1"))
            raws.append(self.raw_eval_s())
            echoes.append(echo.reply_s("1+1"))
        own_ms, echo_ms = (
            1000 * (after - before) / rounds for after, before in zip((own.cpu_s(), echo.cpu_s()), used_s, strict=True)
        )
        reply, raw, round_trip = (1000 * median(measured) for measured in (replies, raws, echoes))
        note = (
            f"reply {reply:.2f} ms, raw request {raw:.2f}, echo {round_trip:.2f}; processor time of the kernel "
            f"{own_ms:.2f} ms a cell, of the echo kernel {echo_ms:.2f}. What is left beyond both is the agent's turn "
            "in Julia: the call is parsed and lowered, then the cell"
        )
        self.add("warm 1+1", figure(reply, "ms", "echo + raw request", round_trip + raw, 1.2, note))

    def printing(self, own: Measured, python: Measured) -> None:
        def delay_ms(measured: Measured, code: str) -> float:
            _, messages = measured.run(code)
            delays = [
                arrived - float(line)
                for arrived, message in messages
                if message["msg_type"] == "stream"
                for line in message["content"]["text"].split()
            ]
            assert len(delays) == 20, messages
            return 1000 * median(delays)

        julia = "for i in 1:20; println(time()); sleep(0.2); end"
        plain = "import time\nfor i in range(20): print(time.time(), flush=True); time.sleep(0.2)"
        note = "a line after a silence goes at once; in a stream of lines an answer is held for 25 ms to fill"
        self.add(
            "print to screen", figure(delay_ms(own, julia), "ms", "ipykernel", delay_ms(python, plain), None, note)
        )
        lines = 100_000
        own_s, messages = own.run(f"for i in 1:{lines}; println(i); end")
        shown = "".join(message["content"]["text"] for _, message in messages if message["msg_type"] == "stream")
        assert shown == "".join(f"{number}\n" for number in range(1, lines + 1)), "lines are missing"
        python_s, _ = python.run(f"for i in range(1, {lines + 1}): print(i)")
        self.add("100,000 lines", figure(own_s, "s", "ipykernel", python_s, None))

    def long_cell(self, own: Measured, python: Measured) -> None:
        def lag_ms(measured: Measured, code: str) -> float:
            _, messages = measured.run(code)
            (arrived, result) = next(pair for pair in messages if pair[1]["msg_type"] == "execute_result")
            return 1000 * (arrived - float(result["content"]["data"]["text/plain"]))

        for measured in (own, python):
            measured.run("time()" if measured is own else "import time; time.time()")  # compiled once
        julia, plain = "sleep(4); time()", "import time; time.sleep(4); time.time()"
        self.add(
            "end of a long cell to result", figure(lag_ms(own, julia), "ms", "ipykernel", lag_ms(python, plain), None)
        )

    def completion(self, own: Measured) -> None:
        rounds = 10 if self.quick else 50
        own.complete_s("printl")
        value = milliseconds(lambda: own.complete_s("printl"), rounds)
        note = "Julia's own REPLCompletions is the most of it"
        self.add("completion", figure(value, "ms", "raw request", milliseconds(self.raw_eval_s, rounds), None, note))

    def memory(self, own: Measured, echo: Measured) -> None:
        mebibyte = 2**20
        echo_mib = echo.memory_bytes() / mebibyte
        self.add("memory after start", figure(own.memory_bytes() / mebibyte, "MiB", "echo kernel", echo_mib, 1.3))
        cells = 200 if self.quick else 2000
        for _ in range(cells):
            own.reply_s('println("x"^100); rand(100)')
            echo.reply_s("x" * 100)
        self.add(
            f"memory after {cells} cells",
            figure(own.memory_bytes() / mebibyte, "MiB", "echo kernel", echo.memory_bytes() / mebibyte, 1.3),
        )

    def transfers(self, own: Measured) -> None:
        size = 2**26 if self.quick else 2**30
        if not has_curl():
            print("transfers: left out, there is no curl here")
            return
        with tempfile.TemporaryDirectory(prefix="engee-bench-") as name:
            pair = Pair(self.engee, Path(name), size)
            mebibytes = size // 2**20
            rounds = 5
            for label, ours, curls, magic in (
                ("upload", pair.client_upload_s, pair.curl_upload_s, pair.upload_magic),
                ("download", pair.client_download_s, pair.curl_download_s, pair.download_magic),
            ):
                mine, theirs, checked, magics = [], [], [], []
                for _ in range(rounds):
                    mine.append(ours())
                    theirs.append(curls())
                    pair.settle()
                    magics.append(own.run(magic)[0])
                    checked.append(curls() + pair.checksums_s())
                note = {
                    "upload": "the local Engee's own reading takes nine tenths of it; the client's half runs beside it",
                    "download": "pieces of 256 KiB; h11 copies each three times, and the end of the part is looked for",
                }[label]
                self.add(f"{label} of {mebibytes} MiB, HTTP", figure(min(mine), "s", "curl", min(theirs), 1.05, note))
                peer = "curl, then sha256sum here and there"
                note = f"%{label} compares both checksums, Julia's in Julia itself, and replaces at once"
                self.add(f"%{label} of {mebibytes} MiB", figure(min(magics), "s", peer, min(checked), None, note))


def warm(table: Table, *, quick: bool) -> None:
    with LocalEngee() as engee:
        bench = Bench(engee, table, quick=quick)
        bench.start()
        with kernel(ENGEE, bench.environment) as own, kernel(ECHO) as echo, kernel(IPYKERNEL) as python:
            own.reply_s("1+1")
            bench.memory(own, echo)
            bench.warm(own, echo)
            bench.printing(own, python)
            bench.long_cell(own, python)
            bench.completion(own)


def transfers(table: Table, *, quick: bool) -> None:
    with LocalEngee() as engee:
        bench = Bench(engee, table, quick=quick)
        with kernel(ENGEE, bench.environment) as own:
            own.reply_s("1+1")
            bench.transfers(own)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller files, a shorter look")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part of it; may be given again")
    parser.add_argument("--julia", help=f"the Julia of the local Engee, as {ENVIRONMENT_NAME} names it")
    arguments = parser.parse_args()
    if arguments.julia:
        os.environ[ENVIRONMENT_NAME] = arguments.julia
    parts, quick = arguments.only or PARTS, arguments.quick
    compiled()
    print(f"{platform.platform()}, Python {platform.python_version()}, load {load()}\n")
    table = Table()
    if "cold" in parts:
        (Cold(5, 15.0, (0.5, 2.0)) if quick else Cold(7, 60.0, (0.5, 1.0, 2.0, 4.0))).run(table)
    if "warm" in parts:
        warm(table, quick=quick)
    if "many" in parts:
        many(table, quick=quick)
    if "transfers" in parts:
        transfers(table, quick=quick)
    table.write(REPORT)
    print(f"\nload {load()}; written: {REPORT}")
    return 0


def compiled() -> None:
    """As pip leaves a package: else each kernel would compile its Python anew where writing that is switched off."""
    for name in ("engee_kernel", "benchmarks"):
        compileall.compile_dir(Path(__file__).parents[1] / name, quiet=2)


def load() -> str:
    """How busy others keep the machine: every figure in seconds hangs on it."""
    return f"{psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} processors"


if __name__ == "__main__":
    raise SystemExit(main())
