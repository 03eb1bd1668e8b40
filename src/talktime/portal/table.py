"""All pages, in one place."""

from __future__ import annotations

from talktime.portal import assets
from talktime.portal.billing import pages as billing
from talktime.portal.calls import pages as calls
from talktime.portal.home import pages as home

PAGES = [*assets.PAGES, *home.PAGES, *billing.PAGES, *calls.PAGES]
