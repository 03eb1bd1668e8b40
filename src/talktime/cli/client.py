"""One way to the API for the commands: through the running server's local socket, or in this process without one."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

from talktime.cli.options import CannotDo
from talktime.settings import Settings
from talktime.storage.folder import FolderInUse, claimed, socket_path

PATIENCE_SECONDS = 5.0
"""A server that is just starting has the folder and no socket yet."""


class Refused(CannotDo):
    """The API said no; its own words."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        errors = "".join(f"\n  {one['field']}: {one['detail']}" for one in problem.get("errors", ()))
        super().__init__(f"{problem.get('detail') or problem.get('title', '')} ({status}){errors}")
        self.status = status
        self.problem = problem


@contextmanager
def missing(sentence: str) -> Iterator[None]:
    """What the API has nothing of is said in the command's own words."""
    try:
        yield
    except Refused as error:
        if error.status != 404:
            raise
        raise CannotDo(sentence) from error


def path_of(where: str, *names: str) -> str:
    """Whatever people type as a name stays one part of the path."""
    return "/".join([where, *(quote(name, safe="") for name in names)])


class Client:
    """Acts as the operator, for whoever can read the data folder or has the address of the database."""

    def __init__(self, settings: Settings, now: Callable[[], int] | None = None) -> None:
        """`now`: another clock than the real one, where there is no server."""
        self._settings, self._now = settings, now
        self._opened = ExitStack()
        self._api: Any = None
        self._runner: asyncio.Runner | None = None
        self.app: Any = None
        """Where there is no server: the product itself."""

    def __enter__(self) -> Self:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._has_a_server():
            try:
                self._open()
                return self
            except FolderInUse:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opened.close()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        organization: str | None = None,
        query: dict[str, str] | None = None,
        kind: str = "application/json",
        key: str | None = None,
    ) -> Any:
        """The decoded answer. `body` is JSON unless it is bytes. `key`: for what only switches may do."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": kind, "content-length": str(len(raw))}
        if organization:
            headers["talktime-organization"] = organization
        if key:
            headers["authorization"] = f"Bearer {key}"
        target = f"{path}?{urlencode(query)}" if query else path
        ask = self._in_process if self._api else self._through_the_socket
        status, answer = ask(method, target, headers, raw)
        decoded = json.loads(answer) if answer else None
        if status >= 400:
            raise Refused(status, decoded or {})
        return decoded

    def _has_a_server(self) -> bool:
        if not self._settings.on_sqlite or not self._settings.data.is_dir():
            return False
        try:
            with _connected(self._settings.data):
                return True
        except OSError:
            return False

    def _open(self) -> None:
        from talktime.app import open_app
        from talktime.web.asgi import Api

        with ExitStack() as opened:
            if self._settings.on_sqlite:
                opened.enter_context(claimed(self._settings.data))
            self.app = open_app(self._settings, self._now)
            opened.callback(self.app.close)
            self._api = Api(self.app)
            # One loop for all: what switches ask goes on in it from one question to the next.
            self._runner = opened.enter_context(asyncio.Runner())
            self._opened = opened.pop_all()

    def _through_the_socket(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        with _connected(self._settings.data) as connected:
            connection = http.client.HTTPConnection("localhost")
            connection.sock = connected
            try:
                connection.request(method, target, body, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise CannotDo(f"the running server did not answer: {error}") from error

    def _in_process(self, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        assert self._runner
        return self._runner.run(_called(self._api, method, target, headers, body))


@contextmanager
def _connected(folder: Path) -> Iterator[socket.socket]:
    with socket_path(folder) as path, socket.socket(socket.AF_UNIX) as local:
        local.connect(path)
        yield local


async def _called(api: Any, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "talktime.local": True,
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await api(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])
