"""The pages of Numbers, and who may see them."""

from __future__ import annotations

from talktime.core.roles import Right
from talktime.portal.numbers import service
from talktime.portal.pages import get, post

SEE, CHANGE = Right.NUMBERS_SEE, Right.NUMBERS_CHANGE
ONE = "/numbers/{id}"

PAGES = [
    get("/numbers", service.get_numbers, SEE),
    get("/numbers/new", service.get_new, CHANGE),
    post("/numbers/new", service.add, CHANGE),
    get(ONE, service.get_number, SEE),
    post(ONE, service.save, CHANGE),
    get(f"{ONE}/remove", service.get_removal, CHANGE),
    post(f"{ONE}/remove", service.remove, CHANGE),
]
