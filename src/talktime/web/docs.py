"""The API described by itself: a document for programs and a page for people, made from the same table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from typing import Any

import msgspec

from talktime.web.openapi import DESCRIPTION, Json, document, fields
from talktime.web.routes import Raw, Request, Route

HTML = "text/html; charset=utf-8"
# Nothing is fetched from anywhere, and nothing runs.
GUARD = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICY = {"content-security-policy": GUARD}
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid #8888; }
details { margin: .5rem 0; padding: .4rem .7rem; border: 1px solid #8886; border-radius: .4rem; }
summary { cursor: pointer; } summary span { opacity: .75; }
code, .method { font-family: ui-monospace, monospace; font-size: .9em; }
.method { display: inline-block; min-width: 4.2em; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #8883; }
nav a { margin-right: 1rem; }
"""


def routes(described: Sequence[Route]) -> list[Route]:
    """These two describe themselves as well."""
    made: list[Route] = []

    @cache
    def as_json() -> bytes:
        return msgspec.json.encode(document([*described, *made]))

    @cache
    def as_page() -> bytes:
        return page(document([*described, *made])).encode()

    def openapi_document(request: Request[None]) -> Raw:
        """This API as an OpenAPI 3.1 document."""
        return Raw(as_json(), "application/json")

    def readable_page(request: Request[None]) -> Raw:
        """This API as a page to read."""
        return Raw(as_page(), HTML, POLICY)

    made.append(Route("GET", "/v1/openapi.json", None, openapi_document, answer=Raw, tx=False, tag="Documentation"))
    made.append(Route("GET", "/v1/docs", None, readable_page, answer=Raw, tx=False, tag="Documentation"))
    return made


def page(described: Json) -> str:
    schemas = described["components"]["schemas"]
    tags = [tag["name"] for tag in described["tags"]]
    links = "".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in tags)
    parts = "".join(_section(tag, described["paths"], schemas) for tag in tags)
    intro = "".join(f"<p>{escape(text)}</p>" for text in DESCRIPTION.strip().split("\n\n"))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Talktime API</title>'
        f"<style>{STYLE}</style></head><body><h1>Talktime API</h1>{intro}"
        '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"<nav>{links}</nav>{parts}</body></html>"
    )


def _anchor(tag: str) -> str:
    return tag.lower().replace(" ", "-")


def _section(tag: str, paths: dict[str, Json], schemas: dict[str, Json]) -> str:
    mine = [
        _operation(method, path, one, schemas)
        for path, methods in paths.items()
        for method, one in methods.items()
        if tag in one["tags"]
    ]
    return f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{"".join(mine)}'


def _operation(method: str, path: str, one: Json, schemas: dict[str, Json]) -> str:
    head = f'<span class="method">{method.upper()}</span> <code>{escape(path)}</code>'
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    parts = [f"<p>{escape(one['description'])}</p>"] if "description" in one else []
    parts += [_parameters(one["parameters"])] if one["parameters"] else []
    parts += [f"<h4>Body</h4>{_fields(body, schemas)}"] if body else []
    parts += [_response(status, answer, schemas) for status, answer in one["responses"].items() if status < "300"]
    refusals = [f"<code>{status}</code>" for status in one["responses"] if status >= "300"]
    parts += [f"<p>Refuses with {', '.join(refusals)}.</p>"] if refusals else []
    return f"<details><summary>{head} <span>{escape(one['summary'])}</span></summary>{''.join(parts)}</details>"


def _parameters(parameters: Iterable[Json]) -> str:
    rows = [(one["name"], one["in"], _kind(one["schema"]), one.get("description", "")) for one in parameters]
    return f"<h4>Parameters</h4>{_table(rows)}"


def _response(status: str, answer: Json, schemas: dict[str, Json]) -> str:
    schema = answer.get("content", {}).get("application/json", {}).get("schema")
    told = _fields(schema, schemas) if schema else ""
    return f"<h4>Answer {status}</h4>{told}"


def _fields(schema: Json, schemas: dict[str, Json]) -> str:
    """One line for each field; of alternatives, one table each."""
    if "anyOf" in schema:
        return "".join(_fields(one, schemas) for one in schema["anyOf"])
    known = fields(schema, schemas)
    if "properties" not in known:
        return f"<p><code>{escape(_kind(schema))}</code></p>"
    required = known.get("required", [])
    return _table(
        [
            (name, "" if name in required else "optional", _kind(one), one.get("description", ""))
            for name, one in known["properties"].items()
        ]
    )


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(where)}</td><td>{escape(kind)}</td><td>{escape(text)}</td></tr>"
        for name, where, kind, text in rows
    )
    return f"<table>{lines}</table>"


def _kind(schema: Any) -> str:
    """In a few words; the document has the rest."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type") or "anything")
