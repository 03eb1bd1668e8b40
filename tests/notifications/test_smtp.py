"""Mail reaches a real mail server, and what it refuses is told apart from what it may take later."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from talktime.core.time import SECOND
from talktime.notifications.mail import Letter
from talktime.notifications.outcomes import Fate, Outcome
from talktime.notifications.smtp import Smtp, server_of
from tests.support.certificates import Tls, made_in
from tests.support.mailbox import PASSWORD, USER, mailbox
from tests.support.ports import free_port

# The server warns of what it is asked to do here: to take passwords without TLS.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
SENDER = "Example Telephony <talktime@example.com>"
LETTER = Letter(
    letter_id="del_1",
    recipients=("ann@example.com", "bob@example.net"),
    language="ru",
    subject="Низкий баланс",
    text="Баланс\n",
    html="<p>Баланс</p>",
    at=1_900_000_000 * SECOND,
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return made_in(tmp_path_factory.mktemp("tls"))


def sent(url: str, letter: Letter = LETTER, tls: Tls | None = None) -> Outcome:
    return Smtp(server_of(url), SENDER, tls.client if tls else None).send(letter)


def test_a_letter_reaches_all_its_recipients_in_text_and_html() -> None:
    with mailbox() as box:
        assert sent(box.url) == Outcome(Fate.SENT)
    (letter,) = box.letters
    assert box.reached == [LETTER.recipients]
    assert (letter["From"], letter["Subject"]) == (SENDER, "Низкий баланс")
    assert letter["To"] == "ann@example.com, bob@example.net"
    assert letter["Message-ID"] == "<del_1@example.com>"
    assert letter["Date"] == "Sun, 17 Mar 2030 17:46:40 +0000"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Content-Language"] == "ru"
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_content().strip() for part in letter.iter_parts()] == ["Баланс", "<p>Баланс</p>"]


def test_it_signs_in_where_it_is_asked_to() -> None:
    with mailbox(wants_sign_in=True) as box:
        assert sent(box.url_as(USER, quote(PASSWORD, safe=""))).fate is Fate.SENT
        assert box.signed_in == [USER]


@pytest.mark.parametrize(("user", "status"), [(None, 530), ((USER, "wrong"), 535)])
def test_a_wrong_password_loses_no_mail_because_somebody_will_mend_it(
    user: tuple[str, str] | None, status: int
) -> None:
    with mailbox(wants_sign_in=True) as box:
        outcome = sent(box.url_as(*user) if user else box.url)
        assert (outcome.fate, outcome.status) == (Fate.AGAIN, status)
        assert box.letters == []


def test_a_password_goes_to_another_machine_over_tls(tls: Tls) -> None:
    with mailbox("127.0.0.2", wants_sign_in=True, starttls=tls.server) as box:
        assert sent(box.url_as(USER, quote(PASSWORD, safe="")), tls=tls).fate is Fate.SENT
        assert box.was_private == [True]


def test_a_password_does_not_go_to_another_machine_without_tls() -> None:
    with mailbox("127.0.0.2", wants_sign_in=True) as box:
        outcome = sent(box.url_as(USER, quote(PASSWORD, safe="")))
        assert (outcome.fate, outcome.error) == (Fate.AGAIN, "the server offers no TLS, so the password was not sent")
        assert box.signed_in == []


def test_a_certificate_that_nobody_believes_gets_no_mail(tls: Tls) -> None:
    with mailbox("127.0.0.2", starttls=tls.server) as box:
        assert sent(box.url).fate is Fate.AGAIN
        assert box.letters == []


def test_tls_may_begin_with_the_first_byte(tls: Tls) -> None:
    with mailbox("localhost", tls=tls.server) as box:
        assert sent(box.url, tls=tls).fate is Fate.SENT
        assert box.was_private == [True]


def test_who_is_refused_for_ever_keeps_nobody_else_from_his_letter() -> None:
    with mailbox() as box:
        box.refuses = {"ann@example.com": "550 no such user"}
        outcome = sent(box.url)
        assert (outcome.fate, outcome.status) == (Fate.SENT, 550)
        assert outcome.error == "ann@example.com: 550 no such user"
        assert box.reached == [("bob@example.net",)]


def test_when_all_are_refused_for_ever_so_is_the_letter() -> None:
    with mailbox() as box:
        box.refuses = dict.fromkeys(LETTER.recipients, "550 no such user")
        assert sent(box.url).fate is Fate.REFUSED


def test_only_who_has_no_letter_yet_is_written_to_again() -> None:
    with mailbox() as box:
        box.refuses = {"ann@example.com": "451 come back later"}
        outcome = sent(box.url)
        assert (outcome.fate, outcome.left) == (Fate.AGAIN, ("ann@example.com",))


@pytest.mark.parametrize(("answer", "fate"), [("554 spam", Fate.REFUSED), ("452 full", Fate.AGAIN)])
def test_a_letter_that_is_not_taken_is_refused_or_tried_again_as_the_server_says(answer: str, fate: Fate) -> None:
    with mailbox() as box:
        box.answer = answer
        assert sent(box.url).fate is fate


def test_a_letter_that_was_taken_is_sent_however_they_part() -> None:
    """Otherwise it would come twice."""
    with mailbox() as box:
        box.farewell = "500 never"
        assert sent(box.url) == Outcome(Fate.SENT)


def test_a_server_that_is_down_is_asked_again() -> None:
    port = free_port()
    assert sent(f"smtp://127.0.0.1:{port}").fate is Fate.AGAIN
    with mailbox(port=port) as box:
        assert sent(box.url).fate is Fate.SENT


@pytest.mark.parametrize("address", ["nobody", "a@example.com\nBcc: b@example.com", "a b@example.com", ""])
def test_what_is_no_address_is_refused_and_reaches_nobody(address: str) -> None:
    letter = Letter(**{name: getattr(LETTER, name) for name in LETTER.__struct_fields__} | {"recipients": (address,)})
    with mailbox() as box:
        assert sent(box.url, letter).fate is Fate.REFUSED
        assert box.letters == []


@pytest.mark.parametrize("url", ["http://example.com", "smtp://", "smtp://host/path", "smtp://host:port", "host"])
def test_what_is_no_mail_server_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|Port"):
        server_of(url)


def test_addresses_have_their_usual_ports(tmp_path: Path) -> None:
    assert [server_of(f"{scheme}://mail.example.com").port for scheme in ("smtp", "smtps")] == [587, 465]
