"""Every part as it is: where somebody wants to see a call's way, `Tracing` takes its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from talktime.charging.batcher import BATCH_MAX, Batcher, Run
from talktime.notifications.hooks import Hooks
from talktime.storage.store import Store

Door = Callable[..., Any]


class Untraced:
    def door(self, door: Door, route_of: Callable[[Any], str]) -> Door:
        """`route_of` names a request by its route, without what its caller has put into the path."""
        return door

    def batcher(
        self, run: Run, lanes: int, shard_of: Callable[[int], int] = lambda org_id: 0, batch_max: int = BATCH_MAX
    ) -> Batcher:
        return Batcher(run, lanes, shard_of, batch_max)

    def store(self, store: Store) -> Store:
        return store

    def hooks(self, *, internal: bool) -> Hooks:
        return Hooks(internal=internal)

    def close(self) -> None:
        """Nothing is left to be said."""
