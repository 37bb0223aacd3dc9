"""Faults: what can go wrong between a client and Engee, on demand.

| kind | what happens |
|---|---|
| latency | the call waits `delay_s` plus up to `jitter_s` before it is looked at |
| drop_before | the connection is dropped before anything ran |
| drop_after | everything ran, then the connection is dropped: the reply is lost |
| drop_body | the connection is dropped after `at_bytes` of the reply's body (default: half of it) |
| status | `status` with an HTML page and `retry_after_s` (or the same as a date); with `ran` the call ran first |
| not_json | 200 with an HTML page; with `ran` the call ran first |
| maintenance | 404 with the gateway's page "Server maintenance"; with `ran` the call ran first |
| login | 302 to /account/login; with `ran` the call ran first |
| proxy_timeout | 504 with an HTML page after `delay_s`, while the call goes on |
| stop_session | the server begins to stop `delay_s` after the call came |
| kill_julia | the Julia process dies `delay_s` after the call came |
| cut_upload | the connection is dropped after `at_bytes` of the request's body (default: half of it) |
| hostile_zip | a downloaded ZIP has entries that try to leave the folder they are unpacked to |
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

KINDS = (
    "latency",
    "drop_before",
    "drop_after",
    "drop_body",
    "status",
    "not_json",
    "maintenance",
    "login",
    "proxy_timeout",
    "stop_session",
    "kill_julia",
    "cut_upload",
    "hostile_zip",
)


# These take the place of the reply: a call meets one of them at most, and the next ones wait for the next call.
ANSWERING = ("drop_before", "drop_after", "status", "not_json", "maintenance", "login")


class FaultError(ValueError):
    """A fault that makes no sense; the message names the field."""


@dataclass
class Fault:
    """A call meets the fault if its path contains `path`, its method is `method`, and its body contains `contains`.

    Of the calls that do, the first `skip` are spared, then `count` are hit (None = all), each with `probability`.
    `for_s` after it was put in place, the fault is over (None = never).
    """

    kind: str
    path: str = ""
    method: str | None = None
    contains: str = ""
    skip: int = 0
    count: int | None = None
    probability: float = 1.0
    status: int = 503
    retry_after_s: int | None = None
    retry_after_date: bool = False
    ran: bool = False
    delay_s: float = 0.0
    jitter_s: float = 0.0
    at_bytes: int | None = None
    for_s: float | None = None
    hits: int = field(default=0, init=False)
    _began_s: float = field(default_factory=time.monotonic, init=False, repr=False)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Fault:
        """Raises FaultError."""
        hints = get_type_hints(Fault)
        known = {f.name for f in dataclasses.fields(Fault) if f.init}
        for name, value in fields.items():
            if name not in known:
                raise FaultError(f"A fault has no {name!r}. It has {', '.join(sorted(known))}.")
            allowed = get_args(hints[name]) or (hints[name],)
            if float in allowed:
                allowed = (*allowed, int)
            if type(value) not in allowed:
                raise FaultError(f"{name} cannot be {value!r}.")
        if fields.get("kind") not in KINDS:
            raise FaultError(f"kind must be one of {', '.join(KINDS)}, not {fields.get('kind')!r}.")
        fault = Fault(**fields)
        if not 400 <= fault.status <= 599:
            raise FaultError(f"status must be an error status, not {fault.status}.")
        return fault

    def to_json(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if not f.name.startswith("_")}

    @property
    def is_over(self) -> bool:
        return self.count == 0 or (self.for_s is not None and time.monotonic() - self._began_s >= self.for_s)

    def matches(self, method: str, path: str, body: bytes | None) -> bool:
        """`body` is None where it is a stream that nobody has read."""
        if self.path not in path or self.method not in (None, method):
            return False
        return not self.contains or (body is not None and self.contains.encode() in body)


class FaultPlan:
    """The faults in place. The same seed and the same calls give the same faults."""

    def __init__(self, faults: Sequence[Fault] = (), seed: int = 0) -> None:
        self.faults = list(faults)
        self._random = random.Random(seed)  # noqa: S311 - meant to repeat itself

    def take(self, method: str, path: str, body: bytes | None) -> list[Fault]:
        """The faults that this call meets."""
        taken = []
        for fault in self.faults:
            if fault.is_over or not fault.matches(method, path, body):
                continue
            if fault.skip > 0:
                fault.skip -= 1
            elif self._random.random() < fault.probability:
                fault.hits += 1
                if fault.count is not None:
                    fault.count -= 1
                taken.append(fault)
                if fault.kind in ANSWERING:
                    break
        return taken

    def latency_s(self, fault: Fault) -> float:
        return fault.delay_s + self._random.random() * fault.jitter_s
