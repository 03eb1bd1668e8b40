"""`talktime demo`: a server with an organization, prices and callers, to look at and to try."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer

from talktime.cli.client import Client
from talktime.cli.demo_office import NAME, Office, open_office
from talktime.cli.demo_traffic import Switch
from talktime.cli.options import CannotDo, Json, say, say_json, settings_of
from talktime.storage.folder import DATABASE_FILE


def demo(
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    data: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep it there; else it is thrown away.")] = None,
    calls_per_second: Annotated[float, typer.Option(help="How many calls begin.", min=0.01, max=50)] = 2,
    seconds: Annotated[float | None, typer.Option(help="End by itself after so long.", show_default=False)] = None,
    once: Annotated[bool, typer.Option("--once", help="Make everything, show it, and end.")] = False,
    as_json: Json = False,
) -> None:
    """Try it: a server on an embedded database with an organization, users, prices, money and calls in progress.

    Prints the address, the keys and commands to try. Ctrl-C ends it.
    """
    begun = time.monotonic()
    stop = Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, frame: stop.set())
    with _folder(data) as folder, _server(folder, port) as address:
        with Client(settings_of(folder, None)) as client:
            office = open_office(client.send)
        switch = Switch(address, office)
        # Some calls first, so that there is something to look at.
        switch.run(max(calls_per_second, 8), stop, 0.1 if once else 1)
        _tell(address, office, switch, time.monotonic() - begun, as_json)
        if not once:
            switch.run(calls_per_second, stop, seconds)
            if not as_json:
                say()
                say("calls: " + ", ".join(f"{number} {what}" for what, number in sorted(switch.did.items())))


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        with tempfile.TemporaryDirectory(prefix="talktime-demo-") as made:
            yield Path(made)
    elif (data / DATABASE_FILE).exists():
        raise CannotDo(f"there is a database in {data}: the demonstration makes one of its own in an empty folder")
    else:
        yield data


@contextmanager
def _server(folder: Path, port: int) -> Iterator[str]:
    """In a process of its own, as it always is."""
    command = [sys.executable, "-m", "talktime.cli.main", "serve", "--data", str(folder), "--port", str(port)]
    # Ctrl-C is for us: the server is ended afterwards, when the callers have hung up.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        try:
            assert server.stdout
            line = server.stdout.readline()
            if not line.startswith("ready "):
                raise CannotDo("the server did not start; what it said is above")
            yield line.split()[1]
        finally:
            server.terminate()


def _tell(address: str, office: Office, switch: Switch, seconds: float, as_json: bool) -> None:
    facts: dict[str, Any] = {
        "address": address,
        "organization": office.organization,
        "operator_key": office.operator_key,
        "key": office.key,
        "call_id": switch.last_call,
    }
    if as_json:
        say_json(facts | {"seconds": round(seconds, 3)})
        return
    say(f"{NAME} ({office.organization}) is open after {seconds:.1f} s, with callers. Ctrl-C ends it.")
    say()
    say(f"  address       {address}   (what it can do: {address}/v1/docs)")
    say(f"  its key       {office.key}")
    say(f"  operator key  {office.operator_key}")
    say()
    say("Try, in another terminal:")
    say()
    for line in _commands(address, office, switch.last_call):
        say(line)


def _commands(address: str, office: Office, call_id: str) -> Iterator[str]:
    user = office.users[0]
    asks = f"curl -s -H 'Authorization: Bearer '$KEY {address}/v1"
    sends = f"curl -s -H 'Authorization: Bearer '$KEY -H 'Content-Type: application/json' {address}/v1"
    call = f'"call_id": "try-1", "call_type": "user_out", "user": "{user}", "to": "+442079460117"'
    yield f"  KEY={office.key}"
    yield "  # the balance, and what of it is held by calls in progress"
    yield f"  {asks}/balance"
    yield "  # what a call would cost now, with worked examples; the prices of a country (all are made up)"
    yield f"  {asks}/rates/lookup'?call_type=user_out&to=%2B442079460117'"
    yield f"  {asks}/rates'?q=france'"
    yield "  # may this call go on, and for how many seconds? then more of it, then its end"
    yield f"  {sends}/calls/authorize -d '{{{call}}}'"
    yield f"""  {sends}/calls/extend -d '{{"call_id": "try-1", "granted_seconds": 60}}'"""
    yield f"""  {sends}/calls/settle -d '{{"call_id": "try-1", "duration_seconds": 75}}'"""
    yield "  # the story of that call; the statement; calls in progress; the story of one of them"
    yield f"  {asks}/calls/try-1"
    yield f"  {asks}/entries"
    yield f"  {asks}/calls'?state=open'"
    yield f"  {asks}/calls/{call_id}"
    yield "  # who called what and who paid; the minutes of this month's pools"
    yield f"  {asks}/usage"
    yield f"  {asks}/pools"


def add_to(app: typer.Typer) -> None:
    app.command()(demo)
