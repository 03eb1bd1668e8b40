"""An organization that adds funds: a test organization, its clock and its simulated cards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from talktime.actions.arriving import open_again
from talktime.actions.audit import Actor
from talktime.core.ids import org_number
from talktime.payments.provider import Provider
from tests.web.client import Answer, Client, Organization, World

START = "2030-05-02T08:00:00Z"
GOOD, SECOND = "4242424242424242", "5555555555554444"
LOST, POOR, ASKS = "4000000000009987", "4000000000009995", "4000002760003184"


def providers_of(world: World) -> dict[str, Provider]:
    """As they are set up, to be set up otherwise."""
    return cast(dict[str, Provider], world.app.till.providers)


class Payer:
    """Its clock stands at START and moves only when it is told."""

    def __init__(self, world: World, clock: str | None = START, **fields: Any) -> None:
        self.world = world
        self.org: Organization = world.organization(**{"mode": "test"} | fields)
        self.api: Client = self.org.api
        self.operator = world.operator
        if clock:
            self.move(clock)

    def move(self, to: str) -> None:
        moved = self.operator.put(f"{self.org.path}/clock", {"now": to})
        assert moved.status == 200, moved.content

    def card(self, number: str = GOOD) -> str:
        made = self.api.post("/v1/payment-methods", {"simulator_card": number})
        assert made.status == 201, made.content
        return str(made.json["id"])

    def pay(self, amount: str, **fields: Any) -> Any:
        made = self.api.post("/v1/top-ups", {"amount": amount} | fields)
        assert made.status == 201, made.content
        return made.json

    def top_up(self, top_up: Any) -> Any:
        return self.api.get(f"/v1/top-ups/{top_up['id']}").json

    @property
    def payments(self) -> list[Any]:
        """Newest first."""
        return list(self.api.get("/v1/top-ups", limit=1000).json["data"])

    @property
    def ended(self) -> list[str]:
        """How the payments ended, oldest first."""
        return [payment["status"] for payment in self.payments[::-1]]

    def script(self, *answers: Any) -> None:
        put = self.operator.put(f"{self.org.path}/simulator", {"answers": list(answers)})
        assert put.status == 200, put.content

    def decline(self, *codes: str) -> None:
        self.script(*[{"result": "declined", "code": code} for code in codes])

    def tell(self, what: str, **fields: Any) -> Answer:
        """Something that the simulator does."""
        return self.operator.post(f"{self.org.path}/simulator/{what}", fields)

    @property
    def charges(self) -> list[Any]:
        return list(self.operator.get(f"{self.org.path}/simulator").json["charges"])

    @property
    def attempts(self) -> list[Any]:
        return list(self.operator.get(f"{self.org.path}/simulator").json["attempts"])

    def recharge(self, amount: str = "120", trigger: str = "60", **fields: Any) -> Any:
        """On, with the consent to charge at once."""
        saved = self.save(amount, trigger, **{"confirm_charge": True} | fields)
        assert saved.status == 200, saved.content
        self.settle()
        return saved.json

    def save(self, amount: str = "120", trigger: str = "60", **fields: Any) -> Answer:
        body = {"enabled": True, "recharge_amount": amount, "trigger": trigger} | fields
        return self.api.put("/v1/recharge-settings", body)

    @property
    def setting(self) -> Any:
        return self.api.get("/v1/recharge-settings").json

    @property
    def state(self) -> str:
        return str(self.setting["state"])

    def spend(self, amount: str) -> None:
        """The balance falls, and what follows from that follows."""
        adjusted = self.org.adjust(f"-{amount}")
        assert adjusted.status == 201, adjusted.content
        self.settle()

    def open_again(self) -> None:
        """By the command line, and what follows from it."""
        org_id, app = org_number(self.org.id) or 0, self.world.app
        app.database.write(org_id, open_again, org_id, Actor("operator", app.now()))
        self.settle()

    def settle(self) -> None:
        """What is due by the clock where it stands."""
        while self.world.app.money.sweep():
            pass

    @property
    def money(self) -> tuple[str, str, str]:
        """Balance, held, pending."""
        now = self.api.get("/v1/balance").json
        return now["balance"], now["held"], now["pending"]

    @property
    def statement(self) -> list[tuple[str, str]]:
        """Oldest first."""
        return [(entry["kind"], entry["amount"]) for entry in self.org.entries[::-1]]

    def told(self, event: str = "") -> list[Any]:
        """The details of these notices, oldest first."""
        rows = self.api.get("/v1/notices", limit=1000).json["data"]
        kept = [row for row in rows[::-1] if row["channel"] == "banner" and event in ("", row["event"])]
        return [row["details"] if event else row["event"] for row in kept]

    @property
    def items(self) -> Iterator[str]:
        """Why people must look."""
        rows = self.operator.get("/v1/operator/reconciliation", limit=1000).json["data"]
        return (row["reason"] for row in rows if row["organization"] == self.org.id)
