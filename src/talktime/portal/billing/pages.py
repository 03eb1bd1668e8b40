"""The pages of Billing, and who may see them."""

from __future__ import annotations

from talktime.core.roles import Right
from talktime.portal.billing import activity, adding, credits, options, papers, recharging
from talktime.portal.pages import Answer, Away, get, post
from talktime.portal.visit import Visit

SEE, CHANGE = Right.FUNDS_SEE, Right.FUNDS_CHANGE
CREDITS, OPTIONS = "/billing/credits", "/billing/payment-options"


def _to_products(visit: Visit) -> Answer:
    return Away("/billing/products")


PAGES = [
    get("/billing", _to_products, SEE),
    get("/billing/products", papers.get_products, SEE),
    get(CREDITS, credits.get_credits, SEE),
    get(f"{CREDITS}/now", credits.get_now, SEE),
    get(f"{CREDITS}/lots", credits.get_lots, SEE),
    get(f"{CREDITS}/activity.csv", activity.get_csv, SEE),
    post(f"{CREDITS}/authenticate", credits.authenticate, CHANGE),
    get(f"{CREDITS}/add", adding.get_adding, CHANGE),
    post(f"{CREDITS}/add", adding.confirm, CHANGE),
    post(f"{CREDITS}/add/pay", adding.pay, CHANGE, fresh=True),
    get(f"{CREDITS}/recharge", recharging.get_panel, CHANGE),
    post(f"{CREDITS}/recharge", recharging.save, CHANGE),
    post(f"{CREDITS}/recharge/retry", recharging.retry, CHANGE),
    get(OPTIONS, options.get_options, SEE),
    post(f"{OPTIONS}/cards", options.add_card, CHANGE),
    post(f"{OPTIONS}/cards/replace", options.replace_card, CHANGE),
    post(f"{OPTIONS}/cards/{{id}}/default", options.make_default, CHANGE),
    post(f"{OPTIONS}/cards/{{id}}/remove", options.remove_card, CHANGE, fresh=True),
    post(f"{OPTIONS}/agreements", options.add_agreement, CHANGE),
    post(f"{OPTIONS}/agreements/{{id}}/remove", options.remove_agreement, CHANGE),
    post(f"{OPTIONS}/details", options.save_details, CHANGE),
    get("/billing/receipts", papers.get_receipts, SEE),
    get("/billing/receipts/{file}", papers.get_receipt, SEE),
    get("/billing/statement", papers.get_statement, SEE),
    get("/billing/statement/{file}", papers.get_statement_file, SEE),
]
