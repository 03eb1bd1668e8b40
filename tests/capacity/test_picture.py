"""The picture of the answer-time curve."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from talktime.capacity.curve import curve
from talktime.capacity.found import Point
from talktime.capacity.picture import HEIGHT, WIDTH, drawn
from tests.capacity.figures import POSTGRESQL

FEW = 1_500
SVG = "{http://www.w3.org/2000/svg}"


def shapes(text: str, name: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text).iter(SVG + name))


def test_two_lines_are_simulated_and_each_measurement_is_two_rings() -> None:
    text = drawn(curve(POSTGRESQL, commands=FEW), POSTGRESQL.points, "A & B", "note")
    assert len(shapes(text, "polyline")) == 2
    assert len(shapes(text, "circle")) == 2 * len(POSTGRESQL.points)
    assert "A &amp; B" in text
    assert len(text) < 20_000


def test_everything_lies_on_the_picture() -> None:
    points = [Point(0.4, 0.00001, 0.002), Point(99_000, 0.1, 400)]
    text = drawn(points, points, "", "")
    for ring in shapes(text, "circle"):
        assert 0 < float(ring.attrib["cx"]) < WIDTH
        assert 0 < float(ring.attrib["cy"]) < HEIGHT


def test_the_curve_ends_where_waiting_has_no_end() -> None:
    endless = replace(POSTGRESQL, calls_per_second=1e5)
    assert len(curve(endless, commands=FEW)) < len(curve(POSTGRESQL, commands=FEW))
