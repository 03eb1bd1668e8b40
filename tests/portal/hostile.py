"""Somebody who types what browsers, templates and spreadsheets could take for more than text, wherever he may."""

from __future__ import annotations

from typing import Any

from talktime.actions.sessions import Visitor, open_session
from tests.portal.client import PortalWorld, Reader, number_of
from tests.web.client import Answer
from tests.web.money import Payer

TEXT = (
    "=7*7 {{1234*5678}} **bold** '\"><img src=x onerror=alert(1)><script>alert(1)</script>\N{RIGHT-TO-LEFT OVERRIDE}abc"
)
PRODUCT = "7006652"
"""What a template would make of it."""
PRINTABLE = TEXT.replace("\N{RIGHT-TO-LEFT OVERRIDE}", "")
WORD = PRINTABLE.replace(" ", "/")
"""Where no spaces may be."""
EMAIL = f"'{WORD}@example.com"
URL = f"https://example.com/?{WORD}"
LONG = "W" * 200
CALL, OWN_CALL = f"{WORD}-1", f"{WORD}-2"
LONDON = "+442079460123"


class Hostile:
    """An organization in which everything is called so."""

    def __init__(self, portal: PortalWorld) -> None:
        self.portal, self.world = portal, portal.world
        prices = {"prefix": "44", "per_minute": "0.02", "destination": TEXT}
        self.prices = self.world.price_list(prices, name=TEXT)
        self.payer = Payer(self.world, name=TEXT, price_list=self.prices)
        self.org, self.api = self.payer.org, self.payer.api
        self._operator()
        self._funds()
        self.user = self._people()
        self._calls()
        self._settings()
        self._members()

    def _operator(self) -> None:
        operator = self.world.operator
        draft = {"rows": [{"prefix": "44", "per_minute": "0.03", "destination": TEXT + "!"}]}
        self._kept(operator.put(f"/v1/operator/price-lists/{self.prices}", draft))
        licence = {"code": "HOUSE1", "name": PRINTABLE, "ability": "calling", "order": "9", "domestic": "*:100"}
        licence |= {"counted": "assigned", "shared": "location"}
        self._kept(operator.put("/v1/operator/licence-catalogue", {"licences": [licence]}))
        self._kept(self.org.grant("500", reason=TEXT))
        self._kept(operator.post(f"{self.org.path}/adjustments", {"amount": "-1", "reason": TEXT}))
        self._kept(operator.post(f"{self.org.path}/adjustments", {"amount": "-250", "reason": TEXT}))

    def _funds(self) -> None:
        self.payer.card()
        self.payer.pay("60")
        self._kept(self.api.post("/v1/agreements", {"number": TEXT}))
        self.invoice = self.payer.pay("60", agreement=TEXT, po_number=TEXT)["id"]
        details = {"legal_name": TEXT, "address": [TEXT], "vat_id": "<b>{{1234*5678}}</b>", "receipts_to": [EMAIL]}
        self._kept(self.api.put("/v1/billing-details", details))
        self.payer.settle()

    def _people(self) -> str:
        user = self._person(TEXT, EMAIL)
        blocked = self._person(LONG, f"{LONG[:180]}@example.com")
        self._kept(self.api.post(f"/v1/users/{blocked}/block", {"reason": TEXT}))
        self._kept(self.api.post("/v1/numbers", {"number": "+12025550100", "type": "toll", "serves": "conference"}))
        return user

    def _person(self, name: str, sign_in_name: str) -> str:
        codes = ["MCOPSTN_PAYG_1", "MCOEV"]
        made = self._kept(self.org.user(name=name, sign_in_name=sign_in_name))
        self._kept(self.api.put("/v1/licences", dict.fromkeys(codes, None)))
        self._kept(self.api.put(f"/v1/users/{made['id']}/licences", [*codes, "MCOPSTNPP"]))
        return str(made["id"])

    def _calls(self) -> None:
        about = {"call_type": "user_out", "user": EMAIL, "to": LONDON, "from": TEXT}
        notes = {"conference_id": TEXT, "sip_call_id": TEXT, "source": TEXT, "switch": WORD[:64]}
        for call in (CALL, OWN_CALL):
            self._kept(self.api.post("/v1/calls/authorize", {"call_id": call, **about, **notes}))
        self._kept(self.api.post("/v1/calls/settle", {"call_id": CALL, "duration_seconds": 61, "cause": TEXT}))
        self._kept(self.api.post("/v1/calls/authorize", {"call_id": f"{WORD}-3", **about, "to": TEXT, "user": TEXT}))

    def _settings(self) -> None:
        webhook = {"url": URL, "events": ["balance_low"]}
        self.webhook = self._kept(self.api.post("/v1/webhooks", webhook))["id"]
        self._kept(self.api.post("/v1/switches", {"name": "gateway", "cut_url": URL, "cut_token": TEXT}))
        alerts = {"balance_low": ["400"], "recipients": [EMAIL]}
        self._kept(self.api.put("/v1/alerts", alerts))
        self.payer.settle()

    def _members(self) -> None:
        self.member = self.portal.member(self.org, "global_administrator", name=TEXT, email=EMAIL)
        self.owner = self.portal.member(None, "operator", name=TEXT, email=EMAIL)

    def administrator(self) -> Reader:
        return self._reader(self.member)

    def operator(self) -> Reader:
        return self._reader(self.owner)

    def _reader(self, member: str) -> Reader:
        app, org_id = self.world.app, number_of(self.org if member == self.member else None)
        at = (Visitor("127.0.0.1", TEXT), app.now(), True)
        _, cookie = app.database.write(org_id, open_session, org_id, member, *at)
        return Reader(self.portal, cookie)

    def _kept(self, answer: Answer) -> Any:
        assert answer.status < 300, answer.content
        return answer.json if answer.content else None
