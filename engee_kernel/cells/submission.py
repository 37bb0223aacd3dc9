"""A cell as the agent's calls `submit`, `job` and `run_job` take it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .cell import Cell
from .options import Options


def arguments(notebook: str, cell: Cell) -> tuple[str, str, int, str]:
    return (notebook, cell.cell_id, cell.count, cell.code)


def settings(cell: Cell, options: Options, title: str) -> dict[str, Any]:
    """Only what differs from the agent's defaults: the command travels with every cell."""
    chosen: dict[str, Any] = {}
    if title:
        chosen["title"] = title
    if options.cell_threads != "shared":
        chosen["threads"] = options.cell_threads
    if options.workspace != "main":
        chosen["workspace"] = options.workspace
    if cell.silent:
        chosen["silent"] = True
    if cell.stdin_allowed:
        chosen["stdin_allowed"] = True
    if options.output_limit_bytes != Options.output_limit_bytes:
        chosen["output_limit_bytes"] = options.output_limit_bytes
    if not options.loop_checkpoints:
        chosen["loop_checkpoints"] = False
    if cell.expressions:
        chosen["user_expressions"] = [part for pair in cell.expressions.items() for part in pair]
    return chosen


def job_settings(cell: Cell, options: Options, title: str, *, beside: bool, limit_s: float) -> dict[str, Any]:
    """The same for a job: beside the notebook's other cells, interrupted after so many seconds (0: never)."""
    chosen = settings(cell, options, title)
    if beside:
        chosen["beside"] = True
    if limit_s:
        chosen["limit_s"] = float(limit_s)
    return chosen


def why_waiting(behind: Mapping[str, Any] | None) -> str:
    """Why the cell has not begun, for the person; "" where nothing of another notebook keeps it."""
    if behind is None:
        return ""
    notebook = f"“{behind['notebook']}”" if behind.get("notebook") else "another notebook"
    return (
        f"waits for In[{behind.get('count')}] of {notebook}, whose code lets no other cell run (%config cell_threads)"
    )
