"""Replies in the forms that Engee and the proxy in front of it use. An error of the proxy is an HTML page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime, timezone
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response


class HtmlError(HTTPException):
    """An error that is answered by a proxy's HTML page."""


def html_page(status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    title = html.escape(f"{status} {HTTPStatus(status).phrase}")
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return HTMLResponse(page, status, headers)


def error_json(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": HTTPStatus(status).phrase, "message": message}, status, headers)


def response_for(error: HTTPException) -> Response:
    if isinstance(error, HtmlError):
        return html_page(error.status_code, error.headers)
    return error_json(error.status_code, error.detail, error.headers)


def utc_text(moment: datetime | None) -> str | None:
    """ISO 8601 with milliseconds and Z, as in the status reply."""
    if moment is None:
        return None
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_text_seconds(moment: datetime | None) -> str | None:
    """ISO 8601 with whole seconds and Z, as in job records."""
    if moment is None:
        return None
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def now() -> datetime:
    return datetime.now(timezone.utc)
