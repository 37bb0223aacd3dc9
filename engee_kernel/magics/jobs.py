"""%%job: a cell through the jobs API."""

from __future__ import annotations

import argparse

from ..cell import Cell
from ..output import Output
from .registry import Context, Magic


class Job(Magic):
    name = "%%job"
    help = "Run the cell as a job: it outlives the HTTP time limit, the network and this kernel."
    needs_code = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--name", help="a name to know the job by")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        async def as_job(cell: Cell, output: Output) -> None:
            await context.engee.run(cell, output, as_job=True, name=arguments.name)

        context.run_cell = as_job


MAGICS = (Job,)
