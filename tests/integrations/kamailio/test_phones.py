"""Phones that sign in by a password, from anywhere."""

from __future__ import annotations

import pytest

from tests.sip.kamailio import Proxy
from tests.sip.lab import STRANGER, House, Lab
from tests.support.server import talktime

pytestmark = pytest.mark.slow

PASSWORD = "correct-horse-battery"


def with_a_phone(house: House, proxy: Proxy) -> None:
    words = house.lab.folder / "password"
    words.write_text(PASSWORD)
    about = ("--organization", house.id, "--user", house.number, "--in", proxy.folder, "--password-file", words)
    made = talktime("kamailio", "phone", "desk", *about)
    assert made.returncode == 0, made.stderr


def test_a_phone_is_known_by_its_password_and_not_by_what_it_says(lab: Lab) -> None:
    house, other = lab.house("5"), lab.house("5")
    with lab.own_proxy("phones", digest=True, start=False) as proxy:
        with_a_phone(house, proxy)
        proxy.start()

        wrong = house.calling(by=proxy, at=STRANGER, credentials="username=desk password=guessed").ended()
        unknown = house.calling(by=proxy, at=STRANGER, credentials=f"username=nobody password={PASSWORD}").ended()
        for calls in (wrong, unknown):
            assert calls.talk.codes[-1] in (401, 407)
            assert not lab.callees.talk(calls.call_id).messages

        known = f"username=desk password={PASSWORD}"
        talk = house.call(by=proxy, at=STRANGER, user=other.number, credentials=known, holds=2)
        assert talk.codes[-1] == 200
        assert house.paid(talk.talked)["user"] == house.number
        other.closed(0)
