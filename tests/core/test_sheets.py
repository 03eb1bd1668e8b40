"""Files of people: whatever is in them, each bad line is told, and no spreadsheet is made to run anything."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.licence_rows import read_licence_file
from talktime.core.number_rows import read_number_file
from talktime.core.phone import is_usable
from talktime.core.price_files import BadRows, Wrong
from talktime.core.sheets import as_it_was, harmless, written
from talktime.core.user_rows import COLUMNS, UserLine, read_user_file

READERS: list[tuple[Callable[[bytes], list[Any]], bytes]] = [
    (read_user_file, b"name,sign_in_name,usage_location,number,licences,policy\n"),
    (read_number_file, b"prefix,kind,premium,high_risk,digits,country\n"),
    (read_licence_file, b"code,name,ability,order,domestic,counted,shared\n"),
]
PEOPLE = "name,sign_in_name,usage_location,number,kind,language,licences,policy\n"
texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f"), min_size=1)
short = texts.map(lambda one: one[:200])


def errors_of(text: str) -> list[Wrong]:
    with pytest.raises(BadRows) as refused:
        read_user_file(text.encode())
    return refused.value.errors


@pytest.mark.parametrize(("read", "header"), READERS)
@given(content=st.binary(max_size=300) | st.text('",\n\r\0ab=+1é', max_size=200).map(str.encode))
def test_whatever_is_in_a_file_is_read_or_told_by_its_line(
    read: Callable[[bytes], list[Any]], header: bytes, content: bytes
) -> None:
    for sent in (content, header + content):
        try:
            read(sent)
        except BadRows as refused:
            assert refused.errors
            assert all(error.field.startswith(("lines[", "rows")) for error in refused.errors)


@pytest.mark.parametrize("cell", ["=1+1", "+SUM(A1)", "-1", "@cmd", "'=1", "''+x"])
def test_a_cell_that_looks_like_a_formula_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["+12025550117", "Ann", "'tis", "", "a=b"])
def test_all_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell == as_it_was(cell)


@given(st.text("'=+-@a1") | texts)
def test_what_was_made_harmless_comes_back_as_it_was(cell: str) -> None:
    assert as_it_was(harmless(cell)) == cell


@given(st.lists(st.tuples(short, short), unique_by=lambda one: one[1]))
def test_what_is_written_is_read_again(people: list[tuple[str, str]]) -> None:
    lines = [(name, known_as, "GB", "", "person", "en", "", "") for name, known_as in people]
    read = read_user_file(written(COLUMNS, lines)) if lines else []
    assert [(line.values["name"], line.sign_in_name) for line in read] == people
    cells = [cell for row in csv.reader(StringIO(written(COLUMNS, lines).decode())) for cell in row]
    # A telephone number is no formula, wherever it stands.
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) and not is_usable(cell)] == []


def test_a_line_says_what_its_columns_say() -> None:
    text = (
        PEOPLE + "Ann,ann@example.com,GB,+442079460100,resource_account,lv,MCOPSTNPP MCOEV,DialoutCPCandPSTNDomestic\n"
    )
    values = {
        "name": "Ann",
        "sign_in_name": "ann@example.com",
        "usage_location": "GB",
        "number": "+442079460100",
        "kind": "resource_account",
        "language": "lv",
        "policy": "DialoutCPCandPSTNDomestic",
    }
    assert read_user_file(text.encode()) == [UserLine(2, "ann@example.com", values, ("MCOEV", "MCOPSTNPP"))]


def test_an_empty_cell_is_the_usual_value_and_a_missing_column_says_nothing() -> None:
    [line] = read_user_file((PEOPLE + "Ann,ann,GB,,,,,\n").encode())
    usual = {"number": None, "kind": "person", "language": "en", "policy": None}
    assert (usual.items() <= line.values.items(), line.codes) == (True, ())
    [line] = read_user_file(b"name,sign_in_name,usage_location\nAnn,ann,GB\n")
    assert (set(line.values), line.codes) == ({"name", "sign_in_name", "usage_location"}, None)


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ("Ann,ann,ZZ,,,,,", "usage_location", "unknown_country"),
        ("Ann,ann,GB,12,,,,", "number", "invalid_number"),
        ("Ann,ann,GB,,robot,,,", "kind", "invalid_value"),
        ("Ann,ann,GB,,,xx,,", "language", "invalid_value"),
        ("Ann,ann,GB,,,,,Dance", "policy", "invalid_value"),
        (",ann,GB,,,,,", "name", "invalid_value"),
        ("Ann,a\x00n,GB,,,,,", "sign_in_name", "invalid_value"),
        (f"{'x' * 201},ann,GB,,,,,", "name", "invalid_value"),
    ],
)
def test_a_wrong_cell_is_told_with_line_and_column(line: str, field: str, code: str) -> None:
    assert [error[:2] for error in errors_of(PEOPLE + "Bob,bob,GB,,,,,\n" + line + "\n")] == [
        (f"lines[3].{field}", code)
    ]


def test_two_lines_do_not_share_a_sign_in_name_or_a_number() -> None:
    told = errors_of(PEOPLE + "A,a,GB,+442079460100,,,,\nB,a,GB,,,,,\nC,c,GB,+442079460100,,,,\n")
    assert [error[:2] for error in told] == [("lines[3].sign_in_name", "duplicate"), ("lines[4].number", "duplicate")]


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ("", "lines[1].name", "missing_field"),
        ("name,sign_in_name,usage_location,shoe\n", "lines[1].shoe", "unknown_field"),
        ("name,sign_in_name,usage_location\nA,a\n", "lines[2]", "wrong_columns"),
        ('name,sign_in_name,usage_location\n"A,a,GB\n', "lines[2]", "malformed"),
    ],
)
def test_a_file_of_another_shape_is_told(text: str, field: str, code: str) -> None:
    assert errors_of(text)[0][:2] == (field, code)
