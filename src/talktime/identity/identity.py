"""Signing in through an organization's own server: OpenID Connect, a code with PKCE. Never inside a transaction."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

from talktime.core.identities import Person, Unknown
from talktime.identity.asking import Asker
from talktime.identity.failures import Failed, NotBelieved
from talktime.identity.known import Begun, Client
from talktime.identity.servers import Server, Servers

Told = TypeVar("Told")


class Identity:
    def __init__(self, asker: Asker, now: Callable[[], int]) -> None:
        self._asker, self._now = asker, now
        self._servers = Servers(asker, now)

    def may_ask(self, issuer: str) -> bool:
        return self._asker.may_ask(issuer)

    def check(self, issuer: str) -> Server | Unknown:
        """Asked anew: somebody tries out what he has just set up."""
        self._servers.forget(issuer)
        return _told(lambda: self._looked_at(issuer))

    def begin(self, client: Client, again: bool = False) -> tuple[str, Begun] | Unknown:
        """Where the person goes. `again`: who is signed in there proves once more who he is."""
        begun = Begun(*(secrets.token_urlsafe(32) for _ in range(3)))
        return _told(lambda: (self._address(client, begun, again), begun))

    def finish(self, client: Client, begun: Begun, code: str, issuer: str) -> Person | Unknown:
        """`issuer`: whose answer it is, empty of a server that does not say."""
        return _told(lambda: self._person(client, begun, code, issuer))

    def _looked_at(self, issuer: str) -> Server:
        self._servers.keys(issuer)
        return self._servers.server(issuer)

    def _address(self, client: Client, begun: Begun, again: bool) -> str:
        # These libraries are loaded with their first use: most installations do without them.
        from talktime.identity.client import address

        return address(self._asker, self._servers.server(client.issuer), client, begun, again)

    def _person(self, client: Client, begun: Begun, code: str, issuer: str) -> Person:
        from talktime.identity import tokens
        from talktime.identity.client import token_for

        server = self._servers.server(client.issuer)
        _check_sender(server, issuer)
        answer = token_for(self._asker, server, client, code, begun.verifier)
        token, keys = tokens.id_token(answer), self._servers.keys(client.issuer)
        if tokens.is_of_unknown_key(token, keys):
            keys = self._servers.keys(client.issuer, other_than=keys)
        about = (server.issuer, client.client_id, begun.nonce, self._now(), answer.get("access_token"))
        return tokens.person_in(token, keys, *about)


def _check_sender(server: Server, issuer: str) -> None:
    """RFC 9207: who has begun with one server takes no answer of another."""
    if issuer != server.issuer and (issuer or server.authorization_response_iss_parameter_supported):
        raise NotBelieved(f"the answer is from {issuer!r}")


def _told(asked: Callable[[], Told]) -> Told | Unknown:
    try:
        return asked()
    except Failed as error:
        return Unknown(error.code, str(error))
