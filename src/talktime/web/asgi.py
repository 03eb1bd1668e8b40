"""One plain ASGI callable for the whole API: finds the route, knows the caller, reads the body, answers or explains."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from io import SEEK_END
from ipaddress import ip_address, ip_network
from time import perf_counter
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog

from talktime.app import App
from talktime.charging.engine import KeysChanged
from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG, Caller
from talktime.core.time import NEVER
from talktime.storage.errors import StoreError
from talktime.web.askers import address_of
from talktime.web.codecs import Codec, Codecs, Sent, key_of
from talktime.web.cold import answer_cold
from talktime.web.hot import HotDoor, may_call
from talktime.web.limits import Limiter
from talktime.web.problems import Problem, invalid, problem_of
from talktime.web.refusals import WHO_MAY_NOT, Refusals
from talktime.web.routes import BODY_BYTES_MAX, File, Raw, Request, Route, Router, Threads
from talktime.web.table import ROUTES

AsgiScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = dict[bytes, bytes]
Answered = tuple[int, Any, list[tuple[str, str]]]
"""Status, what is said, and headers besides."""

log = structlog.get_logger("talktime.web")
encode = msgspec.json.Encoder().encode
COLD_THREADS = 8
PIECE_BYTES = 1 << 18
KEYS_READ_MAX = 10
NO_CODECS: Codecs = MappingProxyType({})
LENGTH_DIGITS = 20
"""Of a body; whoever names more of them names too many bytes in any case."""


class Api:
    def __init__(self, app: App, codecs: Codecs = NO_CODECS) -> None:
        """`codecs` is who speaks the languages of the translated routes; without one there is no such address."""
        self._app = app
        self._codecs = codecs
        self._hot = HotDoor(app)
        self._limiter = Limiter(app.settings.rate_limit)
        self._refusals = Refusals()
        self._proxies = app.settings.trusted_proxies
        self._router = Router(ROUTES)
        self._threads = ThreadPoolExecutor(COLD_THREADS, "doors")
        self._apart = ThreadPoolExecutor(1, "apart")
        # The paths that switches wait on, found at once.
        in_json = [route for route in ROUTES if route.hot and not route.translated]
        self._verbs = {route.path.encode(): route.path.rpartition("/")[2] for route in in_json}
        self._observe = app.meters.answer_seconds.observe

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        verb = self._verbs.get(scope["raw_path"]) if scope["method"] == "POST" else None
        try:
            if verb is None:
                await self._other(scope, headers, receive, send)
            else:
                await self._switch(verb, scope, headers, receive, send)
        except Exception as error:
            await self._explain(scope, headers, error, send)

    def route_of(self, scope: AsgiScope) -> str:
        """As the table has it: without what stands in its place, which may be a link that opens something."""
        try:
            route, _ = self._router.find(scope["method"], scope["raw_path"])
        except Problem:
            return "unknown"
        return f"{route.method} {route.path}"

    async def _switch(self, verb: str, scope: AsgiScope, headers: Headers, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        body = await read(receive, headers, BODY_BYTES_MAX)
        answer = await self._decided(self._decide, verb, scope, headers, body)
        await respond(send, 200, encode(answer))
        self._observe(verb, perf_counter() - begun)

    async def _decided(
        self, decide: Callable[..., Awaitable[Any]], how: Any, scope: AsgiScope, headers: Headers, body: bytes
    ) -> Any:
        """Keys that change are read again; where they change faster than calls are decided, a switch hears that."""
        for _ in range(KEYS_READ_MAX):
            try:
                return await decide(how, scope, headers, body)
            except KeysChanged:
                await self._in_thread(self._app.keys.forget)
        raise Problem(503, "not_available", headers={"retry-after": "1"})

    async def _decide(self, verb: str, scope: AsgiScope, headers: Headers, body: bytes) -> Any:
        key = bearer(headers)
        caller = self._app.keys.cached(key)
        if caller is None:
            caller = await self._in_thread(self._app.keys.find, key.decode("latin-1"))
        caller = self._admitted(caller, scope)
        may_call(caller)
        org_id = acting_for(caller, headers)
        if verb == "batch":
            return await self._hot.batch(caller, org_id, body)
        return await self._hot.single(verb, caller, org_id, body)

    async def _other(self, scope: AsgiScope, headers: Headers, receive: Receive, send: Send) -> None:
        route, names = self._router.find(scope["method"], scope["raw_path"])
        if route.translated:
            await self._translated(route, scope, headers, receive, send)
        else:
            await self._cold(route, names, scope, headers, receive, send)

    async def _translated(self, route: Route, scope: AsgiScope, headers: Headers, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        codec = self._codecs.get(route.path)
        if codec is None:
            raise Problem(404, "not_found")
        try:
            body = await read(receive, headers, route.bytes_max)
            answer = await self._decided(self._translate, codec, scope, headers, body)
        except Exception as error:
            request_id = request_id_of(headers)
            answer = codec.refused(self._problem(scope, request_id, error), request_id)
        await respond(send, answer.status or 200, answer.content, answer.kind, [*answer.headers.items()])
        self._observe(route.path.removeprefix("/v1/"), perf_counter() - begun)

    async def _translate(self, codec: Codec, scope: AsgiScope, headers: Headers, body: bytes) -> Raw:
        key = key_of(headers)
        caller = self._app.keys.cached(key) or await self._in_thread(self._app.keys.find, key.decode("latin-1"))
        caller = self._admitted(caller, scope)
        may_call(caller)
        sent = Sent(body, kind_of(headers), query_of(scope["query_string"]), self._app.now())
        return await self._hot.translated(caller, acting_for(caller, headers), codec.asked(sent))

    async def _cold(
        self, route: Route, names: dict[str, str], scope: AsgiScope, headers: Headers, receive: Receive, send: Send
    ) -> None:
        body = await read(receive, headers, route.bytes_max)
        status, answer, extra = await self._answered(route, names, scope, headers, body)
        if isinstance(answer, Raw):
            await respond(send, status, answer.content, answer.kind, [*extra, *answer.headers.items()])
        elif isinstance(answer, File):
            await self._send_file(send, status, answer)
        else:
            await respond(send, status, b"" if status == 204 else answer, headers=extra)

    async def _answered(self, route: Route, *asked: Any) -> Answered:
        if route.threads is Threads.NONE:
            return self._answer(route, *asked)
        threads = self._apart if route.threads is Threads.APART else self._threads
        answered: Answered = await self._in_thread(self._answer, route, *asked, threads=threads)
        return answered

    async def _send_file(self, send: Send, status: int, file: File) -> None:
        with file.path.open("rb") as content:
            length = content.seek(0, SEEK_END)
            content.seek(0)
            await send(begin(status, file.kind, length, file.headers.items()))
            while piece := await self._in_thread(content.read, PIECE_BYTES):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _answer(self, route: Route, names: dict[str, str], scope: AsgiScope, headers: Headers, body: bytes) -> Answered:
        caller = self._caller_of(route, scope, headers)
        org_id = acting_for(caller, headers)
        if route.needs_organization and route.scope is not None and not org_id:
            raise Problem(422, "organization_required")
        query = query_of(scope["query_string"])
        request_id = request_id_of(headers)
        address = address_of(scope, self._proxies)
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        kind = kind_of(headers)
        request: Request[Any] = Request(
            self._app, caller, org_id, None, query, names, body, kind, self._app.now(), request_id, address, told
        )
        return answer_cold(route, request, headers.get(b"idempotency-key"))

    def _caller_of(self, route: Route, scope: AsgiScope, headers: Headers) -> Caller:
        if route.scope is None:
            return NOBODY
        if scope.get("talktime.local"):
            # The local socket is readable by the owner of the data alone.
            return LOCAL
        caller = self._admitted(self._app.keys.fresh(bearer(headers).decode("latin-1")), scope)
        if not caller.may(route.scope):
            raise Problem(403, "scope_missing", f"This key may not do that: it lacks the scope '{route.scope}'.")
        return caller

    def _admitted(self, caller: Caller | None, scope: AsgiScope) -> Caller:
        if caller is None or (caller.expires_at != NEVER and caller.expires_at <= self._app.now()):
            raise Problem(401, "unauthorized", headers={"www-authenticate": "Bearer"})
        if caller.addresses and not _within(caller.addresses, address_of(scope, self._proxies)):
            raise Problem(403, "address_not_allowed")
        self._limiter.admit(caller)
        return caller

    async def _explain(self, scope: AsgiScope, headers: Headers, error: Exception, send: Send) -> None:
        request_id = request_id_of(headers)
        problem = self._problem(scope, request_id, error)
        extra = [*problem.headers.items(), ("x-request-id", request_id)]
        await respond(send, problem.status, encode(problem.body(request_id)), "application/problem+json", extra)

    def _problem(self, scope: AsgiScope, request_id: str, error: Exception) -> Problem:
        """What was nobody's fault but ours is logged, and whoever may not."""
        problem = problem_of(error)
        if problem is None and isinstance(error, StoreError):
            log.warning("the store does not answer", path=_logged(scope), request_id=request_id, error=str(error))
            problem = Problem(503, "not_available", headers={"retry-after": "1"})
        if problem is None:
            log.error("request failed", path=_logged(scope), request_id=request_id, exc_info=error)
            problem = Problem(500, "internal_error")
        if problem.status in WHO_MAY_NOT:
            about = {"path": _logged(scope), "address": address_of(scope, self._proxies), "request_id": request_id}
            self._refusals.tell(code=problem.code, method=scope["method"], **about)
        return problem

    async def _in_thread(self, function: Callable[..., Any], *values: Any, threads: Executor | None = None) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(threads or self._threads, copy_context().run, function, *values)


NOBODY = Caller(OPERATOR_ORG, "nobody", frozenset())
LOCAL = Caller(OPERATOR_ORG, "local", frozenset())


def bearer(headers: Headers) -> bytes:
    kind, _, key = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() != b"bearer" or not key:
        raise Problem(401, "unauthorized", headers={"www-authenticate": "Bearer"})
    return key


def acting_for(caller: Caller, headers: Headers) -> int:
    """The organization of the header, if the key may serve it; else the key's own, 0 for the operator."""
    named = headers.get(b"talktime-organization")
    if named is None:
        return caller.org_id
    org_id = org_number(named.decode("latin-1"))
    if org_id is None or caller.org_id not in (OPERATOR_ORG, org_id):
        raise Problem(404, "not_found")
    return org_id


def kind_of(headers: Headers) -> str:
    return headers.get(b"content-type", b"application/json").split(b";")[0].strip().decode("latin-1").lower()


def query_of(raw: bytes) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name in query:
            raise invalid(name, "It is there twice.")
        query[name] = value
    return query


def request_id_of(headers: Headers) -> str:
    """The caller's own, if it is harmless, so that two logs can be laid side by side."""
    given = headers.get(b"x-request-id", b"")
    if 0 < len(given) <= 64 and all(0x21 <= byte <= 0x7E for byte in given):
        return given.decode("ascii")
    return f"req_{secrets.token_hex(12)}"


def _logged(scope: AsgiScope) -> str:
    """Whoever has a link has what it opens, so links do not stand in logs."""
    path = str(scope["path"])
    return path if path.startswith("/v1/") else f"/{path.split('/')[1]}"


def _within(addresses: Sequence[str], address: str) -> bool:
    return address != "" and any(ip_address(address) in ip_network(one) for one in addresses)


async def read(receive: Receive, headers: Headers, bytes_max: int) -> bytes:
    """All of it or nothing: half of a form would be another form."""
    told = headers.get(b"content-length", b"0")
    if not told.isdigit():
        raise Problem(400, "malformed")
    _check_length(int(told[:LENGTH_DIGITS]), bytes_max)
    message = await _part(receive)
    body: bytes = message.get("body", b"")
    _check_length(len(body), bytes_max)
    while message.get("more_body", False):
        message = await _part(receive)
        body += message.get("body", b"")
        _check_length(len(body), bytes_max)
    return body


async def _part(receive: Receive) -> MutableMapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Problem(400, "malformed")
    return message


def _check_length(length: int, bytes_max: int) -> None:
    if length > bytes_max:
        raise Problem(413, "too_large", f"The body is larger than {bytes_max} bytes.")


async def respond(
    send: Send,
    status: int,
    body: bytes,
    kind: str = "application/json",
    headers: Sequence[tuple[str, str]] = (),
) -> None:
    await send(begin(status, kind, len(body), headers))
    await send({"type": "http.response.body", "body": body})


def begin(status: int, kind: str, length: int, headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    own = [(name.encode(), value.encode()) for name, value in headers]
    named = {name for name, _ in own}
    sent = [(b"content-type", kind.encode()), (b"content-length", b"%d" % length)]
    sent += [one for one in SAFE if one[0] not in named]
    return {"type": "http.response.start", "status": status, "headers": sent + own}


SAFE = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]
"""Of every answer that says nothing else of it: what a browser makes of it runs nothing and stands in no frame."""
