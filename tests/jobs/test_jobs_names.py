"""Names of jobs: two of one name, names that are too long, other people's jobs; files that exist; slow webhooks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from frontend import Frontend
from joblab import Command, Gate, KernelFactory, Receiver, receiving, short_id, shown, told

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import UsageError
from engee_kernel.jobs.names import NAME_LIMIT_CHARS, check_name, choose, fitting
from engee_kernel.jobs.rows import OF_COMPUTER, OF_NOBODY, Row
from engee_kernel.jobs.table import table


@pytest.fixture
def engee(local_engee: LocalEngee) -> LocalEngee:
    return local_engee


@pytest.fixture
def kernel(new_kernel: KernelFactory, engee: LocalEngee) -> Frontend:
    return new_kernel(engee)


# Several of one name


def test_a_name_means_the_newest_job_of_that_name(
    kernel: Frontend, new_kernel: KernelFactory, engee: LocalEngee, command: Command
) -> None:
    kernel.run("%%job --name sweep\n1")
    first = shown(kernel.run("%jobs")).splitlines()[2].split()[0]
    kernel.run("%%job --name sweep\n2")
    attached = kernel.run("%jobs attach sweep")
    assert attached.result == "2"
    assert "2 jobs are called “sweep”. This is the newest" in attached.text("stderr")
    assert first in attached.text("stderr")
    assert kernel.run("%jobs result sweep").result == "2"
    assert kernel.run(f"%jobs result {first}").result == "1"
    assert "ended already" in shown(kernel.run("%jobs interrupt sweep"))
    assert shown(kernel.run("%jobs wait sweep")).count("sweep") == 1
    other = new_kernel(engee, notebook="two.ipynb")
    assert other.run("%jobs attach sweep").result == "2"
    done = command("jobs", "result", "sweep")
    assert done.stdout.strip() == "2"
    assert "2 jobs are called “sweep”" in done.stderr
    wrong = kernel.run("%jobs attach swoop")
    assert wrong.error["evalue"].startswith("No job has the name “swoop” or an id that begins so.")


def row(number: int, name: str, *, known: bool = True, ours: bool = True) -> Row:
    return Row(
        f"{number:08x}-0000-0000-0000-000000000000",
        name,
        name,
        "done",
        ours=ours,
        claim=OF_COMPUTER if known else OF_NOBODY,
    )


def test_a_job_of_this_computer_goes_before_a_newer_one_of_somebody_else() -> None:
    strange, mine, older = row(3, "sweep", known=False), row(2, "sweep"), row(1, "sweep")
    job_id, remark = choose("sweep", [strange, mine, older])
    assert job_id == mine.job_id
    assert (
        "3 jobs are called “sweep”" in remark
        and "00000003" in remark
        and "the newest that this computer made" in remark
    )
    assert choose("sweep", [strange])[0] == strange.job_id
    assert choose("00000003", [strange, mine]) == (strange.job_id, "")


def test_attaching_without_a_name_never_takes_a_strangers_job(
    kernel: Frontend, new_kernel: KernelFactory, engee: LocalEngee, tmp_path: Path
) -> None:
    stranger = new_kernel(engee, notebook="theirs.ipynb", state_dir=tmp_path / "their state")
    stranger.run("%%job --name theirs\n66")
    nothing = kernel.run("%jobs attach")
    assert nothing.status == "error"
    assert "Neither this notebook nor this computer has a job" in nothing.error["evalue"]
    neighbour = new_kernel(engee, notebook="two.ipynb")
    neighbour.run("%%job\n11")
    stranger.run("%%job --name theirs\n67")
    assert kernel.run("%jobs attach").result == "11"
    kernel.run("%%job\n22")
    neighbour.run("%%job\n12")
    stranger.run("%%job\n68")
    assert kernel.run("%jobs attach").result == "22"
    assert kernel.run("%jobs attach theirs").result == "67"


def test_waiting_without_a_name_waits_for_no_stranger(
    kernel: Frontend, new_kernel: KernelFactory, engee: LocalEngee, tmp_path: Path, gate: Gate
) -> None:
    stranger = new_kernel(engee, notebook="theirs.ipynb", state_dir=tmp_path / "their state")
    stranger.run(f"%%job --detach --name theirs\n{gate.wait}")
    short = short_id(kernel.run("%%job --detach\n1"))
    waited = shown(kernel.run("%jobs wait --timeout 60"))
    assert short in waited or "No jobs" in waited
    assert "theirs" not in waited
    gate.open()


# Names that are no names


@pytest.mark.parametrize(
    "name", ["x" * (NAME_LIMIT_CHARS + 1), "x" * 3000, "", "   ", "two\nlines", "bell\a", "In[3] x = 1"]
)
def test_such_a_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


def test_a_long_name_is_refused_before_anything_runs(kernel: Frontend, command: Command, tmp_path: Path) -> None:
    cell = kernel.run(f"%%job --name {'x' * 3000}\nran = 1")
    assert "The job's name has 3000 characters; at most 80 are taken." in cell.error["evalue"]
    assert kernel.value("@isdefined ran") == "false"
    (tmp_path / "model.jl").write_text("1", encoding="utf-8")
    done = command("run", "model.jl", "--name", "x" * 3000)
    assert done.returncode == 2
    assert "at most 80" in done.stderr


def test_a_files_long_name_is_cut(command: Command, tmp_path: Path) -> None:
    long = "м" * 110 + ".jl"
    (tmp_path / long).write_text("println(1)", encoding="utf-8")
    done = command("run", long, "--job")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert len(fitting(long)) == NAME_LIMIT_CHARS
    check_name(fitting("a\nb"))


def test_the_table_cuts_what_other_programs_call_their_jobs() -> None:
    text = table([row(1, "x" * 3000 + "\nmore")], [row(1, "")]).text()
    assert max(map(len, text.splitlines())) < 120
    assert "xxx…" in text


# Files that exist here


@pytest.fixture
def results(engee: LocalEngee) -> Iterator[Path]:
    if not engee.user_is_mounted:
        pytest.skip("absolute /user paths in Julia do not lead to the local Engee's folder on this system")
    folder = engee.user_dir / "results"
    folder.mkdir()
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def test_a_download_after_a_job_keeps_what_exists_here(kernel: Frontend, results: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "f.csv").write_text("mine", encoding="utf-8")
    code = 'write("/user/results/f.csv", "new"); write("/user/results/g.csv", "new")'
    cell = kernel.run(f"%%job --download results/*.csv --to {here}\n{code}; 5")
    assert cell.result == "5"
    assert (here / "f.csv").read_text(encoding="utf-8") == "mine"
    assert (here / "g.csv").read_text(encoding="utf-8") == "new"
    assert "Downloaded 1 file" in cell.error["evalue"] and "exists here already and was kept" in cell.error["evalue"]
    command = next(line for line in cell.traceback.splitlines() if "%download" in line).partition(": ")[2]
    assert command == f"%download /user/results/f.csv --to {here} --force"
    fetched = kernel.run(command)
    assert fetched.status == "ok", fetched.traceback
    assert (here / "f.csv").read_text(encoding="utf-8") == "new"
    (here / "f.csv").write_text("mine", encoding="utf-8")
    assert kernel.run(f"%%job --force --download results/f.csv --to {here}\n{code}").status == "ok"
    assert (here / "f.csv").read_text(encoding="utf-8") == "new"
    assert "--force is for --download" in kernel.run("%%job --force\n1").error["evalue"]


def test_so_does_a_detached_job(kernel: Frontend, results: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "f.csv").write_text("mine", encoding="utf-8")
    order = f"%%job --detach --download results/f.csv --to {here}"
    short = short_id(kernel.run(f'{order}\nwrite("/user/results/f.csv", "new")'))
    # in the output of the cell that runs when the job has ended: this one's or a later one's
    remarks = kernel.run("%jobs wait").text("stderr")
    remarks += "" if "kept" in remarks else told(kernel, "kept")
    assert f"Job {short}: “{here / 'f.csv'}” exists here already and was kept." in remarks
    assert f"%download /user/results/f.csv --to {here} --force" in remarks
    assert (here / "f.csv").read_text(encoding="utf-8") == "mine"


# Webhooks that are slow or fail


@pytest.fixture
def hanging() -> Iterator[tuple[str, Event]]:
    """A webhook that answers only when it is let go."""
    let_go, called = Event(), Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            called.set()
            let_go.wait(60)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", called
    let_go.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_that_hangs_does_not_hold_the_cell(kernel: Frontend, hanging: tuple[str, Event]) -> None:
    url, called = hanging
    cell = kernel.run(f"%%job --webhook {url}\n42")
    assert (cell.result, cell.text("stderr")) == ("42", "")
    assert called.wait(30)
    assert kernel.value("1 + 1") == "2"  # while the webhook still hangs


@pytest.fixture
def refusing() -> Iterator[Receiver]:
    with receiving(404) as one:
        yield one


def test_a_webhook_that_fails_is_a_remark_in_a_later_cell(kernel: Frontend, refusing: Receiver) -> None:
    cell = kernel.run(f"%%job --webhook {refusing.url}\n42")
    assert (cell.result, cell.text("stderr")) == ("42", "")
    refusing.wait_for(1)
    remarks = told(kernel, "404")
    assert "The webhook at 127.0.0.1 answered the job's end with 404." in remarks
    assert "s3cret" not in remarks


def test_a_kernel_that_is_shut_down_at_once_still_tells_the_webhook(kernel: Frontend, engee: LocalEngee) -> None:
    with receiving() as receiver:
        kernel.run(f"%%job --name last --webhook {receiver.url}\n42")
        kernel.end()
        receiver.wait_for(1)
        assert json.dumps(receiver.bodies[0]).count("42")
