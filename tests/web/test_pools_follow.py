"""Pools follow whatever is bought, assigned, moved and removed, and nothing is ever taken from a month."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from talktime.core.catalogue import CATALOGUE
from talktime.core.licence_terms import PoolKind
from talktime.core.months import month_of
from talktime.core.pool_sizes import PoolName, PoolRow
from talktime.core.pools import Licences, Person, effective, pool_totals
from talktime.storage import pool_store
from tests.web.client import Organization, World

Sizes = dict[str, tuple[int, int]]
CODES = ["MCOMEETADD", "MCOMEETADV", "ENTERPRISEPREMIUM", "MCOMEETADD_DIALOUT_US", "MCOPSTN1", "MCOPSTN2", "MCOPSTN8"]
PLACES = ["US", "PR", "CA", "GB", "LV"]


def rows_of(world: World, org: Organization) -> list[PoolRow]:
    org_id = int(org.id.removeprefix("org_"), 16)
    return list(world.app.database.read(org_id, pool_store.of_organization, org_id))


def sizes_of(world: World, org: Organization) -> Sizes:
    """Those that have minutes."""
    return {row.pool_id: (row.first_total, row.second_total) for row in rows_of(world, org) if any(row.minutes)}


def counted_anew(org: Organization) -> Sizes:
    """From what the interface says of users and licences."""
    users = org.api.get("/v1/users", limit=1000).json["data"]
    people = tuple(Person(user["id"], user["usage_location"], tuple(user["licences"])) for user in users)
    bought = {row["code"]: row["purchased"] for row in org.api.get("/v1/licences").json["data"]}
    country = org.api.get(org.path).json["country"]
    found: dict[str, list[int]] = {}
    for pool, total in pool_totals(CATALOGUE, Licences(country, bought, people)).items():
        pair = found.setdefault(PoolName(pool.capability, pool.country, pool.user).pool_id, [0, 0])
        pair[pool.kind is PoolKind.INTERNATIONAL] += total
    return {name: (first, second) for name, (first, second) in found.items() if first or second}


def test_bought_licences_make_a_pool(anywhere: World) -> None:
    org = anywhere.organization()
    org.api.put("/v1/licences", {"MCOMEETADD": 115})
    assert sizes_of(anywhere, org) == {"MCOMEETADD": (6900, 0)}
    org.api.put("/v1/licences", {"ENTERPRISEPREMIUM": 5, "MCOMEETADD": 100})
    assert sizes_of(anywhere, org) == {"MCOMEETADD": (6300, 0)}


def test_a_combined_plan_has_both_kinds(anywhere: World) -> None:
    org = anywhere.organization()
    org.api.put("/v1/licences", {"MCOPSTN2": None, "MCOPSTN8": None})
    for place in ("US", "PR", "GB"):
        user = org.user(usage_location=place).json["id"]
        org.api.put(f"/v1/users/{user}/licences", ["MCOPSTN2", "MCOPSTN8"] if place == "GB" else ["MCOPSTN2"])
    expected: Sizes = {"MCOPSTN2/GB": (1200, 600), "MCOPSTN2/US": (6000, 1200), f"MCOPSTN8/GB/{user}": (120, 0)}
    assert sizes_of(anywhere, org) == expected


def test_another_country_of_the_organization_is_another_pool_size(anywhere: World) -> None:
    org = anywhere.organization()
    org.api.put("/v1/licences", {"MCOMEETADD": 2})
    anywhere.operator.patch(org.path, {"country": "KR"})
    assert sizes_of(anywhere, org) == {"MCOMEETADD": (1800, 0)}


def test_a_removed_user_takes_his_minutes_with_him_next_month(world: World) -> None:
    org = world.organization()
    org.api.put("/v1/licences", {"MCOPSTN1": 1})
    user = org.user(usage_location="GB").json["id"]
    org.api.put(f"/v1/users/{user}/licences", ["MCOPSTN1"])
    org.api.delete(f"/v1/users/{user}")
    [row] = rows_of(world, org)
    months = [effective(row.first_total, row.first_high, row.month, month) for month in ("2030-04", "2030-05")]
    assert months == [1200, 0]


def test_the_month_is_that_of_the_organizations_clock_and_zone(world: World) -> None:
    org = world.organization(mode="test", time_zone="Pacific/Auckland")
    world.operator.put(f"{org.path}/clock", {"now": "2031-01-31T12:00:00Z"})
    org.api.put("/v1/licences", {"MCOMEETADD": 1})
    assert [row.month for row in rows_of(world, org)] == ["2031-02"]


class Company:
    """Does anything, and writes down what each pool began its month with and the most it came to."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, Random(seed)
        self.org = world.organization()
        self.org.api.put("/v1/licences", dict.fromkeys(CODES, None))
        self.users: list[str] = []
        self.most: Sizes = {}
        self.last: Sizes = {}

    @property
    def month(self) -> str:
        return month_of(self.world.clock.at, "UTC")

    def step(self) -> None:
        does: Any = self.random.choice([self.hire, self.assign, self.assign, self.move, self.leave, self.buy, self.go])
        before = self.month
        does()
        now = counted_anew(self.org)
        if self.month != before:
            self.most = self.last
        names = {*now, *self.most}
        self.most = {name: _larger(now.get(name), self.most.get(name)) for name in names}
        self.last = now
        self.check(now)

    def check(self, now: Sizes) -> None:
        assert sizes_of(self.world, self.org) == now
        for row in rows_of(self.world, self.org):
            first = effective(row.first_total, row.first_high, row.month, self.month)
            second = effective(row.second_total, row.second_high, row.month, self.month)
            assert (first, second) == self.most.get(row.pool_id, (0, 0)), row

    def hire(self) -> None:
        self.users.append(self.org.user(usage_location=self.random.choice(PLACES)).json["id"])

    def assign(self) -> None:
        if self.users:
            codes = self.random.sample(CODES, self.random.randrange(3))
            self.org.api.put(f"/v1/users/{self.random.choice(self.users)}/licences", codes)

    def move(self) -> None:
        if self.users:
            place = {"usage_location": self.random.choice(PLACES)}
            self.org.api.patch(f"/v1/users/{self.random.choice(self.users)}", place)

    def leave(self) -> None:
        if self.users and self.random.random() < 0.3:
            self.org.api.delete(f"/v1/users/{self.users.pop(self.random.randrange(len(self.users)))}")

    def buy(self) -> None:
        quantity = self.random.choice([None, 0, 1, 5])
        assert self.org.api.put("/v1/licences", {self.random.choice(CODES): quantity}).status == 200

    def go(self) -> None:
        """To another country, into another month, or take on a whole file of people."""
        way = self.random.randrange(3)
        if way == 0:
            self.world.operator.patch(self.org.path, {"country": self.random.choice(["US", "KR", "RU"])})
        elif way == 1:
            self.world.clock.pass_days(20)
        else:
            self.take_a_file()

    def take_a_file(self) -> None:
        lines = [f"P{n},p{n}@example.com,{self.random.choice(PLACES)},{self._codes()}\n" for n in range(4)]
        text = "name,sign_in_name,usage_location,licences\n" + "".join(lines)
        self.org.api.send("POST", "/v1/users/import", text.encode(), kind="text/csv")

    def _codes(self) -> str:
        return " ".join(self.random.sample(CODES, self.random.randrange(3)))


def _larger(one: tuple[int, int] | None, other: tuple[int, int] | None) -> tuple[int, int]:
    pairs = (one or (0, 0)), (other or (0, 0))
    return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_pools_are_those_counted_anew(world: World, seed: int) -> None:
    company = Company(world, seed)
    for _ in range(60):
        company.step()
