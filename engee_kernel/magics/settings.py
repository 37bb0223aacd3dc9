"""%config: settings shown, explained and set."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from ..facts.errors import UsageError
from ..facts.events import Display
from ..facts.tables import Table, card
from ..household.services import Services
from ..household.settings import EngeeSettings, choices, environment_variable, expected, is_secret
from .magic import Context, Magic

SOURCE = "%config"
USAGE = "%config shows all settings, %config NAME explains one, %config NAME = VALUE sets one for this kernel."


class Configure(Magic):
    name = "%config"
    help = "Show all settings, explain one (%config NAME), or set one (%config NAME = VALUE)."
    epilog = (
        "%config mode = plain\n\n"
        "A value set here counts for this kernel until it is restarted. To keep it, write it into\n"
        "engee_kernel_config.py in a configuration folder of “jupyter --paths”:\n\n"
        'c.EngeeSettings.mode = "plain"\n\n'
        "or set ENGEE_MODE in the environment, which goes before files. “from” says where a value comes from."
    )
    takes_line = True

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        name, equals, value = (part.strip() for part in arguments.line.partition("="))
        settings = context.kernel.settings
        if not name and not equals:
            await context.output.publish(Display(table(settings).bundle()))
        elif not equals:
            if len(name.split()) > 1:
                raise UsageError(f"%config {arguments.line}: a “=” is missing.", USAGE)
            await context.output.publish(Display(card(name, explanation(settings, name))))
        elif not name or not value:
            raise UsageError(f"%config {name} =: a {'value' if name else 'name'} is missing.", USAGE)
        else:
            _set(context, settings, name, value)
            await context.output.publish(Display({"text/plain": f"{name} = {settings.shown(name)}"}))

    async def complete(self, context: Services, words: list[str], word: str) -> Iterable[str]:
        if not words:
            return [name for name in EngeeSettings.names() if name.startswith(word)]
        if words[1:] == ["="] and words[0] in EngeeSettings.names():
            return [value for value in choices(words[0]) if value.startswith(word)]
        return ["="] if len(words) == 1 and not word else []


def table(settings: EngeeSettings) -> Table:
    rows = [
        (name, settings.shown(name), settings.source(name), EngeeSettings.trait(name).help) for name in settings.names()
    ]
    return Table(("setting", "value", "from", "what it does"), rows)


def explanation(settings: EngeeSettings, name: str) -> list[tuple[str, str]]:
    """Raises SettingError for an unknown name."""
    trait = EngeeSettings.trait(name)
    facts = [
        ("what it does", trait.help),
        ("value", settings.shown(name)),
        ("from", settings.source(name)),
        ("expected", expected(name)),
    ]
    if not is_secret(name):
        facts.append(("default", str(trait.default_value)))
    return [*facts, ("in the environment", environment_variable(name)), ("in a file", f"c.EngeeSettings.{name}")]


def _set(context: Context, settings: EngeeSettings, name: str, value: str) -> None:
    if is_secret(name):
        raise UsageError(
            f"{name} is a secret: it must not stand in a notebook. Change it in this cell if it was a real one.",
            "Use %login, which asks for it without showing it."
            if name == "token"
            else f"Set {environment_variable(name)} in the environment.",
        )
    trait = EngeeSettings.trait(name)
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    before = getattr(settings, name)
    settings.set_from_text(name, value, SOURCE)
    if getattr(settings, name) == before:
        return
    if trait.metadata.get("reconnect"):
        context.kernel.disconnect()
    else:
        context.kernel.apply_settings()
    if trait.metadata.get("loses"):
        context.output.notice(trait.metadata["loses"])


MAGICS = (Configure,)
