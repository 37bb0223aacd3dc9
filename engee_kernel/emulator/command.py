"""The command line of the local Engee: `python -m engee_kernel.emulator`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import platformdirs
from rich.console import Console

from .context import Emulator
from .julia import JuliaNotFoundError, find_julia
from .service import Options, StartError, serve
from .settings import AS_SEEN, GROUPS, SettingError, Settings, choices, parse_text
from .userfolder import UserFolder


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        if arguments.install_julia:
            return _install(arguments)
        settings = _settings(arguments)
        julia = find_julia(arguments.julia)
    except SettingError as error:
        parser.error(str(error))
    except JuliaNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments.token is not None and len(arguments.token) < 8:
        parser.error("--token must have at least 8 characters.")
    try:
        asyncio.run(_serve(arguments, settings, julia))
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _install(arguments: argparse.Namespace) -> int:
    """Any Julia that would be found will do; only where there is none is one fetched."""
    try:
        julia = find_julia(arguments.julia)
    except JuliaNotFoundError:
        # Imported here: an ordinary start does not need it.
        from .failures import InstallError  # noqa: PLC0415
        from .install import install_julia  # noqa: PLC0415

        try:
            julia = install_julia(Console())
        except InstallError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"Julia is at {julia}")
    return 0


async def _serve(arguments: argparse.Namespace, settings: Settings, julia: Path) -> None:
    user_dir = Path(arguments.user_dir) if arguments.user_dir else _default_user_dir()
    user_dir.mkdir(parents=True, exist_ok=True)
    options = Options(
        julia=julia,
        user_dir=user_dir,
        port=arguments.port,
        session_port=arguments.session_port,
        token=arguments.token,
        starts_running=arguments.running,
        ready_file=Path(arguments.ready_file) if arguments.ready_file else None,
        ends_with=arguments.ends_with,
    )
    if sys.stdout.isatty():
        with Console().status("Starting Julia …") as status:

            def announce_after_wait(emulator: Emulator, folder: UserFolder) -> None:
                status.stop()
                _announce(emulator, folder)

            await serve(options, settings, announce_after_wait)
    else:
        await serve(options, settings, _announce)


def _announce(emulator: Emulator, folder: UserFolder) -> None:
    print(f"The local Engee answers at {emulator.management_url} (server {emulator.server.status}).")
    print(f"/user is {folder.path}")
    if not folder.is_mounted:
        print(
            "Julia code does not see that folder as /user on this machine: "
            'use its working directory or ENV["ENGEE_USER_DIR"].'
        )
    print(f"Account page: {emulator.management_url}/account?key={emulator.control_key}")
    print("To use it, copy these two lines into a shell:\n")
    for line in shell_lines(emulator.management_url, emulator.first_token.secret, is_windows=os.name == "nt"):
        print(line)
    print("\nCtrl-C ends it.", flush=True)


def shell_lines(url: str, token: str, *, is_windows: bool) -> list[str]:
    """What to copy into a shell; on Windows for PowerShell and, as a comment tells, for cmd."""
    if not is_windows:
        return [f"export ENGEE_URL={url}", f"export ENGEE_TOKEN={token}"]
    return [
        f'$env:ENGEE_URL = "{url}"',
        f'$env:ENGEE_TOKEN = "{token}"',
        "# in cmd:",
        f"set ENGEE_URL={url}",
        f"set ENGEE_TOKEN={token}",
    ]


def _default_user_dir() -> Path:
    return Path(platformdirs.user_data_dir("engee-kernel", appauthor=False)) / "local-engee" / "user"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m engee_kernel.emulator",
        description="The local Engee: Engee's HTTP API on this machine, with a real Julia behind it.",
        epilog="Each switch can also be changed while it runs: on the account page, or by its control API.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 = chosen by the system (default)")
    parser.add_argument(
        "--session-port",
        type=int,
        metavar="N",
        help="a second port, for the user's prefix: two origins, as a real Engee may have; 0 = chosen by the system",
    )
    parser.add_argument(
        "--user-dir",
        metavar="DIR",
        help="the folder that is /user (default: a folder of its own that is kept)",
    )
    parser.add_argument(
        "--julia", metavar="PATH", help="the Julia to run (default: $ENGEE_JULIA, PATH, the installed one)"
    )
    parser.add_argument(
        "--install-julia", action="store_true", help="get a Julia if there is none, say where it is, and end"
    )
    parser.add_argument("--token", help="the personal access token (default: a new one)")
    parser.add_argument("--ready-file", metavar="PATH", help="write url, token and more there as JSON once it answers")
    parser.add_argument(
        "--ends-with", type=int, metavar="PID", help="end when this process has ended: nobody else would end it then"
    )
    state = parser.add_mutually_exclusive_group()
    state.add_argument(
        "--running",
        dest="running",
        action="store_true",
        default=True,
        help="begin with a running server (default)",
    )
    state.add_argument("--stopped", dest="running", action="store_false", help="begin with a stopped server")
    parser.add_argument(
        "--like-engee",
        action="store_true",
        help="the switches that make it like the Engee that was seen in 2026: "
        + ", ".join(f"{option_name(name)} {_shown(value)}" for name, value in AS_SEEN.items()),
    )
    groups = {group: parser.add_argument_group(f"switches: {group}") for group in GROUPS}
    for setting in dataclasses.fields(Settings):
        values = choices(setting.name)
        is_flag = values == (True, False)
        shown = "yes|no" if is_flag else "|".join(map(str, values)) if values else setting.metadata["such_as"] or "N"
        groups[setting.metadata["group"]].add_argument(
            option_name(setting.name),
            dest=f"setting_{setting.name}",
            metavar=shown,
            nargs="?" if is_flag else None,
            const="yes" if is_flag else None,
            help=f"{setting.metadata['about']} (default: {_shown(setting.default)})",
        )
    return parser


def _shown(value: object) -> str:
    return {"None": "off", "True": "yes", "False": "no"}.get(str(value), str(value))


def option_name(setting: str) -> str:
    """`start_time_s` → `--start-time`: on the command line the unit is left to the help."""
    for unit in ("_s", "_bytes", "_chars"):
        setting = setting.removesuffix(unit)
    return "--" + setting.replace("_", "-")


def _settings(arguments: argparse.Namespace) -> Settings:
    given = {
        setting.name: parse_text(setting.name, text)
        for setting in dataclasses.fields(Settings)
        if (text := getattr(arguments, f"setting_{setting.name}")) is not None
    }
    return Settings().replaced({**(AS_SEEN if arguments.like_engee else {}), **given})
