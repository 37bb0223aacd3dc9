"""The way to Engee: address, name, proxy, certificates, a first reply. Nothing here carries a token."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ..account.oauth import NoToken
from ..api import replies, wire
from ..api.credentials import is_loopback, origin
from ..api.transport import Transport
from ..facts.errors import EngeeError, NetworkError
from .findings import Finding, fail, failed, ok, skip, warn

NAME_BOUND_S = 10.0
SKEW_S = 60.0


async def check(url: str) -> AsyncIterator[Finding]:
    try:
        origin(url)
    except EngeeError as error:
        yield failed("address", error)
        return
    yield ok("address", url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = proxy_of(parts.scheme, host)
    yield ok("proxy", f"through {proxy}" if proxy else "none: Engee is reached directly")
    name = skip("name", "the proxy looks it up") if proxy else await _name(host)
    yield name
    if name.level == "fail":
        return
    yield certificates(parts.scheme)
    async for finding in _reply(url):
        yield finding


def proxy_of(scheme: str, host: str) -> str:
    """The proxy's address without its password, "" where there is none."""
    if is_loopback(host) or proxy_bypass(host):
        return ""
    proxies = getproxies()
    address = proxies.get(scheme) or proxies.get("all") or ""
    parts = urlsplit(address if "://" in address else f"http://{address}") if address else None
    if parts is None:
        return ""
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


async def _name(host: str) -> Finding:
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, None, type=socket.SOCK_STREAM), NAME_BOUND_S)
    except (OSError, TimeoutError, asyncio.TimeoutError) as error:
        reason = getattr(error, "strerror", None) or f"no answer within {NAME_BOUND_S:.0f} s"
        return fail(
            "name", f"{host} can't be found ({reason}).", "Check the address, the network, VPN, and name server."
        )
    addresses = sorted({str(entry[4][0]) for entry in found})
    return ok("name", f"{host} is {', '.join(addresses[:3])}")


def certificates(scheme: str) -> Finding:
    """Which authorities are trusted."""
    name = "certificates"
    if scheme == "http":
        return skip(name, "not used on this machine's own addresses")
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(variable)
        if path and not Path(path).exists():
            return fail(name, f"{variable} names {path}, which does not exist.", f"Mend or remove {variable}.")
        if path:
            return ok(name, f"authorities of {variable}: {path}")
    paths = ssl.get_default_verify_paths()
    return ok(name, f"the system's authorities ({paths.cafile or paths.capath or 'Windows certificate store'})")


async def _reply(url: str) -> AsyncIterator[Finding]:
    transport = Transport(url, NoToken())
    try:
        reply = await transport.unsigned("GET", wire.INFO)
    except NetworkError as error:
        yield failed("connection", error)
        return
    finally:
        await transport.close()
    if reply.status == 407 or (reply.is_html() and reply.status < 400):
        yield fail(
            "connection",
            f"Something answers in place of Engee ({reply.status}): a login page of the network, or a proxy.",
            "Log in to the network in a browser, or put user and password into HTTPS_PROXY.",
        )
        return
    if reply.status not in (200, 401, 403):
        yield warn("connection", f"Engee answered {reply.status} to a call without a token.", "Check the address.")
    else:
        yield ok("connection", "Engee answers" + (", its certificate is trusted" if url.startswith("https") else ""))
    yield clock(reply)


def clock(reply: replies.Reply) -> Finding:
    """This machine's clock against Engee's; OAuth tokens and times left depend on it."""
    try:
        theirs = parsedate_to_datetime(reply.headers.get("date", ""))
    except (TypeError, ValueError):
        return skip("clock", "Engee does not tell the time")
    skew_s = (datetime.now(timezone.utc) - theirs.astimezone(timezone.utc)).total_seconds()
    if abs(skew_s) <= SKEW_S:
        return ok("clock", "agrees with Engee's")
    return warn(
        "clock",
        f"This machine's clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} Engee's.",
        "Set it by a time server: tokens that expire are refreshed by it.",
    )
