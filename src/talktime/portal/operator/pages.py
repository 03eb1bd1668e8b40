"""The operator's pages, and who may see them."""

from __future__ import annotations

from dataclasses import replace

from talktime.core.roles import Right
from talktime.portal.operator import (
    audit,
    catalogue,
    corrections,
    fraud,
    ledger,
    limits,
    organizations,
    people,
    price_lists,
    providers,
    reconciliation,
    system,
    work,
)
from talktime.portal.operator.files import FORM_MAX
from talktime.portal.operator.ours import ours
from talktime.portal.pages import Answer, Away, get, post
from talktime.portal.visit import Visit

ORGANIZATIONS, PRICES, CATALOGUE = organizations.HERE, price_lists.HERE, catalogue.HERE
CORRECTIONS, PROVIDERS, DIFFERENCES = corrections.HERE, providers.HERE, reconciliation.HERE
MEMBERS, LEDGER, JOBS = people.HERE, ledger.HERE, work.HERE
ONE, LIST, MEMBER = f"{ORGANIZATIONS}/{{org}}", f"{PRICES}/{{id}}", f"{MEMBERS}/{{id}}"
INVOICE, DIFFERENCE = f"{PROVIDERS}/invoices/{{org}}/{{id}}", f"{DIFFERENCES}/{{org}}/{{id}}"


def _to_organizations(visit: Visit) -> Answer:
    return Away(ORGANIZATIONS)


_WRITTEN = [
    get("/operator", _to_organizations, Right.ORGANIZATIONS_SEE),
    get(ORGANIZATIONS, organizations.get_organizations, Right.ORGANIZATIONS_SEE),
    get(f"{ORGANIZATIONS}/new", organizations.get_new, Right.ORGANIZATIONS_CHANGE),
    post(f"{ORGANIZATIONS}/new", organizations.create, Right.ORGANIZATIONS_CHANGE),
    get(ONE, organizations.get_one, Right.ORGANIZATIONS_SEE),
    get(f"{ONE}/change", organizations.get_change, Right.ORGANIZATIONS_CHANGE),
    post(f"{ONE}/change", organizations.change, Right.ORGANIZATIONS_CHANGE),
    get(f"{ONE}/limits", limits.get_limits, Right.ORGANIZATIONS_SEE),
    post(f"{ONE}/limits", limits.save, Right.ORGANIZATIONS_CHANGE),
    get(f"{ONE}/close", organizations.get_close, Right.ORGANIZATIONS_CHANGE),
    post(f"{ONE}/close", organizations.close, Right.ORGANIZATIONS_CHANGE, fresh=True),
    post(f"{ONE}/enter", organizations.enter, Right.ORGANIZATIONS_SEE),
    post("/operator/leave", organizations.leave, Right.ORGANIZATIONS_SEE),
    get(PRICES, price_lists.get_lists, Right.PRICES_SEE),
    get(f"{PRICES}/new", price_lists.get_new, Right.PRICES_CHANGE),
    post(f"{PRICES}/new", price_lists.create, Right.PRICES_CHANGE, bytes_max=FORM_MAX),
    post(f"{PRICES}/illustrative", price_lists.create_illustrative, Right.PRICES_CHANGE),
    get(LIST, price_lists.get_list, Right.PRICES_SEE),
    post(LIST, price_lists.change, Right.PRICES_CHANGE),
    get(f"{LIST}/import", price_lists.get_import, Right.PRICES_CHANGE),
    post(f"{LIST}/import", price_lists.import_version, Right.PRICES_CHANGE, bytes_max=FORM_MAX),
    get(f"{LIST}/draft", price_lists.get_draft, Right.PRICES_SEE),
    post(f"{LIST}/draft", price_lists.publish, Right.PRICES_CHANGE),
    get(f"{LIST}/compare", price_lists.get_comparison, Right.PRICES_SEE),
    get(CATALOGUE, catalogue.get_catalogue, Right.PRICES_SEE),
    get(f"{CATALOGUE}/{{file}}", catalogue.get_file, Right.PRICES_SEE),
    post(f"{CATALOGUE}/licences", catalogue.save_licences, Right.PRICES_CHANGE, bytes_max=FORM_MAX),
    post(f"{CATALOGUE}/numbers", catalogue.save_numbers, Right.PRICES_CHANGE, bytes_max=FORM_MAX),
    post(f"{CATALOGUE}/licences/{{code}}/remove", catalogue.remove_licence, Right.PRICES_CHANGE),
    get(CORRECTIONS, corrections.get_corrections, Right.CORRECTIONS_SEE),
    get(f"{CORRECTIONS}/new", corrections.get_new, Right.CORRECTIONS_CHANGE, fresh=True),
    post(f"{CORRECTIONS}/new", corrections.make, Right.CORRECTIONS_CHANGE, fresh=True),
    post(f"{CORRECTIONS}/{{org}}/{{id}}/confirm", corrections.confirm, Right.CORRECTIONS_CHANGE, fresh=True),
    get(PROVIDERS, providers.get_providers, Right.PROVIDERS_SEE),
    post(f"{PROVIDERS}/inbox/{{org}}/{{id}}/replay", providers.replay, Right.PROVIDERS_CHANGE),
    get(INVOICE, providers.get_invoice, Right.PROVIDERS_SEE),
    post(INVOICE, providers.decide, Right.PROVIDERS_CHANGE, fresh=True),
    get(DIFFERENCES, reconciliation.get_items, Right.PROVIDERS_SEE),
    post(DIFFERENCES, reconciliation.run, Right.PROVIDERS_CHANGE),
    get(DIFFERENCE, reconciliation.get_item, Right.PROVIDERS_SEE),
    post(DIFFERENCE, reconciliation.close, Right.PROVIDERS_CHANGE),
    get("/operator/fraud-guard", fraud.get_guard, Right.OPERATION_SEE),
    get(LEDGER, ledger.get_ledger, Right.OPERATION_SEE),
    get(f"{LEDGER}/now", ledger.get_now, Right.OPERATION_SEE),
    post(LEDGER, ledger.verify, Right.OPERATION_CHANGE),
    get(JOBS, work.get_jobs, Right.OPERATION_SEE),
    post(f"{JOBS}/deliveries/{{org}}/{{id}}/replay", work.replay, Right.OPERATION_CHANGE),
    get("/operator/system", system.get_system, Right.OPERATION_SEE),
    get(MEMBERS, people.get_members, Right.OPERATION_SEE),
    get(f"{MEMBERS}/new", people.get_new, Right.OPERATION_CHANGE),
    post(f"{MEMBERS}/new", people.invite, Right.OPERATION_CHANGE, fresh=True),
    get(MEMBER, people.get_member, Right.OPERATION_CHANGE),
    post(MEMBER, people.change, Right.OPERATION_CHANGE, fresh=True),
    post(f"{MEMBER}/invite", people.invite_again, Right.OPERATION_CHANGE),
    post(f"{MEMBER}/end-sessions", people.end_sessions, Right.OPERATION_CHANGE),
    post(f"{MEMBER}/remove", people.remove, Right.OPERATION_CHANGE, fresh=True),
    get("/operator/audit", audit.get_audit, Right.AUDIT_SEE),
]
PAGES = [replace(page, handler=ours(page.handler), of_organization=False) for page in _WRITTEN]
