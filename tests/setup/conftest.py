from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
CHECKOUT = Path(__file__).parent.parent.parent


@pytest.fixture
def jupyter_environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which Jupyter knows nothing of the person's folders, and Engee's settings are unset."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ENGEE_", "JUPYTER_", "IPYTHON")) or name == "ENGEE_JULIA"
    }
    folders = {"JUPYTER_DATA_DIR": "data", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime"}
    return {**kept, **{name: str(tmp_path / "jupyter" / folder) for name, folder in folders.items()}}


@pytest.fixture
def engee_kernel(jupyter_environment: dict[str, str]) -> Run:
    """`engee_kernel("install", "--user")` runs the command line in a process of its own."""

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "import sys; from engee_kernel.cli import main; sys.exit(main())", *words],
            env={**jupyter_environment, **variables},
            capture_output=True,
            encoding="utf-8",
            errors="strict",
            timeout=60,
            check=False,
        )

    return run
