"""%upload and %download."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..facts.events import Display
from ..facts.tables import Table
from ..facts.text import size
from ..files.download import download
from ..files.local import plan_upload
from ..files.local import split_words as split_upload
from ..files.progress import CellBar
from ..files.remote import files_of
from ..files.selection import plan_download
from ..files.selection import split_words as split_download
from ..files.transfer import Moved, remote_folder, summary
from ..files.upload import upload
from ..household.arguments import PLACES, add_download_arguments, add_upload_arguments
from ..household.services import Services
from .magic import Context, Magic
from .pathwords import local_completions, remote_completions

ROWS = 20


class Upload(Magic):
    name = "%upload"
    help = "Copy files and folders from this computer to Engee; existing ones are replaced."
    epilog = f"""\
examples:
  %upload data.csv                     to the remote folder
  %upload *.csv models/lib.jl /user/project
  %upload -r project --to /user/backup
  %upload --ngscript model.ipynb       as model.ngscript, a script of Engee
{PLACES}
The last word is the remote folder if it begins with /user, ends with /, or is nothing that exists here.
A file appears in Engee only when it is whole and its SHA-256 agrees; until then an older one stays."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        add_upload_arguments(parser)

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        sources, folder = await asyncio.to_thread(
            split_upload, arguments.paths, arguments.to, recursive=arguments.recursive
        )
        target = remote_folder(folder, context.kernel.remote_folder)
        plan = await asyncio.to_thread(
            plan_upload, sources, target, recursive=arguments.recursive, flatten=arguments.flatten
        )
        remote = await files_of(context.engee, context.output)
        began = time.monotonic()
        async with CellBar(context.output) as progress:
            if arguments.ngscript:
                from ..files.converted import upload_as_scripts  # noqa: PLC0415 - for scripts only

                moved = await upload_as_scripts(remote, plan, progress, keep=arguments.keep)
            else:
                moved = await upload(remote, plan, progress, keep=arguments.keep)
        text = summary(moved, "Uploaded", time.monotonic() - began)
        await context.output.publish(Display(report(moved, text, plan.folders, up=True)))
        for line in plan.skipped:
            context.output.notice(f"Skipped: {line}")

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        if word.lstrip("\"'").startswith("/user"):
            return await remote_completions(context, word, folders_only=True)
        return await asyncio.to_thread(local_completions, word)


class Download(Magic):
    name = "%download"
    help = "Copy files and folders from Engee to this computer."
    epilog = f"""\
examples:
  %download results.csv                into this notebook's folder
  %download results/*.csv ./results
  %download -r /user/project --to backup
  %download --ipynb model.ngscript     as model.ipynb, a notebook
{PLACES}
The last of several words is the local folder if it looks like a local path (./results, ~, D:\\data), or if Engee has
nothing of that name. Existing local files are replaced with --force only."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        add_download_arguments(parser)

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        remote = await files_of(context.engee, context.output)
        here = context.kernel.remote_folder
        sources, local = await split_download(
            remote, arguments.paths, arguments.to, here, recursive=arguments.recursive
        )
        plan = await plan_download(remote, sources, local, here, recursive=arguments.recursive)
        began = time.monotonic()
        async with CellBar(context.output) as progress:
            if arguments.ipynb:
                from ..files.converted import download_as_notebooks  # noqa: PLC0415 - for scripts only

                moved = await download_as_notebooks(remote, plan, progress, force=arguments.force)
            else:
                moved = await download(remote, plan, progress, force=arguments.force)
        text = summary(moved, "Downloaded", time.monotonic() - began)
        await context.output.publish(Display(report(moved, text, [str(path) for path in plan.folders], up=False)))
        for line in plan.skipped:
            context.output.notice(f"Skipped: {line}")

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        if word.lstrip("\"'").startswith((".", "~")):
            return await asyncio.to_thread(local_completions, word)
        return await remote_completions(context, word)


def report(moved: Sequence[Moved], text: str, folders: Sequence[str], *, up: bool) -> dict[str, str]:
    """A line for one file, a table for several."""
    if folders:
        text += f" Made {len(folders)} empty folder{'' if len(folders) == 1 else 's'}."
    rows = [_row(file, up) for file in moved[:ROWS]]
    if len(moved) > ROWS:
        rows.append((f"… and {len(moved) - ROWS} more", "", ""))
    table = Table(("from", "to", "size"), rows)
    if not moved:
        return {"text/plain": text}
    return {"text/plain": f"{table.text()}\n{text}", "text/html": f"{table.html()}{text}"}


def _row(file: Moved, up: bool) -> tuple[str, str, str]:
    here, there = str(_shown(file.local)), file.remote
    suffix = " (replaced)" if file.replaced else ""
    return (here, there + suffix, size(file.size_bytes)) if up else (there, here + suffix, size(file.size_bytes))


def _shown(path: Path) -> Path:
    """Relative to the notebook's folder where it is below it."""
    absolute = path.absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path


MAGICS = (Upload, Download)
