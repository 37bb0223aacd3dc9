"""%%job and %jobs in a real kernel, on a local Engee with a real Julia."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from frontend import Frontend
from joblab import Gate, KernelFactory, Receiver, receiving, short_id, shown, told

from engee_kernel.emulator.process import LocalEngee

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def engee(local_engee: LocalEngee) -> LocalEngee:
    return local_engee


@pytest.fixture
def kernel(new_kernel: KernelFactory, engee: LocalEngee) -> Frontend:
    return new_kernel(engee)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(500, 500) as one:
        yield one


def api(engee: LocalEngee, path: str) -> Any:
    headers = {"Authorization": f"Bearer {engee.token}"}
    return httpx.get(f"{engee.session_url}external/command/jobs/{path}", headers=headers, trust_env=False).json()


def job_of(engee: LocalEngee, short: str) -> Any:
    (found,) = [job for job in api(engee, "list")["jobs"] if job["job_id"].startswith(short)]
    return found


def test_a_followed_job_shows_its_output_as_it_comes_and_is_listed(kernel: Frontend, engee: LocalEngee) -> None:
    cell = kernel.send('%%job --name sweep\nfor i in 1:3; println("line $i"); sleep(1); end\n6 * 7')
    kernel.until(lambda: "line 1" in cell.text())
    assert "line 3" not in cell.text()
    kernel.finish(cell)
    assert (cell.text(), cell.result) == ("line 1\nline 2\nline 3\n", "42")
    table = shown(kernel.run("%jobs"))
    assert re.search(r"[0-9a-f]{8}  sweep +done +\d\d:\d\d:\d\d +\S+ s +42", table), table
    assert "<table>" in kernel.run("%jobs").of("display_data")[0]["data"]["text/html"]
    assert [job["name"] for job in api(engee, "list")["jobs"]] == ["sweep"]


def test_a_detached_job_gives_the_prompt_back_and_runs_beside_the_next_cells(kernel: Frontend, gate: Gate) -> None:
    kernel.value("shared = 5")
    cell = kernel.run(f'%%job --detach\nfor i in 1:8; println("d$i"); sleep(0.1); end\n{gate.wait}\nshared + 1')
    job = short_id(cell)
    assert kernel.value("shared * 2") == "10"
    table = shown(kernel.run("%jobs --running"))
    assert job in table and "%%job In[2]" in table
    gate.open()
    attached = kernel.run(f"%jobs attach {job[:4]}")
    assert attached.text() == "".join(f"d{number}\n" for number in range(1, 9))
    assert attached.result == "6"
    again = kernel.run(f"%jobs attach {job}")
    assert (again.text(), again.result) == (attached.text(), "6")
    result = kernel.run(f"%jobs result {job}")
    assert (result.text(), result.result) == ("", "6")


def test_a_detached_job_is_not_forgotten_before_someone_has_seen_it(kernel: Frontend, engee: LocalEngee) -> None:
    engee.configure(jobs_kept_s=0)  # so that only the agent still has its output
    job = short_id(kernel.run('%%job --detach\nprintln("kept"); 7'))
    full = UUID.search(str(list(kernel.texts())))
    for _ in range(3):  # each acknowledges the cell before it
        kernel.value("1")
    assert full is None or full[0]
    attached = kernel.run(f"%jobs attach {job}")
    assert (attached.text(), attached.result) == ("kept\n", "7"), attached


def test_being_told(kernel: Frontend) -> None:
    cell = kernel.run("%%job --detach --notify --name тест\nsleep(1); 43 - 1")
    short = short_id(cell)
    kernel.until(lambda: f"Job {short} “тест” is done" in str(cell.outputs))
    (output,) = cell.outputs  # the display that said it was started
    assert ": 42" in output["data"]["text/plain"]
    assert f"Job {short} “тест” is done" in kernel.run("1").text("stderr")
    assert kernel.run("1").text("stderr") == ""


def test_an_error_is_the_cells_error_and_the_results(kernel: Frontend) -> None:
    cell = kernel.run('%%job\nerror("boom")')
    assert (cell.status, cell.content["ename"]) == ("error", "ErrorException")
    assert "In[1]:2" in cell.traceback
    table = shown(kernel.run("%jobs --failed"))
    assert 'ErrorException("boom")' in table
    result = kernel.run(f"%jobs result {table.splitlines()[2].split()[0]}")
    assert result.content["ename"] == "ErrorException"


def test_a_time_limit_interrupts(kernel: Frontend) -> None:
    cell = kernel.run('%%job --timeout 1\nprintln("on"); sleep(60)')
    assert cell.content["ename"] == "InterruptException"
    assert "time limit of 1.0 s is over" in cell.text("stderr")
    assert cell.text() == "on\n"
    assert cell.replied_at - cell.sent_at < 30
    job = short_id(kernel.run("%%job --timeout 1 --detach\nsleep(60)"))
    kernel.run("%jobs wait")
    assert re.search(rf"{job} .* interrupted ", shown(kernel.run("%jobs")))


def test_a_time_limit_in_plain_mode_says_what_it_can_not_do(
    new_kernel: KernelFactory, engee: LocalEngee, gate: Gate
) -> None:
    kernel = new_kernel(engee, mode="plain")
    cell = kernel.run(f"%%job --timeout 1\n{gate.wait}; 9")
    assert "time limit of 1.0 s is over" in cell.error["evalue"]
    assert "still runs" in cell.error["evalue"]
    attach = re.search(r"%jobs attach \S+", cell.traceback)
    assert attach
    gate.open()
    assert kernel.run(attach[0]).result == "9"
    cell = kernel.run("%%job --timeout 1 --detach\nsleep(2); 8")
    assert "--timeout has no effect" in cell.text("stderr")
    assert kernel.run(f"%jobs attach {short_id(cell)}").result == "8"


def test_the_webhook_gets_what_the_result_call_gives(kernel: Frontend, engee: LocalEngee, receiver: Receiver) -> None:
    cell = kernel.run(f"%%job --webhook {receiver.url}\nprintln(1); 42")
    assert (cell.status, cell.result, cell.text("stderr")) == ("ok", "42", "")
    receiver.wait_for(3)  # it failed twice
    assert receiver.bodies[2] == api(engee, f"{receiver.bodies[2]['job_id']}/result")
    assert engee.token not in repr(receiver)
    short = short_id(kernel.run(f"%%job --webhook {receiver.url} --detach\nsleep(1); error(1)"))
    receiver.wait_for(4)
    assert receiver.bodies[3] == job_of(engee, short)


def test_a_failing_webhook_does_not_harm_the_job(kernel: Frontend) -> None:
    with receiving(*[404] * 5) as receiver:
        cell = kernel.run(f"%%job --webhook {receiver.url}\n42")
        receiver.wait_for(1)
    assert (cell.status, cell.result) == ("ok", "42")
    remarks = told(kernel, "404")
    assert "answered the job's end with 404" in remarks
    assert "s3cret" not in remarks


def test_files_before_and_after(kernel: Frontend, engee: LocalEngee, tmp_path: Path) -> None:
    if not engee.user_is_mounted:
        pytest.skip("absolute /user paths in Julia do not lead to the local Engee's folder on this system")
    source = tmp_path / "in put"
    source.mkdir()
    (source / "данные.txt").write_text("3 4", encoding="utf-8")
    name = f"out-{uuid.uuid4()}.txt"
    code = (
        f"%%job --upload '{source}/*.txt' --download {name} --to '{tmp_path / 'results'}' --timeout 30\n"
        'text = read("/user/данные.txt", String)\n'
        f'write("/user/{name}", join(reverse(split(text)), " ")); nothing'
    )
    for again in (code, code.replace("%%job", "%%job --force")):  # running it again means the same
        cell = kernel.run(again)
        assert cell.status == "ok", cell.traceback
        assert (tmp_path / "results" / name).read_text(encoding="utf-8") == "4 3"
    (tmp_path / "results" / name).unlink()
    kernel.run(code.replace("%%job", "%%job --detach"))
    kernel.until((tmp_path / "results" / name).exists)


def test_a_failed_job_downloads_nothing_and_a_failed_download_keeps_the_result(kernel: Frontend) -> None:
    cell = kernel.run("%%job --download nothing-there.txt\nerror(1)")
    assert cell.content["ename"] == "ErrorException"
    assert "nothing was downloaded" in cell.text("stderr")
    cell = kernel.run("%%job --download nothing-there.txt\n42")
    assert (cell.status, cell.result) == ("error", "42")
    assert "nothing-there.txt" in cell.error["evalue"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%%job --timeout soon\n1", "soon is not a time limit"),
        ("%%job --timeout -1\n1", "0 or more"),
        ("%%job --timeout nan\n1", "nan is not a time limit"),
        ("%%job --to x\n1", "--download, which is missing"),
        ("%%job --webhook nowhere\n1", "http"),
        ("%%job --upload /no/such/file.txt\n1", "/no/such/file.txt"),
        ("%%job", "needs code"),
        ("%jobs result", "ID"),
        ("%jobs attach zz", "No job"),
        ("%jobs dance", "dance"),
        ("%jobs wait --timeout -3", "0 or more"),
    ],
)
def test_mistakes_are_explained_and_nothing_runs(kernel: Frontend, engee: LocalEngee, line: str, said: str) -> None:
    cell = kernel.run(line)
    assert cell.status == "error"
    assert said in cell.traceback
    assert [call for call in engee.requests() if call["path"].endswith("jobs/create")] == []


def test_help_and_completion(kernel: Frontend) -> None:
    for line in ("%jobs --help", "%jobs attach --help", "%%job --help"):
        assert "usage: %" in shown(kernel.run(line))
    assert kernel.ask("complete_request", code="%jobs at", cursor_pos=8).content["matches"] == ["attach"]
    job = short_id(kernel.run("%%job --detach\n1"))
    (match,) = kernel.ask("complete_request", code=f"%jobs attach {job[:3]}", cursor_pos=16).content["matches"]
    assert match.startswith(job)


def test_an_account_without_jobs(kernel: Frontend) -> None:
    for line in ("%jobs", "%jobs --all", "%jobs --running", "%jobs wait"):
        assert shown(kernel.run(line)) == "No jobs."
    for line in ("%jobs attach", "%jobs interrupt", "%jobs result 3f2a1b9c"):
        cell = kernel.run(line)
        assert cell.status == "error" and "failed" not in cell.error["evalue"], cell.error["evalue"]


def test_interrupting_and_waiting(kernel: Frontend) -> None:
    job = short_id(kernel.run("%%job --detach\nsleep(60)"))
    late = kernel.run("%jobs wait --timeout 0.5")
    assert "1 job still runs after 0.5 s" in late.error["evalue"]
    assert "has stopped" in shown(kernel.run(f"%jobs interrupt {job}"))
    assert "interrupted" in shown(kernel.run(f"%jobs wait {job}"))
    assert "had ended already" in shown(kernel.run(f"%jobs interrupt {job}"))
    assert shown(kernel.run("%jobs wait")) == "No jobs."


def test_interrupting_an_attached_job_ends_the_following_only(kernel: Frontend, gate: Gate) -> None:
    job = short_id(kernel.run(f'%%job --detach\nprintln("a"); {gate.wait}; println("b"); "all"'))
    attached = kernel.send(f"%jobs attach {job}")
    kernel.until(lambda: "a" in attached.text())
    kernel.interrupt()
    kernel.finish(attached)
    assert "The job itself goes on" in attached.error["evalue"]
    gate.open()
    again = kernel.run(f"%jobs attach {job}")
    assert (again.text(), again.result) == ("a\nb\n", '"all"')


def test_interrupting_a_followed_job_stops_it(kernel: Frontend) -> None:
    cell = kernel.send('%%job\nprintln("on"); sleep(60)')
    kernel.until(lambda: "on" in cell.text())
    kernel.interrupt()
    kernel.finish(cell, 20)
    assert cell.content["ename"] == "InterruptException"


def test_a_job_is_made_once_however_often_it_is_asked_for(kernel: Frontend, engee: LocalEngee) -> None:
    kernel.value("runs = Ref(0)")
    engee.faults(
        {"kind": "drop_after", "path": "jobs/create", "count": 1},
        {"kind": "status", "path": "jobs/create", "status": 503, "ran": True, "skip": 1, "count": 2},
    )
    assert kernel.run("%%job\nruns[] += 1").result == "1"
    engee.faults({"kind": "status", "path": "jobs/create", "status": 409, "ran": True, "count": 1})
    assert kernel.run("%%job\nruns[] += 1").result == "2"
    assert kernel.value("runs[]") == "2"
    assert len(api(engee, "list")["jobs"]) == 2


def test_jobs_in_a_process_of_their_own(new_kernel: KernelFactory, engee: LocalEngee, gate: Gate) -> None:
    engee.configure(jobs="own-process")
    kernel = new_kernel(engee)
    cell = kernel.run("%%job\n1 + 1")
    assert cell.result == "2"
    assert "process of their own" in cell.text("stderr")
    cell = kernel.run("%%job --detach\nsleep(1); 5")
    assert kernel.run(f"%jobs attach {short_id(cell)}").result == "5"
    assert kernel.run(f"%%job --timeout 1\n{gate.wait}").error["ename"] == "StillRunningError"
    job = short_id(kernel.run(f"%%job --detach\n{gate.wait}"))
    assert "can't be stopped" in kernel.run(f"%jobs interrupt {job}").error["evalue"]
    gate.open()


def test_a_detached_job_finds_out_that_jobs_have_a_process_of_their_own(
    new_kernel: KernelFactory, engee: LocalEngee
) -> None:
    engee.configure(jobs="own-process")
    kernel = new_kernel(engee)
    cell = kernel.run("%%job --detach\nsleep(1); 5")
    assert "process of their own" in cell.text("stderr")
    assert kernel.run(f"%jobs attach {short_id(cell)}").result == "5"


def test_evals_that_wait_for_jobs(new_kernel: KernelFactory, engee: LocalEngee, gate: Gate) -> None:
    kernel = new_kernel(engee)
    kernel.value("1")
    engee.configure(evals_during_jobs=False)
    cell = kernel.run('%%job\nprintln("a"); sleep(2); println("b"); 3')
    assert (cell.text(), cell.result) == ("a\nb\n", "3")
    cell = kernel.run(f'%%job --detach\nprintln("a"); {gate.wait}; 4')  # comes back all the same
    gate.open()
    attached = kernel.run(f"%jobs attach {short_id(cell)}")
    assert (attached.text(), attached.result) == ("a\n", "4")


def test_a_proxy_with_a_time_limit(new_kernel: KernelFactory, engee: LocalEngee) -> None:
    kernel = new_kernel(engee)
    kernel.value("1")
    engee.configure(eval_limit_s=1)
    cell = kernel.run('%%job\nfor i in 1:4; println(i); sleep(1); end; "end"')
    assert (cell.text(), cell.result) == ("1\n2\n3\n4\n", '"end"')
    job = short_id(kernel.run('%%job --detach\nfor i in 1:4; println(i); sleep(1); end; "end"'))
    attached = kernel.run(f"%jobs attach {job}")
    assert (attached.text(), attached.result) == ("1\n2\n3\n4\n", '"end"')


def test_a_record_too_long_for_a_result(kernel: Frontend, engee: LocalEngee) -> None:
    kernel.value("1")
    engee.configure(result_limit_chars=3000)
    job = short_id(kernel.run('%%job --detach\nfor i in 1:400; println("n $i"); sleep(0.005); end; 5'))
    kernel.run("%jobs wait")
    attached = kernel.run(f"%jobs attach {job}")
    assert attached.status == "ok", attached.traceback
    assert attached.text() == "".join(f"n {number}\n" for number in range(1, 401))
    assert kernel.run(f"%jobs result {job}").result == "5"


def test_jobs_of_a_stopped_engee(kernel: Frontend, engee: LocalEngee) -> None:
    kernel.run("%%job --name first\n1")
    headers = {"Authorization": f"Bearer {engee.token}"}
    httpx.delete(f"{engee.url}/account/api/engee/stop", headers=headers, trust_env=False)
    cell = kernel.run("%jobs")
    assert "first" in shown(cell)
    assert "journal" in cell.text("stderr")
    posts = [call for call in engee.requests() if call["path"].endswith("engee/start")]
    assert posts == []


def test_a_journal_that_can_not_be_written_is_reported_once_and_harms_nothing(
    kernel: Frontend, state_dir: Path
) -> None:
    state_dir.write_text("a file where a folder should be", encoding="utf-8")
    cell = kernel.run("%%job\n1")
    assert cell.result == "1"
    assert "journal" in cell.text("stderr")
    assert kernel.run("%%job\n3").text("stderr") == ""


def test_bad_lines_of_the_journal_are_skipped_with_a_notice(kernel: Frontend, state_dir: Path) -> None:
    kernel.run("%%job --name one\n1")
    with (state_dir / "jobs.jsonl").open("a", encoding="utf-8") as file:
        file.write("not a line\n")
    cell = kernel.run("%jobs")
    assert "one" in shown(cell)
    assert "1 line of the journal" in cell.text("stderr")
    assert '"code"' not in (state_dir / "jobs.jsonl").read_text(encoding="utf-8")


def test_a_detached_job_works_in_the_notebooks_own_workspace(new_kernel: KernelFactory, engee: LocalEngee) -> None:
    kernel = new_kernel(engee, workspace="notebook")
    kernel.value("mine = 20")
    job = short_id(kernel.run("%%job --detach\nsleep(1); fromjob = mine + 1"))
    assert kernel.value("mine + 2") == "22"
    assert kernel.run(f"%jobs attach {job}").result == "21"
    assert kernel.value("fromjob") == "21"


def test_the_server_is_watched_beside_a_detached_job_as_beside_a_cell(
    new_kernel: KernelFactory, local_engee_factory: Any
) -> None:
    engee = local_engee_factory(inactivity_timeout=6)
    kernel = new_kernel(engee)
    kernel.value("1")
    kernel.run("%%job --detach\nsleep(12)")

    def looks() -> int:
        return sum(call["path"].endswith("engee/info") for call in engee.requests())

    before = looks()
    kernel.pause(9)
    assert looks() - before >= 2  # at half of the time limit each
