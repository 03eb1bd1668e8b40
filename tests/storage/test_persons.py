"""A person who is to be forgotten is found nowhere afterwards, and everywhere in the file that was made before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from msgspec.structs import replace
from sqlalchemy import Text, insert, select

from talktime.actions import (
    agreements,
    alerts,
    blocking,
    funds,
    idempotency,
    members,
    notices,
    payments,
    people,
    person_file,
    persons,
    receipts,
    sessions,
    user_files,
)
from talktime.actions.audit import Actor
from talktime.actions.erasure import Erased, erase
from talktime.actions.errors import NotFound
from talktime.actions.files_about import Files
from talktime.actions.payments import TopUp
from talktime.actions.persons import CannotErase
from talktime.actions.seal import seal_all
from talktime.actions.sessions import Visitor
from talktime.core.money import micros
from talktime.core.receipts import BillingDetails
from talktime.core.time import DAY
from talktime.core.user_rows import UserLine
from talktime.storage import inbox_store, person_store
from talktime.storage import tables as t
from talktime.storage.adjustment_store import BOOKED, Adjustment
from talktime.storage.agreement_store import Agreement
from talktime.storage.alert_store import Alerts
from talktime.storage.database import EVERYBODY, ReadTx, Tx
from talktime.storage.idempotency_store import Kept
from talktime.storage.inbox_store import Letter
from talktime.storage.member_store import ACTIVE, MemberRow
from talktime.storage.notice_rows import notice
from talktime.storage.notice_store import add as add_notices
from talktime.storage.person_store import EVERYWHERE
from talktime.storage.user_store import UserRow
from talktime.storage.verify import verify
from tests.core.switch import NOW, PAY_AS_YOU_GO
from tests.storage.company import BOSS, TERMS
from tests.storage.shop import Phone, Shop

NAME, EMAIL, NUMBER = "Quenelda Thistlewood", "quenelda.thistlewood@example.com", "+442079460177"
FORMER, FORMER_EMAIL = "Quenelda Brambleton", "q.brambleton@example.com"
CALLED = "+442079460188"
"""Whom she called: it is hers whom she spoke with."""
CANARIES = ("Thistlewood", "thistlewood", "Brambleton", "brambleton", NUMBER[1:], CALLED[1:])
ADDRESS, AGENT = "192.0.2.77", "Thistlewood's telephone"
LATER = Actor("command_line", NOW + DAY)
NO_FILES = Files(Path("there-is-none"))
QUE = UserRow("usr_que", FORMER, FORMER_EMAIL, "GB", NUMBER, "person", "en", json.dumps(PAY_AS_YOU_GO), NOW)
HER = MemberRow("mem_que", FORMER, FORMER_EMAIL, ("report_reader",), "en", ACTIVE, NOW)


def planted(shop: Shop) -> int:
    """The organization, after she was in every place that takes a person."""
    org_id = 1
    shop.open(org_id)
    shop.database.write(org_id, _her, org_id)
    _her_calls(shop.phone(org_id))
    shop.database.write(org_id, _what_was_said, org_id)
    notices.tell_everything(shop.database, org_id, NOW)
    seal_all(shop.database, lambda: NOW)
    return org_id


def _her(tx: Tx, org_id: int) -> None:
    roles = ("global_administrator",)
    members.invite(tx, org_id, MemberRow("mem_1", "Ada", "ada@example.com", roles, "en", ACTIVE, NOW), BOSS)
    agreements.add(tx, Agreement(org_id, "agr_1", "EA-17", NOW), BOSS)
    people.create(tx, org_id, QUE, BOSS)
    people.change(tx, org_id, "usr_que", {"name": NAME, "sign_in_name": EMAIL}, BOSS)
    blocking.block(tx, org_id, "usr_que", f"{NAME} is on leave", BOSS)
    blocking.unblock(tx, org_id, "usr_que", BOSS)
    members.invite(tx, org_id, HER, BOSS)
    members.change(tx, org_id, "mem_que", {"name": NAME, "email": EMAIL}, BOSS)
    sessions.open_session(tx, org_id, "mem_que", Visitor(ADDRESS, AGENT), NOW, True)
    tx.execute(insert(t.credentials), {"org_id": org_id, "member_id": "mem_que", "sso_subject": f"idp|{EMAIL}"})


def _her_calls(phone: Phone) -> None:
    phone.authorize("q1", user=EMAIL, to=CALLED, from_=NUMBER, sip_call_id=f"7@{NUMBER}")
    phone.settle("q1", 61)
    phone.authorize("q2", to=NUMBER)
    phone.settle("q2", 30)
    phone.authorize("q3", user=EMAIL, to="+999123" + CALLED[1:])
    phone.authorize("q4", user="usr_que", to=CALLED)
    phone.release("q4", "486")


def _what_was_said(tx: Tx, org_id: int) -> None:
    adjustment = Adjustment("adj_q", micros("-0.5"), f"asked for by {NAME}", BOOKED, BOSS.by, None, NOW)
    funds.adjust(tx, org_id, adjustment, micros("1"), BOSS)
    payments.begin(tx, org_id, TopUp("pay_q", micros("80"), None, "EA-17", f"PO of {NAME}"), TERMS, BOSS)
    alerts.save(tx, org_id, Alerts(recipients=("billing@example.com", EMAIL)), BOSS)
    receipts.set_details(tx, org_id, BillingDetails("Example Ltd", ("1 Example Street",), None, None, (EMAIL,)), BOSS)
    told = {"user": "usr_que", "reason": f"{NAME} called {CALLED}"[: len(NAME)]}
    add_notices(tx, org_id, [notice(org_id, "user_blocked", "que", NOW, **told)])
    answer = json.dumps({"id": "usr_que", "name": NAME, "sign_in_name": EMAIL, "number": NUMBER})
    kept = Kept(idempotency.digest("user", b"{}"), 201, answer)
    idempotency.remember(tx, org_id, "/v1/users", "que", kept, NOW, forever=True)
    body = json.dumps({"data": {"billing_details": {"name": NAME, "email": EMAIL}}})
    inbox_store.add(tx, Letter(org_id, "evt_q", "simulator", body, NOW), NOW)


def everything(tx: ReadTx) -> str:
    return "\n".join(str(tuple(row)) for table in t.metadata.sorted_tables for row in tx.execute(select(table)))


def found_in(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


def exported(shop: Shop, org_id: int, folder: Path) -> dict[str, str]:
    path = folder / "person.zip"
    person_file.write(shop.database, org_id, shop.database.read(org_id, persons.find, org_id, EMAIL), path, NOW)
    with ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def erased(shop: Shop, org_id: int, word: str = EMAIL, files: Files = NO_FILES) -> Erased:
    known = shop.database.read(org_id, persons.find, org_id, word)
    return erase(shop.database, org_id, known, LATER, files)


# ---------------------------------------------------------------- all of it


def test_who_is_forgotten_is_found_nowhere(shop: Shop, tmp_path: Path) -> None:
    org_id = planted(shop)
    before = shop.database.read(EVERYBODY, everything)
    assert found_in(before) == list(CANARIES)
    sums = shop.database.read(EVERYBODY, figures)

    done = erased(shop, org_id)

    assert done.in_progress == 0
    assert {place.table.name for place in EVERYWHERE} - set(done.rows) == NOT_PLANTED
    after = shop.database.read(EVERYBODY, everything)
    assert [line for line in after.splitlines() if found_in(line)] == []
    assert shop.database.read(EVERYBODY, figures) == sums
    assert problems(shop) == []
    seal_all(shop.database, lambda: NOW + DAY)
    assert problems(shop) == []
    # Once more is as good as once.
    assert set(erased(shop, org_id, "usr_que").rows) == set()


NOT_PLANTED = {"jobs", "tickets", "reversals", "recharges", "inbox_work", "reconciliation", "simulator"}
"""Nothing that people write about each other comes there, but what others say could."""


def test_the_files_of_an_embedded_database_know_nothing_either(sqlite_shop: Shop, tmp_path: Path) -> None:
    org_id = planted(sqlite_shop)
    erased(sqlite_shop, org_id)
    sqlite_shop.database.compact()
    files = list(tmp_path.glob("talktime.db*"))
    assert len(files) >= 2
    assert [(path.name, canary) for path in files for canary in CANARIES if canary.encode() in path.read_bytes()] == []


def test_all_of_it_is_in_the_file_that_is_handed_over(shop: Shop, tmp_path: Path) -> None:
    org_id = planted(shop)
    told = exported(shop, org_id, tmp_path)
    assert found_in("\n".join(told.values())) == list(CANARIES)
    tables = {place.table.name for place in EVERYWHERE} - NOT_PLANTED
    assert set(told) == {"person.json", *(f"{name}.jsonl" for name in tables)}
    assert json.loads(told["person.json"])["called"] == sorted([NAME, FORMER, EMAIL, FORMER_EMAIL, NUMBER])
    calls = [json.loads(line)["call_id"] for line in told["calls.jsonl"].splitlines()]
    assert calls == ["q1", "q2", "q3", "q4"]
    assert '"digest"' not in told["sessions.jsonl"] and '"password"' not in told["credentials.jsonl"]


def test_of_the_people_of_a_file_only_the_one_is_handed_over(shop: Shop, tmp_path: Path) -> None:
    org_id = planted(shop)
    in_files(shop, org_id)
    lines = map(json.loads, exported(shop, org_id, tmp_path)["audit.jsonl"].splitlines())
    first, second = (line for line in lines if line["action"] == "users.imported")
    assert {tuple(people) for line in (first, second) for people in (line["old"], line["new"])} == {("usr_que",)}
    assert (first["new"]["usr_que"]["name"], second["new"]["usr_que"]["name"]) == (MARRIED, NAME)


def figures(tx: ReadTx) -> dict[str, Any]:
    """What must add up as before, to the last micro."""
    e, g, r = t.entries.c, t.usage.c, t.receipts.c
    wanted = {
        "entries": select(e.entry_id, e.entry_key, e.amount_micros, e.balance_after, e.postings),
        "accounts": select(t.accounts.c.org_id, t.accounts.c.posted_micros, t.accounts.c.held_micros),
        "usage": select(g.usage_id, g.user_id, g.destination, g.minutes, g.charge_micros, g.payer),
        "receipts": select(r.receipt_id, r.number, r.amount_micros, r.document),
        "lots": select(t.lots),
    }
    return {name: sorted(map(tuple, tx.execute(query))) for name, query in wanted.items()}


def problems(shop: Shop) -> list[str]:
    return [f"{one.invariant} {one.detail}" for one in verify(shop.database).findings]


MARRIED, MOVED = "Quenelda Featherstone", "+442079460155"
"""What she was called by a file, for a while."""


def in_files(shop: Shop, org_id: int) -> None:
    """A file calls her otherwise, and another as before; somebody else comes by the first."""
    same = {"sign_in_name": EMAIL}
    bob = {"sign_in_name": "bob@example.com", "name": "Bob", "usage_location": "GB"}
    taken(shop, org_id, UserLine(1, EMAIL, same | {"name": MARRIED, "number": MOVED}, None), _line(2, bob))
    taken(shop, org_id, UserLine(1, EMAIL, same | {"name": NAME, "number": NUMBER}, None))


def _line(number: int, values: dict[str, str]) -> UserLine:
    return UserLine(number, values["sign_in_name"], values, ())


def taken(shop: Shop, org_id: int, *lines: UserLine) -> None:
    shop.database.write(org_id, user_files.take, org_id, lines, lambda: "usr_bob", BOSS)


def test_what_somebody_was_called_by_a_file_is_forgotten(shop: Shop) -> None:
    org_id = planted(shop)
    in_files(shop, org_id)
    assert {MARRIED, MOVED} <= shop.database.read(org_id, persons.find, org_id, EMAIL).words
    erased(shop, org_id)
    after = shop.database.read(EVERYBODY, everything)
    assert [word for word in (*CANARIES, MARRIED, MOVED) if word in after] == []
    assert '"name":"Bob"' in after and "bob@example.com" in after
    assert problems(shop) == []


# ---------------------------------------------------------------- who is meant


def test_a_namesake_keeps_the_name(sqlite_shop: Shop) -> None:
    org_id = planted(sqlite_shop)
    other = replace(QUE, user_id="usr_two", name=NAME, sign_in_name="two@example.com", number=None)
    sqlite_shop.database.write(org_id, people.create, org_id, other, BOSS)
    erased(sqlite_shop, org_id)
    assert sqlite_shop.database.read(org_id, people.found, org_id, "usr_two").name == NAME
    assert "two@example.com" in sqlite_shop.database.read(org_id, everything)
    assert NAME in sqlite_shop.database.read(org_id, everything)


def test_a_number_that_is_somebody_elses_now_stays_his(sqlite_shop: Shop) -> None:
    org_id = planted(sqlite_shop)
    sqlite_shop.database.write(org_id, people.remove, org_id, "usr_que", BOSS)
    heir = replace(QUE, user_id="usr_heir", name="Heir", sign_in_name="heir@example.com")
    sqlite_shop.database.write(org_id, people.create, org_id, heir, BOSS)
    erased(sqlite_shop, org_id)
    assert sqlite_shop.database.read(org_id, people.found, org_id, "usr_heir").number == NUMBER
    assert NAME not in sqlite_shop.database.read(EVERYBODY, everything)


def test_a_person_is_found_by_id_and_address_with_all_that_is_theirs(sqlite_shop: Shop) -> None:
    org_id = planted(sqlite_shop)
    for word in ("usr_que", "mem_que", EMAIL, EMAIL.upper()):
        assert sqlite_shop.database.read(org_id, persons.find, org_id, word).ids == ["usr_que", "mem_que"]
    for other, word in ((org_id + 1, EMAIL), (org_id, "nobody@example.com"), (org_id, "")):
        with pytest.raises(NotFound):
            sqlite_shop.database.read(other, persons.find, other, word)


def test_the_last_administrator_is_not_forgotten(sqlite_shop: Shop) -> None:
    org_id = planted(sqlite_shop)
    with pytest.raises(CannotErase, match="the last global administrator"):
        erased(sqlite_shop, org_id, "ada@example.com")
    assert "ada@example.com" in sqlite_shop.database.read(EVERYBODY, everything)


def test_a_call_in_progress_is_told_and_cleaned_afterwards(shop: Shop) -> None:
    org_id = planted(shop)
    phone = shop.phone(org_id)
    phone.authorize("q9", user=EMAIL, to=CALLED)
    phone.authorize("q8", to=NUMBER)
    assert erased(shop, org_id).in_progress == 2
    phone.settle("q9", 61)
    phone.settle("q8", 61)
    assert erased(shop, org_id, "usr_que").in_progress == 0
    after = shop.database.read(EVERYBODY, everything)
    assert [line for line in after.splitlines() if found_in(line)] == []
    assert problems(shop) == []


def test_who_is_interrupted_begins_again(sqlite_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = planted(sqlite_shop)
    put, left = person_store.put, [3]

    def put_some(*args: Any) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return put(*args)

    monkeypatch.setattr(person_store, "put", put_some)
    with pytest.raises(KeyboardInterrupt):
        erased(sqlite_shop, org_id)
    monkeypatch.setattr(person_store, "put", put)
    erased(sqlite_shop, org_id, "usr_que")
    after = sqlite_shop.database.read(EVERYBODY, everything)
    assert [line for line in after.splitlines() if found_in(line)] == []


# ---------------------------------------------------------------- the list of places


def test_every_column_of_text_names_nobody_or_is_placed() -> None:
    """A column that comes later needs a decision."""
    placed = {(place.table.name, name) for place in EVERYWHERE for name in place.columns}
    gone = {place.table.name for place in EVERYWHERE if place.goes}
    texts = {
        (table.name, column.name)
        for table in t.of_kind("organization")
        if table.name not in gone
        for column in table.columns
        if isinstance(column.type, Text)
    }
    keys = {(table.name, column.name) for table in t.of_kind("organization") for column in table.primary_key}
    assert sorted(one for one in texts - placed - keys if not names_nobody(*one)) == []


CODES = """
action billing_account body_digest boot_id brand call_type capability channel chain context country currency destination
digest dispute entry_key event expires failure_code first_failure kind language last4 licences limits mode month
number_type once payer policy postings price_list provider reference roles scopes state status target time_zone type
usage_location user_location"""
IDS = """
actor agreement asked_by backup_method_id by call_id caller confirmed_by created_by filename link_digest method_id
notice_id number_id object payment_id switch switch_id top_up user_id"""
OF_THE_ORGANIZATION = {
    *(("agreements", "number"), ("api_keys", "addresses"), ("organizations", "name"), ("payments", "redirect_url")),
    *(("service_numbers", "serves"), ("sign_in_rules", "settings"), ("simulator", "name"), ("switches", "cut_url")),
    *(("switches", "missing"), ("webhooks", "url"), ("webhooks", "events")),
}
KEPT = {("receipts", "document"), ("reconciliation", "reason"), ("tallies", "story")}
"""Documents that the law wants kept as they were made; a word of ours; sums and countries."""


def names_nobody(table: str, column: str) -> bool:
    return column in (CODES + IDS).split() or (table, column) in OF_THE_ORGANIZATION | KEPT
