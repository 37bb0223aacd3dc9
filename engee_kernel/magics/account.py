"""%login and %logout."""

from __future__ import annotations

import argparse

from ..account.login import keep, log_out, overriding
from ..account.store import StoredToken
from ..api.credentials import Secret, clean_token
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

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--oauth", action="store_true", help="allow access in the browser; needs a client id")

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        settings = context.kernel.settings
        token = await (_by_browser(context) if arguments.oauth else _typed(context))
        login = await keep(settings.url, token)
        context.kernel.disconnect()
        facts = [("user", login.username), ("stored in", login.place), ("server", login.status.status)]
        await context.output.publish(Display(card("Logged in to Engee", facts)))
        remarks = [login.hint, overriding("the setting “token”" if settings.has_token else "")]
        for remark in filter(None, remarks):
            context.output.notice(remark)


async def _typed(context: Context) -> StoredToken:
    line = await context.kernel.ask_line("Personal access token of Engee: ", password=True)
    if not line or not line.strip():
        raise EngeeError("No token was typed: nothing was stored.")
    return StoredToken("pat", clean_token(line, "what was typed"))


async def _by_browser(context: Context) -> StoredToken:
    """The browser may be on another machine than the kernel: it is asked for the address that it ended at."""
    from ..account import oauth  # noqa: PLC0415 - for those who log in so

    kernel, output = context.kernel, context.output

    def visit(address: str) -> None:
        output.notice(f"Allow access in the browser:\n{address}\n{oauth.ELSEWHERE}")

    async def pasted() -> str | None:
        return await kernel.ask_line("Address that the browser ended at: ", password=True)

    client = kernel.settings.oauth_client() or oauth.OAuthClient("", Secret(""))
    return await oauth.log_in(
        kernel.settings.url,
        client,
        visit=visit,
        pasted=pasted if kernel.ask is not None else None,
        tell=output.notice,
    )


class Logout(Magic):
    name = "%logout"
    help = "Forget the stored token. The Engee server is left as it is."

    async def run(self, context: Context, arguments: argparse.Namespace) -> None:
        settings = context.kernel.settings
        places = await log_out(settings.url)
        context.kernel.disconnect()
        said = f"Removed from {' and '.join(places)}." if places else "Nothing was stored."
        await context.output.publish(Display({"text/plain": said}))
        remark = overriding("the setting “token”" if settings.has_token else "")
        if remark:
            context.output.notice(remark)


MAGICS = (Login, Logout)
