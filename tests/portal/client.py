"""Somebody who reads the portal without a script: pages are asked for, forms are sent as they stand there."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx

from talktime.actions.audit import Actor
from talktime.actions.credentials import keep_password
from talktime.actions.sessions import Visitor, open_session
from talktime.core.ids import org_number
from talktime.core.roles import OPERATOR_ROLES
from talktime.core.scopes import OPERATOR_ORG
from talktime.portal.door import Portal
from talktime.storage.passwords import hashed
from tests.web.client import Organization, World

ADDRESS = "http://talktime"
PASSWORD = "moss lantern 47 harbour"


class Shown:
    """What a reader gets."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.content = response.content
        self.html = response.text if "text/html" in response.headers["content-type"] else ""

    @property
    def words(self) -> str:
        """What stands on the page, as it is read aloud."""
        plain = re.sub(r"<(script|style|template)\b.*?</\1>|<[^>]+>", " ", self.html, flags=re.DOTALL)
        return " ".join(html.unescape(plain).split())

    @property
    def title(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.html, re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""

    @property
    def to(self) -> str:
        """Where it leads on to."""
        assert self.status in (204, 303), (self.status, self.words[:400])
        return self.headers.get("location") or self.headers["hx-redirect"]

    @property
    def links(self) -> list[str]:
        return [html.unescape(link) for link in re.findall(r'href="([^"]+)"', self.html)]

    @property
    def forms(self) -> list[FormShown]:
        reader = _Forms()
        reader.feed(self.html)
        return reader.forms

    def form(self, action: str) -> FormShown:
        found = [form for form in self.forms if form.action == action]
        assert found, f"no form goes to {action}, but: {[form.action for form in self.forms]}"
        return found[0]

    @property
    def errors(self) -> list[str]:
        """What stands beside fields."""
        found = re.findall(r'<p class="error"[^>]*>(.*?)</p>', self.html, re.DOTALL)
        return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in found]


class FormShown:
    def __init__(self, action: str, method: str, name: str) -> None:
        self.action, self.method, self.name = action, method, name
        self.values: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}


class _Forms(HTMLParser):
    """Fields with what stands in them, also those that name their form."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FormShown] = []
        self._now: FormShown | None = None
        self._select = ""
        self._area = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._now = FormShown(told.get("action", ""), told.get("method", "get"), told.get("id", ""))
            self.forms.append(self._now)
        elif tag == "select":
            self._select = told.get("name", "")
        elif tag == "textarea":
            self._area = told.get("name", "")
            self._set(self._area, "")
        elif tag == "option" and self._now is not None:
            self._now.choices.setdefault(self._select, []).append(told.get("value", ""))
            if "selected" in told or self._select not in self._now.values:
                self._set(self._select, told.get("value", ""))
        elif tag == "input":
            self._input(told)

    def _input(self, told: dict[str, str]) -> None:
        kind, name = told.get("type", "text"), told.get("name", "")
        if not name or self._now is None:
            return
        if kind in ("checkbox", "radio"):
            self._now.choices.setdefault(name, []).append(told.get("value", "on"))
            if "checked" in told:
                self._set(name, told.get("value", "on"))
        elif kind not in ("submit", "file"):
            self._set(name, told.get("value", ""))

    def _set(self, name: str, value: str) -> None:
        if self._now is not None and name:
            self._now.values[name] = value

    def handle_data(self, data: str) -> None:
        if self._area and self._now is not None:
            self._now.values[self._area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._now = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


class Reader:
    """A browser with its cookies."""

    def __init__(self, portal: PortalWorld, cookie: str | None = None, language: str = "en") -> None:
        self._portal = portal
        self.cookies = {"talktime": cookie} if cookie else {}
        self.headers = {"accept-language": language, "user-agent": "Example Browser"}

    def get(self, path: str, **headers: str) -> Shown:
        return self._sent("GET", path, None, headers)

    def send(self, action: str, values: Mapping[str, Any], origin: str = ADDRESS) -> Shown:
        """A form as it is, with whatever is in `values`."""
        body = urlencode([(name, one) for name, value in values.items() for one in _each(value)]).encode()
        return self._sent("POST", action, body, {"origin": origin, "content-type": "application/x-www-form-urlencoded"})

    def submit(self, page: str, action: str, **changed: Any) -> Shown:
        """The form that stands on this page, with some fields filled in. None: a box that is not ticked."""
        values: dict[str, Any] = {**self.get(page).form(action).values, **changed}
        return self.send(action, {name: value for name, value in values.items() if value is not None})

    def upload(self, page: str, action: str, file: str, content: bytes, **changed: Any) -> Shown:
        values = {**self.get(page).form(action).values, **changed}
        request = httpx.Request("POST", ADDRESS, data=values, files={file: ("file.csv", content, "text/csv")})
        headers = {"origin": ADDRESS, "content-type": request.headers["content-type"]}
        return self._sent("POST", action, request.read(), headers)

    def _sent(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Shown:
        told = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self._portal.ask(method, path, body, {**self.headers, "cookie": told, **headers})
        for name, value in response.cookies.items():
            self.cookies[name] = value
        return Shown(response)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class PortalWorld:
    """The portal behind its real door, with members who are signed in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(Portal(world.app))
        self._http = httpx.AsyncClient(transport=transport, base_url=ADDRESS)

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> httpx.Response:
        self._http.cookies.clear()
        return self._runner.run(self._http.request(method, path, content=body, headers=headers))

    def nobody(self, language: str = "en") -> Reader:
        return Reader(self, None, language)

    def member(self, org: Organization | None, *roles: str, language: str = "en", **fields: Any) -> str:
        """The id of somebody who can sign in with PASSWORD. Without an organization: of the operator."""
        path = "/v1/members" if org else "/v1/operator/members"
        api = org.api if org else self.world.operator
        body = {"name": "Ann Archer", "email": f"{roles[0]}@example.com", "roles": roles, "language": language} | fields
        made = api.post(path, body)
        assert made.status == 201, made.content
        actor = Actor("test", self.world.app.now())
        values = (number_of(org), made.json["id"], hashed_once(), actor)
        self.world.app.database.write(number_of(org), keep_password, *values)
        return str(made.json["id"])

    def signed_in(self, org: Organization | None, member_id: str, language: str = "en") -> Reader:
        """As it is after both factors."""
        app, visitor = self.world.app, Visitor("127.0.0.1", "Example Browser")
        values = (number_of(org), member_id, visitor, app.now(), True)
        _, cookie = app.database.write(number_of(org), open_session, *values)
        return Reader(self, cookie, language)

    def as_role(self, org: Organization | None, role: str, language: str = "en", **fields: Any) -> Reader:
        owner = None if role in OPERATOR_ROLES else org
        return self.signed_in(owner, self.member(owner, role, language=language, **fields), language)

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()


@cache
def hashed_once() -> str:
    """Hashing takes its time, on purpose."""
    return hashed(PASSWORD)


def number_of(org: Organization | None) -> int:
    found = org_number(org.id) if org else OPERATOR_ORG
    assert found is not None
    return found
