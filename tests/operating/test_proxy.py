"""nginx in front of Talktime, as it is shipped: TLS, who really asks, and what the world does not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ssl import SSLContext

import httpx
import pytest

from talktime.cli.shipped import SHIPPED
from tests.http.shop import Organization, Shop
from tests.operating.machine import moved
from tests.support.certificates import made_in
from tests.support.nginx import nginx
from tests.support.ports import free_port
from tests.support.server import serving

SITE = SHIPPED / "tls" / "talktime-tls.conf"
SETTINGS = {"TALKTIME_PUBLIC_URL": "https://talktime.example.com", "TALKTIME_TRUSTED_PROXIES": "127.0.0.1"}
INSIDE, OUTSIDE, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Front:
    plain: str
    url: str
    trusted: SSLContext
    org: Organization

    def get(self, path: str, come_from: str = OUTSIDE, **headers: str) -> httpx.Response:
        return self.send("GET", path, b"", come_from, **headers)

    def send(self, method: str, path: str, body: bytes, come_from: str, **headers: str) -> httpx.Response:
        way = httpx.HTTPTransport(verify=self.trusted, local_address=come_from)
        with httpx.Client(transport=way, timeout=60) as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return client.request(method, self.url + path, content=body, headers=named)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    tls = made_in(folder)
    for name in ("fullchain.pem", "privkey.pem"):
        (folder / "etc/ssl/talktime").mkdir(parents=True, exist_ok=True)
        (folder / "etc/ssl/talktime" / name).write_bytes((folder / "certificate.pem").read_bytes())
    with serving(folder / "data", environment=SETTINGS) as server:
        plain, encrypted = free_port(), free_port()
        site = moved(SITE.read_text(), folder, {"8080": str(server.port), "443": str(encrypted), "80": str(plain)})
        shop = Shop.opened(server.url, server.operator_key)
        with nginx(folder, [site], encrypted):
            org = shop.organization("10")
            yield Front(f"http://127.0.0.1:{plain}", f"https://localhost:{encrypted}", tls.client, org)
        shop.close()


def test_the_world_comes_by_tls_alone(front: Front) -> None:
    away = httpx.get(f"{front.plain}/sign-in?next=%2F", follow_redirects=False)
    assert (away.status_code, away.headers["location"]) == (301, "https://talktime.example.com/sign-in?next=%2F")
    page = front.get("/sign-in", host="talktime.example.com")
    assert (page.status_code, page.headers["strict-transport-security"]) == (200, "max-age=31536000")


def test_figures_are_for_those_inside(front: Front) -> None:
    for path in ("/metrics", "/readyz", "/metrics/"):
        assert front.get(path, INSIDE).status_code == 200
        assert front.get(path, OUTSIDE).status_code == 403
    assert front.get("/healthz").status_code == 200


def test_a_key_is_bound_to_who_really_asks(front: Front) -> None:
    key = front.org.key("calls", addresses=[f"{OUTSIDE}/32"])["key"]
    given = {"authorization": f"Bearer {key}"}
    assert front.get("/v1/calls", OUTSIDE, **given).status_code == 200
    assert front.get("/v1/calls", ELSEWHERE, **given).json()["code"] == "address_not_allowed"
    forged = front.get("/v1/calls", ELSEWHERE, x_forwarded_for=OUTSIDE, **given)
    assert forged.json()["code"] == "address_not_allowed"


def test_what_is_too_large_hears_so_from_talktime(front: Front) -> None:
    key = front.org.key("calls")["key"]
    given = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    told = front.send("POST", "/v1/calls/authorize", bytes(2 << 20), OUTSIDE, **given)
    assert (told.status_code, told.json()["code"]) == (413, "too_large")
