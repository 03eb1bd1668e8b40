"""A sheet as a page: plain HTML that runs nothing and needs one stylesheet."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from talktime.documents.sheet import Sheet


def page(sheet: Sheet, stylesheet: str) -> str:
    """`stylesheet`: where the browser finds it."""
    return _template().render(sheet=sheet, stylesheet=stylesheet, texts=len(sheet.table.headings) - sheet.table.amounts)


def stylesheet() -> bytes:
    """The one that the page is made for."""
    return (files(__package__) / "templates" / "document.css").read_bytes()


@cache
def _template() -> Template:
    loader = PackageLoader(__package__ or "")
    pages = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    return pages.get_template("document.html")
