"""Replies in the forms that Engee and the gateway in front of it use. An error of the gateway is an HTML page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

LOGIN_PATH = "/account/login"
# As long as the real one, which has this title, this type, and 246 bytes.
_MAINTENANCE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Server maintenance</title>
</head>
<body>
<h1>Server maintenance</h1>
<p>The server is being serviced and is not available. Please try again a while later.</p>
</body>
</html>
"""


class HtmlError(HTTPException):
    """An error that is answered by a proxy's HTML page."""


class MaintenanceError(HTTPException):
    """A route that does not exist below the user's prefix: the gateway has a page for it."""

    def __init__(self) -> None:
        super().__init__(404)


class LoginError(HTTPException):
    """A call of nobody, which is sent to the login page."""

    def __init__(self) -> None:
        super().__init__(302)


def html_page(status: int, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    title = html.escape(f"{status} {HTTPStatus(status).phrase}")
    page = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
        f"<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return HTMLResponse(page, status, headers)


def maintenance_page() -> Response:
    return Response(_MAINTENANCE, 404, {"Content-Type": "*/*"})


def sign_in_page() -> Response:
    """What stands in a network's own page with status 200."""
    return HTMLResponse("<!DOCTYPE html>\n<html><body>Please sign in to the network.</body></html>\n")


def login_redirect(management_url: str, path: str) -> Response:
    return RedirectResponse(f"{management_url}{LOGIN_PATH}?{urlencode({'next': path})}", 302)


def error_json(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": HTTPStatus(status).phrase, "message": message}, status, headers)


def response_for(error: HTTPException, management_url: str, path: str) -> Response:
    if isinstance(error, MaintenanceError):
        return maintenance_page()
    if isinstance(error, LoginError):
        return login_redirect(management_url, path)
    if isinstance(error, HtmlError):
        return html_page(error.status_code, error.headers)
    return error_json(error.status_code, error.detail, error.headers)
