"""`engee-kernel sync` as a program, watching included, and %sync in a notebook."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from files.conftest import Notebook, left_behind, tree
from files.test_command_line import stop

from engee_kernel.emulator.process import LocalEngee
from engee_kernel.facts.errors import UsageError
from engee_kernel.household.settings import EngeeSettings

from .test_sync_rounds import write

PROGRAM = "import sys; from engee_kernel.cli import main; sys.exit(main())"
LIMIT_S = 60.0
QUIET_S = 2.0


def environment_for(engee: LocalEngee, home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGEE_", "JUPYTER_"))}
    return kept | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home),
        "ENGEE_STATE_DIR": str(home / "state"),
        "ENGEE_URL": engee.url,
        "ENGEE_TOKEN": engee.token,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def environment(local_engee: LocalEngee, tmp_path: Path) -> dict[str, str]:
    return environment_for(local_engee, tmp_path / "home")


@pytest.fixture
def sync(environment: dict[str, str], here: Path, user: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, "sync", *words],
            env=environment | more,
            cwd=here,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_S,
            check=False,
        )

    return run


class Watcher:
    """The command at work in a terminal's stead; `until` reads its lines."""

    def __init__(self, environment: dict[str, str], here: Path, *words: str) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "sync", *words, "--watch"],
            env=environment,
            cwd=here,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, words: str) -> str:
        """The first line from now on that has these words."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"no “{words}” in: {self.said}"
            self.said.append(line)
            if words in line:
                return line

    def rest(self) -> list[str]:
        """What is said in the next while."""
        time.sleep(QUIET_S)
        found = []
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get_nowait()) is not None:
                found.append(line)
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT_S)
        self._reader.join(LIMIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(LIMIT_S)


@pytest.fixture
def watch(environment: dict[str, str], here: Path, user: Path) -> Iterator[Callable[..., Watcher]]:
    if sys.platform == "win32":
        pytest.skip("Ctrl-C is sent otherwise there; the code is the same")
    started: list[Watcher] = []

    def start(*words: str, other: dict[str, str] | None = None) -> Watcher:
        made = Watcher(other or environment, here, *words)
        started.append(made)
        made.until("Watching")
        return made

    yield start
    for one in started:
        one.close()


def test_it_says_what_it_does_and_leaves_an_exit_code(
    sync: Callable[..., subprocess.CompletedProcess[str]], user: Path, here: Path
) -> None:
    write(here, "src/a.jl")
    write(here, "src/b.jl")
    done = sync("src", "project/src")
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0] == f"{Path('src', 'a.jl')} → /user/project/src/a.jl (new)"
    assert said[2].startswith("Sent 2 files, 16 B in ")
    assert sync("src", "/user/project/src").stdout == "All is as in Engee.\n"
    write(user, "project/src/a.jl", "theirs")
    done = sync("src", "project/src", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["kept"] == [
        {"remote": "/user/project/src/a.jl", "reason": "changed in Engee since the last sync"}
    ]
    assert sync("src", "project/src", "--force").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as POSIX does")
def test_a_killed_sync_is_not_taken_for_a_change_in_engee(
    sync: Callable[..., subprocess.CompletedProcess[str]],
    environment: dict[str, str],
    local_engee: LocalEngee,
    user: Path,
    here: Path,
) -> None:
    write(here, "src/a.jl", "1")
    assert sync("src", "src").returncode == 0
    write(here, "src/a.jl", "2")
    # the file is put in place, but the reply never comes: nobody notes it down
    local_engee.faults({"kind": "drop_after", "path": "command/eval", "contains": ":commit_upload,"})
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, "sync", "src", "src"], env=environment, cwd=here)
    deadline = time.monotonic() + LIMIT_S
    while (user / "src" / "a.jl").read_text() != "2":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait(LIMIT_S)
    local_engee.faults()
    write(here, "src/a.jl", "3")
    done = sync("src", "src")
    assert done.returncode == 0, done.stdout
    assert (user / "src" / "a.jl").read_text() == "3"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("нет", "/user/src"), "There is no folder"),
        (("src", "x", "--watch", "--json"), "--watch goes on"),
        (("src", "x", "--watch", "--dry-run"), "--watch goes on"),
        (("src",), "REMOTE"),
    ],
)
def test_wrong_calls_are_explained(
    sync: Callable[..., subprocess.CompletedProcess[str]], here: Path, words: tuple[str, ...], said: str
) -> None:
    (here / "src").mkdir()
    done = sync(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_folder_is_named_as_such(
    sync: Callable[..., subprocess.CompletedProcess[str]], here: Path, user: Path
) -> None:
    (here / "src").mkdir()
    assert sync("src", "x").stdout == "There is not a file here: nothing to send.\n"
    write(here, "src/.gitignore", "*\n")
    assert "kept back by .gitignore" in sync("src", "x").stdout


def test_watching_without_the_library_names_the_extra(
    sync: Callable[..., subprocess.CompletedProcess[str]], here: Path, tmp_path: Path
) -> None:
    write(here, "src/a.jl")
    write(tmp_path, "shadow/watchfiles.py", "raise ImportError('No module named watchfiles')")
    done = sync("src", "x", "--watch", PYTHONPATH=str(tmp_path / "shadow"))
    assert done.returncode == 2
    assert 'pip install "engee-kernel[sync]"' in done.stderr
    assert sync("src", "x", PYTHONPATH=str(tmp_path / "shadow")).returncode == 0


def test_each_save_is_sent_in_one_line(watch: Callable[..., Watcher], here: Path, user: Path) -> None:
    write(here, "src/a.jl", "1")
    watcher = watch("src", "src", "--delete")
    write(here, "src/a.jl", "2")
    assert "sent a.jl (1 B, " in watcher.until("sent")
    for number in range(6):
        write(here, f"src/n{number}.jl")
    watcher.until("sent n0.jl, n1.jl, n2.jl and 3 more")
    (here / "src" / "n0.jl").rename(here / "src" / "m0.jl")
    assert "removed n0.jl" in watcher.until("sent m0.jl")
    # as editors save: beside the file, then over it
    write(here, "src/a.jl~", "3")
    (here / "src" / "a.jl~").rename(here / "src" / "a.jl")
    watcher.until("sent a.jl")
    write(here, "src/.git/index", "x")
    write(here, "src/.b.jl.swp", "x")
    write(here, "src/a.jl", "3")
    assert watcher.rest() == []
    assert tree(user / "src") == {
        name: content for name, content in tree(here / "src").items() if ".git" not in name and ".swp" not in name
    }
    assert watcher.end() == 0
    assert left_behind(user) == []


def test_a_change_in_engee_is_named_once_a_save(watch: Callable[..., Watcher], here: Path, user: Path) -> None:
    write(here, "src/a.jl", "1")
    write(here, "src/b.jl", "1")
    watcher = watch("src", "src")
    write(user, "src/a.jl", "theirs")
    write(here, "src/a.jl", "2")
    watcher.until("kept /user/src/a.jl: changed in Engee since the last sync")
    write(here, "src/b.jl", "2")
    assert "kept" not in watcher.until("sent b.jl")
    write(here, "src/a.jl", "3")
    watcher.until("kept /user/src/a.jl")
    assert (user / "src" / "a.jl").read_text() == "theirs"
    assert watcher.end() == 0


def test_a_lost_network_is_said_once_and_waited_for(
    watch: Callable[..., Watcher], local_engee: LocalEngee, here: Path, user: Path
) -> None:
    write(here, "src/a.jl", "1")
    watcher = watch("src", "src")
    local_engee.faults({"kind": "drop_before"})
    write(here, "src/a.jl", "2")
    line = watcher.until("What changed is sent as soon as that is over.")
    write(here, "src/b.jl", "while away")
    assert line.split(" ", 1)[1] not in " ".join(watcher.rest())
    local_engee.faults()
    watcher.until("Engee answers again.")
    watcher.until("sent a.jl, b.jl")
    assert tree(user / "src") == tree(here / "src")
    assert watcher.end() == 0


def test_a_stopped_server_is_waited_for_and_not_started(
    watch: Callable[..., Watcher], local_engee: LocalEngee, here: Path, user: Path
) -> None:
    write(here, "src/a.jl", "1")
    local_engee.configure(stopped_status=503)
    watcher = watch("src", "src")
    stop(local_engee)
    write(here, "src/a.jl", "2")
    watcher.until("What changed is sent as soon as that is over.")
    watcher.rest()
    assert local_engee.control("GET", "state")["status"] == "stopped"
    local_engee.reset()
    watcher.until("Engee answers again.")
    watcher.until("sent a.jl")
    assert (user / "src" / "a.jl").read_text() == "2"
    assert watcher.end() == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_restart_of_engee_is_survived(
    watch: Callable[..., Watcher],
    local_engee_factory: Callable[..., LocalEngee],
    here: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "user").mkdir()
    first = local_engee_factory(user_dir=tmp_path / "user")
    port = int(first.url.rpartition(":")[2])
    write(here, "src/a.jl", "1")
    watcher = watch("src", "src", other=environment_for(first, tmp_path / "home"))
    first.close()
    write(here, "src/a.jl", "2")
    watcher.until("What changed is sent as soon as that is over.")
    local_engee_factory(user_dir=tmp_path / "user", port=port, token=first.token, running=True)
    watcher.until("sent a.jl")
    assert (tmp_path / "user" / "src" / "a.jl").read_text() == "2"
    assert watcher.end() == 0


def test_a_folder_that_goes_ends_it_and_removes_nothing(watch: Callable[..., Watcher], here: Path, user: Path) -> None:
    write(here, "src/a.jl", "1")
    watcher = watch("src", "src", "--delete")
    (here / "src").rename(here / "away")
    watcher.until("There is no folder")
    assert watcher.process.wait(LIMIT_S) == 2
    assert tree(user / "src") == {"a.jl": b"1"}


async def test_the_magic(notebook: Notebook, user: Path, here: Path, tmp_path: Path) -> None:
    settings = EngeeSettings()
    settings.state_dir = str(tmp_path / "state")
    notebook.settings = settings
    write(here, "пакет/src/a.jl", "f() = 41")
    assert (await notebook.run("%sync --help")).text.startswith("usage: %sync")
    await notebook.run("%mkdir work")
    await notebook.run("%cd work")
    screen = await notebook.run("%sync пакет пакет")
    assert "/user/work/пакет/src/a.jl (new)" in screen.text
    await notebook.run('include("/user/work/пакет/src/a.jl")')
    write(here, "пакет/src/a.jl", "f() = 42")
    screen = await notebook.run('%sync пакет пакет\ninclude("/user/work/пакет/src/a.jl"); print(f())')
    assert "Sent 1 file" in screen.text
    assert "42" in screen.text
    write(user, "work/пакет/src/a.jl", "theirs")
    screen = await notebook.run("%sync пакет пакет --dry-run")
    assert "kept, changed in Engee" in screen.text
    with pytest.raises(UsageError, match="does not watch") as caught:
        await notebook.run("%sync пакет пакет --watch")
    assert "engee-kernel sync пакет пакет --watch" in caught.value.hint
    assert "%sync пакет/" in await notebook.complete("%sync па")
    assert await notebook.complete("%sync пакет /user/w") == ["%sync пакет /user/work/"]
