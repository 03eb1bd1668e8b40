"""What another server says about somebody is believed when it is signed by it, for us, now, for him who began."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from talktime.core.identities import Person, Unknown, proves_two
from talktime.core.time import SECOND
from talktime.identity.servers import KEYS_KEPT_LEAST
from talktime.identity.tokens import person_in
from tests.identity.conftest import Desk
from tests.support.oidc_server import CLIENT_ID, CLIENT_SECRET, ec, rsa


def test_who_is_signed_in_there_is_known_here(desk: Desk) -> None:
    desk.server.person |= {"amr": ["pwd", "otp"], "auth_time": desk.server.clock() - 60}
    found = desk.finished()
    assert isinstance(found, Person)
    assert (found.issuer, found.subject, found.email) == (desk.server.issuer, "248289761001", "ada@example.com")
    assert found.methods == ("pwd", "otp")
    assert found.proved_at is not None and found.proved_at % SECOND == 0


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", rsa), ("PS384", rsa), ("ES256", ec)])
def test_signatures_that_only_the_server_can_make_are_taken(desk: Desk, algorithm: str, key: Any) -> None:
    desk.server.keys, desk.server.signs_with, desk.server.algorithm = [key()], key(), algorithm
    assert isinstance(desk.finished(), Person)


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://id.example.org"},
    "an issuer with one more letter": {"iss": "http://127.0.0.1/realms/example2"},
    "no issuer": {"iss": None},
    "issuers": {"iss": ["https://id.example.org"]},
    "another audience": {"aud": "somebody else"},
    "others as audience": {"aud": ["one", "other"]},
    "no audience": {"aud": None},
    "audience of a number": {"aud": 7},
    "several audiences and no party": {"aud": [CLIENT_ID, "other"]},
    "another party": {"aud": [CLIENT_ID, "other"], "azp": "other"},
    "another party alone": {"azp": "other"},
    "another nonce": {"nonce": "of somebody else"},
    "no nonce": {"nonce": None},
    "a nonce in a list": {"nonce": ["x"]},
    "never expiring": {"exp": None},
    "expired": {"exp": 1_000_000_000},
    "expiring never by a word": {"exp": "tomorrow"},
    "expiring at no number": {"exp": float("nan")},
    "from the future": {"iat": 9_999_999_999},
    "not valid yet": {"nbf": 9_999_999_999},
    "no instant": {"iat": None},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number as subject": {"sub": 7},
    "a subject with a zero byte": {"sub": "a\0b"},
    "a subject without an end": {"sub": "x" * 256},
    "methods that are no list": {"amr": "mfa"},
    "an instant of proof that is none": {"auth_time": "yesterday"},
    "an instant of proof without an end": {"auth_time": float("inf")},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_with_a_wrong_claim_is_refused(desk: Desk, lie: str) -> None:
    desk.server.lies = LIES[lie]
    assert desk.refused()


def test_a_token_is_good_for_its_minutes_and_a_little_more(desk: Desk) -> None:
    desk.server.lies = {"exp": desk.server.clock() - 30}
    assert isinstance(desk.finished(), Person)
    desk.server.lies = {"exp": desk.server.clock() - 61}
    assert "Expired" in desk.refused()


def test_a_token_that_nobody_has_signed_is_refused(desk: Desk) -> None:
    claims = {"iss": desk.server.issuer, "aud": CLIENT_ID, "sub": "x", "exp": desk.server.clock() + 300}
    for algorithm in ("none", "None", "NONE", ""):
        desk.server.id_token = f"{_part({'alg': algorithm, 'kid': 'first'})}.{_part(claims)}."
        assert desk.refused()


def test_the_public_key_is_no_secret_that_signs(desk: Desk) -> None:
    """The oldest trick: a digest keyed with what everybody knows; or with the secret that the server shares with us."""
    claims = {"iss": desk.server.issuer, "aud": CLIENT_ID, "sub": "x", "exp": desk.server.clock() + 300}
    signed = ".".join(_part(part) for part in ({"alg": "HS256", "kid": "first"}, claims))
    for secret in (rsa().as_pem(private=False), CLIENT_SECRET.encode()):
        digest = hmac.digest(secret, signed.encode(), "sha256")
        desk.server.id_token = f"{signed}.{_written(digest)}"
        assert desk.refused()


def _part(value: Any) -> str:
    return _written(json.dumps(value).encode())


def _written(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def test_a_server_that_publishes_a_shared_secret_is_not_believed(desk: Desk) -> None:
    key = OctKey.import_key({"kty": "oct", "k": "A" * 43, "kid": "shared"})
    desk.server.keys, desk.server.signs_with, desk.server.algorithm = [rsa()], key, "HS256"
    assert desk.refused()


def test_another_key_of_the_same_name_signs_nothing(desk: Desk) -> None:
    forged = rsa("forged")
    desk.server.signs_with, desk.server.header = forged, {"kid": "first"}
    assert "BadSignature" in desk.refused()


def test_a_token_brings_no_key_of_its_own(desk: Desk) -> None:
    forged = rsa("forged")
    desk.server.signs_with = forged
    desk.server.header = {"jwk": forged.as_dict(private=False), "jku": f"{desk.server.url}/forged"}
    assert desk.refused()
    assert "/forged" not in desk.server.asked


def test_a_token_that_was_changed_on_the_way_is_refused(desk: Desk) -> None:
    claims = {"iss": desk.server.issuer, "aud": CLIENT_ID, "sub": "x", "exp": desk.server.clock() + 300}
    head, _, signature = jwt.encode({"alg": "RS256", "kid": "first"}, claims, rsa()).split(".")
    desk.server.id_token = f"{head}.{_part(claims | {'sub': 'y'})}.{signature}"
    assert "BadSignature" in desk.refused()


@pytest.mark.parametrize("said", ["", "x", "a.b", "a.b.c", "a.b.c.d.e", "é.ü.ß", "[" * 10_000, "." * 50, "e30.e30."])
def test_what_is_no_token_is_refused(desk: Desk, said: str) -> None:
    desk.server.id_token = said
    assert desk.refused()


def test_claims_nested_without_an_end_are_refused(desk: Desk) -> None:
    head, deep = _part({"alg": "RS256", "kid": "first"}), _written(b"[" * 100_000)
    for said in (f"{deep}.{head}.AA", f"{head}.{deep}.AA"):
        desk.server.id_token = said
        assert desk.refused()


def test_a_token_of_somebody_else_who_began_is_refused(desk: Desk) -> None:
    """A code that was stolen elsewhere brings his token: its nonce is his."""
    (his, _), (_, mine) = desk.begun(), desk.begun()
    found = desk.identity.finish(desk.client, mine, his["code"], "")
    assert isinstance(found, Unknown)
    assert found.code == "sso_not_believed"


def test_a_code_is_good_once(desk: Desk) -> None:
    answer, begun = desk.begun()
    once, twice = (desk.identity.finish(desk.client, begun, answer["code"], "") for _ in range(2))
    assert isinstance(once, Person)
    assert isinstance(twice, Unknown)
    assert "invalid_grant" in twice.detail


def test_a_new_key_of_the_server_is_asked_for_when_it_is_needed_and_not_all_the_time(desk: Desk) -> None:
    assert isinstance(desk.finished(), Person)
    desk.server.keys, desk.server.signs_with = [rsa("forged")], rsa("forged")
    assert desk.refused()
    desk.clock.at += KEYS_KEPT_LEAST
    assert isinstance(desk.finished(), Person)
    asked = desk.server.asked.count("/realms/example/keys")
    desk.server.signs_with = rsa()
    assert [bool(desk.refused()) for _ in range(5)] == [True] * 5
    assert desk.server.asked.count("/realms/example/keys") == asked


def test_an_address_counts_only_where_the_server_has_verified_it(desk: Desk) -> None:
    told: list[Any] = [True, False, None, "true", 1, "yes"]
    found = []
    for verified in told:
        desk.server.lies = {"email_verified": verified}
        found.append(desk.finished())
    assert [one.email for one in found if isinstance(one, Person)] == ["ada@example.com", "", "", "", "", ""]


def test_microsoft_says_in_its_own_words_that_an_address_is_verified(desk: Desk) -> None:
    keys: Any = [ec().as_dict(private=False)]
    now = desk.clock()

    def email(issuer: str, **told: object) -> str:
        claims = {"iss": issuer, "aud": CLIENT_ID, "sub": "x", "nonce": "n", "email": "ada@example.com"}
        times = {"iat": now // SECOND, "exp": now // SECOND + 60}
        token = jwt.encode({"alg": "ES256", "kid": ec().kid}, {**claims, **times, **told}, ec())
        return person_in(token, keys, issuer, CLIENT_ID, "n", now).email

    microsoft = "https://login.microsoftonline.com/0af5/v2.0"
    assert [email(microsoft, xms_edov=said) for said in (True, "1", "true")] == ["ada@example.com"] * 3
    unsaid: list[object] = [False, "0", None, ["1"], {}]
    assert [email(microsoft, xms_edov=said) for said in unsaid] == [""] * 5
    assert email("https://login.microsoftonline.com.example.org/", xms_edov=True) == ""


@pytest.mark.parametrize(
    ("methods", "two"),
    [
        (["mfa"], True),
        (["pwd", "otp"], True),
        (["pin", "hwk"], True),
        (["pwd"], False),
        (["otp"], False),
        (["pwd", "kba"], False),
        ([], False),
        (["unknown", "words"], False),
    ],
)
def test_a_second_factor_is_what_one_knows_and_what_one_has(methods: list[str], two: bool) -> None:
    assert proves_two(methods) is two
