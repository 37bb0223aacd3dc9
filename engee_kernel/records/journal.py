"""The local journal of jobs: which jobs this machine's notebooks made, so that a new kernel finds them again.

One file of JSON lines, shared by all kernels and commands of a person. What is kept of a job: its id, the Engee
server, the notebook's path, the cell's number, the name given to the job, times, and how it ended. No code, no
output, no webhook address (such addresses are often secrets).

Rules for this module: every write is one line under a lock; a line that can't be read costs that line only; the
file stays below `LIMIT_BYTES`, give or take a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..account import private
from ..disk import replacing
from ..facts.errors import EngeeError

LIMIT_BYTES = 512 * 1024
KEPT_JOBS = 500
LOCK_BOUND_S = 5.0
MARK_CHARS = 12
FILE = "jobs.jsonl"


class JournalError(EngeeError):
    """The journal can't be read or written; jobs run all the same."""


@dataclass(frozen=True)
class Entry:
    """One job. `kind`: "cell" (an ordinary long cell's record), "job" (%%job), "plain" (a job without the agent).

    `server`: the address of the person's Engee server. `created` and `ended` are ISO 8601 in UTC; `ended` and
    `status` ("ok", "error", "interrupted") are "" until a kernel has seen the end. `pid`: of the process that made it.
    """

    job_id: str
    server: str
    notebook: str
    kind: str
    count: int = 0
    name: str = ""
    epoch: str = ""
    created: str = ""
    ended: str = ""
    status: str = ""
    pid: int = 0


@dataclass(frozen=True)
class Pages:
    """What the journal holds, oldest first; `unreadable` lines were skipped."""

    entries: Mapping[str, Entry]
    unreadable: int = 0


def notebook_key(environment: Mapping[str, str], folder: str, file: str = "") -> str:
    """What tells one notebook's jobs from another's: its path where the front end says it, else its folder.

    Jupyter Server sets JPY_SESSION_NAME. VS Code names the file with each cell (`file`); it, nbclient and consoles
    start the kernel in the notebook's folder.
    """
    return environment.get("JPY_SESSION_NAME") or file or folder


def has_mark(worker: str) -> bool:
    """Whether a worker's name begins with the mark of some notebook."""
    return _MARKED.match(worker) is not None


def pid_of(worker: str) -> int:
    """The process whose cells it runs, on the computer of the mark; 0 where that is not said."""
    found = _MARKED.match(worker)
    return int(found[1], 16) if found else 0


def is_at_work(pid: int, since: datetime | None = None) -> bool:
    """Whether the process that did something at `since` is there still, and is not another one with its number."""
    import psutil  # noqa: PLC0415 - for those who found something

    if pid in (0, os.getpid()):
        return False
    try:
        began = float(psutil.Process(pid).create_time())  # type: ignore[no-untyped-call]
    except psutil.Error:
        return False
    return since is None or began <= since.timestamp() + 1.0


def default_folder() -> Path:
    import platformdirs  # noqa: PLC0415 - for those who note a job only

    return Path(platformdirs.user_state_dir("engee_kernel", appauthor=False))


class Journal:
    """The journal in `folder`; `notebook` is noted with each job. Safe to use from several processes and threads."""

    def __init__(self, notebook: str, folder: Path | None = None) -> None:
        self.notebook = notebook
        self.path = (folder or default_folder()) / FILE

    @property
    def mark(self) -> str:
        """The same for every kernel of the notebook on this computer, and says nothing of it to others.

        Engee's agent keeps it with what runs, for the next kernel.
        """
        whose = f"{platform.node()}\n{self.notebook}"
        return hashlib.sha256(whose.encode("utf-8", "surrogateescape")).hexdigest()[:MARK_CHARS]

    def worker(self) -> str:
        """A new name for what runs one kernel's cells in the agent: the mark, this process, and a number of its own."""
        return f"{self.mark}-{os.getpid():08x}-{uuid.uuid4()}"

    @property
    def is_of_folder(self) -> bool:
        """Whether the notebook is known by its folder only, as others in there are."""
        return Path(self.notebook).is_dir()

    def note(self, entry: Entry) -> None:
        """Add a job, or what has become of it. Raises JournalError."""
        fields = {name: value for name, value in asdict(entry).items() if value not in ("", 0)}
        self._append([json.dumps(fields, ensure_ascii=False)])

    def ended(self, job_id: str, status: str) -> None:
        """A kernel has seen the job end. Raises JournalError."""
        self._append([json.dumps({"job_id": job_id, "ended": now_text(), "status": status})])

    def read(self) -> Pages:
        """Raises JournalError where the file is there and can't be read."""
        try:
            with os.fdopen(replacing.open_to_read(self.path), encoding="utf-8", errors="replace") as file:
                text = file.read()
        except FileNotFoundError:
            return Pages({})
        except OSError as error:
            raise self._error("read", error) from error
        return _pages(text.splitlines())

    def _append(self, lines: Iterable[str]) -> None:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - for those who note a job only

        try:
            private.make_folder(self.path.parent)
            with FileLock(f"{self.path}.lock", timeout=LOCK_BOUND_S):
                with os.fdopen(os.open(self.path, _APPEND, 0o600), "ab") as file:
                    # a line that another process left unfinished must not swallow this one
                    if file.tell() and not self._ends_with_line():
                        file.write(b"\n")
                    file.write("".join(f"{line}\n" for line in lines).encode())
                if self.path.stat().st_size > LIMIT_BYTES:
                    self._shorten()
        except (OSError, Timeout) as error:
            raise self._error("written", error) from error

    def _ends_with_line(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _shorten(self) -> None:
        """Keep the newest jobs, one line each. Under the lock."""
        entries = list(self.read().entries.values())[-KEPT_JOBS:]
        fresh = self.path.with_suffix(f".{os.getpid()}.new")
        lines = [json.dumps(asdict(entry), ensure_ascii=False) for entry in entries]
        while lines and sum(len(line.encode()) + 1 for line in lines) > LIMIT_BYTES // 2:
            del lines[: max(1, len(lines) // 10)]
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write("".join(f"{line}\n" for line in lines).encode())
            replacing.replace(fresh, self.path)
        except PermissionError:
            # on Windows while another process reads the file: the next line tries again
            replacing.remove(fresh)

    def _error(self, what: str, error: Exception) -> JournalError:
        reason = private.reason_of(error, self.path).replace(private.FOLDER_VARIABLE, "ENGEE_STATE_DIR")
        return JournalError(
            f"The journal of jobs {self.path} can't be {what}: {reason}.",
            "Jobs run all the same; Engee's own list of jobs still has them.",
        )


_MARKED = re.compile(rf"[0-9a-f]{{{MARK_CHARS}}}-([0-9a-f]{{8}})-")
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


def now_text() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _pages(lines: Iterable[str]) -> Pages:
    entries: dict[str, Entry] = {}
    unreadable = 0
    for line in lines:
        if not line.strip():
            continue
        fields = _fields(line)
        if fields is None:
            unreadable += 1
            continue
        known = entries.get(fields["job_id"])
        if known:
            entries[known.job_id] = replace(known, **fields)
        elif fields.keys() >= _REQUIRED:
            entries[fields["job_id"]] = Entry(**fields)
        # else the end of a job that the journal has forgotten
    return Pages(entries, unreadable)


_REQUIRED = {"job_id", "server", "notebook", "kind"}
_TYPES = {name: int if name in ("count", "pid") else str for name in Entry.__dataclass_fields__}


def _fields(line: str) -> dict[str, Any] | None:
    """The known fields of a line; None for what is no line of this journal."""
    try:
        raw = json.loads(line)
    except ValueError:
        return None
    if not isinstance(raw, dict) or not isinstance(raw.get("job_id"), str):
        return None
    # what a newer version may have added is left alone
    known = {name: value for name, value in raw.items() if name in _TYPES}
    if any(type(value) is not _TYPES[name] for name, value in known.items()):
        return None
    return known
