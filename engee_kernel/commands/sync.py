"""`engee-kernel sync`: a folder of this computer, kept the same in Engee."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..facts.errors import UsageError
from ..household.arguments import add_sync_arguments
from .connection import add_connection_arguments, connected, print_json, remark, run_async, settings_of

if TYPE_CHECKING:
    from ..sync.rounds import Outcome

NAME = "sync"
HELP = "send what changed in a folder to Engee, once or on each save"

WATCH_RETRY_BOUND_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_sync_arguments(parser)
    parser.add_argument("--watch", action="store_true", help="go on: send on each save, until Ctrl-C")
    add_connection_arguments(parser, json=True)
    parser.epilog = """\
One way, from here to Engee: files whose SHA-256 differs are sent. What was changed in Engee since the last sync stays
as it is there and is named, unless --force is given. --delete removes only what a sync has sent before.
Left out are .git, what .gitignore names, editors' leftovers, and what a file .engeeignore in the folder names;
!NAME in .engeeignore lets through what .gitignore keeps back. Empty folders are not sent.

exit code: 0 all is in Engee as it is here (--watch: ended by Ctrl-C), 1 it is not

examples:
  engee-kernel sync src /user/src --dry-run
  engee-kernel sync src /user/src --delete
  engee-kernel sync MyPackage.jl /user/MyPackage.jl --watch
"""


def run(arguments: argparse.Namespace) -> int:
    if arguments.watch and (arguments.json or arguments.dry_run):
        raise UsageError("--watch goes on, --dry-run and --json are for a single round.", "Leave one of them out.")
    try:
        return run_async(_run(arguments))
    except KeyboardInterrupt:
        if not arguments.watch:
            raise
        remark("Ended. What was sent stays in Engee.")
        return 0


async def _run(arguments: argparse.Namespace) -> int:
    from ..files.local import expanded, find_local  # noqa: PLC0415 - these take time to import
    from ..files.paths import remote_path  # noqa: PLC0415
    from ..files.progress import Bar  # noqa: PLC0415
    from ..files.remote import files_with  # noqa: PLC0415
    from ..sync import watching  # noqa: PLC0415
    from ..sync.manifest import Manifest  # noqa: PLC0415
    from ..sync.report import lines  # noqa: PLC0415
    from ..sync.rounds import Rounds  # noqa: PLC0415

    if arguments.watch:
        watching.check_watcher()
    root = (find_local(arguments.source) or expanded(arguments.source)).resolve()
    target = remote_path(arguments.target)
    settings = settings_of(arguments)
    async with connected(arguments) as client:
        manifest = Manifest(client.url, root, target, settings.state_dir)
        with manifest.held():
            remote = files_with(client, settings.options())
            rounds = Rounds(remote, manifest, root, target, delete=arguments.delete, force=arguments.force)
            async with Bar() as progress:
                outcome = await rounds.run(progress, is_dry=arguments.dry_run)
            for line in outcome.skipped:
                remark(f"Skipped: {line}")
            if arguments.json:
                print_json(_as_json(outcome))
            else:
                print("\n".join(lines(outcome)), flush=True)
            if arguments.watch:
                client.retry_bound_s = WATCH_RETRY_BOUND_S  # what is tried for longer is said
                print(f"Watching {root}. Ctrl-C ends it.", flush=True)
                await watching.Watching(rounds, root, _say).run(outcome)
    return 1 if outcome.refused else 0


def _say(line: str) -> None:
    print(line, flush=True)


def _as_json(outcome: Outcome) -> dict[str, object]:
    from ..files.transfer import to_json  # noqa: PLC0415

    return {
        "dry_run": outcome.is_dry,
        "to_send": [{"local": str(file.local), "remote": file.target} for file in outcome.to_send],
        "sent": [to_json(file) for file in outcome.sent],
        "removed": outcome.removed,
        "kept": [{"remote": one.path, "reason": one.why} for one in outcome.refused],
        "left": outcome.left,
        "skipped": outcome.skipped,
        "elapsed_s": outcome.elapsed_s,
    }
