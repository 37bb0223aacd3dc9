"""A front end without a screen: starts the kernel as Jupyter does, sends requests, keeps what comes back.

Everything goes over the kernel's real sockets; every wait has a bound. What a person would see of a cell in the end is
`Cell.outputs`: displays updated, cleared outputs gone, streams joined.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

SPEC = Path(__file__).parents[2] / "kernelspec"
START_LIMIT_S = 60
LIMIT_S = 60
Message = dict[str, Any]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class LateError(AssertionError):
    """Something did not come within its bound."""


class Cell:
    """One request and what came for it. `times` are of `time.monotonic`, one for each of `messages`."""

    def __init__(self, msg_id: str) -> None:
        self.msg_id = msg_id
        self.sent_at = time.monotonic()
        self.messages: list[Message] = []
        self.times: list[float] = []
        self.reply: Message | None = None
        self.replied_at = 0.0
        self.is_idle = False

    def of(self, *kinds: str) -> list[Message]:
        """The contents of the iopub messages of these kinds, in order."""
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def kinds(self) -> list[str]:
        return [message["msg_type"] for message in self.messages if message["msg_type"] != "status"]

    @property
    def states(self) -> list[str]:
        return [content["execution_state"] for content in self.of("status")]

    @property
    def content(self) -> Message:
        assert self.reply is not None
        return dict(self.reply["content"])

    @property
    def status(self) -> str:
        return str(self.content["status"])

    def text(self, name: str = "stdout") -> str:
        return "".join(content["text"] for content in self.of("stream") if content["name"] == name)

    @property
    def result(self) -> str | None:
        """The text of the last expression's value."""
        results = self.of("execute_result")
        assert len(results) <= 1
        return results[0]["data"]["text/plain"] if results else None

    @property
    def error(self) -> Message:
        (error,) = self.of("error")
        return error

    @property
    def traceback(self) -> str:
        """The error as a person reads it, without colours."""
        return _ANSI.sub("", "\n".join(self.error["traceback"]))

    @property
    def outputs(self) -> list[Message]:
        """What stands under the cell in the end, each as `{"kind": …, …}`."""
        shown: list[Message] = []
        clear_next = False
        for message in self.messages:
            kind, content = message["msg_type"], message["content"]
            if kind == "clear_output":
                clear_next = bool(content["wait"])
                if not clear_next:
                    shown.clear()
            elif kind == "update_display_data":
                for output in shown:
                    if output.get("id") == content["transient"]["display_id"]:
                        output["data"] = content["data"]
            elif kind in ("stream", "display_data", "execute_result", "error"):
                if clear_next:
                    shown.clear()
                clear_next = False
                _add(shown, kind, content)
        return [output for output in shown if output["kind"] != "display_data" or any(output["data"].values())]

    def __repr__(self) -> str:
        return f"<Cell reply={self.reply and self.reply['content']} outputs={self.outputs}>"


def _add(shown: list[Message], kind: str, content: Message) -> None:
    if kind == "stream" and shown and (shown[-1]["kind"], shown[-1].get("name")) == (kind, content["name"]):
        shown[-1]["text"] += content["text"]
    elif kind in ("stream", "error"):
        shown.append({"kind": kind, **content})
    else:
        shown.append({"kind": kind, "data": content["data"], "id": content.get("transient", {}).get("display_id")})


class Frontend:
    """A kernel process and its client. `environment` is what the kernel gets on top of a clean one; `manager` are
    settings of jupyter_client's KernelManager.
    """

    def __init__(self, folder: Path, environment: dict[str, str], **manager: Any) -> None:
        (folder / "kernels").mkdir(parents=True, exist_ok=True)
        shutil.copytree(SPEC, folder / "kernels" / "engee", dirs_exist_ok=True)
        self.log_path = folder / "kernel.log"
        specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
        self.manager = KernelManager(kernel_name="engee", kernel_spec_manager=specs, **manager)
        self.environment = clean_environment(folder) | environment
        self._cells: dict[str, Cell] = {}
        self.client: BlockingKernelClient | None = None
        self.on_input: Callable[[Message], str | None] | None = None
        self.input_requests: list[Message] = []
        self.all_states: list[tuple[str, str]] = []

    # Start and end

    def start(self) -> Frontend:
        self._log_file = self.log_path.open("ab")  # open to the end: a restart starts a process with it again
        self.manager.start_kernel(env=self.environment, stdout=self._log_file, stderr=self._log_file)
        client: BlockingKernelClient = self.manager.client()
        client.start_channels()
        self.client = client
        try:
            client.wait_for_ready(timeout=START_LIMIT_S)
        except RuntimeError as error:
            self.end(now=True)
            raise LateError(f"the kernel did not start: {self.log}") from error
        return self

    def __enter__(self) -> Frontend:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self, *, now: bool = False) -> None:
        """Shut the kernel down as Jupyter does, and see that nothing of it is left."""
        processes = self.processes
        try:
            self.manager.shutdown_kernel(now=now)
        finally:
            self._log_file.close()
            if self.client is not None:
                self.client.stop_channels()
                self.client = None
        _, left = psutil.wait_procs(processes, timeout=10)
        assert not left, f"left behind by the kernel: {left}"

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.process.pid)  # type: ignore[union-attr]

    @property
    def processes(self) -> list[psutil.Process]:
        """The kernel's process and those that it started."""
        try:
            kernel = psutil.Process(self.pid)
        except (AttributeError, psutil.NoSuchProcess):
            return []
        return [kernel, *kernel.children(recursive=True)]

    @property
    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    # Requests

    @property
    def channels(self) -> BlockingKernelClient:
        assert self.client is not None, "the kernel is not started"
        return self.client

    def send(self, code: str, **options: Any) -> Cell:
        """Send an execute_request and come back at once."""
        options.setdefault("allow_stdin", False)
        return self._keep(self.channels.execute(code, **options))

    def run(self, code: str, timeout_s: float = LIMIT_S, **options: Any) -> Cell:
        """Send an execute_request and wait for its reply and its idle."""
        return self.finish(self.send(code, **options), timeout_s)

    def value(self, code: str) -> str:
        """The value of an expression that must succeed."""
        cell = self.run(code)
        assert cell.status == "ok", cell.traceback
        assert cell.result is not None
        return cell.result

    def ask(self, kind: str, timeout_s: float = 20, **content: Any) -> Cell:
        """Another request on shell, waited for."""
        client = self.channels
        message = client.session.msg(kind, content)
        client.shell_channel.send(message)
        return self.finish(self._keep(message["header"]["msg_id"]), timeout_s)

    def request(
        self,
        kind: str,
        header: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        **content: Any,
    ) -> Cell:
        """Another request on shell, not waited for.

        `header`: what differs from jupyter_client's; a key with None is left out.
        """
        client = self.channels
        message = client.session.msg(kind, content, metadata=dict(metadata or {}))
        own = {**message["header"], **(header or {})}
        message["header"] = {key: value for key, value in own.items() if value is not None}
        client.shell_channel.send(message)
        return self._keep(message["header"]["msg_id"])

    def control(self, kind: str, timeout_s: float = 20, **content: Any) -> Message:
        """A request on control; its reply's content."""
        client = self.channels
        message = client.session.msg(kind, content)
        client.control_channel.send(message)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if client.control_channel.socket.poll(20):
                reply = client.control_channel.get_msg(timeout=0)
                if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                    return dict(reply["content"])
        raise LateError(f"no reply to {kind} within {timeout_s} s: {self.log}")

    def interrupt(self) -> None:
        """As a front end does it in message mode; its reply is waited for."""
        assert self.control("interrupt_request") == {"status": "ok"}

    def interrupt_unanswered(self) -> None:
        """Send the interrupt and come back at once."""
        client = self.channels
        client.control_channel.send(client.session.msg("interrupt_request", {}))

    # Waiting

    def finish(self, cell: Cell, timeout_s: float = LIMIT_S) -> Cell:
        self.until(lambda: cell.reply is not None and cell.is_idle, timeout_s, cell)
        return cell

    def until(self, condition: Callable[[], object], timeout_s: float = LIMIT_S, about: object = "") -> None:
        """Take messages until the condition holds. Raises LateError."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._take()
            if condition():
                return
            if time.monotonic() > deadline:
                raise LateError(f"not within {timeout_s} s: {about} {self.log[-3000:]}")
            assert psutil.pid_exists(self.pid), f"the kernel died: {self.log}"

    def pause(self, seconds: float) -> None:
        """Take messages for some time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._take()

    def _keep(self, msg_id: str) -> Cell:
        self._cells[msg_id] = Cell(msg_id)
        return self._cells[msg_id]

    def _take(self) -> None:
        client = self.channels
        wait_ms = 10
        for channel in (client.iopub_channel, client.shell_channel, client.stdin_channel):
            while channel.socket.poll(wait_ms):
                wait_ms = 0
                self._sort(channel.get_msg(timeout=0))

    def _sort(self, message: Message) -> None:
        if message["msg_type"] == "input_request":
            self.input_requests.append(message)
            if self.on_input is not None:
                text = self.on_input(message["content"])
                if text is not None:
                    self.channels.input(text)
            return
        if message["msg_type"] == "status":
            self.all_states.append((message["content"]["execution_state"], message["parent_header"].get("msg_id", "")))
        cell = self._cells.get(message["parent_header"].get("msg_id", ""))
        if cell is None:
            return
        if message["msg_type"].endswith("_reply"):
            assert cell.reply is None, "a second reply"
            cell.reply = message
            cell.replied_at = time.monotonic()
            return
        cell.messages.append(message)
        cell.times.append(time.monotonic())
        if message["msg_type"] == "status":
            cell.is_idle = message["content"]["execution_state"] == "idle"

    def answer(self, text: str) -> None:
        """Answer the open prompt."""
        self.channels.input(text)

    def texts(self) -> Iterator[str]:
        """All that came over iopub and shell, for the search for secrets."""
        for cell in self._cells.values():
            yield from map(repr, cell.messages)
            yield repr(cell.reply)
        yield from map(repr, self.input_requests)
        yield self.log


KernelFactory = Callable[..., Frontend]


def clean_environment(folder: Path) -> dict[str, str]:
    """The environment without settings of this machine's user for Engee or Jupyter."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ENGEE_", "JUPYTER_"))}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return kept | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "APPDATA": str(home / "appdata"),
        "LOCALAPPDATA": str(home / "localappdata"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_DATA_DIR": str(home / "jupyter-data"),
        "JUPYTER_PREFER_ENV_PATH": "0",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
