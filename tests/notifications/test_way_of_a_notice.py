"""From what happened to people and servers: once, at least once, and never for something that did not happen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from talktime.actions import deliveries, notices
from talktime.actions.deliveries import deliver_due
from talktime.core.retries import WAITS
from talktime.core.time import DAY, SECOND
from talktime.notifications.mail import Letter
from talktime.notifications.outcomes import Outcome
from talktime.notifications.smtp import Smtp, server_of
from talktime.storage import notice_store
from talktime.storage.database import Tx
from talktime.storage.delivery_store import EMAIL
from talktime.storage.notice_rows import notice
from tests.notifications.conftest import Office
from tests.support.mailbox import mailbox
from tests.support.ports import free_port
from tests.support.receiver import Heard


def test_what_happened_reaches_people_in_their_languages(office: Office) -> None:
    office.member("ann", "billing_administrator", language="ru")
    office.member("bob", "helpdesk", "user_administrator")
    office.member("eve", "report_reader")
    office.happen("balance_low", level="25", balance="24.5", currency="USD")
    assert office.go_on() == 2
    assert sorted(office.box.reached) == [("ann@example.com",), ("bob@example.com",)]
    subjects = {letter["To"]: letter["Subject"] for letter in office.box.letters}
    assert subjects == {
        "ann@example.com": "Низкий баланс счета \N{EN DASH} Example Ltd",
        "bob@example.com": "Balance low \N{EN DASH} Example Ltd",
    }
    sent = {row["language"]: (row["recipients"], row["state"]) for row in office.rows("email")}
    assert sent == {"en": (["bob@example.com"], "sent"), "ru": (["ann@example.com"], "sent")}


def test_it_is_sent_once_however_often_somebody_looks(office: Office) -> None:
    office.member("ann")
    office.webhook("balance_zero")
    for _ in range(3):
        office.happen("balance_zero", balance="0", currency="USD")
        office.go_on()
    assert len(office.box.letters) == len(office.receiver.heard) == 1


def test_what_was_rolled_back_is_told_to_nobody(office: Office) -> None:
    office.member("ann")

    def fail(tx: Tx) -> None:
        row = notice(office.number(), "balance_zero", "1", office.app.now())
        notice_store.add(tx, row.org_id, [row])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        office.app.database.write(office.number(), fail)
    assert office.go_on() == 0
    assert (office.box.letters, office.notices) == ([], [])


def test_when_nobody_is_to_be_told_that_is_told(office: Office) -> None:
    office.happen("balance_zero")
    assert office.go_on() == 0
    (row,) = office.rows("email")
    assert (row["event"], row["recipients"], row["language"], row["state"]) == ("balance_zero", [], "en", "nobody")
    assert office.undelivered() == []


def test_those_whom_the_organization_chose_are_told_instead(office: Office) -> None:
    office.member("ann", language="lv")
    office.choose("desk@example.net", "Ann@example.com")
    office.happen("balance_zero")
    office.go_on()
    assert sorted(office.box.reached) == [("Ann@example.com",), ("desk@example.net",)]


def test_a_letter_names_people_by_their_names(office: Office) -> None:
    office.member("ann")
    user = office.org.user(name="Example Person", sign_in_name="person@example.com").json["id"]
    office.happen("user_blocked", user=user, reason="spend_per_day")
    office.go_on()
    part = office.box.letters[0].get_body(("plain",))
    assert part is not None
    assert "User: Example Person (person@example.com)" in part.get_content()


def test_no_organization_hears_of_another(office: Office) -> None:
    other = office.another()
    office.member("ann")
    office.member("bob", org=other)
    office.webhook("balance_zero")
    office.happen("balance_zero", org=other)
    office.go_on()
    assert office.box.reached == [("bob@example.com",)]
    assert office.receiver.heard == []


def test_processes_that_look_at_the_same_time_send_once(office: Office) -> None:
    office.member("ann")
    office.webhook("balance_zero")
    for number in range(20):
        office.happen("balance_zero", str(number))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: office.go_on(), range(4)))
    office.go_on()
    assert len(office.box.letters) == len(office.receiver.heard) == 20
    assert len({heard.id for heard in office.receiver.heard}) == 20


def test_a_moved_clock_has_told_everything_when_it_answers(office: Office) -> None:
    org = office.another(mode="test")
    office.happen("balance_zero", org=org)
    assert office.world.operator.send("PUT", f"{org.path}/clock", b'{"now": "2031-03-01T00:00:00Z"}').status == 200
    told = org.api.get("/v1/notices").json["data"]
    assert {row["channel"] for row in told} == {"email", "banner"}


# ---------------------------------------------------------------- webhooks


def heard(office: Office) -> Heard:
    (one,) = office.receiver.heard
    return one


def test_a_webhook_hears_of_what_it_wants_to_hear_of(office: Office) -> None:
    made = office.webhook("funds_added", "balance_zero")
    office.happen("balance_low")
    office.happen("funds_added", amount="50", currency="USD")
    office.go_on()
    one = heard(office)
    assert one.signed_by(made["secret"])
    assert abs(int(one.headers["webhook-timestamp"]) - office.world.clock.at // SECOND) <= 5
    assert one.json["type"] == "funds_added"
    assert one.json["data"] == {
        "amount": "50",
        "currency": "USD",
        "organization": office.org.id,
        "notice": office.notices[0]["id"],
    }
    assert [(row["recipients"], row["state"]) for row in office.rows("webhook")] == [([office.receiver.url], "sent")]


def test_its_message_is_the_same_to_the_byte_when_it_is_sent_again(office: Office) -> None:
    made = office.webhook("balance_zero")
    office.happen("balance_zero")
    office.receiver.status = 503
    office.go_on()
    office.world.clock.pass_seconds(6)
    office.receiver.status = 200
    office.go_on()
    first, second = office.receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    assert second.headers["webhook-timestamp"] > first.headers["webhook-timestamp"]
    assert second.signed_by(made["secret"])
    assert office.go_on() == 0


def test_while_a_secret_is_replaced_both_sign(office: Office) -> None:
    old = office.webhook("balance_zero")
    new = office.org.api.post(f"/v1/webhooks/{old['id']}/rotate").json
    assert new["secret"] != old["secret"]
    office.happen("balance_zero")
    office.go_on()
    assert [heard(office).signed_by(one["secret"]) for one in (old, new)] == [True, True]
    office.world.clock.pass_days(1)
    office.happen("balance_zero", "2")
    office.go_on()
    assert [office.receiver.heard[1].signed_by(one["secret"]) for one in (old, new)] == [False, True]


def test_what_does_not_arrive_is_tried_for_a_day_and_then_parked(office: Office) -> None:
    made = office.webhook("balance_zero")
    office.happen("balance_zero")
    office.receiver.status = 500
    begun = office.world.clock.at
    for wait in WAITS:
        assert office.go_on() == 1
        assert office.undelivered()[0]["state"] == "waiting"
        assert office.go_on() == 0
        office.world.clock.at += wait
    assert office.go_on() == 1
    assert office.world.clock.at - begun < DAY + 60 * SECOND
    (parked,) = office.undelivered(state="parked")
    assert (parked["status"], parked["error"], parked["tries"]) == (500, "the server answered 500", len(WAITS) + 1)
    office.world.clock.pass_days(2)
    assert office.go_on() == 0

    office.receiver.status = 200
    path = f"/v1/webhooks/{made['id']}/deliveries"
    assert office.org.api.post(f"{path}/{parked['id']}/replay").json["state"] == "waiting"
    assert office.go_on() == 1
    assert office.org.api.get(path).json["data"][0]["state"] == "sent"
    assert {heard.id for heard in office.receiver.heard} == {parked["id"]}
    assert office.undelivered() == []


def test_a_receiver_that_is_gone_for_ever_is_not_asked_again(office: Office) -> None:
    office.webhook("balance_zero")
    office.happen("balance_zero")
    office.receiver.status = 410
    office.go_on()
    assert [row["state"] for row in office.undelivered()] == ["parked"]


def test_who_does_not_answer_keeps_nobody_else_waiting(office: Office) -> None:
    office.webhook("balance_zero", url="http://127.0.0.1:9/")
    office.webhook("balance_zero")
    for number in range(3):
        office.happen("balance_zero", str(number))
    office.go_on()
    assert len(office.receiver.heard) == 3
    assert sorted(row["tries"] for row in office.undelivered()) == [0, 0, 1]


def test_however_much_waits_for_one_receiver_others_have_their_turn(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.webhook("balance_zero", url="http://127.0.0.1:9/")
    for number in range(10):
        office.happen("balance_zero", str(number))
    office.app.tell()
    office.webhook("refund")
    office.happen("refund")
    monkeypatch.setattr(deliveries, "PORTION", 2)
    office.go_on()
    assert len(office.receiver.heard) == 1


def test_nothing_is_sent_to_a_webhook_that_was_removed(office: Office) -> None:
    made = office.webhook("balance_zero")
    office.happen("balance_zero")
    office.app.tell()
    assert office.org.api.delete(f"/v1/webhooks/{made['id']}").status == 204
    assert office.go_on() == 0
    assert office.receiver.heard == []
    (row,) = office.rows("webhook")
    assert row["state"] == "cancelled"
    (delivery,) = office.undelivered(state="cancelled")
    office.replay(delivery["id"])
    office.go_on()
    assert [row["state"] for row in office.rows("webhook")] == ["cancelled"]


def test_one_that_breaks_keeps_nobody_else_from_hearing(office: Office) -> None:
    """A row that cannot be read is told as it is, and tried again: the others go on."""
    office.member("ann")
    office.happen("balance_zero", "1")
    office.app.tell()
    spoil = "UPDATE deliveries SET body = '[' WHERE channel = 'email'"
    office.app.database.write(office.number(), lambda tx: tx.exec_driver_sql(spoil))
    office.happen("balance_zero", "2")
    office.go_on()
    office.go_on()
    assert len(office.box.letters) == 1
    (left,) = office.undelivered()
    assert left["error"] == "It could not be sent; the log of the server says why."


# ---------------------------------------------------------------- mail


def test_mail_waits_for_a_server_that_is_down(office: Office) -> None:
    office.member("ann")
    office.happen("balance_zero")
    office.app.tell()
    port = free_port()
    post = replace(office.app.post, mailer=Smtp(server_of(f"smtp://127.0.0.1:{port}"), "talktime@example.com"))
    common = (office.app.database, office.app.vault, post, office.app.now, (EMAIL,))
    assert deliver_due(*common) == 1
    (waiting,) = office.undelivered()
    assert (waiting["state"], waiting["tries"]) == ("waiting", 1)
    assert "refused" in waiting["error"]
    with mailbox(port=port) as box:
        assert deliver_due(*common) == 0
        office.world.clock.pass_seconds(6)
        assert deliver_due(*common) == 1
        assert box.reached == [("ann@example.com",)]
    assert office.undelivered() == []


def test_who_was_refused_for_a_while_gets_his_letter_later_and_nobody_gets_two(office: Office) -> None:
    office.member("ann")
    office.member("bob")
    office.happen("balance_zero")
    office.box.refuses = {"ann@example.com": "451 later"}
    office.go_on()
    office.box.refuses = {}
    office.world.clock.pass_seconds(6)
    office.go_on()
    assert office.box.reached == [("bob@example.com",), ("ann@example.com",)]
    assert [row["recipients"] for row in office.rows("email")] == [["ann@example.com", "bob@example.com"]]


def test_who_is_refused_for_ever_is_named_and_the_letter_parked(office: Office) -> None:
    office.member("ann")
    office.happen("balance_zero")
    office.box.refuses = {"ann@example.com": "550 no such user"}
    office.go_on()
    (parked,) = office.undelivered()
    assert (parked["state"], parked["status"]) == ("parked", 550)
    assert parked["error"] == "ann@example.com: 550 no such user"
    office.box.refuses = {}
    assert office.replay(parked["id"]).status == 202
    office.go_on()
    assert office.box.reached == [("ann@example.com",)]


def test_whose_address_is_none_keeps_nobody_else_from_his_letter(office: Office) -> None:
    office.choose("ann@example.com", "a b@example.com", "no name")
    office.happen("balance_zero")
    office.go_on()
    assert office.box.reached == [("ann@example.com",)]
    assert [(row["state"], row["error"]) for row in office.rows("email")] == [
        ("sent", "no usable address: a b@example.com")
    ]


class Died(BaseException):
    """As a process dies: nothing afterwards is done."""


def test_who_dies_between_sending_and_noting_is_followed_by_another(office: Office) -> None:
    """So a letter may come twice, but under one id."""
    office.member("ann")
    office.happen("balance_zero")
    office.app.tell()

    class Dying:
        def send(self, letter: Letter) -> Outcome:
            office.app.post.mailer.send(letter)
            raise Died

        def where(self, letter_id: str) -> str:
            return "nowhere"

    post = replace(office.app.post, mailer=Dying())
    with pytest.raises(Died):
        deliver_due(office.app.database, office.app.vault, post, office.app.now, (EMAIL,))
    assert office.go_on() == 0
    office.world.clock.pass_seconds(121)
    assert office.go_on() == 1
    assert len({letter["Message-ID"] for letter in office.box.letters}) == 1
    assert len(office.box.letters) == 2
    assert [row["state"] for row in office.rows("email")] == ["sent"]


def test_an_end_of_the_process_leaves_the_rest_to_the_next(office: Office) -> None:
    office.member("ann")
    office.happen("balance_zero")
    office.app.tell()
    assert office.app.deliver(EMAIL, lambda: True) == 0
    assert office.go_on() == 1


# ---------------------------------------------------------------- as people read it


def test_pages_of_notices_have_each_line_once_and_are_as_long_as_asked_for(office: Office) -> None:
    office.member("ann", language="ru")
    office.member("bob")
    office.webhook("balance_zero")
    for number in range(5):
        office.happen("balance_zero", str(number))
    office.go_on()
    whole = office.notices
    assert len(whole) == 5 * 4
    for limit in (1, 3, 4, 7):
        assert _in_pages(office, limit) == whole
    assert [row["id"] for row in whole] == sorted((row["id"] for row in whole), reverse=True)


def _in_pages(office: Office, limit: int) -> list[object]:
    found: list[object] = []
    query: dict[str, object] = {"limit": limit}
    while True:
        page = office.org.api.get("/v1/notices", **query).json
        assert len(page["data"]) <= limit
        found += page["data"]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]


def test_the_operator_sees_parked_ones_first(office: Office) -> None:
    office.member("ann")
    office.webhook("balance_zero", url="http://127.0.0.1:9/")
    office.happen("balance_zero")
    office.box.refuses = {"ann@example.com": "550 no"}
    office.go_on()
    office.happen("balance_zero", "2")
    office.app.tell()
    rows = office.undelivered()
    assert [row["state"] for row in rows] == ["parked", "waiting", "waiting", "waiting"]
    first = office.world.operator.get("/v1/operator/deliveries", limit=1).json
    rest = office.world.operator.get("/v1/operator/deliveries", cursor=first["next"]).json
    assert [*first["data"], *rest["data"]] == rows
    assert rest["next"] is None


def test_it_can_be_stopped_and_told_in_portions(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "PORTION", 2)
    office.member("ann")
    for number in range(5):
        office.happen("balance_zero", str(number))
    assert office.app.tell() == 5
    assert office.app.tell() == 0
    assert office.app.deliver(EMAIL, lambda: False) == 5


def test_details_stay_what_they_were(office: Office) -> None:
    office.happen("refund", amount="5", currency="USD", top_up="pay_1")
    office.app.tell()
    assert {json.dumps(row["details"]) for row in office.notices} == {
        '{"amount": "5", "currency": "USD", "top_up": "pay_1"}'
    }
