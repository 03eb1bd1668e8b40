"""Webhooks as people set them up."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from talktime.core.notices import EventName
from tests.web.client import Organization, World

PATH = "/v1/webhooks"
BODY: dict[str, Any] = {"url": "https://hooks.example.com/talktime", "events": ["funds_added"]}


@pytest.fixture
def org(anywhere: World) -> Organization:
    return anywhere.organization()


def made(org: Organization) -> Any:
    answer = org.api.post(PATH, BODY)
    assert answer.status == 201, answer.content
    return answer.json


def test_a_webhook_is_made_read_changed_and_removed(org: Organization) -> None:
    webhook = made(org)
    path = f"{PATH}/{webhook['id']}"
    assert webhook["id"].startswith("whk_")
    assert webhook["secret"].startswith("whsec_")
    shown = {name: value for name, value in webhook.items() if name != "secret"}
    assert org.api.get(path).json == shown
    assert org.api.get(PATH).json == {"data": [shown], "next": None}
    changed = org.api.patch(path, {"events": ["balance_zero", "funds_added", "balance_zero"]}).json
    assert changed == shown | {"events": ["balance_zero", "funds_added"]}
    assert org.api.patch(path, {}).json == changed
    assert org.api.delete(path).status == 204
    assert [org.api.get(path).status, org.api.delete(path).status, org.api.get(f"{path}/deliveries").status] == [
        404
    ] * 3


def test_its_secret_is_shown_once_and_kept_encrypted(org: Organization, anywhere: World) -> None:
    webhook = made(org)
    rotated = org.api.post(f"{PATH}/{webhook['id']}/rotate").json
    assert rotated["old_secret_until"] is not None
    for secret in (webhook["secret"], rotated["secret"]):
        for path in (PATH, f"{PATH}/{webhook['id']}", "/v1/audit"):
            assert secret.encode() not in org.api.get(path).content
    kept = anywhere.app.database.read(
        "*", lambda tx: tx.exec_driver_sql("SELECT secret, old_secret FROM webhooks").one()
    )
    assert not [secret for secret in kept if b"whsec" in bytes(secret)]


def test_who_asks_again_under_the_same_idempotency_key_has_the_same_webhook(org: Organization) -> None:
    first, again = (org.api.post(PATH, BODY, idempotency_key="one") for _ in range(2))
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (201, first.json, "true")
    assert org.api.post(PATH, BODY | {"events": ["balance_zero"]}, idempotency_key="one").code == "idempotency_conflict"
    assert len(org.api.get(PATH).json["data"]) == 1


def test_what_people_do_with_it_is_in_the_audit_log(org: Organization) -> None:
    webhook = made(org)
    path = f"{PATH}/{webhook['id']}"
    org.api.patch(path, {"events": ["funds_added"]})
    org.api.patch(path, {"events": ["balance_low"]})
    org.api.post(f"{path}/rotate")
    org.api.delete(path)
    actions = [row["action"] for row in org.api.get("/v1/audit").json["data"] if row["object"] == webhook["id"]]
    assert actions == ["webhook.removed", "webhook.secret_changed", "webhook.changed", "webhook.created"]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"url": "http://hooks.example.com/"}, "url", "invalid_webhook_url"),
        ({"url": "https://127.0.0.1/"}, "url", "invalid_webhook_url"),
        ({"url": "https://169.254.169.254/latest"}, "url", "invalid_webhook_url"),
        ({"url": "https://user:secret@hooks.example.com/"}, "url", "invalid_webhook_url"),
        ({"url": ""}, "url", "invalid_value"),
        ({"url": 7}, "url", "invalid_value"),
        ({"events": []}, "events", "invalid_value"),
        ({"events": ["everything"]}, "events", "invalid_value"),
        ({"secret": "mine"}, "secret", "unknown_field"),
    ],
)
def test_a_wrong_field_is_named_and_changes_nothing(
    org: Organization, fields: dict[str, Any], field: str, code: str
) -> None:
    refused = org.api.post(PATH, BODY | fields)
    assert (refused.status, refused.code, refused.fields) == (422, code, [field])
    assert org.api.get(PATH).json["data"] == []
    webhook = made(org)
    refused = org.api.patch(f"{PATH}/{webhook['id']}", fields)
    assert (refused.status, refused.code, refused.fields) == (422, code, [field])
    assert org.api.get(f"{PATH}/{webhook['id']}").json["url"] == BODY["url"]


def test_every_event_can_be_wanted(org: Organization) -> None:
    events = list(get_args(EventName))
    assert org.api.post(PATH, BODY | {"events": events}).json["events"] == events


def test_there_is_an_end_to_how_many(world: World) -> None:
    org = world.organization()
    for _ in range(20):
        made(org)
    refused = org.api.post(PATH, BODY)
    assert (refused.status, refused.code) == (409, "too_many_webhooks")


def test_a_test_message_can_be_asked_for_and_sent_again(org: Organization) -> None:
    webhook = made(org)
    path = f"{PATH}/{webhook['id']}"
    asked = org.api.post(f"{path}/test")
    assert (asked.status, asked.json["event"], asked.json["state"]) == (202, "test", "waiting")
    assert asked.json["recipients"] == [BODY["url"]]
    org.api.post(f"{path}/test")
    listed = org.api.get(f"{path}/deliveries", limit=1).json
    assert listed["data"][0]["id"] > asked.json["id"]
    rest = org.api.get(f"{path}/deliveries", limit=1, cursor=listed["next"]).json
    assert (rest["data"], rest["next"]) == ([asked.json], None)
    assert org.api.post(f"{path}/deliveries/{asked.json['id']}/replay").status == 202
    assert org.api.post(f"{path}/deliveries/del_nobody/replay").status == 404
    assert org.api.get("/v1/notices").json["data"] == []


def test_other_organizations_see_and_touch_none_of_it(org: Organization, anywhere: World) -> None:
    webhook = made(org)
    path = f"{PATH}/{webhook['id']}"
    delivery = org.api.post(f"{path}/test").json["id"]
    other = anywhere.organization()
    assert other.api.get(PATH).json["data"] == []
    mine = made(other)["id"]
    answers = [
        other.api.get(path),
        other.api.patch(path, {"events": ["refund"]}),
        other.api.delete(path),
        *(other.api.post(f"{path}/{one}") for one in ("rotate", "test", f"deliveries/{delivery}/replay")),
        other.api.get(f"{path}/deliveries"),
        other.api.post(f"{PATH}/{mine}/deliveries/{delivery}/replay"),
        anywhere.operator.post(f"/v1/operator/deliveries/{other.id}/{delivery}/replay"),
    ]
    assert [answer.status for answer in answers] == [404] * len(answers)
    assert org.api.get(path).json["events"] == BODY["events"]


def test_a_delivery_is_sent_again_by_its_own_webhook_only(org: Organization) -> None:
    one, other = made(org), made(org)
    delivery = org.api.post(f"{PATH}/{one['id']}/test").json["id"]
    assert org.api.post(f"{PATH}/{other['id']}/deliveries/{delivery}/replay").status == 404


def test_settings_are_the_scope_of_it(org: Organization) -> None:
    assert org.key("settings").get(PATH).status == 200
    assert org.key("funds", "users", "reports").get(PATH).status == 403
    assert org.key("settings").get("/v1/operator/deliveries").status == 403
