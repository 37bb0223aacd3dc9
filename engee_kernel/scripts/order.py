"""The order of keys in JSON objects, learned from one value and given to another. Jupyter sorts them as it saves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

OPAQUE = "data"
"""Its values are what a cell has put out: their insides are not looked at."""


class Order:
    """`keys`: by the objects' place, where they are not alphabetical. `mixed`: places without one order."""

    def __init__(self, keys: dict[str, list[str]] | None = None, mixed: Sequence[str] = ()) -> None:
        self.keys = keys or {}
        self.mixed = list(mixed)

    @classmethod
    def of(cls, value: Any) -> Order:
        found: dict[str, list[list[str]]] = {}
        for place, item in _objects(value, ""):
            found.setdefault(place, []).append([str(key) for key in item])
        order = cls()
        for place, sequences in found.items():
            merged = _merged(sequences)
            ranks = {key: rank for rank, key in enumerate(merged)}
            if any(not _rises([ranks[key] for key in sequence]) for sequence in sequences):
                order.mixed.append(place)
            elif merged != sorted(merged):
                order.keys[place] = merged
        return order

    def arrange(self, value: Any, place: str = "") -> Any:
        """The value with its keys in this order, unknown ones last."""
        if isinstance(value, list):
            return [self.arrange(item, f"{place}/*") for item in value]
        if not isinstance(value, dict):
            return value
        keys = list(value)
        if place not in self.mixed:
            ranks = {key: rank for rank, key in enumerate(self.keys.get(place) or sorted(keys))}
            keys.sort(key=lambda key: ranks.get(key, len(ranks)))
        opaque = _is_opaque(place)
        return {key: value[key] if opaque else self.arrange(value[key], f"{place}/{key}") for key in keys}


def put_in_order(item: dict[str, Any], keys: Sequence[str]) -> None:
    """In place; what is not among `keys` comes last."""
    for key in [*(key for key in keys if key in item), *(key for key in list(item) if key not in keys)]:
        item[key] = item.pop(key)


def _objects(value: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, f"{place}/*")
    elif isinstance(value, dict):
        yield place, value
        if not _is_opaque(place):
            for key, item in value.items():
                yield from _objects(item, f"{place}/{key}")


def _is_opaque(place: str) -> bool:
    return place.endswith(f"/{OPAQUE}")


def _merged(sequences: Sequence[Sequence[str]]) -> list[str]:
    """All keys once, each behind the one before it where it was first seen."""
    merged: list[str] = []
    for sequence in sequences:
        at = 0
        for key in sequence:
            if key in merged:
                at = merged.index(key) + 1
            else:
                merged.insert(at, key)
                at += 1
    return merged


def _rises(ranks: Sequence[int]) -> bool:
    return all(one < other for one, other in pairwise(ranks))
