"""Wherever Engee has its threads and puts requests, and with every Julia at hand: a cell is a cell.

The rows are chosen by pairs: every value of a column meets every value of each other column in some row, as far as that
is possible (a Julia before 1.9 has one pool). All 48 combinations would take half an hour and find no more: what goes
wrong between two of the columns shows in a row that has both.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from factories import environment_of
from frontend import Cell, Frontend

from engee_kernel.emulator.julia import JuliaNotFoundError, cache_folder, find_julia, installed_julia
from engee_kernel.emulator.process import LocalEngee

LIMIT_S = 90
POOLS = (1, 9)  # the first Julia with two
OWN_PROCESS = "own-process"


class Row(NamedTuple):
    threads: str
    evals_run: str
    evals: str
    jobs_run: str


ROWS = (
    Row("1", "loop", "parallel", "loop"),
    Row("1", "loop", "serial", "default"),
    Row("1", "default", "serial", OWN_PROCESS),
    Row("4", "loop", "parallel", OWN_PROCESS),
    Row("4", "default", "parallel", "default"),
    Row("4", "default", "serial", "loop"),
    Row("4,2", "interactive", "parallel", "interactive"),
    Row("4,2", "interactive", "serial", "default"),
    Row("4,2", "interactive", "parallel", OWN_PROCESS),
    Row("4,2", "interactive", "serial", "loop"),
    Row("4,2", "loop", "serial", "interactive"),
    Row("4,2", "default", "parallel", "interactive"),
)


def is_possible(pair: frozenset[tuple[str, str]]) -> bool:
    values = {value for _, value in pair}
    return "interactive" not in values or not values & {"1", "4"}


def test_the_rows_have_every_pair() -> None:
    columns = {name: {getattr(row, name) for row in ROWS} for name in Row._fields}
    wanted = {
        frozenset(((a, x), (b, y)))
        for a, b in itertools.combinations(Row._fields, 2)
        for x, y in itertools.product(columns[a], columns[b])
    }
    covered = {
        frozenset(pair) for row in ROWS for pair in itertools.combinations(zip(Row._fields, row, strict=True), 2)
    }
    assert [sorted(pair) for pair in wanted - covered if is_possible(pair)] == []


# Which Julias


def julias() -> list[Path]:
    """What the local Engee takes, what is named or on PATH, and what was fetched for it; of a version one."""
    found: dict[str, Path] = {}
    candidates = [_found_by_name(), shutil.which("julia"), installed_julia(cache_folder())]
    for candidate in candidates:
        if candidate is not None:
            found.setdefault(version_of(Path(candidate)), Path(candidate))
    return list(found.values())


def _found_by_name() -> Path | None:
    try:
        return find_julia()
    except JuliaNotFoundError:
        return None  # the tests that need one say so


@lru_cache
def version_of(julia: Path) -> str:
    done = subprocess.run([str(julia), "--version"], stdout=subprocess.PIPE, timeout=60, check=True)
    return done.stdout.decode().split()[-1]


def numbers_of(julia: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in version_of(julia).split(".")[:2])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" not in metafunc.fixturenames:
        return
    places = [
        pytest.param((julia, row), id=f"{version_of(julia)}-{'-'.join(row)}")
        for julia in julias()
        for row in ROWS
        if numbers_of(julia) >= POOLS or "," not in row.threads
    ]
    metafunc.parametrize("place", places, indirect=True, scope="module")


class Place:
    """One combination: a local Engee, and two notebooks."""

    def __init__(self, row: Row, julia: Path, engee: LocalEngee, one: Frontend, other: Frontend) -> None:
        self.row, self.julia, self.engee, self.one, self.other = row, julia, engee, one, other
        self._signs = itertools.count(1)

    @property
    def has_threads(self) -> bool:
        return self.row.threads != "1"

    def sign(self) -> Sign:
        return Sign(self.engee.user_dir / f"sign-{next(self._signs)}")


class Sign:
    """A file that a cell waits for: no clock is needed to know that it runs still."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.waits = f'while !isfile("{path.name}"); sleep(0.01); end'
        self.computes = f'hold("{path.name}")'

    def give(self) -> None:
        self._path.touch()

    def __enter__(self) -> Sign:
        return self

    def __exit__(self, *_: object) -> None:
        self.give()  # a check that failed must not hold up those that follow


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    julia, row = request.param
    if row.threads != "1" and (os.cpu_count() or 1) < 2:
        pytest.skip("one core: Julia 1.5 takes one thread")
    settings: dict[str, Any] = {"eval_placement": row.evals_run, "evals": row.evals, "julia_threads": row.threads}
    if row.jobs_run == OWN_PROCESS:
        settings["jobs"] = OWN_PROCESS
    else:
        settings["job_placement"] = row.jobs_run
    folder = tmp_path_factory.mktemp("matrix")
    with LocalEngee(julia=julia, **settings) as engee:
        environment = environment_of(engee, {"image": False})
        with Frontend(folder / "one", environment) as one, Frontend(folder / "other", environment) as other:
            # never yields; reaches safe points, without which it would hold up all collections of garbage
            one.run("hold(name) = (while !isfile(name); GC.safepoint(); end; 5); 1", timeout_s=LIMIT_S)
            other.run("1", timeout_s=LIMIT_S)
            yield Place(row, julia, engee, one, other)


def begun(kernel: Frontend, code: str) -> Cell:
    cell = kernel.send(f'println("begun"); {code}')
    kernel.until(lambda: "begun" in cell.text(), LIMIT_S, cell)
    assert cell.reply is None
    return cell


slow = pytest.mark.slow


@slow
def test_values(place: Place) -> None:
    assert place.one.run("x = [k^2 for k in 1:3]; sum(x)").result == "14"
    assert place.one.value("ans + 1") == "15"
    assert place.other.value("x[2]") == "4"
    assert place.one.run('display("text/html", "<b>x</b>")').of("display_data")[0]["data"]["text/html"] == "<b>x</b>"
    assert place.one.run("nothing").outputs == []


@slow
def test_output_comes_while_the_cell_runs(place: Place) -> None:
    sign = place.sign()
    cell = begun(place.one, f'{sign.waits}; println(stderr, "err"); println("end")')
    sign.give()
    place.one.finish(cell)
    assert (cell.text(), cell.text("stderr")) == ("begun\nend\n", "err\n")


@slow
def test_an_error_names_the_line(place: Place) -> None:
    cell = place.one.run('y = 1\nsqrt(-1.0)\n"never"')
    assert cell.error["ename"] == "DomainError"
    assert f"In[{cell.content['execution_count']}]:2" in cell.traceback


@slow
def test_tab_and_the_other_notebook_while_a_cell_runs(place: Place) -> None:
    sign = place.sign()
    cell = begun(place.one, sign.waits)
    assert "println" in place.one.ask("complete_request", code="printl", cursor_pos=6).content["matches"]
    assert place.other.run('println("beside"); 1 + 1').result == "2"
    assert place.other.value("1 + 2") == "3"
    assert cell.reply is None
    sign.give()
    place.one.finish(cell)
    assert cell.text() == "begun\n"


@slow
@pytest.mark.parametrize("code", ["while true\n    sleep(0.01)\nend", "n = 0\nwhile true\n    global n += 1\nend"])
def test_an_interrupt(place: Place, code: str) -> None:
    cell = begun(place.one, code)
    place.one.interrupt()
    place.one.finish(cell)
    assert cell.error["ename"] == "InterruptException"
    assert f"In[{cell.content['execution_count']}]:" in cell.traceback
    assert place.one.value("1 + 1") == "2"


@slow
def test_what_comes_late(place: Place) -> None:
    sign = place.sign()
    assert place.one.run(f'late = @async ({sign.waits}; println("late"); display("late too")); 1').result == "1"
    sign.give()
    cell = place.one.run('wait(late); println("now")')
    assert cell.text() == "late\nnow\n"
    assert [shown["data"]["text/plain"] for shown in cell.of("display_data")] == ['"late too"']


@slow
def test_a_job(place: Place) -> None:
    place.one.run("of_the_notebook = 5")
    cell = place.one.run('%%job\nprintln("in a job"); of_the_notebook + 1')
    if place.row.jobs_run != OWN_PROCESS:
        assert (cell.text(), cell.result) == ("in a job\n", "6")
        return
    assert "Jobs run in a process of their own here: without this notebook's variables." in cell.text("stderr")
    assert "of_the_notebook" in cell.traceback
    assert place.one.run("%%job\n2 + 2").result == "4"


@slow
def test_code_that_never_yields(place: Place) -> None:
    """With threads all else answers; on the only one what is said of that is true, and nothing is lost."""
    with place.sign() as sign:
        cell = place.one.send(f'println("started"); {sign.computes}')
        if place.has_threads:
            place.one.until(lambda: "started" in cell.text(), LIMIT_S, cell)
            assert "println" in place.one.ask("complete_request", code="printl", cursor_pos=6).content["matches"]
            assert place.other.run("%who", timeout_s=LIMIT_S).status == "ok"
            waiting = place.other.send("1 + 1")
            place.other.until(lambda: any("lets no other cell run" in text for text in place.other.texts()), LIMIT_S)
            assert cell.reply is None and waiting.reply is None
        else:
            place.one.pause(2)
            waiting = place.other.send("1 + 1")
        place.one.interrupt()
        place.one.finish(cell, LIMIT_S)
        # the only thread may have taken up the code before it could answer that the cell is there
        silent = "Engee does not answer now. The cell goes on there|Interrupted before Engee confirmed the cell"
        assert re.search("has not stopped within" if place.has_threads else silent, cell.traceback), cell
        job = cell.traceback.split("%jobs attach ")[1].split()[0]
    assert place.other.finish(waiting, LIMIT_S).result == "2"
    attached = place.one.run(f"%jobs attach {job}", timeout_s=LIMIT_S)
    assert (attached.text(), attached.result) == ("started\n", "5"), attached


@slow
def test_all_threads_print(place: Place) -> None:
    cell = place.one.run("Threads.@threads for i in 1:200; println(i); end; Threads.nthreads()")
    assert sorted(map(int, cell.text().split())) == list(range(1, 201))
    threads = place.engee.julia_threads()
    assert threads is not None and cell.result == str(threads["default"])


@slow
def test_engee_tells_of_the_threads(place: Place) -> None:
    text = str(place.one.run("%engee").outputs)
    thread = place.one.value("Threads.threadid()")
    if place.has_threads:
        assert "cells run on thread" in text and f"{thread} (" in text
    else:
        assert thread == "1"
