"""The way from a new process to a kernel that runs until a front end shuts it down."""

from __future__ import annotations

import sys

from ..api import leave_out_httpx_command
from .early import begin

SENT_WITHIN_S = 0.06


def main() -> None:
    """`python -m engee_kernel -f CONNECTION_FILE`"""
    leave_out_httpx_command()
    early = begin(sys.argv[1:])
    if early.head_start is not None:
        # two threads that load and ask at once are slower than one after the other; one far away isn't waited for
        early.head_start.wait_until_sent(SENT_WITHIN_S)
    # not before: while it is loaded Engee is busy with the agent
    from .application import EngeeKernelApp  # noqa: PLC0415

    application = EngeeKernelApp.instance()
    application.early = early
    application.initialize()
    application.start()
