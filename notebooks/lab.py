"""JupyterLab in this folder with a local Engee behind it, both ended together: `make lab`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from demo import local_environment

from engee_kernel.emulator.process import LocalEngee, LocalEngeeError

FOLDER = Path(__file__).resolve().parent
END_LIMIT_S = 20


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engee = LocalEngee()
    try:
        print("Starting the local Engee …", flush=True)
        engee.start()
        print(f"It answers at {engee.url}. Ctrl-C here ends it and JupyterLab.", flush=True)
        return run_lab(local_environment(engee, FOLDER.parent / "build" / "jupyter"))
    except LocalEngeeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        engee.close()


def run_lab(environment: dict[str, str]) -> int:
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.answer_yes=True", f"--ServerApp.root_dir={FOLDER}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # in a container
    lab = subprocess.Popen([*command, str(FOLDER / "quickstart.ipynb"), *sys.argv[1:]], env=environment)
    try:
        return lab.wait()
    except KeyboardInterrupt:
        # the terminal sent it to JupyterLab too, which now ends its kernels
        return ended(lab)
    finally:
        if lab.poll() is None:
            lab.terminate()
            ended(lab)


def ended(lab: subprocess.Popen[bytes]) -> int:
    """Its exit code, after a kill if it does not end by itself."""
    try:
        return lab.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        lab.kill()
        return lab.wait()


if __name__ == "__main__":
    sys.exit(main())
