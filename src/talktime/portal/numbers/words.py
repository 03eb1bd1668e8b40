"""Words for service numbers."""

from __future__ import annotations

from talktime.portal.visit import Visit


def number_types(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.say
    return [("toll", _("Toll")), ("toll_free", _("Toll-free"))]


def number_type(visit: Visit, kind: str) -> str:
    return dict(number_types(visit)).get(kind, kind)


def serving(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.say
    return [("conference", _("Audio conferencing")), ("attendant", _("Auto attendant")), ("queue", _("Call queue"))]


def served(visit: Visit, what: str) -> str:
    return dict(serving(visit)).get(what, what)


FUNCTIONS = (number_type, number_types, served, serving)
"""For templates."""
