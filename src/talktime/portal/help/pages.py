"""Help: the guide in the reader's language, and the parts that pages are made of."""

from __future__ import annotations

from talktime.portal import guide
from talktime.portal.pages import Answer, Away, Screen, get
from talktime.portal.visit import Visit
from talktime.web.problems import Problem


def get_help(visit: Visit) -> Answer:
    return Away(f"/help/{guide.topics()[0]}")


def get_topic(visit: Visit) -> Answer:
    try:
        shown = guide.page(visit.language, visit.names["topic"])
    except LookupError as error:
        raise Problem(404, "not_found") from error
    topics = [(name, guide.page(visit.language, name).title) for name in guide.topics()]
    return Screen("help/topic.html", {"guide": shown, "topic": visit.names["topic"], "topics": topics})


def get_components(visit: Visit) -> Answer:
    """The design system on a page of its own, for whoever builds pages."""
    return Screen("help/components.html")


PAGES = [
    get("/help", get_help, of_organization=False),
    get("/help/components", get_components, of_organization=False),
    get("/help/{topic}", get_topic, of_organization=False),
]
