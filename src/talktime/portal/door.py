"""The portal as one plain ASGI callable: who is it, what may he, which page, what does it say."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

import structlog

from talktime.actions import organizations, sessions
from talktime.actions.sessions import Session
from talktime.app import App
from talktime.core.scopes import OPERATOR_ORG
from talktime.portal import cookies, readers
from talktime.portal.forms import EMPTY, read_form, read_query
from talktime.portal.pages import Answer, Away, Outside, Page, Screen
from talktime.portal.rendering import render
from talktime.portal.table import PAGES
from talktime.portal.visit import Visit
from talktime.storage.errors import StoreError
from talktime.storage.org_store import Organization
from talktime.web.asgi import AsgiScope, Headers, Receive, Send, read, request_id_of
from talktime.web.askers import address_of
from talktime.web.problems import Problem, problem_of
from talktime.web.readers import cookies_in
from talktime.web.refusals import WHO_MAY_NOT
from talktime.web.routes import File, Raw, Router

log = structlog.get_logger("talktime.portal")
HTML = "text/html; charset=utf-8"
YEAR_SECONDS = 365 * 86_400
ONLY_BY_TLS = (b"strict-transport-security", b"max-age=%d" % YEAR_SECONDS)
THREADS = 8
TOKEN = "token"
SIGN_IN, AGAIN, ENROL = "/sign-in", "/sign-in/again", "/me/second-factor"
POLICY = "; ".join(
    (
        *("default-src 'none'", "style-src 'self'", "script-src 'self'", "img-src 'self' data:", "connect-src 'self'"),
        *("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
SAFE = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
Cookies = Sequence[str]
OF_ADDRESSES = "/?#[]@!$&'()*+,;=:%~"
"""Whatever else there is in one, a line break above all, is written out."""


class Portal:
    def __init__(self, app: App) -> None:
        self._app = app
        self._router: Router[Page] = Router(PAGES)
        self._threads = ThreadPoolExecutor(THREADS, "pages")
        self._is_secure = app.settings.reached_at.startswith("https:")
        self._secret = app.vault.derived("portal")

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        request = Asked(scope, headers, b"")
        loop = asyncio.get_running_loop()
        try:
            page, names = self._router.find(_read_as(scope["method"]), scope["raw_path"])
            request = Asked(scope, headers, await read(receive, headers, page.bytes_max))
            answered = await loop.run_in_executor(self._threads, self._answer, page, names, request)
        except Exception as error:
            answered = await loop.run_in_executor(self._threads, self._explain, error, request)
        await _respond(_silent(send) if scope["method"] == "HEAD" else send, *answered)

    # ------------------------------------------------------------ one request

    def _answer(self, page: Page, names: dict[str, str], asked: Asked) -> Answered:
        visit = self._visit(page, names, asked)
        try:
            return self._said(visit, self._led(visit, asked) or page.handler(visit))
        except Exception as error:
            return self._said(visit, _explained(visit, error))

    def _visit(self, page: Page, names: dict[str, str], asked: Asked) -> Visit:
        told = cookies_in(asked.header(b"cookie"))
        session = self._session_of(told, asked.is_part)
        org = self._organization_of(session)
        return Visit(
            app=self._app,
            page=page,
            path=asked.path,
            names=names,
            query=read_query(asked.scope["query_string"]),
            language=readers.language_of(told, asked.header(b"accept-language"), session, org),
            now=self._app.now(),
            session=session,
            org=org,
            form=read_form(asked.body, asked.header(b"content-type")) if page.changes else EMPTY,
            token=self.token_of(session),
            theme=readers.theme_of(told),
            address=address_of(asked.scope, self._app.settings.trusted_proxies),
            agent=asked.header(b"user-agent")[:200],
            request_id=request_id_of(asked.headers),
            is_part=asked.is_part,
            cookies=told,
        )

    def _session_of(self, told: dict[str, str], is_part: bool) -> Session | None:
        """A page that freshens itself is nobody who is there."""
        value = told.get(cookies.named(cookies.SESSION, self._is_secure))
        return sessions.find(self._app.database, value, self._app.now(), not is_part) if value else None

    def _organization_of(self, session: Session | None) -> Organization | None:
        org_id = session.acts_in if session else OPERATOR_ORG
        if org_id == OPERATOR_ORG:
            return None
        return self._app.database.read(org_id, organizations.found, org_id)

    def token_of(self, session: Session | None) -> str:
        about = session.session_id if session else "nobody"
        return hmac.new(self._secret, about.encode(), sha256).hexdigest()

    def _led(self, visit: Visit, asked: Asked) -> Answer | None:
        """Elsewhere, where something has to come before this page. Refusals are raised."""
        page = visit.page
        if page.changes:
            self._check_sender(visit, asked)
        if page.public:
            return None
        if visit.session is None:
            return Away(f"{SIGN_IN}?next={quote(asked.way_back, safe='')}")
        if visit.session.must_enrol and not visit.path.startswith(("/me/", "/sign-out", AGAIN)):
            return Away(ENROL)
        if page.right is not None and page.right not in visit.rights:
            raise Problem(403, "forbidden")
        if page.of_organization and visit.org is None:
            return Away("/operator/organizations")
        if page.fresh and not sessions.is_fresh(visit.session, visit.now):
            return Away(f"{AGAIN}?next={quote(asked.way_back, safe='')}")
        return None

    def _check_sender(self, visit: Visit, asked: Asked) -> None:
        """A form that stands on a page of somebody else's changes nothing."""
        told = visit.form.get(TOKEN).encode(errors="replace")
        if not asked.is_from_us or not hmac.compare_digest(told, visit.token.encode()):
            raise Problem(403, "forged")

    # ------------------------------------------------------------ answers

    def _said(self, visit: Visit, answer: Answer) -> Answered:
        match answer:
            case Screen():
                return answer.status, _drawn(visit, answer), HTML, SAFE, ()
            case Away():
                return self._away(visit, answer)
            case Outside():
                return 200, render(visit, "outside.html", url=answer.url), HTML, SAFE, ()
            case Raw():
                return answer.status or 200, answer.content, answer.kind, {**SAFE, **_small(answer.headers)}, ()
        return 200, answer, answer.kind, {**SAFE, **_small(answer.headers)}, ()

    def _away(self, visit: Visit, away: Away) -> Answered:
        path = quote(away.path, safe=OF_ADDRESSES)
        if away.said:
            path += ("&" if "?" in path else "?") + f"said={away.said}"
        if visit.is_part:
            return 204, b"", HTML, {**SAFE, "hx-redirect": path}, away.cookies
        return 303, b"", HTML, {**SAFE, "location": path}, away.cookies

    def _explain(self, error: Exception, asked: Asked) -> Answered:
        """What went wrong before there was a page. Where the reader cannot be found, nobody in particular is told."""
        page = Page("GET", "", lambda visit: Screen(""), public=True)
        for headers in (asked.headers, _of_nobody(asked.headers)):
            try:
                visit = self._visit(page, {}, replace_query(Asked(asked.scope, headers, b"")))
                return self._said(visit, _explained(visit, error))
            except Exception as another:
                error = error if problem_of(error) else another
        raise error


Answered = tuple[int, bytes | File, str, dict[str, str], Cookies]


class Asked:
    """What came in."""

    def __init__(self, scope: AsgiScope, headers: Headers, body: bytes) -> None:
        self.scope, self.headers, self.body = scope, headers, body

    def header(self, name: bytes) -> str:
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def is_part(self) -> bool:
        return self.header(b"hx-request") == "true"

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def whole_path(self) -> str:
        query = self.scope["query_string"].decode("latin-1")
        return self.path + (f"?{query}" if query else "")

    @property
    def way_back(self) -> str:
        """What can be opened: of a form and of a part of a page, the page on which it stood."""
        return self._page_path if self.is_part or self.scope["method"] == "POST" else self.whole_path

    @property
    def _page_path(self) -> str:
        try:
            said = urlsplit(self.header(b"referer"))
        except ValueError:
            return "/"
        return f"{said.path}?{said.query}" if said.query else said.path or "/"

    @cached_property
    def is_from_us(self) -> bool:
        """Browsers say whose page sent a form; one that says nothing is none."""
        origin = self.header(b"origin")
        if origin and origin != "null":
            return origin.partition("//")[2] == self.header(b"host")
        return self.header(b"sec-fetch-site") == "same-origin"


def replace_query(asked: Asked) -> Asked:
    """Of a request that could not be read, nothing but who asks is looked at again."""
    return Asked({**asked.scope, "query_string": b""}, asked.headers, b"")


def _of_nobody(headers: Headers) -> Headers:
    """With nothing by which the database would be asked."""
    return {name: value for name, value in headers.items() if name != b"cookie"}


def _read_as(method: str) -> str:
    """Who wants to know what a page would say asks for the page."""
    return "GET" if method == "HEAD" else method


def _silent(send: Send) -> Send:
    """All but the content itself."""

    async def without_content(message: MutableMapping[str, Any]) -> None:
        is_content = message["type"] == "http.response.body"
        await send({**message, "body": b""} if is_content else message)

    return without_content


def _drawn(visit: Visit, screen: Screen) -> bytes:
    return render(visit, screen.template, **screen.values)


def _small(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _explained(visit: Visit, error: Exception) -> Screen:
    problem = problem_of(error)
    if problem is None and isinstance(error, StoreError):
        log.warning("the store does not answer", path=visit.page.path, request_id=visit.request_id, error=str(error))
        problem = Problem(503, "not_available")
    if problem is None:
        # As the table has it: a link that opens something stands in no log.
        log.error("page failed", path=visit.page.path, request_id=visit.request_id, exc_info=error)
        problem = Problem(500, "internal_error")
    if problem.status in WHO_MAY_NOT:
        visit.tell_refused(problem.code)
    values = {"problem": problem, "detail": visit.sentence(problem, problem.detail, problem.code)}
    return Screen("problem.html", values, problem.status)


async def _respond(
    send: Send, status: int, body: bytes | File, kind: str, headers: dict[str, str], told: Iterable[str]
) -> None:
    if isinstance(body, File):
        await _send_file(send, status, body, headers, told)
    else:
        await send(_begin(status, kind, len(body), headers, told))
        await send({"type": "http.response.body", "body": body})


async def _send_file(send: Send, status: int, file: File, headers: dict[str, str], told: Iterable[str]) -> None:
    loop = asyncio.get_running_loop()
    with file.path.open("rb") as content:
        await send(_begin(status, file.kind, file.path.stat().st_size, headers, told))
        while piece := await loop.run_in_executor(None, content.read, 1 << 18):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _begin(
    status: int, kind: str, length: int, headers: dict[str, str], told: Iterable[str]
) -> MutableMapping[str, Any]:
    sent = [(b"content-type", kind.encode()), (b"content-length", b"%d" % length)]
    sent += [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    sent += [(b"set-cookie", value.encode("latin-1")) for value in told]
    return {"type": "http.response.start", "status": status, "headers": sent}


API_PATHS = tuple(
    f"/{name}".encode() for name in ("v1/", "healthz", "readyz", "metrics", "static/", "pay/", "cards/", "simulator/")
)


def beside(api: Callable[..., Any], portal: Callable[..., Any], reached_at: str = "") -> Callable[..., Any]:
    """Each gets the paths that are his."""
    only_tls = reached_at.startswith("https:")

    async def doors(scope: AsgiScope, receive: Receive, send: Send) -> None:
        path = scope.get("raw_path", b"")
        is_api = scope["type"] != "http" or path.startswith(API_PATHS)
        told = send if path.startswith(b"/v1/") or not only_tls else _only_by_tls(send)
        await (api if is_api else portal)(scope, receive, told)

    return doors


def _only_by_tls(send: Send) -> Send:
    """Whoever has seen a page asks for no other without TLS."""

    async def with_header(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], ONLY_BY_TLS]}
        await send(message)

    return with_header
