"""engee_kernel_config.py of Jupyter's configuration folders: what they set, which of them, and what is wrong in one."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from jupyter_core.paths import jupyter_config_path
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from ..account import private
from ..facts.errors import SettingError

CONFIG_FILE = "engee_kernel_config.py"
SECTION = "EngeeSettings"
ORIGINS = "EngeeConfigFiles"
"""A section beside the settings': `origins`, which file each of them is from, and `url`, the address in the files."""


def read_config_files() -> Config:
    """All of them as one, the person's own last. Raises SettingError."""
    config = Config()
    origins: dict[str, str] = {}
    for folder in reversed(jupyter_config_path()):
        path = Path(folder, CONFIG_FILE)
        if not path.is_file():
            continue
        found = _read(path)
        origins |= dict.fromkeys(found.get(SECTION, {}), str(path))
        config.merge(found)
    config[ORIGINS] = Config({"origins": origins, "url": str(config.get(SECTION, {}).get("url", ""))})
    return config


def origins_in(config: Config) -> tuple[dict[str, str], str]:
    """The file of each setting that a file sets; the address that files name, "" for none."""
    section = config.get(ORIGINS, {})
    return dict(section.get("origins", {})), str(section.get("url", ""))


def forget_origins(config: Config, names: list[str]) -> None:
    """These are set by something nearer than a file."""
    origins, url = origins_in(config)
    left = {name: path for name, path in origins.items() if name not in names}
    config[ORIGINS] = Config({"origins": left, "url": url})


def _read(path: Path) -> Config:
    try:
        return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
    except OSError as error:
        if error.filename is not None and Path(error.filename) == path:
            raise SettingError(
                f"{path} can't be read: {error.strerror}.", whom_to_ask(path, "let you read it")
            ) from error
        raise _broken(path, error) from error
    except Exception as error:  # the file is Python, the person's own or an administrator's: anything may come of it
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> SettingError:
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(path) else _line_of(path, error)
    where = f"{path}, line {line}" if line else str(path)
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return SettingError(f"{where}, can't be used: {type(error).__name__}: {said}", whom_to_ask(path, "mend it"))


def _line_of(path: Path, error: Exception) -> int | None:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return frames[-1].lineno if frames else None


def whom_to_ask(path: Path, favour: str) -> str:
    """What to do about a file, for its owner and for others."""
    if sys.platform == "win32":
        return f"Ask whoever looks after this computer to {favour}, if the file is not your own."
    if private.is_foreign(path):
        return f"Ask {private.owner(path.stat().st_uid)}, whom the file belongs to, to {favour}."
    return "Mend the file, and restart the kernel."
