"""Two organizations that are alike: of one the calls are recorded one by one, of the other they come in a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace
from sqlalchemy import delete, insert, select

from talktime.actions.audit import Actor
from talktime.actions.posting import Postings
from talktime.charging.engine import Engine, Shelf
from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Record
from talktime.core.ids import org_name
from talktime.core.lots import Lot
from talktime.core.money import micros as usd
from talktime.core.prices import PriceKind, Row, Window
from talktime.core.time import DAY, moment
from talktime.rating.post_files import Summary, post_file
from talktime.storage import knowledge_store, price_store, user_store
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from talktime.storage.price_store import Head, Version
from talktime.storage.store import decode_call, decode_postings
from talktime.storage.user_store import UserRow
from talktime.storage.verify import verify
from tests.charging.books import Books
from tests.core.switch import NO_GUARD, NOW, YEAR, lot

ONE, OTHER = 1, 2
"""Recorded one by one, and posted from a file."""
HEADER = ("call_id", "call_type", "to", "started_at", "duration_seconds", "user", "from", "conference_id")
CONF, PER_MINUTE, US_CA = "MCOMEETADD", "MCOMEETACPEA", "MCOMEETADD_DIALOUT_US"
PAYG, PP, EV = "MCOPSTN_PAYG_1", "MCOPSTNPP", "MCOEV"
PEOPLE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("GB", "", (PAYG, PP)),
    ("GB", "", ("MCOPSTN1", EV, PP)),
    ("GB", "", ("MCOPSTN1", EV)),
    ("US", "", ("MCOPSTN2", EV, PP)),
    ("US", "", ("MCOPSTN2", EV, PP)),
    ("US", "", ("MCOPSTN8", EV, PP)),
    ("FR", "", (CONF, "MCOPSTN1", EV, PP)),
    ("US", "", (US_CA, PP)),
    ("DE", "", (PER_MINUTE, PP)),
    ("US", "DialoutCPCDisabledPSTNDomestic", (CONF, "MCOPSTN2", EV, PP)),
    ("ZW", "", (CONF,)),
    ("GB", "", ()),
)
NUMBERS = (
    *("+442079460117", "+442079460118", "+12025550117", "+14165550117", "+17872345678", "+18765550117"),
    *("+33142345678", "+33899123456", "+26342345678", "+449098790117", "+448449460117", "+881612345678"),
    *("+77172345678", "+4930901820", "+9991234567", "+448005550117", "+448715550117", "+2425550123"),
    *("911", "112", "110", "12345", "junk"),
)
TOLL_FREE = "+448005550117"
ROWS = (
    Row("44", "United Kingdom", usd("0.1"), windows=(Window((1, 2, 3, 4, 5), 480, 1080, usd("0.2"), usd("0.01")),)),
    Row("33", "France", usd("0.06"), usd("0.25"), 30, 6),
    Row("49", "Germany", 0),
    Row("1", "United States", usd("0.012345"), 0, 1, 1),
    Row("1876", "Jamaica", usd("0.7"), valid_from=NOW - 40 * DAY),
    Row("263", "Zimbabwe", usd("900000000000"), 0, 60, 60),
    Row("7", "Russia", usd("0.33"), usd("0.1")),
    Row("44800", "our toll-free number", usd("0.04"), kind=PriceKind.TOLL_FREE),
    Row("44871", "our bridge", usd("0.02"), kind=PriceKind.CONFERENCE),
)
POOLS = {CONF: (60, 0), US_CA: (30, 0), "MCOPSTN1/GB": (50, 0), "MCOPSTN1/FR": (20, 0), "MCOPSTN2/US": (40, 15)}
POOLS |= {"MCOPSTN8/US/usr_5": (12, 0)}


@dataclass(frozen=True)
class Made:
    """A call of the file."""

    call_id: str
    call_type: CallType
    to: str
    at: int
    seconds: int
    user: str | None
    caller: str | None = None
    conference_id: str | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        at = moment(self.at).isoformat(timespec="microseconds")
        words = (self.user or "", self.caller or "", self.conference_id or "")
        return self.call_id, self.call_type.value, self.to, at, str(self.seconds), *words


def calls(chance: Random, number: int) -> list[Made]:
    types = list(CallType) + [CallType.USER_OUT] * 12 + [CallType.CONF_OUT] * 8 + [CallType.CONF_IN] * 3
    return [_call(chance, place, chance.choice(types)) for place in range(number)]


def _call(chance: Random, place: int, call_type: CallType) -> Made:
    at = NOW - chance.randrange(60 * DAY)
    seconds = chance.choice((0, 1, 59, 60, 61, chance.randrange(600), chance.randrange(600), chance.randrange(9000)))
    number = chance.randrange(len(PEOPLE))
    user = chance.choice((f"usr_{number}", f"user{number}@example.com", f"+4420794611{number:02d}", "nobody", None))
    user = f"usr_{number}" if chance.random() < 0.6 else user
    caller = chance.choice((None, None, '+4420 "7\\9', "Zoë, née {x}"))
    return Made(f"c{place}", call_type, chance.choice(NUMBERS), at, seconds, user, caller, chance.choice((None, "k,1")))


class World:
    def __init__(self, books: Books, folder: Path, versions: int = 2, **rules: Any) -> None:
        self.books, self.database, self.folder = books, books.database, folder
        rules = {"limits": json.dumps({"fraud": NO_GUARD | rules.pop("guard", {})})} | rules
        lots: Sequence[Lot] = rules.pop("lots", (lot("lot1", "30"), lot("lot2", "5", NOW + DAY)))
        for org_id in (ONE, OTHER):
            books.organization(*lots, org_id=org_id, **rules)
            self.database.write(EVERYBODY, _people, org_id)
        self.database.write(EVERYBODY, _prices, versions)
        prices = Shelf(lambda: self.database.read((), price_store.published, {}))
        knowledge = Shelf(lambda: self.database.read((), knowledge_store.load))
        self.engine = Engine(books.store, prices, None, knowledge)

    def record(self, made: Sequence[Made]) -> None:
        for one in sorted(made, key=lambda call: call.at):
            asked = Asked(one.call_type, one.to, one.user, one.caller, one.conference_id)
            asked = replace(asked, started_at=one.at, duration_seconds=one.seconds)
            self.engine.run([Record(ONE, one.call_id, NOW, "rate-records", asked)])

    def file(self, made: Sequence[Made], name: str = "calls.csv", folder: Path | None = None) -> Path:
        path = (folder or self.folder) / name
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(one.cells for one in made)
        return path

    def post(
        self, made: Sequence[Made], name: str = "calls.csv", org_id: int = OTHER, folder: Path | None = None
    ) -> Summary:
        source = self.file(made, name, folder)
        postings = self.postings(org_id, name)
        summary = post_file(source, source.with_name("out.csv"), {}, postings.post)
        postings.end()
        return summary

    def postings(self, org_id: int, name: str) -> Postings:
        return Postings(self.database, org_name(org_id), name, None, Actor("rate-records", NOW))

    def errors(self) -> list[dict[str, str]]:
        path = self.folder / "out.csv.errors.csv"
        return list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []

    def out(self) -> list[dict[str, str]]:
        with (self.folder / "out.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def state(self, org_id: int) -> dict[str, Any]:
        """All that the two ways have in common."""
        return self.database.read(EVERYBODY, _state, org_id)

    def findings(self) -> list[str]:
        """But for what is made up: pools as small as the files need them, users who are blocked from the beginning."""
        found = [f"{one.invariant} {one.organization} {one.detail}" for one in verify(self.database).findings]
        return [one for one in found if not any(words in one for words in MADE_UP)]


MADE_UP = ("licences bring", "the log of blocks ends with nothing")


def _people(tx: Tx, org_id: int) -> None:
    users = [_user(place, *about) for place, about in enumerate(PEOPLE)]
    user_store.add(tx, org_id, users)
    for pool_id, (first, second) in POOLS.items():
        row = {"org_id": org_id, "pool_id": pool_id, "capability": pool_id.partition("/")[0], "month": "2031-03"}
        totals = {"first_total": first, "second_total": second, "first_high": first, "second_high": second}
        tx.execute(insert(t.pools), row | totals)
    number = {"org_id": org_id, "number": TOLL_FREE, "number_id": "num_1", "type": "toll_free", "serves": "queue"}
    tx.execute(insert(t.service_numbers), number | {"created_at": NOW})


def _user(place: int, home: str, policy: str, licences: Sequence[str]) -> UserRow:
    number, codes = f"+4420794611{place:02d}", json.dumps(licences)
    about = (f"User {place}", f"user{place}@example.com", home, number, "person", "en", codes, NOW)
    return UserRow(f"usr_{place}", *about, policy=policy or None, blocked_at=NOW if place == 4 else None)


def _prices(tx: Tx, versions: int) -> None:
    for table in (t.price_versions, t.price_lists):
        tx.execute(delete(table))
    price_store.add(tx, Head("pl_1", "Standard", "USD", 4, False, 0))
    for version in range(1, versions + 1):
        rows = [replace(row, per_minute=row.per_minute * version) for row in ROWS]
        at = NOW - YEAR if version == 1 else NOW - 10 * DAY * version
        draft = Version("pl_1", version, 4 + (version == 2), None, len(rows), 0)
        price_store.replace_draft(tx, draft, price_store.packed(rows))
        price_store.publish(tx, draft, at)
    head = price_store.find(tx, "pl_1")
    assert head
    price_store.make_default(tx, head)


def _state(tx: ReadTx, org_id: int) -> dict[str, Any]:
    def rows(table: Any, *left_out: str) -> list[Any]:
        columns = [column for column in table.columns if column.name not in ("org_id", *left_out)]
        return sorted(tuple(row) for row in tx.execute(select(*columns).where(table.c.org_id == org_id)))

    books: dict[str, int] = {}
    for postings in tx.scalars(select(t.entries.c.postings).where(t.entries.c.org_id == org_id)):
        for source, destination, amount in map(astuple_of, decode_postings(postings)):
            books[source] = books.get(source, 0) - amount
            books[destination] = books.get(destination, 0) + amount
    notices = tx.scalars(select(t.notices.c.once).where(t.notices.c.org_id == org_id)).all()
    stories = tx.scalars(select(t.calls.c.story).where(t.calls.c.org_id == org_id))
    refused = [call for call in map(decode_call, stories) if call.answer and "reason" in call.answer.__struct_fields__]
    return {
        "account": rows(t.accounts, "last_entry_no", "last_audit_no"),
        "lots": rows(t.lots),
        "pool months": [row for row in rows(t.pool_months) if any(row[2:])],
        "usage": rows(t.usage, "usage_id", "entry_key"),
        "books": {name: amount for name, amount in books.items() if amount},
        # A file falls through a level in one step, calls one by one in several.
        "notices": sorted({once.partition("::")[0] for once in notices}),
        "refused": sorted(_refused(call) for call in refused),
    }


def astuple_of(posting: Any) -> tuple[str, str, int]:
    return posting.source, posting.destination, posting.amount


def _refused(call: Any) -> tuple[Any, ...]:
    return call.call_id, call.answer.reason.value, call.answer.rate, call.settled, call.asked, call.opened_at
