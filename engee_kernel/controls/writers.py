"""Pages that put other code in place of a cell's: JupyterLab's, where this package's extension is.

A page opens a comm for TARGET and keeps it. It is sent `{"request", "cell", "before", "after"}` and answers with
`{"request", "written"}`: true, if the cell with this id was there and its code was `before`, and is `after` now.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TARGET = "engee_kernel.code"
KEPT_PAGES = 16
"""Pages that were reloaded say no farewell."""
ANSWER_BOUND_S = 2.0


@dataclass
class _Question:
    """`left`: how many pages have not answered."""

    answer: asyncio.Future[bool]
    left: int


class Writers:
    """All methods are called in the loop."""

    def __init__(self) -> None:
        self._pages: dict[str, Any] = {}
        self._asked: dict[str, _Question] = {}

    def opened(self, page: Any, _message: Mapping[str, Any]) -> None:
        """Called by the comm manager: a page offers itself."""
        self._pages[page.comm_id] = page
        page.on_msg(self._answered)
        page.on_close(lambda _: self._pages.pop(page.comm_id, None))
        if len(self._pages) > KEPT_PAGES:
            del self._pages[next(iter(self._pages))]

    async def write(self, cell: str, before: str, after: str) -> bool:
        """Whether a page has put `after` in the place of `before`."""
        if not self._pages or not cell:
            return False
        request = uuid.uuid4().hex
        question = _Question(asyncio.get_running_loop().create_future(), len(self._pages))
        self._asked[request] = question
        try:
            for page in list(self._pages.values()):
                page.send({"request": request, "cell": cell, "before": before, "after": after})
            return await asyncio.wait_for(question.answer, ANSWER_BOUND_S)
        except (TimeoutError, asyncio.TimeoutError):
            return False
        finally:
            del self._asked[request]

    def _answered(self, message: Mapping[str, Any]) -> None:
        data = message["content"].get("data") or {}
        question = self._asked.get(str(data.get("request")))
        if question is None or question.answer.done():
            return
        question.left -= 1
        written = data.get("written") is True
        # a page on which the cell's code is another one, or which has another notebook open, is not the last word
        if written or not question.left:
            question.answer.set_result(written)
