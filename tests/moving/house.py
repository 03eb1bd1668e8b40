"""An organization that has lived, and what its API says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from talktime.actions import deliveries, moving, notices
from talktime.actions.arriving import Arrival, Arrived
from talktime.actions.audit import Actor
from talktime.actions.seal import seal_all
from talktime.app import App
from talktime.core.ids import org_number
from talktime.settings import load
from talktime.storage import move_store
from talktime.storage import tables as t
from talktime.storage.database import Database
from talktime.storage.move_file import Manifest
from talktime.web.table import API
from tests.support.server import SETTINGS_OF_ALL
from tests.web.client import Organization, World
from tests.web.conftest import opened
from tests.web.money import Payer

SECRET = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
OURS = {"TALKTIME_SECRET_KEY": SECRET}
LIST = {"prefix": "1", "per_minute": "0.12"}
ELSEWHERE = {"/v1/exports", "/v1/switches", "/v1/document.css", "/v1/rates/lookup"}
"""What stays where it is, or is the operator's own or the same for all."""


@contextmanager
def installation(folder: Path, url: str | None = None, secret: str = SECRET) -> Iterator[World]:
    with opened(load({"data": folder, "database": url, "secret_key": secret}, SETTINGS_OF_ALL)) as world:
        yield world


class House:
    def __init__(self, world: World) -> None:
        self.world = world
        world.price_list(LIST, default=True)
        self.payer = Payer(world)
        self.org = self.payer.org
        self.caller = self.org.caller()
        self.calls: list[str] = []

    @property
    def number(self) -> int:
        found = org_number(self.org.id)
        assert found
        return found

    def live(self, steps: Iterable[str]) -> None:
        assert self.org.grant("10").status == 201
        for step in steps:
            STEPS[step](self)

    def asked(self, what: str, call_id: str, **more: object) -> Any:
        """As a switch asks: again, while the machine is too busy to answer in time."""
        while (answer := self.org.api.post(f"/v1/calls/{what}", {"call_id": call_id, **more})).status == 503:
            pass
        assert answer.status == 200, answer.content
        return answer.json

    def authorized(self, call_id: str, to: str = "+12025550117") -> Any:
        return self.asked("authorize", call_id, call_type="ucap_out", user=self.caller, to=to)

    def call(self) -> None:
        self.calls.append(f"call-{uuid4()}")
        assert self.authorized(self.calls[-1])["decision"] == "granted"
        self.asked("settle", self.calls[-1], duration_seconds=61 + 7 * len(self.calls))

    def refused_call(self) -> None:
        assert self.authorized(f"call-{uuid4()}", to="+99")["decision"] == "refused"

    def unanswered_call(self) -> None:
        call_id = f"call-{uuid4()}"
        assert self.authorized(call_id)["decision"] == "granted"
        self.asked("release", call_id, cause="486")

    def give_back(self) -> None:
        if self.calls:
            self.org.reverse(self.calls[-1], "0.01")

    def pay(self) -> None:
        self.payer.card()
        self.payer.pay("50")
        self.payer.settle()

    def secrets(self) -> None:
        made = self.org.api.post("/v1/webhooks", {"url": "https://hooks.example.com/in", "events": ["dispute"]})
        assert made.status == 201, made.content
        cut = {"name": f"edge{uuid4().hex[:8]}", "cut_url": "https://edge.example.com/cut", "cut_token": "a word"}
        assert self.org.api.post("/v1/switches", cut).status == 201

    def people(self) -> None:
        member = {"name": "Ada", "email": f"{uuid4().hex[:8]}@example.com", "roles": ["global_administrator"]}
        assert self.org.api.post("/v1/members", member).status == 201
        assert self.org.user().status == 201
        assert self.org.key("calls").get("/v1/balance").status in (200, 403)

    def close(self) -> None:
        assert self.world.operator.delete(self.org.path).status == 204
        quiet(self.world.app, self.number)

    def export(self, path: Path) -> Manifest:
        app = self.world.app
        return moving.export(app.database, app.vault, self.number, path, silent)


STEPS: dict[str, Callable[[House], None]] = {
    name: getattr(House, name)
    for name in ("call", "refused_call", "unanswered_call", "give_back", "pay", "secrets", "people")
}
ALL = (*STEPS, "call", "people", "call")


def quiet(app: App, org_id: int) -> None:
    """What a worker does in the meantime: everybody is told, and everything sealed."""
    tell(app, org_id)
    seal_all(app.database, app.now)


def tell(app: App, org_id: int) -> None:
    notices.tell_everything(app.database, org_id, app.now())
    deliveries.deliver_due(app.database, app.vault, app.post, app.now, ("email",))


def arrival(world: World, path: Path) -> Arrival:
    app = world.app
    return Arrival(app.database, app.vault, path, Actor("operator", app.now()))


def bring(world: World, path: Path, *, stays_closed: bool = True, starts_again: bool = False) -> Arrived:
    return arrival(world, path).bring(silent, stays_closed=stays_closed, starts_again=starts_again)


def silent(done: int, total: int) -> None:
    """For those who do not watch."""


def said(world: World, org: str) -> dict[str, Any]:
    """Every list and report that there is of an organization."""
    api = world.operator.acting_for(org)
    paths = [
        route.path
        for route in API
        if route.method == "GET" and route.needs_organization and "{" not in route.path and route.path not in ELSEWHERE
    ]
    answers = {path: api.get(path) for path in paths}
    assert [path for path, answer in answers.items() if answer.status != 200] == []
    one = world.operator.get(f"/v1/operator/organizations/{org}")
    return {path: answer.content for path, answer in [*answers.items(), ("organization", one)]}


def there(world: World, org: str) -> Organization:
    return Organization(world, world.operator.get(f"/v1/operator/organizations/{org}").json)


def rows_of(database: Database, org_id: int) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, rows in database.read(org_id, lambda tx: list(move_store.portions(tx, org_id))):
        found.setdefault(name, []).extend(rows)
    return found


def is_empty(world: World, org_id: int = 1) -> bool:
    jobs = world.app.database.read(
        org_id, lambda tx: tx.execute(t.jobs.select().where(t.jobs.c.org_id == org_id)).all()
    )
    return not rows_of(world.app.database, org_id) and not jobs
