"""A client of Diameter that says what tests want: messages by python-diameter, on a plain socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any, Self

from diameter.message import Message
from diameter.message.avp.grouped import ImsInformation, ServiceInformation
from diameter.message.commands import CapabilitiesExchangeRequest, CreditControlRequest
from diameter.message.commands.credit_control import (
    MultipleServicesCreditControl,
    RequestedServiceUnit,
    SubscriptionId,
    UsedServiceUnit,
)

WAIT_SECONDS = 10.0
SERVER, REALM = "ocs.example.net", "example.net"
CONTEXT = "32260@3gpp.org"
INITIAL, UPDATE, TERMINATION, EVENT = 1, 2, 3, 4
CAPABILITIES, WATCHDOG, DISCONNECT, ABORT = 257, 280, 282, 274
_identifiers = count(1)


class Closed(Exception):
    """The other side has closed the connection."""


class Line:
    """Bytes to the door, and whole messages back."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def receive(self, *, also_watchdogs: bool = False) -> Any:
        while True:
            message = self._message()
            if also_watchdogs or message.header.command_code != WATCHDOG or not message.header.is_request:
                return message
            self.send(message.to_answer().as_bytes())

    def _message(self) -> Any:
        head = self._exactly(20)
        return Message.from_bytes(head + self._exactly(int.from_bytes(head[1:4]) - 20))

    def is_closed(self) -> bool:
        """Waits for it; whatever else comes first is passed over."""
        with suppress(ConnectionError):
            while self.socket.recv(65536):
                pass
        return True

    def _exactly(self, wanted: int) -> bytes:
        got = b""
        while len(got) < wanted:
            try:
                more = self.socket.recv(wanted - len(got))
            except ConnectionError as error:
                raise Closed from error
            if not more:
                raise Closed
            got += more
        return got


class Client(Line):
    """One switch, called by its host name."""

    def __init__(self, port: int, host: str = "client.example.net", realm: str = REALM) -> None:
        super().__init__(port)
        self.host, self.realm = host, realm

    def greet(self, **fields: Any) -> Any:
        return self.ask(greeting(self.host, self.realm, **fields))

    def ask(self, message: Any) -> Any:
        self.send(message.as_bytes())
        return self.receive()

    def ccr(self, session: str, kind: int, number: int, **fields: Any) -> Any:
        return ccr(self.host, self.realm, session, kind, number, **fields)

    def initial(self, session: str, **fields: Any) -> Any:
        return self.ask(self.ccr(session, INITIAL, 0, wanted=30, **fields))

    def update(self, session: str, number: int, used: int, **fields: Any) -> Any:
        return self.ask(self.ccr(session, UPDATE, number, used=used, wanted=30, **fields))

    def end(self, session: str, number: int, used: int, **fields: Any) -> Any:
        return self.ask(self.ccr(session, TERMINATION, number, used=used, **fields))


def greeting(host: str, realm: str = REALM, application: int = 4) -> Any:
    cer = CapabilitiesExchangeRequest()
    _identify(cer, host, realm)
    cer.host_ip_address = ["127.0.0.1"]
    cer.vendor_id, cer.product_name = 0, "a test"
    cer.auth_application_id = [application]
    return cer


def ccr(host: str, realm: str, session: str, kind: int, number: int, **fields: Any) -> Any:
    made = CreditControlRequest()
    _identify(made, host, realm)
    made.header.application_id = 4
    made.header.is_retransmit = fields.get("again", False)
    made.session_id, made.destination_realm = session, fields.get("served", REALM).encode()
    made.service_context_id = fields.get("context", CONTEXT)
    made.cc_request_type, made.cc_request_number = kind, number
    if fields.get("user"):
        made.subscription_id = [SubscriptionId(fields.get("user_kind", 2), fields["user"])]
    if fields.get("action") is not None:
        made.requested_action = fields["action"]
    _units(made, fields)
    _parties(made, fields)
    return made


def _identify(message: Any, host: str, realm: str) -> None:
    message.origin_host, message.origin_realm = host.encode(), realm.encode()
    message.header.hop_by_hop_identifier = message.header.end_to_end_identifier = next(_identifiers)


def _units(made: Any, fields: Mapping[str, Any]) -> None:
    wanted = RequestedServiceUnit(cc_time=fields["wanted"]) if "wanted" in fields else None
    used = [UsedServiceUnit(cc_time=fields["used"])] if "used" in fields else []
    if fields.get("plain"):
        made.requested_service_unit, made.used_service_unit = wanted, used
    else:
        made.multiple_services_credit_control = [
            MultipleServicesCreditControl(
                requested_service_unit=wanted, used_service_unit=used, rating_group=100, service_identifier=[1000]
            )
        ]


def _parties(made: Any, fields: Mapping[str, Any]) -> None:
    if fields.get("to") is not None:
        ims = ImsInformation(
            role_of_node=fields.get("role", 0),
            node_functionality=0,
            calling_party_address=[fields.get("caller", "sip:+442079460101@example.net")],
            called_party_address=fields["to"],
        )
        made.service_information = ServiceInformation(ims_information=ims)


def granted(answer: Any) -> int:
    """The seconds of the first service; 0 where nothing is granted."""
    service = answer.multiple_services_credit_control[0]
    return int(service.granted_service_unit.cc_time) if service.granted_service_unit else 0


def is_final(answer: Any) -> bool:
    said = answer.multiple_services_credit_control[0].final_unit_indication
    return said is not None and said.final_unit_action == 0
