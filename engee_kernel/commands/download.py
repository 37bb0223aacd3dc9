"""`engee-kernel download`: copy files and folders from Engee."""

from __future__ import annotations

import argparse
import time

from ..household.arguments import add_download_arguments
from .connection import add_connection_arguments, connected, print_json, remark, run_async, settings_of

NAME = "download"
HELP = "copy files and folders from Engee"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_download_arguments(parser)
    add_connection_arguments(parser, json=True)
    parser.epilog = """\
examples:
  engee-kernel download results.csv                 /user/results.csv, to this folder
  engee-kernel download "results/*.csv" ./results
  engee-kernel download -r /user/project --to backup
  engee-kernel download --ipynb model.ngscript      as model.ipynb

Relative remote paths begin at /user. Put patterns in quotes, or the shell looks for them here.
The last of several words is the local folder if it looks like a local path, or if Engee has nothing of that name.
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..files.converted import download_as_notebooks  # noqa: PLC0415 - these take time to import
    from ..files.download import download  # noqa: PLC0415
    from ..files.paths import ROOT  # noqa: PLC0415
    from ..files.progress import Bar  # noqa: PLC0415
    from ..files.remote import files_with  # noqa: PLC0415
    from ..files.selection import plan_download, split_words  # noqa: PLC0415
    from ..files.transfer import summary, to_json  # noqa: PLC0415

    recursive = arguments.recursive
    async with connected(arguments) as client:
        remote = files_with(client, settings_of(arguments).options())
        sources, local = await split_words(remote, arguments.paths, arguments.to, ROOT, recursive=recursive)
        plan = await plan_download(remote, sources, local, recursive=recursive)
        for line in plan.skipped:
            remark(f"Skipped: {line}")
        began = time.monotonic()
        async with Bar() as progress:
            fetch = download_as_notebooks if arguments.ipynb else download
            moved = await fetch(remote, plan, progress, force=arguments.force)
    if arguments.json:
        folders = [str(folder) for folder in plan.folders]
        print_json({"files": [to_json(file) for file in moved], "folders": folders, "skipped": plan.skipped})
    else:
        for file in moved:
            print(f"{file.remote} → {file.local}")
        print(summary(moved, "Downloaded", time.monotonic() - began))
    return 0
