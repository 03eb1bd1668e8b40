"""Members who sign in, on both databases."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from sqlalchemy import select

from talktime.actions import credentials, members
from talktime.actions.audit import Actor
from talktime.actions.sessions import Session, Visitor, find
from talktime.actions.sign_in import Chosen, NeedsFactor, SignedIn, sign_in
from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG
from talktime.storage import tables as t
from talktime.storage.member_store import INVITED, MemberRow
from talktime.storage.passwords import hashed
from tests.web.client import World
from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "postgres_world", "world"]

PASSWORD = "four words are easily kept"
HERE = Visitor("192.0.2.7", "Example Browser")


class House:
    """An installation with an organization in which people sign in."""

    def __init__(self, world: World) -> None:
        self.world, self.app = world, world.app
        self.database, self.clock = world.app.database, world.clock
        self.org = self.another()

    def another(self) -> int:
        number = org_number(self.world.organization().id)
        assert number is not None
        return number

    @property
    def boss(self) -> Actor:
        return Actor("key_boss", self.clock())

    def invited(self, name: str, *roles: str, org: int | None = None, email: str = "") -> str:
        org = self.org if org is None else org
        given = roles or (("operator",) if org == OPERATOR_ORG else ("helpdesk",))
        email = email or f"{name}@example.com"
        row = MemberRow(f"mem_{name}", name.title(), email, given, "en", INVITED, self.clock())
        return self.database.write(org, members.invite, org, row, self.boss).member_id

    def member(self, name: str, *roles: str, org: int | None = None, password: str = PASSWORD, email: str = "") -> str:
        """With a password."""
        org = self.org if org is None else org
        member_id = self.invited(name, *roles, org=org, email=email)
        values = (org, member_id, hashed_once(password), self.boss)
        self.database.write(org, credentials.keep_password, *values)
        return member_id

    def sign_in(self, email: str, password: str = PASSWORD, visitor: Visitor = HERE) -> SignedIn | NeedsFactor | Chosen:
        return sign_in(self.database, email, password, visitor, self.clock())

    def signed_in(self, email: str, password: str = PASSWORD, visitor: Visitor = HERE) -> SignedIn:
        found = self.sign_in(email, password, visitor)
        assert isinstance(found, SignedIn)
        return found

    def found(self, cookie: str) -> Session | None:
        return find(self.database, cookie, self.clock())

    def is_in(self, signed_in: SignedIn) -> bool:
        return self.found(signed_in.cookie) is not None

    def audit(self, org: int | None = None) -> list[dict[str, Any]]:
        org = self.org if org is None else org
        query = select(t.audit).where(t.audit.c.org_id == org).order_by(t.audit.c.audit_no)
        return self.database.read(org, lambda tx: [dict(row._mapping) for row in tx.execute(query)])


@cache
def hashed_once(password: str) -> str:
    """Hashing takes its time, on purpose."""
    return hashed(password)


@pytest.fixture
def house(anywhere: World) -> House:
    return House(anywhere)


@pytest.fixture
def sqlite_house(world: World) -> House:
    return House(world)
