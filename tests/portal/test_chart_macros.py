"""What a page says of its charts to those who do not see them, and that it needs neither script nor style attribute."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from talktime.portal.charts import Bar, Series, bar_chart
from tests.portal import drawn


@pytest.fixture(scope="module")
def html() -> str:
    return drawn.page()


def figure(html: str, title: str) -> str:
    (one,) = [part for part in re.findall(r"<figure.*?</figure>", html, re.S) if f">{title}</h" in part]
    return str(one)


def test_no_style_attribute_and_no_handler_is_written(html: str) -> None:
    assert re.findall(r"\s(?:style|on[a-z]+)=", html) == []


def test_every_picture_is_described_or_decoration(html: str) -> None:
    pictures = re.findall(r"<svg[^>]*>", html)
    hidden = re.findall(r'<span class="heat-key"><svg[^>]*>', html)
    named = [one for one in pictures if re.search(r'role="img" aria-label="[^"]{10,}"', one)]
    assert len(named) == 6
    assert len(pictures) == len(named) + len(hidden) + sum('aria-hidden="true"' in one for one in pictures)


def test_pictures_are_well_formed(html: str) -> None:
    for picture in re.findall(r"<svg.*?</svg>", html, re.S):
        ElementTree.fromstring(picture)


def test_a_chart_says_what_it_shows_in_one_sentence(html: str) -> None:
    sentence = 'aria-label="Daily consumption from Nov 11 to Nov 20: highest on Nov 20 with USD 9.00."'
    assert sentence in figure(html, "Daily consumption")


def test_a_chart_of_nothing_says_so() -> None:
    html = drawn.alone(bar_chart([Bar("Nov 20", (0,), "USD 0.00")], [Series("Credits")], str))
    assert 'aria-label="Daily consumption from Nov 20 to Nov 20: nothing."' in html


def test_many_bars_have_no_lines_between_their_parts() -> None:
    year = [Bar(f"Day {day}", (day, day), "") for day in range(365)]
    assert "chart-fine" in drawn.alone(bar_chart(year, [Series("International"), Series("Meetings")], str))


def test_each_bar_says_its_figure(html: str) -> None:
    titles = re.findall(r"<title>(.*?)</title>", figure(html, "Daily consumption"))
    assert titles == [f"Nov {11 + day}: USD {day}.00" for day in range(10)]


def test_the_same_figures_stand_in_a_table(html: str) -> None:
    table = figure(html, "Cost per day").split("<table")[1]
    assert re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table) == ["Date", "International", "Meetings", "Cost"]
    assert re.findall(r"<td[^>]*>(.*?)</td>", table)[:3] == ["<b>USD</b> 2.00", "USD 1.00", "USD 3.00"]
    assert 'data-values="2000000 1000000"' in table


def test_only_the_average_and_the_day_that_is_not_over_are_marked(html: str) -> None:
    table = figure(html, "Daily consumption").split("<table")[1]
    assert re.findall(r'data-mean="(\d+)"', table) == ["3000000", "4000000", "5000000"]
    assert table.count("data-unfinished") == 1


def test_texts_cannot_become_markup(html: str) -> None:
    assert "Nov 18 &lt;&#34;&amp;&gt;" in html
    assert '<"&>' not in html


def test_the_hours_have_a_table_of_all_their_figures(html: str) -> None:
    table = html.split('<div class="heat">')[1].split("<table")[1].split("</table>")[0]
    assert len(re.findall(r"<td", table)) == 7 * 24
    assert '<td class="num" data-label="Sun">138</td>' in table
