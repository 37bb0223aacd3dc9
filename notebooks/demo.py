"""Run quickstart.ipynb on a local Engee, without an account: `make demo`.

The notebook with its outputs and a web page of it are left in build/. The exit code is 1 when a cell failed
that was not meant to.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from engee_kernel.emulator.process import LocalEngee, LocalEngeeError

NOTEBOOK = Path(__file__).with_name("quickstart.ipynb")
BUILD = Path(__file__).resolve().parent.parent / "build"
CELL_LIMIT_S = 120


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    engee = LocalEngee()
    try:
        print("Starting the local Engee …", flush=True)
        engee.start()
        failure = run(notebook, local_environment(engee))
    except LocalEngeeError as error:
        failure = str(error)
    except KeyboardInterrupt:
        failure = "Interrupted."
    finally:
        engee.close()
    for path in write(notebook):
        print(f"Written: {path}")
    if failure:
        print(failure, file=sys.stderr)
        return 1
    print("All cells did what they should.")
    return 0


def local_environment(engee: LocalEngee) -> dict[str, str]:
    """Ours, with the local Engee in place of whatever Engee the person has set up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ENGEE_")}
    return {
        **kept,
        "ENGEE_URL": engee.url,
        "ENGEE_TOKEN": engee.token,
        # an engee_kernel_config.py of the person's would have the last word on the address
        "JUPYTER_CONFIG_DIR": str(BUILD / "jupyter"),
    }


def run(notebook: nbformat.NotebookNode, environment: dict[str, str]) -> str:
    """Run all cells, outputs into `notebook`. Returns "" or the sentence that says what failed."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    started = time.monotonic()

    def announce(cell: nbformat.NotebookNode, **_: Any) -> None:
        number = 1 + next(index for index, one in enumerate(cells) if one is cell)
        first_line = next(iter(cell.source.splitlines()), "")
        print(f"{time.monotonic() - started:5.1f} s  cell {number} of {len(cells)}: {first_line}", flush=True)

    client = NotebookClient(
        notebook,
        kernel_name="engee",
        timeout=CELL_LIMIT_S,
        coalesce_streams=True,  # what \r has overwritten is not kept
        on_cell_execute=announce,
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    try:
        client.execute(env=environment)
    except CellTimeoutError:
        return f"A cell ran for more than {CELL_LIMIT_S} s."
    except (CellExecutionError, CellControlSignal) as error:
        return f"A cell failed:\n{error}"
    except DeadKernelError as error:
        return f"The kernel died: {error}"
    return ""


def write(notebook: nbformat.NotebookNode) -> list[Path]:
    BUILD.mkdir(exist_ok=True)
    executed, page = BUILD / NOTEBOOK.name, BUILD / f"{NOTEBOOK.stem}.html"
    nbformat.write(notebook, executed)
    html, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": "Engee: quick start"}})
    page.write_text(html, encoding="utf-8")
    return [executed, page]


if __name__ == "__main__":
    sys.exit(main())
