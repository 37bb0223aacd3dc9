"""What is set aside from an object that the other side would not understand, and its way back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from .order import put_in_order
from .spelling import Number

NOTE = "engee_kernel"
"""The key in metadata, of the notebook and of cells, that is this package's own. `engee` is Engee's."""


def set_aside(item: dict[str, Any], allowed: Sequence[str], required: Mapping[str, Any]) -> dict[str, Any]:
    """Take what is not allowed out of `item` and put what is required into it: the note for `put_back`."""
    order = list(item)
    fields = {key: item.pop(key) for key in order if key not in allowed}
    added = [key for key in required if key not in item]
    for key in added:
        item[key] = json.loads(json.dumps(required[key]))
    note: dict[str, Any] = {}
    if fields:
        note["fields"] = fields
    if added:
        note["added"] = added
    if note:
        note["order"] = order
    return note


def put_back(item: dict[str, Any], note: Mapping[str, Any], required: Mapping[str, Any]) -> None:
    """Undo `set_aside`; what was filled in meanwhile stays."""
    for key in note.get("added", ()):
        if key in item and item[key] in (required.get(key), ""):
            del item[key]
    for key, value in note.get("fields", {}).items():
        item.setdefault(key, value)
    put_in_order(item, note.get("order", ()))


def attach(metadata: dict[str, Any], note: dict[str, Any]) -> None:
    """Put a note, unless it is empty, into metadata; what somebody else has there under that name goes into it."""
    if NOTE in metadata:
        note["was"] = metadata[NOTE]
    if note:
        metadata[NOTE] = note


def detach(metadata: dict[str, Any]) -> dict[str, Any]:
    """Take the note out again; {} where there is none, or none that was written here."""
    note: dict[str, Any] = metadata.get(NOTE)  # type: ignore[assignment]
    if not is_sound(note):
        return {}
    if "was" in note:
        metadata[NOTE] = note["was"]
    else:
        del metadata[NOTE]
    return note


def is_sound(note: Any) -> bool:
    """Whether it has the form of a note: metadata are open to everybody."""
    return (
        isinstance(note, dict)
        and all(isinstance(note.get(key, {}), dict) for key in ("fields", "outputs", "metadata"))
        and all(_are_names(note.get(key, [])) for key in ("added", "order", "more"))
        and all(at.isdecimal() and is_sound(kept) for at, kept in note.get("outputs", {}).items())
    )


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def fingerprint(output: Mapping[str, Any]) -> str:
    """The same for the same output, however it was laid out and whoever saved it."""
    text = json.dumps(_essence(output), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _essence(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _essence(item) for key, item in value.items()}
    if isinstance(value, list):
        if all(isinstance(item, str) and not isinstance(item, Number) for item in value):
            return "".join(value)
        return [_essence(item) for item in value]
    return float(value) if isinstance(value, Number | int) else value
