"""An organization in this process with somebody who may call, and a key for its switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.web.client import Client, Organization, World


@dataclass(frozen=True, slots=True)
class Tenant:
    organization: Organization
    switch: Client
    user: str

    def story(self, call_id: str) -> Any:
        return self.organization.api.get(f"/v1/calls/{call_id}").json

    @property
    def held(self) -> str:
        return str(self.organization.api.get("/v1/balance").json["held"])


def tenant(world: World, credits: str = "10", **limits: Any) -> Tenant:
    """0.12 a minute to +1, in slices of five minutes unless something else is said."""
    if not world.operator.get("/v1/operator/price-lists").json["data"]:
        world.price_list(default=True)
    organization = world.organization(limits=limits)
    if credits:
        organization.grant(credits)
    return Tenant(organization, organization.key("calls"), organization.caller())
