"""Webhooks: signed as receivers expect it, sent to where they were checked to go, and nowhere else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from talktime.notifications.addresses import Internal, is_internal, is_webhook_url, resolved
from talktime.notifications.hooks import Hooks
from talktime.notifications.outcomes import Fate, Outcome
from talktime.notifications.signatures import new_secret, signature, signed_headers
from tests.support.certificates import made_in
from tests.support.ports import free_port
from tests.support.receiver import Receiver, receiver

BODY = b'{"type":"balance_zero"}'


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def posted(server: Receiver, seconds: float = 10.0) -> Outcome:
    return Hooks(internal=True, seconds=seconds).post(server.url, {"webhook-id": "del_1"}, BODY)


def test_the_message_arrives_as_it_is_with_its_address(server: Receiver) -> None:
    assert posted(server) == Outcome(Fate.SENT, 200)
    (heard,) = server.heard
    assert (heard.path, heard.body) == ("/hook?a=b", BODY)
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["host"] == server.url.split("/")[2]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (204, Fate.SENT),
        (400, Fate.AGAIN),
        (404, Fate.AGAIN),
        (429, Fate.AGAIN),
        (500, Fate.AGAIN),
        (410, Fate.REFUSED),
    ],
)
def test_what_the_receiver_answers_decides(server: Receiver, status: int, fate: Fate) -> None:
    server.status = status
    outcome = posted(server)
    assert (outcome.fate, outcome.status) == (fate, status)


def test_it_does_not_go_where_the_receiver_points(server: Receiver) -> None:
    with receiver() as other:
        server.status, server.location = 307, other.url
        assert posted(server).fate is Fate.AGAIN
        assert other.heard == []


def test_who_does_not_answer_is_not_waited_for(server: Receiver) -> None:
    server.pause = threading.Event()
    begun = time.monotonic()
    assert posted(server, seconds=0.3).fate is Fate.AGAIN
    assert time.monotonic() - begun < 5


def test_who_answers_a_byte_now_and_then_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()
        thread = threading.Thread(target=_drip, args=(listening, ended))
        thread.start()
        begun = time.monotonic()
        outcome = Hooks(internal=True, seconds=0.5).post(f"http://127.0.0.1:{listening.getsockname()[1]}/", {}, BODY)
        assert outcome.fate is Fate.AGAIN
        assert time.monotonic() - begun < 5
        ended.set()
        thread.join()


def _drip(listening: socket.socket, ended: threading.Event) -> None:
    line, _ = listening.accept()
    with line:
        try:
            line.sendall(b"HTTP/1.1 2")
            while not ended.wait(0.05):
                line.sendall(b"x")
        except OSError:
            return


def test_a_server_that_is_away_is_asked_again() -> None:
    assert Hooks(internal=True).post(f"http://127.0.0.1:{free_port()}/", {}, BODY).fate is Fate.AGAIN


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    tls = made_in(tmp_path)
    with receiver(tls.server) as server:
        assert Hooks(internal=True).post(server.url, {}, BODY).fate is Fate.AGAIN
        assert server.heard == []
        assert Hooks(internal=True, tls=tls.client).post(server.url, {}, BODY) == Outcome(Fate.SENT, 200)


# ---------------------------------------------------------------- signatures


def test_a_signature_is_the_one_of_the_standard() -> None:
    """The example of the specification's own libraries."""
    body = b'{"test": 2432232314}'
    made = signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_receiver_finds_the_signature_right_and_any_other_wrong(server: Receiver) -> None:
    old, new, strange = new_secret(), new_secret(), new_secret()
    headers = signed_headers([new, old], "del_1", 1_900_000_000, BODY)
    Hooks(internal=True).post(server.url, headers, BODY)
    Hooks(internal=True).post(server.url, headers, BODY + b" ")
    right, changed = server.heard
    assert [right.signed_by(one) for one in (old, new, strange)] == [True, True, False]
    assert not changed.signed_by(new)


def test_secrets_are_256_bits_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {len("whsec_") + 44}


# ---------------------------------------------------------------- where it may go


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "::127.0.0.1"),
    ],
)
def test_an_internal_address_is_known_however_it_is_written(address: str) -> None:
    assert is_internal(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_an_address_out_in_the_world_is_none(address: str) -> None:
    assert not is_internal(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "169.254.169.254", "2130706433", "0x7f.1", "0"])
def test_a_name_that_leads_to_an_internal_address_is_refused(host: str) -> None:
    with pytest.raises(Internal):
        resolved(host, 443, internal=False)


def test_our_own_network_is_asked_nothing(server: Receiver) -> None:
    for url in (server.url, server.url.replace("http:", "https:"), server.url.replace("localhost", "127.0.0.1")):
        assert Hooks().post(url, {}, BODY).fate is Fate.REFUSED
    assert server.heard == []


def test_the_address_that_was_checked_is_the_one_that_is_asked(
    server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere the next time it is asked for leads nowhere: it is asked for once."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def turning(host: str, *arguments: Any, **options: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", turning)
    url = server.url.replace("localhost", "hooks.example.com")
    assert Hooks(internal=True).post(url, {}, BODY).fate is Fate.SENT
    assert [host for host in asked if host == "hooks.example.com"] == ["hooks.example.com"]
    assert server.heard[0].headers["host"].startswith("hooks.example.com:")


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "https://", "https:///x", ""),
        *("https://user:secret@hooks.example.com/", "https://hooks.example.com/#a", "https://hooks.example.com:0/"),
        *("https://hooks.example.com:port/", "https://hooks.example.com/a b", "https://hooks.example.com/\n"),
        *(
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://10.0.0.1/",
            "https://localhost/",
            "https://[::ffff:7f00:1]/",
        ),
        *("https://hööks.example.com/", "https://[bad/"),
    ],
)
def test_such_an_address_is_not_taken_in_the_first_place(url: str) -> None:
    assert not is_webhook_url(url, internal=False)


def test_an_ordinary_address_is_taken_and_for_tests_an_internal_one() -> None:
    assert is_webhook_url("https://hooks.example.com:8443/talktime?a=b", internal=False)
    assert is_webhook_url("http://127.0.0.1:8000/", internal=True)
    assert not is_webhook_url("file:///etc/passwd", internal=True)
