"""All pages, in one place."""

from __future__ import annotations

from talktime.portal import assets
from talktime.portal.account import pages as account
from talktime.portal.billing import pages as billing
from talktime.portal.help import pages as help_
from talktime.portal.home import pages as home

PAGES = [
    *assets.PAGES,
    *account.PAGES,
    *home.PAGES,
    *billing.PAGES,
    *help_.PAGES,
]
