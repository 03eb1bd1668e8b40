"""All pages, in one place."""

from __future__ import annotations

from talktime.portal import assets
from talktime.portal.billing import pages as billing
from talktime.portal.help import pages as help_
from talktime.portal.home import pages as home
from talktime.portal.settings import pages as settings

PAGES = [*assets.PAGES, *home.PAGES, *billing.PAGES, *settings.PAGES, *help_.PAGES]
