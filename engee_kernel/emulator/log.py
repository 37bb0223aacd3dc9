"""The log of calls: what was called and how it was answered, without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .moments import now, utc_text


@dataclass
class LogEntry:
    """One call. `status` is None while it is being answered, and 0 if the connection was dropped."""

    method: str
    path: str
    began_at: datetime = field(default_factory=now)
    status: int | None = None
    duration_s: float | None = None
    received_bytes: int = 0
    sent_bytes: int = 0

    def to_json(self) -> dict[str, object]:
        return {
            "method": self.method,
            "path": self.path,
            "began_at": utc_text(self.began_at),
            "status": self.status,
            "duration_s": self.duration_s,
            "received_bytes": self.received_bytes,
            "sent_bytes": self.sent_bytes,
        }
