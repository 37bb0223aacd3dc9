"""Runs first in a kernel whose clock is to jump: what it takes for the time is off by the seconds in a file."""

import datetime
import os
import time
from pathlib import Path
from typing import Any

_file = Path(os.environ["TEST_CLOCK_FILE"])
_time = time.time
_Datetime = datetime.datetime


def _off_s() -> float:
    return float(_file.read_text(encoding="utf-8") or 0)


class JumpingDatetime(_Datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return super().now(tz) + datetime.timedelta(seconds=_off_s())


time.time = lambda: _time() + _off_s()
datetime.datetime = JumpingDatetime  # type: ignore[misc]
