"""Engee's own life in its Julia process: threads, streams, display, packages, depot, background tasks."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from engee_kernel.emulator.launch import Threads
from engee_kernel.emulator.process import LocalEngee, LocalEngeeError
from engee_kernel.emulator.settings import AS_SEEN, Settings

pytestmark = pytest.mark.julia


@pytest.fixture(scope="module")
def like_engee(julia):
    with LocalEngee(like_engee=True, background=0.2) as engee:
        yield engee


@pytest.fixture
def seen(like_engee, other_api):
    """A client of a local Engee that is like the one seen."""
    like_engee.reset()
    return other_api(like_engee)


def in_tab(api, kind):
    return "".join(item["text"] for item in api.engee.shown_in_tab() if item["kind"] == kind)


def has_two_threads(engee):
    threads = engee.julia_threads()
    return threads["default"] + threads["interactive"] > 1


# -- threads


def test_the_threads_that_were_asked_for(seen):
    threads = seen.engee.julia_threads()
    version, default = seen.result('string(VERSION, " ", Threads.nthreads())').split()
    assert (threads["version"], threads["default"]) == (version, int(default))
    if threads["interactive"]:
        assert (threads["default"], threads["interactive"]) == (5, 3)
    else:  # a Julia without pools gets the first number, and takes at most one thread a core
        assert threads["default"] == min(5, os.cpu_count())


def test_where_code_runs(seen):
    if not has_two_threads(seen.engee):
        pytest.skip("one thread")

    def places(call):
        with ThreadPoolExecutor(4) as pool:
            return set(pool.map(lambda _: call(), range(8)))

    def of_eval():
        return seen.result("Threads.threadid()")

    def of_job():
        return seen.finished_job(seen.create_job("Threads.threadid()")[1])["result"]["data"]["text"]

    assert places(of_eval) == places(of_job) == {"1"}
    seen.engee.configure(eval_placement="default")
    seen.wait_for(lambda: places(of_eval) - {"1"})
    assert places(of_job) == {"1"}
    seen.engee.configure(eval_placement="loop", job_placement="default")
    seen.wait_for(lambda: places(of_job) - {"1"})
    assert places(of_eval) == {"1"}


def test_the_interactive_pool_where_there_is_one(seen):
    if seen.engee.julia_threads()["interactive"]:
        seen.engee.configure(eval_placement="interactive")
        assert seen.result("Threads.threadpool()") == "interactive"
        return
    with pytest.raises(LocalEngeeError, match="eval_placement = interactive needs a Julia with interactive threads"):
        seen.engee.configure(eval_placement="interactive")
    assert seen.engee.control("GET", "config")["eval_placement"] == "loop"


def test_a_julia_without_the_pool_does_not_start(local_engee_factory):
    """One thread in each pool is the default of newer versions: none must be asked for."""
    with pytest.raises(LocalEngeeError, match=r"job_placement = interactive needs .* Use Julia 1\.9 or newer"):
        local_engee_factory(job_placement="interactive", julia_threads="1,0")


def test_replies_stay_whole_whatever_thread_they_come_from(seen):
    seen.engee.configure(eval_placement="default", background_s=0.01)
    code = 'println("of {0};"); println(stderr, "err {0};"); string({0}, "я"^{0})'
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda number: seen.result(code.format(number)), range(100)))
    assert results == [f"{number}{'я' * number}" for number in range(100)]

    def missing(kind, word):
        return {str(number) for number in range(100)} - set(re.findall(rf"{word} (\d+);", in_tab(seen, kind)))

    seen.wait_for(lambda: not missing("stdout", "of") and not missing("stderr", "err"))


def test_what_can_be_placed():
    pools, none = Threads("1.12.4", 5, 3), Threads("1.5.3", 2, 0)
    settings = Settings().replaced({"job_placement": "interactive"})
    assert pools.objection(settings) == none.objection(Settings()) == ""
    assert "Julia 1.5.3 with 2 default and no interactive threads" in none.objection(settings)


@pytest.mark.parametrize("words", ["0", "5,", "5,3,2", "-1", "five", "", 5])
def test_threads_that_make_no_sense(words):
    with pytest.raises(ValueError, match="julia_threads must be off or a word such as 5,3"):
        Settings().replaced({"julia_threads": words})


# -- streams, display, ans


def test_what_is_printed_goes_to_pipes_that_engee_reads(seen):
    seen.result('println("printed ы"); println(stderr, "complained"); run(`echo of a program`); 1')
    seen.wait_for(lambda: {"printed ы", "of a program"} <= set(in_tab(seen, "stdout").splitlines()))
    seen.wait_for(lambda: "complained" in in_tab(seen, "stderr"))
    assert "printed" not in seen.engee.session_log.read_text(encoding="utf-8")
    assert seen.result("(stdout isa Base.AbstractPipe, stdout isa Base.LibuvStream, displaysize(stdout))") == (
        "(true, false, (30, 80))"
    )


def test_long_text_passes_the_pipes(local_engee_factory, other_api):
    """More than a pipe holds, from Julia and from a program.

    In a process that has run no program yet: a program leaves the pipes blocking, and a long text printed at once then
    stalls Julia, as it would in a Jupyter kernel of Julia's own.
    """
    api = other_api(local_engee_factory(stdio="pipes"))
    api.result('print("j"^300_000); print(stderr, "e"^300_000); run(`printf %0200000d 0`); nothing')
    api.wait_for(lambda: in_tab(api, "stdout").count("j") == 300_000 and "0" * 200_000 in in_tab(api, "stdout"))
    api.wait_for(lambda: in_tab(api, "stderr").count("e") == 300_000)


def test_a_display_is_on_the_stack_and_ans_has_a_value(seen):
    assert seen.result("ans") == "of the tab"
    seen.result("display([1, 2]); nothing")
    seen.result('display("text/html", HTML("<b>bold</b>")); nothing')
    shown = [item["data"] for item in seen.engee.shown_in_tab() if item["kind"] == "display"]
    assert shown[0]["text/plain"].startswith("2-element ")
    assert shown[1] == {"text/html": "<b>bold</b>"}


# -- background tasks


def test_engees_modules_log_and_print_in_the_background(seen):
    def beats():
        return in_tab(seen, "stderr").count("BackendLib is alive"), in_tab(seen, "stdout").count("AbstractAPI: nothing")

    assert seen.result('ENV["JULIA_DEBUG"]') == "BackendLib,AbstractAPI"
    seen.wait_for(lambda: min(beats()) >= 2)
    assert "BackendLib got a request" in in_tab(seen, "stderr")
    seen.engee.configure(background_s=None)
    seen.wait_for(lambda: seen.result('haskey(ENV, "JULIA_DEBUG")') == "false")
    seen.result("sleep(0.3)")
    before = beats()
    seen.result("sleep(0.5)")
    assert beats() == before
    seen.engee.configure(background_s=0.1)
    seen.wait_for(lambda: min(now - then for now, then in zip(beats(), before, strict=True)) >= 1)


# -- packages, depot, project


def test_packages_are_loaded_that_julia_cannot_find(seen):
    assert seen.result('[string(Base.find_package(name)) for name in ("BackendLib", "AbstractAPI")]') == (
        '["nothing", "nothing"]'
    )
    assert seen.result("isdefined(Main, :BackendLib) && Base.PkgId(BackendLib) in keys(Base.loaded_modules)") == "true"
    assert seen.result('using EngeeTables; repr("text/html", EngeeTable(:t => [0.5]))') == (
        "<table><tr><th>t</th></tr><tr><td>0.5</td></tr></table>"
    )


def test_the_first_depot_and_the_project_are_on_the_persons_disk(seen):
    assert seen.result('(DEPOT_PATH[1], ENV["JULIA_PROJECT"], ENV["JULIA_PKG_PRECOMPILE_AUTO"], pwd())') == (
        '("/user/.packages", "/user/.project/", "0", "/user")'
    )
    assert seen.result("Base.active_project()") == "/user/.project/Project.toml"
    assert (seen.engee.user_dir / ".packages").is_dir()
    assert (seen.engee.user_dir / ".project" / "Project.toml").is_file()


def test_a_depot_that_cannot_be_made(julia, tmp_path):
    (tmp_path / ".packages").write_text("a file", encoding="utf-8")
    with pytest.raises(LocalEngeeError, match=r"Julia could not be started: .*\.packages"):
        LocalEngee(user_dir=tmp_path, depot="user").start()


def test_a_job_in_a_process_of_its_own_has_the_same_life(seen):
    seen.engee.configure(jobs="own-process")
    _, job_id = seen.create_job("(ans, DEPOT_PATH[1], stdout isa Base.LibuvStream)")
    assert seen.finished_job(job_id)["result"]["data"]["text"] == '("of the tab", "/user/.packages", false)'


# -- switches


def test_all_that_was_seen_is_on(seen):
    config = seen.engee.control("GET", "config")
    assert {name: config[name] for name in AS_SEEN} == {**AS_SEEN, "background_s": 0.2}


def test_a_start_switch_holds_from_the_next_julia_and_a_reset_undoes_it(api):
    pid = api.engee.julia_pid()
    api.engee.configure(own_display=True, julia_threads="2,1")
    assert api.engee.julia_pid() == pid
    api.engee.restart_kernel()
    assert api.result("ans") == "of the tab"
    api.engee.reset()
    assert api.engee.julia_pid() != pid
    assert api.result("(@isdefined(ans), @isdefined(BackendLib), length(Base.Multimedia.displays))") == (
        "(false, false, 1)"
    ), "none of Engee's life is there unless asked for"
    assert api.result("stdout isa Union{Base.LibuvStream, IOStream}") == "true"
    assert not re.search("packages|pipes", api.result("string(DEPOT_PATH, keys(ENV))"))
