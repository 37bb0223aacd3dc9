"""What is known and begun before a kernel's Python is loaded: the settings, and the agent's head start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from traitlets.config import Config

from ..facts.errors import EngeeError, SettingError
from ..household.configfiles import SECTION, read_config_files
from ..household.settings import EngeeSettings

if TYPE_CHECKING:
    from ..cells.headstart import HeadStart


@dataclass(frozen=True)
class Early:
    """`trouble`: what is wrong in a config file."""

    files: Config
    trouble: SettingError | None
    head_start: HeadStart | None


def begin(arguments: Sequence[str]) -> Early:
    """Read the config files, and begin with the agent's installation. `arguments`: of the command line."""
    try:
        files = read_config_files()
    except SettingError as error:
        return Early(Config(), error, None)
    # the application reads what the command line sets; a front end's has nothing of ours
    of_command_line = any(SECTION in argument for argument in arguments)
    return Early(files, None, None if of_command_line else _head_start(files))


def _head_start(files: Config) -> HeadStart | None:
    # loaded behind `leave_out_httpx_command`
    from ..api.client import EngeeClient  # noqa: PLC0415
    from ..cells.headstart import HeadStart  # noqa: PLC0415

    try:
        settings = EngeeSettings(config=files)
        if settings.mode != "agent":
            return None
        return HeadStart(lambda tell: EngeeClient(settings.url, settings.tokens(tell)), settings.options())
    except EngeeError:
        return None  # the application says it
