"""What another user of the machine hears of a kernel: with encryption, nothing."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from frontend import Frontend
from stranger import stranger_at

from engee_kernel.emulator.process import LocalEngee

WARNING = "without encryption"
SECRET = "наш секрет"


def environment_for(engee: LocalEngee) -> dict[str, str]:
    return {"ENGEE_URL": engee.url, "ENGEE_TOKEN": engee.token}


def stranger(kernel: Frontend, *, curve: bool = False) -> AbstractContextManager[list[bytes]]:
    return stranger_at(kernel.manager.iopub_port, curve=curve)


def works(kernel: Frontend) -> None:
    """Cells, jobs, prompts, interrupts and questions."""
    assert kernel.run(f'println("{SECRET}"); 6 * 7', timeout_s=120).result == "42"
    assert kernel.run("%%job\n6 * 9").result == "54"
    kernel.on_input = lambda content: SECRET
    assert kernel.run('print("? "); readline()', allow_stdin=True).result == f'"{SECRET}"'
    assert "println" in kernel.ask("complete_request", code="printl", cursor_pos=6).content["matches"]
    cell = kernel.send("sleep(60)")
    kernel.pause(1)
    kernel.interrupt()
    assert kernel.finish(cell, 30).status == "error"
    assert kernel.manager.is_alive()


def test_with_encryption_a_stranger_hears_nothing(tmp_path: Path, local_engee: LocalEngee) -> None:
    with Frontend(tmp_path, environment_for(local_engee), transport_encryption="required") as kernel:
        assert kernel.manager.curve_secretkey
        with stranger(kernel) as plain, stranger(kernel, curve=True) as curve:
            works(kernel)
        assert plain == [] and curve == []
        assert WARNING not in kernel.log
        kernel.manager.restart_kernel(env=kernel.environment)
        kernel.channels.wait_for_ready(timeout=60)
        with stranger(kernel) as plain:
            assert kernel.run(f'println("{SECRET}")').text() == f"{SECRET}\n"
        assert plain == []


def test_without_it_a_stranger_hears_all_and_the_log_says_so(tmp_path: Path, local_engee: LocalEngee) -> None:
    with Frontend(tmp_path, environment_for(local_engee)) as kernel:
        with stranger(kernel) as heard:
            kernel.run(f'println("{SECRET}")', timeout_s=120)
        assert any(SECRET.encode() in one for one in heard)
        assert WARNING in kernel.log


@pytest.mark.skipif(sys.platform == "win32", reason="Jupyter has no such transport on Windows")
@pytest.mark.parametrize("encryption", ["disabled", "required"])
def test_over_sockets_that_are_files(tmp_path: Path, local_engee: LocalEngee, encryption: str) -> None:
    options = {"transport": "ipc", "transport_encryption": encryption}
    with Frontend(tmp_path, environment_for(local_engee), **options) as kernel:
        assert Path(f"{kernel.manager.ip}-{kernel.manager.iopub_port}").is_socket()
        works(kernel)
        assert WARNING not in kernel.log
