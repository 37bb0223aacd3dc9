"""The local Engee as a process of its own, for tests, demos and benchmarks: start it, wait for it, end it.

with LocalEngee(start_time=0.5) as engee:
    httpx.get(engee.url + "/account/api/engee/info", headers={"Authorization": f"Bearer {engee.token}"})
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

START_LIMIT_S = 120
END_LIMIT_S = 20
CALL_LIMIT_S = 60


class LocalEngeeError(Exception):
    """The local Engee did not start, did not end, or refused a control call."""


class LocalEngee:
    """Options are the command line's, in Python's spelling: `stop_time=1`, `stopped=True`, `evals_during_jobs=False`.

    `user_dir` is a new folder, removed at the end, unless one is given. `julia` is found as usual unless one is given.
    """

    url: str
    session_url: str
    token: str
    control_key: str
    client_id: str
    client_secret: str
    user_dir: Path
    user_is_mounted: bool
    session_log: Path
    pid: int

    def __init__(self, user_dir: Path | None = None, **options: object) -> None:
        self._options = command_options(options)
        self._given_user_dir = user_dir
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._last_output = ""
        self.process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"LocalEngee({getattr(self, 'url', 'not started')})"

    def __enter__(self) -> LocalEngee:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def output(self) -> str:
        """What it printed so far, secrets included: for people, not for logs."""
        if self._folder is None:
            return self._last_output
        return Path(self._folder.name, "output.txt").read_text(encoding="utf-8", errors="replace")

    def start(self) -> LocalEngee:
        """Returns once it answers. Raises LocalEngeeError."""
        self._folder = tempfile.TemporaryDirectory(prefix="local-engee-process-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        ready_file = folder / "ready.json"
        places = ["--ready-file", str(ready_file), "--user-dir", str(self._given_user_dir or folder / "user")]
        places += ["--ends-with", str(os.getpid())]
        command = [sys.executable, "-m", "engee_kernel.emulator", *places, *self._options]
        with (folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
                **_own_group(),
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise LocalEngeeError(f"The local Engee did not start:\n{self.output}")
            time.sleep(0.01)
        for name, value in json.loads(ready_file.read_text(encoding="utf-8")).items():
            setattr(self, name, Path(value) if name in ("user_dir", "session_log") else value)
        return self

    def close(self) -> None:
        """End it and its Julia, and remove its folders. Raises LocalEngeeError if it has to be killed."""
        try:
            if self.process is not None:
                _end(self.process)
        finally:
            if self._folder is not None:
                self._last_output = self.output
                self._folder.cleanup()
                self._folder = None

    # -- control

    def control(self, method: str, path: str, fields: object = None) -> Any:
        """Call `/_emulator/{path}` and return the JSON of the reply. Raises LocalEngeeError."""
        request = urllib.request.Request(  # noqa: S310 - our own loopback address
            f"{self.url}/_emulator/{path}",
            method=method,
            data=None if fields is None else json.dumps(fields).encode(),
            headers={"Authorization": f"Bearer {self.control_key}", "Content-Type": "application/json"},
        )
        # No proxy: it is this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=CALL_LIMIT_S) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                raise LocalEngeeError(error.read().decode("utf-8", "replace")) from error

    def configure(self, **settings: object) -> dict[str, Any]:
        """Change switches; names and values as in `Settings`. Returns all of them."""
        return dict(self.control("POST", "config", settings))

    def faults(self, *faults: dict[str, object], seed: int = 0) -> list[dict[str, Any]]:
        """Replace the faults that are in place; none given = no faults. Each is the fields of `Fault`."""
        return list(self.control("POST", "faults", {"faults": list(faults), "seed": seed})["faults"])

    def requests(self) -> list[dict[str, Any]]:
        """The log of the calls since the start or the last reset, without secrets."""
        return list(self.control("GET", "requests")["requests"])

    def reset(self, *, new_session: bool = False) -> None:
        """Back to how it was started: switches, faults, tokens, logs, jobs; with `new_session` also a new Julia."""
        self.control("POST", "reset", {"new_session": new_session})

    def kill_julia(self) -> None:
        self.control("POST", "kill-julia")

    def julia_pid(self) -> int | None:
        """None while the server is stopped."""
        pid = self.control("GET", "state")["julia_pid"]
        return pid if isinstance(pid, int) else None

    def julia_threads(self) -> dict[str, Any] | None:
        """`version`, `default` and `interactive` of the Julia that runs; None while the server is stopped."""
        threads = self.control("GET", "state")["julia_threads"]
        return None if threads is None else dict(threads)

    # -- the browser tab beside us

    def run_in_tab(self, line: str) -> dict[str, Any]:
        """Run a line as Engee's own tab does. The reply has `text`, or `error` with the API's three fields."""
        return dict(self.control("POST", "tab", {"action": "run", "line": line}))

    def clear_variables(self) -> dict[str, Any]:
        """The tab's "Clear all variables"."""
        return dict(self.control("POST", "tab", {"action": "clear"}))

    def restart_kernel(self) -> None:
        """The tab's "Restart the kernel": returns when another Julia is there."""
        self.control("POST", "tab", {"action": "restart"})

    def shown_in_tab(self) -> list[dict[str, Any]]:
        """What Engee read from its own streams and showed by its own display: `kind`, `text`, `data` by MIME type."""
        return list(self.control("GET", "tab")["shown"])

    def make_token(self, **fields: object) -> dict[str, Any]:
        """Fields: `kind` ("pat", "access", "refresh"), `life_s`, `name`. The reply has `token` and `label`."""
        return dict(self.control("POST", "tokens", {"action": "make", **fields}))

    def end_token(self, token: str, action: str = "expire") -> None:
        """`action`: "expire" or "revoke"."""
        self.control("POST", "tokens", {"action": action, "token": token})


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        if sys.platform == "win32":
            process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            process.terminate()
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_LIMIT_S)
        raise LocalEngeeError("The local Engee did not end and was killed.") from None


def command_options(options: dict[str, object]) -> list[str]:
    """`start_time=1` → `--start-time 1`; True → the bare option; False → `no`; None → left out."""
    words: list[str] = []
    for name, value in options.items():
        if value is None:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append("no" if value is False else str(value))
    return words


def _own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal is for the program that started the local Engee, which ends it in its own time."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
