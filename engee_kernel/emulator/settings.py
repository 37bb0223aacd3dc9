"""The switches of the local Engee: everything that the contract leaves open, each settable while it runs.

The fields are the one list: command line options and the JSON of `/_emulator/config` are both made from them.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class SettingError(ValueError):
    """A setting that does not exist, or a value it cannot have; the message names both."""


def _switch(default: Any, about: str) -> Any:
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True)
class Settings:
    evals: Literal["parallel", "serial"] = _switch("parallel", "whether two evals run at the same time")
    jobs: Literal["same-process", "own-process"] = _switch("same-process", "which Julia process runs a job")
    evals_during_jobs: bool = _switch(True, "whether evals are answered while a job runs")
    strings: Literal["unquoted", "quoted"] = _switch("unquoted", "how a string value is written in result")
    nothing: Literal["nothing", "empty", "null"] = _switch("nothing", "what result is for nothing")
    result_limit_chars: int | None = _switch(None, "a longer result is cut off at this length")
    stdout_in_result: bool = _switch(False, "whether printed text is put before the result")
    code_limit_bytes: int | None = _switch(None, "longer command or code is answered by 413")
    upload_limit_bytes: int | None = _switch(None, "a longer upload is answered by 413")
    eval_limit_s: float | None = _switch(None, "the proxy's time limit: 504 while the code goes on")
    jobs_kept_s: float | None = _switch(None, "how long finished jobs are remembered")
    download_name: Literal["plain", "extended", "none"] = _switch(
        "plain", "the file name in a download's part header: filename=, filename*= or none"
    )
    upload_reply: Literal["empty", "list"] = _switch("empty", "the body of an upload's reply")
    zip_names: Literal["name", "path"] = _switch("name", "what the entries of a downloaded ZIP are called")
    stopped_status: Literal[404, 502, 503] = _switch(503, "what code and file calls get from a stopped server")
    start_time_s: float = _switch(0, "how long the server is starting, at least")
    stop_time_s: float = _switch(0, "how long the server is stopping, at least")
    inactivity_timeout_s: int = _switch(0, "the server stops itself after this time without calls; 0 = never")
    session_limit_s: float | None = _switch(None, "the server stops itself this long after its start")
    young_token_status: Literal[401, 403] = _switch(403, "for a PAT made after the server was started")
    access_token_life_s: float = _switch(600, "life of an OAuth access token")
    refresh_token_life_s: float = _switch(30 * 86400, "life of an OAuth refresh token")
    rotate_refresh_tokens: bool = _switch(False, "whether a refresh token is replaced when it is used")

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


def choices(name: str) -> tuple[object, ...] | None:
    """The values a setting can have, where they are few."""
    hint = get_type_hints(Settings)[name]
    if get_origin(hint) is Literal:
        return get_args(hint)
    return (True, False) if hint is bool else None


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
    if bool in allowed:
        if not isinstance(value, bool):
            raise SettingError(f"{name} must be true or false, not {value!r}.")
        return value
    accepted: tuple[type, ...] = (int, float) if float in allowed else (int,)
    if isinstance(value, bool) or not isinstance(value, accepted) or not value >= 0:  # type: ignore[operator]
        raise SettingError(f"{name} must be a number, not negative, but is {value!r}.")
    return value
