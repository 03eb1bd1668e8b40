from __future__ import annotations

from msgspec.structs import replace

from talktime.core.calls import Authorize, Call, CallState, Command, Funds, Granted, Refusal, Release, Touch
from talktime.core.decide import decide
from talktime.core.desk import Balance, Desk, MovedLot, State, changed
from talktime.core.ledger import EXPIRED, Posting
from talktime.core.lots import Part
from talktime.core.money import micros as usd
from talktime.core.organizations import Account, User
from talktime.core.prices import PriceList, Prices, Row
from talktime.core.time import DAY, SECOND
from tests.core.paper import Paper
from tests.core.switch import FRANCE_RATE, NOW, PAY_AS_YOU_GO, ROWS, UK_RATE, ended, granted, lot, priced, refused

PRICES = priced(*ROWS)
OWN = Row("44", "our own price", usd("0.2"))


def state(*accounts: Account, calls: tuple[Call, ...] = ()) -> State:
    """Organizations 1, 2, …; Ann is known in each."""
    numbered = dict(enumerate(accounts, 1))
    users = {(org_id, "ann"): User("usr_1", "GB", PAY_AS_YOU_GO) for org_id in numbered}
    return State(PRICES, numbered, {(call.org_id, call.call_id): call for call in calls}, users)


def of_organization(org_id: int, call_id: str) -> Authorize:
    asking = Paper()
    asking.org_id = org_id
    return asking.authorization(call_id)


# --------------------------------------------------------------------------------------------------- what changes


def test_changes_are_told_in_the_order_of_their_keys() -> None:
    accounts = [Account("USD", [lot("b", "0.2"), lot("a", "9", NOW + 9 * 365 * DAY)]) for _ in range(3)]
    keys = [(3, "c1"), (1, "c2"), (2, "c9"), (1, "c1")]
    _, changes = decide(state(*accounts), [of_organization(*key) for key in keys])
    assert [(call.org_id, call.call_id) for call in changes.opened] == sorted(keys)
    assert list(changes.balances) == [1, 2, 3]
    assert [moved[:2] for moved in map(tuple_of, changes.lots)] == [(n, name) for n in (1, 2, 3) for name in "ab"]


def tuple_of(moved: MovedLot) -> tuple[object, ...]:
    return moved.org_id, moved.lot_id, moved.posted, moved.held, moved.when_empty


def test_lots_that_end_where_they_began_are_not_written() -> None:
    release = Release(1, "c1", NOW, "key_1")
    _, changes = decide(state(Account("USD", [lot("lot1", "10")])), [of_organization(1, "c1"), release])
    assert (changes.balances, changes.lots, changes.entries) == ({}, [], [])
    assert [(call.version, call.state) for call in changes.opened] == [(3, CallState.RELEASED)]


def test_a_call_that_was_read_is_changed_from_the_version_it_was_read_at() -> None:
    held = (Part("lot1", usd("0.5")),)
    answer = Granted(300, False, 240, NOW + 420 * SECOND, usd("0.5"), UK_RATE)
    call = Call(1, "c1", CallState.OPEN, NOW, 7, answer=answer, seconds=300, drawn=held, due_at=NOW)
    account = Account("USD", [replace(lot("lot1", "10"), held=usd("0.5"))], usd("10"), usd("0.5"))
    _, changes = decide(state(account, calls=(call,)), [Release(1, "c1", NOW, "key_1", "busy")])
    assert changes.opened == []
    assert [(version, after.state) for version, after in changes.changed] == [(7, CallState.RELEASED)]
    assert changes.changed[0][1].version > 7
    assert changes.balances == {1: Balance(0, -usd("0.5"), 0, 0)}


def test_a_change_counts_the_version_on() -> None:
    call = Call(1, "c1", CallState.OPEN, NOW, 7)
    assert changed(call, cause="busy") == Call(1, "c1", CallState.OPEN, NOW, 8, cause="busy")


def test_what_was_read_stays_as_it_was() -> None:
    before = state(Account("USD", [lot("lot1", "10"), lot("old", "1", NOW)], usd("11")))
    again = state(Account("USD", [lot("lot1", "10"), lot("old", "1", NOW)], usd("11")))
    first = decide(before, [of_organization(1, "c1")])
    assert (before.accounts, before.calls) == (again.accounts, again.calls)
    assert decide(before, [of_organization(1, "c1")]) == first


# --------------------------------------------------------------------------------------------------- expiry


def test_what_has_ended_is_booked_before_anything_is_taken() -> None:
    account = Account("USD", [lot("old", "1", NOW), lot("lot1", "10")], usd("11"), last_entry_no=2)
    answers, changes = decide(state(account), [of_organization(1, "c1")])
    assert granted(answers[0]).seconds == 300
    assert [(entry.key, entry.amount) for entry in changes.entries] == [("expire:old:3", -usd("1"))]
    assert changes.entries[0].postings == (Posting("lot:old", EXPIRED, usd("1")),)
    assert changes.balances[1] == Balance(-usd("1"), usd("0.5"), 1, NOW)
    assert changes.lots == [MovedLot(1, "lot1", 0, usd("0.5"), "spent"), MovedLot(1, "old", -usd("1"), 0, "expired")]


def test_several_lots_that_end_at_once_are_numbered_on() -> None:
    ending = [lot(name, "1", NOW) for name in ("a", "b", "c")]
    _, changes = decide(state(Account("USD", ending, usd("3"), last_entry_no=7)), [Touch(1, "", NOW, "clock")])
    assert [entry.key for entry in changes.entries] == ["expire:a:8", "expire:b:9", "expire:c:10"]


def test_a_touch_books_what_ended_since_an_earlier_command_of_its_batch() -> None:
    account = Account("USD", [lot("short", "1", NOW + 1), lot("lot1", "10")], usd("11"))
    release = Release(1, "nobody", NOW, "key_1")
    commands: list[Command] = [of_organization(1, "c1"), release, Touch(1, "", NOW + 1, "clock")]
    _, changes = decide(state(account), commands)
    assert [(entry.key, entry.at, entry.amount) for entry in changes.entries] == [
        ("expire:short:1", NOW + 1, -usd("0.5"))
    ]


def test_a_call_that_gives_back_to_a_lot_that_was_not_read_is_no_accident() -> None:
    """Another process has ended the call meanwhile and emptied the lot: the version of the call will tell."""
    answer = Granted(300, False, 240, NOW, usd("0.5"), UK_RATE)
    call = Call(1, "c1", CallState.OPEN, NOW, answer=answer, seconds=300, drawn=(Part("gone", usd("0.5")),), due_at=NOW)
    _, changes = decide(state(Account("USD", []), calls=(call,)), [Release(1, "c1", NOW, "key_1")])
    assert changes.lots == [MovedLot(1, "gone", 0, -usd("0.5"), "spent")]


# --------------------------------------------------------------------------------------------------- clocks, prices


def test_a_test_organization_lives_by_its_own_clock() -> None:
    far = NOW + 400 * DAY
    paper = Paper(lot("lot1", "10"), lot("lot2", "10", far + DAY), clock_at=far)
    answer = granted(paper.authorize("c1"))
    assert answer.expires_at == far + 420 * SECOND
    assert paper.lots() == {"lot2": ("10", "0.5")}
    assert paper.call("c1").opened_at == far


def test_an_organization_is_priced_by_its_own_list_or_its_currencys() -> None:
    own = Paper(lot("lot1", "10"), price_list="own", prices=Prices([("own", 0, PriceList(4, [OWN]))]))
    assert granted(own.authorize("c1")).rate == OWN.rate(4, NOW, "UTC")
    for paper in (Paper(price_list="none of ours"), Paper(currency="EUR")):
        assert refused(paper.authorize("c1")) is Refusal.NO_RATE


def test_a_call_keeps_the_price_it_began_with() -> None:
    paper = Paper(lot("lot1", "10"))
    paper.authorize("c1")
    paper.prices = priced(*(replace(row, per_minute=9 * row.per_minute) for row in ROWS))
    paper.extend("c1", 300)
    assert paper.call("c1").rate == UK_RATE
    assert paper.money() == ("10", "1")


def test_the_funds_in_an_answer_are_those_after_the_command() -> None:
    paper = Paper(lot("lot1", "10"), lot("old", "1", NOW + SECOND))
    paper.authorize("c1")
    paper.authorize("c2", to="+33199001234")
    assert paper.call("c2").rate == FRANCE_RATE
    paper.later(2)
    answer = ended(paper.settle("c1", 61))
    # 11 were there; c1 costs 0.20 of the old lot, 0.50 of which c2 still holds: the rest of it has expired.
    assert answer.funds == Funds("USD", usd("10.5"), usd("0.55"), usd("9.95"))


def test_a_call_that_was_never_granted_has_nobody_responsible() -> None:
    assert Desk(state(Account("USD", []))).user_of(Call(1, "c1", CallState.OPEN, NOW, 1)) is None
