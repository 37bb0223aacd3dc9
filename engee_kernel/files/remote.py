"""The files of an Engee session: the agent's calls, typed, and what is left of them without an agent.

File calls need no variables: where Engee was restarted in between, the agent is installed anew and the
call goes on. The notebook's own `Remote` is left alone, so that its next cell still learns of the restart.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..agent import literal
from ..agent.dialogue import is_agent_trouble, read_answer
from ..api.client import EngeeClient
from ..cells import serving
from ..cells.remote import REPLY_MARGIN_S, Remote, is_stall
from ..facts.errors import AgentUnavailableError, CodeError, EngeeError, SessionLostError, TransferError
from ..facts.text import duration
from .paths import STAGING_ROOT, batches

if TYPE_CHECKING:
    from ..cells.options import Options
    from ..cells.output import Output
    from ..cells.session import Session

DIRECTORY, FILE = "directory", "file"
CALLS_AT_ONCE = 50
HASH_AT_ONCE_BYTES = 256 * 2**20
HASH_BYTES_PER_S = 20e6
"""A slow guess: it bounds the wait for a checksum."""
HASH_JOB_BOUND_S = 600.0

LINK_OUT = "link out of /user"

MISSING = "no such file or directory"

# Engee's API does not follow a link out of /user, so neither does what is asked of Julia.
_LEADS_OUT = (
    "(p -> begin; while !ispath(p) && dirname(p) != p; p = dirname(p); end; r = realpath(p); "
    'u = realpath("/user"); !(r == u || startswith(r, string(u, "/"))); end)'
)


LEADS_OUT_WORDS = ("leads out of /user", "leads through one")
_OUTSIDE = "Engee's files can be read and written below /user only; the link itself can be removed: %rm"


class RemoteFileError(TransferError):
    """The file system of Engee refused; `reason` is its own word."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}.", _OUTSIDE if reason.endswith(LEADS_OUT_WORDS) else "")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind`: "directory", "file", "broken link", "link out of /user" or "other"; `modified`: seconds since 1970.

    `escaped`: the path in Julia's escapes where it is not UTF-8; such a name can't be sent to the API.
    """

    path: str
    name: str
    kind: str
    size_bytes: int
    modified: float
    is_link: bool
    escaped: str = ""


@dataclass(frozen=True, slots=True)
class Digest:
    sha256: str
    size_bytes: int


class RemoteFiles:
    """`remote` None: plain mode, where Engee is asked by lines of Julia alone."""

    def __init__(self, client: EngeeClient, remote: Remote | None) -> None:
        self.client = client
        self._remote = remote

    @property
    def has_agent(self) -> bool:
        return self._remote is not None

    # The agent's calls

    async def call(self, function: str, *args: Any, wait_s: float = 0.0) -> Mapping[str, Any]:
        """Raises RemoteFileError, AgentUnavailableError, and what the API raises."""
        answer = (await self.call_each([(function, *args)], wait_s=wait_s))[0]
        if isinstance(answer, RemoteFileError):
            raise answer
        return answer

    async def call_each(
        self, calls: Sequence[tuple[Any, ...]], *, wait_s: float = 0.0
    ) -> list[Mapping[str, Any] | RemoteFileError]:
        """The answers to several calls, asked in one request and carried out in order.

        A file problem is an answer, so that one missing file does not hide the others' answers.
        """
        try:
            return await self._ask(calls, wait_s)
        except (AgentUnavailableError, SessionLostError) as error:
            if self._remote is None or not is_agent_trouble(error):
                raise
            self._remote.forget_epoch()
            return await self._ask(calls, wait_s)

    async def _ask(self, calls: Sequence[tuple[Any, ...]], wait_s: float) -> list[Mapping[str, Any] | RemoteFileError]:
        remote = await self._ready()
        functions = [str(call[0]) for call in calls]
        await remote.bring(functions)
        text = await self.client.eval(_joined(remote, calls), timeout_s=wait_s + REPLY_MARGIN_S, repeatable=True)
        answers = _answers(text, calls)
        remote.brought(functions)
        return answers

    async def _ready(self) -> Remote:
        if self._remote is None:
            raise TransferError(
                "This needs the agent, and this notebook runs in plain mode.",
                "Switch it on with: %config mode = agent",
            )
        await self._remote.ensure()
        return self._remote

    async def stat(self, path: str) -> Entry | None:
        return (await self.stats([path]))[0]

    async def stats(self, paths: Sequence[str]) -> list[Entry | None]:
        """What is at each path, None for nothing. Raises RemoteFileError."""
        found: list[Entry | None] = []
        for some in batches(paths, lambda path: 0, limit_bytes=0, limit_count=CALLS_AT_ONCE):
            for answer in await self.call_each([("file_stat", path) for path in some]):
                if isinstance(answer, RemoteFileError):
                    if answer.reason != MISSING:
                        raise answer
                    found.append(None)
                else:
                    found.append(_entry(answer))
        return found

    async def entries(self, path: str) -> tuple[list[Entry], bool]:
        """What is in a folder, and whether there is more than the agent lists."""
        return _entries(await self.call("files_list", path))

    async def find(self, folder: str, pattern: str) -> tuple[list[Entry], bool]:
        """What matches below a folder (by name, or by relative path for a pattern with /); whether there is more."""
        return _entries(await self.call("find", folder, pattern, wait_s=60.0))

    async def make_folders(self, paths: Sequence[str]) -> None:
        if self._remote is None:
            for path in paths:
                await self._plainly(f"({_refused_outside(literal(path))}; mkpath({literal(path)}); nothing)")
            return
        for some in batches(paths, lambda path: 0, limit_bytes=0, limit_count=CALLS_AT_ONCE):
            for answer in await self.call_each([("make_dir", path) for path in some]):
                if isinstance(answer, RemoteFileError):
                    raise answer

    # Checksums

    async def digests(self, files: Sequence[tuple[str, int]]) -> list[Digest | None]:
        """Checksum and size of each (path, size in bytes); None where they can't be had (plain mode).

        Raises RemoteFileError for a file that is gone.
        """
        if self._remote is None:
            return [None for _ in files]
        found: list[Digest | None] = []
        for some in batches(files, lambda file: file[1], limit_bytes=HASH_AT_ONCE_BYTES, limit_count=CALLS_AT_ONCE):
            calls = [("sha256", path) for path, _ in some]
            total = sum(size for _, size in some)
            for answer in await self._patiently(calls, total / HASH_BYTES_PER_S):
                if isinstance(answer, RemoteFileError):
                    raise answer
                found.append(Digest(str(answer["sha256"]), int(answer["size_bytes"])))
        return found

    async def _patiently(
        self, calls: Sequence[tuple[Any, ...]], wait_s: float
    ) -> list[Mapping[str, Any] | RemoteFileError]:
        """As a job where an eval is cut off: a checksum of gigabytes takes longer than a proxy waits."""
        try:
            return await self.call_each(calls, wait_s=wait_s)
        except EngeeError as error:
            if not is_stall(error):
                raise
        remote = await self._ready()
        command = _joined(remote, calls)
        job_id = await self.client.create_job(command, name="engee-kernel: SHA-256")
        job, waited_s, pause_s = await self.client.job(job_id), 0.0, 0.2
        while not job.done and waited_s < wait_s + HASH_JOB_BOUND_S:
            await asyncio.sleep(pause_s)
            waited_s, pause_s = waited_s + pause_s, min(pause_s * 1.4, 5.0)
            job = await self.client.job(job_id)
        if not job.done or job.error is not None:
            reason = job.error.short_description if job.error is not None else f"not made in {duration(waited_s)}"
            raise TransferError(f"The checksum can't be fetched from Engee: {reason}.", "Try again.")
        return _answers(job.text or "", calls)

    # Staging folders of uploads

    async def commit(self, staging: str, pairs: Sequence[tuple[str, str]]) -> None:
        """Move staged files over their targets, each at once, and remove the staging folder."""
        if self._remote is None:
            for name, target in pairs:
                await self._commit_plainly(f"{staging}/{name}", target)
            await self.discard(staging)
            return
        words = [word for pair in pairs for word in pair]
        moved, _ = await self.call_each(
            [("commit_upload", staging, words), ("remove", STAGING_ROOT, False)], wait_s=60.0
        )
        # the second fails while another upload has a folder there, which is right
        if isinstance(moved, RemoteFileError):
            raise moved

    async def discard(self, staging: str) -> None:
        """Remove a staging folder and what is in it."""
        if self._remote is None:
            await self._plainly(
                f"(rm({literal(staging)}, recursive=true, force=true); isdir({literal(STAGING_ROOT)}) && "
                f"isempty(readdir({literal(STAGING_ROOT)})) && rm({literal(STAGING_ROOT)}); nothing)"
            )
            return
        removed, _ = await self.call_each([("remove_staging", staging), ("remove", STAGING_ROOT, False)])
        if isinstance(removed, RemoteFileError):
            raise removed

    async def _commit_plainly(self, source: str, target: str) -> None:
        source, target = literal(source), literal(target)
        await self._plainly(
            f"({_refused_outside(f'dirname({target})')}; "
            f'isdir({target}) && error("the target is a folder"); mkpath(dirname({target})); '
            f"isfile({source}) && mv({source}, {target}, force=true); nothing)"
        )

    # Without the agent

    async def size_of(self, path: str) -> int | None:
        """The size of a file in plain mode, None where there is none."""
        place = literal(path)
        text = await self._plainly(f"({_refused_outside(place)}; isfile({place}) ? filesize({place}) : -1)")
        return int(text) if text.isdigit() else None

    async def is_folder(self, path: str) -> bool:
        if self._remote is None:
            place = literal(path)
            return await self._plainly(f"({_refused_outside(place)}; isdir({place}))") == "true"
        entry = await self.stat(path)
        return entry is not None and entry.kind == DIRECTORY

    async def _plainly(self, command: str) -> str:
        """One line of Julia that is harmless to repeat."""
        try:
            return (await self.client.eval(command, repeatable=True)).strip()
        except CodeError as error:
            raise TransferError(f"Engee refused: {error.short_description}.") from error


async def files_of(session: Session, output: Output) -> RemoteFiles:
    """The files of a notebook's session, its server started where settings allow.

    Raises ServerNotRunningError, and what the API raises.
    """
    await serving.ready(session, output)
    if not await session.agent_ready():
        if session.agent_trouble is not None:
            output.notice(f"{session.agent_trouble.message} Checksums and folders need the agent.")
        return RemoteFiles(session.client, None)
    return RemoteFiles(session.client, session.remote.beside())


def files_with(client: EngeeClient, options: Options) -> RemoteFiles:
    """The files of a running Engee, without a notebook. Nothing is started or installed until the first call."""
    if options.mode != "agent":
        return RemoteFiles(client, None)
    return RemoteFiles(client, Remote(client, poll_wait_s=options.poll_wait_s))


def _refused_outside(place: str) -> str:
    """A statement in Julia for plain mode; `place` is an expression of Julia."""
    return f'{_LEADS_OUT}({place}) && error("a link on the way leads out of /user")'


def _joined(remote: Remote, calls: Sequence[tuple[Any, ...]]) -> str:
    """One Julia expression for the JSON of several calls: `read_answer` wants an object."""
    try:
        commands = remote.commands(calls)
    except ValueError as error:
        raise TransferError(
            f"A name can't be sent to Engee: {error}.", "Rename the file: its name is not proper Unicode."
        ) from error
    parts = ", ".join(f"({command})" for command in commands)
    return f'string("{{\\"answers\\":[", join(({parts},), ","), "]}}")'


def _answers(text: str, calls: Sequence[tuple[Any, ...]]) -> list[Mapping[str, Any] | RemoteFileError]:
    answers = read_answer(text).get("answers")
    if not isinstance(answers, list) or len(answers) != len(calls):
        raise AgentUnavailableError("The agent's answer is not complete.")
    return [_answer(answer, call) for answer, call in zip(answers, calls, strict=True)]


def _answer(answer: Any, call: tuple[Any, ...]) -> Mapping[str, Any] | RemoteFileError:
    try:
        return read_answer(json.dumps(answer))
    except TransferError as error:
        path = answer.get("path")
        return RemoteFileError(path if isinstance(path, str) and path else str(call[1]), error.message.rstrip("."))


def _entries(answer: Mapping[str, Any]) -> tuple[list[Entry], bool]:
    return [_entry(raw) for raw in answer.get("entries") or ()], bool(answer.get("more"))


def _entry(raw: Mapping[str, Any]) -> Entry:
    return Entry(
        str(raw["path"]),
        str(raw["name"]),
        str(raw["type"]),
        int(raw["size_bytes"]),
        float(raw["modified"]),
        bool(raw.get("link")),
        str(raw.get("escaped", "")),
    )
