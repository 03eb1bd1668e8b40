"""Every function of ours that speaks to a database is called in each of its ways, with arguments made up from its
signature: what matters is the statement that it sends, not what it finds. A function that comes later is called too."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from enum import Enum
from itertools import islice, product
from types import ModuleType, NoneType, UnionType
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, event
from sqlalchemy.exc import CompileError, ProgrammingError

import talktime.reports
import talktime.storage
from talktime.core.catalogue import CATALOGUE
from talktime.core.months import month_of
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.org_store import Organization
from talktime.storage.person_store import CALLS, PLACES
from talktime.storage.seal_store import Chain
from talktime.storage.sealed_store import SEALED, Secret
from tests.core.switch import NOW

WAYS_MAX = 48

# What a parameter of this name is given; the rest follows from its type.
SAMPLES: Mapping[str, Any] = {
    "org_id": 1,
    "org_ids": (1,),
    "call_id": "c1",
    "lot_id": "lot1",
    "user_id": "usr_ann",
    "price_list": "pl_1",
    "list_id": "pl_1",
    "currency": "USD",
    "country": "GB",
    "switch": "org:edge",
    "now": NOW,
    "at": NOW,
    "until": NOW,
    "since": NOW,
    "limit": 10,
    "rows_max": 10,
    "licences": "[]",
    "limits": "{}",
    "missing": "{}",
    "status": 200,
    "digest": "00",
    "source": "promotion",
    "destination": "lot:lot1",
}
ORGANIZATION = Organization(
    *(1, "Example", "GB", "USD", "UTC", "en", "live", "prepaid"),
    *("DialoutCPCandPSTNInternational", None, 300, 10_800, 120, "{}", "open", NOW),
)

# And of one function: where the name and the type do not say enough.
OF_FUNCTION: Mapping[str, Mapping[str, Any]] = {
    "switch_store.change": {"values": {"cut_url": "https://example.com/cut"}},
    "job_store.change": {"values": {"done": 1}},
    "job_store.note": {"values": {"done": 1}},
    "delivery_store.note": {"values": {"state": "sent"}},
    "webhook_store.change": {"values": {"url": "https://example.com/hook"}},
    "pools.page": {"catalogue": CATALOGUE},
    "person_store.put": {"place": CALLS, "row": {"call_id": "c1", "version": 2}, "values": {"version": 3}},
    "person_store.some": {"place": CALLS, "after": ["c1"]},
    "person_store.take_away": {"place": PLACES[0], "row": {"session_id": "ses_1"}},
    "seal_store.rewrite": {"changed": {1: (1, "aud_1", NOW, "key_1", "a", "b", None, None)}, "chain": Chain.AUDIT},
    "seal_store.sealed_anew": {"changed": {}},
    "move_store.put": {"name": "alerts", "rows": [(7, "{}")]},
    "sealed_store.of_organization": {"what": SEALED[-1]},
    "sealed_store.put": {"what": SEALED[-1], "secret": Secret(1, "wh_1", b"sealed")},
    "sealed_store.some": {"what": SEALED[-1], "after": (-1, "")},
    "statements.of_month": {"org": ORGANIZATION, "month": month_of(NOW, "UTC")},
    "upkeep_store.put": {"name": "written_at"},
    "control_store.bump": {"name": "keys"},
    "control_store.value": {"name": "keys"},
    "control_store.pass_by": {"name": "keys"},
}

# What is given to a function that takes whatever columns are to be changed.
MORE: Mapping[str, Mapping[str, Any]] = {
    "inbox_store.change": {"due_at": NOW},
    "method_store.change": {"state": "active"},
    "payment_store.change": {"state": "pending"},
    "recharge_store.save": {"consent": "{}"},
    "refund_store.change": {"state": "pending"},
}

Function = Callable[..., Any]


class Undo(Exception):
    """Each way begins with the same rows."""


def functions() -> dict[str, Function]:
    """Those of the stores and the reports that take a transaction and are for others to call."""
    found: dict[str, Function] = {}
    for module in _modules():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_") and _takes_tx(function):
                found[f"{module.__name__.rpartition('.')[2]}.{name}"] = function
    return found


def _modules() -> Iterator[ModuleType]:
    for package, ending in ((talktime.storage, "_store"), (talktime.reports, "")):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if found.name.endswith(ending):
                yield importlib.import_module(found.name)


def _takes_tx(function: Function) -> bool:
    first = next(iter(inspect.signature(function).parameters), None)
    return first is not None and typing.get_type_hints(function).get(first) in (ReadTx, Tx)


def travel(database: Database) -> list[str]:
    """Calls them all. Returns a sentence for each that sent nothing, or something that is no SQL."""
    return [said for name, function in functions().items() if (said := call_in_all_ways(database, name, function))]


def call_in_all_ways(database: Database, name: str, function: Function) -> str | None:
    sent: list[str] = []

    def sending(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        if not text.startswith("SET LOCAL"):
            sent.append(text)

    troubles: list[str] = []
    event.listen(database.writer, "before_cursor_execute", sending)
    try:
        for arguments in islice(ways(name, function), WAYS_MAX):
            if trouble := _call(database, function, arguments):
                troubles.append(f"{trouble} with {arguments}")
    except Unmakable as unmakable:
        return f"{name}: {unmakable}; tests/storage/journey.py must learn it"
    finally:
        event.remove(database.writer, "before_cursor_execute", sending)
    if wrong := [one for one in troubles if one.startswith(("ProgrammingError", "CompileError"))]:
        return f"{name}: {wrong[0]}"
    return None if sent else f"{name} sent no statement: {troubles[:1]}"


def _call(database: Database, function: Function, arguments: Mapping[str, Any]) -> str | None:
    def step(tx: Tx) -> None:
        found = function(tx, **arguments)
        if isinstance(found, Iterator):
            list(found)
        raise Undo

    try:
        database.write(EVERYBODY, step)
    except Undo:
        return None
    except (ProgrammingError, CompileError) as error:
        return f"{type(error).__name__}: {error}"
    except Exception as error:
        # Made-up values need not be good ones: a constraint may say no, a row may not be there.
        return f"{type(error).__name__}: {error}"
    return None


# ---------------------------------------------------------------- arguments


class Unmakable(Exception):
    """There is no telling what to pass."""


def ways(name: str, function: Function) -> Iterator[dict[str, Any]]:
    hints = typing.get_type_hints(function)
    given = OF_FUNCTION.get(name, {})
    parameters = list(inspect.signature(function).parameters.values())[1:]
    choices = [
        ([given[one.name]] if one.name in given else _values(one.name, hints[one.name])) + _default(one)
        for one in parameters
        if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]
    for values in product(*choices):
        named = (one.name for one in parameters if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL))
        yield {**dict(zip(named, values, strict=True)), **MORE.get(name, {})}


def _default(parameter: inspect.Parameter) -> list[Any]:
    return [] if parameter.default is parameter.empty else [parameter.default]


def _values(name: str, kind: Any) -> list[Any]:
    """Each that makes a difference to what is asked."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind is NoneType:
        return [None]
    if origin in (UnionType, typing.Union):
        return [value for one in inside for value in _values(name, one)]
    if name in SAMPLES and kind in (int, str):
        return [SAMPLES[name]]
    if kind in _PLAIN:
        return list(_PLAIN[kind])
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return list(kind)
    if origin is typing.Literal:
        return list(inside)
    if inspect.isclass(kind) and (issubclass(kind, Struct) or hasattr(kind, "_fields")):
        return [_struct(kind)]
    if kind is Any:
        return ["x"]
    return [_many(name, kind, origin, inside)]


def _many(name: str, kind: Any, origin: Any, inside: Sequence[Any]) -> Any:
    if name in SAMPLES:
        return SAMPLES[name]
    if origin is tuple:
        if inside[1:] == (Ellipsis,):
            return (_values(name, inside[0])[0],)
        return tuple(_values(name, one)[0] for one in inside)
    if origin in (set, frozenset):
        return origin(_values(name, inside[0])[:1])
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        with suppress(Unmakable):
            return {_values(name, inside[0])[0]: _values(name, inside[1])[0]}
        return {}
    if inspect.isclass(origin) and issubclass(origin, Iterable):
        return [_values(name, inside[0])[0]]
    if origin is Callable or (inspect.isclass(origin) and issubclass(origin, typing.cast(type, Callable))):
        return lambda *_: None
    raise Unmakable(f"no value for {name}: {kind}")


def _struct(kind: type[Any]) -> Any:
    """Or a named tuple."""
    hints = typing.get_type_hints(kind)
    names = [one.name for one in msgspec.structs.fields(kind)] if issubclass(kind, Struct) else kind._fields
    return kind(**{name: _values(name, hints[name])[0] for name in names})


_PLAIN: Mapping[Any, Sequence[Any]] = {
    int: (1,),
    str: ("x",),
    bytes: (b"x",),
    bool: (False, True),
    Connection: (),
    date: (date(2031, 3, 12),),
}
