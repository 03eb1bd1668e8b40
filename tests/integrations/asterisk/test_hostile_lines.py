"""Whatever is sent to the port or comes back from the manager interface: read, or refused by name."""

from __future__ import annotations

import io
import socket
import time
from contextlib import ExitStack

import pytest

from talktime.integrations.asterisk import server
from talktime.integrations.asterisk.conversation import quoted, reply_of
from talktime.integrations.asterisk.lines import LINE_BYTES_MAX, Gone, Lines, Malformed
from talktime.integrations.asterisk.manager import message_of, written
from talktime.integrations.asterisk.questions import Misasked, authorize_form, question_of
from tests.integrations.asterisk.asterisk import Pbx, soon

GOOD = b"agi_network_script: authorize?call_type=user_out&to=+442079460123\nagi_channel: PJSIP/a-1\n\n"


def lines(raw: bytes, lines_max: int = 100) -> Lines:
    return Lines(io.BytesIO(raw).read, lines_max)


def asked(script: str) -> tuple[str, dict[str, str]]:
    return question_of({"agi_network_script": script})


def test_a_plus_is_the_beginning_of_a_number() -> None:
    assert asked("authorize?to=+442079460123") == ("authorize", {"to": "+442079460123"})
    assert asked("authorize?to=%2B442079460123&user=") == ("authorize", {"to": "+442079460123"})


@pytest.mark.parametrize(
    "script",
    ["", "extend", "authorize?call_id=mine", "authorize?user=a&user=b", "ended?user=a", "../authorize", "AUTHORIZE"],
)
def test_a_question_that_there_is_not_is_refused(script: str) -> None:
    with pytest.raises(Misasked):
        asked(script)


@pytest.mark.parametrize("seconds", ["-1", "1.5", "٣", "9" * 30, "x"])
def test_seconds_are_a_whole_number(seconds: str) -> None:
    with pytest.raises(Misasked):
        authorize_form({}, {"requested_seconds": seconds}, "c1", "pbx")


def test_nothing_of_the_channel_replaces_what_we_say_ourselves() -> None:
    form = authorize_form({"agi_channel": "x" * 999}, {"to": "1"}, "c1", "pbx")
    assert (form["call_id"], form["switch"], len(form["source"])) == ("c1", "pbx", 256)


def test_no_value_ends_its_quotation_or_begins_another_command() -> None:
    assert quoted('a" "b\nEXEC System x\\') == 'a\\" \\"b EXEC System x\\\\'
    assert len(quoted("x" * 9999)) < 1000


@pytest.mark.parametrize("raw", [b"a" * (LINE_BYTES_MAX + 2), b"x" * 10**6 + b"\n", b"a\0b\n", b"a\rb\n", b"\n" * 101])
def test_lines_have_bounds_and_no_control_characters(raw: bytes) -> None:
    read = lines(raw)
    with pytest.raises(Malformed):
        for _ in range(101):
            read.next()


@pytest.mark.parametrize("said", ["500 x", "200 result=-1", "200 result=", "510 Invalid or unknown command", "200"])
def test_what_asterisk_did_not_do_is_noticed(said: str) -> None:
    with pytest.raises(Malformed):
        reply_of(lines(f"{said}\n".encode()))


def test_a_channel_that_hangs_up_meanwhile_still_answers() -> None:
    assert reply_of(lines(b"HANGUP\n200 result=1 (a (b) c)\n")) == (1, "a (b) c")


def test_no_value_gives_the_manager_another_order() -> None:
    with pytest.raises(Malformed):
        written({"Action": "AbsoluteTimeout", "Channel": "PJSIP/a\r\nAction: Originate"})


def test_of_a_message_the_first_value_counts() -> None:
    told = message_of(lines(b"Response: Success\r\nActionID: 1\r\nactionid: 2\r\n\r\n"))
    assert told == {"response": "Success", "actionid": "1"}


def test_a_message_without_an_end_ends() -> None:
    with pytest.raises(Gone):
        message_of(lines(b"Response: Success\r\n"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"\0\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"agi_network_script authorize\n\n",
        b"a: b\n" * 5000 + b"\n",
        b"x" * 200_000,
        GOOD.replace(b"user_out", b"user_out&call_id=mine"),
        GOOD + b"200 result=-1\n",
        GOOD + b"520-Invalid command syntax\n520 End of proper usage.\n",
    ],
)
def test_the_door_lives_on(pbx: Pbx, raw: bytes) -> None:
    assert b"granted" not in pbx.say(raw)
    channel = pbx.channel("+442079460123")
    pbx.authorize(channel)
    assert channel.variables["TALKTIME_DECISION"] == "granted"


@pytest.mark.slow
def test_a_grant_that_nobody_hears_of_is_released(pbx: Pbx) -> None:
    """Asterisk is gone before the door has said everything."""
    query = f"authorize?organization={pbx.org.id}&user={pbx.org.caller}&to=+442079460123"
    with socket.create_connection(("127.0.0.1", pbx.port), 20) as line:
        line.sendall(f"agi_network_script: {query}\nagi_channel: PJSIP/a-1\n\n200 result=0\n200 result=1\n".encode())
    soon(lambda: [call["state"] for call in pbx.org.rows("/v1/calls")] == ["released"])
    assert pbx.org.balance()["held"] == "0"


@pytest.mark.slow
def test_who_says_nothing_takes_only_his_own_place(pbx: Pbx) -> None:
    with ExitStack() as opened:
        for _ in range(50):
            opened.enter_context(socket.create_connection(("127.0.0.1", pbx.port), 20))
        channel = pbx.channel("+442079460123")
        pbx.authorize(channel)
    assert channel.variables["TALKTIME_DECISION"] == "granted"


def test_more_conversations_than_there_are_places_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 1)
    made = server.AgiServer("127.0.0.1", 0, lambda talk: time.sleep(0))
    where = ("127.0.0.1", int(made.url.rpartition(":")[2]))
    try:
        with socket.create_connection(where, 20), socket.create_connection(where, 20) as second:
            assert second.recv(1) == b""
    finally:
        made.close()
