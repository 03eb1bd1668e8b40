"""Price lists as people write them: what is understood, and how what is not is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.price_files import ERRORS_MAX, BadRows, Wrong, read_csv, read_rows
from talktime.core.price_rows import RowText, WindowText, clock_text, days_text
from talktime.core.prices import PriceKind, Row, Window


def errors_of(content: str | bytes) -> list[Wrong]:
    with pytest.raises(BadRows) as refused:
        read_csv(content.encode() if isinstance(content, str) else content)
    return refused.value.errors


def fields_of(content: str | bytes) -> list[str]:
    return [error.field for error in errors_of(content)]


def test_two_columns_are_enough() -> None:
    assert read_csv(b"prefix,per_minute\n1,0.12\n44,0.2\n") == [Row("1", "", 120_000), Row("44", "", 200_000)]


def test_columns_may_come_in_any_order_and_cells_may_be_empty() -> None:
    content = b"kind, per_minute ,prefix,destination,step_seconds\ntoll_free,0.12,1800,,\n,0,44,United Kingdom,1\n"
    assert read_csv(content) == [
        Row("1800", "", 120_000, kind=PriceKind.TOLL_FREE),
        Row("44", "United Kingdom", 0, step_seconds=1),
    ]


def test_a_file_from_a_spreadsheet_is_understood() -> None:
    content = '\ufeffprefix,per_minute,destination\r\n371,0.1,"R\u012bga, Latvia"\r\n\r\n,,\r\n'.encode()
    assert read_csv(content) == [Row("371", "R\u012bga, Latvia", 100_000)]


def test_a_row_may_be_valid_from_an_instant() -> None:
    (row,) = read_csv(b"prefix,per_minute,valid_from\n1,0.1,2031-01-01T02:00:00+02:00\n")
    assert row.valid_from == 1_924_992_000_000_000


def test_the_same_prefix_may_be_there_for_another_kind_or_time() -> None:
    content = b"prefix,per_minute,kind,valid_from\n1,0.1,,\n1,0.2,conference,\n1,0.3,,2031-01-01T00:00:00Z\n"
    assert len(read_csv(content)) == 3


def test_windows_are_written_in_a_cell() -> None:
    (row,) = read_csv(b'prefix,per_minute,windows\n1,0.1,"1-5 08:00-19:00 0.2 0.05; 6,7 00:00-24:00 0.02;"\n')
    assert row.windows == (
        Window((1, 2, 3, 4, 5), 480, 1140, 200_000, 50_000),
        Window((6, 7), 0, 1440, 20_000),
    )


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("per_minute", "0.1x"),
        ("per_minute", "-0.1"),
        ("per_minute", "0,1"),
        ("per_minute", "1e3"),
        ("per_minute", "NaN"),
        ("per_minute", "0.1234567"),
        ("connection_fee", "free"),
        ("connection_fee", "-1"),
        ("initial_seconds", "0"),
        ("initial_seconds", "1.5"),
        ("initial_seconds", "-1"),
        ("initial_seconds", "\u0661"),
        ("step_seconds", "86401"),
        ("step_seconds", "99999999999999999999"),
        ("kind", "dance"),
        ("valid_from", "soon"),
        ("valid_from", "2031-01-01"),
        ("valid_from", "2031-01-01T00:00:00"),
        ("destination", "x" * 201),
        ("windows", "always"),
        ("windows", "1-5 08:00 0.1"),
        ("windows", "1-5 08:00-19:00 0.1 0.05 more"),
        ("windows", "0-5 08:00-19:00 0.1"),
        ("windows", "5-1 08:00-19:00 0.1"),
        ("windows", "1-5 8:00-19:00 0.1"),
        ("windows", "1-5 08:00-25:00 0.1"),
        ("windows", "1-5 08:00-19:00 x"),
        ("windows", "1-5 08:00-19:00 0.1 -1"),
    ],
)
def test_a_cell_that_makes_no_sense_is_told_with_its_line_and_column(column: str, cell: str) -> None:
    columns = {"prefix": "1", "per_minute": "0.1"} | {column: f'"{cell}"'}
    content = f"{','.join(columns)}\n{','.join(columns.values())}\n"
    (error,) = errors_of(content)
    assert error.field == f"lines[2].{column}"
    assert error.detail.startswith(f"Line 2, {column}: ")


@pytest.mark.parametrize("prefix", ["+1", "a", "1" * 16, "1 2", "\u0661\u0662", "1.0"])
def test_a_prefix_is_one_to_fifteen_digits(prefix: str) -> None:
    assert fields_of(f"prefix,per_minute\n{prefix},0.1\n") == ["lines[2].prefix"]


def test_a_line_without_its_price_is_told() -> None:
    assert [(error.field, error.code) for error in errors_of("prefix,per_minute\n1,\n,0.1\n")] == [
        ("lines[2].per_minute", "missing_field"),
        ("lines[3].prefix", "missing_field"),
    ]


def test_a_line_with_too_many_columns_is_told() -> None:
    (error,) = errors_of("prefix,per_minute\n1,0,12\n")
    assert (error.field, error.code) == ("lines[2]", "wrong_columns")
    assert error.detail == "Line 2: 3 columns where the header has 2."


def test_all_bad_lines_are_told_and_good_ones_are_not() -> None:
    lines = ["prefix,per_minute", "1,0.1", "2,x", "3,0.1", "4,y"]
    assert fields_of("\n".join(lines)) == ["lines[3].per_minute", "lines[5].per_minute"]


def test_at_most_a_hundred_lines_are_told() -> None:
    assert len(errors_of("prefix,per_minute\n" + "1,x\n" * 1000)) == ERRORS_MAX


def test_lines_that_are_empty_or_broken_over_two_are_counted() -> None:
    content = 'prefix,per_minute,destination\n\n1,0.1,"two\nlines"\n2,x,\n'
    assert fields_of(content) == ["lines[5].per_minute"]


def test_the_same_row_twice_is_told_with_the_first() -> None:
    (error,) = errors_of("prefix,per_minute\n1,0.1\n2,0.1\n1,0.2\n")
    assert (error.field, error.code) == ("lines[4].prefix", "duplicate")
    assert error.detail.endswith("as line 2.")


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("prefix", ["lines[1].per_minute"]),
        ("destination", ["lines[1].prefix", "lines[1].per_minute"]),
        ("prefix,per_minute,colour", ["lines[1].colour"]),
        ("prefix,per_minute,prefix", ["lines[1]"]),
        ("", ["lines[1].prefix", "lines[1].per_minute"]),
    ],
)
def test_a_header_that_makes_no_sense_is_told(header: str, fields: list[str]) -> None:
    assert fields_of(f"{header}\n1,0.1\n" if header else "") == fields


def test_a_list_without_a_row_is_none() -> None:
    assert [error.code for error in errors_of("prefix,per_minute\n")] == ["empty"]
    with pytest.raises(BadRows):
        read_rows([])


def test_what_is_not_utf_8_is_told_with_its_line() -> None:
    assert fields_of(b"prefix,per_minute\n1,0.1\n\xff,0.1\n") == ["lines[3]"]


@pytest.mark.parametrize("content", ['"', 'prefix,"per_minute\n', 'pre"fix"x,"a"b\n'])
def test_a_header_that_is_no_csv_is_told(content: str) -> None:
    assert fields_of(content)[0].startswith("lines[1]")


def test_a_line_that_is_no_csv_is_told() -> None:
    assert [(error.field, error.code) for error in errors_of('prefix,per_minute\n1,0.1\n2,"0"1"\n')] == [
        ("lines[3]", "malformed")
    ]


def test_rows_of_json_are_told_by_their_number() -> None:
    with pytest.raises(BadRows) as refused:
        read_rows([RowText("1", "0.1"), RowText("2", "x"), RowText("1", "0.2")])
    assert [error.field for error in refused.value.errors] == ["rows[1].per_minute", "rows[2].prefix"]
    assert refused.value.errors[1].detail.endswith("as row 0.")


def test_windows_of_json_are_read() -> None:
    (row,) = read_rows([RowText("1", "0.1", windows=(WindowText("1,3", "22:00", "06:00", "0.05", "0"),))])
    assert row.windows == (Window((1, 3), 1320, 360, 50_000),)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_breaks_the_reader(content: bytes) -> None:
    for text in (content, b"prefix,per_minute,windows\n" + content):
        try:
            assert read_csv(text)
        except BadRows as error:
            assert 0 < len(error.errors) <= ERRORS_MAX


@pytest.mark.parametrize(("days", "text"), [((1, 2, 3), "1-3"), ((6, 7), "6-7"), ((1, 3), "1,3"), ((4,), "4")])
def test_days_are_written_as_short_as_can_be(days: tuple[int, ...], text: str) -> None:
    assert days_text(days) == text


def test_a_minute_of_the_day_is_written_as_on_a_clock() -> None:
    assert [clock_text(minute) for minute in (0, 485, 1440)] == ["00:00", "08:05", "24:00"]
