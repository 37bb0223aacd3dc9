"""%login and %logout."""

from __future__ import annotations

import argparse

from ..account.login import keep, log_out, overriding
from ..account.store import StoredToken
from ..api.credentials import clean_token
from ..facts.errors import EngeeError
from ..facts.events import Display
from ..facts.tables import card
from .magic import Context, Magic


class Login(Magic):
    name = "%login"
    help = "Store a personal access token: asks for it without showing it, and checks it."
    epilog = (
        "Make the token in Engee's personal account (Communication and Security → Personal access tokens),\n"
        "best before Engee is started. It is kept in the system's keyring, or in a file that only you can read;\n"
        "never in the notebook."
    )

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        settings = context.kernel.settings
        line = await context.kernel.ask_line("Personal access token of Engee: ", password=True)
        if not line or not line.strip():
            raise EngeeError("No token was typed: nothing was stored.")
        token = StoredToken("pat", clean_token(line, "what was typed"))
        login = await keep(settings.url, token)
        context.kernel.disconnect()
        facts = [("user", login.username), ("stored in", login.place), ("server", login.status.status)]
        await context.output.publish(Display(card("Logged in to Engee", facts)))
        remarks = [login.hint, overriding("the setting “token”" if settings.token else "")]
        for remark in filter(None, remarks):
            context.output.notice(remark)


class Logout(Magic):
    name = "%logout"
    help = "Forget the stored token. The Engee server is left as it is."

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        settings = context.kernel.settings
        places = await log_out(settings.url)
        context.kernel.disconnect()
        said = f"Removed from {' and '.join(places)}." if places else "Nothing was stored."
        await context.output.publish(Display({"text/plain": said}))
        remark = overriding("the setting “token”" if settings.token else "")
        if remark:
            context.output.notice(remark)


MAGICS = (Login, Logout)
