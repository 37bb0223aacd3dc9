"""`engee-kernel convert`: Engee's scripts as Jupyter notebooks, and back."""

from __future__ import annotations

import argparse
from glob import glob
from pathlib import Path

from ..facts.errors import UsageError
from ..files.paths import is_pattern

NAME = "convert"
HELP = "turn Engee's scripts (.ngscript) into notebooks (.ipynb), and back"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", metavar="FILE", help="scripts and notebooks of this computer")
    parser.add_argument("--to", metavar="FILE", help="the target, or its folder (default: beside each file)")
    parser.add_argument("--force", action="store_true", help="replace targets that exist")
    parser.epilog = """\
examples:
  engee-kernel convert model.ngscript               writes model.ipynb
  engee-kernel convert model.ipynb --force          writes model.ngscript, replacing the older one
  engee-kernel convert *.ngscript --to notebooks/

There and back gives the same file; cells that were edited in between are new, all others the same byte for byte.
What only Engee needs is kept in the notebook's metadata. If one file can't be converted, none is written.
"""


def run(arguments: argparse.Namespace) -> int:
    from ..scripts import files  # noqa: PLC0415 - for this command only

    sources = [source for word in arguments.files for source in _meant(word)]
    to = Path(arguments.to).expanduser() if arguments.to else None
    if to is not None and not to.is_dir() and (len(sources) > 1 or arguments.to.endswith(("/", "\\"))):
        raise UsageError(f"There is no folder “{to}”.", "Make it first, or name an existing one with --to.")
    targets = [files.target_of(source, to) for source in sources]
    files.check_targets(targets, force=arguments.force)
    converted = [files.convert(source, target) for source, target in zip(sources, targets, strict=True)]
    for one in converted:
        files.write(one, force=arguments.force)
        print(f"{one.source} → {one.target}")
    return 0


def _meant(word: str) -> list[Path]:
    """A file, or the files that a pattern matches: shells of Windows leave patterns to the program."""
    path = Path(word).expanduser()
    if path.exists() or not is_pattern(word):
        return [path]
    found = sorted(Path(name) for name in glob(str(path), recursive=True))  # noqa: PTH207 - as typed
    if not found:
        raise UsageError(f"Nothing here matches “{word}”.", f"Relative names are looked for in {Path.cwd()}")
    return found
