"""How documents are answered: as a PDF, and as a page that runs nothing."""

from __future__ import annotations

from functools import cache

from talktime.app import App
from talktime.core.receipts import Party, seller_of
from talktime.documents.page import page, stylesheet
from talktime.documents.pdf import pdf
from talktime.documents.sheet import Sheet
from talktime.web.routes import Raw, Request, Route

STYLE = "/v1/document.css"
POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def seller(app: App) -> Party:
    settings = app.settings
    return seller_of(settings.seller_name, settings.seller_address, settings.seller_vat_id)


def as_pdf(sheet: Sheet, name: str) -> Raw:
    return Raw(pdf(sheet), "application/pdf", {"content-disposition": f'inline; filename="{name}.pdf"'})


def as_page(sheet: Sheet) -> Raw:
    return Raw(page(sheet, STYLE).encode(), "text/html; charset=utf-8", {"content-security-policy": POLICY})


@cache
def _style() -> bytes:
    return stylesheet()


def get_stylesheet(request: Request[None]) -> Raw:
    """The stylesheet of receipts and statements that are read as pages."""
    return Raw(_style(), "text/css; charset=utf-8")


ROUTES = [Route("GET", STYLE, None, get_stylesheet, answer=Raw, tx=False, tag="Documentation")]
