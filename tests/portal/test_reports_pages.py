"""Usage, pools, blocked users, forecast and exports, as people read them."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from zipfile import ZipFile

import pytest

from talktime.core.time import DAY, MINUTE
from talktime.jobs.exports import make_exports
from tests.portal.callers import PAY_AS_YOU_GO, PLAN, Callers
from tests.portal.client import PortalWorld, Reader, Shown
from tests.support.usage import add_usage
from tests.web.client import START, Organization

USAGE, EXPORTS = "/reports/usage", "/reports/exports"
CREDITS = (*PAY_AS_YOU_GO, "MCOPSTNPP")
HOUR = 60 * MINUTE


def add(portal: PortalWorld, org: Organization, ago: int = HOUR, **fields: Any) -> None:
    portal.world.made_up.add("I18")
    add_usage(portal.world.app.database, org.id, START - ago, **fields)


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    return portal.world.organization()


@pytest.fixture
def reader(portal: PortalWorld, org: Organization) -> Reader:
    return portal.as_role(org, "report_reader")


def rows(shown: Shown) -> list[list[str]]:
    return list(csv.reader(io.StringIO(shown.content.decode())))


# ---------------------------------------------------------------- usage


def test_usage_is_summed_up_in_four_figures_and_compared(
    portal: PortalWorld, org: Organization, reader: Reader
) -> None:
    add(portal, org, charge=300_000, minutes=3)
    add(portal, org, minutes=2, charge=0, payer="pool")
    add(portal, org, 40 * DAY, charge=600_000)
    words = reader.get(USAGE).words
    assert "Calls 2 100% more than the 28 days before" in words
    assert "Minutes 5 2 of them from pools" in words
    assert "Cost USD 0.30 50% less than the 28 days before" in words
    assert "Cost of a day USD 0.01" in words


@pytest.mark.parametrize(
    ("group", "lines"),
    [
        ("day", [["2", "4", "2", "0.24"], ["0", "0", "0", "0"]]),
        ("user", [["1", "2", "0", "0.24"], ["1", "2", "2", "0"]]),
        ("destination", [["1", "2", "0", "0.24"], ["1", "2", "2", "0"]]),
        ("kind", [["1", "2", "0", "0.24"], ["1", "2", "2", "0"]]),
        ("payer", [["1", "2", "0", "0.24"], ["1", "2", "2", "0"]]),
    ],
)
def test_usage_is_grouped_as_it_is_asked_for_and_the_file_says_the_same(
    portal_anywhere: PortalWorld, group: str, lines: list[list[str]]
) -> None:
    org = portal_anywhere.world.organization()
    reader = portal_anywhere.as_role(org, "report_reader")
    user = org.user(name="Ann Archer").json["id"]
    add(portal_anywhere, org, user_id=user)
    add(portal_anywhere, org, charge=0, payer="pool", destination="LV", call_type="conf_out")
    add(portal_anywhere, org, charge=0, payer="none", call_type="dr_out")
    told = rows(reader.get(f"{USAGE}.csv?by={group}&range=7"))
    assert told[0] == [group, "key", "calls", "minutes", "minutes_from_pools", "charge", "currency"]
    assert [line[2:6] for line in told[1:3]] == lines
    page = reader.get(f"{USAGE}?by={group}&range=7")
    assert all(line[0] in page.words for line in told[1:3] if group != "day")
    assert "In all 2 4 2 USD 0.24" in page.words


def test_a_split_call_is_one_call_that_two_have_paid(portal: PortalWorld, org: Organization, reader: Reader) -> None:
    add(portal, org, 2 * MINUTE, call_id="split", payer="pool", charge=0)
    add(portal, org, MINUTE, call_id="split", part=1)
    assert [line[2] for line in rows(reader.get(f"{USAGE}.csv?by=kind"))[1:]] == ["1"]
    assert [line[2] for line in rows(reader.get(f"{USAGE}.csv?by=payer"))[1:]] == ["1", "1"]


def test_days_begin_at_the_organizations_midnight(portal: PortalWorld) -> None:
    """In Kathmandu, which is 5:45 ahead, 18:20 UTC is already tomorrow."""
    org = portal.world.organization(time_zone="Asia/Kathmandu")
    add(portal, org, 14 * HOUR - 20 * MINUTE)
    add(portal, org, 14 * HOUR)
    told = rows(portal.as_role(org, "report_reader").get(f"{USAGE}.csv?range=7"))
    assert [line[:3] for line in told[1:3]] == [["Apr 2, 2030", "2030-04-02", "1"], ["Apr 1, 2030", "2030-04-01", "1"]]


def test_charts_are_there_as_pictures_and_as_tables(portal: PortalWorld, org: Organization, reader: Reader) -> None:
    add(portal, org, charge=300_000)
    add(portal, org, charge=0, payer="pool", call_type="conf_out")
    add(portal, org, DAY, charge=50_000, call_type="ucap_out")
    add(portal, org, DAY, charge=60_000, call_type="conf_in", number_type="Service (toll-free)")
    page = reader.get(USAGE)
    assert "Credits 6" in page.words
    assert "Pool 2" in page.words
    assert "Top destinations Cost United Kingdom USD 0.41" in page.words
    assert page.html.count("Show as table") == 2
    cost = reader.get(f"{USAGE}?show=cost")
    for kind in ("Calls of users USD 0.30", "Toll-free numbers USD 0.06", "Attendants and queues USD 0.05"):
        assert kind in cost.words
    # The hour of the call, on a Tuesday.
    assert "Tue, 7:00\N{NARROW NO-BREAK SPACE}AM: 2" in page.html


def test_days_of_ones_own_choice_have_limits(portal: PortalWorld, org: Organization, reader: Reader) -> None:
    add(portal, org, 100 * DAY)
    page = reader.get(f"{USAGE}?range=custom&from=2029-12-01&to=2029-12-31")
    assert "Calls 1" in page.words
    for query, error in (
        ("from=2029-12-31&to=2029-12-01", "It must be later than the begin."),
        ("from=2020-01-01&to=2029-12-01", "It lies more than 366 days back."),
        ("from=never&to=2029-12-01", "This is no day."),
    ):
        refused = reader.get(f"{USAGE}?range=custom&{query}")
        assert (refused.status, refused.errors) == (422, [error])
    assert reader.get(f"{USAGE}.csv?range=custom&from=never").status == 422


def test_the_area_begins_with_usage(reader: Reader) -> None:
    assert reader.get("/reports").to == USAGE


def test_an_empty_report_says_what_it_waits_for(reader: Reader) -> None:
    assert "No calls in these days" in reader.get(USAGE).words


def test_nothing_of_another_organization_is_counted(portal: PortalWorld, org: Organization) -> None:
    add(portal, org)
    other = portal.as_role(portal.world.organization(), "report_reader")
    for path in (USAGE, f"{USAGE}?by=user", f"{USAGE}?by=destination"):
        assert "No calls in these days" in other.get(path).words


def test_names_are_links_only_for_those_who_may_follow_them(
    portal: PortalWorld, org: Organization, reader: Reader
) -> None:
    user = org.user(name="Ann Archer").json["id"]
    add(portal, org, user_id=user)
    assert f"/users/{user}" not in reader.get(f"{USAGE}?by=user").links
    assert f"/users/{user}" in portal.as_role(org, "helpdesk").get(f"{USAGE}?by=user").links


def test_what_a_spreadsheet_takes_for_a_formula_is_told_as_a_text(
    portal: PortalWorld, org: Organization, reader: Reader
) -> None:
    user = org.user(name="=1+1").json["id"]
    add(portal, org, user_id=user)
    assert rows(reader.get(f"{USAGE}.csv?by=user"))[1][0] == "'=1+1"


# ---------------------------------------------------------------- pools, blocks, forecast


def test_pools_tell_what_is_left_and_when_they_run_dry(portal: PortalWorld) -> None:
    callers = Callers(portal.world)
    ann = callers.person("Ann Archer", *PLAN)
    callers.call("c1", ann, 1_000 * 60, to="+12025550117")
    page = portal.as_role(callers.org, "report_reader").get("/reports/pools")
    assert "Domestic Calling Plan MCOPSTN1 United States and Puerto Rico, domestic calls" in page.words
    assert "3,000 1,000 0 2,000" in page.words
    assert "April 2030." in page.words
    assert "At this pace empty on Apr 5, 2030." in page.words
    told = rows(portal.as_role(callers.org, "helpdesk").get("/reports/pools.csv"))
    assert told[1][:8] == ["MCOPSTN1", "domestic", "US", "", "3000", "1000", "0", "2000"]


def test_without_pools_the_page_leads_to_licences(portal: PortalWorld, org: Organization) -> None:
    page = portal.as_role(org, "helpdesk").get("/reports/pools")
    assert "No pool of minutes" in page.words
    assert "/users/licences" in page.links


def test_blocks_are_listed_with_their_reasons(portal: PortalWorld, org: Organization, reader: Reader) -> None:
    ann, ben = (org.user(name=name, sign_in_name=f"{name}@example.com").json["id"] for name in ("Ann", "Ben"))
    for user in (ann, ben):
        assert org.api.post(f"/v1/users/{user}/block", {"reason": "Left the company"}).status == 200
    assert org.api.post(f"/v1/users/{ann}/unblock").status == 200
    words = reader.get("/reports/blocked").words
    assert words.count("Left the company") == 3
    assert re.search(r"Ann Ann@example.com Left the company Apr 2, 2030, 8:00.AM Unblocked", words)
    assert "highest on Apr 2 with 2" in reader.get("/reports/blocked").html
    only = reader.get("/reports/blocked?user=Ben%40example.com").words
    assert only.count("Left the company") == 1
    assert "Never blocked" in reader.get("/reports/blocked?user=nobody").words


def test_nobody_was_ever_blocked(reader: Reader) -> None:
    assert "Nobody was ever blocked" in reader.get("/reports/blocked").words


def test_the_forecast_says_how_long_the_balance_lasts_and_how_that_is_found(
    portal: PortalWorld, org: Organization, reader: Reader
) -> None:
    assert org.grant("10").status == 201
    for day in range(1, 8):
        add(portal, org, day * DAY, charge=1_000_000)
    words = reader.get("/reports/forecast").words
    assert "USD 10.00 available" in words
    assert "As in the last 7 days 10 days A day costs USD 1.00 Not covered from Apr 12, 2030" in words
    assert "As in the last 28 days 40 days A day costs USD 0.25" in words
    assert "divided by 28. Days without calls count as well." in words
    assert "Add more funds" not in words


def test_without_calls_nothing_is_foretold(reader: Reader) -> None:
    assert "Nothing to foretell from" in reader.get("/reports/forecast").words


# ---------------------------------------------------------------- exports


def test_an_export_is_asked_for_made_and_downloaded(portal: PortalWorld, org: Organization, reader: Reader) -> None:
    add(portal, org, call_id="call-a")
    assert "No exports yet" in reader.get(EXPORTS).words
    done = reader.submit(EXPORTS, EXPORTS, **{"from": "2030-04-01", "to": "2030-04-02"})
    assert done.to == f"{EXPORTS}?said=begun"
    waiting = reader.get(done.to)
    assert "Apr 1, 2030 to Apr 2, 2030" in waiting.words
    assert "0 % made" in waiting.words
    assert 'hx-get="/reports/exports/part"' in waiting.html
    assert make_exports(portal.world.app, lambda: False) == 1
    part = reader.get(f"{EXPORTS}/part", **{"hx-request": "true"})
    assert "Ready" in part.words
    assert "hx-get" not in part.html
    (link,) = [one for one in part.links if one.endswith("/download")]
    file = reader.get(link)
    assert file.headers["content-type"] == "application/zip"
    assert b"call-a" in ZipFile(io.BytesIO(file.content)).read("PSTN.calls.2030-04-02.csv")


def test_a_form_that_is_sent_twice_makes_one_export(org: Organization, reader: Reader) -> None:
    values = reader.get(EXPORTS).form(EXPORTS).values
    assert [reader.send(EXPORTS, values).status for _ in range(2)] == [303, 303]
    assert len(org.api.get("/v1/exports").json["data"]) == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"from": "2030-04-02", "to": "2030-04-01"}, "It must be later than the begin."),
        ({"from": "2028-04-02", "to": "2028-05-01"}, "It lies more than 366 days back."),
        ({"from": "2029-06-02", "to": "2029-07-01", "own_carrier": "on"}, "It lies more than 150 days back."),
        ({"from": "soon"}, "This is no day."),
    ],
)
def test_what_cannot_be_exported_is_told_beside_its_field(
    org: Organization, reader: Reader, fields: dict[str, str], error: str
) -> None:
    refused = reader.submit(EXPORTS, EXPORTS, **fields)
    assert (refused.status, refused.errors) == (422, [error])
    assert refused.form(EXPORTS).values["from"] == fields["from"]
    assert org.api.get("/v1/exports").json["data"] == []


def test_nobody_downloads_what_another_organization_has_made(portal: PortalWorld, reader: Reader) -> None:
    assert reader.submit(EXPORTS, EXPORTS).status == 303
    assert make_exports(portal.world.app, lambda: False) == 1
    (link,) = [one for one in reader.get(EXPORTS).links if one.endswith("/download")]
    other = portal.as_role(portal.world.organization(), "global_administrator")
    assert other.get(link).status == 404
    assert other.get(link.replace("exp_", "exp_0")).status == 404
