"""Invitations, new passwords and the first operator: links that work once, for those who are meant."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import default

import pytest

from talktime.actions.set_up import set_up_link
from talktime.core.ids import org_number
from talktime.core.time import DAY, MINUTE
from talktime.storage import tables as t
from talktime.storage.database import EVERYBODY
from tests.portal.client import PASSWORD, PortalWorld, Reader
from tests.web.client import Organization

NEW = {"password": "harbour 12 violet spoon", "again": "harbour 12 violet spoon"}


class Letters:
    """An organization, and what lies in mailboxes."""

    def __init__(self, portal: PortalWorld) -> None:
        self.portal, self.world, self.app = portal, portal.world, portal.world.app
        self.org: Organization = portal.world.organization(name="Example Ltd")
        self.reader: Reader = portal.nobody()

    def invite(self, **fields: str) -> str:
        body = {"name": "Ann Archer", "email": "ann@example.com", "roles": ["helpdesk"], "language": "en", **fields}
        return str(self.org.api.post("/v1/members", body).json["id"])

    def sent(self) -> list[tuple[str, str, str]]:
        """Of each letter that is sent now: to whom, what about, and the link."""
        before = set(self.app.settings.outbox.glob("*.eml"))
        self.app.deliver("email", lambda: False)
        new = sorted(set(self.app.settings.outbox.glob("*.eml")) - before)
        return [self._read(path.read_bytes()) for path in new]

    def _read(self, content: bytes) -> tuple[str, str, str]:
        letter = message_from_bytes(content, policy=default)
        plain = letter.get_body(("plain",))
        assert plain is not None
        link = re.search(r"https?://\S+", plain.get_content())
        assert link is not None
        return str(letter["To"]), str(letter["Subject"]), link[0].removeprefix(self.app.settings.reached_at)

    def link(self) -> str:
        return self.sent()[-1][2]

    def forget(self, email: str) -> None:
        answer = self.reader.submit("/password/forgot", "/password/forgot", email=email)
        assert (answer.status, answer.title) == (200, "Look into your mail")


@pytest.fixture
def letters(portal: PortalWorld) -> Letters:
    return Letters(portal)


@pytest.fixture
def letters_anywhere(portal_anywhere: PortalWorld) -> Letters:
    """On both databases."""
    return Letters(portal_anywhere)


def test_whoever_is_invited_gets_a_letter_chooses_a_password_and_is_in(letters_anywhere: Letters) -> None:
    letters = letters_anywhere
    member = letters.invite()
    [(to, subject, link)] = letters.sent()
    assert (to, subject) == ("ann@example.com", "You are invited \N{EN DASH} Example Ltd")
    assert letters.reader.submit(link, link, name="Ann Other", **NEW).to == "/"
    assert letters.reader.get("/me").status == 200
    told = letters.org.api.get(f"/v1/members/{member}").json
    assert (told["state"], told["name"]) == ("active", "Ann Other")
    assert letters.portal.nobody().get(link).status == 404


def test_looking_at_an_invitation_does_not_use_it_up(letters: Letters) -> None:
    letters.invite()
    link = letters.link()
    assert [letters.portal.nobody().get(link).title for _ in range(3)] == ["Welcome"] * 3


def test_a_weak_password_accepts_nothing(letters: Letters) -> None:
    letters.invite()
    link = letters.link()
    refused = letters.reader.submit(link, link, password="password1234", again="password1234")
    assert refused.status == 422 and refused.errors[0].startswith("This is easily guessed.")
    assert letters.reader.submit(link, link, **NEW).to == "/"


def test_an_invitation_ends_after_a_week_and_a_new_one_takes_its_place(letters: Letters) -> None:
    member = letters.invite()
    first = letters.link()
    assert letters.org.api.post(f"/v1/members/{member}/invite").status == 204
    second = letters.link()
    assert (letters.reader.get(first).status, letters.reader.get(second).status) == (404, 200)
    letters.world.clock.pass_days(7)
    assert letters.reader.get(second).status == 404


def test_the_invitation_follows_the_address(letters: Letters) -> None:
    member = letters.invite()
    wrong = letters.link()
    letters.org.api.patch(f"/v1/members/{member}", {"email": "anna@example.com"})
    [(to, _, right)] = letters.sent()
    assert to == "anna@example.com"
    assert (letters.reader.get(wrong).status, letters.reader.get(right).status) == (404, 200)


def test_who_was_sent_away_cannot_accept(letters: Letters) -> None:
    member = letters.invite()
    link = letters.link()
    letters.org.api.delete(f"/v1/members/{member}")
    assert letters.reader.get(link).status == 404


def test_who_has_accepted_is_not_invited_again(letters: Letters) -> None:
    member = letters.portal.member(letters.org, "helpdesk")
    assert letters.org.api.post(f"/v1/members/{member}/invite").code == "not_invited"


def test_a_forgotten_password_is_replaced_and_all_sessions_are_over(letters_anywhere: Letters) -> None:
    letters = letters_anywhere
    signed_in = letters.portal.as_role(letters.org, "helpdesk")
    letters.sent()
    letters.forget("Helpdesk@Example.com")
    [(to, subject, link)] = letters.sent()
    assert (to, subject) == ("helpdesk@example.com", "A new password \N{EN DASH} Example Ltd")
    assert letters.reader.submit(link, link, **NEW).to == "/sign-in?said=password-set"
    assert signed_in.get("/me").status == 303
    for password, status in ((PASSWORD, 401), (NEW["password"], 303)):
        entered = letters.reader.submit("/sign-in", "/sign-in", email="helpdesk@example.com", password=password)
        assert entered.status == status
    assert letters.portal.nobody().get(link).status == 404


def test_a_reset_link_is_good_for_an_hour(letters: Letters) -> None:
    letters.portal.member(letters.org, "helpdesk")
    letters.sent()
    letters.forget("helpdesk@example.com")
    link = letters.link()
    letters.world.clock.pass_seconds(3599)
    assert letters.reader.get(link).status == 200
    letters.world.clock.pass_seconds(1)
    assert letters.reader.get(link).status == 404


def test_nobody_learns_who_is_known_and_no_mailbox_is_filled(letters: Letters) -> None:
    letters.portal.member(letters.org, "helpdesk")
    letters.sent()
    for email in ("nobody@example.com", "no address", "helpdesk@example.com", "helpdesk@example.com"):
        letters.forget(email)
    assert [to for to, _, _ in letters.sent()] == ["helpdesk@example.com"]


def test_who_was_only_invited_gets_no_new_password(letters: Letters) -> None:
    letters.invite()
    letters.sent()
    letters.forget("ann@example.com")
    assert letters.sent() == []


def test_a_changed_address_makes_the_old_link_worthless(letters: Letters) -> None:
    member = letters.portal.member(letters.org, "helpdesk")
    letters.sent()
    letters.forget("helpdesk@example.com")
    link = letters.link()
    letters.org.api.patch(f"/v1/members/{member}", {"email": "ann@example.com"})
    assert letters.reader.get(link).status == 404


def test_a_link_of_one_kind_is_good_for_no_other(letters: Letters) -> None:
    letters.invite()
    ticket = letters.link().rpartition("/")[2]
    for path in ("/password/reset/", "/set-up/"):
        assert letters.reader.get(path + ticket).status == 404
    for made_up in (ticket[:-1] + "x", "1-0-x", "a" * 200):
        assert letters.reader.get("/invitation/" + made_up).status == 404


def test_no_link_is_kept(letters: Letters) -> None:
    """The letters are in files, as there is no mail server here; in the database only what they are made of."""
    letters.invite()
    ticket = letters.link().rpartition("/")[2]
    rows = letters.app.database.read(EVERYBODY, lambda tx: tx.execute(t.deliveries.select()).all())
    kept = letters.app.database.read(EVERYBODY, lambda tx: tx.execute(t.tickets.select()).all())
    assert rows and kept
    assert ticket.split("-", 2)[2] not in f"{rows}{kept}"


def test_an_operator_is_invited_by_a_letter_too(letters: Letters) -> None:
    body = {"name": "Olga", "email": "olga@example.com", "roles": ["auditor"], "language": "sl"}
    assert letters.world.operator.post("/v1/operator/members", body).status == 201
    [(to, subject, link)] = letters.sent()
    assert (to, subject) == ("olga@example.com", "Povabljeni ste \N{EN DASH} Talktime")
    assert letters.reader.submit(link, link, **NEW).to == "/"


def set_up_path(letters: Letters) -> str:
    link = set_up_link(letters.app.database, letters.app.settings.reached_at, letters.app.now())
    assert link is not None
    return link.removeprefix(letters.app.settings.reached_at)


FIRST = {"name": "Olga", "email": "olga@example.com", **NEW}


def test_the_first_operator_comes_by_a_link(letters_anywhere: Letters) -> None:
    letters = letters_anywhere
    path = set_up_path(letters)
    assert letters.reader.get(path).title == "Set up Talktime"
    refused = letters.reader.submit(path, path, **FIRST | {"email": "no address"})
    assert refused.errors == ["This is no e-mail address."]
    assert letters.reader.submit(path, path, **FIRST).to == "/"
    assert letters.reader.get("/").to == "/me/second-factor", "operators have a second factor"
    assert letters.portal.nobody().get(path).status == 404
    assert set_up_link(letters.app.database, "", letters.app.now()) is None


def test_a_newer_set_up_link_takes_the_place_of_an_older_one(letters: Letters) -> None:
    first = set_up_path(letters)
    made = letters.world.operator.post("/v1/operator/set-up-link").json["link"]
    second = made.removeprefix(letters.app.settings.reached_at)
    assert (letters.reader.get(first).status, letters.reader.get(second).status) == (404, 200)
    letters.world.clock.pass_seconds(DAY // MINUTE * 60)
    assert letters.reader.get(second).status == 404


def test_where_an_operator_signs_in_there_is_no_such_link(letters: Letters) -> None:
    path = set_up_path(letters)
    letters.portal.member(None, "operator")
    assert letters.reader.get(path).status == 404
    assert letters.world.operator.post("/v1/operator/set-up-link").code == "already_set_up"


def test_an_organizations_number_in_a_link_opens_nothing_of_another(letters: Letters) -> None:
    other = letters.world.organization()
    letters.invite()
    link = letters.link()
    moved = re.sub(r"/invitation/\w+-", f"/invitation/{org_number(other.id):x}-", link)
    assert moved != link and letters.reader.get(moved).status == 404
