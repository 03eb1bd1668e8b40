"""Requests that no friend would send, on the wire: the real server refuses each with the right status, and lives on."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlsplit

import psutil

from tests.http.shop import Api, Json, Organization, Shop, good
from tests.support.server import Server, talktime

MIB = 1 << 20
PATIENCE_SECONDS = 20.0
MEMORY_BYTES_MAX = 256 * MIB
Status = int | tuple[int, ...]


@dataclass(slots=True)
class Figures:
    requests: int = 0
    slowest_seconds: float = 0.0
    slowest: str = ""
    grown_bytes: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.requests} hostile requests, {len(self.wrong)} wrong, slowest answer {self.slowest_seconds:.2f} s "
            f"({self.slowest}), the server grew by {self.grown_bytes / MIB:.0f} MiB"
        )


class Wire:
    """Bytes to the server, and the status that comes back; 0 when it closes the connection without one."""

    def __init__(self, url: str, key: str, org: str) -> None:
        where = urlsplit(url)
        assert where.hostname and where.port
        self.address = (where.hostname, where.port)
        self.headers = f"Host: x\r\nAuthorization: Bearer {key}\r\nTalktime-Organization: {org}\r\n".encode()

    def say(self, content: bytes, hang_up: bool = False) -> int:
        with closing(socket.create_connection(self.address, PATIENCE_SECONDS)) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            try:
                connection.sendall(content)
                if hang_up:
                    connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                # It has answered already, and does not want the rest.
                pass
            return self._status(connection)

    def _status(self, connection: socket.socket) -> int:
        said = b""
        try:
            while b"\r\n" not in said and (more := connection.recv(65_536)):
                said += more
        except ConnectionResetError:
            pass
        found = re.match(rb"HTTP/1\.[01] (\d{3})", said)
        return int(found[1]) if found else 0

    def request(self, method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
        head = f"{method} {path} HTTP/1.1\r\n".encode() + self.headers + headers.encode("latin-1")
        if "content-length" not in headers.lower() and "transfer-encoding" not in headers.lower():
            head += b"Content-Length: %d\r\n" % len(body)
        return head + b"Connection: close\r\n\r\n" + body


SETTLE = "/v1/calls/settle"
GOOD = b'{"call_id": "wire-1", "duration_seconds": 0}'
LISTS = "/v1/operator/price-lists"
FILE = f"{LISTS}?name=x&currency=USD&charge_decimals=4"
AS_FILE = "Content-Type: text/csv\r\n"


def bytes_on_the_wire(wire: Wire) -> Iterator[tuple[str, bytes, bool, Status]]:
    """Name, bytes, whether we hang up after them, and what is right."""
    request = wire.request
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    yield "a good request", request("POST", SETTLE, GOOD), False, 200
    yield "no request line", b"\r\n\r\n\r\nxyz\r\n\r\n", True, (0, 400)
    yield "noise", bytes(range(256)) * 50, True, (0, 400)
    yield "TLS on a plain port", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200, True, (0, 400)
    yield "HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", True, (0, 400, 404, 405)
    yield "an unknown method", request("FETCH", "/v1/balance"), False, (400, 405)
    yield "half a request", request("POST", SETTLE, GOOD)[:80], True, 0
    yield "half a body", request("POST", SETTLE, GOOD, "Content-Length: 400\r\n"), True, (0, 400)
    for length in ("-1", "abc", "1e3", "9" * 30, "0x10", "1, 1", ""):
        bad = request("POST", SETTLE, GOOD, f"Content-Length: {length}\r\n")
        yield f"Content-Length: {length}", bad, True, (0, 400, 413)
    twice = request("POST", SETTLE, GOOD, f"Content-Length: {len(GOOD)}\r\nContent-Length: 3\r\n")
    yield "two lengths", twice, True, (0, 400)
    both = request("POST", SETTLE, b"0\r\n\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")
    yield "a length and chunks", both, True, (0, 400)
    chunked = "Transfer-Encoding: chunked\r\n"
    yield "chunks", request("POST", SETTLE, b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD), chunked), False, 200
    yield "a chunk without end", request("POST", SETTLE, b"ffffffffffffffff\r\n" + GOOD, chunked), True, (0, 400)
    yield "chunks beyond the limit", request("POST", SETTLE, chunk * 20 + b"0\r\n\r\n", chunked), False, 413
    yield "no file beyond its limit", request("POST", FILE, chunk * 170 + b"0\r\n\r\n", chunked + AS_FILE), False, 413
    yield "a body beyond the limit", request("POST", SETTLE, b" " * (MIB + 1)), False, 413
    yield "a body at the limit", request("POST", SETTLE, GOOD + b" " * (MIB - len(GOOD))), False, 200
    yield "a file beyond its limit", request("POST", FILE, b"1" * (10 * MIB + 1), AS_FILE), False, 413
    yield "a large body where there is none", request("GET", "/v1/balance", b" " * (MIB + 1)), False, 413
    yield (
        "a compressed body",
        request("POST", SETTLE, b"\x1f\x8b\x08" + b"\0" * 50, "Content-Encoding: gzip\r\n"),
        False,
        400,
    )
    yield (
        "a header of 100 kB",
        request("GET", "/v1/balance", headers=f"X-Long: {'a' * 100_000}\r\n"),
        False,
        (0, 200, 400, 431),
    )
    yield "2,000 headers", request("GET", "/v1/balance", headers="X-One: 1\r\n" * 2000), False, (0, 200, 400, 431)
    yield "a path of 60 kB", request("GET", "/v1/calls/" + "a" * 60_000), False, (0, 404, 414, 422)
    yield "a query of 60 kB", request("GET", "/v1/calls?cursor=" + "a" * 60_000), False, (0, 422)
    yield (
        "a query of many names",
        request("GET", "/v1/calls?" + "&".join(f"a{n}=" for n in range(9_000))),
        False,
        (0, 422),
    )
    yield "no UTF-8 in a header", request("GET", "/v1/balance", headers="X-Request-Id: \xff\xfe\r\n"), False, 200
    for path in (
        "/v1/calls/%00",
        "/v1/calls/%ff",
        "/v1/calls/%",
        "/v1/calls/%zz",
        "/v1/calls/..%2f..",
        "/v1/users/%00",
    ):
        yield f"GET {path}", request("GET", path), False, (400, 404, 422)
    for path in (
        "/v1/../healthz",
        "//v1/balance",
        "/v1//balance",
        "/v1/balance/",
        "/V1/BALANCE",
        "http://x/v1/balance",
    ):
        yield f"GET {path}", request("GET", path), False, (200, 400, 404)


BODIES: Mapping[str, tuple[bytes, Status]] = {
    "nothing": (b"", 400),
    "no JSON": (b"call_id=1", 400),
    "null": (b"null", 422),
    "a list": (b"[]", 422),
    "no UTF-8": (b'{"call_id": "\xff", "duration_seconds": 0}', 400),
    "a surrogate by itself": (b'{"call_id": "wire", "duration_seconds": 0, "cause": "\\ud800"}', (400, 422)),
    "overlong UTF-8": (b'{"call_id": "\xc0\xaf", "duration_seconds": 0}', 400),
    "a byte order mark": (b'\xef\xbb\xbf{"call_id": "wire", "duration_seconds": 0}', (200, 400)),
    "UTF-16": ('{"call_id": "wire"}'.encode("utf-16"), 400),
    "a zero byte": (b'{"call_id": "\0", "duration_seconds": 0}', (400, 422)),
    "a zero byte, escaped": (b'{"call_id": "\\u0000", "duration_seconds": 0}', 422),
    "a million brackets": (b"[" * 1_000_000, (400, 422)),
    "a million objects": (b'{"a":' * 200_000, (400, 422)),
    "deep in a field": (b'{"call_id": ' + b"[" * 900_000, (400, 422)),
    "a long number": (b'{"call_id": "wire", "duration_seconds": ' + b"9" * 900_000 + b"}", (400, 422)),
    "a float": (b'{"call_id": "wire", "duration_seconds": 1.5}', 422),
    "an exponent": (b'{"call_id": "wire", "duration_seconds": 1e400}', (400, 422)),
    "NaN": (b'{"call_id": "wire", "duration_seconds": NaN}', 400),
    "a name twice": (b'{"call_id": "wire", "call_id": "wire", "duration_seconds": 0}', (200, 400, 422)),
    "many names": (b"{" + b",".join(b'"a%d": 0' % n for n in range(80_000)) + b"}", 422),
    "a long string": (b'{"call_id": "' + b"a" * 1_000_000 + b'", "duration_seconds": 0}', 422),
    "after the end": (b'{"call_id": "wire", "duration_seconds": 0} {}', 400),
}
ZERO, LONG = "a\0b", "a" * 5000
EXTREMES = (
    "0001-01-01T00:00:00+23:59",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-23:59",
)
"""Instants at the end of what a calendar can say."""


def stored(org: Organization) -> Iterator[tuple[str, str, str, Json]]:
    """What would have to be kept: zero bytes, which one of the databases takes and the other does not, and instants
    that cannot be said in UTC. Name, method, path, body: none may be an error of ours, now or when it is read."""
    call = org.call("wire-odd")
    for name in ("user", "from", "to", "switch", "conference_id", "sip_call_id", "source"):
        for text in (ZERO, LONG, "\U0001f4de" * 20):
            odd = call | {"call_id": f"wire-{name}-{len(text)}", name: text}
            yield f"{name} {text[:3]!r}", "POST", "/v1/calls/authorize", odd
            yield f"{name} {text[:3]!r}", "POST", "/v1/calls/batch", {"operations": [odd | {"op": "authorize"}]}
    yield "cause", "POST", SETTLE, {"call_id": "wire-cause", "duration_seconds": 1, "cause": ZERO}
    for text in (ZERO, LONG, "\u202e", "<script>"):
        yield f"name {text[:3]!r}", "POST", "/v1/users", {"name": text, "sign_in_name": text, "usage_location": "GB"}
        yield f"organization {text[:3]!r}", "PATCH", org.path, {"name": text}
        yield f"zone {text[:3]!r}", "PATCH", org.path, {"time_zone": text}
        yield f"switch {text[:3]!r}", "POST", "/v1/switches", {"name": text}
        yield f"token {text[:3]!r}", "POST", "/v1/switches", {"name": "t", "cut_url": "http://x/", "cut_token": text}
        yield f"address {text[:3]!r}", "POST", "/v1/switches", {"name": "u", "cut_url": f"http://x/{text}"}
        yield f"boot {text[:3]!r}", "POST", "/v1/switches/b/heartbeat", {"boot_id": text}
        yield f"reason {text[:3]!r}", "POST", f"{org.path}/adjustments", {"amount": "1", "reason": text}
        yield f"licence {text[:3]!r}", "PUT", "/v1/licences", {text: 1}
        row = {"prefix": "371", "per_minute": "1", "destination": text}
        form = {"name": "x", "currency": "EUR", "charge_decimals": 2, "rows": [row]}
        yield f"destination {text[:3]!r}", "POST", LISTS, form
        yield f"list {text[:3]!r}", "POST", LISTS, form | {"name": text}
        yield f"key's address {text[:3]!r}", "POST", f"{org.path}/keys", {"scopes": ["calls"], "addresses": [text]}
    for zone in ("../UTC", "/etc/passwd", "localtime", "posixrules", "Europe/Riga\n", "utc", "Europe", ""):
        yield f"zone {zone!r}", "PATCH", org.path, {"time_zone": zone}
    for at in EXTREMES:
        yield f"expires {at}", "POST", f"{org.path}/grants", {"amount": "1", "expires_at": at}
        yield f"key {at}", "POST", f"{org.path}/keys", {"scopes": ["calls"], "expires_at": at}
        yield f"clock {at}", "PUT", f"{org.path}/clock", {"now": at}
        yield f"asked {at}", "POST", "/v1/calls/authorize", call | {"call_id": f"wire-at-{at}", "at": at}
        record = call | {"call_id": f"wire-record-{at}", "started_at": at, "ended_at": at, "duration_seconds": 1}
        yield f"began {at}", "POST", "/v1/calls/record", record
        yield f"answered {at}", "POST", "/v1/calls/answered", {"call_id": f"wire-at-{at}", "answered_at": at}
        row = {"prefix": "371", "per_minute": "1", "valid_from": at}
        form = {"name": "x", "currency": "EUR", "charge_decimals": 2, "rows": [row]}
        yield f"valid {at}", "POST", LISTS, form
    for amount in (
        "999999999999.999999",
        "-999999999999",
        "0.000001",
        "1e5",
        "٣",
        "1" * 5000,
        "+1",
        " 1",
        "1.",
        ".5",
        "-0",
    ):
        yield f"grant {amount[:20]}", "POST", f"{org.path}/grants", {"amount": amount}
        yield f"adjust {amount[:20]}", "POST", f"{org.path}/adjustments", {"amount": amount, "reason": "x"}


def reads(org: Organization) -> Sequence[str]:
    """Every list, so that what was kept can be read."""
    own = (
        "/v1/calls",
        "/v1/users",
        "/v1/switches",
        "/v1/lots",
        "/v1/entries",
        "/v1/audit",
        "/v1/balance",
        "/v1/licences",
    )
    operators = (LISTS, f"{org.path}", f"{org.path}/keys", f"{org.path}/adjustments", "/v1/operator/audit")
    return (*own, *operators)


# ------------------------------------------------------------------------------------------------- running them


def run(where: Path | str) -> Figures:
    figures = Figures()
    server = Server(where)
    try:
        server.start()
        shop = Shop.opened(server.url, server.operator_key)
        org = shop.organization("1000", mode="test")
        process = psutil.Process(server.pid)
        before = process.memory_info().rss
        wire = Wire(server.url, server.operator_key, org.id)
        for name, content, hang_up, right in bytes_on_the_wire(wire):
            _check(figures, name, right, partial(wire.say, content, hang_up))
        for name, (body, right) in BODIES.items():
            _check(figures, name, right, partial(wire.say, wire.request("POST", SETTLE, body)))
        _store(figures, org)
        _slowly(figures, wire, org)
        figures.grown_bytes = process.memory_info().rss - before
        if figures.grown_bytes > MEMORY_BYTES_MAX:
            figures.wrong.append(f"the server grew by {figures.grown_bytes:,} bytes")
        good(
            org.api.post("/v1/calls/settle", {"call_id": "after all", "duration_seconds": 0} | {"call_id": "after-all"})
        )
        shop.close()
        if "request failed" in server.log:
            figures.wrong.append(server.log[:5000])
        if server.stop() != 0:
            figures.wrong.append("it did not end in good order")
        server.start()
        if (checked := talktime("verify", *server.database)).returncode != 0:
            figures.wrong.append(f"verify: {checked.stdout}{checked.stderr}")
    finally:
        server.remove()
    return figures


def _check(figures: Figures, name: str, right: Status, ask: Callable[[], int]) -> None:
    begun = time.monotonic()
    status = ask()
    figures.requests += 1
    took = time.monotonic() - begun
    if took > figures.slowest_seconds:
        figures.slowest_seconds, figures.slowest = took, name
    if status not in (right if isinstance(right, tuple) else (right,)):
        figures.wrong.append(f"{name}: {status}, and {right} is right")


def _store(figures: Figures, org: Organization) -> None:
    for name, method, path, body in stored(org):
        api = org.operator if path.startswith("/v1/operator/") else org.api
        answer = api.send(method, path, body)
        figures.requests += 1
        told = [one["status"] for one in answer.json["answers"]] if path.endswith("/batch") else [answer.status]
        if answer.status >= 500 or ("\\x00" in str(body) and [status for status in told if status != 422]):
            figures.wrong.append(f"{method} {path}, {name}: {answer.status} {answer.body[:200]!r}")
        if path.endswith("/authorize"):
            batched = [answer.status]
            figures.wrong += [
                f"{path}, {name}: {answer.body[:200]!r}" for status in batched if status not in (200, 409, 422)
            ]
    for path in reads(org):
        api = org.operator if path.startswith("/v1/operator/") else org.api
        answer = (
            api.get(f"{path}?limit=1000") if path not in ("/v1/balance", "/v1/licences", org.path) else api.get(path)
        )
        figures.requests += 1
        if answer.status != 200:
            figures.wrong.append(f"GET {path} afterwards: {answer.status} {answer.body[:200]!r}")
    for call in org.rows("/v1/calls"):
        answer = org.api.get(f"/v1/calls/{quote(call['call_id'], safe='')}")
        figures.requests += 1
        if answer.status != 200:
            figures.wrong.append(f"the story of {call['call_id']}: {answer.status}")


def _slowly(figures: Figures, wire: Wire, org: Organization) -> None:
    """Forty who send a byte now and then keep nobody waiting."""
    content = wire.request("POST", SETTLE, GOOD)
    slow = [socket.create_connection(wire.address, PATIENCE_SECONDS) for _ in range(40)]
    stop: list[bool] = []

    def drip() -> None:
        for byte in content[:-1]:
            for connection in slow:
                connection.sendall(bytes([byte]))
            if stop:
                return
            time.sleep(0.005)

    dripping = Thread(target=drip)
    dripping.start()
    begun = time.monotonic()
    with Api(org.api.url, org.api.key, org.id) as api:
        for n in range(20):
            good(api.post("/v1/calls/settle", {"call_id": f"meanwhile-{n}", "duration_seconds": 0}))
            good(api.get("/v1/balance"))
    took = time.monotonic() - begun
    stop.append(True)
    dripping.join()
    for connection in slow:
        connection.close()
    figures.requests += 80
    if took > 15:
        figures.wrong.append(f"forty slow senders: 40 requests of others took {took:.1f} s")
