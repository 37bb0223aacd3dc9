"""What a person gets from `pip install engee-kernel`, in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engee_kernel.facts.version import __version__

from .conftest import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

START_THE_KERNEL = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="engee", startup_timeout=60)
try:
    reply = client.kernel_info(reply=True, timeout=60)
    print(reply["content"]["implementation"])
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


def call(*words: str | Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=500,
        check=False,
    )


@pytest.fixture
def environment(jupyter_environment: dict[str, str]) -> dict[str, str]:
    return {name: v for name, v in jupyter_environment.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def fresh_python(folder: Path, environment: dict[str, str], *more: str) -> Path:
    """The Python of a new environment into which the wheel was installed, and `more`."""
    built = call(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, CHECKOUT, environment=environment)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("engee_kernel-*.whl")
    assert call(sys.executable, "-m", "venv", folder / "fresh", environment=environment).returncode == 0
    python = folder / "fresh" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = call(python, "-m", "pip", "install", "--quiet", wheel, *more, environment=environment)
    assert installed.returncode == 0, installed.stderr
    return python


def test_the_wheel_brings_the_extension_of_jupyterlab_and_of_its_server(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    python = fresh_python(tmp_path, environment, "jupyterlab>=4.2")
    labs = call(python, "-m", "jupyter", "labextension", "list", environment=environment)
    said = re.sub(r"\x1b\[[0-9;]*m", "", labs.stdout + labs.stderr)
    assert re.search(rf"engee-kernel v{re.escape(__version__)} +enabled +OK", said), said
    servers = call(python, "-m", "jupyter", "server", "extension", "list", environment=environment)
    said = re.sub(r"\x1b\[[0-9;]*m", "", servers.stdout + servers.stderr)
    assert re.search(r"engee_kernel\.jupyter\.serverextension +enabled", said), said
    assert re.search(r"engee_kernel\.jupyter\.serverextension .*OK", said), said

    folder = tmp_path / "fresh" / "share" / "jupyter" / "labextensions" / "engee-kernel"
    package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    load = package["jupyterlab"]["_build"]["load"]
    assert __version__ in load, "browsers keep what they know by its name"
    assert {path.name for path in folder.glob("static/*")} == {
        Path(load).name,
        "controls.js",
        "output.js",
        "scripts.js",
    }


def test_the_wheel_alone_makes_the_kernel_appear(tmp_path: Path, environment: dict[str, str]) -> None:
    python = fresh_python(tmp_path, environment)

    listed = call(python, "-m", "jupyter_client.kernelspecapp", "list", "--json", environment=environment)
    entry = json.loads(listed.stdout)["kernelspecs"]["engee"]
    assert entry["spec"]["display_name"] == "Engee (Julia)"
    assert Path(entry["resource_dir"]) == tmp_path / "fresh" / "share" / "jupyter" / "kernels" / "engee"
    assert (Path(entry["resource_dir"]) / "logo-svg.svg").exists()

    (wheel,) = tmp_path.glob("engee_kernel-*.whl")
    extra = call(python, "-m", "pip", "install", "--quiet", f"{wheel}[widgets]", environment=environment)
    assert extra.returncode == 0, extra.stderr
    shows = call(python, "-c", "import engee_kernel.controls.panel", environment=environment)
    assert shows.returncode == 0, shows.stderr
    # what JupyterLab shows them with
    assert list((tmp_path / "fresh" / "share" / "jupyter" / "labextensions").glob("*/jupyterlab-manager"))

    started = call(python, "-c", START_THE_KERNEL, environment=environment)
    assert started.stdout.strip() == "engee_kernel", started.stderr

    command = ["-c", "import sys; from engee_kernel.cli import main; sys.exit(main())"]
    own = call(python, *command, "install", "--prefix", tmp_path / "own", environment=environment)
    assert own.returncode == 0, own.stderr
    spec = json.loads((tmp_path / "own/share/jupyter/kernels/engee/kernel.json").read_text(encoding="utf-8"))
    assert spec["argv"][0] == str(python)
    assert (tmp_path / "own/share/jupyter/kernels/engee/logo-64x64.png").exists()

    # the local Engee is an extra that was not asked for
    emulator = call(python, *command, "emulator", environment=environment)
    assert emulator.returncode == 1
    assert 'pip install "engee-kernel[emulator]"' in emulator.stderr
    assert "Traceback" not in emulator.stderr
