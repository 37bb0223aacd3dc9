"""One notebook of a world: a kernel, its person's things, and the cells it was given."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from frontend import Cell, Frontend

from engee_kernel.account.store import StoredToken
from engee_kernel.account.vaults import FileVault
from engee_kernel.api.credentials import Secret, origin
from engee_kernel.emulator.process import LocalEngee

from .plans import ANSWER, Deck, Plan

CLOCK = Path(__file__).parent / "clock"
RECONNECT_S = 12.0
GRACE_S = 2.0
POLL_WAIT_S = 5.0
START_S = 30.0
EVAL_S = 15.0


@dataclass
class Asked:
    plan: Plan
    cell: Cell
    interrupted_at: float = 0.0
    judged: bool = False


@dataclass
class Notebook:
    """`oauth`: its token is an OAuth one of short life and its clock may jump; else it has a PAT."""

    deck: Deck
    folder: Path
    engee: LocalEngee
    oauth: bool = False
    asked: list[Asked] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    ran_since_start: bool = False

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.clock_file.write_text("0", encoding="utf-8")
        for name in ("tmp", "data", "files", "files/in"):
            (self.folder / name).mkdir()
        self.frontend = Frontend(self.folder / "kernel", self._environment())
        self.frontend.on_input = self._answer

    @property
    def name(self) -> str:
        return self.deck.name

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock.txt"

    def _environment(self) -> dict[str, str]:
        temporary = str(self.folder / "tmp")
        variables = {
            "ENGEE_URL": self.engee.url,
            "ENGEE_MODE": self.deck.mode,
            "ENGEE_RECONNECT_BOUND_S": str(RECONNECT_S),
            "ENGEE_INTERRUPT_GRACE_S": str(GRACE_S),
            "ENGEE_POLL_WAIT_S": str(POLL_WAIT_S),
            "ENGEE_START_BOUND_S": str(START_S),
            "ENGEE_EVAL_TIMEOUT_S": str(EVAL_S),
            "ENGEE_HANDOFF_AFTER_S": "1",
            "ENGEE_DATA_FOLDER": str(self.folder / "data"),
            "ENGEE_STATE_DIR": str(self.folder / "state"),
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary),
        }
        if self.oauth:
            variables |= {
                "PYTHONPATH": str(CLOCK),
                "TEST_CLOCK_FILE": str(self.clock_file),
                "ENGEE_OAUTH_CLIENT_ID": self.engee.client_id,
                "ENGEE_OAUTH_CLIENT_SECRET": self.engee.client_secret,
            }
        return variables

    def log_in(self) -> None:
        """A token as the person's store would have it. PATs are to be made before the server is started."""
        if self.oauth:
            refresh = self.engee.make_token(kind="refresh", life_s=3600)["token"]
            self.secrets += [refresh, self.engee.client_secret]
            # the access token has ended already: the first call has to get another one
            token = StoredToken(
                "oauth",
                access=Secret("an-access-token-of-yesterday"),
                refresh=Secret(refresh),
                expires_at=0.0,
                life_s=600.0,
                client_id=self.engee.client_id,
                client_secret=Secret(self.engee.client_secret),
                saved_at=time.time(),
            )
        else:
            secret = self.new_pat()
            token = StoredToken("pat", access=Secret(secret), saved_at=time.time())
        vault = FileVault(self.folder / "data" / "tokens.json")
        vault.write(origin(self.engee.url), token.to_text())

    def new_pat(self) -> str:
        secret = str(self.engee.make_token(kind="pat", life_s=3600)["token"])
        self.secrets.append(secret)
        return secret

    def _answer(self, prompt: dict[str, Any]) -> str | None:
        return self.secrets[-1] if "access token" in prompt["prompt"] else ANSWER

    # Cells

    def send(self, plan: Plan) -> Asked:
        asked = Asked(plan, self.frontend.send(plan.code, allow_stdin=plan.takes_input))
        self.asked.append(asked)
        return asked

    def run(self, code: str, timeout_s: float) -> Cell:
        """A cell that is not one of the deck's."""
        return self.frontend.run(code, timeout_s=timeout_s, allow_stdin=True)

    def look(self) -> None:
        """Take what has come."""
        self.frontend.until(lambda: True)

    def interrupt_when_due(self, asked: Asked, now: float) -> None:
        after_s = asked.plan.interrupt_after_s
        if after_s is None or asked.interrupted_at or "busy" not in asked.cell.states or is_over(asked.cell):
            return
        if now - asked.cell.sent_at >= after_s:
            asked.interrupted_at = now
            self.frontend.interrupt_unanswered()

    def settle(self) -> None:
        """As a person does, not at once the next cell behind an error."""

    # The machine around it

    def limit_files(self, limit_bytes: int | None) -> None:
        """Let no file of the kernel grow beyond this, as on a full disk; Linux only."""
        process = psutil.Process(self.frontend.pid)
        limit = psutil.RLIM_INFINITY if limit_bytes is None else limit_bytes
        process.rlimit(psutil.RLIMIT_FSIZE, (limit, psutil.RLIM_INFINITY))

    def set_clock(self, off_s: float) -> None:
        fresh = self.clock_file.with_suffix(".new")
        fresh.write_text(str(off_s), encoding="utf-8")
        fresh.replace(self.clock_file)

    def said(self) -> Iterator[tuple[str, str]]:
        """All that the kernel has said or written, by where."""
        for text in self.frontend.texts():
            yield "messages or log", text
        for path in self.folder.rglob("*"):
            if path.is_file() and "data" not in path.relative_to(self.folder).parts[:1]:
                yield str(path), path.read_bytes().decode("utf-8", "replace")


def is_over(cell: Cell) -> bool:
    return cell.reply is not None and cell.is_idle
