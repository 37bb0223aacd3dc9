"""The switches of the local Engee: everything that the contract leaves open, each settable while it runs.

The fields are the one list: the command line's options, the JSON of `/_emulator/config`, and the form on `/account` are
made from them.
"""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

Placement = Literal["loop", "default", "interactive"]

# Groups, in the order in which people meet them.
API = "what the API leaves open"
JULIA = "the Julia process that Engee is"
GATEWAY = "the gateway in front of it"
SERVER = "the server's life and the tokens"
GROUPS = (API, JULIA, GATEWAY, SERVER)

NEXT_JULIA = ", from Julia's next start"


class SettingError(ValueError):
    """A setting that does not exist, or a value it cannot have; the message names both."""


def _switch(group: str, default: Any, about: str, *, at_start: bool = False, form: str = "", such_as: str = "") -> Any:
    """`at_start`: a Julia that runs keeps what it was started with. `form`: what a text must look like."""
    about += NEXT_JULIA if at_start else ""
    metadata = {"group": group, "about": about, "at_start": at_start, "form": form, "such_as": such_as}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    evals: Literal["parallel", "serial"] = _switch(API, "parallel", "whether two evals run at the same time")
    jobs: Literal["same-process", "own-process"] = _switch(API, "same-process", "which Julia process runs a job")
    evals_during_jobs: bool = _switch(API, True, "whether evals are answered while a job runs")
    strings: Literal["unquoted", "quoted"] = _switch(API, "unquoted", "how a string value is written in result")
    nothing: Literal["nothing", "empty", "null"] = _switch(API, "nothing", "what result is for nothing")
    result_limit_chars: int | None = _switch(API, None, "a longer result is cut off at this length")
    stdout_in_result: bool = _switch(API, False, "whether printed text is put before the result")
    code_limit_bytes: int | None = _switch(API, None, "longer command or code is answered by 413")
    upload_limit_bytes: int | None = _switch(API, None, "a longer upload is answered by 413")
    eval_limit_s: float | None = _switch(API, None, "the proxy's time limit: 504 while the code goes on")
    jobs_kept_s: float | None = _switch(API, None, "how long finished jobs are remembered")
    download_name: Literal["plain", "extended", "none"] = _switch(
        API, "plain", "the file name in a download's part header: filename=, filename*= or none"
    )
    upload_reply: Literal["empty", "list"] = _switch(API, "empty", "the body of an upload's reply")
    zip_names: Literal["name", "path"] = _switch(API, "name", "what the entries of a downloaded ZIP are called")

    julia_threads: str | None = _switch(
        JULIA,
        None,
        "Julia's threads as -t takes them: default,interactive; a Julia before 1.9 gets the first number",
        at_start=True,
        form=r"auto|[1-9]\d{0,2}(,\d{1,3})?",
        such_as="5,3",
    )
    eval_placement: Literal["loop", "default", "interactive"] = _switch(
        JULIA,
        "loop",
        "where an eval's code runs: on the thread of the server's loop, or spawned in a pool, default or interactive",
    )
    job_placement: Literal["loop", "default", "interactive"] = _switch(
        JULIA, "loop", "where a job's code runs: the same choice"
    )
    stdio: Literal["log", "pipes"] = _switch(
        JULIA,
        "log",
        "where Julia's stdout and stderr go: the session's log, or pipes that Engee reads for its tab",
        at_start=True,
    )
    own_display: bool = _switch(
        JULIA, False, "whether Engee's display is on Julia's stack and ans has a value", at_start=True
    )
    packages: bool = _switch(JULIA, False, "whether stand-ins for Engee's packages are loaded", at_start=True)
    depot: Literal["julia", "user"] = _switch(
        JULIA,
        "julia",
        "the first depot and the project: Julia's own, or /user/.packages and /user/.project/",
        at_start=True,
    )
    background_s: float | None = _switch(
        JULIA, None, "how often BackendLib logs a @debug record (JULIA_DEBUG names it) and AbstractAPI prints a line"
    )
    dead_julia: Literal["stops", "replaced"] = _switch(
        JULIA, "stops", "whether a server whose Julia dies stops, or goes on running with a new Julia"
    )
    restart_time_s: float = _switch(JULIA, 0, "how long it takes to replace Julia, at least")

    maintenance: Literal["none", "all", "eval", "jobs", "files"] = _switch(
        GATEWAY, "none", 'which calls below the user\'s prefix meet the 404 page "Server maintenance"'
    )
    status_call: Literal["json", "503", "page", "login"] = _switch(
        GATEWAY, "json", "what the status call answers: JSON, a 503, a page with 200, or a redirect to /account/login"
    )
    status_word: str | None = _switch(
        GATEWAY, None, "this word in place of serverStatus", form=r"[A-Za-z][\w -]{0,39}", such_as="unknown"
    )
    times: Literal["milliseconds", "microseconds", "no-zone"] = _switch(
        GATEWAY, "milliseconds", "how times are written; no-zone: microseconds without Z"
    )
    unknown_caller: Literal["401", "login"] = _switch(
        GATEWAY, "401", "what a call without a valid token gets: 401, or a redirect to /account/login"
    )
    stopped_status: Literal[404, 502, 503] = _switch(GATEWAY, 503, "what code and file calls get from a stopped server")
    young_token_status: Literal[401, 403] = _switch(GATEWAY, 403, "for a PAT made after the server was started")

    start_time_s: float = _switch(SERVER, 0, "how long the server is starting, at least")
    stop_time_s: float = _switch(SERVER, 0, "how long the server is stopping, at least")
    inactivity_timeout_s: int = _switch(SERVER, 0, "the server stops itself after this time without calls; 0 = never")
    session_limit_s: float | None = _switch(SERVER, None, "the server stops itself this long after its start")
    access_token_life_s: float = _switch(SERVER, 600, "life of an OAuth access token")
    refresh_token_life_s: float = _switch(SERVER, 30 * 86400, "life of an OAuth refresh token")
    rotate_refresh_tokens: bool = _switch(SERVER, False, "whether a refresh token is replaced when it is used")

    def replaced(self, changes: Mapping[str, object]) -> Settings:
        """A copy with some values changed. Raises SettingError."""
        known = {f.name for f in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise SettingError(f"There is no setting {name!r}. The settings are {', '.join(sorted(known))}.")
        checked: dict[str, Any] = {name: _checked(name, value) for name, value in changes.items()}
        return dataclasses.replace(self, **checked)

    def to_json(self) -> dict[str, object]:
        return dataclasses.asdict(self)

    def at_start(self) -> dict[str, object]:
        """The values that a Julia keeps from its start to its end."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.metadata["at_start"]}


# What was seen of Engee's own process in 2026. Where an eval's code runs there is not known.
AS_SEEN: Mapping[str, object] = types.MappingProxyType(
    {
        "julia_threads": "5,3",
        "stdio": "pipes",
        "own_display": True,
        "packages": True,
        "depot": "user",
        "background_s": 1.0,
        "times": "microseconds",
    }
)


def choices(name: str) -> tuple[object, ...] | None:
    """The values a setting can have, where they are few."""
    hint = get_type_hints(Settings)[name]
    if get_origin(hint) is Literal:
        return get_args(hint)
    return (True, False) if hint is bool else None


def is_text(name: str) -> bool:
    return str in get_args(get_type_hints(Settings)[name])


def parse_text(name: str, text: str) -> object:
    """The value that a word on the command line or in a form means. Raises SettingError."""
    hint = get_type_hints(Settings)[name]
    if hint is bool:
        words = {"yes": True, "no": False, "true": True, "false": False}
        if text.lower() not in words:
            raise SettingError(f"{name} must be yes or no, not {text!r}.")
        return words[text.lower()]
    if text == "" or text.lower() == "off":
        return _checked(name, None)
    if get_origin(hint) is Literal:
        return _checked(name, next((c for c in get_args(hint) if str(c) == text), text))
    if is_text(name):
        return _checked(name, text)
    try:
        number = float(text)
    except ValueError:
        raise SettingError(f"{name} must be a number, not {text!r}.") from None
    return _checked(name, int(number) if number.is_integer() else number)


def _checked(name: str, value: object) -> object:
    hint = get_type_hints(Settings)[name]
    if get_origin(hint) is Literal:
        if value not in get_args(hint) or isinstance(value, bool):
            raise SettingError(f"{name} must be one of {', '.join(map(str, get_args(hint)))}, not {value!r}.")
        return value
    allowed = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if value is None and type(None) in allowed:
        return None
    if str in allowed:
        known = next(f.metadata for f in dataclasses.fields(Settings) if f.name == name)
        if not isinstance(value, str) or not re.fullmatch(known["form"], value):
            raise SettingError(f"{name} must be off or a word such as {known['such_as']}, not {value!r}.")
        return value
    if bool in allowed:
        if not isinstance(value, bool):
            raise SettingError(f"{name} must be true or false, not {value!r}.")
        return value
    accepted: tuple[type, ...] = (int, float) if float in allowed else (int,)
    if isinstance(value, bool) or not isinstance(value, accepted) or not value >= 0:  # type: ignore[operator]
        raise SettingError(f"{name} must be a number, not negative, but is {value!r}.")
    return value
