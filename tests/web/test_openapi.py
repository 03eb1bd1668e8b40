"""The API describes itself: a document for programs and a page for people."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from talktime.web.table import ROUTES
from tests.web.client import World


@pytest.fixture
def described(world: World) -> dict[str, Any]:
    document: dict[str, Any] = world.nobody.get("/v1/openapi.json").json
    return document


def operations(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in described["paths"].values() for operation in path.values()]


PAGES = "Pages"
"""For people with a browser: no part of the API."""


def test_the_document_has_every_route(described: dict[str, Any]) -> None:
    assert described["openapi"].startswith("3.1")
    named = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert named == {(route.method, route.path) for route in ROUTES if route.tag != PAGES}


def test_operations_have_names_of_their_own_and_a_summary(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(described)]
    assert len(set(names)) == len(names)
    assert [operation["operationId"] for operation in operations(described) if not operation["summary"]] == []


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert set(references(described)) <= {f"#/components/schemas/{name}" for name in schemas}


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if isinstance(part, list) else []


def test_patterns_are_those_of_every_language(world: World) -> None:
    assert rb"\\Z" not in world.nobody.get("/v1/openapi.json").content


def test_names_in_a_path_are_parameters(described: dict[str, Any]) -> None:
    for path, methods in described["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_refusals_are_problem_documents(described: dict[str, Any]) -> None:
    """Of RADIUS a refused call is a 401 as well: FreeRADIUS reads the body of no other refusal."""
    refused_call = described["paths"]["/v1/radius/authorize"]["post"]["responses"]["401"]
    for operation in operations(described):
        for status, answer in operation["responses"].items():
            if status >= "400":
                own = ["application/json"] if answer is refused_call else []
                assert list(answer["content"]) == ["application/problem+json", *own]


def test_who_takes_a_password_says_so(described: dict[str, Any]) -> None:
    taking = [path for path, methods in described["paths"].items() if {"password": []} in security_of(methods)]
    assert taking == [f"/v1/radius/{one}" for one in ("authorize", "accounting")] + [
        f"/v1/freeswitch/{one}" for one in ("dialplan", "cdr")
    ]


def security_of(methods: dict[str, Any]) -> list[dict[str, list[str]]]:
    return [way for operation in methods.values() for way in operation["security"]]


def test_what_is_kept_takes_an_idempotency_key(described: dict[str, Any]) -> None:
    grant = described["paths"]["/v1/operator/organizations/{org}/grants"]["post"]
    assert "Idempotency-Key" in [one["name"] for one in grant["parameters"]]
    assert {"201", "401", "403", "404", "409", "422", "503"} <= set(grant["responses"])


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attributes if name in ("href", "src")]


def test_the_page_needs_nobody_else_and_runs_nothing(world: World) -> None:
    answer = world.nobody.get("/v1/docs")
    page = Page()
    page.feed(answer.content.decode())
    assert "script" not in page.tags
    assert [address for address in page.addresses if not address.startswith(("#", "openapi.json"))] == []
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_the_page_tells_of_every_route(world: World) -> None:
    text = world.nobody.get("/v1/docs").content.decode()
    assert [route.path for route in ROUTES if f"<code>{route.path}</code>" not in text and route.tag != PAGES] == []
