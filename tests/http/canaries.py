"""Q16, secrets: canaries go in through every door that takes a secret, then all that was written is searched.

    python -m tests.http.canaries

Each secret is looked for as it is, in base64 and in hexadecimal: in the files of the database, in the log, in backups,
in the metrics and documents, in every answer that was not meant to show it, and in what the commands print. A word
that is no secret goes in as well and must be found, so that a search that finds nothing would be noticed.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
import tempfile
import time
import zipfile
from base64 import b32decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import psycopg
from rich.console import Console

from talktime.core.one_time_codes import STEP, code_at
from tests.http.broken_mouth import BrokenMouth
from tests.http.shop import Answer, Api, Organization, Shop, good
from tests.support.loopback import STOPS_AFTER
from tests.support.postgres import Cluster, new_cluster
from tests.support.server import Server, talktime

LISTS = "/v1/operator/price-lists"
Places = dict[str, bytes]


@dataclass(slots=True)
class Figures:
    canaries: int = 0
    places: int = 0
    bytes: int = 0
    found: list[str] = field(default_factory=list)
    control: list[str] = field(default_factory=list)
    """Where the word was found that is no secret."""

    def __str__(self) -> str:
        return (
            f"{self.canaries} canaries, {self.places} places, {self.bytes / (1 << 20):.0f} MiB searched, "
            f"{len(self.found)} hits; the word that is no secret: {len(self.control)} places"
        )


class Cage:
    """The canaries, and all that was said where they might have been."""

    def __init__(self) -> None:
        self.control = f"Canary {secrets.token_hex(8)} Ltd"
        self.secrets: dict[str, str] = {
            "the database's password": f"pw{secrets.token_urlsafe(24)}",
            "the secret key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "a cut token": f"cut{secrets.token_urlsafe(24)}",
            "another cut token": f"cut{secrets.token_urlsafe(24)}",
            "a key that nobody gave out": f"tt_live_0-{'0' * 32}-{secrets.token_urlsafe(32)}",
            "a card number": "4000000000009995",
            "a card number that is not for trying out": "5105105105105100",
            "a password in a header": f"basic{secrets.token_urlsafe(24)}",
        }
        self.said: Places = {}

    def keep(self, name: str, key: str) -> str:
        self.secrets[name] = key
        return key

    def hear(self, name: str, *parts: object) -> None:
        self.said[name] = "\n".join(map(str, parts)).encode()

    def ask(self, api: Api, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Something whose answer must show no secret."""
        answer = api.send(method, path, body, headers=headers)
        self.hear(f"answer {len(self.said)} to {method} {path[:40]}", answer.headers, answer.body.decode())
        return answer


def needle(secret: str) -> str:
    """Of a key what stands behind its id."""
    return secret_of(secret) if secret.startswith("tt_") else secret


def forms(secret: str) -> Mapping[str, bytes]:
    raw = needle(secret).encode()
    # Without its last bytes, which depend on what follows.
    return {"as it is": raw, "in base64": b64encode(raw[:30]), "in hexadecimal": raw.hex().encode()}


# ------------------------------------------------------------------------------------------------- the journey


def journey(server: Server, cage: Cage, cut_url: str) -> None:
    """Each secret is used well, used wrongly, and lies about when something fails."""
    operator_key = cage.keep("an operator's key", server.operator_key)
    shop = Shop.opened(server.url, operator_key)
    org = shop.organization("10", name=cage.control, mode="test")
    made, revoked = org.key("calls", "funds"), org.key("calls")
    cage.keep("a key of an organization", made["key"])
    cage.keep("a revoked key", revoked["key"])
    second = cage.keep("another operator's key", good(shop.operator.post("/v1/operator/keys"))["key"])
    with ExitStack() as stack:
        mine = stack.enter_context(Api(server.url, made["key"]))
        gone = stack.enter_context(Api(server.url, revoked["key"]))
        other = stack.enter_context(Api(server.url, second, org.id))
        _calls(cage, org, mine)
        _payments(cage, org)
        cage.ask(gone, "GET", "/v1/calls")
        cage.ask(shop.operator, "DELETE", f"{org.path}/keys/{revoked['id']}")
        for path in ("/v1/calls", "/v1/calls/settle"):
            cage.ask(gone, "POST" if path.endswith("settle") else "GET", path, {"call_id": "c1", "duration_seconds": 1})
        _misplaced(cage, mine)
        _switches(cage, org, other, cut_url)
        _looked_at(cage, shop, org)
    _signing_in(cage, server, shop)
    shop.close()


def _calls(cage: Cage, org: Organization, api: Api) -> None:
    cage.ask(api, "POST", "/v1/calls/authorize", org.call("c1", switch="edge"))
    cage.ask(api, "POST", "/v1/calls/settle", {"call_id": "c1", "duration_seconds": 60})
    cage.ask(api, "POST", "/v1/calls/authorize", org.call("c2", switch="edge"))
    cage.ask(api, "POST", "/v1/calls/authorize", org.call("c3", switch="deaf"))


def _payments(cage: Cage, org: Organization) -> None:
    """A card that declines, one that is none, and whoever wants to hear of it."""
    made = good(org.api.post("/v1/webhooks", {"url": "https://hooks.example.com/x", "events": ["funds_added"]}))
    cage.keep("a webhook's secret", made["secret"].removeprefix("whsec_"))
    for name in ("a card number", "a card number that is not for trying out"):
        cage.ask(
            org.api, "POST", "/v1/payment-methods", {"simulator_card": cage.secrets[name]}, **{"Idempotency-Key": name}
        )
    cage.ask(org.api, "POST", "/v1/top-ups", {"amount": "60"})
    for path in ("payment-methods", "top-ups", "recharge-settings", "webhooks", "receipts"):
        cage.ask(org.api, "GET", f"/v1/{path}")


def _misplaced(cage: Cage, api: Api) -> None:
    """Secrets where they do not belong. What is sent back to the sender is his own; it must not be kept anywhere."""
    nobodys, basic = cage.secrets["a key that nobody gave out"], cage.secrets["a password in a header"]
    for header in (f"Bearer {nobodys}", f"bearer  {nobodys}", f"Basic {basic}", nobodys):
        cage.ask(api, "GET", "/v1/balance", Authorization=header)
        cage.ask(api, "POST", "/v1/calls/settle", {"call_id": "c1", "duration_seconds": 1}, Authorization=header)
    for path in (f"/v1/balance?key={nobodys}", f"/v1/calls?cursor={nobodys}"):
        api.get(path)
    api.post("/v1/calls/settle", {"call_id": "c1", "duration_seconds": 1, "token": nobodys})
    api.send("POST", "/v1/calls/settle", raw=b'{"token": "' + nobodys.encode())


def _switches(cage: Cage, org: Organization, api: Api, cut_url: str) -> None:
    """One that listens, and one at a closed port; then the organization is closed, and both are told."""
    first, second = cage.secrets["a cut token"], cage.secrets["another cut token"]
    cage.ask(api, "POST", "/v1/switches", {"name": "edge", "cut_url": cut_url, "cut_token": first})
    cage.ask(api, "POST", "/v1/switches", {"name": "edge", "cut_url": cut_url, "cut_token": first})
    cage.ask(api, "POST", "/v1/switches", {"name": "deaf", "cut_url": "http://127.0.0.1:1/cut", "cut_token": second})
    cage.ask(api, "PATCH", "/v1/switches/deaf", {"cut_token": second})
    cage.ask(api, "POST", "/v1/switches/edge/heartbeat", {"boot_id": "1", "active_call_ids": ["c2"]})
    cage.ask(api, "GET", "/v1/switches")
    cage.ask(org.operator, "DELETE", org.path)


def _signing_in(cage: Cage, server: Server, shop: Shop) -> None:
    """The first operator chooses a password and a second factor, signs in with both, and errs. His own cookie and the
    pages that tell him a secret once are his."""
    link = good(shop.operator.post("/v1/operator/set-up-link"))["link"]
    cage.keep("a link", secret_of(link))
    password = cage.keep("a password", f"pass{secrets.token_urlsafe(18)}")
    mistaken = cage.keep("a password where the address belongs", f"pass{secrets.token_urlsafe(18)}@example.com")
    with httpx.Client(base_url=server.url, headers={"origin": server.url}) as browser:
        path = link.removeprefix(server.url)
        twice = {"password": password, "again": password}
        _sent(browser, path, path, name="Olga", email="olga@example.com", language="en", **twice)
        page = browser.get("/me/second-factor").text
        spelled = re.search(r'class="spelled">([A-Z2-7]+)<', page)
        assert spelled is not None
        secret = b32decode(cage.keep("a second factor", spelled[1]))
        cage.keep("a second factor in hexadecimal", secret.hex())
        code = code_at(secret, time.time_ns() // 1000 // STEP)
        told = _sent(browser, "/me/second-factor", "/me/second-factor", code=code)
        for number, one in enumerate(re.findall(r"<li><code>([a-z0-9-]+)<", told.text)):
            cage.keep(f"recovery code {number}", one.replace("-", ""))
        cage.keep("a cookie", secret_of(browser.cookies["talktime"]))
        cage.hear("his account", browser.get("/me").text)
    with httpx.Client(base_url=server.url, headers={"origin": server.url}) as browser:
        for email, tried in (
            ("olga@example.com", password + "x"),
            (mistaken, password),
            ("olga@example.com", password),
        ):
            _sent(browser, "/sign-in", "/sign-in", email=email, password=tried)
        used = cage.secrets["recovery code 0"]
        _sent(browser, "/sign-in/code", "/sign-in/code", code=used)
        cage.keep("another cookie", secret_of(browser.cookies["talktime"]))
        cage.hear("his sessions", browser.get("/me").text)
    cage.ask(shop.operator, "GET", "/v1/operator/audit")
    cage.ask(shop.operator, "GET", "/v1/operator/members")


def secret_of(ticket: str) -> str:
    """The last part of a key, cookie or link: what nobody may know. It may have dashes of its own."""
    return ticket.rpartition("/")[2].split("-", 2)[2]


def _sent(browser: httpx.Client, page: str, action: str, **values: str) -> httpx.Response:
    """The form that stands there."""
    token = re.search(r'name="token" value="([0-9a-f]+)"', browser.get(page).text)
    assert token is not None, page
    answer = browser.post(action, data={"token": token[1], **values})
    assert answer.status_code < 500 and answer.status_code != 403, answer.text
    return answer


def _looked_at(cage: Cage, shop: Shop, org: Organization) -> None:
    own = ("calls", "users", "switches", "lots", "entries", "audit", "balance", "licences", "calls/c2")
    for path in [f"/v1/{name}" for name in own]:
        cage.ask(org.api, "GET", path)
    for path in (org.path, f"{org.path}/keys", "/v1/operator/keys", "/v1/operator/audit", "/v1/operator/organizations"):
        cage.ask(shop.operator, "GET", path)
    for path in ("/metrics", "/healthz", "/readyz", "/v1/docs", "/v1/openapi.json"):
        cage.ask(shop.operator, "GET", path)


def commands(server: Server, cage: Cage, backup: Path) -> None:
    """What is printed when all is well, and when an address or a key cannot be used."""
    password = cage.secrets["the database's password"]
    closed = f"postgresql://talktime:{password}@127.0.0.1:1/talktime"
    asked = {
        "backup": (*server.database, str(backup)),
        "verify": server.database,
        "doctor": server.database,
        "settings": server.database,
        "keys list": ("--operator", *server.database),
        "keys create": ("--operator", "--database", closed),
        "serve": ("--database", closed),
        "verify of nothing": ("--database", closed),
        "settings of a wrong kind": ("--database", closed.replace("postgresql", "mysql")),
    }
    for name, arguments in asked.items():
        words = name.split(" of ")[0].split()
        done = talktime(*words, *arguments, **server.environment)
        cage.hear(f"talktime {name}", done.stdout, done.stderr)
    wrong = talktime("keys", "list", "--operator", *server.database, TALKTIME_SECRET_KEY=password)
    cage.hear("a secret key that is none", wrong.stdout, wrong.stderr)


# ------------------------------------------------------------------------------------------------- the search


def search(cage: Cage, places: Iterator[tuple[str, bytes]]) -> Figures:
    wanted = {(name, form): sought for name, value in cage.secrets.items() for form, sought in forms(value).items()}
    figures = Figures(len(cage.secrets))
    for place, content in places:
        figures.places += 1
        figures.bytes += len(content)
        figures.found += [f"{name}, {form}, in {place}" for (name, form), sought in wanted.items() if sought in content]
        if cage.control.encode() in content:
            figures.control.append(place)
    return figures


def files_below(name: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{name}: {path.relative_to(folder)}", path.read_bytes()


def unpacked(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    yield f"{name}: {path.name}", path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for inside in archive.namelist():
                yield f"{name}: {path.name}/{inside}", archive.read(inside)


# ------------------------------------------------------------------------------------------------- both databases


def on_sqlite(folder: Path, make: Callable[..., Server] = Server) -> Figures:
    cage, data, backup = Cage(), folder / "data", folder / "backup.db"
    server = make(data, (), {"TALKTIME_SECRET_KEY": cage.secrets["the secret key"]})
    with _walked(server, cage, backup):
        # While it runs: its log of changes is still beside the database.
        running = list(files_below("data folder", data))
    parts = [("log", server.log.encode()), *running, *files_below("data folder, closed", data)]
    server.remove()
    return search(cage, iter([*parts, *unpacked("backup", backup), *cage.said.items()]))


def on_postgres(folder: Path, cluster: Cluster, make: Callable[..., Server] = Server) -> Figures:
    """The cluster is searched with all its files, and stopped for a while: errors talk."""
    cage, backup = Cage(), folder / "backup.zip"
    password = cage.secrets["the database's password"]
    url = cluster.fresh_database().replace("talktime@", f"talktime:{password}@", 1)
    server = make(url, (), {"TALKTIME_SECRET_KEY": cage.secrets["the secret key"]})
    with _walked(server, cage, backup):
        with psycopg.connect(cluster.superuser_url(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        cluster.stop()
        with Api(server.url, server.operator_key) as api:
            for path in ("/readyz", "/v1/operator/organizations", "/healthz"):
                cage.ask(api, "GET", path)
            cage.ask(api, "POST", "/v1/calls/settle", {"call_id": "c1", "duration_seconds": 1, "organization": "org_1"})
        cluster.start()
    parts = [("log", server.log.encode()), *files_below("cluster", cluster.data), ("its log", cluster.log.read_bytes())]
    server.remove()
    return search(cage, iter([*parts, *unpacked("backup", backup), *cage.said.items()]))


@contextmanager
def _walked(server: Server, cage: Cage, backup: Path) -> Iterator[None]:
    """A server that was used, still running; afterwards stopped, with its log not yet removed."""
    try:
        server.start()
        with listening() as cut_url:
            journey(server, cage, cut_url)
        commands(server, cage, backup)
        yield
    except BaseException:
        server.remove()
        raise
    server.stop()


@contextmanager
def listening() -> Iterator[str]:
    """A switch that is told to hang up, and says nothing about it."""

    class Quiet(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as switch:
        thread = Thread(target=switch.serve_forever, args=(STOPS_AFTER,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{switch.server_port}/cut"
        finally:
            switch.shutdown()
            thread.join()


def caught(folder: Path) -> list[str]:
    """What is found of a server that talks too much."""
    return on_sqlite(folder, BrokenMouth).found


# ------------------------------------------------------------------------------------------------- by hand


def main() -> int:
    argparse.ArgumentParser(prog="python -m tests.http.canaries", description="Q16: secrets.").parse_args()
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as name, new_cluster() as cluster, console.status("canaries"):
        folder = Path(name)
        (folder / "broken").mkdir()
        both = {"sqlite": on_sqlite(folder), "postgresql": on_postgres(folder, cluster)}
        leaks = caught(folder / "broken")
    for dialect, figures in both.items():
        print(f"secrets: {dialect}: {figures}", flush=True)
    print(f"secrets: self-check: {len(leaks)} hits with a server that talks too much")
    found = [one for figures in both.values() for one in figures.found]
    for one in found:
        print(one, file=sys.stderr)
    return 1 if found or not leaks or not all(figures.control for figures in both.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
