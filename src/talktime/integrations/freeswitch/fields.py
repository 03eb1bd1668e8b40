"""What FreeSWITCH sends: a channel as the fields of a form, an ended call as JSON."""

from __future__ import annotations

import re
from functools import cached_property
from urllib.parse import parse_qsl

import msgspec

from talktime.web.problems import Problem, invalid, without_zero
from talktime.web.switch_doors import Record

FIELDS_MAX = 2000
UUID = re.compile(r"[0-9A-Za-z._-]{1,128}")
DIALLED = re.compile(r"[+*#]?[0-9*#]{1,32}")
GATEWAY = re.compile(r"[0-9A-Za-z._-]{1,64}")
WHOLE = re.compile(r"[0-9]{1,16}")
_decode = msgspec.json.Decoder(Record).decode


class Channel:
    """A call that has come in."""

    def __init__(self, body: bytes) -> None:
        self._fields = _form(body)

    def text(self, *names: str) -> str:
        """Of the first of these that says something."""
        return next((value for name in names if (value := self._fields.get(name, ""))), "")

    def variable(self, name: str) -> str:
        return self.text(f"variable_{name}")

    @cached_property
    def call_id(self) -> str:
        """FreeSWITCH's own, which no caller chooses."""
        return _fitting(UUID, "Unique-ID", self.text("Unique-ID"))

    @property
    def dialled(self) -> str:
        return _fitting(DIALLED, DESTINATION, self.text("Hunt-Destination-Number", DESTINATION))

    @property
    def is_answered(self) -> bool:
        return self.text("Answer-State") == "answered"

    def gateway(self, name: str) -> str:
        return _fitting(GATEWAY, "gateway", name)


class Ended:
    """A call that is over, with the variables of its channel."""

    def __init__(self, body: bytes) -> None:
        self._variables = _decode(without_zero(_record(body))).variables

    def text(self, name: str) -> str:
        value = self._variables.get(name, "")
        return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""

    @property
    def was_answered(self) -> bool:
        return self._whole("answer_epoch") > 0 or self._whole("billsec") > 0

    @property
    def talked_ms(self) -> int:
        return self._whole("billmsec") or self._whole("billsec") * 1000

    def _whole(self, name: str) -> int:
        given = self.text(name)
        if given and WHOLE.fullmatch(given) is None:
            raise invalid(name, "A whole number is needed.")
        return int(given or 0)


DESTINATION = "Caller-Destination-Number"


def _form(body: bytes) -> dict[str, str]:
    try:
        # Some versions end the form with a line, which is no part of its last value.
        fields = dict(parse_qsl(body.decode().rstrip("\n"), max_num_fields=FIELDS_MAX))
    except ValueError as error:
        raise Problem(400, "malformed", f"The body is no form that can be read: {error}.") from error
    # The one character that not every database keeps.
    return {name: value.replace("\0", "") for name, value in fields.items()}


def _record(body: bytes) -> bytes:
    """Either JSON, or JSON in the field of a form: the content type is not always what it says."""
    return _form(body).get("cdr", "").encode() if body.startswith(b"cdr=") else body


def _fitting(pattern: re.Pattern[str], name: str, value: str) -> str:
    if pattern.fullmatch(value) is None:
        raise invalid(name, "Missing, or written in a way that cannot be passed on.")
    return value
