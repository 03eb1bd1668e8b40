"""All pages, in one place."""

from __future__ import annotations

from talktime.portal import assets
from talktime.portal.billing import pages as billing
from talktime.portal.calls import pages as calls
from talktime.portal.home import pages as home
from talktime.portal.rates import pages as rates
from talktime.portal.reports import pages as reports

PAGES = [*assets.PAGES, *home.PAGES, *billing.PAGES, *calls.PAGES, *reports.PAGES, *rates.PAGES]
