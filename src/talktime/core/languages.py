"""The languages that we speak."""

from __future__ import annotations

from typing import Literal, get_args

Language = Literal["en", "bg", "ru", "lv", "ro", "sl"]
LANGUAGES: tuple[str, ...] = get_args(Language)
