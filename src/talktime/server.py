"""`talktime serve`: the running process, from the bound socket to the clean end."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from talktime import supervisor
from talktime.actions.set_up import set_up_link
from talktime.app import App, open_app
from talktime.exposition import SERVER, WORKER, Figures
from talktime.integrations.codecs import CODECS
from talktime.jobs.worker import Worker
from talktime.leaving import Door, Leaving
from talktime.listening import address_of, bound
from talktime.observability import set_up_logging
from talktime.portal.door import Portal, beside
from talktime.settings import Settings
from talktime.storage.folder import claimed, socket_path
from talktime.supervisor import Stop
from talktime.web.asgi import Api

BACKLOG = 2048
KEEP_ALIVE_SECONDS = 30
SWITCH_SECONDS = 0.001
"""So long one thread may keep the others waiting: a batch that has its rows needs the event loop to make room."""
GOODBYE_SECONDS = 20
"""Who has not sent a whole request by then is left."""

Announce = Callable[[str, str | None], None]
"""Where requests are answered, and the link for the first operator while there is none."""
Ready = Callable[[], None]

CannotStart = supervisor.CannotStart


def serve(settings: Settings, announce: Announce) -> None:
    """Until SIGTERM or SIGINT. `announce` is told the address when requests are answered."""
    set_up_logging(settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)
    _allow_many_connections()
    stop = Stop()
    with ExitStack() as until_the_end:
        if settings.on_sqlite:
            until_the_end.enter_context(claimed(settings.data))
        listener = until_the_end.enter_context(bound(settings.host, settings.port))
        address = address_of(listener)
        # Links lead to the port that it is, where any free one was asked for.
        settings = replace(settings, port=listener.getsockname()[1])

        def ready(link: str | None) -> None:
            announce(address, link)
            supervisor.tell_manager("READY=1")

        if settings.workers > 1:
            _serve_together(settings, listener, ready, stop)
        else:
            _serve_alone(settings, listener, lambda app: ready(_first_link(app)), stop)


def _first_link(app: App) -> str | None:
    return set_up_link(app.database, app.settings.reached_at, app.now())


def _allow_many_connections() -> None:
    """Each takes a file; what the system allows is rarely what a process begins with."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def work(settings: Settings) -> None:
    """`talktime worker`: due work and nothing else, until a signal."""
    set_up_logging(settings.log_level)
    _work(settings, lambda: supervisor.tell_manager("READY=1"), Stop())


def _serve_together(
    settings: Settings, listener: socket.socket, ready: Callable[[str | None], None], stop: Stop
) -> None:
    # Once, and here: processes that begin together would all try.
    app = open_app(settings)
    link = _first_link(app)
    app.close()
    alone = replace(settings, jobs=False)
    serving = supervisor.Task("server", lambda told, stop: _serve_alone(alone, listener, lambda app: told(), stop))
    tasks = [serving] * settings.workers
    if settings.jobs:
        tasks.append(supervisor.Task("worker", lambda told, stop: _work_beside(settings, listener, told, stop)))
    # While anybody has the listener, callers are let in: at the end only those who still answer may have it.
    supervisor.run(tasks, lambda: ready(link), stop, listener.close)


def _work_beside(settings: Settings, listener: socket.socket, ready: Ready, stop: Stop) -> None:
    listener.close()
    _work(settings, ready, stop)


def _work(settings: Settings, ready: Ready, stop: Stop) -> None:
    app = open_app(settings)
    worker = Worker(app)
    try:
        with _told_by_others(app, WORKER):
            worker.start()
            ready()
            stop.wait()
    finally:
        worker.stop()
        app.close()


def _serve_alone(settings: Settings, listener: socket.socket, ready: Callable[[App], None], stop: Stop) -> None:
    app = open_app(settings)
    worker = Worker(app) if settings.jobs else None
    try:
        if worker:
            worker.start()
        with _told_by_others(app, SERVER), app.lately:
            _answer(app, listener, lambda: ready(app), stop)
    finally:
        if worker:
            worker.stop()
        app.close()


def _told_by_others(app: App, kind: str) -> AbstractContextManager[object]:
    """On the embedded database there is one process only."""
    settings = app.settings
    return nullcontext() if settings.on_sqlite else Figures(app.meters.registry, settings.figures, kind)


def _answer(app: App, listener: socket.socket, ready: Ready, stop: Stop) -> None:
    api = Api(app, CODECS)
    traced = app.tracing.door(api, api.route_of)
    folder = app.settings.data if app.settings.on_sqlite else None
    # What was made at the start stays: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    doors = Leaving(beside(traced, Portal(app), app.settings.reached_at), stop)
    HttpServer(api, doors, folder, ready, stop, app.settings.drain_seconds).run(sockets=[listener])


class HttpServer(uvicorn.Server):
    """Answers on a socket, and on a local one for the owner of the data folder."""

    def __init__(
        self, api: Api, doors: Door, folder: Path | None, ready: Ready, stop: Stop, drain_seconds: float = 0
    ) -> None:
        super().__init__(_config(doors))
        self._stop = stop
        self._drain_seconds = drain_seconds
        self._sockets: list[socket.socket] = []
        self._local = _config(FromTheOwner(api))
        self._folder = folder
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._sockets = sockets or []
        if self._folder:
            await self._listen_locally(self._folder)
        if not self._stop.asked:
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

    async def on_tick(self, counter: int) -> bool:
        if self._stop.asked_for(self._drain_seconds / 2):
            self._let_nobody_in()
        return await super().on_tick(counter) or self._stop.asked_for(self._drain_seconds)

    def _let_nobody_in(self) -> None:
        """Before the end: who has just come in has time to ask."""
        for server in self.servers:
            server.close()
        for listener in self._sockets:
            listener.close()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are `Stop`'s: one of them ends the server in good order, and the process with 0."""
        yield


def _config(application: Door) -> uvicorn.Config:
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
        # Who asks is who is connected, or whom a trusted proxy names: web/askers.py.
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
