"""What a page that opens is told: what the notebook's cells have put out, and what they ask.

A page opens a comm for TARGET with one of these data, and gets its answers as comm_msg; no comm is kept:
`{}`: a summary of each cell's newest run; `{"want": [request, …]}`: these runs with their messages;
`{"forget": cell_id}`: the person has cleared the cell's output.
The answers go the way of the cells' output, so that a page knows its place among that: what came before is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..messages.transcripts import Transcripts

TARGET = "engee_kernel.output"


class Pages:
    """`publish(msg_type, content, parent)` puts a message on iopub; `ask_again(request, identity)` repeats a prompt."""

    def __init__(
        self,
        transcripts: Transcripts,
        publish: Callable[[str, Mapping[str, Any], Mapping[str, Any]], object],
        ask_again: Callable[[str, Any], None],
    ) -> None:
        self._transcripts = transcripts
        self._publish = publish
        self._ask_again = ask_again

    def opened(self, identity: Any, message: Mapping[str, Any]) -> None:
        """A comm_open for TARGET, from the front end with this identity."""
        comm_id, data = message["content"].get("comm_id"), message["content"].get("data")
        data = data if isinstance(data, Mapping) else {}
        if "forget" in data:
            self._transcripts.forget(str(data["forget"]))
            return
        if "want" not in data:
            self._tell(comm_id, message, runs=self._transcripts.summaries())
            return
        for request in map(str, data["want"] if isinstance(data["want"], list) else ()):
            run = self._transcripts.whole(request)
            if run is not None:
                self._tell(comm_id, message, run=run)
                self._ask_again(request, identity)

    def _tell(self, comm_id: Any, message: Mapping[str, Any], **answer: Any) -> None:
        self._publish("comm_msg", {"comm_id": comm_id, "data": answer}, message)
