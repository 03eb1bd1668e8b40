"""A signed token becomes a person: by this server, for us, just now, for the one who began."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import extract_compact

from talktime.core.identities import Person
from talktime.core.time import SECOND
from talktime.identity.failures import NotBelieved
from talktime.identity.servers import Keys

# Signatures that the server alone can make: not none, and no keyed digest, since who can verify that can make it.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
LEEWAY_SECONDS = 60
"""So much may clocks differ."""
SUBJECT_LENGTH_MAX, METHODS_MAX = 255, 20
MICROSOFT = "https://login.microsoftonline.com/"
UNREADABLE = (JoseError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading something hostile may raise."""


def id_token(token: Mapping[str, Any]) -> str:
    found = token.get("id_token")
    if not isinstance(found, str):
        raise NotBelieved("there is no id token")
    return found


def is_of_unknown_key(token: str, keys: Keys) -> bool:
    """Servers change their keys from time to time, and name the one that they used."""
    try:
        name = extract_compact(token.encode()).headers().get("kid")
    except UNREADABLE as error:
        raise NotBelieved(f"the token cannot be read: {error!r}") from error
    return name not in [one.get("kid") for one in keys]


def person_in(token: str, keys: Keys, issuer: str, client_id: str, nonce: str, now: int, access: Any = None) -> Person:
    try:
        decoded = jwt.decode(token, KeySet(_usable(keys)), algorithms=ALGORITHMS)
        options: Any = {"iss": {"value": issuer}, "aud": {"value": client_id}}
        params = {"nonce": nonce, "client_id": client_id, "access_token": access}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(now // SECOND, LEEWAY_SECONDS)
        return _person(claims, issuer)
    except UNREADABLE as error:
        raise NotBelieved(repr(error)) from error


def _usable(keys: Keys) -> list[Key]:
    """Those that sign, of kinds that are known here."""
    return [key for one in keys if one.get("use", "sig") == "sig" and (key := _key(one)) is not None]


def _key(one: dict[str, Any]) -> Key | None:
    try:
        return None if one.get("kty") == "oct" else JWKRegistry.import_key(one)
    except UNREADABLE:
        return None


def _person(claims: Mapping[str, Any], issuer: str) -> Person:
    subject, methods, at = claims["sub"], claims.get("amr") or (), claims.get("auth_time")
    if not subject.isprintable() or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        raise NotBelieved("the subject is no name")
    told = tuple(one for one in methods[:METHODS_MAX] if isinstance(one, str))
    return Person(issuer, subject, _verified_email(claims, issuer), told, int(at) * SECOND if at else None)


def _verified_email(claims: Mapping[str, Any], issuer: str) -> str:
    """Else servers pass on what people call themselves."""
    email = claims.get("email")
    is_verified = claims.get("email_verified") is True or _is_of_own_domain(claims, issuer)
    return email if isinstance(email, str) and is_verified else ""


def _is_of_own_domain(claims: Mapping[str, Any], issuer: str) -> bool:
    """Microsoft's way to say it, sometimes as a text: the tenant has proved that the address's domain is its own."""
    return issuer.startswith(MICROSOFT) and claims.get("xms_edov") in (True, "1", "true")
