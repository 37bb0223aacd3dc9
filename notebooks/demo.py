"""Run a notebook on a local Engee, without an account: `make demo`.

The notebook with its outputs and a web page of it are left in build/. The exit code is 1 when a cell failed
that was not meant to.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from engee_kernel.emulator.process import LocalEngee, LocalEngeeError

HERE = Path(__file__).resolve().parent
CELL_LIMIT_S = 120


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a notebook on a local Engee, without an account.")
    parser.add_argument("notebook", nargs="?", type=Path, default=HERE / "quickstart.ipynb")
    parser.add_argument("--output", metavar="FOLDER", type=Path, default=HERE.parent / "build")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    notebook = nbformat.read(arguments.notebook, as_version=4)
    arguments.output.mkdir(parents=True, exist_ok=True)
    engee = LocalEngee()
    try:
        print("Starting the local Engee …", flush=True)
        engee.start()
        environment = local_environment(engee, arguments.output / "jupyter")
        failure = asyncio.run(run(notebook, arguments.notebook.parent, environment))
    except LocalEngeeError as error:
        print(error, file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        failure = "Interrupted: the notebook did not run to its end."
    finally:
        engee.close()
    for path in write(notebook, arguments.output, arguments.notebook.stem):
        print(f"Written: {path}")
    if failure:
        print(failure, file=sys.stderr)
        return 1
    print("All cells did what they should.")
    return 0


def local_environment(engee: LocalEngee, configuration: Path) -> dict[str, str]:
    """Ours, with the local Engee in place of whatever Engee the person has set up.

    An engee_kernel_config.py of the person's would have the last word on the address: Jupyter's settings
    come from the folder `configuration` instead.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGEE_")}
    return {**kept, "ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token, "JUPYTER_CONFIG_DIR": str(configuration)}


async def run(notebook: nbformat.NotebookNode, folder: Path, environment: dict[str, str]) -> str:
    """Run all cells, outputs into `notebook`. Returns "" or the sentence that says what failed.

    Raises CancelledError when Ctrl-C or a signal to end comes, after the kernel was shut down.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    stopped = asyncio.Event()
    started = time.monotonic()

    def stop() -> None:
        stopped.set()
        task.cancel()

    def take_signals(**_: Any) -> None:
        # nbclient's own answer to a signal takes the kernel away under the running cell and ends in a traceback
        with suppress(NotImplementedError):  # on Windows Ctrl-C is a KeyboardInterrupt
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop)

    def announce(cell: nbformat.NotebookNode, **_: Any) -> None:
        number = 1 + next(index for index, one in enumerate(cells) if one is cell)
        first_line = next(iter(cell.source.splitlines()), "")
        print(f"{time.monotonic() - started:5.1f} s  cell {number} of {len(cells)}: {first_line}", flush=True)

    client = NotebookClient(
        notebook,
        kernel_name="engee",
        timeout=CELL_LIMIT_S,
        coalesce_streams=True,  # what \r has overwritten is not kept
        on_notebook_start=take_signals,
        on_cell_execute=announce,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        await client.async_execute(env=environment)
    except CellTimeoutError:
        return f"A cell ran for more than {CELL_LIMIT_S} s."
    except (CellExecutionError, CellControlSignal) as error:
        return f"A cell failed:\n{error}"
    except DeadKernelError as error:
        if stopped.is_set():  # nbclient takes every cancellation for a dead kernel
            raise asyncio.CancelledError from error
        return f"The kernel died: {error}"
    return ""


def write(notebook: nbformat.NotebookNode, folder: Path, name: str) -> list[Path]:
    executed, page = folder / f"{name}.ipynb", folder / f"{name}.html"
    nbformat.write(notebook, executed)
    html, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": name}})
    page.write_text(html, encoding="utf-8")
    return [executed, page]


if __name__ == "__main__":
    sys.exit(main())
