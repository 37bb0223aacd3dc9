"""`make hub`: the Python environments of a JupyterHub, where every user of this machine may start them.

`server` has JupyterHub and this package, as an installation for all has; `plant` has this package alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from engee_kernel.jupyter.kernelspec import closed_to_others

CHECKOUT = Path(__file__).parents[2]
FOLDER = CHECKOUT / "build" / "hub"
SERVER, PLANT = FOLDER / "server", FOLDER / "plant"
PROXY = FOLDER / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
EXTRAS = {SERVER: "[hub-test]", PLANT: ""}
ASKED = (
    "import ensurepip, os, sys, venv; assert sys.version_info >= (3, 10); "
    "print(os.path.realpath(sys.executable)); print(os.path.dirname(os.__file__))"
)


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def is_open(python: str) -> bool:
    """Whether other users of this machine can start it, and it can make environments."""
    asked = subprocess.run([python, "-c", ASKED], capture_output=True, encoding="utf-8", check=False)
    return asked.returncode == 0 and not closed_to_others(Path(python), *map(Path, asked.stdout.splitlines()))


def main() -> int:
    if sys.platform == "win32":
        sys.stderr.write("NO JUPYTERHUB: it does not run on Windows.\n")
        return 0
    found = [path for path in ("/usr/bin/python3", "/usr/local/bin/python3", shutil.which("python3")) if path]
    open_to_all = [python for python in (sys.executable, *found) if Path(python).exists() and is_open(python)]
    # where there is none for all, the tests make do with one user
    base = open_to_all[0] if open_to_all else sys.executable
    for environment, extras in EXTRAS.items():
        subprocess.run([base, "-m", "venv", "--clear", str(environment)], check=True)
        install = [str(python_of(environment)), "-m", "pip", "install", "--quiet", "--editable", f"{CHECKOUT}{extras}"]
        subprocess.run(install, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
