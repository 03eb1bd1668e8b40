"""An organization with a mail server and a receiver of webhooks, on both databases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import insert

from talktime.core.ids import org_number
from talktime.settings import Settings
from talktime.storage import notice_store
from talktime.storage import tables as t
from talktime.storage.database import Tx
from talktime.storage.delivery_store import EMAIL, WEBHOOK
from talktime.storage.notice_rows import notice
from tests.support.mailbox import Mailbox, mailbox
from tests.support.postgres import Cluster
from tests.support.receiver import Receiver, receiver
from tests.web.client import Answer, Organization, World
from tests.web.conftest import empty_data, empty_postgres, opened

__all__ = ["empty_data", "empty_postgres"]


class Office:
    def __init__(self, world: World, box: Mailbox, receiver: Receiver) -> None:
        self.world, self.box, self.receiver = world, box, receiver
        self.app = world.app
        self.org = self.another()

    def another(self, **fields: Any) -> Organization:
        return self.world.organization(name="Example Ltd", **fields)

    def number(self, org: Organization | None = None) -> int:
        number = org_number((org or self.org).id)
        assert number is not None
        return number

    def member(self, name: str, *roles: str, language: str = "en", org: Organization | None = None) -> str:
        """As somebody who was invited."""
        row = {
            "org_id": self.number(org),
            "member_id": f"mem_{name}",
            "name": name.title(),
            "email": f"{name}@example.com",
            "roles": json.dumps(roles or ["global_administrator"]),
            "language": language,
            "state": "active",
            "created_at": self.app.now(),
        }
        self._write(lambda tx: tx.execute(insert(t.members), row), org)
        return str(row["email"])

    def choose(self, *recipients: str) -> None:
        row = {"org_id": self.number(), "settings": json.dumps({"recipients": recipients, "balance_low": ["25"]})}
        self._write(lambda tx: tx.execute(insert(t.alerts), row))

    def happen(self, event: str, once: str = "1", org: Organization | None = None, **details: str) -> None:
        """Something happens, and is written down as its cause does it."""
        at = self.app.now()
        row = notice(self.number(org), event, once, at, **details)
        self._write(lambda tx: notice_store.add(tx, row.org_id, [row]), org)

    def _write(self, step: Callable[[Tx], object], org: Organization | None = None) -> None:
        self.app.database.write(self.number(org), step)

    def webhook(self, *events: str, url: str | None = None) -> Any:
        made = self.org.api.post("/v1/webhooks", {"url": url or self.receiver.url, "events": events})
        assert made.status == 201, made.content
        return made.json

    def go_on(self) -> int:
        """What the worker does each second; how many things were sent."""
        self.app.tell()
        return sum(self.app.deliver(channel, lambda: False) for channel in (EMAIL, WEBHOOK))

    @property
    def notices(self) -> list[dict[str, Any]]:
        return list(self.org.api.get("/v1/notices").json["data"])

    def rows(self, channel: str) -> list[dict[str, Any]]:
        return [row for row in self.notices if row["channel"] == channel]

    def undelivered(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.world.operator.get("/v1/operator/deliveries", **query).json["data"])

    def replay(self, delivery: str) -> Answer:
        return self.world.operator.post(f"/v1/operator/deliveries/{self.org.id}/{delivery}/replay")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, box: Mailbox, hook: Receiver, tmp_path: Path) -> Iterator[Office]:
    common: dict[str, Any] = {
        "smtp_url": box.url,
        "mail_from": "Talktime <talktime@example.com>",
        "public_url": "https://talktime.example.com",
        "webhooks_to_internal": True,
    }
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("empty_data"), tmp_path / "data")
        with opened(Settings(data=tmp_path / "data", **common)) as world:
            yield Office(world, box, hook)
        return
    cluster = cast(Cluster, request.getfixturevalue("postgres"))
    url = cluster.fresh_database(copy_of=request.getfixturevalue("empty_postgres"))
    with opened(Settings(data=tmp_path, database=url, **common)) as world:
        yield Office(world, box, hook)
    cluster.drop_database(url)
