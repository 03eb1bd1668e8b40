"""Nobody talks for nothing by what he writes into his messages."""

from __future__ import annotations

import re
from random import Random

import pytest

from tests.sip.lab import STRANGER, Lab, until
from tests.sip.shout import INVITE, mangled, said_to, shout


@pytest.mark.slow
@pytest.mark.parametrize("method", ["INFO", "UPDATE", "INVITE"])
def test_messages_in_a_call_do_not_move_its_end(lab: Lab, method: str) -> None:
    house = lab.house("0.04")
    talk = house.call(holds=15, repeats=method)
    assert talk.was_hung_up and talk.talked <= 4.9
    house.paid(talk.talked)


@pytest.mark.slow
def test_a_made_up_call_in_progress_reaches_nobody(lab: Lab) -> None:
    house = lab.house()
    way = f"Route: <sip:{lab.proxy.target};lr>"
    for headers in ((), (way,), (way, f"Route: <sip:{lab.callees.target};lr>")):
        calls = house.calling(to_tag="made-up", headers=headers).ended()
        assert calls.talk.final is not None and calls.talk.final >= 400
        assert not lab.callees.talk(calls.call_id).messages
    house.closed(0)


@pytest.mark.slow
def test_a_route_of_the_callers_own_leads_nowhere(lab: Lab) -> None:
    house = lab.house("5")
    calls = house.calling(headers=("Route: <sip:127.0.0.1:9;lr>",), holds=2).ended()
    assert calls.talk.final in (200, 400, 403, 404)
    if calls.talk.final == 200:
        house.paid(2)
    else:
        house.closed(0)


@pytest.mark.slow
def test_a_call_id_cannot_be_used_by_two_calls_at_once(lab: Lab) -> None:
    house = lab.house("5")
    first = house.calling(call_id="twice-the-same@example.com", tag="same", holds=4)
    house.open_call()
    second = house.call(call_id="twice-the-same@example.com", tag="same")
    assert second.final == 482
    assert first.ended().talk.final == 200
    house.paid(4)


@pytest.mark.slow
def test_a_call_id_of_another_call_is_no_ticket(lab: Lab) -> None:
    """With another tag it is another call, for which nothing is left."""
    house = lab.house("0.06")
    first = house.calling(call_id="another-tag@example.com", tag="one", holds=3)
    house.open_call()
    assert house.call(call_id="another-tag@example.com", tag="two").final == 402
    first.ended()
    assert sorted(call["state"] for call in house.closed(2)) == ["refused", "settled"]


@pytest.mark.slow
def test_a_call_id_may_be_used_again_when_the_call_is_over(lab: Lab) -> None:
    house = lab.house("5")
    for _ in range(2):
        assert house.call(call_id="once-more@example.com", tag="same", holds=1.5).final == 200
    assert [call["state"] for call in house.closed(2)] == ["settled", "settled"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "call_id",
    [
        "a$TV(un)$ci$rU@example.com",
        'quote"back\\\\slash@example.com',
        "{s.len,$ci}#!define@example.com",
        "x" * 250,
    ],
)
def test_hostile_call_ids_are_texts_like_others(lab: Lab, call_id: str) -> None:
    house = lab.house("5")
    assert house.call(call_id=call_id, holds=1.5).final == 200
    house.paid(1.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "sender",
    [
        '"a\\"b $ci $(fU{s.len}) , \\"granted_seconds\\":99999" <sip:{user}@[local_ip]>',
        '"\u0645\u0631\u062d\u0628\u0627 \u00e9\u00df" <sip:{user}@[local_ip]>',
        "<sip:{user}@[local_ip];user=phone;x=%00%22%0a>",
        '"%s%n%{User-Name} $shv(x) `id`" <sip:{user}@[local_ip]>',
    ],
)
def test_hostile_senders_are_texts_like_others(lab: Lab, sender: str) -> None:
    house = lab.house("5")
    assert house.call(sender=sender, holds=1.5).final == 200
    house.paid(1.5)


@pytest.mark.slow
def test_a_user_with_a_hostile_name_is_nobody(lab: Lab) -> None:
    house = lab.house("5")
    for name in ("%22%7d", "$fU", "a%0d%0aX", "u" * 300):
        assert house.call(user=name).final in (400, 403, 404)
    assert all(call["state"] == "refused" for call in house.closed(len(house.calls())))


@pytest.mark.slow
def test_nobody_can_say_who_pays(lab: Lab) -> None:
    poor, rich = lab.house(), lab.house("5")
    said = (
        f"P-Asserted-Identity: <sip:{rich.number}@example.com>",
        f"Remote-Party-ID: <sip:{rich.number}@example.com>",
        f"Talktime-Organization: {rich.organization.id}",
    )
    assert poor.call(headers=said, user=rich.number).final in (402, 403)
    rich.closed(0)


@pytest.mark.slow
def test_a_number_with_sense_in_it_is_only_a_number(lab: Lab) -> None:
    house = lab.house("5")
    for number in ("+44%222079460101", "$rU", "+442079460101;x=y", "sip", "+44207946010%0a1"):
        talk = house.call(to=number, holds=1)
        assert talk.final is not None
    for call in house.closed(len(house.calls())):
        assert call["state"] in ("refused", "settled", "released")


@pytest.mark.slow
def test_a_bye_of_somebody_else_ends_nothing(lab: Lab) -> None:
    house = lab.house("5")
    calls = house.calling(holds=4)
    house.answered_call()
    asked = until(lambda: [one for one in calls.talk.messages if one.method == "ACK"], "the call was answered")[0].text
    forged = re.sub(r"(?m)^(CSeq: )\d+ ACK", r"\g<1>77 BYE", asked.strip().replace("ACK sip:", "BYE sip:", 1)) + "\n\n"
    assert said_to(lab.proxy.target, forged, STRANGER) in (403, 481)
    talk = calls.ended().talk
    assert not talk.was_hung_up
    house.paid(4)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "\r\n" * 40, "INVITE", "\0" * 1000, "INVITE sip:x SIP/2.0\r\n\r\n", "x" * 60_000])
def test_what_is_no_message_hurts_nobody(lab: Lab, text: str) -> None:
    house = lab.house("5")
    for _ in range(3):
        said_to(lab.proxy.target, text, house.address)
    assert house.call(holds=1.2).final == 200


@pytest.mark.prove
def test_thousands_of_mangled_messages_hurt_nobody(lab: Lab) -> None:
    poor, rich, chance = lab.house(), lab.house("5"), Random(1)
    with lab.own_proxy("mangled") as proxy:
        for address in (STRANGER, poor.address):
            texts = (INVITE.format(to=rich.number, user=poor.number, number=n) for n in range(3000))
            shout(proxy.target, (mangled(text, chance) for text in texts), address)
        talk = rich.call(by=proxy, holds=2)
        assert talk.final == 200
        rich.paid(talk.talked)
    assert all(call["state"] == "refused" for call in poor.calls())
