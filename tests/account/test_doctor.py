"""`engee-kernel doctor`, with Engee well, ill and away."""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import pytest
from person import Profile

from engee_kernel import __version__
from engee_kernel.emulator.process import LocalEngee


@pytest.fixture
def installed(profile: Profile) -> Profile:
    """With a kernelspec of its own."""
    profile.environment["JUPYTER_DATA_DIR"] = str(profile.folder.with_name("jupyter-data"))
    profile.environment["JUPYTER_PREFER_ENV_PATH"] = "0"
    assert profile.run("install").returncode == 0
    return profile


def levels(profile: Profile, *words: str, **variables: str) -> tuple[int, dict[str, dict[str, Any]]]:
    done = profile.run("doctor", "--json", *words, **variables)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is (done.returncode == 0)
    for check in report["checks"]:
        assert check["level"] in ("ok", "skip") or check["hint"], f"{check} does not say what to do"
    return done.returncode, {check["check"]: check for check in report["checks"]}


def test_all_is_well(installed: Profile, local_engee: LocalEngee) -> None:
    installed.at(local_engee).log_in(local_engee.token)
    code, checks = levels(installed)
    assert code == 0
    assert {name for name, check in checks.items() if check["level"] not in ("ok", "skip")} == set()
    assert {"interpreter", "kernelspec engee", "address", "proxy", "clock", "token", "account", "server"} < set(checks)
    assert "1.5" in checks["agent"]["text"] or "Julia" in checks["agent"]["text"]
    assert checks["jobs"]["level"] == checks["eval"]["level"] == "ok"
    assert sys.executable in checks["kernelspec engee"]["text"]
    assert __version__ in checks["versions"]["text"]
    text = installed.run("doctor").stdout
    assert "ok    eval: Julia answers" in text and "fail" not in text


def test_without_a_token(installed: Profile, local_engee: LocalEngee) -> None:
    code, checks = levels(installed.at(local_engee))
    assert code == 1
    assert checks["connection"]["level"] == "ok"
    assert checks["token"]["level"] == "fail" and "engee-kernel login" in checks["token"]["hint"]
    assert checks["eval"]["level"] == "skip"


def test_with_a_bad_token(installed: Profile, local_engee: LocalEngee) -> None:
    installed.secrets.append("no-such-token")
    code, checks = levels(installed.at(local_engee), ENGEE_TOKEN="no-such-token")
    assert code == 1
    assert checks["account"]["level"] == "fail" and "expired" in checks["account"]["hint"]


def test_with_a_young_token(installed: Profile, local_engee: LocalEngee) -> None:
    young = local_engee.make_token()["token"]
    installed.secrets.append(young)
    code, checks = levels(installed.at(local_engee), ENGEE_TOKEN=young)
    assert code == 1
    assert checks["account"]["level"] == "ok"
    assert checks["eval"]["level"] == "fail" and "engee-kernel stop" in checks["eval"]["hint"]


def test_a_stopped_server_is_left_alone_unless_asked(installed: Profile, local_engee: LocalEngee) -> None:
    installed.at(local_engee).log_in(local_engee.token)
    assert installed.run("stop").returncode == 0
    code, checks = levels(installed)
    assert code == 0
    assert checks["server"]["level"] == "warn" and "stopped" in checks["server"]["text"]
    assert checks["eval"]["level"] == "skip" and "--start" in checks["eval"]["text"]
    assert local_engee.julia_pid() is None
    code, checks = levels(installed, "--start")
    assert (code, checks["jobs"]["level"]) == (0, "ok")


def test_an_engee_that_is_away(installed: Profile) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        code, checks = levels(installed, "--url", f"http://127.0.0.1:{unused.getsockname()[1]}")
    assert code == 1
    assert checks["connection"]["level"] == "fail"
    assert checks["token"]["level"] == "skip"


@pytest.mark.parametrize("url", ["https://no-such-host.invalid", "http://engee.example", "engee.com", "https://u:p@h"])
def test_bad_addresses_are_named(installed: Profile, url: str) -> None:
    code, checks = levels(installed, "--url", url)
    assert code == 1
    assert "fail" in (checks["address"]["level"], checks.get("name", {}).get("level"))


def test_an_agent_that_can_not_be_installed_is_a_warning(installed: Profile, local_engee: LocalEngee) -> None:
    installed.at(local_engee).log_in(local_engee.token)
    local_engee.configure(code_limit_bytes=300)
    code, checks = levels(installed)
    assert code == 0
    assert checks["agent"]["level"] == "warn" and "plain mode" in checks["agent"]["hint"]


def test_a_bad_setting_and_a_broken_config_file_are_named(installed: Profile, local_engee: LocalEngee) -> None:
    code, checks = levels(installed.at(local_engee), ENGEE_MODE="fast")
    assert code == 1
    assert "agent or plain" in checks["settings"]["text"] and "ENGEE_MODE" in checks["settings"]["text"]
    folder = installed.folder.with_name("jupyter")
    folder.mkdir(exist_ok=True)
    (folder / "engee_kernel_config.py").write_text("c.EngeeSettings.mode = (", encoding="utf-8")
    code, checks = levels(installed)
    assert code == 1
    assert "engee_kernel_config.py" in checks["settings"]["text"]


def test_a_kernelspec_of_a_python_that_is_gone(installed: Profile, local_engee: LocalEngee) -> None:
    spec = installed.folder.with_name("jupyter-data") / "kernels" / "engee" / "kernel.json"
    fields = json.loads(spec.read_text(encoding="utf-8"))
    fields["argv"][0] = str(installed.folder / "gone" / "python")
    spec.write_text(json.dumps(fields), encoding="utf-8")
    code, checks = levels(installed.at(local_engee))
    assert code == 1
    assert "does not exist" in checks["kernelspec engee"]["text"]
    assert "engee-kernel install" in checks["kernelspec engee"]["hint"]


def test_a_state_that_nobody_knows(installed: Profile, local_engee: LocalEngee) -> None:
    """It is shown, nothing is started for it, and the checks go on: code may run all the same."""
    installed.at(local_engee).log_in(local_engee.token)
    local_engee.configure(status_word="hibernating")
    code, checks = levels(installed, "--start")
    assert code == 0
    assert checks["server"]["level"] == "warn" and "“hibernating”" in checks["server"]["text"]
    assert "starts it" not in checks["server"]["hint"]
    assert checks["eval"]["level"] == checks["jobs"]["level"] == "ok"
    assert "hibernating" in installed.run("status").stdout
    local_engee.configure(status_word=None)
