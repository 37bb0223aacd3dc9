"""A local Engee with switches of its own and two notebooks, through some rounds of weather, searched in the end."""

from __future__ import annotations

import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from frontend import Cell, LateError

from engee_kernel.emulator.process import LocalEngee, LocalEngeeError

from .notebook import EVAL_S, POLL_WAIT_S, RECONNECT_S, START_S, Asked, Notebook, is_over
from .plans import Deck, Plan
from .verdicts import broken, invented, misled
from .weather import Sky, Weather

REPLY_MARGIN_S = 15.0
RETRY_S = 15.0
MACHINE_S = 60.0  # the machine may be busy with other things while Julia compiles the agent
FULL_BYTES = 400_000
CLOCK_JUMP_S = 7200.0
CHECK_TRIES = 4
_ATTACH = re.compile(r"%jobs attach ([0-9a-f-]{8,36})")

Log = Callable[[str], None]


class BrokenPromiseError(AssertionError):
    """Something did not hold; the message is for the report."""


class World:
    """`chance` decides everything. `log` is told each step."""

    def __init__(self, folder: Path, chance: random.Random, log: Log) -> None:
        self._folder = folder
        self._chance = chance
        self._log = log
        self.cells = 0
        self.outcomes: Counter[str] = Counter()
        self.longest_wait: tuple[float, str] = (0.0, "")
        self._last_pid: int | None = None
        self._limits = sys.platform == "linux"  # elsewhere a process can't be given one from outside

    def live(self, until: float, rounds: int) -> None:
        """Some rounds of weather, no new one after `until` by `time.monotonic`. Raises BrokenPromiseError."""
        chance = self._chance
        switches = {
            "evals": chance.choice(["parallel", "parallel", "serial"]),
            "jobs": chance.choice(["same-process", "same-process", "own-process"]),
            "evals_during_jobs": chance.random() < 0.7,
            "strings": chance.choice(["unquoted", "quoted"]),
            "nothing": chance.choice(["nothing", "empty", "null"]),
            "eval_limit": chance.choice([None, None, 3]),
            "stopped_status": chance.choice([404, 502, 503]),
            "download_name": chance.choice(["plain", "extended", "none"]),
            "upload_reply": chance.choice(["empty", "list"]),
            "zip_names": chance.choice(["name", "path"]),
            "young_token_status": chance.choice([401, 403]),
            "rotate_refresh_tokens": False,
            "start_time": 0.3,
            "stop_time": 0.3,
            "access_token_life": 5,
        }
        modes = [chance.choice(["agent", "agent", "agent", "plain"]), "agent"]
        self._log(f"modes {modes}, switches {switches}")
        self._jobs_share_process = switches["jobs"] == "same-process"
        user = self._folder / "user"
        user.mkdir()
        (user / "small.bin").write_bytes(chance.randbytes(3_000))
        (user / "large.bin").write_bytes(chance.randbytes(900_000))
        with LocalEngee(user_dir=user, stopped=True, **switches) as engee:
            self._engee = engee
            self._notebooks = [
                Notebook(Deck(name, mode, chance, self._folder / name / "files"), self._folder / name, engee, oauth)
                for name, mode, oauth in zip("AB", modes, (False, True), strict=True)
            ]
            self._secrets = [engee.token, engee.control_key]
            self._start_kernels()
            try:
                sky = Sky(chance, reconnect_s=RECONNECT_S)
                for turn in range(rounds):
                    if time.monotonic() > until:
                        break
                    self._round(turn, sky.choose())
                self._end_of_rounds()
            finally:
                for notebook in self._notebooks:
                    notebook.frontend.end()
            self._search(engee, user)

    def _start_kernels(self) -> None:
        for notebook in self._notebooks:
            notebook.log_in()
        for notebook in self._notebooks:
            notebook.frontend.start()
        for notebook in self._notebooks:
            self._check(notebook, session_may_end=False)

    # One round

    def _round(self, turn: int, weather: Weather) -> None:
        plans = {notebook.name: notebook.deck.deal() for notebook in self._notebooks}
        dealt = ", ".join(f"{plan.kind} {plan.key}" for one in plans.values() for plan in one)
        self._log(f"round {turn}: {weather.name} {weather.faults} {weather.deed} {weather.lasts_s} s; {dealt}")
        before = {notebook.name: self._files(notebook, plans[notebook.name]) for notebook in self._notebooks}
        self._engee.faults(*weather.faults, seed=self._chance.randrange(2**30))
        began = time.monotonic()
        asked = [(notebook, notebook.send(plan)) for notebook in self._notebooks for plan in plans[notebook.name]]
        self.cells += len(asked)
        questions = [
            notebook.frontend.request("complete_request", code="printl", cursor_pos=6)
            for notebook in self._notebooks
            if self._chance.random() < 0.3
        ]
        code_s = sum(one.plan.lasts_s for _, one in asked)
        bound_s = code_s + weather.lasts_s + RECONNECT_S + RETRY_S + POLL_WAIT_S + 2 * REPLY_MARGIN_S + MACHINE_S
        bound_s += (START_S if weather.ends_session or weather.deed else 0.0) + EVAL_S
        done_deed = not weather.deed
        is_fair = False
        while not (all(is_over(one.cell) for _, one in asked) and all(map(is_over, questions)) and is_fair):
            for notebook in self._notebooks:
                notebook.look()
            now = time.monotonic()
            if not done_deed and now - began >= weather.deed_after_s:
                done_deed = True
                self._do(weather.deed)
            if done_deed and not is_fair and now - began >= weather.lasts_s:
                self._engee.faults()
                is_fair = True
            for notebook, one in asked:
                notebook.interrupt_when_due(one, now)
            if now - began > bound_s:
                open_ones = [one.plan for _, one in asked if not is_over(one.cell)]
                questions_open = sum(not is_over(question) for question in questions)
                raise BrokenPromiseError(
                    f"not over within {bound_s:.0f} s: {open_ones}, {questions_open} completions open\n{self._told()}"
                )
        waited_s = time.monotonic() - began - code_s - weather.lasts_s
        self.longest_wait = max(self.longest_wait, (round(waited_s, 1), f"{weather.name}; {dealt}"))
        self._undo(weather.deed)
        for notebook in self._notebooks:
            notebook.settle()
        for notebook, one in asked:
            self._judge(notebook, one)
            self._judge_files(notebook, one, before[notebook.name])
        for notebook, one in asked:
            self._follow_left(notebook, one, session_may_end=weather.ends_session or weather.deed == "token ends")
        for notebook in self._notebooks:
            may_end = weather.ends_session or weather.deed == "token ends" or weather.name.startswith("outage")
            self._check(notebook, session_may_end=may_end)

    def _do(self, deed: str) -> None:
        first, second = self._notebooks
        if deed == "kill_julia":
            try:
                self._engee.kill_julia()
            except LocalEngeeError:
                self._log("  there was no Julia to kill")
        elif deed == "disk full" and self._limits:
            for notebook in self._notebooks:
                notebook.limit_files(FULL_BYTES)
        elif deed.startswith("clock"):
            second.set_clock(CLOCK_JUMP_S if deed == "clock forward" else -CLOCK_JUMP_S)
        elif deed == "token ends":
            self._engee.end_token(first.secrets[-1])

    def _undo(self, deed: str) -> None:
        first, second = self._notebooks
        if deed == "disk full" and self._limits:
            for notebook in self._notebooks:
                notebook.limit_files(None)
        elif deed.startswith("clock"):
            second.set_clock(0.0)
        elif deed == "token ends":
            self._renew_token(first)

    def _renew_token(self, notebook: Notebook) -> None:
        """As the error says: a new token, and a server that is started after it was made."""
        notebook.settle()
        notebook.new_pat()
        for code, said in (("%login", "Logged in"), ("%engee restart", "")):
            cell = notebook.run(code, START_S + MACHINE_S)
            if cell.status != "ok" or said not in str(cell.outputs):
                raise BrokenPromiseError(f"a token that ended, then {code}: {cell}")

    # Judging

    def _judge(self, notebook: Notebook, asked: Asked) -> None:
        plan, cell = asked.plan, asked.cell
        outcome = cell.status if cell.status != "error" else str(cell.error["ename"])
        self.outcomes[outcome] += 1
        self._log(f"  {plan.key} {plan.kind}: {outcome} after {cell.replied_at - cell.sent_at:.1f} s")
        sees_streams = notebook.deck.mode == "agent" and not (plan.is_job and not self._jobs_share_process)
        self._insist(broken(plan, cell, self._runs(plan), sees_streams=sees_streams), plan, cell)
        notebook.ran_since_start |= self._runs(plan) > 0

    def _follow_left(self, notebook: Notebook, asked: Asked, *, session_may_end: bool) -> None:
        """A cell that was let go with the advice to attach to it: the advice is followed."""
        plan, cell = asked.plan, asked.cell
        shown = cell.traceback if cell.status == "error" else str(cell.outputs)
        job_id = _ATTACH.search(shown)
        if job_id is None or (cell.status == "error" and cell.error["ename"] not in ("StillRunningError",)):
            return
        attached = notebook.run(f"%jobs attach {job_id[1]}", plan.lasts_s + RECONNECT_S + START_S + MACHINE_S)
        name = "ok" if attached.status == "ok" else attached.error["ename"]
        self._log(f"  {plan.key} attached: {name}")
        runs = self._runs(plan)
        gone = name in ("SessionLostError", "NotFoundError", "ServerNotRunningError")
        fine = name in ("ok", plan.raises) or (name == "InterruptException" and asked.interrupted_at)
        if not fine and not (gone and (session_may_end or runs == 0)):
            raise BrokenPromiseError(f"{plan.kind} {plan.key} ran {runs} times; the advice to attach: {attached}")
        notebook.settle()
        if name in ("ok", plan.raises):
            whole = Plan(plan.kind, plan.key, plan.code, stdout=plan.stdout, stderr=plan.stderr, raises=plan.raises)
            whole.counted, whole.displays, whole.result = False, plan.displays, plan.result
            sees_streams = notebook.deck.mode == "agent" and (self._jobs_share_process or not plan.is_job)
            self._insist(broken(whole, attached, runs, sees_streams=sees_streams), whole, attached)

    def _check(self, notebook: Notebook, *, session_may_end: bool) -> None:
        """With the faults gone the next cell runs; a session that ended may be told of first, once."""
        said = []
        for _ in range(CHECK_TRIES):
            plan = notebook.deck.check()
            asked = notebook.send(plan)
            try:
                notebook.frontend.finish(asked.cell, START_S + MACHINE_S)
            except LateError as error:
                raise BrokenPromiseError(f"the cell after the faults, {plan.key}: {error}\n{self._told()}") from error
            notebook.settle()
            self._judge(notebook, asked)
            if asked.cell.status == "ok":
                return
            said.append(asked.cell.traceback)
            allowed = ("SessionLostError", "ServerNotRunningError") if session_may_end or self._other_session() else ()
            if asked.cell.error["ename"] not in allowed:
                break
        raise BrokenPromiseError(f"{notebook.name}: no cell runs after the faults are gone: {said}")

    def _other_session(self) -> bool:
        pid = self._engee.julia_pid()
        changed, self._last_pid = pid != self._last_pid, pid
        return changed

    def _insist(self, sentences: object, plan: Plan, cell: Cell) -> None:
        found = list(sentences)  # type: ignore[call-overload]
        if found:
            raise BrokenPromiseError(f"{plan.kind} {plan.key}: " + "; ".join(found) + f"\n{cell}")

    def _runs(self, plan: Plan) -> int:
        path = self._folder / "user" / "runs.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return lines.count(plan.key)

    # Files

    def _files(self, notebook: Notebook, plans: list[Plan]) -> dict[Path, bytes | None]:
        """What the targets of transfers hold before."""
        targets = [self._target(plan) for plan in plans]
        return {path: path.read_bytes() if path.exists() else None for path in targets if path is not None}

    def _target(self, plan: Plan) -> Path | None:
        if plan.upload is not None:
            return self._folder / "user" / plan.upload[1]
        return plan.download[1] if plan.download is not None else None

    def _judge_files(self, notebook: Notebook, asked: Asked, before: dict[Path, bytes | None]) -> None:
        plan, target = asked.plan, self._target(asked.plan)
        if target is None:
            return
        source = plan.upload[0] if plan.upload else self._folder / "user" / plan.download[0]  # type: ignore[index]
        new = source.read_bytes()
        now = target.read_bytes() if target.exists() else None
        if asked.cell.status == "ok" and now != new:
            raise BrokenPromiseError(f"{plan.kind} {plan.key} said ok, and {target} is not {source}: {asked.cell}")
        if now not in (new, before[target]):
            raise BrokenPromiseError(f"{plan.kind} {plan.key} left {target} neither old nor new: {asked.cell}")

    # The end

    def _end_of_rounds(self) -> None:
        deadline = time.monotonic() + 30.0
        while time.monotonic() < deadline and any(self._still_running(notebook) for notebook in self._notebooks):
            time.sleep(0.5)
        for notebook in self._notebooks:
            for asked in notebook.asked:
                runs = self._runs(asked.plan)
                self._insist(misled(asked.plan, asked.cell, runs), asked.plan, asked.cell)
                self._insist(invented(asked.plan, asked.cell, runs), asked.plan, asked.cell)
                if runs > 1:
                    raise BrokenPromiseError(f"{asked.plan.key} ran {runs} times in the end")

    def _still_running(self, notebook: Notebook) -> bool:
        """Whether a cell of it that was let go may still be about to begin."""
        return any(
            asked.cell.status == "error"
            and self._runs(asked.plan) == 0
            and asked.cell.error["ename"] == "StillRunningError"
            for asked in notebook.asked[-3:]
        )

    def _search(self, engee: LocalEngee, user: Path) -> None:
        """Nothing of a transfer, no temporary file, and no token anywhere but in its store."""
        told = "".join(text for notebook in self._notebooks for text in notebook.frontend.texts())
        left = [path for path in user.rglob("*") if "engee-kernel-" in path.name or path.name.endswith(".part")]
        # a server that stopped keeps what was staged there: the person is told, and a later upload removes it
        left = [path for path in left if f"{path.name} could not be removed" not in told]
        for notebook in self._notebooks:
            left += list((notebook.folder / "tmp").iterdir())
            left += list((notebook.folder / "files").rglob("*.part"))
        if left:
            raise BrokenPromiseError(f"left behind: {left}")
        secrets = [*self._secrets, *(secret for notebook in self._notebooks for secret in notebook.secrets)]
        places = [("request log", repr(engee.requests())), ("session log", engee.session_log.read_text("utf-8"))]
        places += [
            (str(path), path.read_bytes().decode("utf-8", "replace")) for path in user.rglob("*") if path.is_file()
        ]
        for notebook in self._notebooks:
            places += notebook.said()
        for place, text in places:
            for number, secret in enumerate(secrets):
                if secret in text:
                    raise BrokenPromiseError(f"secret number {number} is in {place}")

    def _told(self) -> str:
        """All that the kernels said, for a look in the end."""
        texts = [str(asked.cell) for notebook in self._notebooks for asked in notebook.asked[-4:]]
        return "\n".join(texts + [notebook.frontend.log[-2000:] for notebook in self._notebooks])


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
