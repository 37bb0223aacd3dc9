"""An ordinary Python notebook without a screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from frontend import Frontend
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager


class PythonNotebook(Frontend):
    """An ordinary Python kernel, started as Jupyter does."""

    def __init__(self, folder: Path, environment: dict[str, str], blocked: Sequence[str] = ()) -> None:
        super().__init__(folder, environment)
        spec = folder / "kernels" / "python3"
        spec.mkdir()
        start = "".join(f"import sys; sys.modules[{name!r}] = None; " for name in blocked)
        command = f"{start}from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
        fields = {
            "argv": [sys.executable, "-c", command, "-f", "{connection_file}"],
            "display_name": "Python",
            "language": "python",
        }
        (spec / "kernel.json").write_text(json.dumps(fields), encoding="utf-8")
        specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
        self.manager = KernelManager(kernel_name="python3", kernel_spec_manager=specs)

    def interrupt(self) -> None:
        """As a front end's stop button does it with ipykernel: a signal."""
        self.manager.interrupt_kernel()
