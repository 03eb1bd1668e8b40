"""One request of one reader: who he is, what he may, in which language, and how pages ask the product for things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

from talktime.actions.audit import Actor
from talktime.actions.sessions import Session
from talktime.app import App
from talktime.core.ids import org_name
from talktime.core.roles import Right
from talktime.core.scopes import OPERATOR_ORG, Caller
from talktime.languages.catalogues import Translator, translator
from talktime.portal import forms
from talktime.portal.forms import EMPTY, Form
from talktime.portal.inside import SCOPES, Asking
from talktime.portal.pages import Page
from talktime.portal.sentences import told
from talktime.storage.org_store import Organization
from talktime.web.problems import Problem
from talktime.web.refusals import Refusals
from talktime.web.routes import File, Raw

DOMAIN = "portal"
REFUSALS = Refusals()
Told = TypeVar("Told")


@dataclass(frozen=True)
class Visit:
    """`org`: the organization that is looked at; None for an operator who has chosen none, and for whoever is not
    signed in."""

    app: App
    page: Page
    path: str
    names: Mapping[str, str]
    query: Form
    language: str
    now: int
    session: Session | None = None
    org: Organization | None = None
    form: Form = EMPTY
    token: str = ""
    """What a form must send to change anything."""
    theme: str = "system"
    address: str = ""
    agent: str = ""
    request_id: str = ""
    is_part: bool = False
    """Asked by a page that wants to freshen a part of itself."""
    cookies: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def say(self) -> Translator:
        return translator(self.language, DOMAIN)

    @property
    def me(self) -> Session:
        """Of a page that nobody sees without having signed in."""
        assert self.session is not None
        return self.session

    @property
    def rights(self) -> frozenset[Right]:
        """None before there is a second factor where one must be."""
        return self.session.rights if self.session and not self.session.must_enrol else frozenset()

    @property
    def is_operator(self) -> bool:
        return self.session is not None and self.session.org_id == OPERATOR_ORG

    @property
    def organization(self) -> Organization:
        assert self.org is not None
        return self.org

    @property
    def org_id(self) -> int:
        return self.org.org_id if self.org else OPERATOR_ORG

    @property
    def org_name(self) -> str:
        """As the API names it."""
        return org_name(self.org_id)

    @property
    def zone(self) -> str:
        return self.org.time_zone if self.org else "UTC"

    @property
    def currency(self) -> str:
        return self.org.currency if self.org else "USD"

    @property
    def today(self) -> int:
        """The instant of now by the organization's clock."""
        return self.org.now(self.now) if self.org else self.now

    @property
    def is_secure(self) -> bool:
        return self.app.settings.reached_at.startswith("https:")

    @property
    def is_test(self) -> bool:
        return self.org is not None and self.org.mode == "test"

    def may(self, right: str) -> bool:
        return Right(right) in self.rights

    # ------------------------------------------------------------ asking the API

    @cached_property
    def _asking(self) -> Asking:
        caller = Caller(self.me.org_id, self.me.member.member_id, SCOPES)
        return Asking(self.app, caller, self.org_id, self.rights, self.address, self.now)

    def ask(self, path: str, **query: Any) -> Any:
        """GET of the API on behalf of the reader: plain values."""
        return self._asking.call("GET", path, query)

    def file(self, path: str) -> Raw | File:
        """What the API has as a file."""
        answer = self._asking.call("GET", path)
        assert isinstance(answer, Raw | File)
        return answer

    def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """What changes something. `key`: an Idempotency-Key, so that a form sent twice is done once."""
        return self._asking.call(method, path, None, {} if body is None and method != "DELETE" else body, key)

    def upload(self, method: str, path: str, content: bytes, kind: str, **query: Any) -> Any:
        """A body that is no JSON."""
        return self._asking.call(method, path, query, raw=(content, kind))

    def read(self, report: Callable[..., Told], *values: Any) -> Told:
        """A report that the API has no route for, of this organization alone."""
        return self.app.database.read(self.org_id, report, *values)

    @property
    def actor(self) -> Actor:
        return Actor(self.me.member.member_id, self.now)

    def named(self, name: str) -> str:
        """What the address of the page names, as a part of another address."""
        return quote(self.names[name], safe="")

    def tell_refused(self, code: str) -> None:
        """In the log. What was typed as a name is not told: it may have been a password."""
        member = self.session.member.member_id if self.session else None
        about = {"path": self.page.path, "address": self.address, "request_id": self.request_id}
        REFUSALS.tell(code=code, method=self.page.method, member=member, **about)

    # ------------------------------------------------------------ forms

    def amount(self, name: str) -> str:
        """As the API writes it; a Problem that names the field where it is no amount."""
        return forms.amount(self.form.get(name), self.language, name)

    def optional_amount(self, name: str) -> str | None:
        return forms.optional_amount(self.form.get(name), self.language, name)

    def errors(self, problem: Problem) -> dict[str, str]:
        """By field, in the reader's language; under the empty name what concerns no field."""
        said = {one.field: self.sentence(problem, one.detail, one.code) for one in problem.errors}
        return said or {"": self.sentence(problem, problem.detail, problem.code)}

    def sentence(self, problem: Problem, detail: str, code: str) -> str:
        return told(self.language, code, detail, problem.values)
