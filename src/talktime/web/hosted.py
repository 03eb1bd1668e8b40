"""Pages that stand alone: the simulator's own, and those that links in mails lead to. And the door of providers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment

from talktime.actions import inbox, links, methods, organizations, payments
from talktime.actions.audit import Actor
from talktime.actions.errors import StateConflict
from talktime.core.gateway import BadSignature, ProviderError
from talktime.languages import formats
from talktime.languages.catalogues import SOURCE, Translator, translator
from talktime.languages.templates import templates
from talktime.storage.payment_store import Payment
from talktime.web.problems import Problem
from talktime.web.readers import language_of
from talktime.web.routes import Raw, Request, Route

HERE = Path(__file__).parent
HTML = "text/html; charset=utf-8"
DOMAIN = "sentences"
CREDITS, OPTIONS = "/billing/credits", "/billing/payment-options"
"""Pages of the portal, where somebody goes on."""
FORM = "application/x-www-form-urlencoded"
POLICY = "default-src 'none'; style-src 'self'; form-action *; base-uri 'none'; frame-ancestors 'none'"
SAFE = {"content-security-policy": POLICY, "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
STATIC = {"hosted.css": "text/css; charset=utf-8"}


@cache
def _templates() -> Environment:
    return templates(HERE / "templates")


def page(say: Translator, title: str, lines: Sequence[str] = (), status: int = 200, **more: str) -> Raw:
    _ = say
    values: dict[str, Any] = dict.fromkeys(("error", "field", "button", "refuse", "back"), "") | more
    words = {"language": say.language, "title": title, "lines": lines, "back_label": _("Back to Talktime")}
    body = _templates().get_template("hosted.html").render(**values, **words)
    return Raw(body.encode(), HTML, SAFE, status)


def _words(request: Request[None], org_id: int | None = None) -> Translator:
    """In the reader's language, else in that of the organization that the link is about."""
    org = None if org_id is None else request.app.database.read(org_id, organizations.found, org_id)
    return translator(language_of(request.headers, org.language if org else SOURCE), DOMAIN)


def away(url: str) -> Raw:
    return Raw(b"", HTML, {"location": url}, 303)


def static_file(request: Request[None]) -> Raw:
    """What pages are drawn with."""
    name = request.names["file"]
    if name not in STATIC:
        raise Problem(404, "not_found")
    return Raw((HERE / "static" / name).read_bytes(), STATIC[name], {"cache-control": "public, max-age=3600"})


# ---------------------------------------------------------------- links in mails


def pay_page(request: Request[None]) -> Raw:
    """Where the mail's link leads. Only the button uses it up: programs look at links, too."""
    org_id, _payment = request.app.links.read("pay", request.names["token"])
    _ = _words(request, org_id)
    lines = [_("Your bank wants to know that it is you.")]
    return page(_, _("Confirm your payment"), lines, button=_("Go on to the bank"))


def pay(request: Request[None]) -> Raw:
    """On to the provider's page, once."""
    app, token = request.app, request.names["token"]
    try:
        return away(links.follow(app.database, app.till, app.links, token))
    except StateConflict:
        _ = _words(request, app.links.read("pay", token)[0])
        lines = [_("Or its day is over. Ask for another where you pay.")]
        return page(_, _("This link was used already"), lines, 409, back=CREDITS)


def pay_done(request: Request[None]) -> Raw:
    """Back from the bank."""
    _ = _words(request)
    lines = [_("The payment shows in Talktime as soon as the bank has told us.")]
    return page(_, _("Thank you"), lines, back=CREDITS)


def card_done(request: Request[None]) -> Raw:
    """Back from the page where a card was entered: it is looked after at once."""
    app = request.app
    org_id, method_id = app.links.read("cards", request.names["token"])
    card = methods.finish(app.database, app.till, org_id, method_id, Actor("provider", request.now))
    _ = _words(request, org_id)
    if card.state == "waiting":
        lines = [_("The card was not entered, or the provider has not told us yet.")]
        return page(_, _("Not yet"), lines, back=OPTIONS)
    return page(_, _("The card is saved"), [_("{card} can be used from now on.", card=card.label)], back=OPTIONS)


def card_cancelled(request: Request[None]) -> Raw:
    """He went away from it."""
    _ = _words(request)
    return page(_, _("Nothing was saved"), [_("No card was entered.")], back=OPTIONS)


# ---------------------------------------------------------------- the simulator's own pages


def simulated_card_page(request: Request[None]) -> Raw:
    """Where a card is entered that is none."""
    _signed(request, "card")
    return _card_form(request)


def _card_form(request: Request[None], error: str = "") -> Raw:
    _ = _words(request, request.org_id)
    number = "\N{NO-BREAK SPACE}".join(["4242"] * 4)
    lines = [
        _("This is the payment simulator: no money moves."),
        _("Use one of the published numbers, such as {number}.", number=number),
    ]
    return page(_, _("Add a test card"), lines, field=_("Card number"), button=_("Save the card"), error=error)


def enter_simulated_card(request: Request[None]) -> Raw:
    """Takes published numbers only."""
    org = _signed(request, "card")
    number = "".join(_field(request, "number").split())
    back = request.app.simulator.enter_card(org, request.names["name"], number)
    _ = _words(request, request.org_id)
    return away(back) if back else _card_form(request, _("This is none of the numbers for trying out."))


def simulated_bank(request: Request[None]) -> Raw:
    """The bank's page, where the card holder says who he is."""
    payment = _simulated_payment(request)
    _ = _words(request, payment.org_id)
    amount = formats.money(payment.amount_micros, payment.currency, _.language)
    lines = [_("Example Bank asks: do you want to pay {amount}? No money moves.", amount=amount)]
    return page(_, _("Is it you?"), lines, button=_("Yes, it is me"), refuse=_("No"))


def answer_simulated_bank(request: Request[None]) -> Raw:
    """He is, or he is not."""
    app, payment = request.app, _simulated_payment(request)
    order = app.database.read(payment.org_id, app.till.order_of, payment)
    if _field(request, "answer") == "yes":
        app.simulator.authenticated(order)
    else:
        app.simulator.not_authenticated(order)
    app.money.letters_of(payment.org_id)
    return away(f"{app.till.public_url}/pay/done")


def _simulated_payment(request: Request[None]) -> Payment:
    """The name on the simulator's side is the key of the order."""
    _signed(request, "authenticate")
    payment_id = request.names["name"].rpartition("-")[0]
    return request.app.database.read(request.org_id, payments.found, request.org_id, payment_id)


def _signed(request: Request[None], what: str) -> str:
    org, name, signature = (request.names[part] for part in ("org", "name", "signature"))
    if not request.app.simulator.is_signed(org, what, name, signature):
        raise Problem(404, "not_found")
    return org


def _field(request: Request[None], name: str) -> str:
    try:
        sent = parse_qs(request.body.decode("latin-1"), max_num_fields=10)
    except ValueError as error:
        raise Problem(400, "malformed") from error
    return sent.get(name, [""])[0][:100]


# ---------------------------------------------------------------- the door of providers


def hear_provider(request: Request[None]) -> None:
    """A provider's message: kept as it came, answered at once, worked off from there."""
    app, provider = request.app, request.names["provider"]
    if provider not in app.till.providers:
        raise Problem(404, "not_found")
    try:
        inbox.receive(app.database, app.till, provider, request.body, request.headers, request.now)
    except BadSignature as error:
        raise Problem(400, "bad_signature") from error
    except ProviderError as error:
        raise Problem(400, "bad_message") from error


def _page(method: str, path: str, handler: Any, **options: Any) -> Route:
    kinds: dict[str, Any] = {"also_kinds": (FORM,)} if method == "POST" else {}
    return Route(method, path, None, handler, tx=False, needs_organization=False, tag="Pages", **kinds, **options)


SIMULATED = "/simulator/{0}/{{org}}/{{name}}/{{signature}}"
ROUTES = [
    _page("GET", "/static/{file}", static_file),
    _page("GET", "/pay/done", pay_done),
    _page("GET", "/pay/{token}", pay_page),
    _page("POST", "/pay/{token}", pay),
    _page("GET", "/cards/cancelled", card_cancelled),
    _page("GET", "/cards/{token}", card_done),
    _page("GET", SIMULATED.format("card"), simulated_card_page),
    _page("POST", SIMULATED.format("card"), enter_simulated_card),
    _page("GET", SIMULATED.format("authenticate"), simulated_bank),
    _page("POST", SIMULATED.format("authenticate"), answer_simulated_bank),
    _page("POST", "/v1/providers/{provider}/events", hear_provider, status=204),
]
PUBLIC = frozenset(route.path for route in ROUTES)
