"""The clock of a test organization: it runs with ours until it is moved, then it stands until it is moved again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.storage import clock_store
from talktime.storage.database import Database, ReadTx

Do = Callable[[], object]
Due = Callable[[int, int], tuple[int, Do] | None]
"""What of an organization is due first by an instant, and how it is done."""


def may_move_to(tx: ReadTx, org_id: int, to: int, now: int) -> None:
    """Forward only; to the same instant again is allowed, and works off what is due."""
    clock = clock_store.find(tx, org_id)
    if clock is None:
        raise NotFound
    if clock.mode != "test":
        raise StateConflict("not_a_test_organization")
    if to < (now if clock.at is None else clock.at):
        raise Invalid("clock_goes_forward", "now")


def reads(tx: ReadTx, org_id: int, now: int) -> int:
    """What an organization's clock shows."""
    clock = clock_store.find(tx, org_id)
    return now if clock is None or clock.at is None else clock.at


def move(database: Database, org_id: int, to: int, dues: Sequence[Due]) -> None:
    """What falls due on the way happens at its instant, in order; of two at the same instant by the order of `dues`."""
    while step := _first(dues, org_id, to):
        at, do = step
        database.write(org_id, clock_store.not_before, org_id, at)
        do()
    database.write(org_id, clock_store.set_to, org_id, to)


def _first(dues: Sequence[Due], org_id: int, until: int) -> tuple[int, Do] | None:
    steps = [due(org_id, until) for due in dues]
    return min([step for step in steps if step], key=lambda step: step[0], default=None)
