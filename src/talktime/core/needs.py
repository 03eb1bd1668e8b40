"""What a batch has to read besides calls, users and accounts: pools that may pay, and what is counted of users."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talktime.core.calls import Authorize, Call, Command, Key
from talktime.core.desk import Desk, State
from talktime.core.pool_book import PoolKey


class Needs(Struct, frozen=True, gc=False):
    """Sorted keys."""

    pools: Sequence[PoolKey] = ()
    tallies: Sequence[Key] = ()
    users: Sequence[Key] = ()
    """By their ids: whoever pays when a pool ends is asked again then."""

    def __bool__(self) -> bool:
        return bool(self.pools or self.tallies or self.users)


def needs(state: State, commands: Sequence[Command]) -> Needs:
    desk, found = Desk(state), _Found()
    for command in commands:
        if desk.has(command.org_id):
            _look(desk, command, desk.call(command), found)
    return Needs(sorted(found.pools), sorted(found.tallies), sorted(found.users))


class _Found:
    def __init__(self) -> None:
        self.pools: set[PoolKey] = set()
        self.tallies: set[Key] = set()
        self.users: set[Key] = set()


def _look(desk: Desk, command: Command, call: Call | None, found: _Found) -> None:
    if isinstance(command, Authorize) and (call is None or call.asked is None):
        _look_at_new(desk, command, found)
    elif call is not None and call.terms is not None:
        _look_at_known(desk, call, command, found)


def _look_at_new(desk: Desk, command: Authorize, found: _Found) -> None:
    case, user = desk.case(command), desk.user(command)
    if case.pool:
        at = command.asked.started_at or desk.now(command)
        found.pools.add((command.org_id, case.pool.pool_id, desk.month(command, at)))
    if user and case.outgoing and desk.counts(command):
        found.tallies.add((command.org_id, user.user_id))


def _look_at_known(desk: Desk, call: Call, command: Command, found: _Found) -> None:
    terms = call.terms
    assert terms is not None
    if terms.pool:
        found.pools.add((call.org_id, terms.pool, terms.month))
        if terms.user_id and not call.over:
            found.users.add((call.org_id, terms.user_id))
    if call.caller and desk.counts(command):
        found.tallies.add((call.org_id, call.caller))
