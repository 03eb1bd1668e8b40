"""What people who sign in are: in an organization, and at the operator's."""

from __future__ import annotations

from typing import Literal

OrganizationRole = Literal[
    "global_administrator",
    "billing_administrator",
    "user_administrator",
    "communications_administrator",
    "helpdesk",
    "report_reader",
]
OperatorRole = Literal["operator", "price_manager", "support", "auditor"]
ADMINISTRATOR: OrganizationRole = "global_administrator"
"""An organization that has one keeps one."""
