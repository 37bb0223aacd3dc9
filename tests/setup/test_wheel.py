"""What a person gets from `pip install engee-kernel`, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_the_wheel_alone_makes_the_kernel_appear(tmp_path: Path, jupyter_environment: dict[str, str]) -> None:
    environment = {name: v for name, v in jupyter_environment.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    built = call(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, CHECKOUT, environment=environment)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("engee_kernel-*.whl")

    assert call(sys.executable, "-m", "venv", tmp_path / "fresh", environment=environment).returncode == 0
    python = tmp_path / "fresh" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = call(python, "-m", "pip", "install", "--quiet", wheel, environment=environment)
    assert installed.returncode == 0, installed.stderr

    listed = call(python, "-m", "jupyter_client.kernelspecapp", "list", "--json", environment=environment)
    entry = json.loads(listed.stdout)["kernelspecs"]["engee"]
    assert entry["spec"]["display_name"] == "Engee (Julia)"
    assert Path(entry["resource_dir"]) == tmp_path / "fresh" / "share" / "jupyter" / "kernels" / "engee"
    assert (Path(entry["resource_dir"]) / "logo-svg.svg").exists()

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
