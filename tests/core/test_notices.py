"""Who hears of an event."""

from __future__ import annotations

from typing import get_args

import pytest

from talktime.core.notices import (
    BILLING,
    COMMUNICATIONS,
    EVENTS,
    GLOBAL,
    HELPDESK,
    REMOVED,
    ROLES,
    USER,
    EventName,
    Member,
    recipients,
)
from talktime.core.retries import WAITS, next_try
from talktime.core.time import DAY


def member(name: str, *roles: str, language: str = "en", state: str = "active") -> Member:
    return Member(f"mem_{name}", name, f"{name}@example.com", roles, language, state)


EVERYBODY = [member(role, role) for role in ROLES]
MONEY = ("settings_changed", "refund", "dispute", "card_expiring", "lot_expiring", "spend_alert")


def told(event: str, members: list[Member] = EVERYBODY, chosen: tuple[str, ...] = ()) -> set[str]:
    found = recipients(event, members, chosen, "en")
    return {address.partition("@")[0] for addresses in found.values() for address in addresses}


def test_the_table_has_every_event_that_can_be_named() -> None:
    assert set(EVENTS) == set(get_args(EventName))


@pytest.mark.parametrize("event", ["recharge_succeeded", "recharge_failed", "balance_zero", "pool_80_percent"])
def test_all_who_look_after_calls_hear_of_what_stops_them(event: str) -> None:
    assert told(event) == {GLOBAL, BILLING, USER, COMMUNICATIONS, HELPDESK}


@pytest.mark.parametrize("event", MONEY)
def test_who_pays_hears_of_money(event: str) -> None:
    assert told(event) == {GLOBAL, BILLING}


def test_who_minds_users_hears_of_a_blocked_one() -> None:
    assert told("user_blocked") == {GLOBAL, USER, COMMUNICATIONS}


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_somebody_who_hears_of_it_but_never_who_reads_reports(event: str) -> None:
    assert GLOBAL in told(event)
    assert "report_reader" not in told(event)


def test_those_who_were_chosen_hear_of_it_instead() -> None:
    chosen = ("desk@example.com", BILLING)
    assert told("balance_zero", chosen=chosen) == {"desk", BILLING}


def test_nobody_changes_the_settings_unseen_by_choosing_himself() -> None:
    assert told("settings_changed", chosen=("desk@example.com",)) == {"desk", GLOBAL}


def test_each_address_is_written_to_once_in_the_language_of_its_member() -> None:
    members = [
        member("ann", GLOBAL, BILLING, language="ru"),
        Member("mem_2", "Ann again", "ANN@example.com", (BILLING,), "ru", "active"),
        member("bob", GLOBAL, language="lv"),
        member("cat", HELPDESK, language="sl"),
    ]
    chosen = ("Ann@Example.com", "cat@example.com", "other@example.net", GLOBAL, BILLING)
    found = recipients("balance_zero", members, chosen, "bg")
    assert {language: [one.lower() for one in addresses] for language, addresses in found.items()} == {
        "bg": ["other@example.net"],
        "lv": ["bob@example.com"],
        "ru": ["ann@example.com"],
        "sl": ["cat@example.com"],
    }


def test_who_was_removed_hears_nothing_more_and_who_was_invited_does() -> None:
    members = [member("gone", GLOBAL, state=REMOVED), member("new", GLOBAL, state="invited")]
    assert told("balance_zero", members) == {"new"}


def test_nobody_is_there_to_be_told() -> None:
    assert recipients("balance_zero", [], (), "en") == {}


def test_it_is_tried_again_for_a_day_ever_more_rarely_and_then_no_more() -> None:
    assert list(WAITS) == sorted(WAITS)
    assert 23 * DAY // 24 <= sum(WAITS) <= DAY
    assert next_try(1, 1000) == 1000 + WAITS[0]
    assert next_try(len(WAITS), 0) == WAITS[-1]
    assert next_try(len(WAITS) + 1, 0) is None
