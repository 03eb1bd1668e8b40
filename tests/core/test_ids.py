from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.ids import entry_id, org_name, org_number, timed_id, uuid7, uuid7_of

instants = st.integers(0, 2**48 * 1000 - 1)
causes = st.text(max_size=40)
entry_numbers = st.integers(1, 2**42 - 1)


@given(instants, st.integers(0, 2**90))
def test_an_id_is_a_uuid_of_version_7_with_its_millisecond(at: int, tail: int) -> None:
    made = UUID(uuid7(at, tail))
    assert (made.version, made.variant, made.int >> 80) == (7, RFC_4122, at // 1000)


@given(st.integers(max_value=-1), instants)
def test_what_is_before_1970_sorts_before_all_that_has_an_id(before: int, at: int) -> None:
    assert uuid7(before, 0) <= uuid7(at, 0)


@given(st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_ids_of_one_millisecond_differ_and_sort_as_their_tails_do(one: int, other: int) -> None:
    assert (uuid7(0, one) < uuid7(0, other)) == (one < other)


@given(instants, causes)
def test_the_same_cause_at_the_same_instant_has_the_same_id(at: int, cause: str) -> None:
    assert uuid7_of(at, cause) == uuid7_of(at, cause)
    assert uuid7_of(at, cause) != uuid7_of(at, cause + "'")


@given(st.lists(st.tuples(instants, causes), min_size=2, max_size=20), st.integers(1, 2**40))
def test_entries_sort_like_their_numbers_while_time_does_not_go_back(steps: list[tuple[int, str]], first: int) -> None:
    ordered = sorted(at for at, _ in steps)
    made = [entry_id(at, first + n, cause) for n, (at, (_, cause)) in enumerate(zip(ordered, steps, strict=True))]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@given(instants, entry_numbers, causes)
def test_an_entry_has_an_id_like_all_others(at: int, number: int, cause: str) -> None:
    assert UUID(entry_id(at, number, cause)).version == 7


@given(st.integers(1, 2**62 - 1))
def test_an_organization_is_known_by_its_name(org_id: int) -> None:
    assert org_number(org_name(org_id)) == org_id


@pytest.mark.parametrize(
    "name",
    [
        "",
        "org_",
        "org_0",
        "org_00a",
        "org_A",
        "org_g",
        "org_-1",
        "org_+1",
        "org_0xa",
        "org_1_0",
        "org_ 1",
        "org_1 ",
        "org_1\n",
        "org_\N{ARABIC-INDIC DIGIT ONE}",
        "org_org_1",
        "ORG_1",
        "usr_1",
        "1",
        "org_4000000000000000",
        "org_" + "f" * 5000,
    ],
)
def test_what_is_no_name_of_an_organization_has_no_number(name: str) -> None:
    assert org_number(name) is None


@given(st.text(max_size=12))
def test_only_one_name_leads_to_an_organization(name: str) -> None:
    number = org_number("org_" + name)
    assert number is None or org_name(number) == "org_" + name


def test_blocks_sort_by_the_clock_of_the_organization_and_where_it_stands_by_ours() -> None:
    standing = [timed_id(5_000_000, now, cause) for now, cause in ((1, "b"), (2, "a"), (10**15, "c"))]
    assert sorted(standing) == standing
    assert timed_id(6_000_000, 1, "b") > standing[-1]
    assert UUID(standing[0]).version == 7
