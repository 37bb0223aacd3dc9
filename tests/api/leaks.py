"""Looks for secrets where none may be: texts, exceptions with their causes, objects, log records."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator


def texts_of(thing: object) -> Iterator[str]:
    """Everything that printing or logging a thing could show."""
    yield repr(thing)
    yield str(thing)
    yield f"{thing}"
    if isinstance(thing, BaseException):
        yield "".join(traceback.format_exception(thing))
        yield repr(vars(thing))
        for inner in (thing.__cause__, thing.__context__):
            if inner is not None:
                yield from texts_of(inner)


def texts_of_record(record: logging.LogRecord) -> Iterator[str]:
    yield record.getMessage()
    yield repr(record.args)
    yield str(record.exc_text)


def assert_hidden(secrets: Iterable[str], *things: object, records: Iterable[logging.LogRecord] = ()) -> None:
    shown = [text for thing in things for text in texts_of(thing)]
    shown += [text for record in records for text in texts_of_record(record)]
    for secret in secrets:
        assert len(secret) > 8, "too short to look for"
        for text in shown:
            # never show the text itself: it holds the secret
            assert secret not in text, f"a secret is shown in a text of {len(text)} characters"
