"""%rm %mv %cp: changing files in Engee, without Julia code."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..facts.errors import EngeeError, ForbiddenPathError, UsageError
from ..files.paths import ROOT, remote_path, some
from ..files.remote import DIRECTORY, LINK_OUT, MISSING, Entry, RemoteFileError, RemoteFiles, files_of
from ..files.selection import Hit, check_names, find_remote, select
from .folders import FileMagic, say
from .magic import Context

LONG_S = 600.0


class Remove(FileMagic):
    name = "%rm"
    help = "Remove files in Engee; folders with -r. There is no way back."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH")
        parser.add_argument("-r", "--recursive", action="store_true", help="folders with all that is in them")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        kernel = context.kernel
        for word in arguments.paths:
            if remote_path(word, kernel.remote_folder) == ROOT:
                raise ForbiddenPathError("/user itself is not removed.", "Name what is to be removed in it.")
        remote = await files_of(context.engee, context.output)
        hits = [hit for word in arguments.paths for hit in await select(remote, word, kernel.remote_folder)]
        check_names(hits)
        paths = list(dict.fromkeys(hit.entry.path for hit in hits))
        folders = [hit.entry.path for hit in hits if hit.entry.kind == DIRECTORY and not hit.entry.is_link]
        if folders and not arguments.recursive:
            raise UsageError(
                f"{some(folders)} {'is a folder' if len(folders) == 1 else 'are folders'}. Nothing was removed.",
                "Add -r to remove folders with all that is in them.",
            )
        for done, path in enumerate(paths):
            try:
                await remote.call("remove", path, arguments.recursive, wait_s=LONG_S)
            except EngeeError as error:
                # it is gone: by a request whose reply was lost, or with its folder
                if not (isinstance(error, RemoteFileError) and error.reason == MISSING):
                    _note_done(error, "Removed", paths[:done])
                    raise
        await say(context, f"Removed {some(paths)}")
        while kernel.remote_folder != ROOT and not await remote.is_folder(kernel.remote_folder):
            kernel.remote_folder = kernel.remote_folder.rpartition("/")[0]
            context.output.notice(f"The remote folder is now {kernel.remote_folder}")


class _Relocate(FileMagic):
    function = ""
    verb = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="SOURCE", help="files or folders, then the target")
        parser.add_argument("--force", action="store_true", help="replace what exists at the target")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        *sources, last = arguments.paths
        if not sources:
            raise UsageError(f"{self.name} needs a source and a target.", f"Example: {self.name} old.csv new.csv")
        here = context.kernel.remote_folder
        remote = await files_of(context.engee, context.output)
        hits = [hit for word in sources for hit in await select(remote, word, here)]
        check_names(hits)
        self.check(hits, arguments)
        target = remote_path(last, here)
        into = await find_remote(remote, target)
        is_folder = into is not None and into.kind == DIRECTORY
        if into is not None and into.kind == LINK_OUT:
            raise ForbiddenPathError(
                f"{target} is a link out of /user, which is not followed.", "Choose another target."
            )
        if len(hits) > 1 and not is_folder:
            raise UsageError(
                f"{target} is not a folder, so {len(hits)} files can't go there.", f"Make it: %mkdir {last}"
            )
        if last.endswith("/") and not is_folder:
            raise UsageError(f"{target} is not a folder in Engee.", f"Make it: %mkdir {last}")
        if any(hit.entry.path == ROOT for hit in hits):
            raise ForbiddenPathError("/user itself can't be moved or copied.")
        for done, hit in enumerate(hits):
            place = f"{into.path}/{hit.entry.name}" if into is not None and is_folder else target
            try:
                await self.relocate(remote, hit.entry, place, arguments.force)
            except EngeeError as error:
                _note_done(error, self.verb, [hit.entry.path for hit in hits[:done]])
                raise
        await say(context, f"{self.verb} {some([hit.entry.path for hit in hits])} to {target}")

    def check(self, hits: Sequence[Hit], arguments: argparse.Namespace) -> None:
        """Raises UsageError."""

    async def relocate(self, remote: RemoteFiles, entry: Entry, place: str, force: bool) -> None:
        existing = await remote.stat(place)
        if existing is not None and existing.kind == DIRECTORY:
            raise UsageError(f"{place} is a folder already.", "Remove it first (%rm -r), or choose another target.")
        try:
            await remote.call(self.function, entry.path, place, force, wait_s=LONG_S)
        except RemoteFileError:
            # the first of two requests may have done it, its reply lost: then the target is what it should be
            source, made = await remote.stats([entry.path, place])
            done = (
                made is not None and existing is None and (made.kind, made.size_bytes) == (entry.kind, entry.size_bytes)
            )
            if not done or (self.function == "move" and source is not None):
                raise


def _note_done(error: EngeeError, verb: str, paths: Sequence[str]) -> None:
    """Say in the error's hint what was done before it."""
    if paths:
        error.hint = f"{error.hint}\n{verb} before that: {some(paths)}".lstrip()


class Move(_Relocate):
    name = "%mv"
    help = "Move or rename files and folders in Engee."
    function = "move"
    verb = "Moved"


class Copy(_Relocate):
    name = "%cp"
    help = "Copy files in Engee; folders with -r."
    function = "copy_file"
    verb = "Copied"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-r", "--recursive", action="store_true", help="folders with all that is in them")

    def check(self, hits: Sequence[Hit], arguments: argparse.Namespace) -> None:
        folders = [hit.entry.path for hit in hits if hit.entry.kind == DIRECTORY]
        if folders and not arguments.recursive:
            raise UsageError(f"{some(folders)} is a folder.", "Add -r to copy it with all that is in it.")


MAGICS = (Remove, Move, Copy)
