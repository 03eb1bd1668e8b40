"""With the manager interface calls go on beyond their first grant, and are hung up when they must end."""

from __future__ import annotations

from secrets import token_hex

import pytest

from talktime.integrations.asterisk.channel import Channel
from tests.cli.inside import inside
from tests.core.switch import NO_GUARD
from tests.http.shop import Organization, Shop
from tests.integrations.asterisk.asterisk import SECRET, FakeManager, Pbx, soon

pytestmark = pytest.mark.slow
SLICE = 5


@pytest.fixture
def org(shop: Shop) -> Organization:
    rows = [{"prefix": "44", "per_minute": "0.6", "initial_seconds": 1, "step_seconds": 1}]
    prices = shop.price_list(default=False, rows=rows)
    limits = {"slice_seconds": SLICE, "fraud": NO_GUARD}
    return shop.organization("0.12", price_list=prices, limits=limits)


@pytest.fixture
def pbx(managed_port: int, org: Organization) -> Pbx:
    return Pbx(managed_port, org)


@pytest.fixture
def channel(pbx: Pbx, manager: FakeManager) -> Channel:
    channel = pbx.channel("+442079460123", f"PJSIP/desk-{token_hex(4)}")
    manager.channels.add(channel.name)
    return channel


def answered(channel: Channel) -> None:
    channel.ask(f"answered?call_id={channel.variables['TALKTIME_CALL_ID']}")


def test_a_call_is_extended_as_long_as_there_is_money(
    pbx: Pbx, manager: FakeManager, channel: Channel, org: Organization
) -> None:
    pbx.authorize(channel)
    assert channel.variables["TALKTIME_LIMIT"] == ""
    # Also if nobody ever answers us again, it ends.
    assert channel.ends_at is not None
    answered(channel)
    soon(lambda: pbx.story(channel)["granted_seconds"] == 12)
    moved = manager.times(channel.name)
    assert moved[0] in (SLICE - 1, SLICE)
    soon(lambda: max(manager.times(channel.name)) > SLICE)
    story = pbx.ended(channel, "ANSWER", ANSWEREDTIME="12")
    assert (story["charge"], org.balance()["balance"]) == ("0.12", "0")


def test_nothing_more_is_held_for_a_channel_that_is_gone(pbx: Pbx, manager: FakeManager, channel: Channel) -> None:
    pbx.authorize(channel)
    manager.channels.remove(channel.name)
    answered(channel)
    soon(lambda: manager.times(channel.name) != [])
    assert pbx.story(channel)["granted_seconds"] == SLICE
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="2")["charge"] == "0.02"


def test_nobody_knows_better_than_asterisk_but_we_measure_too(pbx: Pbx, channel: Channel) -> None:
    pbx.authorize(channel)
    answered(channel)
    assert pbx.ended(channel, "ANSWER")["state"] == "settled"


def test_a_call_of_a_blocked_user_is_hung_up(
    pbx: Pbx, manager: FakeManager, channel: Channel, org: Organization
) -> None:
    pbx.authorize(channel)
    assert org.api.post(f"/v1/users/{org.caller_id}/block", {"reason": "stolen telephone"}).status == 200
    soon(lambda: channel.name in manager.hung_up, 20)


def test_a_manager_that_comes_back_is_asked_again(
    managed_port: int, manager: FakeManager, shop: Shop, channel: Channel
) -> None:
    pbx = Pbx(managed_port, shop.organization("10"))
    pbx.authorize(channel)
    manager.is_down = True
    answered(channel)
    soon(lambda: manager.turned_away > 1)
    manager.is_down = False
    soon(lambda: manager.times(channel.name) != [])
    # Ringing does not count, being down does.
    assert 240 < manager.times(channel.name)[0] < 300
    assert pbx.ended(channel, "ANSWER", ANSWEREDTIME="6")["charge"] == "0.1"


def test_an_emergency_call_is_never_cut(pbx: Pbx, manager: FakeManager, org: Organization) -> None:
    channel = pbx.channel("999", "PJSIP/desk-emergency")
    manager.channels.add(channel.name)
    pbx.authorize(channel)
    answered(channel)
    assert (channel.ends_at, manager.times(channel.name)) == (None, [])


def test_a_manager_that_does_not_let_us_in_is_told_of_at_once(manager: FakeManager) -> None:
    options = ["--url", "http://127.0.0.1:9", "--ami", manager.address, "--ami-user", "nobody"]
    said = inside("agi", *options, TALKTIME_KEY="tt_test_example", TALKTIME_AMI_SECRET=SECRET)
    assert (said.returncode, "account in manager.conf" in said.stderr) == (3, True)


@pytest.mark.parametrize("options", [["--ami", "pbx.example:x"], ["--ami", "pbx.example"], ["--url", "pbx.example"]])
def test_a_wrong_option_is_named(options: list[str]) -> None:
    secret = "" if options[-1] == "pbx.example" else SECRET
    said = inside("agi", "--url", "http://127.0.0.1:9", *options, TALKTIME_KEY="tt_test_x", TALKTIME_AMI_SECRET=secret)
    assert said.returncode == 2, said.stderr
    assert options[0] in said.stderr
