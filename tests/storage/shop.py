"""A small telephone company on a real database: a switch speaks, the engine answers, the books are looked through."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from talktime.actions import funds
from talktime.actions.audit import Actor
from talktime.charging.engine import Engine, Shelf
from talktime.core.calls import Answer, Command
from talktime.core.money import micros
from talktime.storage import org_store, user_store
from talktime.storage.database import EVERYBODY, Database, PostgresDatabase, SqliteDatabase, Tx
from talktime.storage.org_store import Organization
from talktime.storage.postgres_store import PostgresStore
from talktime.storage.sqlite_store import SqliteStore
from talktime.storage.store import Store
from talktime.storage.user_store import UserRow
from talktime.storage.verify import verify
from tests.core.switch import NO_LIMITS, NOW, PAY_AS_YOU_GO, ROWS, YEAR, Switch, priced

FUNDS = "10"
BOSS = Actor("key_boss", NOW)
PRICES = priced(*ROWS)
ANN = UserRow("usr_ann", "Ann", "ann", "GB", None, "person", "en", json.dumps(PAY_AS_YOU_GO), NOW)


class Phone(Switch):
    """Somebody of one organization."""

    def __init__(self, engine: Engine, org_id: int) -> None:
        super().__init__()
        self._engine = engine
        self.org_id = org_id

    def run(self, *commands: Command) -> list[Answer]:
        return self._engine.run(commands)


class Shop:
    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.store = store
        self.engine = Engine(store, Shelf(lambda: PRICES))
        self._is_open = True

    def open(self, *org_ids: int) -> None:
        """Organizations with ten dollars each."""
        self.database.write(EVERYBODY, _open, org_ids or (1,))

    def phone(self, org_id: int = 1) -> Phone:
        return Phone(self.engine, org_id)

    def problems(self) -> list[str]:
        """What does not add up."""
        return [f"{found.organization}: {found.detail}" for found in verify(self.database).findings]

    def close(self) -> None:
        """A test may close it earlier than its fixture does."""
        if self._is_open:
            self._is_open = False
            self.store.close()
            self.database.close()


def _open(tx: Tx, org_ids: Sequence[int]) -> None:
    for org_id in org_ids:
        org_store.add(tx, organization(org_id))
        user_store.add(tx, org_id, [ANN])
        funds.grant(tx, org_id, funds.Grant("1", micros(FUNDS), NOW + YEAR, 100), BOSS)


def organization(org_id: int) -> Organization:
    return Organization(
        org_id=org_id,
        name="Example",
        country="GB",
        currency="USD",
        time_zone="Europe/London",
        language="en",
        mode="live",
        billing_account="prepaid",
        policy="DialoutCPCandPSTNInternational",
        price_list=None,
        slice_seconds=300,
        max_call_seconds=10_800,
        grace_seconds=120,
        limits=NO_LIMITS,
        state="open",
        created_at=NOW,
    )


def sqlite_shop(path: Path) -> Shop:
    database = SqliteDatabase(path)
    return Shop(database, SqliteStore(database))


def postgres_shop(url: str, lanes: int = 2, shard_of: Callable[[int], int] | None = None) -> Shop:
    return Shop(PostgresDatabase(url), PostgresStore(url, lanes, shard_of))
