"""How commands reach Engee: settings as the kernel finds them, a client, a session. Not a command itself.

::

    def add_arguments(parser):
        add_connection_arguments(parser)

    def run(arguments):
        return run_async(_run(arguments))

    async def _run(arguments):
        async with connected(arguments) as client:
            ...
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..api.client import EngeeClient
    from ..household.settings import EngeeSettings


def add_connection_arguments(parser: argparse.ArgumentParser, *, json: bool = False) -> None:
    """--url, and --json for commands whose result a script may want."""
    parser.add_argument("--url", metavar="URL", help="address of Engee (default: the setting url, ENGEE_URL)")
    if json:
        parser.add_argument("--json", action="store_true", help="print the result as JSON")


def settings_of(arguments: argparse.Namespace) -> EngeeSettings:
    """The settings that the kernel would have here, with --url. Raises SettingError."""
    from ..household.configfiles import read_config_files  # noqa: PLC0415
    from ..household.settings import EngeeSettings  # noqa: PLC0415 - takes time to import

    settings = EngeeSettings(config=read_config_files())
    if getattr(arguments, "url", None):
        settings.set_from_text("url", arguments.url, "--url")
    return settings


@asynccontextmanager
async def connected(arguments: argparse.Namespace) -> AsyncIterator[EngeeClient]:
    """A client with the person's token. Raises SettingError; a missing token shows at the first call."""
    from ..api.client import EngeeClient  # noqa: PLC0415

    settings = settings_of(arguments)
    async with EngeeClient(settings.url, settings.tokens(remark)) as client:
        yield client


def run_async(work: Coroutine[Any, Any, int]) -> int:
    """The exit code of a command's asynchronous part."""
    return asyncio.run(work)


def remark(text: str) -> None:
    """What a person should know and a script should not read."""
    print(text, file=sys.stderr)


def print_json(value: Any) -> None:
    """In a console as people read it; into a pipe or a file in ASCII, which any code page leaves as it is."""
    print(json.dumps(value, ensure_ascii=not sys.stdout.isatty(), indent=2, default=str))


class Progress:
    """What a command waits for, on standard error: each text when it changes."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, text: str) -> None:
        if text and text != self._last:
            remark(text[:1].upper() + text[1:] + " …")
        self._last = text
