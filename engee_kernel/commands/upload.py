"""`engee-kernel upload`: copy files and folders to Engee."""

from __future__ import annotations

import argparse
import asyncio
import time

from ..household.arguments import add_upload_arguments
from .connection import add_connection_arguments, connected, print_json, remark, run_async, settings_of

NAME = "upload"
HELP = "copy files and folders to Engee"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_upload_arguments(parser)
    add_connection_arguments(parser, json=True)
    parser.epilog = """\
examples:
  engee-kernel upload data.csv                      to /user
  engee-kernel upload *.csv models/lib.jl project/  to /user/project
  engee-kernel upload -r project --to /user/backup
  engee-kernel upload --ngscript model.ipynb        as /user/model.ngscript

The last word is the remote folder if it begins with /user, ends with /, or is nothing that exists here.
A file appears in Engee only when it is whole and its SHA-256 agrees; until then an older one stays.
"""


def run(arguments: argparse.Namespace) -> int:
    return run_async(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from ..files.converted import upload_as_scripts  # noqa: PLC0415 - these take time to import
    from ..files.local import plan_upload, split_words  # noqa: PLC0415
    from ..files.progress import Bar  # noqa: PLC0415
    from ..files.remote import files_with  # noqa: PLC0415
    from ..files.transfer import remote_folder, summary, to_json  # noqa: PLC0415
    from ..files.upload import upload  # noqa: PLC0415

    settings_of(arguments)  # trouble with them comes before any other
    recursive, flatten = arguments.recursive, arguments.flatten
    sources, folder = await asyncio.to_thread(split_words, arguments.paths, arguments.to, recursive=recursive)
    target = remote_folder(folder)
    plan = await asyncio.to_thread(plan_upload, sources, target, recursive=recursive, flatten=flatten)
    for line in plan.skipped:
        remark(f"Skipped: {line}")
    began = time.monotonic()
    async with connected(arguments) as client, Bar() as progress:
        remote = files_with(client, settings_of(arguments).options())
        send = upload_as_scripts if arguments.ngscript else upload
        moved = await send(remote, plan, progress, keep=arguments.keep)
    if arguments.json:
        print_json({"files": [to_json(file) for file in moved], "folders": plan.folders, "skipped": plan.skipped})
    else:
        for file in moved:
            print(f"{file.local} → {file.remote}")
        print(summary(moved, "Uploaded", time.monotonic() - began))
    return 0
