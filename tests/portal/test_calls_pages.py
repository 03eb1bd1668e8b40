"""Calls in progress, finding a call, and its story."""

from __future__ import annotations

import re

import pytest

from talktime.core.time import DAY, moment
from talktime.reports import call_search
from talktime.reports.concurrency import by_minute
from tests.portal.callers import LONDON, PAY_AS_YOU_GO, PLAN, Callers
from tests.portal.client import PortalWorld, Reader, number_of
from tests.web.client import World

LIVE, SEARCH = "/calls/live", "/calls/search"
CREDITS = (*PAY_AS_YOU_GO, "MCOPSTNPP")


@pytest.fixture
def callers(portal: PortalWorld) -> Callers:
    return Callers(portal.world)


@pytest.fixture
def admin(portal: PortalWorld, callers: Callers) -> Reader:
    return portal.as_role(callers.org, "communications_administrator", email="comms@example.com")


def story(reader: Reader, call_id: str) -> str:
    page = reader.get(f"/calls/story?id={call_id}")
    assert page.status == 200, page.words[:300]
    return page.words


# ---------------------------------------------------------------- in progress


def test_a_call_in_progress_shows_who_where_and_what_it_costs_so_far(callers: Callers, admin: Reader) -> None:
    ann = callers.person("Ann Archer", *CREDITS)
    callers.ask("c1", ann)
    callers.answered("c1")
    callers.world.clock.pass_seconds(90)
    words = admin.get(LIVE).words
    assert "Ann Archer Outgoing call +1 202 555 0101 to +44 20 7946 0123, United Kingdom Credits 1:30" in words
    # Five minutes are held, two have begun.
    assert "USD 0.10 USD 0.04 Hang up" in words
    # What is available is not for this role.
    assert "Available now" not in words
    assert "At this pace USD 1.20 an hour" in words


def test_a_call_that_was_not_answered_rings_and_costs_nothing(callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    words = admin.get(LIVE).words
    assert "Calls now 1 1 ringing" in words
    assert "Ringing 5:00 USD 0.10 USD 0.00" in words


def test_minutes_of_a_pool_are_shown_as_minutes(callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *PLAN), to="+12025550117")
    callers.answered("c1")
    callers.world.clock.pass_seconds(61)
    assert "Pool 1:01 5:00 5 min 2 min" in admin.get(LIVE).words


def test_calls_are_narrowed_down_by_user_number_and_payer(callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    callers.ask("c2", callers.person("Ben Baker", *PLAN), to="+12025550117")
    for query, there in (
        ("who=ann", ["Ann Archer"]),
        ("who=%2B1+202+555+0117", ["Ben Baker"]),
        ("payer=pool", ["Ben Baker"]),
        ("", ["Ann Archer", "Ben Baker"]),
        ("who=nobody", []),
    ):
        words = admin.get(f"{LIVE}?{query}").words
        assert [name for name in ("Ann Archer", "Ben Baker") if f"{name} Outgoing" in words] == there, query


def test_the_part_that_moves_is_asked_for_alone(callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    page = admin.get(LIVE)
    assert 'hx-get="/calls/live/part"' in page.html
    part = admin.get(f"{LIVE}/part", **{"hx-request": "true"})
    assert part.status == 200
    assert "<html" not in part.html
    assert 'id="sums" hx-swap-oob="true"' in part.html
    assert "hx-get" not in admin.get(f"{LIVE}?paused=1").html


def test_the_area_begins_with_what_goes_on_now(admin: Reader) -> None:
    assert admin.get("/calls").to == LIVE


def test_when_nobody_calls_it_says_so(admin: Reader) -> None:
    assert "Nobody is calling" in admin.get(LIVE).words


def test_a_hang_up_is_asked_of_the_switch_once(callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS), switch="edge")
    done = admin.submit(LIVE, "/calls/hang-up")
    assert done.to == f"{LIVE}?said=hung-up"
    words = admin.get(done.to).words
    assert "The switch is told to end the call." in words
    assert "Asked" in words
    assert "Hang up Ann" not in words
    beat = callers.org.api.post("/v1/switches/edge/heartbeat", {"boot_id": "b1", "active_call_ids": ["c1"]})
    assert beat.json["hang_up"] == ["c1"]
    audit = [row for row in callers.org.api.get("/v1/audit").json["data"] if row["action"] == "call.hang_up_asked"]
    assert [row["object"] for row in audit] == ["c1"]


def test_a_call_that_ended_meanwhile_cannot_be_hung_up(callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    form = admin.get(LIVE).form("/calls/hang-up").values
    callers.settle("c1", 5)
    refused = admin.send("/calls/hang-up", form)
    assert (refused.status, refused.errors) == (409, ["This call is over already."])


def test_a_helpdesk_sees_calls_but_hangs_nobody_up(portal: PortalWorld, callers: Callers, admin: Reader) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    form = admin.get(LIVE).form("/calls/hang-up").values
    helpdesk = portal.as_role(callers.org, "helpdesk")
    page = helpdesk.get(LIVE)
    assert "Ann Archer" in page.words
    assert "Hang up" not in page.words
    token = {**form, "token": helpdesk.get("/calls/search").html.partition("x")[0]}
    assert helpdesk.send("/calls/hang-up", token).status == 403
    assert portal.as_role(callers.org, "report_reader").get(LIVE).status == 403


def test_digits_are_hidden_where_the_law_wants_it(portal: PortalWorld) -> None:
    callers = Callers(portal.world, country="DE")
    callers.call("c1", callers.person("Ann Archer", *CREDITS))
    reader = portal.as_role(callers.org, "helpdesk")
    for path in (SEARCH, "/calls/story?id=c1"):
        words = reader.get(path).words
        assert "+442079460***" in words, path
        assert "0123" not in words.replace("+442079460***", ""), path


# ---------------------------------------------------------------- finding


def found(reader: Reader, query: str) -> list[str]:
    page = reader.get(f"{SEARCH}?{query}")
    assert page.status == 200, page.words[:300]
    return re.findall(r'/calls/story\?id=([^"&]+)"', page.html)


def test_a_call_is_found_by_its_id_a_number_a_user_its_outcome_and_the_day(
    portal: PortalWorld, callers: Callers
) -> None:
    ann, ben = callers.person("Ann Archer", *CREDITS), callers.person("Ben Baker", *PLAN)
    callers.call("first", ann)
    callers.world.clock.pass_days(1)
    callers.call("second", ben, to="+12025550117")
    assert callers.ask("third", ben)["reason"] == "no_credits_licence"
    admin, today = portal.as_role(callers.org, "helpdesk"), "2030-04-03"
    for query, ids in (
        ("", ["third", "second", "first"]),
        ("q=second", ["second"]),
        ("q=%2B44+20+7946", ["third", "first"]),
        ("q=0117", ["second"]),
        ("q=archer", ["first"]),
        ("q=ben%40example.com", ["third", "second"]),
        ("q=nobody", []),
        ("outcome=settled", ["second", "first"]),
        ("outcome=refused", ["third"]),
        ("outcome=refused:no_credits_licence", ["third"]),
        ("outcome=refused:no_rate", []),
        (f"from={today}", ["third", "second"]),
        ("to=2030-04-02", ["first"]),
        (f"q=ann&from={today}", []),
    ):
        assert found(admin, query) == ids, query


def test_text_of_other_places_in_a_story_is_no_number(callers: Callers, admin: Reader) -> None:
    callers.call("call-998877", callers.person("Ann Archer", *CREDITS))
    callers.settle("unknown-998877", 30)
    assert found(admin, "q=998877") == []


def test_what_only_looks_alike_is_read_in_portions(
    callers: Callers, admin: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_search, "READ_MAX", 2)
    ann = callers.person("Ann Archer", *CREDITS)
    callers.call("first", ann, to="+442079988770")
    for number in range(3):
        callers.call(f"{number}-7998877", ann)
    page = admin.get(f"{SEARCH}?q=7998877")
    assert "Nothing was found so far." in page.words
    (link,) = [one for one in page.links if "cursor=" in one]
    assert "id=first" in admin.get(link).html


def test_days_that_are_none_are_told_beside_their_field(admin: Reader) -> None:
    page = admin.get(f"{SEARCH}?from=2030-04-03&to=2030-04-02")
    assert (page.status, page.errors) == (422, ["It must be later than the begin."])
    assert admin.get(f"{SEARCH}?from=tomorrow").status == 422
    assert admin.get(f"{SEARCH}?cursor=nonsense").status == 422


def test_a_long_list_goes_on_where_it_ended(callers: Callers, admin: Reader) -> None:
    ann = callers.person("Ann Archer", *CREDITS)
    for number in range(60):
        callers.ask(f"c{number:02}", ann, to="+999")
    page = admin.get(f"{SEARCH}?q=ann")
    (older,) = [link for link in page.links if "cursor=" in link]
    first, then = found(admin, "q=ann"), re.findall(r"id=(c[0-9]+)", admin.get(older).html)
    assert [*first, *then] == [f"c{number:02}" for number in range(59, -1, -1)]


def test_only_so_many_calls_are_looked_at_before_the_reader_is_asked(
    portal_anywhere: PortalWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_search, "LOOKED_AT_MAX", 3)
    callers = Callers(portal_anywhere.world)
    ann, ben = (callers.person(name, *CREDITS) for name in ("Ann Archer", "Ben Baker"))
    for number, user in enumerate((ben, ben, ann, ann, ann, ann)):
        callers.ask(f"c{number}", user, to="+999")
    reader = portal_anywhere.as_role(callers.org, "helpdesk")
    page = reader.get(f"{SEARCH}?q=ben")
    assert "Nothing was found so far." in page.words
    assert "Looked back to Apr 2, 2030" in page.words
    seen: list[str] = []
    while link := next((one for one in page.links if "cursor=" in one), None):
        page = reader.get(link)
        seen += re.findall(r"id=(c[0-9])", page.html)
    assert seen == ["c1", "c0"]


def test_nobody_finds_the_calls_of_another_organization(portal: PortalWorld, callers: Callers) -> None:
    callers.call("c1", callers.person("Ann Archer", *CREDITS))
    other = portal.as_role(Callers(portal.world).org, "helpdesk")
    assert found(other, "") == []
    assert found(other, "q=c1") == []
    assert other.get("/calls/story?id=c1").status == 404


# ---------------------------------------------------------------- stories


def test_a_refusal_says_why_and_has_the_button_that_mends_it(portal: PortalWorld, callers: Callers) -> None:
    ben = callers.person("Ben Baker", *PLAN)
    callers.ask("c1", ben)
    page = portal.as_role(callers.org, "global_administrator").get("/calls/story?id=c1")
    assert page.title == "Ben Baker to +44 20 7946 0123"
    assert "Ben Baker holds no Communications Credits licence" in page.words
    assert "Nothing was held or charged." in page.words
    assert "13 Credits licence is held No credits licence Failed" in page.words
    assert "14 Available funds cover the first minute Not reached" in page.words
    user = callers.org.api.get("/v1/users").json["data"][0]["id"]
    assert f"/users/{user}" in page.links
    helpdesk = portal.as_role(callers.org, "helpdesk").get("/calls/story?id=c1")
    assert "Assign the licence" not in helpdesk.words


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"to": "+999"}, "The number cannot be dialled"),
        ({"to": "+37167000123"}, "There is no published rate for this destination"),
        ({"user": "nobody@example.com"}, "nobody@example.com is not known, or has no licence"),
    ],
)
def test_every_refusal_is_told_in_words(callers: Callers, admin: Reader, asked: dict[str, str], says: str) -> None:
    ann = callers.person("Ann Archer", *CREDITS)
    callers.ask("c1", asked.get("user", ann), asked.get("to", LONDON))
    assert says in story(admin, "c1")


def test_without_money_the_story_leads_to_funds(portal: PortalWorld) -> None:
    callers = Callers(portal.world, funds="0.01")
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    reader = portal.as_role(callers.org, "billing_administrator")
    page = reader.get("/calls/story?id=c1")
    assert "There was not enough money for the first minute" in page.words
    assert "/billing/credits/add" in page.links


def test_a_call_that_two_paid_says_who_paid_when(callers: Callers, admin: Reader) -> None:
    ann = callers.person("Ann Archer", *PLAN, "MCOPSTNPP")
    left = next(pool for pool in callers.org.api.get("/v1/pools").json["data"])["available"]
    began = callers.world.clock.at - DAY
    used = {"call_id": "used", "call_type": "user_out", "user": ann, "to": "+12025550117"}
    spoken = {"started_at": moment(began).isoformat(), "duration_seconds": 60 * (left - 2)}
    assert callers.org.api.post("/v1/calls/record", used | spoken).json["pool_minutes"] == left - 2
    callers.call("c1", ann, 200, to="+12025550117")
    words = story(admin, "c1")
    assert "Pool, 0:00 to 2:00 Credits, 2:00 to 3:20 Granted and not used, to 5:00" in words
    assert "Pool MCOPSTN1 2 USD 0.00 Credits MCOPSTNPP 2 USD 0.02 1 Call 4 USD 0.02 1" in words
    assert "60 s, then 60 s" in words
    assert "9 A pool has minutes left 2 minutes at first Pays" in words


def test_ledger_entries_are_only_for_those_who_see_the_money(portal: PortalWorld, callers: Callers) -> None:
    callers.call("c1", callers.person("Ann Archer", *CREDITS))
    sees = story(portal.as_role(callers.org, "helpdesk"), "c1")
    assert "Ledger entries" in sees
    assert "settle:c1" in sees
    assert "USD \N{MINUS SIGN}0.04" in sees
    does_not = story(portal.as_role(callers.org, "communications_administrator"), "c1")
    assert "Ledger entries" not in does_not
    assert "Charged USD 0.04" in does_not


def test_a_call_in_progress_tells_what_is_held(portal: PortalWorld, callers: Callers) -> None:
    callers.ask("c1", callers.person("Ann Archer", *CREDITS))
    words = story(portal.as_role(callers.org, "helpdesk"), "c1")
    assert "Held now" in words
    assert "In progress" in words
    assert "They are written when the call has ended." in words


def test_a_call_whose_end_came_first_has_a_story_too(callers: Callers, admin: Reader) -> None:
    callers.settle("c1", 30)
    assert "A call that nobody asked for" in story(admin, "c1")


def test_emergency_calls_cannot_be_hung_up(callers: Callers, admin: Reader) -> None:
    ann = callers.person("Ann Archer", *CREDITS)
    callers.ask("c1", ann, to="911")
    page = admin.get(LIVE)
    assert "Emergency" in page.words
    assert [form.action for form in page.forms if form.action == "/calls/hang-up"] == []
    callers.ask("c2", ann)
    form = admin.get(LIVE).form("/calls/hang-up").values
    refused = admin.send("/calls/hang-up", {**form, "call": "c1"})
    assert (refused.status, refused.errors) == (409, ["An emergency call is never ended from here."])


def test_the_busiest_minute_counts_calls_that_overlap(portal_anywhere: PortalWorld) -> None:
    world: World = portal_anywhere.world
    callers = Callers(world)
    ann = callers.person("Ann Archer", *CREDITS)
    for number in range(3):
        callers.ask(f"c{number}", ann)
        callers.answered(f"c{number}")
    world.clock.pass_seconds(180)
    for number in range(2):
        callers.settle(f"c{number}", 180)
    world.clock.pass_seconds(120)
    org_id = number_of(callers.org)
    busy = world.app.database.read(org_id, by_minute, org_id, world.app.now(), 10)
    assert [one.calls for one in busy] == [0, 0, 0, 0, 0, 3, 3, 3, 1, 1, 1]
