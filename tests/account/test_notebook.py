"""%login, %logout and %config in a kernel, as a front end sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from frontend import Cell, Frontend
from person import consent, oauth_variables

from engee_kernel.emulator.process import LocalEngee

Start = Callable[..., Frontend]


@pytest.fixture
def start(tmp_path: Path, local_engee: LocalEngee) -> Iterator[Start]:
    """A kernel without a token; what came from it is searched for the token in the end."""
    kernels: list[Frontend] = []

    def begin(**variables: str) -> Frontend:
        fixed = {"ENGEE_URL": local_engee.url, "ENGEE_DATA_FOLDER": str(tmp_path / "profile")}
        kernels.append(Frontend(tmp_path / f"kernel-{len(kernels)}", fixed | variables))
        return kernels[-1].start()

    yield begin
    for kernel in kernels:
        kernel.end()
        for text in kernel.texts():
            assert local_engee.token not in text


def plain_text(cell: Cell) -> str:
    return "\n".join(content["data"]["text/plain"] for content in cell.of("display_data"))


def test_login_and_logout(start: Start, local_engee: LocalEngee, tmp_path: Path) -> None:
    kernel = start()
    without = kernel.run("1 + 1")
    assert without.error["ename"] == "MissingTokenError"
    assert "%login" in without.traceback
    prompts: list[dict[str, Any]] = []

    def answer(content: dict[str, Any]) -> str:
        prompts.append(content)
        return local_engee.token

    kernel.on_input = answer
    login = kernel.run("%login", allow_stdin=True)
    assert login.status == "ok", login.traceback
    assert "demo" in plain_text(login)
    assert [content["password"] for content in prompts] == [True]
    assert kernel.value("1 + 1") == "2"
    assert (tmp_path / "profile" / "tokens.json").exists()
    assert "Removed from" in plain_text(kernel.run("%logout"))
    assert kernel.run("1 + 1").error["ename"] == "MissingTokenError"


@pytest.mark.parametrize(("typed", "expected"), [("nonsense", "does not accept"), ("", "nothing was stored")])
def test_what_is_no_token_is_not_stored(start: Start, tmp_path: Path, typed: str, expected: str) -> None:
    kernel = start()
    kernel.on_input = lambda content: typed
    assert expected in kernel.run("%login", allow_stdin=True).traceback
    assert not (tmp_path / "profile" / "tokens.json").exists()


def test_a_front_end_without_input_is_told_of_the_command_line(start: Start) -> None:
    assert "engee-kernel login" in start().run("%login").traceback


def test_a_stale_token_is_left_with_a_remark(start: Start, local_engee: LocalEngee, tmp_path: Path) -> None:
    kernel = start(ENGEE_TOKEN="stale-token")
    assert "TokenRejectedError" in kernel.run("1").error["ename"]
    kernel.on_input = lambda content: local_engee.token
    login = kernel.run("%login", allow_stdin=True)
    assert "ENGEE_TOKEN is set too" in login.text("stderr")
    cell = kernel.run("1 + 1")
    assert cell.result == "2"
    later = kernel.run("2 + 2")
    assert later.result == "4"
    said = cell.text("stderr") + later.text("stderr")
    assert said.count("Engee refused the token from ENGEE_TOKEN") == 1


# Settings


def test_config_shows_explains_and_sets(start: Start, local_engee: LocalEngee) -> None:
    kernel = start(ENGEE_TOKEN=local_engee.token, ENGEE_POLL_WAIT_S="7.5")
    shown = kernel.run("%config")
    assert "text/html" in shown.of("display_data")[0]["data"]
    rows = {line.split()[0]: line for line in plain_text(shown).splitlines()}
    assert "********" in rows["token"] and "ENGEE_TOKEN" in rows["token"]
    assert "7.5" in rows["poll_wait_s"] and "ENGEE_POLL_WAIT_S" in rows["poll_wait_s"]
    assert "default" in rows["keep_alive"]
    explained = plain_text(kernel.run("%config mode"))
    assert "agent or plain" in explained and "c.EngeeSettings.mode" in explained
    assert kernel.run("%config mode = plain").status == "ok"
    assert "%config" in plain_text(kernel.run("%config mode"))
    assert kernel.value("1 + 1") == "2"
    assert "mode = agent" in plain_text(kernel.run('%config mode = "agent"'))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%config modde", "Did you mean mode"),
        ("%config mode = fast", "agent or plain"),
        ("%config poll_wait_s = soon", "a number, at least 0.5"),
        ("%config poll_wait_s = 0", "a number, at least 0.5"),
        ("%config auto_start = perhaps", "True or False"),
        ("%config token = pasted-secret", "%login"),
        ("%config oauth_client_secret = pasted-secret", "ENGEE_OAUTH_CLIENT_SECRET"),
        ("%config mode plain", "“=” is missing"),
        ("%config mode =", "a value is missing"),
        ("%config = plain", "a name is missing"),
    ],
)
def test_mistakes_in_config_are_explained(shared: Frontend, line: str, expected: str) -> None:
    cell = shared.run(line)
    assert cell.status == "error"
    assert expected in cell.traceback
    assert "pasted-secret" not in cell.traceback


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%config po", ["poll_wait_s"]),
        ("%config mode = ", ["agent", "plain"]),
        ("%config workspace = n", ["notebook"]),
        ("%config auto_start = T", ["True"]),
        ("%engee re", ["restart"]),
    ],
)
def test_names_and_values_are_completed(shared: Frontend, line: str, expected: list[str]) -> None:
    reply = shared.ask("complete_request", code=line, cursor_pos=len(line)).content
    assert reply["matches"] == expected


@pytest.fixture(scope="module")
def shared(shared_local_engee: LocalEngee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontend]:
    shared_local_engee.reset()  # this runs before `local_engee` does, on what another module's last test has left
    environment = {"ENGEE_URL": shared_local_engee.url, "ENGEE_TOKEN": shared_local_engee.token}
    with Frontend(tmp_path_factory.mktemp("shared"), environment) as kernel:
        yield kernel


def test_a_reconnect_keeps_the_notebooks_own_variables(start: Start, local_engee: LocalEngee) -> None:
    kernel = start(ENGEE_TOKEN=local_engee.token, ENGEE_WORKSPACE="notebook")
    kernel.run("kept = 17;")
    assert kernel.run("%config poll_wait_s = 5").status == "ok"
    assert kernel.value("kept") == "17"
    changed = kernel.run("%config workspace = main")
    assert "another module" in changed.text("stderr")
    assert kernel.run("kept").error["ename"] == "UndefVarError"


def test_the_config_file_is_read(start: Start, local_engee: LocalEngee, tmp_path: Path) -> None:
    folder = tmp_path / "jupyter"
    folder.mkdir()
    text = f"c.EngeeSettings.token = {local_engee.token!r}\nc.EngeeSettings.mode = 'plain'\n"
    (folder / "engee_kernel_config.py").write_text(text, encoding="utf-8")
    kernel = start(JUPYTER_CONFIG_DIR=str(folder))
    assert kernel.value("1 + 1") == "2"
    assert str(folder / "engee_kernel_config.py") in plain_text(kernel.run("%config mode"))
    listing = plain_text(kernel.run("%config"))
    assert "********" in listing and json.dumps(local_engee.token) not in listing


def test_the_kernels_environment_goes_before_the_config_file(
    start: Start, local_engee: LocalEngee, tmp_path: Path
) -> None:
    folder = tmp_path / "jupyter"
    folder.mkdir()
    text = "c.EngeeSettings.url = 'https://other.invalid'\nc.EngeeSettings.token = 'token-for-the-other'\n"
    (folder / "engee_kernel_config.py").write_text(text, encoding="utf-8")
    kernel = start(JUPYTER_CONFIG_DIR=str(folder), ENGEE_TOKEN=local_engee.token)
    assert kernel.value("1 + 1") == "2"
    assert "ENGEE_URL" in plain_text(kernel.run("%config url"))
    assert all(request.get("token") != "token-for-the-other" for request in local_engee.requests())
    assert "token-for-the-other" not in str(local_engee.requests())


@pytest.mark.parametrize("text", ["\n1 / 0\n", "\nc.EngeeSettings.mode = 'fast'\n", "\nc.EngeeSettings.mode = (\n"])
def test_a_broken_config_file_is_named_by_every_magic(start: Start, tmp_path: Path, text: str) -> None:
    folder = tmp_path / "jupyter"
    folder.mkdir()
    path = folder / "engee_kernel_config.py"
    path.write_text(text, encoding="utf-8")
    kernel = start(JUPYTER_CONFIG_DIR=str(folder))
    kernel.on_input = lambda content: pytest.fail("nothing is asked for")
    for line in ("%config", "%config mode", "%config mode = plain", "%login", "%logout", "%engee", "%jobs", "%ls", "1"):
        cell = kernel.run(line, allow_stdin=True)
        assert cell.error["ename"] == "SettingError", (line, cell.traceback)
        assert str(path) in cell.error["evalue"], line
    for code in ("%config mo", "%jobs attach ", "%upload /user/", "sqr"):
        assert kernel.ask("complete_request", code=code, cursor_pos=len(code)).content["status"] == "ok"
    assert "%ls" in plain_text(kernel.run("%lsmagic"))


def test_login_through_a_browser_elsewhere(start: Start, local_engee: LocalEngee, tmp_path: Path) -> None:
    kernel = start(**oauth_variables(local_engee))

    def login_text() -> str:
        return "\n".join(text.replace("\\n", "\n") for text in kernel.texts())

    def answer(content: dict[str, Any]) -> str:
        prompts.append(content)
        if len(prompts) == 1:
            return "https://engee.com/account"
        (address,) = {word for word in login_text().split() if "/authorize" in word}
        return consent(address)

    prompts: list[dict[str, Any]] = []
    kernel.on_input = answer
    login = kernel.run("%login --oauth", allow_stdin=True)
    assert login.status == "ok", login.traceback
    assert "demo" in plain_text(login)
    assert "paste it here" in login.text("stderr")
    assert "not the address that the browser ended at" in login.text("stderr")
    assert [content["password"] for content in prompts] == [True, True]
    assert kernel.value("1 + 1") == "2"
