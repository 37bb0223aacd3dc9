"""Several people, environments and Engees on one machine: which kernelspec, which setting, which folder counts."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from traitlets.config import Config

from engee_kernel.account import private
from engee_kernel.account.vaults import FileVault, VaultError
from engee_kernel.commands.install import place_of
from engee_kernel.doctor import local
from engee_kernel.facts.errors import SettingError
from engee_kernel.household.configfiles import CONFIG_FILE, forget_origins, read_config_files
from engee_kernel.household.services import Services
from engee_kernel.household.settings import EngeeSettings
from engee_kernel.jupyter import kernelspec
from engee_kernel.records.journal import Entry, Journal, JournalError

from .conftest import Run

NOBODY = 65534
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX's")
as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can make another user's files"
)


# Which kernelspec Jupyter takes


def test_install_says_which_other_kernelspec_goes_first(
    engee_kernel: Run, jupyter_environment: dict[str, str], tmp_path: Path
) -> None:
    assert engee_kernel("install").returncode == 0
    words = ["--prefix", str(tmp_path / "local"), "--env", "ENGEE_URL=https://plant.example"]
    done = engee_kernel("install", *words, JUPYTER_PREFER_ENV_PATH="0")
    assert done.returncode == 0
    first = Path(jupyter_environment["JUPYTER_DATA_DIR"], "kernels", "engee")
    assert f"goes on using the one in {first}, which it finds first, without what --env gave here" in done.stdout
    assert "engee-kernel install --user --env ENGEE_URL=https://plant.example" in done.stdout
    alone = engee_kernel("install", "--user", JUPYTER_PREFER_ENV_PATH="0")
    assert "goes on using" not in alone.stdout


def test_install_says_where_jupyter_does_not_look(engee_kernel: Run, tmp_path: Path) -> None:
    words = ["install", "--prefix", str(tmp_path / "far"), "--name", "plant"]
    done = engee_kernel(*words)
    place = tmp_path / "far" / "share" / "jupyter"
    assert f"does not look there. Start it with JUPYTER_PATH={place}" in done.stdout
    assert "does not look" not in engee_kernel(*words, JUPYTER_PATH=str(place)).stdout


@pytest.mark.parametrize("mark", ["pyvenv.cfg", "conda-meta"])
def test_install_into_another_environment_says_who_finds_it(engee_kernel: Run, tmp_path: Path, mark: str) -> None:
    """A kernel of its own environment, for the Jupyter of another one."""
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / mark).touch()
    done = engee_kernel("install", "--prefix", str(tmp_path / "hub"), "--name", "plant")
    assert f"Jupyter in {tmp_path / 'hub'} finds it there; the one in {sys.prefix} does not" in done.stdout
    assert "JUPYTER_PATH" not in done.stdout


def test_uninstall_says_what_is_left(engee_kernel: Run, tmp_path: Path) -> None:
    assert engee_kernel("install").returncode == 0
    assert engee_kernel("install", "--prefix", str(tmp_path / "local")).returncode == 0
    done = engee_kernel("uninstall", "--prefix", str(tmp_path / "local"), JUPYTER_PREFER_ENV_PATH="0")
    assert "still finds one of this name in" in done.stdout and "engee-kernel uninstall --user" in done.stdout


def test_the_place_of_a_kernelspec() -> None:
    assert place_of(Path(sys.prefix, "share", "jupyter", "kernels", "engee")) == "--sys-prefix"
    assert place_of(Path("/opt/x/share/jupyter/kernels/engee").absolute()).startswith("--prefix ")


# Interpreters that others can't start


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may enter, below those of pytest, which are its own."""
    opened = []
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o001:
            opened.append((folder, folder.stat().st_mode))
            folder.chmod(folder.stat().st_mode | 0o055)
    yield tmp_path
    for folder, mode in opened:
        folder.chmod(mode)


@posix
def test_what_keeps_others_from_a_program_is_named(open_folder: Path) -> None:
    program = open_folder / "home" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text("", encoding="utf-8")
    program.chmod(0o755)
    assert kernelspec.closed_to_others(program) == []
    (open_folder / "home").chmod(0o700)
    assert kernelspec.closed_to_others(program) == [open_folder / "home"]
    link = open_folder / "python"
    link.symlink_to(program)
    assert kernelspec.closed_to_others(link) == [open_folder / "home"]
    (open_folder / "home").chmod(0o755)
    program.chmod(0o750)
    assert kernelspec.closed_to_others(program) == [program]


@posix
def test_install_for_all_names_a_folder_that_others_may_not_enter(engee_kernel: Run, tmp_path: Path) -> None:
    package = tmp_path / "closed" / "engee_kernel"
    shutil.copytree(Path(kernelspec.__file__).parent, package)
    shutil.copytree(kernelspec.source_folder(), tmp_path / "closed" / "kernelspec")
    (tmp_path / "closed").chmod(0o700)
    done = engee_kernel("install", "--prefix", str(tmp_path / "all"), PYTHONPATH=str(tmp_path / "closed"))
    assert done.returncode == 0, done.stderr
    assert "Other users of this machine can't start it (Permission denied)" in done.stdout
    first = next(folder for folder in (*reversed(package.parents), package) if not folder.stat().st_mode & 0o001)
    assert str(first) in done.stdout
    assert "Other users" not in engee_kernel("install", PYTHONPATH=str(tmp_path / "closed")).stdout


# What doctor says of a kernelspec that names no full path


@pytest.mark.parametrize("program", ["python", "python3"])
def test_doctor_knows_that_jupyter_puts_its_own_python_in(
    program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # there is no such program
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    for place in (tmp_path / "environment" / "share" / "jupyter", tmp_path / "data"):
        folder = place / "kernels" / "engee"
        shutil.copytree(kernelspec.source_folder(), folder)
        spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
        spec["argv"][0] = program
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    own = local._kernelspec("engee", tmp_path / "environment" / "share" / "jupyter" / "kernels" / "engee")
    assert (own.level, "does not exist" in own.text) == ("ok", False)
    assert sys.executable in own.text
    other = local._kernelspec("engee", tmp_path / "data" / "kernels" / "engee")
    assert other.level == "warn"
    assert "whichever Jupyter finds it" in other.text


# Which value of a setting counts, and where it is from


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Jupyter's configuration folders of the person, and for all."""
    for name in list(os.environ):
        if name.startswith("ENGEE_"):
            monkeypatch.delenv(name)
    own, everybody = tmp_path / "own", tmp_path / "all"
    own.mkdir()
    everybody.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(own))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_CONFIG_PATH", [str(everybody)])
    monkeypatch.setattr("jupyter_core.paths.ENV_CONFIG_PATH", [])
    return own, everybody


def write(folder: Path, text: str) -> Path:
    path = folder / CONFIG_FILE
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_nearer_to_the_kernel_wins(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    own, everybody = folders
    for_all = write(everybody, 'c.EngeeSettings.url = "https://all.example"\nc.EngeeSettings.mode = "plain"')
    settings = EngeeSettings(config=read_config_files())
    assert (settings.url, settings.source("url")) == ("https://all.example", str(for_all))
    mine = write(own, 'c.EngeeSettings.url = "https://mine.example"')
    settings = EngeeSettings(config=read_config_files())
    assert (settings.url, settings.source("url")) == ("https://mine.example", str(mine))
    assert (settings.mode, settings.source("mode")) == ("plain", str(for_all))
    monkeypatch.setenv("ENGEE_URL", "https://plant.example")  # as the kernelspec has it
    settings = EngeeSettings(config=read_config_files())
    assert (settings.url, settings.source("url")) == ("https://plant.example", "ENGEE_URL")
    settings.set_from_text("url", "https://cell.example", "%config")
    assert settings.source("url") == "%config"


def test_a_value_of_the_command_line_is_before_all(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGEE_MODE", "agent")
    settings = EngeeSettings(config=Config({"EngeeSettings": {"mode": "plain"}}))
    assert (settings.mode, "command line" in settings.source("mode")) == ("plain", True)


async def test_a_files_token_is_not_sent_to_another_engee(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, everybody = folders
    path = write(everybody, 'c.EngeeSettings.url = "https://all.example"\nc.EngeeSettings.token = "token-of-all"')
    settings = EngeeSettings(config=read_config_files())
    assert settings.has_token
    assert (await settings.tokens(print).find())[1].reveal() == "token-of-all"
    settings.set_from_text("url", "https://plant.example", "--url")
    assert not settings.has_token
    assert settings.source("token") == f"{path} (not used: it is for https://all.example)"
    assert "token-of-all" not in settings.source("token") + settings.shown("token")
    monkeypatch.setenv("ENGEE_TOKEN", "token-of-the-kernel")
    settings = EngeeSettings(config=read_config_files())
    source, token = await settings.tokens(print).find()
    assert (source, token.reveal()) == ("ENGEE_TOKEN", "token-of-the-kernel")


async def test_nor_is_it_where_the_command_line_names_the_address(folders: tuple[Path, Path]) -> None:
    write(folders[1], 'c.EngeeSettings.url = "https://all.example"\nc.EngeeSettings.token = "token-of-all"')
    config = read_config_files()
    config.merge(Config({"EngeeSettings": {"url": "https://plant.example"}}))
    forget_origins(config, ["url"])
    settings = EngeeSettings(config=config)
    assert (settings.url, settings.has_token) == ("https://plant.example", False)
    settings.set_from_text("url", "no address", "%config")
    assert not settings.has_token
    assert "not used" in settings.source("token")


# Files that can't be used


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("c.EngeeSettings.mode = 'agent'\nc.EngeeSettings.url = (", "line 2"),
        ("\n\n1 / 0\n", "line 3, can't be used: ZeroDivisionError"),
        ("import no_such_module\n", "line 1, can't be used: ModuleNotFoundError"),
        ("open('/no/such/file')\n", "line 1, can't be used: FileNotFoundError"),
    ],
)
def test_a_broken_file_is_named_with_its_line(folders: tuple[Path, Path], text: str, expected: str) -> None:
    path = write(folders[1], text)
    with pytest.raises(SettingError) as caught:
        read_config_files()
    assert caught.value.message.startswith(f"{path}, line ")
    assert expected in caught.value.message
    assert "Mend the file" in caught.value.hint or sys.platform == "win32"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('c.EngeeSettings.mode = "fast"', "'fast' is not a value for mode; expected is agent or plain"),
        ('c.EngeeSettings.poll_wait_s = "long"', "'long' is not a value for poll_wait_s; expected is a number"),
        ("c.EngeeSettings.token = 12345", "is not a value for token"),
    ],
)
def test_a_value_that_can_not_be_is_named_with_its_file(folders: tuple[Path, Path], line: str, expected: str) -> None:
    path = write(folders[1], line)
    with pytest.raises(SettingError) as caught:
        EngeeSettings(config=read_config_files())
    assert caught.value.message.startswith(f"{path}:")
    assert expected in caught.value.message
    assert "12345" not in str(caught.value)


@as_root
def test_another_owners_file_says_whom_to_ask(folders: tuple[Path, Path]) -> None:
    path = write(folders[1], "1 / 0")
    os.chown(path, NOBODY, -1)
    with pytest.raises(SettingError) as caught:
        read_config_files()
    assert f"Ask {private.owner(NOBODY)}, whom the file belongs to, to mend it." in caught.value.hint


def test_a_file_that_can_not_be_read_is_named(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folders[1], "")

    def refuse(self: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("traitlets.config.loader.PyFileConfigLoader._read_file_as_dict", refuse)
    with pytest.raises(SettingError, match="can't be read: Permission denied"):
        read_config_files()


def test_every_command_says_so_before_it_asks_for_anything(
    engee_kernel: Run, jupyter_environment: dict[str, str]
) -> None:
    folder = Path(jupyter_environment["JUPYTER_CONFIG_DIR"])
    folder.mkdir(parents=True)
    path = write(folder, "1 / 0")
    for words in (
        ["config"], ["login"], ["login", "--oauth"], ["logout"], ["status"], ["start"], ["stop"], ["jobs"],
        ["upload", "missing.txt"], ["download", "missing.txt"], ["doctor"],
    ):  # fmt: skip
        done = engee_kernel(*words)
        assert f"{path}, line 1, can't be used: ZeroDivisionError" in done.stdout + done.stderr, words
        assert done.returncode == 1, words
        assert "Traceback" not in done.stderr


def test_what_magics_see_is_the_error_and_no_none() -> None:
    services = Services()
    with pytest.raises(SettingError, match="not read"):  # before there are any
        _ = services.settings.url
    services.no_settings(SettingError("broken"))
    with pytest.raises(SettingError, match="broken"):
        _ = services.settings.url


# Folders and files of others


@as_root
def test_tokens_of_another_owner_are_explained(tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "data" / "tokens.json")
    vault.write("a", "1")
    os.chown(vault.path, NOBODY, -1)
    with pytest.raises(VaultError) as caught:
        vault.read("a")
    said = str(caught.value)
    assert f"it belongs to {private.owner(NOBODY)}" in said and "ENGEE_DATA_FOLDER" in said
    assert "chmod" not in said
    with pytest.raises(VaultError, match="belongs to"):
        vault.write("a", "2")
    assert "1" in vault.path.read_text(encoding="utf-8"), "what is somebody else's is not replaced"


@posix
@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o770])
def test_a_folder_in_which_others_write_is_tightened(tmp_path: Path, mode: int) -> None:
    for folder, use in (
        (tmp_path / "data", lambda: FileVault(tmp_path / "data" / "tokens.json").write("a", "1")),
        (tmp_path / "state", lambda: Journal("n", tmp_path / "state").note(Entry("id", "s", "n", "job"))),
    ):
        folder.mkdir()
        folder.chmod(mode)
        use()
        assert folder.stat().st_mode & 0o7777 == 0o700


@posix
def test_a_folder_that_others_only_read_is_left(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    FileVault(tmp_path / "data" / "tokens.json").write("a", "1")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o755


@as_root
def test_one_data_folder_for_all_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o777)
    os.chown(folder, NOBODY, -1)
    with pytest.raises(VaultError) as caught:
        FileVault(folder / "tokens.json").write("a", "1")
    assert f"belongs to {private.owner(NOBODY)}" in str(caught.value)
    assert "name a folder of your own in ENGEE_DATA_FOLDER" in str(caught.value)
    assert list(folder.iterdir()) == []
    with pytest.raises(JournalError, match="belongs to"):
        Journal("n", folder).note(Entry("id", "s", "n", "job"))


@as_root
def test_a_refusal_says_whose_the_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, -1)
    said = private.reason_of(PermissionError(13, "Permission denied"), folder / "tokens.json")
    assert said.startswith(f"Permission denied: the folder {folder} belongs to {private.owner(NOBODY)}.")
    assert "ENGEE_DATA_FOLDER" in said
    assert private.reason_of(PermissionError(13, "Permission denied"), tmp_path / "x") == "Permission denied"
