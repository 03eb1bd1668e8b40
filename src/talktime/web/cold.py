"""Every route that no switch waits for: the form is read, one function called in one transaction, its answer kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from talktime.actions import idempotency, organizations
from talktime.actions.errors import ActionError
from talktime.actions.idempotency import AnotherBody
from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG
from talktime.storage.database import EVERYBODY, ReadTx, Scope, Tx
from talktime.storage.errors import Conflict
from talktime.storage.idempotency_store import Kept
from talktime.storage.vault import Vault, place_of
from talktime.web.problems import FieldError, Problem, invalid, problem_of, without_zero
from talktime.web.routes import File, Keep, Raw, Request, Route
from talktime.web.shown_once import opened, sealed

Answered = tuple[int, Any, list[tuple[str, str]]]
NOT_KEPT = (401, 403, 404, 422, 429)
REPLAYED = [("idempotent-replayed", "true")]
KEY_LENGTH_MAX = 255

encode = msgspec.json.Encoder().encode


def answer_cold(route: Route, request: Request[Any], key: bytes | None) -> Answered:
    request = _complete(route, request)
    if not route.tx:
        if _names_an_organization(route, request):
            request.app.database.read(request.org_id, organizations.found, request.org_id)
        return _told(route, route.handler(request))
    if route.once and key is not None:
        return _once(route, request, key.decode("latin-1"), route.once)
    answer = _in_one_transaction(route, request, lambda tx: route.handler(tx, request))
    return _told(route, route.follow(request, answer) if route.follow else answer)


def _complete(route: Route, request: Request[Any]) -> Request[Any]:
    request = replace(request, org_id=_organization(request), form=_form(route, request), query=_query(route, request))
    return replace(request, form=route.prepare(request)) if route.prepare else request


def _organization(request: Request[Any]) -> int:
    """The operator's routes name it in their path."""
    if "org" not in request.names:
        return request.org_id
    org_id = org_number(request.names["org"])
    if org_id is None or request.org_id not in (OPERATOR_ORG, org_id):
        raise Problem(404, "not_found")
    return org_id


def _form(route: Route, request: Request[Any]) -> Any:
    if route.form is None or request.kind in route.also_kinds:
        return None
    return msgspec.json.decode(without_zero(request.body) or b"{}", type=route.form)


def _query(route: Route, request: Request[Any]) -> Any:
    if route.query is None:
        return None
    query = msgspec.convert(request.query, type=route.query, strict=False)
    for one in msgspec.structs.fields(route.query):
        # In an address a value is there or it is not: the library would read the word null as nothing.
        if one.encode_name in request.query and getattr(query, one.name) is None:
            raise invalid(one.encode_name, "Leave it out instead.")
    return query


def _scope(route: Route, request: Request[Any]) -> Scope:
    if route.spans:
        return EVERYBODY
    return (OPERATOR_ORG, request.org_id) if request.caller.is_operator else request.org_id


def _in_one_transaction(route: Route, request: Request[Any], step: Callable[[Any], Any]) -> Any:
    def whole(tx: Any) -> Any:
        if _names_an_organization(route, request):
            organizations.found(tx, request.org_id)
        return step(tx)

    database = request.app.database
    return (database.write if route.writes else database.read)(_scope(route, request), whole)


def _names_an_organization(route: Route, request: Request[Any]) -> bool:
    """An operator's key can name one that there is not; what everybody may see is for nobody in particular."""
    return route.scope is not None and request.caller.is_operator and request.org_id != OPERATOR_ORG


def _told(route: Route, answer: Any) -> Answered:
    body = answer if answer is None or isinstance(answer, (Raw, File)) else encode(answer)
    if isinstance(body, Raw) and body.status is not None:
        return body.status, body, []
    return route.status if body is not None else 204, body, []


def _once(route: Route, request: Request[Any], key: str, keep: Keep) -> Answered:
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise invalid("Idempotency-Key", f"1 to {KEY_LENGTH_MAX} characters.")
    do = _Once(route, request, key, keep)
    try:
        return do.run()
    except Conflict:
        # Another request with this key was quicker: its answer is ours.
        return do.run()


class _Once:
    def __init__(self, route: Route, request: Request[Any], key: str, keep: Keep) -> None:
        self._route, self._request, self._key = route, request, key
        self._digest = idempotency.digest(request.kind, request.body, *request.names.values())
        self._forever = keep is Keep.FOREVER

    def run(self) -> Answered:
        try:
            answered: Answered = _in_one_transaction(self._route, self._request, self._step)
        except (Problem, ActionError) as error:
            self._keep_refusal(error)
            raise
        return self._followed(answered) if answered[0] == idempotency.BEGUN else answered

    def _followed(self, begun: Answered) -> Answered:
        """Also by who asks again after we were interrupted in between."""
        assert self._route.follow
        answered = _told(self._route, self._route.follow(self._request, msgspec.json.decode(begun[1])))
        _in_one_transaction(self._route, self._request, lambda tx: self._complete(tx, answered))
        return answered[0], answered[1], begun[2]

    def _complete(self, tx: Tx, answered: Answered) -> None:
        answer = (answered[1] or b"").decode()
        idempotency.complete(tx, self._request.org_id, self._name, self._key, answered[0], answer)

    def _step(self, tx: Tx) -> Answered:
        if kept := self._find(tx):
            return kept
        answered = _told(self._route, self._route.handler(tx, self._request))
        status = idempotency.BEGUN if self._route.follow else answered[0]
        self._keep(tx, status, self._with_secret(sealed, answered[1] or b""))
        return status, answered[1], []

    def _find(self, tx: ReadTx) -> Answered | None:
        kept = idempotency.recall(tx, self._request.org_id, self._name, self._key, self._digest)
        if kept is None:
            return None
        if kept.status >= 400:
            raise _Replayed(kept)
        return kept.status, self._with_secret(opened, kept.answer.encode()), REPLAYED

    @property
    def _name(self) -> str:
        return f"{self._route.method} {self._route.path}"

    def _keep(self, tx: Tx, status: int, answer: bytes) -> None:
        kept = Kept(self._digest, status, answer.decode())
        request = self._request
        idempotency.remember(tx, request.org_id, self._name, self._key, kept, request.now, forever=self._forever)

    def _with_secret(self, change: Callable[[Vault, str, str, bytes], bytes], answer: bytes) -> bytes:
        request, secret = self._request, self._route.shown_once
        place = place_of("answer", request.org_id, self._name, self._key)
        return change(request.app.vault, secret, place, answer) if secret else answer

    def _keep_refusal(self, error: Exception) -> None:
        problem = problem_of(error)
        if problem is None or problem.status in NOT_KEPT or isinstance(error, (AnotherBody, _Replayed)):
            return
        body = encode(problem.body(self._request.request_id))
        _in_one_transaction(self._route, self._request, lambda tx: self._keep(tx, problem.status, body))


class _Replayed(Problem):
    """The refusal that was kept."""

    def __init__(self, kept: Kept) -> None:
        told = msgspec.json.decode(kept.answer)
        errors = [FieldError(**one) for one in told.get("errors", ())]
        super().__init__(kept.status, told["code"], told["detail"], errors, dict(REPLAYED))
