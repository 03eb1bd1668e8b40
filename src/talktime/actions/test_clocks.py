"""The clock of a test organization: it runs with ours until it is moved, then it stands until it is moved again."""

from __future__ import annotations

from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.storage import clock_store
from talktime.storage.database import ReadTx


def may_move_to(tx: ReadTx, org_id: int, to: int, now: int) -> None:
    """Forward only; to the same instant again is allowed, and works off what is due."""
    clock = clock_store.find(tx, org_id)
    if clock is None:
        raise NotFound
    if clock.mode != "test":
        raise StateConflict("not_a_test_organization")
    if to < (now if clock.at is None else clock.at):
        raise Invalid("clock_goes_forward", "now")
