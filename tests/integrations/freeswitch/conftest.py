from __future__ import annotations

from tests.web.conftest import empty_data, world

__all__ = ["empty_data", "world"]
