"""Python values on their way to Julia."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..facts.errors import ExchangeError
from .elements import SUPPORTED, loaded
from .encoder import Encoder, Payload


def encode(values: Mapping[str, Any]) -> Payload:
    """Raises ExchangeError naming the variable, the type without a counterpart, and what is supported."""
    encoder = Encoder(_of_packages)
    encoder.count(len(values))
    for name, value in values.items():
        encoder.text(name)
        noticed = len(encoder.payload.notices)
        try:
            encoder.value(value)
        except ExchangeError as error:
            raise ExchangeError(f"{name} can't be sent to Engee: {error.message}.", error.hint or SUPPORTED) from error
        fresh = dict.fromkeys(encoder.payload.notices[noticed:])
        encoder.payload.notices[noticed:] = [f"{name}: {notice}" for notice in fresh]
    return encoder.payload


def _of_packages(encoder: Encoder, value: Any) -> bool:
    if loaded("numpy") is None:
        return False
    from . import arrays, tabular  # noqa: PLC0415 - only where numpy is there

    return (loaded("pandas") is not None and tabular.encode(encoder, value)) or arrays.encode(encoder, value)
