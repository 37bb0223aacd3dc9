"""Every error of this package, in one tree.

::

    EngeeError                      a sentence for the person, and the next step to take
    ├── SettingError                a setting can't be used: which, its value, what is expected
    │   └── MissingTokenError       no token anywhere
    ├── NetworkError                no complete HTTP reply
    │   ├── UnreachableError        the request never left: repeating it is safe
    │   └── ReplyLostError          it was sent, the reply did not come: the code may have run
    ├── ApiError                    an HTTP reply that is not the one asked for
    │   ├── TokenRejectedError      401, or 403 on a call that has no path
    │   │   └── TokenTooYoungError  the token was made after the server was started
    │   ├── ServerNotRunningError   the Engee server is stopped, starting or stopping
    │   ├── ForbiddenPathError      403: a path outside /user
    │   ├── NotFoundError           404: an unknown job, a missing file
    │   ├── JobExistsError          409: a job with this id was accepted before
    │   ├── TooLargeError           413: the code or the file is larger than the server takes
    │   ├── RateLimitedError        429, with the seconds to wait
    │   ├── GatewayError            502, 503, 504, or a page in place of Engee's own reply
    │   └── UnexpectedReplyError    any other reply that the contract does not know
    ├── CodeError                   the person's Julia code raised: type, short and full description
    ├── SessionError                something about the Engee session itself
    │   ├── SessionLostError        Engee was restarted: variables are gone
    │   ├── AgentUnavailableError   the agent can't be installed or does not answer as it should
    │   └── StillRunningError       given up waiting for; the code goes on running in Engee
    ├── ExchangeError               a value has no counterpart in the other language
    ├── TransferError               a file did not arrive whole, or can't be read or written here
    ├── ScriptError                 a script or notebook can't be converted; nothing was written
    └── UsageError                  a magic or command was called wrongly

An error's `may_have_run` says whether the request that failed may have been carried out: nothing
that may have run is ever repeated without an id that makes repeating harmless.
"""

from __future__ import annotations


class EngeeError(Exception):
    """What happened (`message`) and what to do about it (`hint`, may be empty)."""

    may_have_run = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class SettingError(EngeeError):
    """Raised before anything is sent."""


class MissingTokenError(SettingError):
    """No source of tokens has one."""


class NetworkError(EngeeError):
    """The connection failed."""


class UnreachableError(NetworkError):
    """The request was not sent: no such host, connection refused, TLS failure, connect timeout."""


class ReplyLostError(NetworkError):
    """The request was sent and the connection broke, or timed out (`timed_out`), before the reply was complete."""

    may_have_run = True

    def __init__(self, message: str, hint: str = "", *, timed_out: bool = False) -> None:
        super().__init__(message, hint)
        self.timed_out = timed_out


class ApiError(EngeeError):
    """`status` is the HTTP status code, `call` the method and path (never with a token)."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0, call: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.call = call


class TokenRejectedError(ApiError):
    """The server does not accept the token."""


class TokenTooYoungError(TokenRejectedError):
    """Management calls accept the token, the running server does not: it was started before."""


class ServerNotRunningError(ApiError):
    """`server_status` is the management API's word: "stopped", "starting" or "stopping".

    `may_have_run` is set on the instance where the server may have stopped while it ran the request.
    """

    def __init__(
        self, message: str, hint: str = "", *, status: int = 0, call: str = "", server_status: str = "stopped"
    ) -> None:
        super().__init__(message, hint, status=status, call=call)
        self.server_status = server_status


class ForbiddenPathError(ApiError):
    """Engee's file calls work below /user only."""


class NotFoundError(ApiError):
    """The thing asked for does not exist (any more)."""


class JobExistsError(ApiError):
    """The job was accepted by an earlier request; no duplicate was made."""


class TooLargeError(ApiError):
    """The request's body is over the server's limit; nothing ran."""


class RateLimitedError(ApiError):
    """`retry_after_s` is what the server asked for, or None."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int = 429,
        call: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint, status=status, call=call)
        self.retry_after_s = retry_after_s


class GatewayError(ApiError):
    """A proxy answered in place of Engee; whether Engee got the request is unknown.

    `page`: the title of the page that came, "" for one without; None where there was no page.
    """

    may_have_run = True

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        status: int = 502,
        call: str = "",
        retry_after_s: float | None = None,
        page: str | None = None,
    ) -> None:
        super().__init__(message, hint, status=status, call=call)
        self.retry_after_s = retry_after_s
        self.page = page

    @property
    def timed_out(self) -> bool:
        """A 504: the proxy's own time limit, the code most likely goes on."""
        return self.status == 504


class UnexpectedReplyError(ApiError):
    """The reply's status or body is not what the contract says."""

    may_have_run = True


class CodeError(EngeeError):
    """The error triple of Engee's API.

    `type` e.g. "UndefVarError", `short_description` e.g. "UndefVarError(:x)", `full_description` the
    message and the stack trace as a terminal shows them.
    """

    may_have_run = True

    def __init__(self, type: str, short_description: str, full_description: str) -> None:
        super().__init__(short_description or full_description.partition("\n")[0] or type)
        self.type = type
        self.short_description = short_description
        self.full_description = full_description


class SessionError(EngeeError):
    """The Engee session is not in the state that was expected."""


class SessionLostError(SessionError):
    """The Julia process that held the variables is gone."""

    may_have_run = True

    @classmethod
    def of_cell(cls, cause: EngeeError, *, may_have_run: bool, why: str = "") -> SessionLostError:
        """For a cell that was sent to the session; `may_have_run`: the session may have begun with it.

        `why`: what is known beyond the cause, as a clause.
        """
        why = why or f"The Engee session has ended ({cause.message.rstrip('.')})"
        what = "may have run, in part or whole; it was not run again" if may_have_run else "was not run"
        lost = cls(
            f"{why}: the session's variables are gone. This cell {what}.",
            "Run the notebook from its start in the new session; files in /user are kept.",
        )
        lost.may_have_run = may_have_run
        return lost


class AgentUnavailableError(SessionError):
    """Cells can run in plain mode only."""


class StillRunningError(SessionError):
    """The prompt is given back while the code goes on in Engee."""

    may_have_run = True


class ExchangeError(EngeeError):
    """A value can't go from Python to Julia or back; nothing was changed."""


class TransferError(EngeeError):
    """An upload or download failed; nothing half-written was left behind."""


class ScriptError(EngeeError):
    """A script or notebook is not what it should be; nothing was written."""


class UsageError(EngeeError):
    """What was wrong with the arguments and what is expected."""
