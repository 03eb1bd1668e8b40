"""What a request says, and what it may not say."""

from __future__ import annotations

from typing import Any

import pytest
from diameter.message.avp import Avp

from talktime.integrations.diameter.avps import AVPS_MAX, Wrong
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_requests import (
    SECONDS_MAX,
    CreditRequest,
    Kind,
    call_id_of,
    number_of,
    read_request,
)
from talktime.integrations.diameter.messages import BYTES_MAX, Unreadable, length_of, read
from tests.integrations.diameter.client import INITIAL, UPDATE, ccr

PARTIES = {"user": "sip:desk@example.com", "to": "tel:+442079460123", "caller": "sip:+442079460101@example.net"}


def request(kind: int = INITIAL, more: tuple[Any, ...] = (), **fields: Any) -> CreditRequest:
    made = ccr("Client.Example.net", "example.net", "one;1", kind, 7, **(PARTIES | {"wanted": 30} | fields))
    made.avps = list(more)
    return read_request(read(made.as_bytes()))


def refused(**fields: Any) -> Code:
    with pytest.raises(Wrong) as caught:
        request(**fields)
    return caught.value.code


def test_a_request_is_read() -> None:
    asked = request(UPDATE, used=12)
    assert (asked.session_id, asked.kind, asked.number, asked.host) == ("one;1", Kind.UPDATE, 7, "client.example.net")
    assert (asked.service.used, asked.service.wanted, asked.service.rating_group) == (12, 30, 100)
    assert (asked.user, asked.caller, asked.called) == ("desk@example.com", "+442079460101", "+442079460123")


def test_units_may_stand_outside_of_services() -> None:
    asked = request(UPDATE, used=12, plain=True)
    assert (asked.has_services, asked.service.used, asked.service.wanted) == (False, 12, 30)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("tel:+44-20-7946-0123", "+442079460123"),
        ("tel:+442079460123;phone-context=example.net", "+442079460123"),
        ("sip:+442079460123@example.net;user=phone", "+442079460123"),
        ("SIP:+44(20)79460123:secret@example.net?x=y", "+442079460123"),
        ("sips:911@example.net", "911"),
        ("sip:desk@example.com;transport=tcp", "desk@example.com"),
        ("urn:service:sos.police", "112"),
        ("442079460123", "442079460123"),
    ],
)
def test_a_number_is_found_in_its_uri(uri: str, number: str) -> None:
    assert number_of(uri) == number


def test_a_subscriber_is_known_by_his_number_if_that_is_said() -> None:
    assert request(user="442079460101", user_kind=0).user == "+442079460101"
    assert request(user="+442079460101", user_kind=0).user == "+442079460101"


def test_a_session_has_always_the_same_call() -> None:
    assert call_id_of("one;1") == call_id_of("one;1") == "diameter:one;1"
    long = call_id_of("ü" * 200)
    assert long == call_id_of("ü" * 200) != call_id_of("ü" * 201)
    assert len(long) <= 128
    assert long.isascii()


def test_more_seconds_than_anybody_talks_are_refused() -> None:
    assert refused(used=SECONDS_MAX + 1) is Code.INVALID_AVP_VALUE


def test_a_type_of_request_that_is_none_is_refused() -> None:
    assert refused(kind=9) is Code.INVALID_AVP_VALUE


@pytest.mark.parametrize("user", ["a" * 257, "a\nb", "a\0b"])
def test_text_is_short_and_can_be_printed(user: str) -> None:
    assert refused(user=user) is Code.INVALID_AVP_VALUE


def test_what_is_mandatory_and_unknown_is_refused() -> None:
    assert refused(more=(Avp(999_999, 12_345, b"abcd", 0x40),)) is Code.AVP_UNSUPPORTED
    assert request(more=(Avp(999_999, 12_345, b"abcd", 0),)).session_id == "one;1"


def test_a_message_has_only_so_many_parts() -> None:
    crowd = tuple(Avp(999_999, 0, b"", 0) for _ in range(AVPS_MAX + 1))
    assert refused(more=crowd) is Code.AVP_OCCURS_TOO_MANY_TIMES


@pytest.mark.parametrize("length", [0, 7])
def test_a_part_that_is_shorter_than_its_head_is_refused(length: int) -> None:
    raw = bytearray(ccr("a.example", "example", "one", INITIAL, 0).as_bytes())
    raw[25:28] = length.to_bytes(3)
    with pytest.raises(Wrong) as caught:
        read_request(read(bytes(raw)))
    assert caught.value.code is Code.INVALID_AVP_LENGTH


@pytest.mark.parametrize("head", ["00000014", "01000000", "01000010", "01000015", "02000014"])
def test_a_head_that_cannot_be_trusted_ends_the_conversation(head: str) -> None:
    with pytest.raises(Unreadable):
        length_of(bytes.fromhex(head))
    with pytest.raises(Unreadable):
        length_of(b"\x01" + (BYTES_MAX + 4).to_bytes(3))
