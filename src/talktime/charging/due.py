"""What happens by itself: holds die, lots expire. Found by a plain look, decided by the engine like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from talktime.core.calls import Answer, Command, Lapse, Touch
from talktime.storage import call_store, expiry_store
from talktime.storage.database import EVERYBODY, Database

BY = "clock"
PORTION = 256
Run = Callable[[Sequence[Command]], list[Answer]]


def sweep(database: Database, run: Run, now: int, shard_of: Callable[[int], int] = lambda org_id: 0) -> int:
    """Work off what is due by our clock; how much it was. Any number of processes may do it at the same time."""
    lapses: list[Command] = [
        Lapse(org_id, call_id, now, BY)
        for org_id, call_id, _ in database.read(EVERYBODY, call_store.due, now, 4 * PORTION)
    ]
    touches: list[Command] = [
        Touch(org_id, "", now, BY) for org_id in database.read(EVERYBODY, expiry_store.expiring, now, 4 * PORTION)
    ]
    for portion in portions([*lapses, *touches], shard_of):
        run(portion)
    return len(lapses) + len(touches)


def portions(commands: Sequence[Command], shard_of: Callable[[int], int]) -> Iterator[Sequence[Command]]:
    """Of one shard each, as a batch must be."""
    shards: dict[int, list[Command]] = {}
    for command in commands:
        shards.setdefault(shard_of(command.org_id), []).append(command)
    for mine in shards.values():
        for start in range(0, len(mine), PORTION):
            yield mine[start : start + PORTION]


def next_step(database: Database, run: Run, org_id: int, until: int) -> tuple[int, Callable[[], object]] | None:
    """What of a test organization is due first by then, and how it is done at its instant."""
    step = _next_due(database, org_id, until)
    if step is None:
        return None
    at, command = step
    return at, lambda: run([command])


def _next_due(database: Database, org_id: int, until: int) -> tuple[int, Command] | None:
    call = database.read(org_id, call_store.next_due, org_id, until)
    ends = database.read(org_id, expiry_store.next_expiry, org_id, until)
    if ends is not None and (call is None or ends <= call[1]):
        return ends, Touch(org_id, "", ends, BY)
    return (call[1], Lapse(org_id, call[0], call[1], BY)) if call else None
