"""A sheet as a page: plain HTML that runs nothing and needs one stylesheet."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Template

from talktime.documents.sheet import Sheet
from talktime.languages.templates import templates

TEMPLATES = Path(__file__).parent / "templates"


def page(sheet: Sheet, stylesheet: str) -> str:
    """`stylesheet`: where the browser finds it."""
    return _template().render(sheet=sheet, stylesheet=stylesheet, texts=len(sheet.table.headings) - sheet.table.amounts)


def stylesheet() -> bytes:
    """The one that the page is made for."""
    return (TEMPLATES / "document.css").read_bytes()


@cache
def _template() -> Template:
    return templates(TEMPLATES).get_template("document.html")
