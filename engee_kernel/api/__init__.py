"""Engee's HTTP API: what its requests and replies mean, and the client that sends them."""

import sys
from types import ModuleType
from typing import cast


def leave_out_httpx_command() -> None:
    """For a process of our own, before httpx is imported.

    httpx brings its own command line along where click and rich are installed: 4 of the kernel's 40 MiB. It says itself
    what to do without.
    """
    sys.modules.setdefault("httpx._main", cast(ModuleType, None))
