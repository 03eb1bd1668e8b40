"""What the product says when something is not done, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from talktime.languages.catalogues import SOURCE, translator
from talktime.web.sentences import SENTENCES

DOMAIN, PAGES = "sentences", "portal"


def told(language: str, code: str, detail: str = "", values: Mapping[str, object] | None = None) -> str:
    """What is said about one field alone may stand in no catalogue: then the sentence of its code is said."""
    if own := _of_pages(language).get(code):
        return own
    if language == SOURCE:
        return detail or plain(language, code, values)
    say = translator(language, DOMAIN)
    return say.known[detail][0] if detail in say.known else plain(language, code, values)


def _of_pages(language: str) -> Mapping[str, str]:
    """The API speaks of keys; here nobody has one."""
    _ = translator(language, PAGES)
    return {
        "not_found": _("It may have been removed, or the address is not quite right."),
        "forbidden": _("Your role does not allow this. Ask a global administrator of your organization."),
        "scope_missing": _("Your role does not allow this. Ask a global administrator of your organization."),
        "forged": _("This form is from another page, or from before you signed in: open the page again."),
        "not_available": _("The database does not answer, so nothing was done. Try again in a moment."),
        "internal_error": _("Something is wrong on our side, and nothing was done."),
        "method_not_allowed": _("This address cannot be opened like that."),
        "unknown_field": _("This is not known here."),
        "missing_field": _("This is needed."),
        "no_amount": _("This is no amount."),
        "choose_one": _("Choose at least one."),
        "unknown_language": _("This language is not spoken here."),
        "no_day": _("This is no day."),
        "no_consent": _("Without your consent nothing may be charged."),
    }


def plain(language: str, code: str, values: Mapping[str, object] | None = None) -> str:
    words = SENTENCES.get(code, SENTENCES["invalid"])
    try:
        return translator(language, DOMAIN)(words).format_map(dict(values or {}))
    except KeyError:
        # Told again from what was kept, whose values are not known any more.
        return translator(language, DOMAIN)(SENTENCES["not_accepted"])
