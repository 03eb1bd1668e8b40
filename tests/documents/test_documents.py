from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from io import BytesIO

import pytest
from pypdf import PdfReader
from reportlab.pdfbase.pdfmetrics import getFont  # type: ignore[import-untyped]

from talktime.core.languages import LANGUAGES
from talktime.core.ledger import EntryKind
from talktime.core.receipts import Party, ReceiptKind, vat_of
from talktime.core.statements import StatementRow
from talktime.core.time import DAY
from talktime.documents.page import page, stylesheet
from talktime.documents.pdf import BOLD, REGULAR, pdf
from talktime.documents.sheet import Sheet
from talktime.documents.words import receipt_sheet, statement_sheet
from talktime.languages.catalogues import read
from tests.documents.paper import AT, receipt, statement, text_in, text_of, values_of

MARKUP = '<b>&amp;"<script>alert(1)</script>'
LETTERS = "āčēģīķļņšūž ĀČĒĢĪĶĻŅŠŪŽ șțăâî ȘȚĂÂÎ абвгдежзийклмнопрстуфхцчшщъыьэюя ЁЫЭЪЩ €•№„“«»"


def full(language: str) -> Sheet:
    """With everything that can stand on one."""
    given = {"agreement": "EA-17", "po_number": "PO-1", "refers_to": "R-000016", "note": "Example note"}
    return receipt_sheet(receipt(language, **given))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_receipt_as_pdf_says_everything_in_every_language(language: str) -> None:
    text = text_in(full(language))
    assert [value for value in values_of(full(language)) if value not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_statement_as_pdf_says_everything_in_every_language(language: str) -> None:
    text = text_in(statement_sheet(statement(language)))
    assert [value for value in values_of(statement_sheet(statement(language))) if value not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_says_what_the_pdf_says(language: str) -> None:
    for sheet in (full(language), statement_sheet(statement(language))):
        said = Reader(page(sheet, "/style.css")).text
        assert [value for value in values_of(sheet) if value not in said] == []


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_nothing_is_left_in_english(language: str) -> None:
    known = [message for message in read(language, "documents") if message.id]
    assert [message.id for message in known if message.fuzzy or not message.string] == []
    sheets = [full(language), statement_sheet(statement(language))]
    english = set(values_of(full("en")) + values_of(statement_sheet(statement("en"))))
    same = {value for sheet in sheets for value in values_of(sheet)} & english
    names = {"Example Telephony", "1 Example Street", "1010 Example Town", "Example Ltd", "2 Example Road"}
    assert same - names - {"R-000017", "R-000016", "EA-17", "PO-1", "Visa •••• 4242", "Example note", "Total"} == set()


def test_amounts_and_dates_are_written_as_the_reader_writes_them() -> None:
    assert "EUR 1,250.00" in text_in(receipt_sheet(receipt("en")))
    latvian = text_in(receipt_sheet(receipt("lv")))
    assert "EUR 1 250,00" in latvian
    assert "2031. gada 5. marts" in latvian


@pytest.mark.parametrize(
    ("currency", "shown"), [("JPY", "JPY 5,000"), ("KWD", "KWD 5,000.000"), ("USD", "USD 5,000.00")]
)
def test_amounts_have_the_decimals_of_the_currency(currency: str, shown: str) -> None:
    sheet = receipt_sheet(receipt(currency=currency, total=5_000_000_000, vat=None))
    assert sheet.sums[-1].value.replace("\N{NO-BREAK SPACE}", " ") == shown


def test_a_column_of_amounts_has_the_same_decimals_in_every_row() -> None:
    rows = (
        StatementRow(AT, EntryKind.CHARGE, "", -123_400, 11_876_600),
        StatementRow(AT, EntryKind.TOP_UP, "", 10**7, 21_876_600),
    )
    assert [row[2:] for row in statement_sheet(statement("en", *rows)).table.rows] == [
        ("-0.1234", "11.8766"),
        ("10.0000", "21.8766"),
    ]


def test_the_sums_of_a_statement_have_the_decimals_of_its_rows() -> None:
    row = StatementRow(AT, EntryKind.CHARGE, "", -123_400, 11_876_600)
    sheet = statement_sheet(statement("en", row))
    amounts = [fact.value for fact in (*sheet.facts, *sheet.sums)]
    assert len(amounts) == 4
    assert {len(value.partition(".")[2]) for value in amounts} == {4}


def test_the_days_of_a_statement_stay_whole_on_the_page() -> None:
    told = page(statement_sheet(statement("en")), "")
    assert re.search(r'<td class="day">[A-Z][a-z]+ \d+, 2031</td>', told)
    assert 'class="day"' not in page(receipt_sheet(receipt("en")), "")


def test_a_credit_note_shows_what_went_back_and_what_for() -> None:
    given = receipt(
        kind=ReceiptKind.CREDIT_NOTE, total=-50_000_000, vat=vat_of(-50_000_000, "EUR", 2100), refers_to="R-000016"
    )
    text = text_in(receipt_sheet(given))
    assert "Credit note" in text
    assert "R-000016" in text
    assert [one for one in ("EUR -50.00", "EUR -41.32", "EUR -8.68") if one not in text] == []


def test_without_a_rate_no_vat_is_told() -> None:
    assert "VAT 2" not in text_in(receipt_sheet(receipt(vat=None)))
    assert "VAT 0%" in text_in(receipt_sheet(receipt(vat=vat_of(10**6, "EUR", 0))))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thousand_rows_are_all_there_under_a_heading_on_every_page(language: str) -> None:
    rows = [StatementRow(AT + n, EntryKind.ADJUSTMENT, f"row-{n:04d}.", -1, 10**9 - n) for n in range(1000)]
    sheet = statement_sheet(statement(language, *rows))
    pages = [" ".join(one.extract_text().split()) for one in PdfReader(BytesIO(pdf(sheet))).pages]
    text = " ".join(pages)
    assert [n for n in range(1000) if text.count(f"row-{n:04d}.") != 1] == []
    for number, one in enumerate(pages, 1):
        assert sheet.page.format(page=number, pages=len(pages)) in one
        assert (sheet.table.headings[1] in one) == ("row-" in one)


def test_the_same_values_are_the_same_bytes_also_when_many_are_made_at_once() -> None:
    sheets = [receipt_sheet(receipt(language)) for language in LANGUAGES] + [statement_sheet(statement("ru"))]
    alone = [pdf(sheet) for sheet in sheets]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(pdf, sheets * 4)) == alone * 4


def test_a_pdf_tells_its_title_language_and_author() -> None:
    reader = PdfReader(BytesIO(pdf(receipt_sheet(receipt("sl")))))
    assert reader.metadata is not None
    assert reader.metadata.title == "Potrdilo o plačilu R-000017"
    assert reader.metadata.author == "Example Telephony"
    assert str(reader.root_object["/Lang"]) == "sl"


def test_the_fonts_have_every_letter_and_are_in_the_file() -> None:
    made = pdf(receipt_sheet(receipt(note=LETTERS)))
    assert LETTERS in text_of(made)
    for name in (REGULAR, BOLD):
        glyphs = getFont(name).face.charToGlyph
        assert [letter for letter in LETTERS if not glyphs.get(ord(letter))] == []
    fonts = PdfReader(BytesIO(made)).pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    embedded = [font.get_object() for font in fonts.values() if "NotoSans" in font.get_object()["/BaseFont"]]
    assert embedded
    assert [font for font in embedded if "/FontFile2" not in font["/FontDescriptor"].get_object()] == []


@pytest.mark.parametrize(
    ("file", "digest"),
    [
        ("NotoSans-Regular.ttf", "89c3c497f618fdaa0b2d1e98fef93582f28c71debd2c4a8cdf41f190ced2909d"),
        ("NotoSans-Bold.ttf", "e83493c945848ecd4a9ad0f6d19164541a0d3e23a9c952304a00a46e00272ac5"),
    ],
)
def test_the_fonts_are_those_that_were_looked_at(file: str, digest: str) -> None:
    assert sha256((files("talktime.documents") / "fonts" / file).read_bytes()).hexdigest() == digest
    assert "SIL OPEN FONT LICENSE" in (files("talktime.documents") / "fonts" / "OFL.txt").read_text()


def test_what_is_long_stays_on_the_page() -> None:
    name, number = "Example of a very long name " * 7, "PO-" + "1234567890" * 19
    amount = 999_999_999_999_123_000
    given = receipt(
        buyer=Party(name, ("Example Street " * 13,) * 6), po_number=number, currency="KWD", total=amount, vat=None
    )
    (only,) = PdfReader(BytesIO(pdf(receipt_sheet(given)))).pages
    places: list[float] = []
    only.extract_text(
        visitor_text=lambda text, cm, tm, font, size: places.append(tm[4] + cm[4]) if text.strip() else None
    )
    assert max(places) < 595 - 57
    text = "".join(only.extract_text().split())
    assert number in text
    assert "KWD999,999,999,999.123" in text


def test_a_month_without_movements_is_a_statement() -> None:
    empty = statement_sheet(statement("en")).table
    nothing = statement("en")
    sheet = statement_sheet(
        type(nothing)(**{name: getattr(nothing, name) for name in nothing.__struct_fields__} | {"rows": ()})
    )
    assert empty.rows
    assert sheet.table.rows == ()
    text = text_in(sheet)
    assert "Nothing moved in this period." in text
    assert text.count("EUR 12.00") == 2


@pytest.mark.parametrize(
    ("language", "told"), [("ru", ["1 звонок", "2 звонка", "5 звонков"]), ("sl", ["1 klic", "2 klica", "5 klicev"])]
)
def test_calls_are_counted_as_people_count(language: str, told: list[str]) -> None:
    rows = [StatementRow(AT + n * DAY, EntryKind.CHARGE, "", -1, 1, count) for n, count in enumerate((1, 2, 5))]
    assert [row[1] for row in statement_sheet(statement(language, *rows)).table.rows] == told


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed by its own end."""

    EMPTY = frozenset({"meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


def test_a_page_runs_nothing_and_fetches_its_stylesheet_only() -> None:
    read_page = Reader(page(full("bg"), "/static/document.css"))
    assert {"script", "style", "img", "iframe"} & set(read_page.tags) == set()
    assert [value for name, value in read_page.attributes if name in ("href", "src")] == ["/static/document.css"]
    assert [name for name, _ in read_page.attributes if name == "style" or name.startswith("on")] == []
    assert ("lang", "bg") in read_page.attributes


def test_whatever_people_are_called_is_no_markup() -> None:
    odd = Party(MARKUP, (MARKUP,), MARKUP)
    given = receipt(seller=odd, buyer=odd, po_number=MARKUP, agreement=MARKUP, card=MARKUP, note=MARKUP, number=MARKUP)
    read_page = Reader(page(receipt_sheet(given), MARKUP))
    assert {"script", "b"} & set(read_page.tags) == set()
    assert read_page.said.count(MARKUP) >= 8
    assert MARKUP in text_in(receipt_sheet(given))


def test_the_stylesheet_knows_the_classes_of_the_page() -> None:
    style = stylesheet().decode()
    used = {value for name, value in Reader(page(full("en"), "")).attributes if name == "class"}
    assert [name for name in used if f".{name}" not in style and name != "subtitle"] == []
