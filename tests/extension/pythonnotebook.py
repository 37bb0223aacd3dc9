"""An ordinary Python notebook without a screen."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from frontend import Frontend
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

# A package that is blocked is not there: nothing finds it. (None in sys.modules would be found, and upset IPython.)
LAUNCH = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
def find_spec(cls, name, path=None, target=None):
    return None if name.partition(".")[0] in BLOCKED else find(name, path, target)
PathFinder.find_spec = classmethod(find_spec)
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""


class PythonNotebook(Frontend):
    """An ordinary Python kernel, started as Jupyter does; the packages `blocked` are not installed for it."""

    def __init__(self, folder: Path, environment: dict[str, str], blocked: Sequence[str] = ()) -> None:
        super().__init__(folder, environment)
        spec = folder / "kernels" / "python3"
        spec.mkdir()
        command = LAUNCH.replace("BLOCKED", repr(tuple(blocked)))
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
