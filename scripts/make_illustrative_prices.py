"""Write `actions/data/illustrative_prices.csv`: a price for every country and every kind of number that can be called.

    python -m scripts.make_illustrative_prices

The prices are made up, here and by hand: they are nobody's tariff. Where landline, mobile and special numbers begin is
what `phonenumbers` knows. The same library and the same tables below give the same bytes. `docs/prices.md` says more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from scripts.make_number_tables import NO_COUNTRY, patterns_of, shortest
from scripts.price_classes import CLASS_OF, CLASS_OF_WORLD_ZONE, CLASSES, INTERNATIONAL, NAMES, Class, Network
from talktime.core.numbers import NUMBERS, Allowed
from talktime.core.phone import country_of
from talktime.core.tables import rows_of
from talktime.core.zones import is_zone_a

TARGET = Path(__file__).parents[1] / "src" / "talktime" / "actions" / "data" / "illustrative_prices.csv"
HEADER = (
    "prefix",
    "destination",
    "per_minute",
    "connection_fee",
    "initial_seconds",
    "step_seconds",
    "kind",
)

# Deep enough to tell mobile numbers from landlines nearly everywhere; each digit more makes the list several times
# longer. Where neither can tell, the kind that comes first counts.
DIGITS_MAX = 4
# In North America an area code comes first, and islands tell mobile numbers by what follows it.
NORTH_AMERICA, AREA_CODE_DIGITS, EXCHANGE_DIGITS = 1, 3, 6
LANDLINE, MOBILE, PERSONAL, SHARED_COST, TOLL_FREE, PREMIUM = (
    "ordinary",
    "mobile",
    "personal",
    "shared_cost",
    "toll_free",
    "premium",
)
KINDS = {
    LANDLINE: ("fixed_line", "voip", "uan"),
    MOBILE: ("mobile",),
    PREMIUM: ("premium_rate",),
    SHARED_COST: ("shared_cost",),
    TOLL_FREE: ("toll_free",),
    PERSONAL: ("personal_number", "pager"),
}
ORDER = list(KINDS)
WORDS = {
    LANDLINE: "",
    MOBILE: ", mobile",
    PERSONAL: ", personal numbers",
    SHARED_COST: ", shared cost",
    TOLL_FREE: ", toll-free",
    PREMIUM: ", premium",
}
DIAL_IN = ", toll-free dial-in"

# A conference row decides before any outbound one, however long that is. So all that shares a calling code with a
# country of Zone A has conference rows: the Isle of Man does not get the price of the United Kingdom.
CONFERENCE_CODES = tuple(
    str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if any(is_zone_a(region) for region in regions)
)


class Line(NamedTuple):
    prefix: str
    destination: str
    per_minute: int
    """In ten-thousandths of a dollar, like all amounts here."""
    connection_fee: int
    initial_seconds: int
    step_seconds: int
    kind: str


def main() -> None:
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(written(line) for line in sorted(lines(), key=lambda line: (line.kind, line.prefix)))


def written(line: Line) -> tuple[object, ...]:
    prefix, destination, per_minute, fee, *rest = line
    return prefix, destination, decimal(per_minute), decimal(fee), *rest


def decimal(amount: int) -> str:
    return f"{amount // 10_000}.{amount % 10_000:04d}".rstrip("0").rstrip(".")


def lines() -> Iterator[Line]:
    for code, network in INTERNATIONAL.items():
        yield from lines_of_network(code, network)
    for prefix, kind in sorted(kinds_by_prefix().items()):
        country = country_of(f"+{prefix}")
        assert country is not None
        yield from lines_of(prefix, kind, NAMES[country], class_of(country, prefix))


def lines_of_network(code: str, network: Network) -> Iterator[Line]:
    yield Line(code, network.name, network.per_minute, network.fee, 60, 60, "outbound")
    if network.dial_in:
        yield Line(code, network.name + DIAL_IN, network.dial_in, 0, 60, 60, "toll_free")


def lines_of(prefix: str, kind: str, name: str, prices: Class) -> Iterator[Line]:
    if not is_callable(prefix, kind):
        return
    outbound = priced(Line(prefix, name + WORDS[kind], 0, prices.fee, 60, 60, "outbound"), kind, prices)
    yield outbound
    if kind != PREMIUM and prefix.startswith(CONFERENCE_CODES):
        yield outbound._replace(per_minute=outbound.per_minute + prices.conference, kind="conference")
    if kind == TOLL_FREE:
        yield Line(prefix, name + DIAL_IN, prices.dial_in, 0, 60, 60, "toll_free")


def priced(line: Line, kind: str, prices: Class) -> Line:
    if kind == MOBILE:
        return line._replace(per_minute=prices.mobile, initial_seconds=prices.initial, step_seconds=prices.step)
    amounts = {PERSONAL: 3 * prices.mobile, SHARED_COST: prices.mobile + 600, PREMIUM: prices.mobile + 4_000}
    return line._replace(per_minute=amounts.get(kind, prices.landline))


def is_callable(prefix: str, kind: str) -> bool:
    """Premium numbers only where the rules let anybody call them: no other call can come to cost anything."""
    said = NUMBERS.of(f"+{prefix.ljust(11, '0')}")
    return kind != PREMIUM or said.allowed is Allowed.AT_HOME_FROM_CREDITS


def class_of(country: str, prefix: str) -> Class:
    return CLASSES[CLASS_OF.get(country, CLASS_OF_WORLD_ZONE[prefix[0]])]


def kinds_by_prefix() -> dict[str, str]:
    """All prefixes at which the country or the kind of a number may become another."""
    special = specials()
    found = {prefix: kind_at(prefix, special) for prefix in countries()} | special
    return {prefix: kind for prefix, kind in found.items() if prefix not in INTERNATIONAL}


def countries() -> list[str]:
    return [row["prefix"] for name in ("country_prefixes.csv", "country_overrides.csv") for row in rows_of(name)]


def kind_at(prefix: str, special: dict[str, str]) -> str:
    """A place within a range that is shared with a larger country has numbers of the same kind."""
    shorter = (prefix[:length] for length in range(len(prefix), 0, -1))
    return next((special[start] for start in shorter if start in special), LANDLINE)


def specials() -> dict[str, str]:
    """Where other numbers than landlines begin."""
    found: dict[str, str] = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if regions != (NO_COUNTRY,):
            digits_max = AREA_CODE_DIGITS if code == NORTH_AMERICA else DIGITS_MAX
            found |= kinds_below(code, regions, "", digits_max)
    return found | of_islands() | {row["prefix"]: PREMIUM for row in callable_premium()}


def of_islands() -> dict[str, str]:
    areas = [row for row in rows_of("country_prefixes.csv") if len(row["prefix"]) == 1 + AREA_CODE_DIGITS]
    found: dict[str, str] = {}
    for row in areas:
        if row["prefix"].startswith(str(NORTH_AMERICA)):
            found |= kinds_below(NORTH_AMERICA, (row["country"],), row["prefix"][1:], EXCHANGE_DIGITS)
    return found


def kinds_below(code: int, regions: tuple[str, ...], start: str, digits_max: int) -> dict[str, str]:
    told = shortest(patterns_of(code, regions, KINDS), start, digits_max)
    kinds = {prefix: {kind for _, kind in mine} for prefix, mine in told.items()}
    # Told apart by their length, which a price list does not know: the rarer kind counts.
    return {f"{code}{prefix}": max(mine, key=ORDER.index) for prefix, mine in kinds.items() if mine}


def callable_premium() -> list[dict[str, str]]:
    return [row for row in rows_of("number_overrides.csv") if row["kind"] == PREMIUM]


if __name__ == "__main__":
    main()
