"""Servers for single sign-on: looked up, asked for a few seconds, and not trusted further than they go."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from talktime.core.identities import Person, Unknown
from talktime.identity.asking import ANSWER_BYTES_MAX, Asker
from talktime.identity.failures import NotReached
from talktime.identity.identity import Identity
from talktime.identity.known import Client
from talktime.identity.servers import FAILURE_KEPT, KEPT, Server
from tests.identity.conftest import BACK, Desk
from tests.support.certificates import made_in
from tests.support.oidc_server import CLIENT_ID
from tests.support.ports import free_port
from tests.support.receiver import receiver


def why(found: object) -> Unknown:
    assert isinstance(found, Unknown), found
    return found


def test_what_a_server_says_of_itself_is_asked_once_an_hour(desk: Desk) -> None:
    for _ in range(3):
        desk.finished()
    assert [path.rpartition("/")[2] for path in desk.server.asked].count("openid-configuration") == 1
    desk.clock.at += KEPT
    desk.finished()
    assert [path.rpartition("/")[2] for path in desk.server.asked].count("openid-configuration") == 2


def test_a_code_is_asked_for_with_a_challenge_a_state_and_a_nonce(desk: Desk) -> None:
    desk.begun()
    desk.begun(again=True)
    first, again = desk.server.authorized
    told = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
    assert set(first) == told | {"code_challenge", "code_challenge_method"}
    assert (first["scope"], first["redirect_uri"]) == ("openid email", BACK)
    assert {name: again[name] for name in set(again) - set(first)} == {"prompt": "login", "max_age": "0"}
    assert not {first[name] for name in ("state", "nonce", "code_challenge")} & set(again.values())


@pytest.mark.parametrize(
    ("taken", "proof"),
    [
        (["client_secret_basic", "client_secret_post"], "post"),
        (["client_secret_post"], "post"),
        (["client_secret_basic"], "basic"),
        (None, "basic"),
    ],
)
def test_the_secret_goes_where_the_server_takes_it(desk: Desk, taken: list[str] | None, proof: str) -> None:
    desk.server.document_lies["token_endpoint_auth_methods_supported"] = taken
    assert isinstance(desk.finished(), Person)
    assert desk.server.proofs == [proof]


def test_a_client_without_a_secret_is_known_by_its_verifier(desk: Desk) -> None:
    desk.server.document_lies["token_endpoint_auth_methods_supported"] = ["none"]
    desk.client = Client(desk.server.issuer, CLIENT_ID, None, BACK)
    assert isinstance(desk.finished(), Person)


def test_a_wrong_secret_is_no_token(desk: Desk) -> None:
    desk.client = Client(desk.server.issuer, CLIENT_ID, "wrong", BACK)
    assert "invalid_client" in desk.refused()


def test_a_verifier_of_another_sign_in_is_no_token(desk: Desk) -> None:
    (answer, _), (_, other) = desk.begun(), desk.begun()
    assert "invalid_grant" in why(desk.identity.finish(desk.client, other, answer["code"], "")).detail


# ---------------------------------------------------------------- who answers


def test_an_answer_in_the_name_of_another_server_goes_to_nobody(desk: Desk) -> None:
    """Mix-up: the code of an honest server is not carried to a dishonest one."""
    answer, begun = desk.begun()
    found = why(desk.identity.finish(desk.client, begun, answer["code"], "https://honest.example.com"))
    assert found.code == "sso_not_believed"
    assert not [path for path in desk.server.asked if path.endswith("/token")]


def test_a_server_that_always_names_itself_is_expected_to(desk: Desk) -> None:
    desk.server.document_lies["authorization_response_iss_parameter_supported"] = True
    assert isinstance(desk.finished(), Person)
    answer, begun = desk.begun()
    assert why(desk.identity.finish(desk.client, begun, answer["code"], "")).code == "sso_not_believed"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "it has another name": ({"issuer": "https://id.example.org"}, "sso_not_usable"),
    "it has a name below": ({"issuer": "http://127.0.0.1/realms/example/other"}, "sso_not_usable"),
    "it has no name": ({"issuer": None}, "sso_not_usable"),
    "its name is no text": ({"issuer": 7}, "sso_not_usable"),
    "it has no keys": ({"jwks_uri": None}, "sso_not_usable"),
    "its keys are without TLS": ({"jwks_uri": "http://keys.example.com/"}, "sso_not_usable"),
    "it takes codes in a file": ({"token_endpoint": "file:///etc/passwd"}, "sso_not_usable"),
    "people go to a script": ({"authorization_endpoint": "javascript:alert(1)"}, "sso_not_usable"),
    "people go nowhere": ({"authorization_endpoint": ""}, "sso_not_usable"),
    "an address with a line in it": ({"authorization_endpoint": "https://example.com/\r\nx: y"}, "sso_not_usable"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_server_that_cannot_be_used_is_told_when_it_is_set_up(desk: Desk, wrong: str) -> None:
    desk.server.document_lies, code = WRONG[wrong]
    assert why(desk.identity.check(desk.server.issuer)).code == code
    assert why(desk.identity.begin(desk.client)).code == code


def test_a_stroke_at_the_end_of_the_name_is_the_servers_business(desk: Desk) -> None:
    found = desk.identity.check(desk.server.issuer + "/")
    assert isinstance(found, Server)
    assert found.issuer == desk.server.issuer


def test_a_server_that_is_down_is_asked_again_after_seconds(desk: Desk) -> None:
    desk.server.is_down = True
    assert why(desk.identity.begin(desk.client)).code == "sso_not_reached"
    desk.server.is_down = False
    assert why(desk.identity.begin(desk.client)).code == "sso_not_reached"
    assert isinstance(desk.identity.check(desk.server.issuer), Server)
    desk.clock.at += FAILURE_KEPT
    assert isinstance(desk.finished(), Person)


def test_nobody_is_followed_to_elsewhere(desk: Desk) -> None:
    desk.server.location = f"{desk.server.url}/elsewhere"
    assert why(desk.identity.check(desk.server.issuer)).code == "sso_not_reached"
    assert "/elsewhere" not in desk.server.asked


def test_a_long_answer_is_not_read_to_its_end(desk: Desk) -> None:
    desk.server.padding = ANSWER_BYTES_MAX
    assert why(desk.identity.check(desk.server.issuer)).code == "sso_not_reached"


def test_a_server_that_says_nothing_is_waited_for_a_moment_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        found = Identity(Asker(internal=True, seconds=0.3), lambda: 0).check(issuer)
    assert why(found).code == "sso_not_reached"
    assert time.monotonic() - begun < 10


def test_where_nobody_listens_nobody_is_reached() -> None:
    found = Identity(Asker(internal=True, seconds=1), lambda: 0).check(f"http://127.0.0.1:{free_port()}")
    assert why(found).code == "sso_not_reached"


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com",
        "https://127.0.0.1",
        "https://10.1.2.3/realm",
        "https://[::1]/",
        "https://localhost",
        "https://user:password@id.example.com",
        "https://id.example.com/#there",
        "https://id.example.com/" + "x" * 1000,
        "ftp://id.example.com",
        "id.example.com",
        "",
    ],
)
def test_only_servers_out_in_the_world_are_asked_and_over_tls(url: str) -> None:
    assert not Asker().may_ask(url)
    with pytest.raises(NotReached, match="must not be asked"):
        Asker().get(url)


def test_a_name_that_leads_behind_our_walls_is_not_followed_there() -> None:
    """As one number an address is not seen through before it is looked up."""
    assert Asker().may_ask("https://2130706433:1/")
    with pytest.raises(NotReached, match="internal"):
        Asker(seconds=1).get("https://2130706433:1/")


def test_in_the_own_network_tls_is_left_out_on_this_machine_alone() -> None:
    asker = Asker(internal=True)
    allowed = ["https://10.1.2.3/realm", "https://id.internal", "http://localhost:8080", "http://127.0.0.1:1/x"]
    assert [asker.may_ask(url) for url in [*allowed, "http://10.1.2.3/realm"]] == [True, True, True, True, False]


def test_a_server_shows_a_certificate_that_is_believed(tmp_path: Path) -> None:
    tls = made_in(tmp_path)
    with receiver(tls.server) as server:
        with pytest.raises(NotReached, match="CERTIFICATE_VERIFY_FAILED"):
            Asker(internal=True).post(server.url, {}, b"{}")
        assert Asker(internal=True, tls=tls.client).post(server.url, {}, b"{}").status_code == 200
