"""%sync."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..facts.errors import UsageError
from ..facts.events import Display
from ..files.local import expanded, find_local
from ..files.paths import remote_path
from ..files.progress import CellBar
from ..files.remote import files_of
from ..household.arguments import PLACES, add_sync_arguments
from ..household.services import Services
from .magic import Context, Magic
from .pathwords import local_completions, remote_completions


class Sync(Magic):
    name = "%sync"
    help = "Send what changed in a folder of this computer to Engee."
    epilog = f"""\
examples:
  %sync src /user/src
  %sync MyPackage.jl /user/MyPackage.jl --delete
{PLACES}
What was changed in Engee since the last sync stays as it is there and is named, unless --force is given. .git and what
.gitignore names is left out. To send on each save: engee-kernel sync LOCAL REMOTE --watch, in a terminal."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        add_sync_arguments(parser)
        parser.add_argument("--watch", action="store_true", help=argparse.SUPPRESS)

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        from ..sync.manifest import Manifest  # noqa: PLC0415 - for those who synchronise only
        from ..sync.report import lines  # noqa: PLC0415
        from ..sync.rounds import Rounds  # noqa: PLC0415

        if arguments.watch:
            raise UsageError(
                "%sync does not watch: this notebook's other cells would wait for it.",
                f"In a terminal: engee-kernel sync {arguments.source} {arguments.target} --watch",
            )
        kernel = context.kernel
        root = (find_local(arguments.source) or expanded(arguments.source)).resolve()
        target = remote_path(arguments.target, kernel.remote_folder)
        remote = await files_of(context.engee, context.output)
        manifest = Manifest(context.engee.client.url, root, target, kernel.settings.state_dir)
        with manifest.held():
            rounds = Rounds(remote, manifest, root, target, delete=arguments.delete, force=arguments.force)
            async with CellBar(context.output) as progress:
                outcome = await rounds.run(progress, is_dry=arguments.dry_run)
        await context.output.publish(Display({"text/plain": "\n".join(lines(outcome))}))
        for line in outcome.skipped:
            context.output.notice(f"Skipped: {line}")

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        if words:
            return await remote_completions(context, word, folders_only=True)
        return local_completions(word)


MAGICS = (Sync,)
