"""Settings, as the administrators of an organization meet them."""

from __future__ import annotations

import ast
import csv
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

import talktime
from scripts import role_table
from talktime.actions import audit, single_sign_on
from talktime.actions.audit import Actor
from talktime.actions.single_sign_on import Wanted
from talktime.core.roles import OPERATOR_ROLES, ORGANIZATION_ROLES, RIGHTS
from talktime.core.time import SECOND
from talktime.portal.settings.pages import PAGES
from talktime.portal.settings.roles import CHANGES, NOTHING, OF_ORGANIZATION, SEES, table_of
from talktime.settings import Settings
from talktime.storage import credential_store
from talktime.storage.database import Tx
from tests.portal.client import PortalWorld, Reader, Shown, number_of
from tests.support.oidc_server import OidcServer
from tests.web.client import Client, Organization
from tests.web.conftest import opened

ORGANIZATION, MEMBERS, RECIPIENTS = "/settings/organization", "/settings/members", "/settings/recipients"
WEBHOOKS, KEYS, SWITCHES = "/settings/webhooks", "/settings/keys", "/settings/switches"
SIGN_IN, AUDIT = "/settings/sign-in", "/settings/audit"
HOOK = "https://hooks.example.com/talktime"
OVER_AN_HOUR = 4000
SOURCE = Path(talktime.__file__).parent
OF_THE_OPERATOR = ("licence_catalogue.", "number_rows.", "price_list.", "session.", "set_up_link.")


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    return portal.world.organization()


@pytest.fixture
def admin(portal: PortalWorld, org: Organization) -> Reader:
    return portal.as_role(org, "global_administrator")


@pytest.fixture
def payer(portal: PortalWorld, org: Organization) -> Reader:
    """Sees settings and changes none."""
    return portal.as_role(org, "billing_administrator", name="Ben Baker")


def audited(org: Organization) -> list[str]:
    return [row["action"] for row in org.api.get("/v1/audit?limit=1000").json["data"]]


def secret_on(page: Shown, name: str) -> str:
    found = re.search(rf'<code id="{name}">([^<]+)</code>', page.html)
    assert found, page.words
    return found[1]


# ---------------------------------------------------------------- who may


def test_settings_begin_with_what_a_role_may_see(portal: PortalWorld, org: Organization, admin: Reader) -> None:
    assert admin.get("/settings").to == ORGANIZATION
    assert portal.as_role(org, "user_administrator").get("/settings").to == MEMBERS


def test_who_looks_after_users_finds_those_who_sign_in_in_the_menu(portal: PortalWorld, org: Organization) -> None:
    reader = portal.as_role(org, "user_administrator")
    page = reader.get(MEMBERS)
    assert page.status == 200
    assert MEMBERS in page.links
    assert ORGANIZATION not in page.links
    assert f"{MEMBERS}/invite" not in page.links


def test_who_may_not_change_settings_finds_no_button_for_it(payer: Reader) -> None:
    for path in (ORGANIZATION, RECIPIENTS, WEBHOOKS, KEYS, SWITCHES, SIGN_IN):
        page = payer.get(path)
        assert page.status == 200
        assert not any(word in page.words for word in ("Save changes", "Create a key", "Add a webhook", "Set up"))
        assert [link for link in page.links if link.endswith("/new")] == []


def test_what_opens_a_door_asks_again_who_somebody_is(portal: PortalWorld, admin: Reader) -> None:
    portal.world.clock.pass_seconds(OVER_AN_HOUR)
    for page in PAGES:
        if page.fresh and not page.changes:
            asked = admin.get(re.sub(r"\{[^}]+\}", "1", page.path))
            assert asked.to.startswith("/sign-in/again?next=%2Fsettings%2F"), page.path


def test_whoever_proved_himself_comes_back_to_a_page_that_is_there() -> None:
    """What is sent without a fresh sign-in is asked for again by its address."""
    shown = {page.path for page in PAGES if not page.changes}
    assert [page.path for page in PAGES if page.changes and page.fresh and page.path not in shown] == []


# ---------------------------------------------------------------- the organization


def test_an_organization_changes_its_name_clock_and_language(admin: Reader, org: Organization) -> None:
    sent = {"name": "Example Telephony", "time_zone": "Europe/Riga", "language": "lv"}
    assert admin.submit(ORGANIZATION, ORGANIZATION, **sent).to == f"{ORGANIZATION}?said=saved"
    told = org.api.get(org.path).json
    assert {name: told[name] for name in sent} == sent
    assert "organization.changed" in audited(org)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("name", "", "This is needed."),
        ("name", "x" * 201, "Something in what was sent is not right."),
        ("time_zone", "Europe/Atlantis", "This is no time zone of the IANA database, like Europe/Riga."),
        ("language", "xx", "This language is not spoken here."),
    ],
)
def test_what_is_wrong_with_an_organization_stands_beside_its_field(
    admin: Reader, org: Organization, field: str, text: str, said: str
) -> None:
    before = org.api.get(org.path).json
    page = admin.submit(ORGANIZATION, ORGANIZATION, **{field: text})
    assert (page.status, page.errors) == (422, [said])
    assert f'id="{field}-error"' in page.html
    assert org.api.get(org.path).json == before


def test_country_and_currency_are_the_operators_to_change(admin: Reader, org: Organization) -> None:
    before = org.api.get(org.path).json
    page = admin.get(ORGANIZATION)
    assert "Set by the operator" in page.words
    assert admin.submit(ORGANIZATION, ORGANIZATION, country="BG", currency="EUR", policy="none").status == 303
    assert org.api.get(org.path).json == before


# ---------------------------------------------------------------- people who sign in


def test_somebody_is_invited_once_however_often_it_is_sent(admin: Reader, org: Organization) -> None:
    path = f"{MEMBERS}/invite"
    form = admin.get(path).form(path).values
    sent = {**form, "name": "Dan Dyer", "email": "dan@example.com", "roles": ["helpdesk", "report_reader"]}
    assert [admin.send(path, sent).to for _ in range(2)] == [f"{MEMBERS}?said=invited"] * 2
    there = [one for one in org.api.get("/v1/members").json["data"] if one["email"] == "dan@example.com"]
    assert [(one["name"], one["roles"], one["state"]) for one in there] == [
        ("Dan Dyer", ["helpdesk", "report_reader"], "invited")
    ]
    page = admin.get(MEMBERS)
    assert "Dan Dyer" in page.words
    assert "Helpdesk, Report reader" in page.words
    assert "Invited" in page.words


def test_an_invitation_without_roles_or_to_no_address_is_not_sent(admin: Reader, org: Organization) -> None:
    path = f"{MEMBERS}/invite"
    assert admin.submit(path, path, name="Dan Dyer", email="dan@example.com").errors == ["Choose at least one."]
    page = admin.submit(path, path, name="Dan Dyer", email="dan", roles="helpdesk")
    assert page.errors == ["This is no e-mail address."]
    assert 'value="Dan Dyer"' in page.html
    page = admin.submit(path, path, name="Dan Dyer", email="dan@example.com", roles="operator")
    assert page.status == 422
    assert len(org.api.get("/v1/members").json["data"]) == 1


def test_roles_are_changed(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    other = portal.member(org, "helpdesk", name="Eve Ellis")
    path = f"{MEMBERS}/{other}"
    assert admin.submit(path, path, roles=["user_administrator"]).to == f"{MEMBERS}?said=saved"
    assert org.api.get(f"/v1/members/{other}").json["roles"] == ["user_administrator"]


def test_the_last_administrator_stays(admin: Reader, org: Organization) -> None:
    me = org.api.get("/v1/members").json["data"][0]["id"]
    path = f"{MEMBERS}/{me}"
    said = "Nobody else is a global administrator here: make somebody one first."
    assert admin.submit(path, path, roles=["helpdesk"]).errors == [said]
    refused = admin.submit(f"{path}/remove", f"{path}/remove")
    assert (refused.status, refused.errors) == (422, [said])
    assert org.api.get(f"/v1/members/{me}").json["state"] == "active"


def test_who_is_removed_is_signed_out_and_remembered(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    other = portal.member(org, "helpdesk", name="Eve Ellis")
    reader = portal.signed_in(org, other)
    assert reader.get("/").status == 200
    path = f"{MEMBERS}/{other}/remove"
    assert "Remove Eve Ellis?" in admin.get(path).title
    assert admin.submit(path, path).to == f"{MEMBERS}?said=removed"
    assert reader.get("/").to.startswith("/sign-in")
    assert "1 person was removed" in admin.get(MEMBERS).words
    assert admin.get(f"{MEMBERS}/{other}").status == 404


def test_sessions_of_somebody_are_shown_and_ended(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    other = portal.member(org, "helpdesk", name="Eve Ellis")
    reader = portal.signed_in(org, other)
    assert "127.0.0.1" in admin.get(f"{MEMBERS}/{other}").words
    path = f"{MEMBERS}/{other}/sign-out"
    assert admin.submit(path, path).status == 303
    assert reader.get("/").to.startswith("/sign-in")
    assert "Not signed in anywhere." in admin.get(f"{MEMBERS}/{other}").words


def letters(portal: PortalWorld) -> int:
    portal.world.app.deliver("email", lambda: False)
    return len([*portal.world.app.settings.data.rglob("outbox/*")])


def test_who_was_invited_is_invited_again(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    path = f"{MEMBERS}/invite"
    admin.submit(path, path, name="Dan Dyer", email="dan@example.com", roles="helpdesk")
    before = letters(portal)
    dan = next(one["id"] for one in org.api.get("/v1/members").json["data"] if one["name"] == "Dan Dyer")
    assert f"{MEMBERS}/{dan}/invite" in admin.get(f"{MEMBERS}/{dan}").links
    again = f"{MEMBERS}/{dan}/invite"
    assert "dan@example.com" in admin.get(again).words
    assert admin.submit(again, again).to == f"{MEMBERS}/{dan}?said=invited"
    assert letters(portal) == before + 1
    answered = portal.member(org, "helpdesk", name="Eve Ellis")
    refused = admin.submit(f"{MEMBERS}/{answered}/invite", f"{MEMBERS}/{answered}/invite")
    assert refused.errors == ["Only who was invited and has not answered is invited again."]


def test_a_lost_second_factor_and_a_linked_account_are_taken_away(
    portal: PortalWorld, admin: Reader, org: Organization
) -> None:
    other, number = portal.member(org, "helpdesk", name="Eve Ellis"), number_of(org)
    reader, database = portal.signed_in(org, other), portal.world.app.database

    def equip(tx: Tx) -> None:
        kept = credential_store.find(tx, number, other)
        linked = "https://login.example.com 4711"
        credential_store.save(tx, number, replace(kept, totp_secret=b"sealed", totp_at=1, sso_subject=linked))

    database.write(number, equip)
    page = admin.get(f"{MEMBERS}/{other}")
    assert "https://login.example.com" in page.words
    for step in ("single-sign-on", "second-factor"):
        path = f"{MEMBERS}/{other}/{step}"
        assert path in page.links
        assert admin.submit(path, path).to == f"{MEMBERS}/{other}?said=saved"
    kept = database.read(number, credential_store.find, number, other)
    assert (kept.totp_at, kept.sso_subject) == (None, None)
    assert reader.get("/").to.startswith("/sign-in")


def test_people_of_another_organization_are_nobody(portal: PortalWorld, admin: Reader) -> None:
    stranger = portal.member(portal.world.organization(), "global_administrator")
    for path in (f"{MEMBERS}/{stranger}", f"{MEMBERS}/{stranger}/remove", f"{MEMBERS}/{stranger}/sign-out"):
        assert admin.get(path).status == 404
    # An address of the API in place of a name leads nowhere else.
    assert admin.get(f"{MEMBERS}/{stranger}%2Fend-sessions").status == 404


# ---------------------------------------------------------------- alerts


def test_alerts_are_saved_as_they_were_typed(portal: PortalWorld, org: Organization) -> None:
    reader = portal.as_role(org, "global_administrator", language="lv")
    sent = {
        "balance_low": ["100", "25,50", ""],
        "spend_per_day": "1 000",
        "roles": ["billing_administrator"],
        "addresses": "finance@example.com\nops@example.com",
    }
    assert reader.submit(RECIPIENTS, RECIPIENTS, **sent).to == f"{RECIPIENTS}?said=saved"
    assert org.api.get("/v1/alerts").json == {
        "balance_low": ["100", "25.5"],
        "spend_per_day": "1000",
        "spend_per_month": None,
        "recipients": ["billing_administrator", "finance@example.com", "ops@example.com"],
    }
    page = reader.get(RECIPIENTS)
    assert page.html.count('name="balance_low"') == 3
    assert 'value="25,50"' in page.html


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("balance_low", "much", "This is no amount."),
        ("balance_low", "0", "It must be above zero."),
        ("spend_per_month", "-5", "It must be above zero."),
        ("addresses", "finance", "'finance' is no e-mail address."),
    ],
)
def test_a_wrong_alert_changes_nothing(admin: Reader, org: Organization, field: str, text: str, said: str) -> None:
    page = admin.submit(RECIPIENTS, RECIPIENTS, **{field: text})
    assert (page.status, page.errors) == (422, [said])
    assert text in page.html
    assert org.api.get("/v1/alerts").json["balance_low"] == []


def test_a_level_is_taken_away_by_emptying_its_field(admin: Reader, org: Organization) -> None:
    org.api.put("/v1/alerts", {"balance_low": ["50"], "recipients": ["helpdesk"]})
    admin.submit(RECIPIENTS, RECIPIENTS, balance_low="", roles=[], addresses="")
    assert org.api.get("/v1/alerts").json["balance_low"] == []
    assert org.api.get("/v1/alerts").json["recipients"] == []


# ---------------------------------------------------------------- webhooks


def webhook(admin: Reader, org: Organization) -> str:
    path = f"{WEBHOOKS}/new"
    assert admin.submit(path, path, url=HOOK, events=["balance_low"]).status == 200
    return str(org.api.get("/v1/webhooks").json["data"][-1]["id"])


def test_a_webhook_shows_its_secret_once(admin: Reader, org: Organization) -> None:
    assert "No webhook yet" in admin.get(WEBHOOKS).words
    path = f"{WEBHOOKS}/new"
    made = admin.submit(path, path, url=HOOK, events=["balance_low", "dispute"])
    secret = secret_on(made, "secret")
    assert secret.startswith("whsec_")
    there = org.api.get("/v1/webhooks").json["data"][0]
    assert there["events"] == ["balance_low", "dispute"]
    for page in (WEBHOOKS, f"{WEBHOOKS}/{there['id']}", AUDIT):
        assert secret not in admin.get(page).html
    rotate = f"{WEBHOOKS}/{there['id']}/rotate"
    again = admin.submit(rotate, rotate)
    assert secret_on(again, "secret") != secret
    assert "The secret of before signs along until" in again.words


def test_a_webhook_needs_an_address_and_an_event(admin: Reader, org: Organization) -> None:
    path = f"{WEBHOOKS}/new"
    assert admin.submit(path, path, url="", events=["balance_low"]).errors == ["This is needed."]
    assert admin.submit(path, path, url=HOOK, events=None).errors == ["Choose at least one."]
    wrong = admin.submit(path, path, url="ftp://example.com", events=["balance_low"])
    assert wrong.status == 422
    assert "A webhook is an https:// address" in wrong.errors[0]
    assert admin.submit(path, path, url=HOOK, events=["nonsense"]).status == 422
    assert org.api.get("/v1/webhooks").json["data"] == []


def test_a_webhook_is_tried_and_what_did_not_arrive_is_sent_again(admin: Reader, org: Organization) -> None:
    path = f"{WEBHOOKS}/{webhook(admin, org)}"
    assert "Nothing was sent yet." in admin.get(path).words
    assert admin.submit(path, f"{path}/test").to == f"{path}?said=sending"
    page = admin.get(f"{path}/deliveries")
    assert "Test message" in page.words
    assert "Waiting" in page.words


def test_a_message_that_was_given_up_is_replayed(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    path = f"{WEBHOOKS}/{webhook(admin, org)}"
    admin.submit(path, f"{path}/test")
    for _ in range(20):
        portal.world.clock.pass_days(1)
        portal.world.app.deliver("webhook", lambda: False)
    reader = portal.as_role(org, "global_administrator", email="again@example.com")
    page = reader.get(path)
    assert "Given up" in page.words
    replay = next(form.action for form in page.forms if form.action.endswith("/replay"))
    assert reader.submit(path, replay).to == f"{path}?said=sending"
    assert "Waiting" in reader.get(path).words


def test_a_webhook_is_changed_and_removed(admin: Reader, org: Organization) -> None:
    path = f"{WEBHOOKS}/{webhook(admin, org)}"
    assert admin.submit(path, path, events=["dispute"]).to == f"{path}?said=saved"
    assert org.api.get("/v1/webhooks").json["data"][0]["events"] == ["dispute"]
    assert admin.submit(f"{path}/remove", f"{path}/remove").to == f"{WEBHOOKS}?said=removed"
    assert org.api.get("/v1/webhooks").json["data"] == []
    assert admin.get(path).status == 404


# ---------------------------------------------------------------- keys


def test_a_key_is_shown_once_and_opens_what_was_ticked(portal: PortalWorld, admin: Reader) -> None:
    path = f"{KEYS}/new"
    made = admin.submit(path, path, scopes=["rates", "reports"], days="30")
    key = secret_on(made, "key")
    client = Client(portal.world.door, key)
    assert client.get("/v1/pools").status == 200
    assert client.get("/v1/balance").code == "scope_missing"
    page = admin.get(KEYS)
    assert key not in page.html
    assert "Reports, Rates" in page.words
    portal.world.clock.pass_days(31)
    assert client.get("/v1/pools").status == 401


def test_a_key_is_revoked_for_good(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    path = f"{KEYS}/new"
    client = Client(portal.world.door, secret_on(admin.submit(path, path, scopes="reports", days=""), "key"))
    assert client.get("/v1/pools").status == 200
    revoke = next(link for link in admin.get(KEYS).links if link.endswith("/revoke"))
    assert "refused from the next request on" in admin.get(revoke).words
    assert admin.submit(revoke, revoke).to == f"{KEYS}?said=revoked"
    assert client.get("/v1/pools").status == 401
    assert "1 key is revoked or expired" in admin.get(KEYS).words
    assert admin.get(revoke).status == 404
    assert audited(org)[:2] == ["key.revoked", "key.created"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"scopes": []}, "Choose at least one."),
        ({"scopes": "operator"}, "Something in what was sent is not right."),
        ({"scopes": "calls", "days": "9999999"}, "Something in what was sent is not right."),
        ({"scopes": "calls", "addresses": "192.0.2.0/33"}, "'192.0.2.0/33' is no IP address or network."),
    ],
)
def test_a_key_that_cannot_be_is_not_made(admin: Reader, org: Organization, sent: dict[str, object], said: str) -> None:
    path = f"{KEYS}/new"
    page = admin.submit(path, path, **sent)
    assert (page.status, page.errors) == (422, [said])
    assert "key.created" not in audited(org)


def test_keys_of_another_organization_stay(portal: PortalWorld, admin: Reader) -> None:
    other = portal.world.organization()
    key = other.key("reports")
    key_id = other.api.get(f"{other.path}/keys").json["data"][0]["id"]
    assert admin.get(f"{KEYS}/{key_id}/revoke").status == 404
    token = admin.get(ORGANIZATION).form(ORGANIZATION).values
    assert admin.send(f"{KEYS}/{key_id}/revoke", token).status == 404
    assert key.get("/v1/pools").status == 200


# ---------------------------------------------------------------- switches


def test_a_switch_is_connected_with_a_key_of_its_own(portal: PortalWorld, admin: Reader) -> None:
    path = f"{SWITCHES}/new"
    made = admin.submit(path, path, name="edge-1", kind="freeswitch", with_key="on", addresses="")
    assert "/v1/calls/authorize" in made.words
    assert "mod_curl" in made.words
    client = Client(portal.world.door, secret_on(made, "key"))
    assert "Never heard of" in admin.get(SWITCHES).words
    assert client.post("/v1/switches/edge-1/heartbeat", {"boot_id": "1"}).status == 200
    assert "Connected" in admin.get(f"{SWITCHES}/now").words
    portal.world.clock.pass_seconds(60)
    assert "Silent" in admin.get(f"{SWITCHES}/named/edge-1").words
    assert client.get("/v1/balance").code == "scope_missing"


def test_a_switch_that_cannot_be_leaves_no_key_behind(admin: Reader, org: Organization) -> None:
    path = f"{SWITCHES}/new"
    wrong = admin.submit(path, path, name="edge 1", kind="other", with_key="on")
    assert wrong.status == 422
    assert admin.submit(path, path, name="edge-1", cut_url="ftp://x").errors == [
        "This is no http:// or https:// address."
    ]
    assert admin.submit(path, path, name="edge-1", addresses="nowhere").errors == [
        "'nowhere' is no IP address or network."
    ]
    assert not {"key.created", "switch.created"} & set(audited(org))
    assert admin.submit(path, path, name="edge-1").status == 200
    assert admin.submit(path, path, name="edge-1").errors == ["Somebody or something else has this already."]
    assert audited(org).count("key.created") == 1


def test_a_switch_keeps_its_token_until_another_comes(admin: Reader, org: Organization) -> None:
    path, api = f"{SWITCHES}/named/new", org.key("switches")
    admin.submit(f"{SWITCHES}/new", f"{SWITCHES}/new", name="new", cut_url="https://a.example.com", cut_token="t" * 20)
    assert "t" * 20 not in admin.get(path).html
    assert admin.submit(path, path, cut_url="https://b.example.com").status == 303
    told = api.get("/v1/switches/new").json
    assert (told["cut_url"], told["has_cut_token"]) == ("https://b.example.com", True)
    assert admin.submit(path, path, cut_url="", forget_token="on").status == 303
    told = api.get("/v1/switches/new").json
    assert (told["cut_url"], told["has_cut_token"]) == (None, False)
    assert admin.submit(path, path, cut_url="ftp://x").status == 422
    assert admin.submit(f"{path}/remove", f"{path}/remove").to == f"{SWITCHES}?said=removed"
    assert "No switch yet" in admin.get(SWITCHES).words


# ---------------------------------------------------------------- sign-in


def test_rules_of_signing_in_are_changed(admin: Reader, org: Organization) -> None:
    path = f"{SIGN_IN}/rules"
    assert "At least 12 characters" in admin.get(SIGN_IN).words
    assert admin.submit(path, path, password_length="16", second_factor="optional").to == f"{SIGN_IN}?said=saved"
    page = admin.get(SIGN_IN)
    assert "At least 16 characters" in page.words
    assert "Optional" in page.words
    assert audited(org)[0] == "sign_in_rules.changed"


def test_passwords_are_never_too_short(admin: Reader) -> None:
    path = f"{SIGN_IN}/rules"
    for length in ("9", "201", "-12", "twelve", "1" * 30):
        page = admin.submit(path, path, password_length=length)
        assert (page.status, page.errors) == (422, ["It must be from 10 to 200 characters."])
    assert admin.submit(path, path, password_length="").errors == ["This is needed."]
    assert "At least 12 characters" in admin.get(SIGN_IN).words


def test_single_sign_on_is_not_saved_before_the_server_has_answered(admin: Reader, org: Organization) -> None:
    path = f"{SIGN_IN}/single-sign-on"
    sent = {"client_id": "talktime", "client_secret": "s" * 20}
    assert admin.submit(path, path, issuer="", **sent).errors == ["This is needed."]
    assert admin.submit(path, path, issuer="ftp://login.example.com", **sent).status == 422
    silent = admin.submit(path, path, issuer="https://login.invalid", **sent)
    assert silent.status == 422
    assert len(silent.errors) == 1
    assert "s" * 20 not in silent.html
    assert "sign_in_rules.sso_changed" not in audited(org)
    assert "Not set up" in admin.get(SIGN_IN).words


@pytest.fixture
def inside(empty_data: Path, tmp_path: Path) -> Iterator[PortalWorld]:
    """Whose own server for signing in may stand on this machine."""
    shutil.copytree(empty_data, tmp_path / "inside")
    with opened(Settings(data=tmp_path / "inside", sso_to_internal=True)) as world:
        portal = PortalWorld(world)
        yield portal
        portal.close()


def test_single_sign_on_is_checked_and_then_saved(inside: PortalWorld) -> None:
    org, path = inside.world.organization(), f"{SIGN_IN}/single-sign-on"
    admin = inside.as_role(org, "global_administrator")
    with OidcServer(lambda: inside.world.clock() // SECOND) as server:
        sent = {"issuer": server.issuer, "client_id": "talktime", "client_secret": "s" * 20}
        checked = admin.submit(path, path, do="check", **sent)
        assert "The server answers" in checked.words
        assert "Not set up" in admin.get(SIGN_IN).words
        assert admin.submit(path, path, enforced="on", **sent).to == f"{SIGN_IN}?said=saved"
        page = admin.get(SIGN_IN)
        assert server.issuer in page.words
        assert "Refused" in page.words
        # Empty keeps the secret; the box takes it away.
        assert admin.submit(path, path, client_secret="", enforced=None).status == 303
        assert "There is one, and it is not shown." in admin.get(path).words
        assert admin.submit(path, path, no_secret="on").status == 303
        assert "There is one" not in admin.get(path).words
        assert admin.submit(path, path, client_id="").errors == ["This is needed."]
    assert audited(org).count("sign_in_rules.sso_changed") == 3


def test_single_sign_on_is_shown_and_switched_off(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    app, number = portal.world.app, number_of(org)
    wanted = Wanted(issuer="https://login.example.com", client_id="talktime", client_secret="s" * 20, enforced=True)
    values = (app.vault, app.identity, number, wanted, Actor("test", app.now()))
    app.database.write(number, single_sign_on.save, *values)
    page = admin.get(SIGN_IN)
    assert f"/sso/{org.id}" in page.words
    assert "https://login.example.com" in page.words
    form = admin.get(f"{SIGN_IN}/single-sign-on")
    assert "There is one, and it is not shown." in form.words
    assert "s" * 20 not in form.html
    off = f"{SIGN_IN}/single-sign-on/off"
    assert admin.submit(off, off).to == f"{SIGN_IN}?said=saved"
    assert "Not set up" in admin.get(SIGN_IN).words


# ---------------------------------------------------------------- roles


def test_the_page_of_roles_is_the_table_that_the_product_goes_by(
    portal: PortalWorld, org: Organization, admin: Reader
) -> None:
    for roles in (ORGANIZATION_ROLES, OPERATOR_ROLES):
        for row in table_of(roles, OF_ORGANIZATION):
            for role, may in zip(roles, row.may, strict=True):
                held = {right for right in RIGHTS[role] if right.startswith(f"{row.area}.")}
                assert may == (CHANGES if len(held) == 2 else SEES if held else NOTHING)
    page = admin.get("/settings/roles")
    assert "Roles of the operator" not in page.words
    assert page.html.count("<tr>") == 1 + len(OF_ORGANIZATION)


def test_the_document_of_roles_is_that_table_too() -> None:
    assert role_table.DOCUMENT.read_text() == role_table.document()


# ---------------------------------------------------------------- audit log


def test_the_audit_log_says_in_words_who_did_what(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    portal.member(org, "helpdesk", name="Eve Ellis")
    admin.submit(ORGANIZATION, ORGANIZATION, language="bg")
    org.api.put("/v1/alerts", {"balance_low": ["50"]})
    words = admin.get(AUDIT).words
    assert "Organization changed Language: English → Български Ann Archer" in words.replace("  ", " ")
    assert "Alerts changed" in words
    assert "Person invited Eve Ellis" in words
    assert "The operator" in words
    assert "organization.changed" not in words
    user = org.user(name="Finn Fisher").json
    org.api.put(f"/v1/users/{user['id']}/licences", ["MCOPSTNPP"])
    assert "Licences of a user changed Finn Fisher" in admin.get(AUDIT).words


def test_the_audit_log_is_searched(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    admin.submit(ORGANIZATION, ORGANIZATION, name="Example Telephony")
    me = org.api.get("/v1/members").json["data"][0]["id"]

    def found(query: str) -> str:
        return admin.get(f"{AUDIT}?{query}").html.partition("<tbody>")[2]

    assert "Organization changed" in found(f"who={me}")
    assert "Person invited" not in found(f"who={me}")
    assert "Person invited" in found("kind=members")
    assert "Organization changed" not in found("kind=members")
    assert found("from=2031-01-01") == ""
    assert found("to=2029-01-01") == ""
    assert "Organization changed" in found("from=2030-04-02&to=2030-04-02")
    assert admin.get(f"{AUDIT}?from=yesterday").errors == ["This is no day."]


def test_keys_and_the_search_for_them_work_on_both_databases(portal_anywhere: PortalWorld) -> None:
    org, path = portal_anywhere.world.organization(), f"{KEYS}/new"
    admin = portal_anywhere.as_role(org, "global_administrator")
    client = Client(portal_anywhere.world.door, secret_on(admin.submit(path, path, scopes="reports"), "key"))
    assert client.get("/v1/pools").status == 200
    me = org.api.get("/v1/members").json["data"][0]["id"]
    rows = admin.get(f"{AUDIT}?kind=settings&who={me}&from=2030-04-02&to=2030-04-02").html.partition("<tbody>")[2]
    assert rows.count('<th scope="row"') == 1
    assert "API key created" in rows
    assert admin.get(f"{AUDIT}?kind=settings&to=2030-04-01").html.count('<th scope="row"') == 0


def test_the_audit_log_goes_on_over_pages(admin: Reader, org: Organization) -> None:
    for number in range(60):
        org.api.put("/v1/alerts", {"balance_low": [str(number + 1)]})
    first = admin.get(f"{AUDIT}?kind=settings")
    following = next(link for link in first.links if "cursor=" in link)
    second = admin.get(following)
    counts = [page.html.count('<th scope="row"') for page in (first, second)]
    assert counts[0] == 50
    assert sum(counts) == 61


def test_the_audit_log_is_taken_along_as_a_file(admin: Reader, org: Organization) -> None:
    org.api.put("/v1/alerts", {"balance_low": ["50"]})
    admin.submit(ORGANIZATION, ORGANIZATION, name="=1+1")
    file = admin.get(f"{AUDIT}.csv?kind=settings")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert [row["action"] for row in rows] == ["organization.changed", "alerts.changed", "organization.created"]
    assert rows[0]["who"] == "Ann Archer"
    assert '"=1+1"' in rows[0]["new"]
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_the_audit_log_of_another_is_not_seen(portal: PortalWorld, admin: Reader) -> None:
    other = portal.world.organization()
    portal.member(other, "helpdesk", name="Finn Fisher")
    assert "Finn Fisher" not in admin.get(AUDIT).words


def deeds() -> set[str]:
    """All that the product writes to an audit log."""
    modules = [ast.parse(path.read_text()) for path in (SOURCE / "actions").glob("*.py")]
    calls = [node for module in modules for node in ast.walk(module) if isinstance(node, ast.Call)]
    notes = [call for call in calls if ast.unparse(call.func) == "audit.note"]
    return {str(call.args[3].value) for call in notes if isinstance(call.args[3], ast.Constant)}


def test_every_deed_of_an_organization_is_told_in_words(portal: PortalWorld, admin: Reader, org: Organization) -> None:
    wanted = {deed for deed in deeds() if not deed.startswith(OF_THE_OPERATOR)} | {"user.blocked", "user.unblocked"}
    assert len(wanted) > 40
    app, number = portal.world.app, number_of(org)
    for deed in sorted(wanted):
        app.database.write(number, audit.note, number, Actor("test", app.now()), deed, "x", None, {"a": 1})
    pages = [admin.get(AUDIT)]
    while following := [link for link in pages[-1].links if "cursor=" in link]:
        pages.append(admin.get(following[0]))
    words = {word for page in pages for word in page.words.split()}
    assert [deed for deed in sorted(wanted) if deed in words] == []
