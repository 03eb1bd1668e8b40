"""Pages that people reach without a key: from a mail, from the bank, and the simulator's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.web.client import Answer, World
from tests.web.money import GOOD, Payer


@pytest.fixture
def payer(world: World) -> Payer:
    return Payer(world)


def path_of(url: str) -> str:
    return urlsplit(url).path


def press(payer: Payer, path: str, **fields: str) -> Answer:
    """What a browser sends when a button is pressed."""
    return payer.world.nobody.send("POST", path, urlencode(fields).encode(), "application/x-www-form-urlencoded")


def asked(payer: Payer) -> Any:
    """A recharge that waits for its card holder."""
    payer.card()
    payer.script({"result": "requires_action"})
    payer.recharge()
    return payer.payments[0]


def link(payer: Payer) -> str:
    [told] = payer.told("recharge_requires_action")
    number = int(payer.org.id.partition("_")[2], 16)
    return path_of(payer.world.app.links.for_payment(number, told["payment"]))


def test_a_test_card_is_entered_on_the_simulators_page(payer: Payer) -> None:
    begun = payer.api.post("/v1/payment-methods", {}).json
    path = path_of(begun["redirect_url"])
    assert "published numbers" in payer.world.nobody.get(path).content.decode()
    wrong = press(payer, path, number="4111 1111 1111 1111")
    assert (wrong.status, "4111" in wrong.content.decode()) == (200, False)
    assert "none of the numbers" in wrong.content.decode()
    right = press(payer, path, number="4242 4242 4242 4242")
    assert right.status == 303
    assert "Visa **** 4242" in payer.world.nobody.get(path_of(right.headers["location"])).content.decode()
    assert payer.api.get(f"/v1/payment-methods/{begun['id']}").json["state"] == "active"


def test_who_leaves_the_page_has_saved_nothing(payer: Payer) -> None:
    begun = payer.api.post("/v1/payment-methods", {}).json
    number = int(payer.org.id.partition("_")[2], 16)
    back = payer.world.app.links.for_card(number, begun["id"])
    assert "Not yet" in payer.world.nobody.get(path_of(back)).content.decode()
    assert payer.world.nobody.get("/cards/cancelled").status == 200
    assert payer.world.nobody.get(path_of(payer.world.app.links.for_card(number, "pm_nobody"))).status == 404
    as_payment = path_of(payer.world.app.links.for_payment(number, begun["id"])).replace("/pay/", "/cards/")
    assert payer.world.nobody.get(as_payment).status == 404


@pytest.mark.parametrize(("answer", "status"), [("yes", "succeeded"), ("no", "failed")])
def test_the_bank_asks_and_the_holder_answers(payer: Payer, answer: str, status: str) -> None:
    waiting = asked(payer)
    path = path_of(waiting["redirect_url"])
    assert "USD\N{NO-BREAK SPACE}120.00" in payer.world.nobody.get(path).content.decode()
    assert press(payer, path, answer=answer).status == 303
    assert payer.top_up(waiting)["status"] == status
    assert press(payer, path, answer="yes").status == 303
    assert payer.top_up(waiting)["status"] == status


def test_the_link_in_a_mail_works_once(payer: Payer) -> None:
    waiting = asked(payer)
    path = link(payer)
    for _ in range(2):
        assert "Go on to the bank" in payer.world.nobody.get(path).content.decode()
    first = press(payer, path)
    assert (first.status, "/simulator/authenticate/" in first.headers["location"]) == (303, True)
    assert press(payer, path).status == 409
    press(payer, path_of(first.headers["location"]), answer="yes")
    assert payer.top_up(waiting)["status"] == "succeeded"


def test_the_link_in_a_mail_ends_with_its_day(payer: Payer) -> None:
    asked(payer)
    path = link(payer)
    payer.move("2030-05-03T08:00:00Z")
    assert press(payer, path).status == 409


@pytest.mark.parametrize("what", ["/pay/{}", "/cards/{}", "/simulator/card/{}/x/y", "/simulator/authenticate/{}/x/y"])
def test_a_link_that_was_not_made_here_leads_nowhere(payer: Payer, what: str) -> None:
    for name in (payer.org.id, "org_nobody", f"{payer.org.id}.pay_1.0"):
        path = what.format(name)
        assert payer.world.nobody.get(path).status == 404
        assert press(payer, path).status in (404, 405)


def test_pages_allow_no_script_and_no_frame(payer: Payer) -> None:
    headers = payer.world.nobody.get("/pay/done").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "script-src" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_only_known_files_are_static(payer: Payer) -> None:
    assert payer.world.nobody.get("/static/hosted.css").headers["content-type"].startswith("text/css")
    assert payer.world.nobody.get("/static/..%2fhosted.py").status == 404


def test_a_providers_message_needs_its_signature(payer: Payer) -> None:
    payer.card()
    payer.script({"result": "unanswered", "charged": True, "webhook": "never"})
    made = payer.pay("55")
    simulator = payer.world.app.simulator
    body = (
        f'{{"event_id":"evt_1","kind":"payment","told":{{"state":"succeeded","organization":"{payer.org.id}",'
        f'"payment":"{made["id"]}","amount":55000000,"currency":"USD","live":false}}}}'
    ).encode()
    path = "/v1/providers/simulator/events"
    assert payer.world.nobody.send("POST", path, body).code == "bad_signature"
    signed = {"simulator_signature": simulator.sign(body)}
    for _ in range(3):
        assert payer.world.nobody.send("POST", path, body, **signed).status == 204
    assert payer.world.nobody.send("POST", path, body + b" ", **signed).code == "bad_signature"
    payer.settle()
    assert (payer.top_up(made)["status"], payer.statement) == ("succeeded", [("top_up", "55")])
    assert payer.world.nobody.send("POST", "/v1/providers/nobody/events", body).status == 404


def test_a_message_of_nobody_we_know_is_looked_at_by_the_operator(payer: Payer) -> None:
    simulator = payer.world.app.simulator
    body = b'{"event_id":"evt_2","kind":"payment","told":{"state":"succeeded","organization":"org_77","payment":"x"}}'
    signed = {"simulator_signature": simulator.sign(body)}
    assert payer.world.nobody.send("POST", "/v1/providers/simulator/events", body, **signed).status == 204
    payer.settle()
    rows = payer.operator.get("/v1/operator/reconciliation").json["data"]
    assert [(row["organization"], row["reason"]) for row in rows] == [(None, "unknown_organization")]


def test_no_card_number_is_kept_anywhere(payer: Payer) -> None:
    payer.card(GOOD)
    press(payer, path_of(payer.api.post("/v1/payment-methods", {}).json["redirect_url"]), number=GOOD)
    payer.pay("60")
    raw = payer.world.app.settings.sqlite_path.read_bytes()
    wal = payer.world.app.settings.sqlite_path.with_name("talktime.db-wal")
    assert GOOD.encode() not in raw + (wal.read_bytes() if wal.exists() else b"")


# ---------------------------------------------------------------- in the reader's language


def test_pages_speak_as_their_reader_has_chosen_or_his_browser_asks(payer: Payer) -> None:
    nobody = payer.world.nobody
    assert 'lang="en"' in nobody.get("/pay/done").content.decode()
    asked = nobody.send("GET", "/pay/done", accept_language="fr, lv;q=0.8")
    assert 'lang="lv"' in asked.content.decode()
    chosen = nobody.send("GET", "/pay/done", accept_language="lv", cookie="x={}; talktime_language=ro")
    assert 'lang="ro"' in chosen.content.decode()


def test_a_link_about_an_organization_speaks_its_language(world: World) -> None:
    payer = Payer(world, language="bg")
    asked(payer)
    page = payer.world.nobody.get(link(payer)).content.decode()
    assert 'lang="bg"' in page
    assert "Confirm your payment" not in page


def test_afterwards_a_link_leads_back(payer: Payer) -> None:
    nobody = payer.world.nobody
    assert 'href="/billing/credits"' in nobody.get("/pay/done").content.decode()
    assert 'href="/billing/payment-options"' in nobody.get("/cards/cancelled").content.decode()
    page = path_of(payer.api.post("/v1/payment-methods", {}).json["redirect_url"])
    done = path_of(press(payer, page, number=GOOD).headers["location"])
    assert 'href="/billing/payment-options"' in nobody.get(done).content.decode()


def test_a_form_of_too_many_fields_is_refused(payer: Payer) -> None:
    page = path_of(payer.api.post("/v1/payment-methods", {}).json["redirect_url"])
    assert press(payer, page, **{f"field{number}": "x" for number in range(20)}).status == 400
