"""The statement of a month: what came, what went, what is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from talktime.core.ledger import EntryKind
from talktime.core.months import midnight_after
from talktime.core.receipts import Party


class StatementRow(Struct, frozen=True):
    at: int
    kind: EntryKind
    note: str
    amount: int
    balance_after: int
    count: int = 1
    """How many entries it stands for."""


class Statement(Struct, frozen=True, kw_only=True):
    month: str
    begin: int
    last: int
    """An instant of its last day: the month may not be over."""
    time_zone: str
    language: str
    seller: Party
    buyer: Party
    currency: str
    opening: int
    rows: tuple[StatementRow, ...]

    @property
    def closing(self) -> int:
        return self.rows[-1].balance_after if self.rows else self.opening

    @property
    def money_in(self) -> int:
        return sum(row.amount for row in self.rows if row.amount > 0)

    @property
    def money_out(self) -> int:
        return sum(row.amount for row in self.rows if row.amount < 0)


def folded(rows: Iterable[StatementRow], zone: str) -> Sequence[StatementRow]:
    """Calls of a day that came one after the other are one line: nobody reads ten thousand."""
    lines: list[StatementRow] = []
    midnight = 0
    for row in rows:
        if lines and row.at < midnight and lines[-1].kind is row.kind is EntryKind.CHARGE:
            lines[-1] = _with(lines[-1], row)
        else:
            lines.append(row)
            midnight = midnight_after(row.at, zone)
    return lines


def _with(line: StatementRow, row: StatementRow) -> StatementRow:
    return replace(row, amount=line.amount + row.amount, count=line.count + 1)
