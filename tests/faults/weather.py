"""The weather of one round: which faults, for how long, and what else is done to the world meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Fault = dict[str, Any]
CODE = "external/command"
FILES = "external/file"


@dataclass
class Weather:
    """`deed`: done by the world `deed_after_s` into the round. `ends_session`: the variables may be gone after it."""

    name: str
    faults: list[Fault] = field(default_factory=list)
    lasts_s: float = 3.0
    deed: str = ""
    deed_after_s: float = 0.0
    ends_session: bool = False


class Sky:
    """Chooses. `RECONNECT_S` long outages are rarer than short ones: they cost time."""

    def __init__(self, chance: random.Random, *, reconnect_s: float) -> None:
        self._chance = chance
        self._reconnect_s = reconnect_s
        self._kinds: list[tuple[int, Callable[[], Weather]]] = [
            (2, self.fair),
            (6, self.drops),
            (4, self.slow),
            (5, self.statuses),
            (3, self.pages),
            (3, self.proxy),
            (3, self.refused),
            (2, self.limited),
            (1, self.outage),
            (3, self.dies),
            (2, self.stops),
            (2, self.cut_uploads),
            (2, self.deeds),
            (1, self.token_ends),
            (4, self.mixed),
        ]

    def choose(self) -> Weather:
        weights, kinds = zip(*self._kinds, strict=True)
        return self._chance.choices(kinds, weights)[0]()

    def fair(self) -> Weather:
        return Weather("fair", lasts_s=0.0)

    def drops(self) -> Weather:
        kind = self._chance.choice(["drop_before", "drop_after", "drop_body"])
        path = self._chance.choice(["external", CODE, "jobs", "eval", FILES, "/"])
        return self._lasting(f"{kind} {path}", {"kind": kind, "path": path, "probability": self._often()})

    def slow(self) -> Weather:
        delay_s, jitter_s = self._chance.choice([(0.05, 0.2), (0.3, 1.0), (1.0, 2.0)])
        return self._lasting("latency", {"kind": "latency", "delay_s": delay_s, "jitter_s": jitter_s})

    def statuses(self) -> Weather:
        status = self._chance.choice([500, 502, 503, 504])
        fault = self._status(status, probability=self._often(), ran=self._chance.random() < 0.5)
        if status == 503 and self._chance.random() < 0.3:
            fault["retry_after_s"] = 1
        return self._lasting(f"{status}{' ran' if fault['ran'] else ''}", fault)

    def pages(self) -> Weather:
        ran = self._chance.random() < 0.5
        fault = {"kind": "not_json", "path": "external", "probability": self._often(), "ran": ran}
        return self._lasting(f"not_json{' ran' if ran else ''}", fault)

    def proxy(self) -> Weather:
        fault = {"kind": "proxy_timeout", "path": "eval", "delay_s": self._chance.choice([0.3, 1.0, 2.0])}
        return self._lasting("proxy_timeout", fault | {"probability": self._often()})

    def refused(self) -> Weather:
        status = self._chance.choice([401, 403, 404])
        fault = self._status(status, count=self._chance.randint(1, 3), skip=self._chance.randint(0, 4))
        return self._lasting(f"{status} a few times", fault)

    def limited(self) -> Weather:
        fault = self._status(429, probability=self._often(), retry_after_s=self._chance.randint(0, 3))
        fault["retry_after_date"] = self._chance.random() < 0.5
        return self._lasting("429", fault)

    def outage(self) -> Weather:
        """Longer than the kernel is told to wait."""
        kind = self._chance.choice(["drop_before", "drop_after", "status"])
        fault: Fault = {"kind": kind, "path": "/"}
        return Weather(f"outage {kind}", [fault], lasts_s=self._reconnect_s + 6.0)

    def dies(self) -> Weather:
        delay_s = self._chance.choice([0.0, 0.1, 0.5, 1.5, 2.5, 4.0])
        if self._chance.random() < 0.5:
            fault = {"kind": "kill_julia", "path": "eval", "delay_s": delay_s, "count": 1}
            fault["skip"] = self._chance.randint(0, 3)
            return Weather("kill_julia", [fault], ends_session=True, lasts_s=delay_s + 1.0)
        return Weather("kill", deed="kill_julia", deed_after_s=delay_s, lasts_s=delay_s, ends_session=True)

    def stops(self) -> Weather:
        delay_s = self._chance.choice([0.0, 0.1, 0.7, 2.0, 3.5])
        fault = {"kind": "stop_session", "path": "external", "delay_s": delay_s, "count": 1}
        return Weather("stop_session", [fault], ends_session=True, lasts_s=delay_s + 1.0)

    def cut_uploads(self) -> Weather:
        cut = {"kind": "cut_upload", "path": FILES, "probability": self._often()}
        return self._lasting("cut", cut, {"kind": "drop_body", "path": "download", "probability": self._often()})

    def deeds(self) -> Weather:
        deed = self._chance.choice(["disk full", "clock forward", "clock back"])
        return Weather(deed, deed=deed, deed_after_s=self._chance.uniform(0, 0.5), lasts_s=3.0)

    def token_ends(self) -> Weather:
        return Weather("token ends", deed="token ends", deed_after_s=self._chance.uniform(0, 2.0), lasts_s=2.0)

    def mixed(self) -> Weather:
        """Some of everything that passes, all over the API, the token endpoint too."""
        share = self._chance.choice([0.05, 0.15])
        faults: list[Fault] = [
            {"kind": kind, "path": "/", "probability": share} for kind in ("drop_before", "drop_after", "drop_body")
        ]
        faults += [self._status(status, probability=share) for status in (429, 502, 503, 504)]
        faults.append({"kind": "latency", "probability": 0.3, "delay_s": 0.1, "jitter_s": 0.4})
        return self._lasting("mixed", *faults)

    def _lasting(self, name: str, *faults: Fault) -> Weather:
        return Weather(name, list(faults), lasts_s=self._chance.choice([1.0, 3.0, 6.0]))

    def _often(self) -> float:
        return self._chance.choice([0.1, 0.3, 0.6, 1.0])

    def _status(self, status: int, **fields: Any) -> Fault:
        return {"kind": "status", "path": "external", "status": status} | fields
