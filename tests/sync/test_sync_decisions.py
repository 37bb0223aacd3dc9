"""What is done with a file: every combination of what is here, in Engee, and was sent."""

from __future__ import annotations

from itertools import product

import pytest

from engee_kernel.sync.comparison import Action, decide

OURS, NEWER, THEIRS = "ours", "newer", "theirs"


def test_no_combination_loses_what_was_changed_in_engee() -> None:
    seen = set()
    for here, there, sent, delete in product(
        (None, OURS, NEWER), (None, OURS, NEWER, THEIRS), ((), (OURS,), (OURS, NEWER)), (False, True)
    ):
        kind = None if there is None else "file"
        action = decide(here=here, kind=kind, there=there, sent=sent, delete=delete, force=False)
        seen.add(action)
        if action in (Action.SEND, Action.REMOVE):
            assert there is None or there in sent
        if action is Action.REMOVE:
            assert delete
            assert here is None
        if here is not None and there is not None and here != there and there in sent:
            assert action is Action.SEND
        forced = decide(here=here, kind=kind, there=there, sent=sent, delete=delete, force=True)
        assert (forced is action) == (action is not Action.KEEP)
    assert seen == set(Action) - {Action.BLOCKED}


@pytest.mark.parametrize("kind", ["directory", "other", "broken link"])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_file_is_neither_replaced_nor_removed(kind: str, force: bool) -> None:
    assert decide(here=OURS, kind=kind, there=None, sent=(OURS,), delete=True, force=force) is Action.BLOCKED
    assert decide(here=None, kind=kind, there=None, sent=(OURS,), delete=True, force=force) is Action.FORGET
