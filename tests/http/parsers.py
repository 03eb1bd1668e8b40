"""Q11, everything that reads what strangers send: mutated, each input within a second and 256 MiB, each refusal typed.

    python -m tests.http.parsers --cases 20000

The parsers are called as the doors call them, in a process that may use no more than 256 MiB beyond what it has. What
only shows on the wire (lengths that lie, bodies that are too large or too slow, what a database will not store) is sent
to the real server by `hostile`.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from joserfc.jws import serialize_compact
from rich.console import Console
from rich.progress import track

from talktime.actions.keys import org_of
from talktime.core.ids import org_number
from talktime.core.money import micros
from talktime.core.phone import country_of, is_usable
from talktime.core.scopes import Caller, Scope
from talktime.core.time import SECOND, moment
from talktime.identity.failures import Failed
from talktime.identity.servers import Server, read
from talktime.identity.tokens import person_in
from talktime.integrations.asterisk.conversation import facts_of, quoted, reply_of
from talktime.integrations.asterisk.lines import Gone, Lines, Malformed
from talktime.integrations.asterisk.manager import message_of, written
from talktime.integrations.asterisk.questions import Misasked, authorize_form, question_of
from talktime.integrations.freeswitch import codec as freeswitch
from talktime.integrations.radius import codec as radius
from talktime.web import asgi, codecs, cold, hot
from talktime.web.call_answers import ExtendedBody, GrantedBody
from talktime.web.call_forms import Asking, AuthorizeForm, ExtendForm
from talktime.web.fields import amount_of
from talktime.web.lists import Page
from talktime.web.problems import Problem, problem_of
from talktime.web.routes import Request, Route, Router
from talktime.web.table import ROUTES
from tests.http import hostile
from tests.http.shop import place
from tests.integrations.diameter import hostile as diameter
from tests.support.oidc_server import ec
from tests.support.postgres import cluster_on_demand

SECONDS_MAX = 1.0
MEMORY_BYTES_MAX = 256 << 20
CASES = 20_000
CALLER = Caller(1, "key_1", frozenset(Scope))
ASKING = Asking(CALLER, 1, 1_767_225_600_000_000, True)
Parse = Callable[[bytes], object]


class Wrong(Exception):
    """A parser let something through that is no refusal, or took too long."""


@dataclass(frozen=True, slots=True)
class Parser:
    """`parse` takes what was sent; `seeds` are good examples of it."""

    name: str
    parse: Parse
    seeds: Sequence[bytes]


@dataclass(slots=True)
class Figures:
    inputs: int = 0
    refused: int = 0
    slowest_seconds: float = 0.0
    slowest: str = ""
    untyped: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------- the parsers


def text(raw: bytes) -> str:
    """As it comes out of a decoded form: any text, but always text."""
    return raw.decode("utf-8", "replace")


def header(raw: bytes) -> bytes:
    """What the HTTP parser lets into a header."""
    return raw.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")


def body_of(verb: str) -> Parse:
    return lambda raw: command_of(hot.DECODERS[verb](raw))


def command_of(form: Any) -> object:
    return form.command(ASKING)


def batch(raw: bytes) -> object:
    refused = None
    for operation in hot.decode_batch(raw).operations:
        try:
            command_of(hot.decode_operation(operation))
        except Exception as error:
            # One bad operation spoils no other, and each refusal must be a typed one.
            refused = error if problem_of(error) is None else refused
    if refused is not None:
        raise refused
    return None


def request_of(raw: bytes, kind: str = "application/json", query: Mapping[str, str] | None = None) -> Request[Any]:
    nothing: Any = None
    return Request(nothing, CALLER, 1, None, query or {}, {}, raw, kind, ASKING.at, "req_1")


def form_of(route: Route, kind: str = "application/json", query: Mapping[str, str] | None = None) -> Parse:
    return lambda raw: cold._complete(route, request_of(raw, kind, query))


def query_of(route: Route) -> Parse:
    return lambda raw: cold._query(route, request_of(b"", query=asgi.query_of(raw)))


def heard_by(asked: Callable[[codecs.Sent], codecs.Conversation], query: Mapping[str, str]) -> Parse:
    """What a switch says in a language of its own, and what the platform may answer to that."""

    def parse(raw: bytes) -> object:
        conversation = asked(codecs.Sent(raw, "", query, ASKING.at))
        try:
            form: Any = next(conversation)
            while True:
                form.command(ASKING)
                over = isinstance(form, ExtendForm) and form.granted_seconds == radius.NEVER_GRANTED
                told = Problem(409, "wrong_total") if over else answered(form)
                form = conversation.throw(told) if isinstance(told, Problem) else conversation.send(told)
        except StopIteration as end:
            return end.value

    return parse


def answered(form: Any) -> object:
    if isinstance(form, AuthorizeForm):
        at = moment(ASKING.at)
        return GrantedBody("granted", form.call_id, 60, False, 48, at, [], "", None)
    return ExtendedBody(form.call_id, 60, False, 48, None)


def password(raw: bytes) -> object:
    return codecs.key_of({b"authorization": header(raw)})


def cursor_of(kind: Any) -> Parse:
    return lambda raw: Page(cursor=text(raw)).after(kind)


def key(raw: bytes) -> object:
    """As far as it goes without a database."""
    sent = asgi.bearer({b"authorization": header(raw)})
    return org_of(sent.decode("latin-1"))


def names(raw: bytes) -> object:
    router = Router(ROUTES)
    path = header(raw).partition(b"?")[0].replace(b" ", b"")
    return [router.find(method, path) for method in ("GET", "POST")]


def headers(raw: bytes) -> object:
    """All headers that we read ourselves."""
    sent = {name: header(raw) for name in (b"x-request-id", b"talktime-organization", b"content-type")}
    return asgi.request_id_of(sent), asgi.acting_for(CALLER, sent)


def numbers(raw: bytes) -> object:
    return country_of(text(raw)) if is_usable(text(raw)) else None


def money(raw: bytes) -> object:
    amount = amount_of("amount", text(raw))
    assert amount == micros(text(raw))
    return amount


def claims(raw: bytes) -> object:
    """Of a server whose signature is right, and which says whatever it likes."""
    return id_token(signed(raw).encode())


def signed(payload: bytes) -> str:
    return serialize_compact({"alg": "ES256", "kid": ec().kid}, payload, ec())


def id_token(raw: bytes) -> object:
    keys: Any = [ec().as_dict(private=False)]
    try:
        return person_in(text(raw), keys, ISSUER, "talktime", "n", ASKING.at)
    except Failed as error:
        raise Problem(403, error.code) from error


def discovery(raw: bytes) -> object:
    """As if the server had said it."""
    try:
        return read(raw, Server)
    except Failed as error:
        raise Problem(422, error.code) from error


def fastagi(raw: bytes) -> object:
    """What comes before the blank line, and a reply behind it."""
    try:
        lines = Lines(BytesIO(raw).read, 200)
        facts = facts_of(lines)
        verb, values = question_of(facts)
        form = authorize_form(facts, values, "c1", "pbx") if verb == "authorize" else values
        return reply_of(lines), form, quoted(str(form))
    except (Gone, Malformed, Misasked) as error:
        raise Problem(422, "malformed") from error


def manager(raw: bytes) -> object:
    try:
        return written(dict(message_of(Lines(BytesIO(raw).read, 2000))))
    except (Gone, Malformed) as error:
        raise Problem(422, "malformed") from error


FASTAGI = (
    b"agi_network: yes\nagi_network_script: authorize?call_type=user_out&user=a%40b.example&to=+442079460123\n"
    b"agi_channel: PJSIP/desk-00000001\nagi_callerid: +442079460101\nagi_extension: 442079460123\n\n"
    b"HANGUP\n200 result=1 (ANSWER)\n"
)
ISSUER = "https://id.example.com"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "talktime",
    "sub": "248289761001",
    "nonce": "n",
    "iat": ASKING.at // SECOND,
    "exp": ASKING.at // SECOND + 300,
    "email": "ann@example.com",
    "email_verified": True,
    "amr": ["pwd", "otp"],
    "auth_time": ASKING.at // SECOND - 5.5,
}
DISCOVERY: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
}
CALL: dict[str, Any] = {
    "call_id": "c1",
    "call_type": "user_out",
    "user": "ann@example.com",
    "from": None,
    "to": "+442079460123",
}
TIMES = {"at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:00+02:00", "ended_at": "2026-01-01T00:01:00.5Z"}
WINDOW = {"days": "1-5", "from": "08:00", "to": "19:00", "per_minute": "0.1", "connection_fee": "0.05"}
ROW = {"prefix": "44", "per_minute": "0.12", "valid_from": "2026-01-01T00:00:00Z", "windows": [WINDOW]}
SAID: Mapping[str, dict[str, Any]] = {
    "authorize": CALL | {"at": TIMES["at"], "requested_seconds": 60, "switch": "edge", "sip_call_id": "a@b"},
    "extend": {"call_id": "c1", "granted_seconds": 300},
    "answered": {"call_id": "c1", "answered_at": TIMES["at"]},
    "settle": {"call_id": "c1", "duration_ms": 61_000, "started_at": TIMES["at"], "cause": "normal"},
    "release": {"call_id": "c1", "cause": "busy"},
    "record": CALL | {"duration_seconds": 61, "started_at": TIMES["started_at"], "ended_at": TIMES["ended_at"]},
}
FORMS: Mapping[str, Any] = {
    "POST /v1/users": {"name": "Ann", "sign_in_name": "ann", "usage_location": "GB", "number": "+442079460101"},
    "POST /v1/operator/organizations": {
        "name": "Example",
        "country": "GB",
        "currency": "USD",
        "time_zone": "Europe/Riga",
        "limits": {"slice_seconds": 240, "top_up_min": "5", "fraud": {"spend_per_hour": "5.5", "premium": False}},
    },
    "POST /v1/operator/price-lists": {"name": "x", "currency": "USD", "charge_decimals": 4, "rows": [ROW, ROW]},
    "PUT /v1/operator/price-lists/{list_id}": {"rows": [ROW]},
    "POST /v1/operator/price-lists/illustrative": {"name": "x", "currency": "USD", "publish": True},
    "PUT /v1/users/{user_id}/licences": ["MCOPSTNPP", "MCOEV"],
    "PUT /v1/licences": {"MCOEV": 5, "MCOPSTNPP": None},
    "POST /v1/switches/{name}/heartbeat": {"boot_id": "1", "active_call_ids": ["c1", "c2"]},
}
CSV = (
    b"prefix,destination,per_minute,connection_fee,initial_seconds,step_seconds,kind,valid_from,windows\r\n"
    b'1,"United States, and Canada",0.02,0,60,6,outbound,2026-01-01T00:00:00Z,1-5 08:00-19:00 0.10 0.05; 6,7\n'
    b"44,,0.12,,,,conference,,6-7 22:00-06:00 0.01\n"
)
QUERIES = [
    *(b"limit=5&cursor=IngiCg%3D%3D", b"with=a", b"state=open", b"q=france"),
    b"call_type=user_out&from=%2B442079460101&to=%2B442079460117",
]
CSV_QUERY = {"name": "x", "currency": "USD", "charge_decimals": "4"}


PACKET = {
    "User-Name": "ann@example.com",
    "NAS-Identifier": "gw1",
    "Acct-Session-Id": "5E0001",
    "h323-conf-id": "h323-conf-id=A1B2C3D4 00000000 11112222 33334444",
    "Calling-Station-Id": "+12025550101",
    "Called-Station-Id": "+12025550117",
    "Talktime-Call-Type": "user_out",
}
MORE = {"Service_Type": "Authorize-Only", "Acct_Session_Time": 50, "Class": "0x74616c6b74696d653a61"}
CHANNEL = (
    b"section=dialplan&Unique-ID=8f4e1a52-6f1c-4ea5-9a7e-1d1d5c1b0a01&Answer-State=ringing&Caller-Context=prepaid"
    b"&Caller-Destination-Number=%2B442079460123&Caller-Caller-ID-Number=%2B12025550101&variable_talktime_user=ann\n"
)
ENDED = {"uuid": "8f4e", "talktime_call_id": "8f4e", "answer_epoch": "1901347205", "billmsec": "60980", "billsec": 61}
DIALPLAN_QUERY = {"gateway": "trunk", "organization": "org_1", "user": "ann"}


def packet(**more: Any) -> bytes:
    """As FreeRADIUS tells it."""
    attributes = PACKET | {name.replace("_", "-"): value for name, value in more.items()}
    return encoded({name: {"type": "string", "value": [value]} for name, value in attributes.items()})


def in_other_languages() -> list[Parser]:
    reports = [packet(Acct_Status_Type=kind, **MORE) for kind in ("Start", "Interim-Update", "Stop", "Accounting-On")]
    record = encoded({"core-uuid": "0d6f", "variables": ENDED})
    basic = [b"Basic dGFsa3RpbWU6dHRfbGl2ZV8xLWEtYg==", b"basic Og==", b"Bearer tt_live_1-a-b"]
    return [
        Parser("radius/authorize", heard_by(radius.authorize, {}), [packet(), packet(**MORE)]),
        Parser("radius/accounting", heard_by(radius.account, {"organization": "org_1"}), reports),
        Parser("freeswitch/dialplan", heard_by(freeswitch.ask, DIALPLAN_QUERY), [CHANNEL]),
        Parser("freeswitch/cdr", heard_by(freeswitch.hear, {}), [record, b"cdr=" + quote(record).encode()]),
        Parser("a key as password", password, basic),
    ]


def encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def parsers() -> list[Parser]:
    found = [Parser(f"calls/{verb}", body_of(verb), [encoded(form)]) for verb, form in SAID.items()]
    operations = [form | {"op": verb} for verb, form in SAID.items()]
    found.append(Parser("calls/batch", batch, [encoded({"operations": operations})]))
    for route in ROUTES:
        action = f"{route.method} {route.path}"
        if route.form is not None and not route.hot:
            found.append(Parser(action, form_of(route), [encoded(FORMS.get(action, {"amount": "1.5", "reason": "x"}))]))
        if "text/csv" in route.also_kinds:
            found.append(Parser(f"{action} as a file", form_of(route, "text/csv", CSV_QUERY), [CSV]))
        if route.query is not None:
            found.append(Parser(f"{action}?", query_of(route), QUERIES))
    cursors = [b"WyJhIiwxXQ==", b"ImFiYyI=", b"NQ==", b"WzUsImMxIl0="]
    found += [Parser(f"cursor {kind}", cursor_of(kind), cursors) for kind in (str, int, tuple[int, str])]
    secret = "tt_live_1-01a1ff012b5f74489552ffce40047b31-v5dVh2nuwjO9VW53RCg2rbFFQtmmMVLdeG4kDdkks64"
    return [
        *found,
        *in_other_languages(),
        Parser("diameter", diameter.read, diameter.seeds()),
        Parser("money", money, [b"12.5", b"-0.000001", b"999999999999.999999"]),
        Parser("numbers", numbers, [b"+442079460123", b"911", b"+12025550117"]),
        Parser("keys", key, [f"Bearer {secret}".encode(), b"bearer tt_test_ff-0-x", b"Basic YTpi"]),
        Parser("ids", lambda raw: org_number(text(raw)), [b"org_1", b"org_7fffffff", b"org_3fffffffffffffff"]),
        Parser("claims", claims, [encoded(CLAIMS), encoded(CLAIMS | {"aud": ["talktime", "x"], "azp": "talktime"})]),
        Parser("id token", id_token, [signed(encoded(CLAIMS)).encode()]),
        Parser("discovery", discovery, [encoded(DISCOVERY)]),
        Parser("headers", headers, [b"org_1", b"req_0123456789abcdef", b"text/csv; charset=utf-8"]),
        Parser(
            "fastagi",
            fastagi,
            [FASTAGI, FASTAGI.replace(b"authorize?", b"ended?organization=org_1&").replace(b"&", b"\n")],
        ),
        Parser("ami", manager, [b"Response: Success\r\nActionID: 1\r\nMessage: Timeout Set\r\n\r\n"]),
        Parser("paths", names, [b"/v1/calls/a%2Fb", b"/v1/users/usr_1/licences", b"/v1/operator/organizations/org_1"]),
    ]


# ------------------------------------------------------------------------------------------------- the mutations

PIECES = (
    *(
        b"null",
        b"true",
        b"{}",
        b"[]",
        b'""',
        b"-0",
        b"1e999",
        b"-1e-999",
        b"NaN",
        b"Infinity",
        b"1.0",
        b"0x10",
        b"1_000",
    ),
    *(b"9" * 30, b"9" * 5000, b"-" + b"9" * 400, b"0" * 300, b"0." + b"0" * 400 + b"1", b"9223372036854775808"),
    *(
        b"\0",
        b"\\u0000",
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\\udc00\\ud800",
        b"\xef\xbb\xbf",
        b"\xfe\xff",
    ),
    *("٣".encode(), "İ".encode(), "\u202e".encode(), "e\u0301".encode(), "\U0001f4de".encode()),
    *(b"[" * 3000, b'{"a":' * 3000, b"]" * 3000, b'"' * 999, b"\\" * 999, b"," * 5000, b"\n" * 5000, b"a" * 70_000),
    *(b"2026-02-30T00:00:00Z", b"9999-12-31T23:59:60Z", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59"),
    *(b"2026-01-01", b"2026-01-01T00:00:00", b"2026-W01-1T00:00:00Z", b"24:00", b"23:60", b"1-7", b"7-1", b"1,,2"),
    *(b"%00", b"%ff", b"%2e%2e%2f", b"%", b"%zz", b"+", b"&", b";", b"=", b"..", b"/", b"\r\n", b"'", b"--", b"${x}"),
    *(b"org_" + b"f" * 400, b"org_0", b"org_-1", b"org_ 1", b"org_1_0", b"tt__", b"tt_live_", b"tt_live_-1--", b"---"),
    *(b"==", b"bnVsbA==", b"WzFd", b"W1tbW1s=", b"e30=", b"IlxceDAwIg=="),
)
# fmt: on


class Mutator:
    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def mutated(self, seeds: Sequence[bytes]) -> bytes:
        content = bytearray(self._dice.choice(seeds))
        for _ in range(self._dice.choice((1, 1, 2, 3, 8))):
            self._dice.choice((self._flip, self._cut, self._piece, self._double, self._move, self._value))(content)
        return bytes(content)

    def _place(self, content: bytearray) -> int:
        return self._dice.randrange(len(content) + 1)

    def _flip(self, content: bytearray) -> None:
        if content:
            content[self._dice.randrange(len(content))] = self._dice.randrange(256)

    def _cut(self, content: bytearray) -> None:
        start = self._place(content)
        del content[start : start + self._dice.choice((1, 1, 4, 50))]

    def _piece(self, content: bytearray) -> None:
        start = self._place(content)
        content[start:start] = self._dice.choice(PIECES)

    def _double(self, content: bytearray) -> None:
        start, end = sorted((self._place(content), self._place(content)))
        content[end:end] = content[start:end] * self._dice.choice((1, 2, 30))
        del content[1 << 20 :]

    def _move(self, content: bytearray) -> None:
        start, end, to = (self._place(content) for _ in range(3))
        part = content[start:end]
        content[to:to] = part

    def _value(self, content: bytearray) -> None:
        """Another value where JSON has one."""
        places = [n for n, one in enumerate(content) if one in b":[,&="]
        if places:
            start = self._dice.choice(places) + 1
            end = next((n for n in range(start, len(content)) if content[n] in b",}]&"), len(content))
            content[start:end] = self._dice.choice(PIECES)


# ------------------------------------------------------------------------------------------------- the examination


def examine(parser: Parser, inputs: Iterator[bytes], figures: Figures) -> None:
    for raw in inputs:
        begun = time.process_time()
        try:
            parser.parse(raw)
        except Exception as error:
            problem = problem_of(error)
            figures.refused += 1
            if problem is None or problem.status >= 500:
                figures.untyped.append(f"{parser.name}: {error!r:.200} for {raw[:300]!r}")
        took = time.process_time() - begun
        if took > figures.slowest_seconds:
            figures.slowest_seconds, figures.slowest = took, parser.name
        if took > SECONDS_MAX:
            figures.untyped.append(f"{parser.name}: {took:.1f} s for {raw[:300]!r} ({len(raw):,} bytes)")
        figures.inputs += 1


def inputs_of(parser: Parser, cases: int, seed: int) -> Iterator[bytes]:
    yield from parser.seeds
    yield b""
    yield from PIECES
    mutator = Mutator(seed)
    for _ in range(cases):
        yield mutator.mutated(parser.seeds)


def careless(raw: bytes) -> object:
    """For the self-check: what a parser must not be."""
    return float(json.loads(raw)["amount"])


def run(cases: int, seed: int, found: Sequence[Parser], console: Console | None = None) -> Figures:
    figures = Figures()
    hidden = console is None or not console.is_terminal
    for parser in track(found, "parsers", console=console, disable=hidden):
        examine(parser, inputs_of(parser, cases, seed), figures)
    return figures


def limit_memory() -> None:
    """From here on this process gets no more than so much beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY_BYTES_MAX
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def limited(cases: int, seed: int) -> str:
    """The whole examination in a process of its own, and what it said."""
    command = [sys.executable, "-m", "tests.http.parsers", "--inside", "--cases", str(cases), "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Wrong(done.stdout + done.stderr)
    return done.stdout.strip()


def inside(cases: int, seed: int) -> int:
    found = parsers()
    # What is made once and kept is no part of what an input may use.
    run(1, seed, found)
    caught = run(50, seed, [Parser("careless", careless, [b'{"amount": "1"}'])]).untyped
    limit_memory()
    figures = run(cases, seed, found)
    for one in figures.untyped[:50]:
        print(one)
    if not caught:
        print("a careless parser was not noticed")
    inputs = (
        f"{len(found)} parsers, {figures.inputs:,} inputs, {figures.refused:,} refused, {len(figures.untyped)} untyped"
    )
    slowest = (
        f"slowest {figures.slowest_seconds * 1000:.0f} ms ({figures.slowest}), within {MEMORY_BYTES_MAX >> 20} MiB"
    )
    print(f"{inputs}, {slowest}; self-check: a careless parser was noticed in {len(caught)} inputs")
    return 1 if figures.untyped or not caught else 0


# ------------------------------------------------------------------------------------------------- by hand


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.http.parsers", description="Q11: every parser.")
    parser.add_argument("--cases", type=int, default=CASES, help="mutations for each parser")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help="in this process, with a bound on its memory")
    chosen = parser.parse_args()
    if chosen.inside:
        return inside(chosen.cases, chosen.seed)
    console = Console(stderr=True)
    try:
        with console.status("mutations"):
            print(f"parsers: {limited(chosen.cases, chosen.seed)}", flush=True)
    except Wrong as wrong:
        print(f"parsers: WRONG\n{wrong}", file=sys.stderr)
        return 1
    told: list[str] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(cluster_on_demand())
        for dialect in ("sqlite", "postgresql"):
            with place(dialect, folder, cluster) as where, console.status(f"hostile requests on {dialect}"):
                figures = hostile.run(where)
            print(f"parsers: on the wire, {dialect}: {figures}", flush=True)
            told += figures.wrong
    for one in told:
        print(one, file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
