"""`engee-kernel login`: store a token that Engee accepts."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from ..facts.errors import SettingError, UsageError
from . import streams
from .connection import add_connection_arguments, print_json, remark, run_async, settings_of

if TYPE_CHECKING:
    from ..account.store import StoredToken
    from ..household.settings import EngeeSettings

NAME = "login"
HELP = "store a token for Engee, by hand or through the browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--token-stdin", action="store_true", help="read the token from standard input, for scripts")
    way.add_argument("--oauth", action="store_true", help="allow access in the browser; needs a client id")
    parser.add_argument("--port", type=int, metavar="N", help="with --oauth: port that the browser comes back to")
    parser.add_argument("--no-browser", action="store_true", help="with --oauth: print the address, open nothing")
    parser.add_argument("--no-pkce", action="store_true", help="with --oauth: for a server that does not take PKCE")
    parser.epilog = """\
The token is kept in the system's keyring (Windows Credential Manager, macOS Keychain, Secret Service), or
where there is none in a file that only you can read (ENGEE_DATA_FOLDER names its folder). It is never a word
of the command: others see those.

Make a personal access token in Engee's personal account: Communication and Security → Personal access tokens.
Make it before Engee is started, or restart Engee afterwards.

examples:
  engee-kernel login
  engee-kernel login --token-stdin < token.txt
  engee-kernel login --oauth
"""


def run(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    # asked before there is an event loop: its own handling of Ctrl-C does not end a prompt
    typed = "" if arguments.oauth else _typed(arguments, settings.url)
    return run_async(_run(arguments, settings, typed))


async def _run(arguments: argparse.Namespace, settings: EngeeSettings, typed: str) -> int:
    from ..account.login import keep, overriding  # noqa: PLC0415 - takes time to import
    from ..account.store import StoredToken  # noqa: PLC0415

    token: StoredToken
    if arguments.oauth:
        token = await _by_browser(arguments, settings)
    else:
        from ..api.credentials import clean_token  # noqa: PLC0415

        source = "standard input" if arguments.token_stdin else "what was typed"
        token = StoredToken("pat", clean_token(typed, source))
    login = await keep(settings.url, token)
    if arguments.json:
        print_json({"username": login.username, "stored_in": login.place, "server": login.status.status})
    else:
        print(f"Logged in to {settings.url} as {login.username}. The token is in {login.place}.")
        if sys.platform == "win32" and "file" in login.place:
            print("On Windows the file is protected by the folder of your user profile.")
    before = overriding("the setting “token”" if settings.has_token else "")
    for text in filter(None, (login.hint, before)):
        remark(text)
    return 0


def _typed(arguments: argparse.Namespace, url: str) -> str:
    if arguments.token_stdin:
        return sys.stdin.readline()
    if not streams.has_console():
        raise UsageError(
            "There is no terminal to type a token into.", "Pipe it in: engee-kernel login --token-stdin < FILE"
        )
    return getpass.getpass(f"Personal access token for {url} (not shown): ")


async def _by_browser(arguments: argparse.Namespace, settings: EngeeSettings) -> StoredToken:
    from dataclasses import replace  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    from ..account import oauth  # noqa: PLC0415
    from ..api.credentials import Secret  # noqa: PLC0415
    from ..facts.events import Input  # noqa: PLC0415
    from .terminal import Terminal  # noqa: PLC0415

    client = settings.oauth_client() or oauth.OAuthClient("", Secret(""))
    client.check()
    if arguments.port is not None:
        if not 0 < arguments.port < 65536:
            raise SettingError(f"{arguments.port} is no port.", "Expected: 1 to 65535.")
        parts = urlsplit(client.redirect_uri)
        client = replace(client, redirect_uri=parts._replace(netloc=f"{parts.hostname}:{arguments.port}").geturl())

    import webbrowser  # noqa: PLC0415

    def visit(address: str) -> None:
        remark(f"Allow access in the browser. If it does not open, visit:\n{address}\n{oauth.ELSEWHERE}")
        if not arguments.no_browser:
            webbrowser.open(address)

    async def pasted() -> str | None:
        return await terminal.ask(Input(0, "", False))

    terminal = Terminal()
    return await oauth.log_in(settings.url, client, visit=visit, pasted=pasted, tell=remark, pkce=not arguments.no_pkce)
