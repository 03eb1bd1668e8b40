"""The pages of Settings, and who may see them. Whatever opens a door asks for a fresh sign-in."""

from __future__ import annotations

from talktime.core.roles import Right
from talktime.portal.pages import Answer, Away, get, post
from talktime.portal.settings import (
    audit,
    keys,
    members,
    organization,
    recipients,
    roles,
    sign_in,
    switches,
    webhooks,
)
from talktime.portal.settings.member_steps import STEPS
from talktime.portal.visit import Visit

SEE, CHANGE = Right.SETTINGS_SEE, Right.SETTINGS_CHANGE
PEOPLE_SEE, PEOPLE_CHANGE = Right.MEMBERS_SEE, Right.MEMBERS_CHANGE
MEMBER, WEBHOOK = f"{members.HERE}/{{id}}", f"{webhooks.HERE}/{{id}}"
SWITCH, KEY = f"{switches.HERE}/named/{{name}}", f"{keys.HERE}/{{id}}"


def _to_the_first(visit: Visit) -> Answer:
    return Away(organization.HERE if visit.may(SEE) else members.HERE)


PAGES = [
    get("/settings", _to_the_first),
    get(organization.HERE, organization.get_organization, SEE),
    post(organization.HERE, organization.save, CHANGE),
    get(members.HERE, members.get_members, PEOPLE_SEE),
    get(f"{members.HERE}/invite", members.get_invitation, PEOPLE_CHANGE, fresh=True),
    post(f"{members.HERE}/invite", members.invite, PEOPLE_CHANGE, fresh=True),
    get(MEMBER, members.get_member, PEOPLE_CHANGE, fresh=True),
    post(MEMBER, members.change, PEOPLE_CHANGE, fresh=True),
    *(get(f"{MEMBER}/{step.name}", step.get, PEOPLE_CHANGE, fresh=True) for step in STEPS),
    *(post(f"{MEMBER}/{step.name}", step.post, PEOPLE_CHANGE, fresh=True) for step in STEPS),
    get(recipients.HERE, recipients.get_recipients, SEE),
    post(recipients.HERE, recipients.save, CHANGE),
    get(webhooks.HERE, webhooks.get_webhooks, SEE),
    get(f"{webhooks.HERE}/new", webhooks.get_new, CHANGE, fresh=True),
    post(f"{webhooks.HERE}/new", webhooks.add, CHANGE, fresh=True),
    get(WEBHOOK, webhooks.get_webhook, SEE),
    post(WEBHOOK, webhooks.change, CHANGE),
    get(f"{WEBHOOK}/deliveries", webhooks.get_deliveries, SEE),
    post(f"{WEBHOOK}/deliveries/{{delivery}}/replay", webhooks.replay, CHANGE),
    post(f"{WEBHOOK}/test", webhooks.try_it, CHANGE),
    get(f"{WEBHOOK}/rotate", webhooks.ask_to_rotate, CHANGE, fresh=True),
    post(f"{WEBHOOK}/rotate", webhooks.rotate, CHANGE, fresh=True),
    get(f"{WEBHOOK}/remove", webhooks.ask_to_remove, CHANGE, fresh=True),
    post(f"{WEBHOOK}/remove", webhooks.remove, CHANGE, fresh=True),
    get(keys.HERE, keys.get_keys, SEE),
    get(f"{keys.HERE}/new", keys.get_new, CHANGE, fresh=True),
    post(f"{keys.HERE}/new", keys.make, CHANGE, fresh=True),
    get(f"{KEY}/revoke", keys.ask_to_revoke, CHANGE, fresh=True),
    post(f"{KEY}/revoke", keys.revoke, CHANGE, fresh=True),
    get(switches.HERE, switches.get_switches, SEE),
    get(f"{switches.HERE}/now", switches.get_now, SEE),
    get(f"{switches.HERE}/new", switches.get_new, CHANGE, fresh=True),
    post(f"{switches.HERE}/new", switches.add, CHANGE, fresh=True),
    get(SWITCH, switches.get_switch, SEE),
    post(SWITCH, switches.change, CHANGE),
    get(f"{SWITCH}/remove", switches.ask_to_remove, CHANGE),
    post(f"{SWITCH}/remove", switches.remove, CHANGE),
    get(sign_in.HERE, sign_in.get_sign_in, SEE),
    get(sign_in.RULES, sign_in.get_rules, CHANGE, fresh=True),
    post(sign_in.RULES, sign_in.save_rules, CHANGE, fresh=True),
    get(sign_in.SSO, sign_in.get_single_sign_on, CHANGE, fresh=True),
    post(sign_in.SSO, sign_in.save_single_sign_on, CHANGE, fresh=True),
    get(sign_in.OFF, sign_in.ask_to_switch_off, CHANGE, fresh=True),
    post(sign_in.OFF, sign_in.switch_off, CHANGE, fresh=True),
    get("/settings/roles", roles.get_roles, SEE),
    get("/settings/audit", audit.get_audit, SEE),
    get("/settings/audit.csv", audit.get_file, SEE),
]
