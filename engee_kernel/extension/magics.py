"""The magics of the extension, as IPython calls them: on the main thread, which waits for the remote work."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from IPython.core.magic import no_var_expand

from .. import exchange
from ..cells.cell import Cell
from ..cells.running import run
from ..exchange import variables
from ..facts.errors import EngeeError, ExchangeError, UsageError
from ..household.configfiles import SECTION, forget_origins, read_config_files
from ..household.services import Services
from ..household.settings import EngeeSettings
from ..magics import run_cell
from ..messages.publisher import Publisher
from .background import Background
from .screen import Screen, Shown, without_python_frames

# The Engee kernel's own, under their own names.
KERNEL_MAGICS = ("%upload", "%download", "%jobs", "%metrics", "%login", "%logout")
SERVER_ACTIONS = re.compile(r"(start|stop|restart)?(\s+--.*)?\Z")

HELP = """\
%%engee [-i NAMES] [-o NAMES]      runs the cell's Julia code in Engee
%engee  [-i NAMES] [-o NAMES] EXPR runs one line of Julia; its value is a Python value where Python has one:
                                   y = %engee sum(x)
%engee                             shows the Engee server; %engee start, stop, restart
%upload, %download, %jobs          files and jobs; each has --help

  -i a,b   Python variables that become Julia variables of the same names before the code runs
  -o x,y   Julia variables that become Python variables afterwards
  --       what follows is Julia code, even if it looks like an option
"""

_OPTION = re.compile(r"\s*(-i|-o|--input|--output)(?:\s+|=)((?:[^\s,]+\s*,\s*)*[^\s,]+)(?=\s|\Z)")
_BARE_OPTION = re.compile(r"\s*(-i|-o|--input|--output)(?=\s|=|\Z)")


@dataclass
class Line:
    """What stands behind %%engee or %engee."""

    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    code: str = ""


def parse(text: str) -> Line:
    """Options come first; all from the first word on that is none is Julia. Raises UsageError."""
    line = Line()
    at = 0
    while found := _OPTION.match(text, at):
        names = [name.strip() for name in found[2].split(",")]
        exchange.check_names(names)
        (line.inputs if found[1] in ("-i", "--input") else line.outputs).extend(names)
        at = found.end()
    if bare := _BARE_OPTION.match(text, at):
        raise UsageError(f"{bare[1]} needs names of variables.", "Expected, for example: -i a,b")
    line.code = text[at:].strip()
    if line.code.partition(" ")[0] == "--":
        line.code = line.code[2:].strip()
    return line


class EngeeMagics:
    """One notebook's extension: the thread, the session, and the magics that use them."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._services = Services()
        self._background = Background()
        self._before: dict[tuple[str, str], Any] = {}

    def register(self) -> None:
        self._add("cell", "engee", self.engee_cell)
        self._add("line", "engee", self.engee_line)
        for name in KERNEL_MAGICS:
            self._add("line", name.lstrip("%"), self._kernel_magic(name))

    def unregister(self) -> None:
        """Take the magics away; what had their names before is back."""
        for (kind, name), before in self._before.items():
            self._shell.magics_manager.magics[kind].pop(name, None)
            if before is not None:
                self._shell.magics_manager.magics[kind][name] = before
        self._before.clear()

    def close(self) -> None:
        """End the thread; what runs in Engee goes on."""
        self._background.close(self._close)

    async def _close(self) -> None:
        services = self._services
        try:
            await services.close(stop_server=services.has_settings and services.settings.stop_on_shutdown)
        except EngeeError as error:
            sys.stderr.write(f"The Engee server was not stopped: {error.message}\n")

    def _add(self, kind: str, name: str, function: Callable[..., Any]) -> None:
        self._before[kind, name] = self._shell.magics_manager.magics[kind].get(name)
        self._shell.register_magic_function(function, magic_kind=kind, magic_name=name)

    # The magics

    @no_var_expand
    def engee_cell(self, text: str, code: str) -> Any:
        """Run the cell's Julia code in Engee: %%engee [-i a,b] [-o x,y]"""
        return self._quietly(lambda: self._engee_cell(text, code))

    @no_var_expand
    def engee_line(self, text: str) -> Any:
        """Run a line of Julia code in Engee, or look after the server: %engee --help"""
        return self._quietly(lambda: self._engee_line(text))

    def _engee_cell(self, text: str, code: str) -> Shown | None:
        if _wants_help(text):
            self._help()
            return None
        line = parse(text)
        if line.code:
            raise UsageError(f"%%engee: “{line.code}” is not an option.", HELP)
        screen, _ = self._run_julia(line, code, alone=True)
        return screen.result

    def _engee_line(self, text: str) -> Any:
        if _wants_help(text):
            self._help()
            return None
        if SERVER_ACTIONS.match(text.strip()):
            self._run_magic(f"%engee {text}")
            return None
        line = parse(text)
        if not line.code:
            raise UsageError("%engee: there is no Julia code.", HELP)
        screen, value = self._run_julia(line, line.code, alone=False, wants_value=True)
        return screen.result if value is None else value

    def _kernel_magic(self, name: str) -> Callable[[str], None]:
        def magic(text: str) -> None:
            self._quietly(lambda: self._run_magic(f"{name} {text}"))

        magic.__doc__ = f"{name} --help explains it."
        return no_var_expand(magic)

    def _help(self) -> None:
        self._shell.display_pub.publish({"text/plain": HELP})

    # Work

    def _run_julia(self, line: Line, code: str, *, alone: bool, wants_value: bool = False) -> tuple[Screen, Any]:
        """The cell's screen, and its value as a Python value where `wants_value` and where there is one."""
        payload = exchange.encode({name: self._python_value(name) for name in line.inputs})
        screen = self._screen()

        async def work(output: Publisher) -> tuple[dict[str, Any], Any]:
            engee = self._services.engee()
            if line.inputs or line.outputs:
                await variables.ready(engee, output)
            if line.inputs:
                for notice in payload.notices:
                    output.notice(notice)
                output.condition(f"sending {', '.join(line.inputs)}")
                await variables.put(engee, payload)
                output.condition("")
            cell = Cell(code, self._shell.execution_count, stdin_allowed=screen.takes_input)
            await run(engee, cell, output)
            if screen.failure is not None:
                return {}, None
            output.condition("fetching values")
            value = await self._value(screen) if wants_value else None
            return await variables.get(engee, line.outputs) if line.outputs else {}, value

        values, value = self._run(work, screen, alone=alone)
        screen.raise_failure()
        self._shell.push(values)
        return screen, value

    async def _value(self, screen: Screen) -> Any:
        """The value of the code; None where it has none, or Python has nothing like it."""
        engee = self._services.engee()
        if screen.result is None or not engee.with_agent:
            return None
        try:
            return (await variables.get(engee, ["ans"]))["ans"]
        except ExchangeError:
            return None  # it is shown as Julia shows it

    def _run_magic(self, text: str) -> None:
        screen = self._screen()

        async def work(output: Publisher) -> None:
            await run_cell(self._services, Cell(text, self._shell.execution_count), output)

        self._run(work, screen, alone=False)
        screen.raise_failure()

    def _run(self, work: Callable[[Publisher], Awaitable[Any]], screen: Screen, *, alone: bool) -> Any:
        """The result of `work` in the thread, its output shown here as it comes."""

        async def shown() -> Any:
            async with Publisher(
                screen.send,
                screen.ask,
                execution_count=self._shell.execution_count,
                alone=alone,
                life_sign=screen.is_notebook,
            ) as output:
                if not self._services.has_settings:
                    self._services.use_settings(self._settings())
                self._services.begin(output, screen.ask if screen.takes_input else None)
                try:
                    return await work(output)
                finally:
                    self._services.end()

        return self._background.run(shown(), self._services.interrupt)

    def _settings(self) -> EngeeSettings:
        """As the Engee kernel finds them, and what IPython's own configuration says. Raises SettingError."""
        config = read_config_files()
        config.merge(self._shell.config)
        forget_origins(config, list(self._shell.config.get(SECTION, {})))
        return EngeeSettings(config=config)

    def _screen(self) -> Screen:
        return Screen(self._shell, self._background)

    def _python_value(self, name: str) -> Any:
        try:
            return self._shell.user_ns[name]
        except KeyError:
            raise UsageError(f"There is no Python variable “{name}”.", "Give it a value before -i names it.") from None

    def _quietly(self, work: Callable[[], Any]) -> Any:
        """What goes wrong is shown without the frames of this package, and raised all the same."""
        try:
            return work()
        except EngeeError as error:
            raise without_python_frames(error) from None


def _wants_help(text: str) -> bool:
    return text.strip() in ("-h", "--help")
