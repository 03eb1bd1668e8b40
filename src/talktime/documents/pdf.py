"""A sheet as a PDF: the same sheet is the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import as_file, files
from io import BytesIO
from threading import Lock
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]
from reportlab.lib.enums import TA_RIGHT  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily  # type: ignore[import-untyped]
from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, Table  # type: ignore[import-untyped]

from talktime.documents.sheet import Block, Fact, Sheet

INK, QUIET, LINE, ACCENT = (HexColor(code) for code in ("#161b1a", "#5c6460", "#cdcec5", "#0b5a6b"))
REGULAR, BOLD = "NotoSans", "NotoSansBold"
WIDTH = 480
"""Of what is printed: halves, fifths and tenths of it are whole points."""
MARGIN = (A4[0] - WIDTH) // 2
FRAME = 6
"""What the library keeps free inside of the margins."""
HALF = [WIDTH // 2, WIDTH // 2]
ONE_AT_A_TIME = Lock()
"""The library reads all documents' letters out of one font, from wherever whoever came last has left it."""


@cache
def _fonts() -> None:
    for name, file in ((REGULAR, "NotoSans-Regular.ttf"), (BOLD, "NotoSans-Bold.ttf")):
        with as_file(files(__package__) / "fonts" / file) as path:
            registerFont(TTFont(name, str(path)))
    registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


def _style(name: str, size: int, color: Any = INK, font: str = REGULAR, **more: Any) -> Any:
    # Long words are broken rather than let out of their place.
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=size * 7 // 5, textColor=color, **more)


PLAIN, SMALL = _style("plain", 9), _style("small", 8, QUIET)
NAME = _style("name", 10, font=BOLD)
SENDER = _style("sender", 11, ACCENT, BOLD)
TITLE = _style("title", 20, font=BOLD)
AMOUNT, HEAD_AMOUNT = _style("amount", 9, alignment=TA_RIGHT), _style("headings", 8, QUIET, alignment=TA_RIGHT)
SUM_NAME, SUM = _style("name of a sum", 10, font=BOLD), _style("sum", 11, ACCENT, BOLD, alignment=TA_RIGHT)


def pdf(sheet: Sheet) -> bytes:
    with ONE_AT_A_TIME:
        _fonts()
        return _made(sheet)


def _made(sheet: Sheet) -> bytes:
    made = BytesIO()
    margins = {f"{side}Margin": MARGIN - FRAME for side in ("left", "right", "top", "bottom")}
    told = {"title": f"{sheet.title} {sheet.subtitle}", "author": sheet.sender, "lang": sheet.language}
    document = SimpleDocTemplate(made, pagesize=A4, invariant=1, **margins, **told)

    def canvas(*given: Any, **named: Any) -> Any:
        return _Numbered(sheet, *given, **named)

    document.build(_story(sheet), canvasmaker=canvas)
    return made.getvalue()


def _story(sheet: Sheet) -> list[Any]:
    parts: list[Any] = [_head(sheet), Spacer(0, 8 * mm)]
    parts += [_blocks(sheet.blocks), Spacer(0, 6 * mm)] if sheet.blocks else []
    parts += [_facts(sheet.facts), Spacer(0, 8 * mm)]
    parts += [_lines(sheet)] if sheet.table.rows else []
    parts += [Spacer(0, 3 * mm), _sums(sheet.sums)]
    return parts + ([Spacer(0, 8 * mm), _said(sheet.note, PLAIN)] if sheet.note else [])


def _said(text: str, style: Any) -> Any:
    return Paragraph(escape(text), style)


def _placed(rows: Sequence[Sequence[Any]], widths: Sequence[Any], *commands: Any) -> Any:
    near = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    tight = [("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2)]
    top = ("VALIGN", (0, 0), (-1, -1), "TOP")
    return Table(rows, widths, hAlign="LEFT", style=[*near, *tight, top, *commands])


def _head(sheet: Sheet) -> Any:
    title = [_said(sheet.title, TITLE), Spacer(0, 3), _said(sheet.subtitle, PLAIN)]
    parts = [[_said(sheet.sender, SENDER)], [title]] if sheet.sender else [[title]]
    return _placed(
        parts, [WIDTH], ("LINEBELOW", (0, -1), (-1, -1), 1.5, ACCENT), ("BOTTOMPADDING", (0, -1), (-1, -1), 8)
    )


def _blocks(blocks: Sequence[Block]) -> Any:
    cells = [_block(block) for block in blocks]
    return _placed([cells], HALF[: len(cells)], ("RIGHTPADDING", (0, 0), (0, 0), 12))


def _block(block: Block) -> list[Any]:
    return [_said(block.heading, SMALL), _said(block.name, NAME), *(_said(line, PLAIN) for line in block.lines)]


def _facts(facts: Sequence[Fact]) -> Any:
    rows = [[_said(fact.name, SMALL), _said(fact.value, PLAIN)] for fact in facts]
    return _placed(rows, [WIDTH * 3 // 10, WIDTH * 7 // 10])


def _lines(sheet: Sheet) -> Any:
    table, texts = sheet.table, len(sheet.table.headings) - sheet.table.amounts
    head = [_said(text, SMALL if n < texts else HEAD_AMOUNT) for n, text in enumerate(table.headings)]
    rows = [[_said(text, PLAIN if n < texts else AMOUNT) for n, text in enumerate(row)] for row in table.rows]
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
    ]
    return LongTable([head, *rows], _widths(table.widths), repeatRows=1, hAlign="LEFT", style=style)


def _widths(parts: Sequence[int]) -> list[int]:
    given = [WIDTH * part // 100 for part in parts]
    return [width or WIDTH - sum(given) for width in given]


def _sums(sums: Sequence[Fact]) -> Any:
    *before, last = sums
    rows = [[_said(fact.name, PLAIN), _said(fact.value, AMOUNT)] for fact in before]
    rows.append([_said(last.name, SUM_NAME), _said(last.value, SUM)])
    lines = ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK), ("VALIGN", (0, -1), (-1, -1), "MIDDLE")
    inner = _placed(rows, [WIDTH * 7 // 20, WIDTH * 7 // 20], *lines)
    return Table([["", inner]], [WIDTH * 3 // 10, WIDTH * 7 // 10], style=_BARE)


_BARE = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]


class _Numbered(Canvas):  # type: ignore[misc]
    """How many pages there are is known at the end, so each is finished then."""

    def __init__(self, sheet: Sheet, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._sheet = sheet
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        pages = self._pages
        for number, page in enumerate(pages, 1):
            self.__dict__.update(page)
            self._foot(self._sheet.page.format(page=number, pages=len(pages)))
            super().showPage()
        super().save()

    def _foot(self, text: str) -> None:
        self.setFont(REGULAR, 8)
        self.setFillColor(QUIET)
        self.drawString(MARGIN, 12 * mm, f"{self._sheet.title} {self._sheet.subtitle}")
        self.drawRightString(MARGIN + WIDTH, 12 * mm, text)
