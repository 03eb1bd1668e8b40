"""The notebook of the payment simulator. It stands beside our books, and neither looks into the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import insert, select, update

from talktime.core.gateway import Event, ProviderError
from talktime.core.ids import org_name, org_number, uuid7_of
from talktime.storage import inbox_store, org_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.inbox_store import Letter

c = t.simulator.c
NAME = "simulator"


@dataclass(frozen=True, slots=True)
class Page:
    """Open for writing: what is written is kept when it is closed."""

    tx: Tx
    org_id: int
    now: int
    """By the organization's clock."""
    real: int

    def find(self, kind: str, name: str) -> Mapping[str, Any] | None:
        body = self.tx.scalar(select(c.body).where(*self._of(kind), c.name == name))
        return None if body is None else msgspec.json.decode(body)

    def first(self, kind: str, state: str) -> tuple[str, Mapping[str, Any]] | None:
        query = select(c.name, c.body).where(*self._of(kind), c.state == state).order_by(c.name).limit(1)
        row = self.tx.execute(query).first()
        return (row.name, msgspec.json.decode(row.body)) if row else None

    def all(self, kind: str) -> list[tuple[str, str, Mapping[str, Any]]]:
        query = select(c.name, c.state, c.body).where(*self._of(kind)).order_by(c.at, c.record_id)
        return [(row.name, row.state, msgspec.json.decode(row.body)) for row in self.tx.execute(query)]

    def add(self, kind: str, name: str, state: str, body: Mapping[str, Any]) -> None:
        record_id = f"sim_{uuid7_of(self.real, f'{kind}:{name}')}"
        row = {"org_id": self.org_id, "record_id": record_id, "kind": kind, "name": name, "state": state}
        self.tx.execute(insert(t.simulator), row | {"body": msgspec.json.encode(body).decode(), "at": self.now})

    def change(self, kind: str, name: str, state: str) -> None:
        self.tx.execute(update(t.simulator).where(*self._of(kind), c.name == name).values(state=state))

    def send(self, event: Event) -> None:
        body = msgspec.json.encode(event).decode()
        inbox_store.add(self.tx, Letter(self.org_id, event.event_id, NAME, body, self.now), self.now)

    def _of(self, kind: str) -> tuple[Any, ...]:
        return c.org_id == self.org_id, c.kind == kind


@dataclass(frozen=True, slots=True)
class StoredNotebook:
    database: Database
    now: Callable[[], int]

    @contextmanager
    def open(self, organization: str) -> Iterator[Page]:
        """In the organization's turn: the answers that were scripted are given in order."""
        org_id = org_number(organization) or 0
        with self.database.writing(org_id) as tx:
            org = org_store.lock(tx, org_id)
            if org is None or org.mode != "test":
                raise ProviderError("only test organizations have a simulator")
            yield Page(tx, org_id, org.now(self.now()), self.now())

    def organizations(self) -> Sequence[str]:
        return [org_name(org_id) for org_id in self.database.read(EVERYBODY, with_charges)]


def with_charges(tx: ReadTx) -> Sequence[int]:
    """Spans organizations."""
    return tx.scalars(select(c.org_id).where(c.kind == "charge").distinct().order_by(c.org_id)).all()
