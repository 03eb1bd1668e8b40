"""A server for single sign-on, and us who ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from talktime.core.identities import Person, Unknown
from talktime.core.time import SECOND
from talktime.identity.asking import Asker
from talktime.identity.identity import Identity
from talktime.identity.known import Begun, Client
from tests.support.oidc_server import CLIENT_ID, CLIENT_SECRET, OidcServer
from tests.web.client import Clock

BACK = "http://127.0.0.1:8080/sso/org_1/callback"


class Desk:
    """One who begins, is signed in over there, and comes back."""

    def __init__(self, server: OidcServer, clock: Clock) -> None:
        self.server, self.clock = server, clock
        self.identity = Identity(Asker(internal=True, seconds=2), clock)
        self.client = Client(server.issuer, CLIENT_ID, CLIENT_SECRET, BACK)

    def begun(self, again: bool = False) -> tuple[dict[str, str], Begun]:
        found = self.identity.begin(self.client, again)
        assert not isinstance(found, Unknown), found
        return self.server.visited(found[0]), found[1]

    def finished(self) -> Person | Unknown:
        answer, begun = self.begun()
        assert answer["state"] == begun.state
        return self.identity.finish(self.client, begun, answer["code"], answer.get("iss", ""))

    def refused(self) -> str:
        """Why, as the log has it."""
        found = self.finished()
        assert isinstance(found, Unknown), found
        assert found.code == "sso_not_believed"
        return found.detail


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[OidcServer]:
    with OidcServer(lambda: clock() // SECOND) as made:
        made.redirect_uris.add(BACK)
        yield made


@pytest.fixture
def desk(server: OidcServer, clock: Clock) -> Desk:
    return Desk(server, clock)
