"""%ls %cd %pwd %mkdir %find %cat: looking around in Engee, without Julia code."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from datetime import datetime

from ..facts.errors import ForbiddenPathError, NotFoundError, TransferError, UsageError
from ..facts.events import Display, Stream
from ..facts.tables import Table
from ..facts.text import size
from ..files.paths import ROOT, below, composed, is_below, is_pattern, matches, remote_path, some
from ..files.remote import DIRECTORY, FILE, LINK_OUT, Entry, RemoteFiles, files_of
from ..files.selection import find_remote, select
from ..household.services import Services
from .magic import Context, Magic
from .pathwords import remote_completions

ROWS = 500
CAT_BYTES = 64 * 1024
CAT_MOST_BYTES = 4 * 2**20

_PLACES = """Relative paths begin at the remote folder of %cd (at first /user); Julia's own cd() is something else.
Names may have * ? [abc] {a,b}, and ** for any folders between; put names with spaces in quotes."""


class FileMagic(Magic):
    epilog = _PLACES
    folders_only = False

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        return await remote_completions(context, word, folders_only=self.folders_only)


class List(FileMagic):
    name = "%ls"
    help = "List files and folders in Engee."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", metavar="PATH", help="the remote folder of %%cd unless named")
        parser.add_argument("-a", "--all", action="store_true", help="also names that begin with a dot")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        remote = await files_of(context.engee, context.output)
        here = context.kernel.remote_folder
        listed: list[Entry] = []
        base = here
        for word in arguments.paths or ["."]:
            hits = await select(remote, word, here)
            if hits[0].explicit and hits[0].entry.kind == LINK_OUT:
                raise ForbiddenPathError(
                    f"{hits[0].entry.path} is a link out of /user, which is not followed.",
                    "%rm removes the link, and nothing else.",
                )
            if len(arguments.paths) <= 1 and len(hits) == 1 and hits[0].explicit and hits[0].entry.kind == DIRECTORY:
                base = hits[0].entry.path
                entries, more = await remote.entries(base)
                listed += [entry for entry in entries if arguments.all or not entry.name.startswith(".")]
                if more:
                    context.output.notice(f"{base} has more files than are listed.")
            else:
                listed += [hit.entry for hit in hits]
        listed.sort(key=lambda entry: (entry.kind != DIRECTORY, composed(entry.path).casefold()))
        await _show(context, listed, base, "The folder is empty.")


class ChangeFolder(FileMagic):
    name = "%cd"
    help = "Change the remote folder at which relative remote paths begin."
    folders_only = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path", nargs="?", default=ROOT, help="a folder in Engee (default: /user)")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        path = remote_path(arguments.path, context.kernel.remote_folder)
        remote = await files_of(context.engee, context.output)
        found = await find_remote(remote, path) if remote.has_agent else None
        path = found.path if found is not None else path
        if not await remote.is_folder(path):
            what = "does not exist" if found is None else "is not a folder"
            if found is not None and found.kind == LINK_OUT:
                what = "is a link out of /user, which is not followed"
            raise UsageError(f"{path} {what}.", "Make it with %mkdir, or look around with %ls.")
        context.kernel.remote_folder = path
        await context.output.publish(Display({"text/plain": path}))


class ShowFolder(Magic):
    name = "%pwd"
    help = "Show the remote folder at which relative remote paths begin."

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        await context.output.publish(Display({"text/plain": context.kernel.remote_folder}))


class MakeFolder(FileMagic):
    name = "%mkdir"
    help = "Make folders in Engee, with those above them; an existing one is left as it is."
    folders_only = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        paths = [remote_path(path, context.kernel.remote_folder) for path in arguments.paths]
        await (await files_of(context.engee, context.output)).make_folders(paths)
        await say(context, f"Made {some(paths)}")


class Find(FileMagic):
    name = "%find"
    help = "Find files and folders in Engee by name: %find *.csv"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("pattern", help="of names, e.g. *.csv; with a / of paths, e.g. results/**/*.csv")
        parser.add_argument("folder", nargs="?", default=".", help="where to look (default: the remote folder)")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        folder = remote_path(arguments.folder, context.kernel.remote_folder)
        remote = await files_of(context.engee, context.output)
        found, more = await remote.find(folder, arguments.pattern)
        if not found and not arguments.pattern.isascii():
            # a name that macOS wrote, in Unicode's other form
            every, more = await remote.find(folder, "**")
            found = [entry for entry in every if matches(entry.name, arguments.pattern)]
        await _show(context, found, folder, f"Nothing below {folder} matches {arguments.pattern}.")
        if more:
            context.output.notice("There are more matches than are listed.")


class Show(FileMagic):
    name = "%cat"
    help = "Show the text of a file in Engee, or its beginning."

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("path")
        parser.add_argument(
            "--bytes", type=int, default=CAT_BYTES, metavar="N", help=f"at most N bytes (default: {CAT_BYTES})"
        )
        parser.add_argument("--encoding", default="utf-8", help="of the text, e.g. cp1251 (default: utf-8)")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        try:
            "".encode(arguments.encoding)
        except LookupError as error:
            raise UsageError(f"There is no encoding “{arguments.encoding}”.", "Common ones: utf-8, cp1251") from error
        if not 0 < arguments.bytes <= CAT_MOST_BYTES:
            raise UsageError(f"--bytes must be 1 to {CAT_MOST_BYTES}, not {arguments.bytes}.", "For more: %download")
        path = remote_path(arguments.path, context.kernel.remote_folder)
        remote = await files_of(context.engee, context.output)
        path, total = await _file_at(remote, path, arguments.path)
        head = await _head(remote, path, arguments.bytes, arguments.encoding) if total != 0 else b""
        if b"\0" in head and not arguments.encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32")):
            raise TransferError(
                f"{path} is not a text file{'' if total is None else f' ({size(total)})'}.",
                f'Get it with: %download "{path}"',
            )
        text = head.decode(arguments.encoding, errors="replace")
        if len(head) >= arguments.bytes:
            text = text.rstrip("\ufffd")  # a character that the bound cut in two
        await context.output.publish(Stream("stdout", text if text.endswith("\n") else text + "\n"))
        if "\ufffd" in text:
            context.output.notice(f"This is not {arguments.encoding}. For Windows’ Cyrillic: --encoding cp1251")
        if total is not None and total > arguments.bytes:
            context.output.notice(f'The first {size(arguments.bytes)} of {size(total)}. All of it: %download "{path}"')


async def _file_at(remote: RemoteFiles, path: str, word: str) -> tuple[str, int | None]:
    """Raises UsageError for what is no file."""
    if not remote.has_agent:
        return path, await remote.size_of(path)
    entry = await find_remote(remote, path)
    if entry is None:
        hint = "%cat shows one file: name it." if is_pattern(word) else f"Look with: %ls {path.rpartition('/')[0]}"
        raise UsageError(f"Engee has no file {path}.", hint)
    if entry.kind != FILE:
        raise UsageError(f"{path} is not a file ({entry.kind}).", f"Look with: %ls {path}")
    return entry.path, entry.size_bytes


async def _head(remote: RemoteFiles, path: str, limit_bytes: int, encoding: str) -> bytes:
    """The first bytes: from the agent, which sends text, else by a download of which the rest is not waited for."""
    if remote.has_agent and encoding.lower() in ("utf-8", "utf8"):
        answer = await remote.call("read_head", path, limit_bytes)
        return b"\0" if answer.get("binary") else str(answer["text"]).encode()
    head = bytearray()
    try:
        async with remote.client.download([path]) as reply:
            async for chunk in reply.chunks:
                head += chunk
                if len(head) >= limit_bytes:
                    break
    except NotFoundError as error:
        raise NotFoundError(f"Engee has no file {path}.", "", status=error.status, call=error.call) from error
    return bytes(head[:limit_bytes])


async def _show(context: Context, entries: Sequence[Entry], base: str, empty: str) -> None:
    rows = [
        (
            _name(entry, base),
            "" if entry.kind == DIRECTORY else size(entry.size_bytes),
            datetime.fromtimestamp(entry.modified).strftime("%Y-%m-%d %H:%M"),
        )
        for entry in entries[:ROWS]
    ]
    await context.output.publish(Display(Table(("name", "size", "modified"), rows, empty).bundle()))
    if len(entries) > ROWS:
        context.output.notice(f"… and {len(entries) - ROWS} more.")


def _name(entry: Entry, base: str) -> str:
    path = entry.escaped or entry.path
    name = below(path, base) if path != base and is_below(path, base) else path
    mark = {DIRECTORY: "/", FILE: ""}.get(entry.kind, f" ({entry.kind})")
    return name + mark + (" (link)" if entry.is_link and entry.kind in (DIRECTORY, FILE) else "") + _odd(entry)


def _odd(entry: Entry) -> str:
    return " (the name is not UTF-8)" if entry.escaped else ""


async def say(context: Context, text: str) -> None:
    await context.output.publish(Display({"text/plain": text}))


MAGICS = (List, ChangeFolder, ShowFolder, MakeFolder, Find, Show)
