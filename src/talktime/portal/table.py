"""All pages, in one place."""

from __future__ import annotations

from talktime.portal import assets
from talktime.portal.account import pages as account
from talktime.portal.billing import pages as billing
from talktime.portal.calls import pages as calls
from talktime.portal.help import pages as help_
from talktime.portal.home import pages as home
from talktime.portal.numbers import pages as numbers
from talktime.portal.operator import pages as operator
from talktime.portal.rates import pages as rates
from talktime.portal.reports import pages as reports
from talktime.portal.settings import pages as settings
from talktime.portal.users import pages as users

PAGES = [
    *assets.PAGES,
    *account.PAGES,
    *billing.PAGES,
    *calls.PAGES,
    *help_.PAGES,
    *home.PAGES,
    *numbers.PAGES,
    *operator.PAGES,
    *rates.PAGES,
    *reports.PAGES,
    *settings.PAGES,
    *users.PAGES,
]
