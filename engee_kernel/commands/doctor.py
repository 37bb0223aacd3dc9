"""`engee-kernel doctor`: check everything from this Python to a round trip to Engee."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from ..facts.errors import EngeeError
from .connection import Progress, add_connection_arguments, print_json, remark, run_async, settings_of

if TYPE_CHECKING:
    from ..doctor.findings import Finding

NAME = "doctor"
HELP = "check everything from this Python to Engee, and say what to do"

COLOURS = {"ok": "32", "warn": "33", "fail": "31", "skip": "90"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_connection_arguments(parser, json=True)
    parser.add_argument("--start", action="store_true", help="start a stopped server to check the rest, too")
    parser.epilog = """\
The exit code is 1 if a check failed. A stopped server is not started without --start: a stopped one is a warning.
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    findings = []
    async for finding in _findings(arguments):
        findings.append(finding)
        if not arguments.json:
            _show(finding)
    failed = any(finding.level == "fail" for finding in findings)
    if arguments.json:
        print_json({"ok": not failed, "checks": [finding.as_json() for finding in findings]})
    return 1 if failed else 0


async def _findings(arguments: argparse.Namespace) -> AsyncIterator[Finding]:
    from ..doctor import local, network, service  # noqa: PLC0415 - takes time to import
    from ..doctor.findings import failed, ok, skip  # noqa: PLC0415

    for finding in local.check():
        yield finding
    try:
        settings = settings_of(arguments)
    except EngeeError as error:
        yield failed("settings", error)
        return
    changed = [f"{name} from {source}" for name, source in settings.sources.items()]
    yield ok("settings", ", ".join(changed) or "all at their defaults")
    reached = True
    async for finding in network.check(settings.url):
        reached = reached and finding.level != "fail"
        yield finding
    if not reached:
        yield skip("token", "Engee can't be reached")
        return
    checks = service.check(
        settings.url,
        settings.tokens(remark),
        start=arguments.start,
        start_bound_s=settings.start_bound_s,
        progress=Progress(),
    )
    async for finding in checks:
        yield finding


def _show(finding: Finding) -> None:
    level = finding.level.ljust(4)
    if sys.stdout.isatty():
        level = f"\x1b[{COLOURS[finding.level]}m{level}\x1b[0m"
    print(f"{level}  {finding.name}: {finding.text}", flush=True)
    if finding.hint:
        for line in finding.hint.splitlines():
            print(f"      → {line}")
