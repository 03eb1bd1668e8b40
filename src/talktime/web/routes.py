"""A route is one line of a table: who may use it, what comes in, what goes out. Dispatch, documents, tests read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote

from msgspec import Struct

from talktime.app import App
from talktime.core.scopes import Caller, Scope
from talktime.web.problems import Problem

Form = TypeVar("Form")
BODY_BYTES_MAX = 1 << 20
IMPORT_BYTES_MAX = 10 << 20


class Keep(StrEnum):
    """How long the answer to an Idempotency-Key is kept."""

    MONTH = "month"
    FOREVER = "forever"


class Threads(StrEnum):
    """Who answers. However many requests wait for the database, what needs none is answered."""

    DOORS = "doors"
    APART = "apart"
    """One that does nothing else: it needs the process and its disk."""
    NONE = "none"
    """At once: it needs nothing."""


class Raw(Struct, frozen=True):
    """An answer that is no JSON."""

    content: bytes
    kind: str
    headers: Mapping[str, str] = {}
    status: int | None = None
    """None: that of the route."""


class File(Struct, frozen=True):
    """An answer that is too long to be in memory: it is sent piece by piece."""

    path: Path
    kind: str
    headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Request(Generic[Form]):
    """What a handler gets. `org_id`: the organization that is acted for, the key's or the one an operator names."""

    app: App
    caller: Caller
    org_id: int
    form: Form
    query: Any
    names: Mapping[str, str]
    """The parts of the path that are in braces."""
    body: bytes
    kind: str
    """The content type of the body."""
    now: int
    request_id: str
    address: str = ""
    """Of whoever asks, as far as we see."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """With small names."""

    @property
    def by(self) -> str:
        """Who asks, as entries and audit record it."""
        return self.caller.key_id


@dataclass(frozen=True, slots=True)
class Route:
    """`handler(tx, request)` runs in one transaction; with `tx=False` it is `handler(request)` and opens its own."""

    method: str
    path: str
    scope: Scope | None
    """None: anybody, without a key."""
    handler: Callable[..., Any]
    form: Any = None
    """The type of the JSON body; None when there is none."""
    query: type[Struct] | None = None
    answer: Any = None
    """The type of the answer, for the documentation; None for 204."""
    status: int = 200
    tx: bool = True
    spans: bool = False
    """Its transaction may see all organizations: an operator's lists, and what makes a new one."""
    prepare: Callable[[Request[Any]], Any] | None = None
    """Makes another form of what was sent, before the transaction: long work would keep everybody waiting."""
    follow: Callable[[Request[Any], Any], Any] | None = None
    """What comes after the commit, outside of any transaction: `follow(request, name)` gets what the handler answered,
    the name of what was begun, and its answer is the answer. Begun twice it must end as once."""
    once: Keep | None = None
    """Takes an Idempotency-Key."""
    shown_once: str = ""
    """The field of its answer that is a secret, which is kept sealed."""
    needs_organization: bool = True
    """An operator's key must say for whom it acts."""
    bytes_max: int = BODY_BYTES_MAX
    also_kinds: tuple[str, ...] = ()
    """Content types besides JSON."""
    problems: tuple[int, ...] = ()
    """Statuses that it may refuse with, besides those that all have."""
    tag: str = ""
    threads: Threads = Threads.DOORS
    hot: bool = False
    """The switch is waiting: `await handler(door, caller, headers, body)`, without a thread or a request object."""
    translated: bool = False
    """Asked and answered in a language of the switch's own, by the codec that `Api` was given for this path."""
    refusal: Any = None
    """The type of a refused call's answer, where that is a 401."""
    always: bool = False
    """Whatever goes wrong, its status is the same: a refusal stands in the answer."""

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.strip("/").split("/"))

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def summary(self) -> str:
        return (self.handler.__doc__ or self.handler.__name__.replace("_", " ")).strip().splitlines()[0]


class Placed(Protocol):
    """What stands at an address."""

    @property
    def method(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def segments(self) -> tuple[str, ...]: ...


AnyRoute = TypeVar("AnyRoute", bound=Placed)


@dataclass(slots=True)
class Router(Generic[AnyRoute]):
    routes: Sequence[AnyRoute]
    _exact: dict[tuple[str, ...], dict[str, AnyRoute]] = field(default_factory=dict)
    _open: dict[int, list[dict[str, AnyRoute]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for route in self.routes:
            self._methods_of(route)[route.method] = route

    def _methods_of(self, route: AnyRoute) -> dict[str, AnyRoute]:
        if "{" not in route.path:
            return self._exact.setdefault(route.segments, {})
        same_length = self._open.setdefault(len(route.segments), [])
        for methods in same_length:
            if next(iter(methods.values())).segments == route.segments:
                return methods
        same_length.append({})
        return same_length[-1]

    def find(self, method: str, raw_path: bytes) -> tuple[AnyRoute, dict[str, str]]:
        """Names are taken from the path as it was sent, so that a name may hold a slash."""
        try:
            parts = tuple(unquote(part, errors="strict") for part in raw_path.decode("ascii").strip("/").split("/"))
        except UnicodeDecodeError as error:
            raise Problem(404, "not_found") from error
        # No name has a zero byte, and not every database can be asked for one.
        candidates = self._candidates(parts) if "\0" not in "".join(parts) else []
        for methods in candidates:
            if route := methods.get(method):
                return route, _named(route, parts)
        if not candidates:
            raise Problem(404, "not_found")
        allowed = ", ".join(sorted({one for methods in candidates for one in methods}))
        raise Problem(405, "method_not_allowed", f"Allowed here: {allowed}.", headers={"allow": allowed})

    def _candidates(self, parts: tuple[str, ...]) -> list[dict[str, AnyRoute]]:
        exact = [self._exact[parts]] if parts in self._exact else []
        fitting = [methods for methods in self._open.get(len(parts), ()) if _fits(next(iter(methods.values())), parts)]
        return exact + fitting


def _fits(route: Placed, parts: Sequence[str]) -> bool:
    return all(_segment(want).matches(part) for want, part in zip(route.segments, parts, strict=True))


def _named(route: Placed, parts: Sequence[str]) -> dict[str, str]:
    pairs = [(_segment(want), part) for want, part in zip(route.segments, parts, strict=True)]
    return {want.name: want.named(part) for want, part in pairs if want.name}


class Segment(NamedTuple):
    """A part of a path: a word, or a name in braces with what is around it, as in `getCalls({arguments})`."""

    before: str
    name: str = ""
    after: str = ""

    def matches(self, part: str) -> bool:
        if not self.name:
            return part == self.before
        around = len(self.before) + len(self.after)
        return len(part) >= around and part.startswith(self.before) and part.endswith(self.after)

    def named(self, part: str) -> str:
        return part[len(self.before) : len(part) - len(self.after)]


@cache
def _segment(text: str) -> Segment:
    before, _, rest = text.partition("{")
    name, _, after = rest.partition("}")
    return Segment(before, name, after)
