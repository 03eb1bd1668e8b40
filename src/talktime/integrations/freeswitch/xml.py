"""Dialplans as FreeSWITCH reads them."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from talktime.web.routes import Raw

Action = tuple[str, str]
"""An application and what it is told. FreeSWITCH expands `${...}` in that, so nothing unchecked may stand there."""
EVERY_CONTEXT = "global"
"""Where FreeSWITCH looks when the document does not have the call's own context."""


def dialplan(actions: Sequence[Action]) -> Raw:
    """One that has this to say, whatever was dialled."""
    document = Element("document", type="freeswitch/xml")
    section = SubElement(document, "section", name="dialplan")
    extension = SubElement(SubElement(section, "context", name=EVERY_CONTEXT), "extension", name="talktime")
    condition = SubElement(extension, "condition")
    for application, data in actions:
        SubElement(condition, "action", application=application, data=data)
    return Raw(tostring(document, "utf-8", xml_declaration=True), "text/xml; charset=utf-8")
