"""The pages of Reports. Who may read reports may have them as files."""

from __future__ import annotations

from talktime.core.roles import Right
from talktime.portal.pages import Answer, Away, get, post
from talktime.portal.reports import blocked, exports, forecast, pools, usage
from talktime.portal.visit import Visit

SEE = Right.REPORTS_SEE


def _to_usage(visit: Visit) -> Answer:
    return Away("/reports/usage")


PAGES = [
    get("/reports", _to_usage, SEE),
    get("/reports/usage", usage.get_usage, SEE),
    get("/reports/usage.csv", usage.get_file, SEE),
    get("/reports/pools", pools.get_pools, SEE),
    get("/reports/pools.csv", pools.get_file, SEE),
    get("/reports/blocked", blocked.get_blocked, SEE),
    get("/reports/forecast", forecast.get_forecast, SEE),
    get(exports.HERE, exports.get_exports, SEE),
    get(f"{exports.HERE}/part", exports.get_part, SEE),
    post(exports.HERE, exports.make, SEE),
    get(f"{exports.HERE}/{{id}}/download", exports.download, SEE),
]
