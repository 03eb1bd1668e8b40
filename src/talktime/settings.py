"""What can be set: flags win over the environment (TALKTIME_*), which wins over the file; then these defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from talktime.core.currencies import bounds_from
from talktime.core.proxies import networks
from talktime.core.retention import Kept, rules_from

DATABASE_FILE = "talktime.db"
DRAIN_SECONDS_MAX = 10
SECRET = frozenset(
    {
        "secret_key",
        "database",
        "scratch_database",
        "smtp_url",
        "stripe_api_key",
        "stripe_webhook_secrets",
        "tracing_url",
    }
)
ADDRESSES = frozenset({"database", "scratch_database", "smtp_url", "tracing_url"})
"""Shown without what is secret in them: of addresses the password, else everything."""


class SettingsError(Exception):
    """A setting that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    data: Path = Path("talktime-data")
    """The folder of the embedded database, the local socket, the key file and what has no folder of its own."""
    database: str | None = None
    """postgresql://...; without it the embedded database in the data folder."""
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    jobs: bool = True
    """Whether `serve` also does due work; otherwise `talktime worker` does."""
    drain_seconds: int = 0
    """So long a server that is to end still answers and sends its callers elsewhere: balancers hear 503 from its health
    checks, and each answer ends its connection. At most 10."""
    rate_limit: int = 0
    """Requests per second and key; 0 = off."""
    prepared_statements: bool = True
    """Off behind a pooler that keeps nothing from one transaction to the next, as PgBouncer in transaction mode."""
    batch_max: int = 256
    """Commands in one transaction; 1 is for comparison."""
    adjustment_limit: str = "1000"
    """An adjustment above it needs a second person."""
    backups: Path | None = None
    """The folder of backups, whose age is watched; without it `backups` in the data folder."""
    exports: Path | None = None
    """The folder of finished exports, which servers and workers on several machines share; without it `exports` in the
    data folder."""
    scratch_database: str | None = None
    """postgresql://...; an empty one, where backups are restored to be checked, and which is emptied again."""
    seller_name: str = ""
    """The operator, as receipts and statements name it; without a name they name nobody."""
    seller_address: str = ""
    """Its lines with a bar between them."""
    seller_vat_id: str = ""
    top_up_limits: str = ""
    """Other bounds of a top-up than the usual ones, as in USD:20-5000,JPY:3000-500000."""
    public_url: str = ""
    """Where people reach us from outside, as in https://talktime.example.com; else http://host:port."""
    trusted_proxies: str = ""
    """Addresses and networks of reverse proxies, with a comma between them: whom they name in X-Forwarded-For is who
    asks. Of anybody else the header says nothing."""
    secret_key: str | None = None
    """Encrypts stored secrets; made in the data folder when it is not given. While it is replaced several, with a comma
    between them: the first writes, all of them read."""
    stripe_api_key: str | None = None
    """Cards are charged through this account of Stripe."""
    stripe_webhook_secrets: str | None = None
    """What Stripe signs its events with; two with a comma between them while one is being replaced."""
    stripe_api_base: str | None = None
    """Another address than Stripe's own, for tests."""
    smtp_url: str | None = None
    """smtp://user:password@host:587, or smtps://; without it each mail becomes a file in the outbox."""
    mail_from: str = "Talktime <talktime@localhost>"
    """Whom mail is from."""
    webhooks_to_internal: bool = False
    """Whether webhooks may go to addresses of the own network, and without TLS: for tests."""
    switches_to_internal: bool = True
    """Whether switches of organizations may be told to hang up in the own network, and without TLS; off where the
    organizations are strangers. The operator's own switches may in any case."""
    sso_to_internal: bool = False
    """Whether an organization's server for single sign-on may stand in the own network; on this machine also without
    TLS."""
    tracing_url: str | None = None
    """Where traces of requests are told over OTLP/HTTP, as in http://127.0.0.1:4318; needs talktime[tracing]."""
    tracing_percent: int = 100
    """Of the requests whose caller has not decided it."""
    keep_days: str = ""
    """For how many days what is about people is kept, as in calls:400,people:30,audit:1100,notices:400,deliveries:90;
    what is not named is kept for ever, and sign_ins for 30 days."""
    log_level: str = "info"

    @property
    def on_sqlite(self) -> bool:
        return self.database is None

    @property
    def sqlite_path(self) -> Path:
        return self.data / DATABASE_FILE

    @property
    def reached_at(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def kept(self) -> Mapping[Kept, int]:
        """Days, of each kind that is not kept for ever."""
        return rules_from(self.keep_days)

    @property
    def export_folder(self) -> Path:
        return self.exports or self.data / "exports"

    @property
    def backup_folder(self) -> Path:
        return self.backups or self.data / "backups"

    @property
    def figures(self) -> Path:
        """What each process of this machine has measured."""
        return self.data / "figures"

    @property
    def outbox(self) -> Path:
        return self.data / "outbox"


def load(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """`flags` that are None were not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    known = {one.name: one for one in fields(Settings)}
    from_environment = {
        name: environment[f"TALKTIME_{name.upper()}"] for name in known if f"TALKTIME_{name.upper()}" in environment
    }
    settings = Settings()
    for source in (_file(environment), from_environment, given):
        settings = replace(settings, **{name: _typed(name, value) for name, value in source.items()})
    return _checked(settings)


def _file(environment: Mapping[str, str]) -> dict[str, Any]:
    path = Path(environment.get("TALKTIME_SETTINGS", "talktime.toml"))
    if not path.exists():
        if "TALKTIME_SETTINGS" in environment:
            raise SettingsError(f"the settings file {path} does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error


def _typed(name: str, value: Any) -> Any:
    kinds = {one.name: str(one.type) for one in fields(Settings)}
    if name not in kinds:
        raise SettingsError(f"there is no setting '{name}'")
    try:
        return _READ.get(kinds[name], str)(value)
    except ValueError as error:
        raise SettingsError(f"the setting '{name}' cannot be '{value}'") from error


def _flag(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError(value)
    return words[str(value).lower()]


_READ: Mapping[str, Any] = {"int": int, "Path": Path, "Path | None": Path, "bool": _flag}


def _checked(settings: Settings) -> Settings:
    if settings.database and not settings.database.startswith(("postgresql://", "postgres://")):
        raise SettingsError("'database' is an address like postgresql://user@host/name")
    _check_money(settings)
    _check_mail(settings)
    _check_proxies(settings)
    _check_tracing(settings)
    if not 0 <= settings.drain_seconds <= DRAIN_SECONDS_MAX:
        raise SettingsError(f"'drain_seconds' goes from 0 to {DRAIN_SECONDS_MAX}")
    _check_keeping(settings)
    scratch = settings.scratch_database
    if scratch and not scratch.startswith(("postgresql://", "postgres://")):
        raise SettingsError("'scratch_database' is an address like postgresql://user@host/name")
    if settings.workers < 1:
        raise SettingsError("'workers' is at least 1")
    if settings.workers > 1 and settings.on_sqlite:
        raise SettingsError(
            "more than one worker needs PostgreSQL (--database postgresql://...): SQLite has one writer"
        )
    return settings


def _check_money(settings: Settings) -> None:
    try:
        bounds_from(settings.top_up_limits)
    except ValueError as error:
        raise SettingsError(f"'top_up_limits' is like USD:20-5000,JPY:3000-500000: {error}") from error


def _check_keeping(settings: Settings) -> None:
    try:
        rules_from(settings.keep_days)
    except ValueError as error:
        raise SettingsError(f"'keep_days' is like calls:400,people:30: {error}") from error


def _check_proxies(settings: Settings) -> None:
    try:
        networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"'trusted_proxies' is like 192.0.2.1,10.1.0.0/16: {error}") from error


def _check_tracing(settings: Settings) -> None:
    if settings.tracing_url and not settings.tracing_url.startswith(("http://", "https://")):
        raise SettingsError("'tracing_url' begins with https:// or http://")
    if not 0 <= settings.tracing_percent <= 100:
        raise SettingsError("'tracing_percent' is between 0 and 100")


def _check_mail(settings: Settings) -> None:
    if settings.smtp_url and not _is_mail_server(settings.smtp_url):
        raise SettingsError("'smtp_url' is an address like smtp://user:password@mail.example.com:587, or smtps://")
    if "@" not in parseaddr(settings.mail_from)[1]:
        raise SettingsError("'mail_from' is an address like talktime@example.com")
    if settings.public_url and not settings.public_url.startswith(("http://", "https://")):
        raise SettingsError("'public_url' begins with https:// or http://")


def _is_mail_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = not parts.path.strip("/") and not parts.query and parts.port != 0
        return parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and plain
    except ValueError:
        return False


def shown(settings: Settings) -> dict[str, str | int | bool | None]:
    """The effective settings, without secrets."""
    told = {one.name: getattr(settings, one.name) for one in fields(Settings)}
    return {name: _hidden(name, value) for name, value in told.items()}


def _hidden(name: str, value: Any) -> Any:
    if name in SECRET and value:
        return _without_password(str(value)) if name in ADDRESSES else "***"
    return str(value) if isinstance(value, Path) else value


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{host}"
