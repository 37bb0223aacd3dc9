"""`engee-kernel install` and `uninstall`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from engee_kernel.jupyter import kernelspec

from .conftest import CHECKOUT, Run


def read_spec(prefix: Path, name: str = "engee") -> dict[str, Any]:
    folder = prefix / "share" / "jupyter" / "kernels" / name
    spec: dict[str, Any] = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    return spec


def test_the_packaged_kernelspec_starts_the_kernel_in_any_environment() -> None:
    spec = json.loads((CHECKOUT / "kernelspec" / "kernel.json").read_text(encoding="utf-8"))
    assert spec["argv"] == ["python", "-m", "engee_kernel", "-f", "{connection_file}"]
    assert (spec["display_name"], spec["language"], spec["interrupt_mode"]) == ("Engee (Julia)", "julia", "message")
    assert spec["metadata"] == {"debugger": False, "supported_encryption": ["curve"]}


@pytest.mark.parametrize("side", [32, 64])
def test_logos_have_the_size_of_their_name(side: int) -> None:
    data = (kernelspec.source_folder() / f"logo-{side}x{side}.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) == (side, side)


def test_install_names_this_python_and_brings_the_logos(engee_kernel: Run, tmp_path: Path) -> None:
    done = engee_kernel("install", "--prefix", str(tmp_path / "папка с пробелом"))
    assert (done.returncode, done.stderr) == (0, "")
    spec = read_spec(tmp_path / "папка с пробелом")
    assert spec["argv"] == [sys.executable, "-m", "engee_kernel", "-f", "{connection_file}"]
    assert spec["interrupt_mode"] == "message"
    folder = tmp_path / "папка с пробелом" / "share" / "jupyter" / "kernels" / "engee"
    assert {path.name for path in folder.iterdir()} == {
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    }
    assert str(folder) in done.stdout


def test_install_is_for_the_person_by_default(engee_kernel: Run, jupyter_environment: dict[str, str]) -> None:
    assert engee_kernel("install").returncode == 0
    folder = Path(jupyter_environment["JUPYTER_DATA_DIR"], "kernels", "engee")
    assert folder.is_dir()
    assert engee_kernel("uninstall").returncode == 0
    assert not folder.exists()


def test_names_and_variables(engee_kernel: Run, tmp_path: Path) -> None:
    words = ["--prefix", str(tmp_path), "--name", "Engee-Plant", "--display-name", "Энги (цех)"]
    done = engee_kernel("install", *words, "--env", "ENGEE_MODE=plain", "--env", "X=a=b")
    assert done.returncode == 0, done.stderr
    spec = read_spec(tmp_path, "engee-plant")
    assert (spec["display_name"], spec["env"]) == ("Энги (цех)", {"ENGEE_MODE": "plain", "X": "a=b"})
    done = engee_kernel("install", "--prefix", str(tmp_path), "--name", "second")
    assert read_spec(tmp_path, "second")["display_name"] == "Engee (Julia) – second"


def test_installing_again_replaces(engee_kernel: Run, tmp_path: Path) -> None:
    assert engee_kernel("install", "--prefix", str(tmp_path), "--env", "A=1").returncode == 0
    assert engee_kernel("install", "--prefix", str(tmp_path)).returncode == 0
    assert "env" not in read_spec(tmp_path)


@pytest.mark.parametrize("variable", ["ENGEE_TOKEN", "engee_token", "ENGEE_CLIENT_SECRET", "PROXY_PASSWORD"])
def test_secrets_are_refused(engee_kernel: Run, tmp_path: Path, variable: str) -> None:
    done = engee_kernel("install", "--prefix", str(tmp_path), "--env", f"{variable}=pat-1234567890")
    assert done.returncode == 2
    assert f"{variable} was not written" in done.stderr
    assert "pat-1234567890" not in done.stderr + done.stdout
    assert not list(tmp_path.rglob("kernel.json"))


def test_a_token_in_place_of_a_variable_is_not_repeated(engee_kernel: Run, tmp_path: Path) -> None:
    done = engee_kernel("install", "--prefix", str(tmp_path), "--env", "pat-1234567890")
    assert done.returncode == 2
    assert "pat-1234567890" not in done.stderr


def test_a_setting_is_checked_before_it_is_written(engee_kernel: Run, tmp_path: Path) -> None:
    done = engee_kernel("install", "--prefix", str(tmp_path), "--env", "ENGEE_MODE=quick")
    assert done.returncode == 1
    assert "quick" in done.stderr and "plain" in done.stderr
    assert not list(tmp_path.rglob("kernel.json"))


def test_bad_names_are_refused(engee_kernel: Run, tmp_path: Path) -> None:
    done = engee_kernel("install", "--prefix", str(tmp_path), "--name", "a b")
    assert done.returncode == 2
    assert "a b" in done.stderr


def test_another_kernels_entry_is_left_alone(engee_kernel: Run, tmp_path: Path) -> None:
    folder = tmp_path / "share" / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    foreign = json.dumps({"argv": ["python", "-m", "ipykernel_launcher"], "display_name": "P", "language": "python"})
    (folder / "kernel.json").write_text(foreign, encoding="utf-8")
    for command in ("install", "uninstall"):
        assert engee_kernel(command, "--prefix", str(tmp_path), "--name", "python3").returncode == 2
    assert (folder / "kernel.json").read_text(encoding="utf-8") == foreign


def test_uninstall_removes_that_one_only(engee_kernel: Run, tmp_path: Path) -> None:
    for name in ("engee", "engee-2"):
        assert engee_kernel("install", "--prefix", str(tmp_path), "--name", name).returncode == 0
    assert engee_kernel("uninstall", "--prefix", str(tmp_path), "--name", "engee-2").returncode == 0
    assert [path.name for path in (tmp_path / "share" / "jupyter" / "kernels").iterdir()] == ["engee"]


def test_uninstalling_nothing_says_where_it_looked(engee_kernel: Run, tmp_path: Path) -> None:
    done = engee_kernel("uninstall", "--prefix", str(tmp_path), "--name", "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr and str(tmp_path) in done.stderr


def test_a_place_that_can_not_be_written_is_an_error_with_a_way_out(engee_kernel: Run, tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file where a folder should be", encoding="utf-8")
    done = engee_kernel("install", "--prefix", str(tmp_path))
    assert done.returncode == 1
    assert "--user" in done.stderr
    assert "Traceback" not in done.stderr
