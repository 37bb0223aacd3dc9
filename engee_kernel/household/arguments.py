"""Arguments that the magics and the command line share."""

from __future__ import annotations

import argparse
import math

PLACES = """\
Relative remote paths begin at the remote folder of %cd (at first /user), relative local ones at this notebook's folder.
(Julia's own cd() is something else: it moves the running Julia, not this.)
Put names with spaces in quotes: "my data.csv"."""


def add_upload_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="LOCAL", help="files, folders or patterns, then the remote folder")
    parser.add_argument("-r", "--recursive", action="store_true", help="folders with all that is in them")
    parser.add_argument("--keep", action="store_true", help="replace nothing: Engee gives the new file another name")
    parser.add_argument("--flatten", action="store_true", help="all files directly into the remote folder")
    parser.add_argument("--to", metavar="REMOTE_DIR", help="the remote folder, said beyond doubt; made if missing")
    parser.add_argument("--ngscript", action="store_true", help="notebooks (.ipynb) become Engee's scripts (.ngscript)")


def add_download_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="REMOTE", help="files, folders or patterns, then the local folder")
    parser.add_argument("-r", "--recursive", action="store_true", help="folders with all that is in them")
    parser.add_argument("--force", action="store_true", help="replace files that exist here")
    parser.add_argument("--to", metavar="LOCAL", help="the local folder or file name, said beyond doubt")
    parser.add_argument("--ipynb", action="store_true", help="Engee's scripts (.ngscript) become notebooks (.ipynb)")


def add_sync_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="LOCAL", help="a folder of this computer")
    parser.add_argument("target", metavar="REMOTE", help="the folder in Engee for what is in it; made if missing")
    parser.add_argument("--delete", action="store_true", help="remove in Engee what was sent and is gone here")
    parser.add_argument("--force", action="store_true", help="also replace and remove what was changed in Engee")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def seconds(text: str) -> float:
    """For argparse: the value of a --timeout."""
    try:
        limit_s = float(text)
    except ValueError:
        limit_s = math.nan
    if not math.isfinite(limit_s) or limit_s < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a time limit: give a number of seconds, 0 or more")
    return limit_s
