"""A RADIUS packet as FreeRADIUS' rlm_rest tells it in JSON."""

from __future__ import annotations

import re
from functools import cached_property

import msgspec

from talktime.web.problems import invalid, without_zero
from talktime.web.switch_doors import Packet

_decode = msgspec.json.Decoder(Packet).decode
HEX = re.compile(r"0x(?:[0-9a-f]{2})+")
OLD_STYLE = re.compile(r"\Ah323-[a-z-]+=")
"""Old gateways repeat the name of the attribute in its value."""
WHOLE = re.compile(r"[0-9]{1,9}")


class Attributes:
    def __init__(self, body: bytes) -> None:
        self._packet = _decode(without_zero(body))

    def text(self, *names: str) -> str:
        """Of the first of these that is there; empty without any."""
        return next((text for name in names for text in self.texts(name) if text), "")

    def texts(self, name: str) -> list[str]:
        attribute = self._packet.get(name)
        return [OLD_STYLE.sub("", str(value)).strip() for value in attribute.value] if attribute else []

    def seconds(self, name: str) -> int | None:
        given = self.text(name)
        if given and WHOLE.fullmatch(given) is None:
            raise invalid(name, "A whole number of seconds is needed.")
        return int(given) if given else None

    @cached_property
    def nas(self) -> str:
        """The gateway, as it calls itself or by its address."""
        return self.text("NAS-Identifier", "NAS-IP-Address", "NAS-IPv6-Address", "Packet-Src-IP-Address")

    @cached_property
    def call_id(self) -> str:
        """What we have said that it is called, else the gateway's own name for it together with the gateway's."""
        if ours := self._echoed():
            return ours
        session = self.text("h323-conf-id", "Acct-Session-Id")
        if not session:
            raise invalid("Acct-Session-Id", NO_NAME, "missing_field")
        return "-".join(f"{self.nas} {session}".split())

    def _echoed(self) -> str:
        """Whatever stands in `Class` comes back in each report of the call."""
        known = (_octets(text) for text in self.texts("Class"))
        return next((one.removeprefix(CLASS) for one in known if one.startswith(CLASS)), "")


def _octets(text: str) -> str:
    """They are told in hexadecimal digits."""
    return bytes.fromhex(text[2:]).decode("latin-1") if HEX.fullmatch(text.lower()) else text


CLASS = "talktime:"
NO_NAME = "The packet does not say which call it is about: the gateway must send Acct-Session-Id or h323-conf-id."
