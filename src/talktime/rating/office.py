"""What the rules say of whole columns of ended calls: core is asked once for each kind of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from talktime.core.call_types import OF_SERVICE_NUMBERS, CallType
from talktime.core.calls import Asked
from talktime.core.knowledge import Knowledge
from talktime.core.licence_terms import Caps
from talktime.core.organizations import Account, User
from talktime.core.posting import ANYBODY, Ruling, kind_of, ruling
from talktime.rating.hours import clock_of
from talktime.rating.number_classes import NumberClasses
from talktime.rating.price_book import TOLL_FREE_TYPE, PriceBook

NOBODY, UNKNOWN = 0, 1
"""Kinds of users: a call that names none, and one with a name that there is not."""
ROOM = 1 << 20
TYPES = [call_type.value for call_type in CallType]
_TOLL_FREE_OF = [call_type.value for call_type in OF_SERVICE_NUMBERS]
_WORDS = (
    *("refusal", "covered_payer", "covered_refusal", "uncovered_payer", "uncovered_refusal"),
    *("unpriced_payer", "unpriced_refusal", "priced_as", "pool", "location", "number_type", "context"),
    *("place_called", "capability", "paid_as"),
)
_SCHEMA = dict.fromkeys(_WORDS, pl.String) | dict.fromkeys(("free", "own_pool", "second", "own_caller"), pl.Boolean)


class Office:
    """The rules of one organization, as they are while this lives."""

    def __init__(
        self,
        account: Account,
        knowledge: Knowledge,
        classes: NumberClasses,
        book: PriceBook,
        toll_free: Collection[str],
    ) -> None:
        self.account = account
        self.book = book
        self._knowledge, self._classes = knowledge, classes
        self._toll_free = sorted(toll_free)
        self._kinds: dict[User | None, int] = {}
        self._rulings: dict[int, dict[str, Any]] = {}

    def decided(self, calls: pl.DataFrame, users: Mapping[str, User]) -> pl.DataFrame:
        """With all that does not depend on what minutes and money are left. `users`: those that there are, by name."""
        calls = calls.join(self._people(calls, users), on="user", how="left", nulls_equal=True, maintain_order="left")
        kinds = self._kinds_of(calls)
        found = kinds.unique().sort()
        table = pl.DataFrame([self._ruling(kind) for kind in found.to_list()], schema=_SCHEMA, orient="row")
        calls = calls.hstack(table.select(pl.all().gather(found.search_sorted(kinds))))
        priced = calls.select(pl.when(~pl.col("free")).then(pl.col("number"))).to_series()
        places = self.book.find(calls["priced_as"], priced, calls["at"])
        return calls.with_columns(places.alias("place"), self._month(calls["at"]), _pool())

    def caps_of(self, pool_id: str) -> Caps | None:
        """As `core/desk.py` finds them: the id of a pool begins with its licence."""
        licence = self._knowledge.catalogue.get(pool_id.partition("/")[0])
        return licence.caps if licence else None

    def _people(self, calls: pl.DataFrame, users: Mapping[str, User]) -> pl.DataFrame:
        names = calls["user"].unique().to_list()
        rows = [(name, *self._person(name, users)) for name in names]
        schema = {"user": pl.String, "user_id": pl.String, "own_number": pl.String, "kind": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _person(self, name: str | None, users: Mapping[str, User]) -> tuple[str | None, str | None, int]:
        user = users.get(name) if name is not None else None
        if user is None:
            return None, None, NOBODY if name is None else UNKNOWN
        kind = self._kinds.setdefault(kind_of(user), len(self._kinds) + UNKNOWN + 1)
        return user.user_id, user.number, kind

    def _kinds_of(self, calls: pl.DataFrame) -> pl.Series:
        """Whole numbers: kind of user, of number, of call, and whether it came in over a toll-free number of ours."""
        numbers = self._classes.of(calls["to"], calls["number"])
        types = pl.col("call_type").replace_strict(TYPES, range(len(TYPES)), return_dtype=pl.Int64)
        of_ours = pl.col("to").is_in(self._toll_free) & pl.col("call_type").is_in(_TOLL_FREE_OF)
        kind = ((pl.lit(numbers) * len(TYPES) + types) * 2 + of_ours.cast(pl.Int64)) * ROOM + pl.col("kind")
        return calls.select(kind).to_series()

    def _ruling(self, kind: int) -> dict[str, Any]:
        row = self._rulings.get(kind)
        if row is None:
            row = self._rulings[kind] = self._asked(kind)
        return row

    def _asked(self, kind: int) -> dict[str, Any]:
        rest, user_kind = divmod(kind, ROOM)
        rest, toll_free = divmod(rest, 2)
        number, call_type = divmod(rest, len(TYPES))
        user = next((one for one, place in self._kinds.items() if place == user_kind), None)
        name = None if user_kind == NOBODY else ANYBODY
        asked = Asked(CallType(TYPES[call_type]), self._classes.samples[number], name)
        return _row(ruling(self.account, user, asked, self._knowledge, bool(toll_free)), asked)

    def _month(self, at: pl.Series) -> pl.Series:
        """As `core/months.month_of` says it."""
        local = at + clock_of(at, self.account.time_zone).at(at)
        return local.cast(pl.Datetime("us")).dt.to_string("%Y-%m").alias("month")


def _pool() -> pl.Expr:
    """The id of the pool: somebody's own has his name in it."""
    own = pl.col("pool").str.strip_suffix(ANYBODY) + pl.col("user_id")
    return pl.when("own_pool").then(own).otherwise("pool").alias("pool")


def _row(found: Ruling, asked: Asked) -> dict[str, Any]:
    case, terms, pool = found.case, found.terms, found.case.pool
    verdicts = {"covered": found.covered, "uncovered": found.uncovered, "unpriced": found.unpriced}
    said = {f"{name}_payer": _word(one.payer) for name, one in verdicts.items()}
    said |= {f"{name}_refusal": _word(one.refusal) for name, one in verdicts.items()}
    return said | {
        "refusal": _word(found.refusal),
        "priced_as": TOLL_FREE_TYPE if case.toll_free else asked.call_type.value,
        "pool": pool.pool_id if pool else None,
        "own_pool": bool(pool and pool.user),
        "second": bool(pool and pool.is_second),
        "free": case.free,
        "location": terms.location,
        "number_type": terms.number_type,
        "context": terms.context,
        "place_called": terms.destination,
        "capability": terms.capability,
        "paid_as": terms.paid_as,
        "own_caller": terms.caller == ANYBODY,
    }


def _word(value: Any) -> str | None:
    return value.value if value is not None else None


def names_of(calls: pl.DataFrame) -> list[str]:
    """Of users that the calls mention."""
    found: list[str] = calls["user"].drop_nulls().unique().sort().to_list()
    return found
