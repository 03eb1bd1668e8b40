"""The pages of Calls, and who may see them."""

from __future__ import annotations

from talktime.core.roles import Right
from talktime.portal.calls import live, search, story
from talktime.portal.pages import Answer, Away, get, post
from talktime.portal.visit import Visit

SEE, CHANGE = Right.CALLS_SEE, Right.CALLS_CHANGE


def _to_live(visit: Visit) -> Answer:
    return Away(live.HERE)


PAGES = [
    get("/calls", _to_live, SEE),
    get(live.HERE, live.get_live, SEE),
    get(f"{live.HERE}/part", live.get_part, SEE),
    post("/calls/hang-up", live.hang_up, CHANGE),
    get("/calls/search", search.get_search, SEE),
    get("/calls/story", story.get_story, SEE),
]
