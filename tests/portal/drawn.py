"""A page with one chart of each kind, for tests of the macros and of the scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from talktime.portal.charts import Bar, BarChart, Series, bar_chart, running_average
from talktime.portal.meters import Stretch, balance_line, call_span, meter, ranking
from talktime.portal.times import HeatMap, Moment, StepChart, heat_map, step_chart

UNIT = 1_000_000
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
HOURS = [f"{hour:02}:00" for hour in range(24)]
WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

IMPORT = '{% import "macros/charts.html" as charts with context %}'
PAGE = """
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Drawn</title>
    <link rel="stylesheet" href="tokens.css">
    <link rel="stylesheet" href="components.css">
    {{ charts.styles() }}
    <script defer src="htmx.min.js"></script>
    <script defer src="talktime.js"></script>
    {{ charts.scripts() }}
  </head>
  <body>
    <main class="page">{{ body }}
      {{ charts.balance(line, "USD 5.00 is available.", "Lasts about 9 days", "Recharge below USD 1.00") }}
      {{ charts.meter(pool) }}
      {{ charts.bars(credits, "Daily consumption", "USD a day", heading="h2") }}
      {{ charts.bars(kinds, "Cost per day", column="Date") }}
      {{ charts.ranking(countries) }}
      {{ charts.heat(hours, "Most calls begin at noon.") }}
      {{ charts.steps(now, "Calls in progress") }}
      {{ charts.span(call, "Nine minutes from the pool, then one from credits.") }}
    </main>
  </body>
</html>
"""


def words(text: str, **values: object) -> str:
    return text.format(**values)


def pages() -> Environment:
    loader = PackageLoader("talktime.portal")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def alone(chart: BarChart) -> str:
    page = IMPORT + '{{ charts.bars(chart, "Daily consumption") }}'
    return pages().from_string(page).render(_=words, asset=str, chart=chart)


def page(body: str = "") -> str:
    return (
        pages()
        .from_string(IMPORT + PAGE)
        .render(
            _=words,
            asset=str,
            body=Markup(body),
            line=balance_line(5 * UNIT, UNIT, 2 * UNIT, trigger=UNIT),
            pool=meter("Domestic Calling Plan", 90, 100, "90 / 100 min", "United States", "80% passed on Nov 18."),
            credits=credits(),
            kinds=kinds(),
            countries=ranking([("Germany", 2 * UNIT, "USD 2.00"), ("India", UNIT, "USD 1.00")]),
            hours=hours(),
            now=now(),
            call=call_span(
                [Stretch("pool", 540, "Pool"), Stretch("paid", 60, "Credits"), Stretch("back", 60, "Given back")]
            ),
        )
    )


def credits() -> BarChart:
    """Ten days with USD 1 more each; the last is not over, and nobody called on the first."""
    days = [Bar(f"Nov {place + 11}", (place * UNIT,), f"USD {place}.00", unfinished=place == 9) for place in range(10)]
    return bar_chart(days, [Series("Credits")], _units, average=running_average(days), columns=["Consumption"])


def kinds() -> BarChart:
    days = [
        Bar(f'Nov {day} <"&>', (2 * UNIT, UNIT), "USD 3.00", (Markup("<b>USD</b> 2.00"), "USD 1.00", "USD 3.00"))
        for day in (18, 19, 20)
    ]
    series = [Series("International", "International USD 6.00"), Series("Meetings")]
    return bar_chart(days, series, _units, columns=["International", "Meetings", "Cost"])


def hours() -> HeatMap:
    return heat_map([[day * hour for hour in range(24)] for day in range(7)], WEEK, HOURS, str)


def now() -> StepChart:
    moments = [Moment(MIDNIGHT + timedelta(hours=at), at, f"{at}:00", f"{at} calls") for at in (8, 12, 6)]
    return step_chart(sorted(moments, key=_at), MIDNIGHT, MIDNIGHT + timedelta(days=1), HOURS[::6], str)


def _at(moment: Moment) -> datetime:
    return moment.at


def _units(micros: int) -> str:
    return str(micros // UNIT)
