"""The table of all magics. Each module of magics lists its own in `MAGICS`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from .magic import Magic


@cache
def magics() -> Mapping[str, Magic]:
    """All magics by name."""
    # here, because transfers and httpx cost start-up time
    from . import account, changes, code, controls, files, folders, help, jobs, server, settings, sync  # noqa: PLC0415

    modules = (jobs, account, server, settings, files, sync, folders, changes, code, controls)
    kinds = [kind for module in modules for kind in module.MAGICS]
    table: dict[str, Magic] = {kind.name: kind() for kind in kinds}
    # these two tell of all, themselves included
    for magic in (help.ListMagics(table), help.Help(table)):
        table[magic.name] = magic
    return table
