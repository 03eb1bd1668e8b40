"""Licences as an operator writes them: what is understood, and how what is not is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.licence_cells import COLUMNS
from talktime.core.licence_rows import read_licence_csv, read_licences
from talktime.core.licence_terms import Ability, Caps, Counted, Licence, PoolKind, Shared
from talktime.core.price_files import ERRORS_MAX, BadRows, Wrong

PLAN = {
    "code": "HOUSE1",
    "name": "Our own plan",
    "ability": "calling",
    "order": "9",
    "domestic": "LV:500 *:100",
    "international": "*:50",
    "counted": "assigned",
    "shared": "location",
    "destinations": "combined_plan",
    "caps": "independent",
}
MEETINGS = {
    "code": "HOUSE2",
    "name": "Our own meetings",
    "ability": "conferencing",
    "conference": "*:10",
    "counted": "purchased",
    "shared": "organization",
    "destinations": "zone_a ZW",
}


def errors_of(*rows: dict[str, str]) -> list[Wrong]:
    with pytest.raises(BadRows) as refused:
        read_licences(rows, known={"MCOEV"})
    return refused.value.errors


def without(row: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in names}


def test_an_operator_s_plan_is_read() -> None:
    assert read_licences([PLAN]) == [
        Licence(
            code="HOUSE1",
            name="Our own plan",
            ability=Ability.CALLING,
            order=9,
            minutes={PoolKind.DOMESTIC: {"LV": 500, "*": 100}, PoolKind.INTERNATIONAL: {"*": 50}},
            counted=Counted.ASSIGNED,
            shared=Shared.LOCATION,
            destinations=frozenset({"combined_plan"}),
            caps=Caps.INDEPENDENT,
        )
    ]


def test_an_operator_s_meetings_are_read() -> None:
    (licence,) = read_licences([MEETINGS])
    assert licence.destinations == {"zone_a", "ZW"}
    assert (licence.counted, licence.shared, licence.order) == (Counted.PURCHASED, Shared.ORGANIZATION, None)


def test_code_and_name_are_enough() -> None:
    assert read_licences([{"code": "HOUSE3", "name": "A name"}]) == [Licence(code="HOUSE3", name="A name")]


def test_a_licence_may_stand_for_others_known_or_in_the_same_list() -> None:
    rows = [
        {"code": "BUNDLE", "name": "All", "includes": "HOUSE1 MCOEV"},
        {"code": "SOLD", "name": "Ours", "counts_as": "HOUSE1"},
        PLAN,
    ]
    bundle, sold, _ = read_licences(rows, known={"MCOEV"})
    assert (bundle.includes, sold.counts_as) == (("HOUSE1", "MCOEV"), "HOUSE1")


def test_a_file_names_lines() -> None:
    lines = ["code,name,order", "HOUSE1,One,", "HOUSE2,,", "house3,Three,"]
    with pytest.raises(BadRows) as refused:
        read_licence_csv(lines)
    assert [(error.field, error.code) for error in refused.value.errors] == [
        ("lines[3].name", "invalid_value"),
        ("lines[4].code", "invalid_value"),
    ]
    assert refused.value.errors[1].detail == "Line 4, code: 'house3' is no code like MCOPSTN1."


def test_a_file_of_another_shape_is_told() -> None:
    with pytest.raises(BadRows) as refused:
        read_licence_csv(["code,name", "HOUSE1,One,more", 'HOUSE2,"Two'])
    assert [(error.field, error.code) for error in refused.value.errors] == [
        ("lines[2]", "wrong_columns"),
        ("lines[3]", "malformed"),
    ]


def test_an_empty_file_has_no_licence() -> None:
    assert read_licence_csv([]) == []


@pytest.mark.parametrize(
    ("row", "field", "code"),
    [
        (PLAN | {"code": "house"}, "code", "invalid_value"),
        (without(PLAN, "code"), "code", "invalid_value"),
        (PLAN | {"name": " "}, "name", "invalid_value"),
        (PLAN | {"name": "x" * 201}, "name", "invalid_value"),
        (PLAN | {"ability": "singing"}, "ability", "invalid_value"),
        (without(PLAN, "ability"), "ability", "invalid_value"),
        (PLAN | {"order": "-1"}, "order", "invalid_value"),
        (PLAN | {"order": "1001"}, "order", "invalid_value"),
        (PLAN | {"domestic": "1200"}, "domestic", "invalid_value"),
        (PLAN | {"domestic": "ZZ:1200"}, "domestic", "invalid_value"),
        (PLAN | {"domestic": "US:1 US:2"}, "domestic", "duplicate"),
        (PLAN | {"domestic": "*:1000001"}, "domestic", "invalid_value"),
        (PLAN | {"international": "*:1.5"}, "international", "invalid_value"),
        (PLAN | {"counted": "guessed"}, "counted", "invalid_value"),
        (PLAN | {"counted": "purchased"}, "counted", "invalid_value"),
        (without(PLAN, "counted"), "counted", "invalid_value"),
        (without(PLAN, "domestic", "international", "caps"), "counted", "invalid_value"),
        (without(PLAN, "shared"), "shared", "invalid_value"),
        (without(PLAN, "destinations"), "destinations", "invalid_value"),
        (without(PLAN, "international", "caps"), "destinations", "invalid_value"),
        (without(MEETINGS, "destinations"), "destinations", "invalid_value"),
        (MEETINGS | {"destinations": "zone_b"}, "destinations", "invalid_value"),
        (without(PLAN, "caps"), "caps", "invalid_value"),
        (without(PLAN, "international", "destinations"), "caps", "invalid_value"),
        (PLAN | {"counts_as": "lower"}, "counts_as", "invalid_value"),
        (PLAN | {"counts_as": "NOBODY"}, "counts_as", "invalid_value"),
        (PLAN | {"includes": "MCOEV NOBODY"}, "includes", "invalid_value"),
        (PLAN | {"prize": "1"}, "prize", "unknown_field"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(row: dict[str, str], field: str, code: str) -> None:
    assert [error[:2] for error in errors_of(row)] == [(f"licences[0].{field}", code)]


def test_the_same_code_twice_is_told() -> None:
    (error,) = errors_of(PLAN, PLAN)
    assert error == Wrong("licences[1].code", "duplicate", "Licence 1, code: HOUSE1 is there twice.")


def test_only_so_many_errors_are_told() -> None:
    assert len(errors_of(*[{"name": "x"}] * (ERRORS_MAX + 1))) == ERRORS_MAX


any_cells = st.dictionaries(st.sampled_from(COLUMNS) | st.text(max_size=5), st.text(max_size=12))


@given(st.lists(any_cells, max_size=3))
def test_whatever_comes_is_read_or_told(rows: list[dict[str, str]]) -> None:
    try:
        read_licences(rows)
    except BadRows as refused:
        assert refused.errors
