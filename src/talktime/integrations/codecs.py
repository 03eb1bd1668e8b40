"""The languages that the server speaks with switches besides its own."""

from __future__ import annotations

from talktime.integrations.freeswitch import codec as freeswitch
from talktime.integrations.radius import codec as radius
from talktime.web.codecs import Codecs

CODECS: Codecs = radius.CODECS | freeswitch.CODECS
