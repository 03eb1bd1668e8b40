"""The operator's page of the installation, which says what the alerts say."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path

import msgspec
import pytest

from talktime import alarms
from talktime.actions.backups import Checked
from talktime.actions.schedule import turn
from talktime.alarms import URGENT, Alarm
from talktime.core.time import DAY, MINUTE, SECOND
from talktime.lately import (
    ANSWERS_WINDOW_SECONDS,
    CONFLICTS_WINDOW_SECONDS,
    ERRORS_WINDOW_SECONDS,
    JOBS,
    LOOK_SECONDS,
    QUARTER_SECONDS,
    Key,
    Lately,
    Past,
)
from talktime.portal.operator.health import failing_names
from talktime.reports.installation import Failing
from talktime.settings import Settings
from talktime.storage import upkeep_store
from talktime.storage.backup import SQLITE_SUFFIX
from tests.monitoring.shipped import condition, rules
from tests.portal.client import PortalWorld, Reader, Shown
from tests.web.client import Clock, Organization, World
from tests.web.conftest import opened

PAGE = "/operator/system"
LINES = {
    "TalktimeStoreErrors": "Calls not decided, last 5 minutes",
    "TalktimeBooksWrong": "Differences in the books",
    "TalktimeNoWorker": "Due work was last done",
    "TalktimeSwitchSilent": "Silent switches",
    "TalktimeSlow": "Decision time of 99 in 100 calls, last 5 minutes",
    "TalktimeConflict": "Calls ended twice and differently, last 15 minutes",
    "TalktimeClockAway": "The clock is away by",
    "TalktimeJobFails": "Due work that fails",
    "TalktimeNoBackup": "Newest backup that was tried and is good",
    "TalktimeNotVerified": "Books last verified",
    "TalktimeMailWaits": "Mails or webhooks that wait to be sent",
}
"""Each alert with the line of the page that shows the same."""
SEEN_FROM_OUTSIDE = {"TalktimeDown": "a program that does not run shows no page"}


def minutes(seconds: float) -> str:
    return f"[{seconds / 60:.0f}m"


def days(time: int) -> str:
    return f"> {time // DAY} * 86400"


BOUNDS = {
    "TalktimeStoreErrors": (minutes(LOOK_SECONDS), f"{minutes(ERRORS_WINDOW_SECONDS)}]", "offset 5m", "> 0"),
    "TalktimeBooksWrong": ("> 0",),
    "TalktimeNoWorker": (f"> {alarms.WORKED_AGO_MOST // SECOND}",),
    "TalktimeSwitchSilent": ("> 0",),
    "TalktimeSlow": (f"{alarms.ANSWER_SHARE},", minutes(ANSWERS_WINDOW_SECONDS), f"> {alarms.ANSWER_SECONDS_MOST}"),
    "TalktimeConflict": (minutes(CONFLICTS_WINDOW_SECONDS), "> 0"),
    "TalktimeClockAway": (f"> {alarms.CLOCK_SECONDS_MOST}",),
    "TalktimeJobFails": (minutes(QUARTER_SECONDS), "[4h:15m]", f"> {alarms.FAILED_QUARTERS_MOST}"),
    "TalktimeNoBackup": (days(alarms.BOOKS_AGO_MOST), "offset 2d"),
    "TalktimeNotVerified": (days(alarms.BOOKS_AGO_MOST), "offset 2d"),
    "TalktimeMailWaits": (f"> {alarms.WAITING_MOST}",),
}
"""What must stand in each rule, by the numbers that the page reckons with."""


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    return portal.world.organization(name="Example Harbour")


@pytest.fixture
def owner(portal: PortalWorld) -> Reader:
    """Of an installation whose work is done."""
    work(portal.world)
    return portal.as_role(None, "operator", name="Ona Operator")


def work(world: World, error: str | None = None) -> None:
    mine = turn(world.app.database, "remind", 60 * SECOND, world.clock())
    assert mine
    if error:
        mine.fail(error, world.clock())
    else:
        mine.end(0, world.clock())


def lines(shown: Shown) -> dict[str, str]:
    """By the alert whose line it is: what stands there, as it is read aloud."""
    found = re.findall(r'<div data-alert="(\w+)">(.*?)</div>', shown.html, re.DOTALL)
    return {name: " ".join(unescape(re.sub(r"<[^>]+>", " ", line)).split()) for name, line in found}


def banner(shown: Shown) -> str:
    """Nothing on a page that has none."""
    assert shown.title == "System"
    found = re.search(r'<h2 id="problem">(.*?)</h2>', shown.html)
    return unescape(found[1]) if found else ""


# ---------------------------------------------------------------- the page and the alerts


def test_each_alert_has_its_line_or_is_seen_only_from_outside(owner: Reader) -> None:
    assert rules().keys() == LINES.keys() | SEEN_FROM_OUTSIDE.keys()
    assert rules().keys() - SEEN_FROM_OUTSIDE.keys() == {*Alarm}
    shown = lines(owner.get(PAGE))
    assert [*shown] == [*LINES]
    assert [name for name, label in LINES.items() if not shown[name].startswith(f"{label} ")] == []


def test_what_wakes_somebody_is_urgent_on_the_page() -> None:
    paged = {name for name, rule in rules().items() if "severity: page" in rule}
    assert paged - SEEN_FROM_OUTSIDE.keys() == {*URGENT}
    urgent = [alarm in URGENT for alarm in Alarm]
    assert urgent == sorted(urgent, reverse=True)


@pytest.mark.parametrize("alarm", Alarm)
def test_the_page_warns_where_its_alert_begins(alarm: Alarm) -> None:
    asked = condition(rules()[alarm]) + " "
    assert [part for part in BOUNDS[alarm] if not re.search(rf"{re.escape(part)}(?![\d.])", asked)] == []


def test_an_installation_that_is_well_warns_of_nothing(owner: Reader) -> None:
    shown = owner.get(PAGE)
    assert banner(shown) == ""
    assert [name for name, line in lines(shown).items() if name in line] == []


# ---------------------------------------------------------------- what is told


def warned(shown: Shown, alert: str, line: str, title: str) -> None:
    assert banner(shown) == title
    assert lines(shown)[alert].startswith(f"{LINES[alert]} {alert} {line}")
    assert [name for name, text in lines(shown).items() if name in text] == [alert]


def test_wrong_books_stand_in_the_banner(portal: PortalWorld, owner: Reader) -> None:
    verified(portal.world, 3)
    warned(owner.get(PAGE), "TalktimeBooksWrong", "3 Urgent", "The books do not add up")
    assert "The last verification found 3 differences. Calls go on." in owner.get(PAGE).words


def verified(world: World, findings: int) -> None:
    world.app.database.write((), upkeep_store.note_verification, world.clock(), findings)


def test_books_that_nobody_verifies_are_missed_after_two_days(portal: PortalWorld, owner: Reader) -> None:
    backed_up(portal.world, portal.world.clock() + 2 * DAY)
    verified(portal.world, 0)
    shown = later(portal, 2 * DAY)
    warned(shown, "TalktimeNotVerified", "Apr 2, 2030", "The books were not verified for two days")


def later(portal: PortalWorld, passed: int) -> Shown:
    """Somebody has worked all the time; nobody stays signed in for so long."""
    portal.world.clock.at += passed
    work(portal.world)
    email = f"at-{portal.world.clock()}@example.com"
    return portal.as_role(None, "operator", email=email).get(PAGE)


def test_what_was_never_done_is_missed_two_days_after_the_first_work(portal: PortalWorld, owner: Reader) -> None:
    assert banner(later(portal, 2 * DAY - MINUTE)) == ""
    shown = later(portal, 2 * MINUTE)
    assert banner(shown) == "There is no good backup of the last two days"
    assert "One more is marked below." in shown.words
    assert {name for name, line in lines(shown).items() if name in line} == {"TalktimeNoBackup", "TalktimeNotVerified"}


def test_the_operator_sees_how_old_the_newest_good_backup_is(portal: PortalWorld, owner: Reader) -> None:
    line = LINES["TalktimeNoBackup"]
    assert f"{line} Not yet" in owner.get(PAGE).words
    backed_up(portal.world, 1_893_456_000 * SECOND)
    # The newer one does not add up.
    backed_up(portal.world, 1_893_542_400 * SECOND, findings=1)
    assert f"{line} TalktimeNoBackup Jan 1, 2030" in owner.get(PAGE).words


def backed_up(world: World, at: int, findings: int = 0) -> None:
    folder = world.app.settings.backup_folder
    folder.mkdir(parents=True, exist_ok=True)
    backup = folder / f"talktime-2030010{1 + findings}T000000Z{SQLITE_SUFFIX}"
    backup.touch()
    word = Checked(0, at / SECOND, 0.0, 0.0, findings, 0, 0, 0, 0)
    backup.with_name(f"{backup.name}.checked.json").write_bytes(msgspec.json.encode(word))


def test_work_that_nobody_does_is_told_after_five_minutes(portal: PortalWorld, owner: Reader) -> None:
    portal.world.clock.pass_seconds(290)
    assert banner(owner.get(PAGE)) == ""
    portal.world.clock.pass_seconds(90)
    warned(owner.get(PAGE), "TalktimeNoWorker", "Apr 2, 2030", "Nobody does due work")


def test_while_somebody_is_long_at_work_it_is_not_missed(portal: PortalWorld, owner: Reader) -> None:
    portal.world.clock.pass_seconds(61)
    assert turn(portal.world.app.database, "remind", 60 * SECOND, portal.world.clock())
    portal.world.clock.pass_seconds(360)
    assert banner(owner.get(PAGE)) == ""


def test_where_nobody_has_ever_worked_the_page_says_so(portal: PortalWorld) -> None:
    shown = portal.as_role(None, "operator").get(PAGE)
    warned(shown, "TalktimeNoWorker", "Never Urgent", "Nobody does due work")


def test_work_that_fails_stands_in_the_banner_with_what_went_wrong(portal: PortalWorld, owner: Reader) -> None:
    portal.world.clock.pass_seconds(61)
    work(portal.world, "OSError: no room")
    shown = owner.get(PAGE)
    warned(shown, "TalktimeJobFails", "Reminders of funds and cards that end Today", "Regular work fails")
    assert "OSError: no room" in shown.words


def test_work_without_a_schedule_is_told_when_it_fails_again_and_again() -> None:
    def failed(quarters: int) -> Past:
        """Once in each of them, and a minute ago."""
        sums = [Counter({Key(JOBS, "money"): number}) for number in range(quarters + 1)]
        looks = [(number * QUARTER_SECONDS, one) for number, one in enumerate(sums)]
        return Past(quarters * QUARTER_SECONDS, sums[-1], tuple(looks))

    assert failing_names(failed(2), []) == []
    assert failing_names(failed(3), [Failing("pools", "OSError", 0)]) == ["money", "pools"]


def test_a_call_that_was_ended_twice_and_differently_is_told(portal: PortalWorld, owner: Reader) -> None:
    org = portal.world.organization(price_list=portal.world.price_list())
    org.grant("10")
    call = org.call(60)
    assert lines(owner.get(PAGE))["TalktimeConflict"].endswith(" 0")
    org.api.post("/v1/calls/settle", {"call_id": call, "duration_seconds": 30})
    title = "A switch reported the end of a call twice and differently"
    warned(owner.get(PAGE), "TalktimeConflict", "1 Today", title)


def test_calls_that_wait_long_are_told(portal: PortalWorld, owner: Reader) -> None:
    assert lines(owner.get(PAGE))["TalktimeSlow"].endswith("No calls")
    observe = portal.world.app.meters.answer_seconds.observe
    for _ in range(200):
        observe("authorize", 0.004)
    assert lines(owner.get(PAGE))["TalktimeSlow"].endswith(" 5 ms")
    for _ in range(20):
        observe("authorize", 0.3)
    warned(owner.get(PAGE), "TalktimeSlow", "473 ms Today", "Calls wait long for their decision")


def test_calls_that_nobody_decides_are_told_before_everything_else_when_it_goes_on(world: World) -> None:
    passed = [0.0]
    looking = Lately(world.app.meters.registry, world.app.settings.figures, lambda: passed[0])
    world.app = replace(world.app, lately=looking)
    work(world)
    verified(world, 1)
    with closing(PortalWorld(world)) as portal:
        owner = portal.as_role(None, "operator")
        for seen in ("The books do not add up", "Calls are not decided"):
            looking.look()
            world.app.meters.store_errors.inc()
            passed[0] += LOOK_SECONDS
            shown = owner.get(PAGE)
            assert banner(shown) == seen
    assert lines(shown)["TalktimeStoreErrors"].endswith("TalktimeStoreErrors 2 Urgent")


def test_a_silent_switch_is_told(portal: PortalWorld, org: Organization, owner: Reader) -> None:
    assert org.api.post("/v1/switches/edge/heartbeat", {"boot_id": "1"}).status == 200
    assert "Every switch that was ever heard of is heard of now." in owner.get(PAGE).words
    portal.world.clock.pass_seconds(60)
    warned(owner.get(PAGE), "TalktimeSwitchSilent", "1 Urgent", "1 switch is silent")


@pytest.mark.parametrize(("seconds", "title"), [(0.9, ""), (-1.2, "The machine's clock is 1.2 s away")])
def test_a_clock_that_is_more_than_a_second_away_is_told(
    empty_data: Path, tmp_path: Path, seconds: float, title: str
) -> None:
    shutil.copytree(empty_data, tmp_path / "data")
    with opened(Settings(data=tmp_path / "data"), Away(seconds)) as world, closing(PortalWorld(world)) as portal:
        work(world)
        shown = portal.as_role(None, "operator").get(PAGE)
        assert banner(shown) == title
        assert lines(shown)["TalktimeClockAway"].endswith(" s Today" if title else " 0.9 s")


class Away(Clock):
    """Somebody has set the clock of the machine."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds_away = seconds


def test_many_messages_that_wait_are_told(portal: PortalWorld, org: Organization, owner: Reader) -> None:
    hook = org.api.post("/v1/webhooks", {"url": "https://hooks.example.com/", "events": ["balance_low"]}).json
    for _ in range(50):
        assert org.api.post(f"/v1/webhooks/{hook['id']}/test").status == 202
    assert lines(owner.get(PAGE))["TalktimeMailWaits"].endswith(" 50")
    org.api.post(f"/v1/webhooks/{hook['id']}/test")
    warned(owner.get(PAGE), "TalktimeMailWaits", "51 Today", "Many mails or webhooks wait to be sent")


def test_on_postgresql_backups_are_those_of_the_machine_that_keeps_them(
    anywhere: World, portal_anywhere: PortalWorld
) -> None:
    work(anywhere)
    shown = portal_anywhere.as_role(None, "operator").get(PAGE)
    kept_here = anywhere.app.settings.on_sqlite
    assert lines(shown)["TalktimeNoBackup"].endswith(" Not yet" if kept_here else " Not on this machine")
    assert "Up to date" in shown.words and banner(shown) == ""
