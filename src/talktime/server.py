"""`talktime serve`: the running process, from the bound socket to the clean end."""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn

from talktime import supervisor
from talktime.app import App, open_app
from talktime.jobs.worker import Worker
from talktime.observability import set_up_logging
from talktime.settings import Settings
from talktime.storage.folder import claimed, socket_path
from talktime.web.asgi import Api

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 30
GOODBYE_SECONDS = 20
"""Who has not sent a whole request by then is left."""

Announce = Callable[[str], None]
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


CannotStart = supervisor.CannotStart


class CannotListen(Exception):
    """The address is not to be had."""


def serve(settings: Settings, announce: Announce) -> None:
    """Until SIGTERM or SIGINT. `announce` is told the address when requests are answered."""
    set_up_logging(settings.log_level)
    _allow_many_connections()
    with stopped_by_signals(), ExitStack() as until_the_end:
        if settings.on_sqlite:
            until_the_end.enter_context(claimed(settings.data))
        listener = until_the_end.enter_context(bound(settings.host, settings.port))
        address = address_of(listener)
        if settings.workers > 1:
            _serve_together(settings, listener, lambda: announce(address))
        else:
            _serve_alone(settings, listener, lambda: announce(address))


def _allow_many_connections() -> None:
    """Each takes a file; what the system allows is rarely what a process begins with."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def work(settings: Settings) -> None:
    """`talktime worker`: due work and nothing else, until a signal."""
    set_up_logging(settings.log_level)
    with stopped_by_signals():
        _work(settings, ready=lambda: None)


def _serve_together(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    # Once, and here: processes that begin together would all try.
    open_app(settings).close()
    serving = supervisor.Task("server", lambda told: _serve_alone(settings, listener, told, jobs=False))
    tasks = [serving] * settings.workers
    if settings.jobs:
        tasks.append(supervisor.Task("worker", lambda told: _work(settings, told)))
    supervisor.run(tasks, ready)


def _work(settings: Settings, ready: Callable[[], None]) -> None:
    app = open_app(settings)
    worker = Worker(app)
    try:
        worker.start()
        ready()
        # The signal ends the wait: its handler raises.
        threading.Event().wait()
    finally:
        worker.stop()
        app.close()


def _serve_alone(settings: Settings, listener: socket.socket, ready: Callable[[], None], jobs: bool = True) -> None:
    app = open_app(settings)
    worker = Worker(app) if settings.jobs and jobs else None
    try:
        if worker:
            worker.start()
        _answer(app, listener, ready)
    finally:
        # A second signal must not cut short what is being written.
        for one in STOP_SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        if worker:
            worker.stop()
        app.close()


def _answer(app: App, listener: socket.socket, ready: Callable[[], None]) -> None:
    api = Api(app)
    folder = app.settings.data if app.settings.on_sqlite else None
    # What was made at the start stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    HttpServer(api, folder, ready).run(sockets=[listener])


class HttpServer(uvicorn.Server):
    """Answers on a socket, and on a local one for the owner of the data folder."""

    def __init__(self, api: Api, folder: Path | None, ready: Callable[[], None]) -> None:
        super().__init__(_config(api))
        self._local = _config(FromTheOwner(api))
        self._folder = folder
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._folder:
            await self._listen_locally(self._folder)
        self._ready()

    async def _listen_locally(self, folder: Path) -> None:
        def protocol() -> asyncio.Protocol:
            return self._local.http_protocol_class(  # type: ignore[call-arg]
                config=self._local, server_state=self.server_state, app_state={}
            )

        self._local.load()
        with socket_path(folder) as path:
            # Left behind by a process that was killed: the folder is ours, so nobody listens there.
            Path(path).unlink(missing_ok=True)
            local = socket.socket(socket.AF_UNIX)
            local.bind(path)
            Path(path).chmod(0o600)
        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_unix_server(protocol, sock=local, backlog=BACKLOG))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._folder:
            with socket_path(self._folder) as path, suppress(OSError):
                Path(path).unlink()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends the server in good order, and that is all: the process then exits with 0."""
        before = {one: signal.signal(one, self.handle_exit) for one in STOP_SIGNALS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _config(application: Callable[..., Any]) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        interface="asgi3",
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        # Who asks is who is connected: a header that anybody can send says nothing.
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GOODBYE_SECONDS,
    )


class FromTheOwner:
    """The same application for those who came through the local socket, which only the owner of the folder can open."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        await self._api({**scope, "talktime.local": True}, receive, send)


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    if not 0 <= port < 1 << 16:
        raise CannotListen(f"there is no port {port}: they go from 0 (any that is free) to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"{host} cannot be listened on: {error.strerror}") from error
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError as error:
            raise CannotListen(f"{host} port {port} cannot be listened on: {error.strerror}") from error
        yield listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Until something else listens to them, they end the process, which closes what it has opened."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(0)

    handlers: Sequence[Any] = [signal.signal(one, leave) for one in STOP_SIGNALS]
    try:
        yield
    finally:
        for one, handler in zip(STOP_SIGNALS, handlers, strict=True):
            signal.signal(one, handler)
