"""The OpenAPI document, made from the table of routes and the types of forms and answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec

from talktime.web.call_forms import OfCall
from talktime.web.problems import ProblemBody
from talktime.web.routes import Raw, Route

REFERENCE = "#/components/schemas/{name}"
ORG_PATTERN = "^org_[0-9a-f]+$"
JSON, PROBLEM = "application/json", "application/problem+json"
Json = dict[str, Any]

DESCRIPTION = """Prepaid telephone credits: who may call, what it costs, what is left.

Amounts are decimal strings with the currency beside them. Times are RFC 3339, answers in UTC. Durations are whole
seconds. Lists answer `data` and `next`, the cursor of the following page. What is not done is told as a problem
document (RFC 9457).
"""
DESCRIBED = {
    400: "What was sent cannot be read.",
    401: "The key is missing, unknown, expired or revoked.",
    403: "The key may not do that.",
    404: "There is nothing here for this key.",
    409: "Things are not such that it could be done.",
    413: "The body is too large.",
    422: "A field is unknown, missing, of the wrong type or out of range.",
    429: "Too many requests with this key.",
    503: "The store does not answer, so nothing was done. Asking again is safe.",
}


class Schemas:
    """All types at once, since two of the same name are told apart by longer names."""

    def __init__(self, routes: Sequence[Route]) -> None:
        named = [route.form for route in routes] + [route.answer for route in routes]
        atoms = [atom for kind in [*named, ProblemBody] for atom in _atoms(kind)]
        kinds = list({repr(kind): kind for kind in atoms}.values())
        made, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
        self.components = {name: _untagged(schema) for name, schema in _portable(components).items()}
        self._schemas: dict[str, Json] = {
            repr(kind): _portable(schema) for kind, schema in zip(kinds, made, strict=True)
        }

    def _untag(self, forms: Iterable[Any]) -> None:
        """An address that takes one kind of form needs no word that says which it is."""
        for form in forms:
            tag = getattr(getattr(form, "__struct_config__", None), "tag_field", None)
            if tag and (component := self.components.get(form.__name__)):
                component["required"] = [name for name in component["required"] if name != tag]

    def of(self, kind: Any) -> Json:
        """A list that is answered is a page of one; alternatives are told apart by their fields."""
        if _is_alternative(kind):
            return {"anyOf": [self.of(one) for one in get_args(kind)]}
        return self._schemas[repr(kind)]

    def answer(self, kind: Any) -> Json:
        if get_origin(kind) is not list:
            return self.of(kind)
        cursor = {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "The cursor of the following page."}
        page = {"data": {"type": "array", "items": self.of(get_args(kind)[0])}, "next": cursor}
        return {"type": "object", "properties": page, "required": ["data", "next"]}


def _atoms(kind: Any) -> list[Any]:
    if kind is None or kind is Raw:
        return []
    if _is_alternative(kind):
        return [atom for one in get_args(kind) for atom in _atoms(one)]
    return [kind, *_atoms(get_args(kind)[0])] if get_origin(kind) is list else [kind]


def _is_alternative(kind: Any) -> bool:
    """Several objects that carry no tag."""
    return get_origin(kind) is UnionType and all(isinstance(one, type) for one in get_args(kind))


def document(routes: Sequence[Route]) -> Json:
    schemas = Schemas(routes)
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Talktime", "version": version("talktime"), "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "tt_live_... or tt_test_..."},
                "password": {"type": "http", "scheme": "basic", "description": "The key as password of any user."},
            },
        },
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in routes if route.tag)],
    }


def operation(route: Route, schemas: Schemas) -> Json:
    described: Json = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.tag] if route.tag else [],
        "parameters": _parameters(route),
        "responses": _responses(route, schemas),
        "security": _security(route),
    }
    if route.scope:
        described["description"] = f"Needs the scope `{route.scope}`."
    if _has_body(route):
        described["requestBody"] = _body(route, schemas)
    return described


def _security(route: Route) -> list[Json]:
    """A switch in its own language may not be able to send anything but a password."""
    ways = ["key", "password"] if route.translated else ["key"]
    return [{way: []} for way in ways] if route.scope else []


def operation_id(route: Route) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", route.path.removeprefix("/v1").lower()).strip("_")
    return f"{route.method.lower()}_{words}"


def _portable(schema: Any) -> Any:
    """Patterns as every language reads them: our end of the text is Python's."""
    if isinstance(schema, dict):
        return {name: _pattern(value) if name == "pattern" else _portable(value) for name, value in schema.items()}
    return [_portable(one) for one in schema] if isinstance(schema, list) else schema


def _untagged(schema: Json) -> Json:
    """What tells the operations of a batch apart need not be said on a route of its own."""
    required = [name for name in schema.get("required", ()) if name != OfCall.__struct_config__.tag_field]
    return schema | {"required": required} if "required" in schema else schema


def _pattern(value: Any) -> Any:
    return value.replace(r"\Z", "$") if isinstance(value, str) else _portable(value)


def _has_body(route: Route) -> bool:
    return route.form is not None or bool(route.also_kinds)


def _body(route: Route, schemas: Schemas) -> Json:
    content: Json = {} if route.form is None else {JSON: {"schema": schemas.of(route.form)}}
    for kind in route.also_kinds:
        content[kind] = {"schema": {"type": "string"}}
    return {"required": route.form is None or not _may_be_empty(route.form), "content": content}


def _may_be_empty(form: Any) -> bool:
    """No body is read like `{}`."""
    try:
        msgspec.json.decode(b"{}", type=form)
    except msgspec.ValidationError:
        return False
    return True


def _parameters(route: Route) -> list[Json]:
    found = [_in_path(name) for name in re.findall(r"{(\w+)}", route.path)]
    found += _in_query(route)
    if route.once:
        text = "Makes repeating safe: the same key and body have the same answer."
        found.append(_header("Idempotency-Key", text, {"type": "string", "minLength": 1, "maxLength": 255}))
    if route.scope and "{org}" not in route.path and not route.path.startswith("/v1/operator"):
        text = "For whom an operator's key acts."
        found.append(_header("Talktime-Organization", text, {"type": "string", "pattern": ORG_PATTERN}))
    return found


def _in_path(name: str) -> Json:
    schema: Json = {"type": "string", "minLength": 1}
    if name == "org":
        schema["pattern"] = ORG_PATTERN
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _header(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "header", "description": text, "required": False, "schema": schema}


def _in_query(route: Route) -> list[Json]:
    if route.query is None:
        return []
    _, components = msgspec.json.schema_components([route.query], ref_template=REFERENCE)
    schema = _portable(components[route.query.__name__])
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(one)}
        for name, one in schema["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """In an address a value is there or it is not."""
    if "anyOf" not in schema:
        return schema
    kinds = [kind for kind in schema["anyOf"] if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _responses(route: Route, schemas: Schemas) -> Json:
    responses: Json = {str(status_of(route)): _answer(route, schemas)}
    for status in statuses(route):
        content = {PROBLEM: {"schema": schemas.of(ProblemBody)}}
        if status == 401 and route.refusal is not None:
            content[JSON] = {"schema": schemas.of(route.refusal)}
        responses[str(status)] = {"description": DESCRIBED[status], "content": content}
    return responses


def status_of(route: Route) -> int:
    return 204 if route.answer is None else route.status


def statuses(route: Route) -> list[int]:
    """What it may refuse with, besides what it is asked for."""
    if route.always:
        return []
    found = set(route.problems)
    if route.scope:
        found |= {401, 403, 404, 422, 429, 503}
    if _has_body(route):
        found |= {400, 413, 422}
    if route.query is not None or route.once:
        found |= {422}
    if route.once:
        found |= {409}
    return sorted(found)


def _answer(route: Route, schemas: Schemas) -> Json:
    described: Json = {"description": HTTPStatus(status_of(route)).phrase}
    if route.once:
        text = "Whether this answer was given before under the same key."
        described["headers"] = {"Idempotent-Replayed": {"description": text, "schema": {"type": "string"}}}
    if route.answer is Raw:
        described["content"] = {"*/*": {}}
    elif route.answer is not None:
        described["content"] = {JSON: {"schema": schemas.answer(route.answer)}}
    return described


def _alternatives(kind: Any) -> Sequence[Any]:
    return get_args(kind) if isinstance(kind, UnionType) else (kind,)


def fields(schema: Json, schemas: Mapping[str, Json]) -> Json:
    """The object behind a reference."""
    reference = schema.get("$ref")
    return schemas[reference.rpartition("/")[2]] if reference else schema
