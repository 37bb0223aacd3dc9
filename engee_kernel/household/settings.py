"""Settings: one trait each, from the config file, the command line or the environment.

What is nearer to this kernel wins: `%config` in the notebook, then the command line, then the environment variable
(also from the kernelspec's env), then `engee_kernel_config.py` (the person's own before one for all), then the default.

Tags of a trait: `secret`, its value is never shown; `reconnect`, a change takes a new connection;
`loses`, what a running notebook loses by a change.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets import Bool, Enum, Float, HasTraits, Integer, TraitError, Unicode
from traitlets.config import Config, Configurable

from ..api import wire
from ..api.credentials import STARS, Secret, origin
from ..cells.options import Options
from ..facts.errors import SettingError
from .configfiles import SECTION, origins_in, whom_to_ask

if TYPE_CHECKING:
    from ..account.oauth import OAuthClient
    from ..account.tokens import AccountTokens, Tell
    from ..records.journal import Journal

COMMAND_LINE = "command line or IPython's configuration"


class EngeeSettings(Configurable):
    """c.EngeeSettings.<name> = … in engee_kernel_config.py, or ENGEE_<NAME> in the environment."""

    url = Unicode(
        wire.DEFAULT_URL,
        help="Address of Engee's management API; another one on premises.",
    ).tag(config=True, reconnect=True, loses="Cells run in another Engee now: it has variables of its own.")
    token = Unicode(
        "",
        help="Personal access token. Better kept out of files: store it with %login or engee-kernel login, or set "
        "ENGEE_TOKEN.",
    ).tag(config=True, secret=True, reconnect=True)
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
    ).tag(config=True, loses="Cells run in another module now: variables of the earlier one are not visible in it.")
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
    ).tag(config=True, reconnect=True)
    output_limit_bytes = Integer(
        Options.output_limit_bytes,
        min=1024,
        help="Stream output of one cell beyond this many bytes is dropped, with a notice.",
    ).tag(config=True)
    loop_checkpoints = Bool(
        Options.loop_checkpoints,
        help="Loops written in a cell let output, Tab, interrupts and other notebooks through, every 20 ms at most.",
    ).tag(config=True)
    cell_threads = Enum(
        ["shared", "own", "engee"],
        default_value=Options.cell_threads,
        help="Where Julia has several threads. shared: the cells of all notebooks take turns on one of them. own: one "
        "for each notebook, at the risk that packages which are not thread-safe crash Julia. engee: the one on which "
        "Engee itself runs code.",
    ).tag(config=True, loses="Cells run in another task now: random numbers and task-local state begin anew.")
    auto_start = Bool(
        Options.auto_start,
        help="A cell on a stopped Engee server starts the server.",
    ).tag(config=True)
    start_bound_s = Float(
        Options.start_bound_s,
        min=1.0,
        help="Seconds to wait for the server to start.",
    ).tag(config=True)
    keep_alive = Bool(
        Options.keep_alive,
        help="While a cell runs, keep Engee from stopping itself for inactivity.",
    ).tag(config=True)
    image = Bool(
        Options.image,
        help="Keep the agent compiled on your disk in Engee (Julia 1.11 and 1.12), so that the first cell of the next "
        "session comes sooner.",
    ).tag(config=True, reconnect=True)
    controls = Enum(
        ["asked", "scripts", "all"],
        default_value="asked",
        help="Which cells show their masks as controls. asked: those with %%controls. scripts: also all of a script of "
        "Engee, or of a notebook that was made from one. all: all.",
    ).tag(config=True)
    stop_on_shutdown = Bool(
        False,
        help="Stop the Engee server when the kernel is shut down, if this kernel started it.",
    ).tag(config=True)
    oauth_client_id = Unicode(
        "",
        help="For engee-kernel login --oauth: the client id that Engee's developers gave to your organisation.",
    ).tag(config=True, reconnect=True)
    oauth_client_secret = Unicode(
        "",
        help="For engee-kernel login --oauth: the client secret that belongs to the client id. "
        "Better kept out of files.",
    ).tag(config=True, secret=True, reconnect=True)
    oauth_scope = Unicode(
        wire.DEFAULT_SCOPE,
        help="For engee-kernel login --oauth: what to ask access to.",
    ).tag(config=True, reconnect=True)
    oauth_redirect_uri = Unicode(
        wire.DEFAULT_REDIRECT,
        help="For engee-kernel login --oauth: the address on this machine that the browser comes back to. Without a "
        "port the system chooses one.",
    ).tag(config=True, reconnect=True)
    state_dir = Unicode(
        "",
        help="Folder of the journal of jobs, which holds no code and no output; empty: the system's own.",
    ).tag(config=True, reconnect=True)

    def __init__(self, **arguments: Any) -> None:
        """Raises SettingError."""
        try:
            super().__init__(**arguments)
        except TraitError:
            config = arguments["config"] if "config" in arguments else arguments["parent"].config
            raise bad_value(config) from None  # its own words may have a secret
        self.sources: dict[str, str] = {}
        given, self._files, self._url_of_files = self.config.get(SECTION, {}), *origins_in(self.config)
        for name in self.names():
            variable = environment_variable(name)
            if name in given and name not in self._files:
                self.sources[name] = COMMAND_LINE
            elif os.environ.get(variable) and name != "token":
                self.set_from_text(name, os.environ[variable], variable)
            elif os.environ.get(variable):
                # a source of its own beside the setting: see `engee_kernel.account.tokens`
                self.sources[name] = variable
            elif name in given:
                self.sources[name] = self._files[name]

    @classmethod
    def names(cls) -> list[str]:
        """All settings, in the order in which they are explained."""
        return sorted(cls.class_own_traits(config=True), key=list(vars(cls)).index)

    @classmethod
    def trait(cls, name: str) -> Any:
        """The setting's trait. Raises SettingError naming the nearest ones."""
        if name in cls.names():
            return cls.class_traits()[name]
        from difflib import get_close_matches  # noqa: PLC0415 - for this error only

        near = get_close_matches(name, cls.names(), n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(cls.names())}."
        raise SettingError(f"There is no setting “{name}”.", hint)

    def set_from_text(self, name: str, text: str, source: str) -> None:
        """Set a trait from a string. Raises SettingError naming the source, the bad value and what is expected."""
        trait = self.trait(name)
        try:
            value = text if isinstance(trait, Enum) else trait.from_string(text)
            setattr(self, name, value)
        except (TraitError, ValueError) as error:
            shown = "" if is_secret(name) else f" “{text}”"
            raise SettingError(
                f"{source}:{shown} is not a value for {name}; expected is {expected(name)}.", trait.help or ""
            ) from (None if is_secret(name) else error)
        self.sources[name] = source

    def shown(self, name: str) -> str:
        """The value as it may be shown."""
        if is_secret(name):
            return STARS if getattr(self, name) or name in self.sources else ""
        return str(getattr(self, name))

    def source(self, name: str) -> str:
        """Where the value comes from, for the person."""
        source = self.sources.get(name, "default")
        unused = is_secret(name) and source == self._files.get(name) and not self._secret(name)
        return f"{source} (not used: it is for {self._url_of_files})" if unused else source

    def _secret(self, name: str) -> Secret:
        """A secret of this setting; none where files say that it is for another Engee than the one in use."""
        # the environment's token is a source of its own: the trait holds the file's all the same
        is_of_file = name in self._files and (name == "token" or self.sources.get(name) == self._files[name])
        if is_of_file and self._url_of_files and not _is_same(self._url_of_files, self.url):
            return Secret("")
        return Secret(getattr(self, name))

    @property
    def has_token(self) -> bool:
        """Whether the setting “token” is used for the present address."""
        return bool(self._secret("token"))

    def oauth_client(self) -> OAuthClient | None:
        """None where no client id is set."""
        if not self.oauth_client_id:
            return None
        from ..account.oauth import OAuthClient  # noqa: PLC0415 - httpx costs start-up time

        return OAuthClient(
            self.oauth_client_id, self._secret("oauth_client_secret"), self.oauth_scope, self.oauth_redirect_uri
        )

    def tokens(self, tell: Tell) -> AccountTokens:
        """Where the client gets its tokens from; `tell` is told what a person should know of them."""
        from ..account import tokens  # noqa: PLC0415 - httpx costs start-up time

        return tokens.of_machine(
            self.url,
            setting=self._secret("token"),
            setting_first="token" not in self._files,
            client=self.oauth_client(),
            tell=tell,
        )

    def journal(self, notebook: str = "", file: str = "") -> Journal:
        """The journal of jobs; `notebook`, unless named, as `notebook_key` says."""
        from ..records.journal import Journal, notebook_key  # noqa: PLC0415 - a kernel's first request need not wait for it

        key = notebook or notebook_key(os.environ, str(Path.cwd()), file)
        return Journal(key, Path(self.state_dir).expanduser() if self.state_dir else None)

    def options(self) -> Options:
        """What the I/O layer needs of them."""
        return Options(**{name: getattr(self, name) for name in Options.__dataclass_fields__})


def _is_same(one: str, other: str) -> bool:
    """Whether two addresses are of one Engee; what is no address is nobody's."""
    try:
        return origin(one) == origin(other)
    except SettingError:
        return False


def environment_variable(name: str) -> str:
    return f"ENGEE_{name.upper()}"


def is_secret(name: str) -> bool:
    return bool(EngeeSettings.trait(name).metadata.get("secret", False))


def expected(name: str) -> str:
    """What a value may be, e.g. "a float of at least 0.5"."""
    trait = EngeeSettings.trait(name)
    if isinstance(trait, Enum):
        return " or ".join(str(value) for value in trait.values or ())
    if isinstance(trait, Bool):
        return "True or False"
    least = getattr(trait, "min", None)
    kind = "a whole number" if isinstance(trait, Integer) else "a number" if isinstance(trait, Float) else "text"
    return kind if least is None else f"{kind}, at least {least:g}"


def choices(name: str) -> list[str]:
    """The values that a setting may have, where they are few."""
    trait = EngeeSettings.trait(name)
    if isinstance(trait, Enum):
        return [str(value) for value in trait.values or ()]
    return ["True", "False"] if isinstance(trait, Bool) else []


def markdown_table() -> str:
    """All settings as the README shows them."""
    lines = ["| setting | default | environment variable | what it does |", "|---|---|---|---|"]
    for name in EngeeSettings.names():
        trait = EngeeSettings.trait(name)
        default = trait.default_value
        text = f"{default:g}" if isinstance(default, float) else str(default)
        shown = f"`{text}`" if text else ""
        meaning = trait.help if not isinstance(trait, Enum) else f"{trait.help} ({expected(name)})"
        lines.append(f"| `{name}` | {shown} | `{environment_variable(name)}` | {meaning} |")
    return "\n".join(lines) + "\n"


def bad_value(config: Config) -> SettingError:
    """What is wrong in a config, without the value of a secret."""
    given, files = config.get(SECTION, {}), origins_in(config)[0]
    for name in EngeeSettings.names():
        if name not in given:
            continue
        try:
            EngeeSettings.trait(name).validate(HasTraits(), given[name])
        except TraitError:
            place = files.get(name)
            shown = "" if is_secret(name) else f" {given[name]!r}"
            hint = whom_to_ask(Path(place), "mend it") if place else EngeeSettings.trait(name).help
            return SettingError(
                f"{place or COMMAND_LINE}:{shown} is not a value for {name}; expected is {expected(name)}.", hint
            )
    return SettingError("A setting has a value that it can't have.", "Look through: engee-kernel config")
