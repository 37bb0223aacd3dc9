"""Settings: one trait each, from the config file, the command line or the environment.

Order: `%config` in the notebook, then the command line, then `engee_kernel_config.py`, then the
environment variable, then the default.
"""

from __future__ import annotations

import os
from typing import Any

from traitlets import Bool, Enum, Float, Integer, TraitError, Unicode
from traitlets.config import Configurable

from .client import DEFAULT_URL
from .credentials import Secret, clean_token
from .errors import MissingTokenError, SettingError
from .output import Options

_HOW_TO_AUTHORIZE = (
    "Make a personal access token in Engee's personal account (Communication and Security → Personal access "
    "tokens) before you start Engee, then set ENGEE_TOKEN to it and restart the kernel."
)


class EngeeSettings(Configurable):
    """c.EngeeSettings.<name> = … in engee_kernel_config.py, or ENGEE_<NAME> in the environment."""

    url = Unicode(
        DEFAULT_URL,
        help="Address of Engee's management API; another one on premises.",
    ).tag(config=True)
    token = Unicode(
        "",
        help="Personal access token. Better kept out of files: ENGEE_TOKEN.",
    ).tag(config=True, secret=True)
    mode = Enum(
        ["agent", "plain"],
        default_value="agent",
        help="agent: live output, plots, Tab, interrupts. plain: raw code through eval, the result as text.",
    ).tag(config=True)
    workspace = Enum(
        ["main", "notebook"],
        default_value="main",
        help="main: cells run in Main, shared with Engee's own windows. notebook: in a module of the notebook's own, "
        "fresh at each kernel start.",
    ).tag(config=True)
    eval_timeout_s = Float(
        Options.eval_timeout_s,
        min=1.0,
        help="Plain mode: seconds to wait for a cell's reply. A proxy in front of Engee may give up earlier.",
    ).tag(config=True)
    handoff_after_s = Float(
        Options.handoff_after_s,
        min=0.0,
        help="Seconds after which a running cell is also recorded by a job, so that its output outlives the kernel.",
    ).tag(config=True)
    reconnect_bound_s = Float(
        Options.reconnect_bound_s,
        min=0.0,
        help="Seconds to keep trying when the network fails in the middle of a cell.",
    ).tag(config=True)
    interrupt_grace_s = Float(
        Options.interrupt_grace_s,
        min=0.1,
        help="Seconds that an interrupted cell has to stop before the prompt is given back all the same.",
    ).tag(config=True)
    poll_wait_s = Float(
        Options.poll_wait_s,
        min=0.5,
        help="Longest time in seconds for which Engee may hold a request until there is output.",
    ).tag(config=True)
    output_limit_bytes = Integer(
        Options.output_limit_bytes,
        min=1024,
        help="Stream output of one cell beyond this many bytes is dropped, with a notice.",
    ).tag(config=True)
    auto_start = Bool(
        Options.auto_start,
        help="A cell on a stopped Engee server starts the server.",
    ).tag(config=True)
    start_bound_s = Float(
        Options.start_bound_s,
        min=1.0,
        help="Seconds to wait for the server to start.",
    ).tag(config=True)

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.sources: dict[str, str] = {}
        explicit = set(self.config.get(type(self).__name__, {}))
        for name in self.names():
            variable = environment_variable(name)
            if name in explicit:
                self.sources[name] = "config file or command line"
            elif variable in os.environ:
                self.set_from_text(name, os.environ[variable], variable)

    @classmethod
    def names(cls) -> list[str]:
        """All settings, in the order in which they are explained."""
        return sorted(cls.class_own_traits(config=True), key=list(vars(cls)).index)

    def set_from_text(self, name: str, text: str, source: str) -> None:
        """Set a trait from a string. Raises SettingError naming the source, the bad value and what is expected."""
        trait = self.traits().get(name)
        if trait is None or name not in self.names():
            raise SettingError(f"There is no setting “{name}”.", f"There are: {', '.join(self.names())}.")
        secret = trait.metadata.get("secret", False)
        try:
            value = text if isinstance(trait, Enum) else trait.from_string(text)
            setattr(self, name, value)
        except (TraitError, ValueError) as error:
            shown = "" if secret else f" “{text}”"
            raise SettingError(
                f"{source}:{shown} is no value for {name}; expected is {trait.info()}.", trait.help or ""
            ) from error
        self.sources[name] = source

    def secret_token(self) -> Secret:
        """Raises MissingTokenError, or SettingError for a token that can't be one."""
        if not self.token:
            raise MissingTokenError("No token for Engee is set.", _HOW_TO_AUTHORIZE)
        return clean_token(self.token, self.sources.get("token", "the setting “token”"))

    def options(self) -> Options:
        """What the I/O layer needs of them."""
        return Options(**{name: getattr(self, name) for name in Options.__dataclass_fields__})


def environment_variable(name: str) -> str:
    return f"ENGEE_{name.upper()}"
