"""Letters: every event in every language, with whatever is known of it; what others wrote stays text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from talktime.core.languages import LANGUAGES
from talktime.core.notices import EVENTS
from talktime.notifications.letters import PERSONAL, TEMPLATES, About, letter
from talktime.notifications.mail import Letter

NAME = "Example Ltd"
PORTAL = "https://talktime.example.com"
AT = 1_900_000_000_000_000
DETAILS = {
    "amount": "1250.5",
    "currency": "EUR",
    "balance": "-3.25",
    "level": "25",
    "spent": "60",
    "card": "Visa **** 4242",
    "receipt": "17",
    "expires_at": str(AT),
    "next_attempt_at": str(AT),
    "until": str(AT),
    "good_until": str(AT),
    "code": "expired_card",
    "brake": "limit_reached",
    "link": "https://pay.example.com/once",
    "days": "7",
    "pool": "MCOMEETADD",
    "kind": "second",
    "month": "2031-03",
    "expires": "2031-04",
    "what": "recharge_settings.changed",
    "by": "key_1",
    "state": "lost",
    "user": "usr_1",
    "user_name": "Ann Example (ann@example.com)",
    "call": "c1",
    "top_up": "pay_1",
    "window": "month",
}
ALL = [*EVENTS, *sorted(PERSONAL), "test", "of_the_future"]


def written(event: str, language: str = "en", zone: str = "UTC", **details: str) -> Letter:
    about = About(event=event, organization=NAME, time_zone=zone, details=details)
    return letter("del_1", ("ann@example.com",), language, about, PORTAL, AT)


class Page(HTMLParser):
    """What can be read, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.is_style = False
        self.links: list[str | None] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.is_style = tag == "style"
        self.links += [value for name, value in attributes if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        self.is_style = False

    def handle_data(self, data: str) -> None:
        if not self.is_style:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def words_of(text: str) -> set[str]:
    return {word.removesuffix(":") for word in text.split()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", ALL)
def test_every_event_has_a_whole_letter_in_every_language(event: str, language: str) -> None:
    made = written(event, language, **DETAILS)
    page = Page(made.html)
    assert made.subject.endswith(f" \N{EN DASH} {NAME}")
    assert len(made.text) > 150
    assert not re.search(r"[{}]|\bNone\b|Undefined", made.subject + made.text + page.text)
    assert words_of(made.text) - {"--", PORTAL} <= words_of(page.text) | {*page.links}
    assert page.links == ["https://pay.example.com/once"]


@pytest.mark.parametrize("event", ALL)
def test_the_words_are_others_in_every_language(event: str) -> None:
    letters = [written(event, language, **DETAILS) for language in LANGUAGES]
    assert len({made.subject for made in letters}) == len(LANGUAGES)
    assert len({made.text for made in letters}) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", ALL)
def test_a_letter_never_fails_for_what_is_missing(event: str, language: str) -> None:
    made = written(event, language)
    assert NAME in made.subject
    assert PORTAL in made.text
    assert not re.search(r"[{}]|\bNone\b", made.text)


@pytest.mark.parametrize("event", ALL)
def test_nor_for_what_cannot_be_read(event: str) -> None:
    made = written(event, **dict.fromkeys(DETAILS, "?"))
    assert "USD" not in made.text


def test_every_template_is_that_of_an_event_and_the_other_way_round() -> None:
    assert {path.stem for path in TEMPLATES.glob("*.txt")} == {*EVENTS, *PERSONAL, "test", "other", "layout"}


def test_a_letter_names_what_happened_in_figures_as_the_reader_writes_them() -> None:
    text = written("funds_added", "ru", "Europe/Riga", **DETAILS).text
    assert "Сумма: EUR\xa01\xa0250,50" in text
    assert "Баланс счета: EUR\xa0-3,25" in text
    assert "17 марта 2030" in text
    assert "Amount: EUR\xa01,250.50" in written("funds_added", **DETAILS).text


def test_an_instant_is_said_in_the_time_of_the_organization() -> None:
    assert "7:46:40" in written("recharge_failed", zone="Europe/Riga", next_attempt_at=str(AT)).text
    assert "5:46:40" in written("recharge_failed", next_attempt_at=str(AT)).text


def test_credit_without_end_has_no_date() -> None:
    assert "Expires" not in written("funds_added", expires_at=str(2**62)).text


@pytest.mark.parametrize(
    ("language", "days", "words"),
    [
        *(("en", 1, "in 1 day."), ("en", 7, "in 7 days.")),
        *(
            ("ru", 1, "Через 1 день"),
            ("ru", 3, "Через 3 дня"),
            ("ru", 30, "Через 30 дней"),
            ("ru", 21, "Через 21 день"),
        ),
        *(("sl", 1, "čez 1 dan"), ("sl", 2, "čez 2 dneva"), ("sl", 3, "čez 3 dni"), ("sl", 7, "čez 7 dni")),
        *(
            ("lv", 1, "Pēc 1 dienas"),
            ("lv", 7, "Pēc 7 dienām"),
            ("lv", 21, "Pēc 21 dienas"),
            ("lv", 11, "Pēc 11 dienām"),
        ),
        *(("ro", 1, "peste 1 zi."), ("ro", 7, "peste 7 zile"), ("ro", 30, "peste 30 de zile")),
        *(("bg", 1, "след 1 ден."), ("bg", 30, "след 30 дни")),
    ],
)
def test_days_are_counted_as_each_language_counts(language: str, days: int, words: str) -> None:
    assert words in written("lot_expiring", language, days=str(days)).text


def test_codes_have_words() -> None:
    assert "Reason: the card has expired" in written("recharge_failed", code="expired_card").text
    assert "Причина: слишком большой расход за час" in written("user_blocked", "ru", reason="spend_per_hour").text
    assert "Reason: rang the whole night" in written("user_blocked", reason="rang the whole night").text
    assert "What changed: Auto recharge settings" in written("settings_changed", what="recharge_settings.changed").text
    assert "Minute pool: Audio Conferencing" in written("pool_80_percent", pool="MCOMEETADD", kind="first").text


def test_a_brake_a_window_and_the_state_of_a_dispute_are_told_apart() -> None:
    assert "monthly limit" in written("recharge_limit_reached", brake="limit_reached").text
    assert "24 hours" in written("recharge_limit_reached", brake="velocity_limited").text
    assert "Today" in written("spend_alert", window="day").text
    assert "This month" in written("spend_alert", window="month").text
    said = {state: written("dispute", state=state).text for state in ("opened", "won", "lost")}
    assert len(set(said.values())) == 3


BAD = "<script>alert(1)</script>\r\nBcc: x@example.com\n\nPay here: bad.example.net \u202egnp\x00{amount}%s{{ 7*7 }}"


@pytest.mark.parametrize("event", ALL)
def test_what_others_wrote_is_text_and_one_line(event: str) -> None:
    about = About(
        event=event,
        organization=BAD,
        time_zone="UTC",
        details={**DETAILS, "reason": BAD, "user_name": BAD, "card": BAD},
    )
    made = letter("del_1", ("ann@example.com",), "en", about, PORTAL, AT)
    page = Page(made.html)
    assert "script" not in page.tags
    assert page.links == ["https://pay.example.com/once"]
    assert "\n" not in made.subject
    assert not [line for line in made.text.splitlines() if line.startswith(("Bcc", "Pay here"))]
    assert not {"\u202e", "\x00", "49"} & {*made.text, *made.text.split()}


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//bad.example.net", "mailto:x@example.com"]
)
def test_a_link_leads_to_a_page_or_to_the_portal(link: str) -> None:
    made = written("recharge_requires_action", link=link)
    assert Page(made.html).links == [PORTAL]


def test_a_test_organization_says_so() -> None:
    about = About(event="funds_added", organization=NAME, time_zone="UTC", details={}, is_test=True)
    made = letter("del_1", ("ann@example.com",), "en", about, PORTAL, AT)
    assert "no real money" in made.text
    assert "no real money" in made.html
    assert "no real money" not in written("funds_added").text


def test_a_language_that_nobody_speaks_here_is_english() -> None:
    assert written("balance_zero", "xx").language == "en"


LABELS = {
    "bg": ("Кредити за комуникация", "Промяна на настройките за презареждане", "Добавяне на още средства"),
    "ru": ("Кредиты на связь", "Изменить параметры пополнения", "Добавить средства"),
    "lv": ("Komunikācijas kredīti", "Mainīt papildināšanas iestatījumus", "Pārskaitīt līdzekļus"),
    "ro": ("Credite de comunicații", "Modificați setările de reîncărcare", "Adăugați mai multe fonduri"),
    "sl": ("Dobropise za komuniciranje", "Spremenite nastavitve polnjenja", "Dodaj več sredstev"),
}


@pytest.mark.parametrize("language", LABELS)
def test_things_are_called_as_administrators_know_them(language: str) -> None:
    """The product in its case of the sentence where the language has cases."""
    events = ("funds_added", "recharge_paused", "balance_low")
    for event, label in zip(events, LABELS[language], strict=True):
        assert label in written(event, language).text
