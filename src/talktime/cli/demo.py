"""`talktime demo`: a server with an organization, prices and callers, to look at and to try."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer

from talktime.cli.client import Client
from talktime.cli.demo_members import SignIn, let_in
from talktime.cli.demo_money import SELLER, money_commands, recent_money
from talktime.cli.demo_office import NAME, Office, open_office
from talktime.cli.demo_traffic import Switch
from talktime.cli.demo_year import DAYS, a_year_ago, live
from talktime.cli.options import CannotDo, Json, progress_bar, say, say_json, settings_of
from talktime.clock import SteadyClock
from talktime.core.time import MINUTE
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
    with _folder(data) as folder:
        office, receipt, people = _prepared(folder, as_json)
        with _server(folder, port) as address:
            switch = Switch(address, office)
            # Some calls first, so that there is something to look at.
            switch.run(max(calls_per_second, 8), stop, 0.1 if once else 1)
            shown = Shown(address, office, folder / "outbox", switch.last_call, receipt, people)
            _tell(shown, time.monotonic() - begun, as_json)
            if not once:
                switch.run(calls_per_second, stop, seconds)
                if not as_json:
                    say()
                    say("calls: " + ", ".join(f"{number} {what}" for what, number in sorted(switch.did.items())))


def _prepared(folder: Path, quiet: bool) -> tuple[Office, str, list[SignIn]]:
    """The year that lies behind it, in this process and before there is a server. Gives the newest receipt, too, and
    who can sign in."""
    now = SteadyClock()()
    clock = a_year_ago(now)
    with Client(settings_of(folder, None), clock) as client:
        office = open_office(client.send)
        with progress_bar(hidden=quiet) as shown:
            year = shown.add_task("A year passes", total=DAYS)
            live(client.app, clock, office, now, lambda: shown.advance(year))
        clock.at = now - 2 * MINUTE
        receipt = recent_money(client.send, office.organization)
        return office, receipt, let_in(client.app, client.send, office.organization)


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
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=SELLER | os.environ
    ) as server:
        try:
            assert server.stdout
            line = server.stdout.readline()
            if not line.startswith("ready "):
                raise CannotDo("the server did not start; what it said is above")
            yield line.split()[1]
        finally:
            server.terminate()


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to look at."""

    address: str
    office: Office
    outbox: Path
    call_id: str
    receipt: str
    people: list[SignIn]


def _tell(shown: Shown, seconds: float, as_json: bool) -> None:
    office = shown.office
    if as_json:
        say_json(_facts(shown) | {"seconds": round(seconds, 3)})
        return
    say(f"{NAME} ({office.organization}) is open after {seconds:.1f} s, with callers. Ctrl-C ends it.")
    say()
    say(f"  open          {shown.address}/")
    for person in shown.people:
        say(f"  sign in as    {person.email:<22} {person.password}   ({person.who})")
    say()
    say(f"  its API       {shown.address}/v1/docs")
    say(f"  its key       {office.key}")
    say(f"  operator key  {office.operator_key}")
    say(f"  mails         {shown.outbox}")
    say()
    say("Try, in another terminal:")
    say()
    for line in _commands(shown):
        say(f"  {line}")


def _facts(shown: Shown) -> dict[str, Any]:
    office = shown.office
    return {
        "address": shown.address,
        "sign_in": [person._asdict() for person in shown.people],
        "organization": office.organization,
        "operator_key": office.operator_key,
        "key": office.key,
        "call_id": shown.call_id,
        "receipt": shown.receipt,
        "declining_card": office.declining_card,
        "outbox": str(shown.outbox),
    }


def _commands(shown: Shown) -> Iterator[str]:
    asks = f"curl -s -H 'Authorization: Bearer '$KEY {shown.address}/v1"
    sends = f"curl -s -H 'Authorization: Bearer '$KEY -H 'Content-Type: application/json' {shown.address}/v1"
    yield f"KEY={shown.office.key}"
    yield from money_commands(shown.receipt, shown.office.declining_card, asks, sends, shown.outbox)
    yield from _call_commands(shown, asks, sends)


def _call_commands(shown: Shown, asks: str, sends: str) -> Iterator[str]:
    user = shown.office.users[0]
    call = f'"call_id": "try-1", "call_type": "user_out", "user": "{user}", "to": "+442079460117"'
    yield "# what a call would cost now, with worked examples; the prices of a country (all are made up)"
    yield f"{asks}/rates/lookup'?call_type=user_out&to=%2B442079460117'"
    yield f"{asks}/rates'?q=france'"
    yield "# may this call go on, and for how many seconds? then more of it, then its end"
    yield f"{sends}/calls/authorize -d '{{{call}}}'"
    yield f"""{sends}/calls/extend -d '{{"call_id": "try-1", "granted_seconds": 60}}'"""
    yield f"""{sends}/calls/settle -d '{{"call_id": "try-1", "duration_seconds": 75}}'"""
    yield "# the story of that call; calls in progress; the story of one of them"
    yield f"{asks}/calls/try-1"
    yield f"{asks}/calls'?state=open'"
    yield f"{asks}/calls/{shown.call_id}"
    yield "# who called what and who paid; the minutes of this month's pools"
    yield f"{asks}/usage"
    yield f"{asks}/pools"


def add_to(app: typer.Typer) -> None:
    app.command()(demo)
