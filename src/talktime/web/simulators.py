"""The payment simulator of a test organization."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from talktime.actions import simulators
from talktime.actions.simulators import Wanted
from talktime.core.gateway import DisputeState
from talktime.core.money import decimal
from talktime.core.scopes import Scope
from talktime.core.time import moment
from talktime.web.fields import Amount, Currency, Text, positive
from talktime.web.organizations import ONE
from talktime.web.routes import Request, Route

ANSWERS_MAX = 1000
Code = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,64}\Z")]


class ScriptForm(Struct, forbid_unknown_fields=True, kw_only=True):
    result: Literal["succeeded", "declined", "requires_action", "unanswered", "error"]
    code: Code | None = None
    charged: bool = False
    """Of `unanswered` and `error`: the card was charged nevertheless."""
    webhook: Literal["now", "later", "never"] = "now"


class SimulatorForm(Struct, forbid_unknown_fields=True):
    answers: Annotated[list[ScriptForm], Meta(max_length=ANSWERS_MAX)]


class ChargeBody(Struct, kw_only=True):
    id: str
    top_up: str
    amount: str
    currency: str
    at: datetime


class AttemptBody(Struct, kw_only=True):
    top_up: str
    idempotency_key: str
    amount: str
    at: datetime
    result: str
    code: str | None


class SimulatorBody(Struct):
    charges: list[ChargeBody]
    """Money that it has really taken."""
    attempts: list[AttemptBody]
    """Every call that reached it."""


def put_simulator(request: Request[SimulatorForm]) -> SimulatorBody:
    """What it does with the next charges, in order; afterwards each succeeds as its card does."""
    _check(request)
    simulators.script(request.app.simulator, request.org_id, request.form.answers, request.now)
    return _body(request)


def get_simulator(request: Request[None]) -> SimulatorBody:
    """The card holder's side of the story."""
    _check(request)
    return _body(request)


def _check(request: Request[Any]) -> None:
    request.app.database.read(request.org_id, simulators.must_be_test, request.org_id)


def _body(request: Request[Any]) -> SimulatorBody:
    charges, attempts = simulators.charges_and_attempts(request.app.simulator, request.org_id)
    return SimulatorBody([_charge(one) for one in charges], [_attempt(one) for one in attempts])


def _charge(one: dict[str, Any]) -> ChargeBody:
    told = {"top_up": one["payment"], "amount": decimal(one["amount"]), "currency": one["currency"]}
    return ChargeBody(id=one["reference"], at=moment(one["at"]), **told)


def _attempt(one: dict[str, Any]) -> AttemptBody:
    told = {name: one[name] for name in ("top_up", "idempotency_key", "result", "code")}
    return AttemptBody(amount=decimal(one["amount"]), at=moment(one["at"]), **told)


class DeliverForm(Struct, forbid_unknown_fields=True):
    copies: Annotated[int, Meta(ge=1, le=5)] = 1
    shuffle: bool = False


class SentBody(Struct):
    sent: int


def deliver(request: Request[DeliverForm]) -> SentBody:
    """Sends the messages that were held back."""
    _check(request)
    form = request.form
    sent = simulators.deliver(request.app.simulator, request.org_id, form.copies, form.shuffle)
    return _worked_off(request, sent)


def _worked_off(request: Request[Any], sent: int) -> SentBody:
    """Whoever tries something out wants to see at once what it does."""
    request.app.money.letters_of(request.org_id)
    return SentBody(sent)


class DisputeForm(Struct, forbid_unknown_fields=True):
    top_up: Text
    result: Literal["opened", "won", "lost"]


def dispute(request: Request[DisputeForm]) -> SentBody:
    """The card holder disputes a payment, and his bank decides."""
    _check(request)
    app, form = request.app, request.form
    simulators.dispute(app.database, app.simulator, request.org_id, form.top_up, DisputeState(form.result))
    return _worked_off(request, 1)


class EventForm(Struct, forbid_unknown_fields=True, kw_only=True):
    type: Literal["payment_succeeded", "charge_succeeded", "payment_processing", "payment_failed", "refund_succeeded"]
    top_up: Text | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    organization: Text | None = None
    live: bool | None = None


def send_event(request: Request[EventForm]) -> SentBody:
    """A correctly signed message with these values, true or not."""
    _check(request)
    app, form = request.app, request.form
    amount = None if form.amount is None else positive("amount", form.amount)
    wanted = Wanted(form.type, form.top_up, amount, form.currency, form.organization, form.live)
    simulators.send(app.database, app.simulator, request.org_id, app.new_id("evt"), wanted)
    return _worked_off(request, 1)


class TopUpForm(Struct, forbid_unknown_fields=True):
    top_up: Text


def authenticate(request: Request[TopUpForm]) -> SentBody:
    """The card holder says who he is, and is believed."""
    _check(request)
    app = request.app
    simulators.authenticate(app.database, app.till, app.simulator, request.org_id, request.form.top_up)
    return _worked_off(request, 1)


PATH = ONE + "/simulator"


def _route(method: str, path: str, handler: Any, form: Any = None, answer: Any = SentBody) -> Route:
    options: dict[str, Any] = {"form": form, "answer": answer, "tx": False, "needs_organization": False}
    return Route(method, path, Scope.OPERATOR, handler, problems=(404, 409), tag="Test organizations", **options)


ROUTES = [
    _route("PUT", PATH, put_simulator, SimulatorForm, SimulatorBody),
    _route("GET", PATH, get_simulator, None, SimulatorBody),
    _route("POST", f"{PATH}/deliver", deliver, DeliverForm),
    _route("POST", f"{PATH}/disputes", dispute, DisputeForm),
    _route("POST", f"{PATH}/events", send_event, EventForm),
    _route("POST", f"{PATH}/authenticate", authenticate, TopUpForm),
]
