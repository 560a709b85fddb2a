"""hub.toml: how the hub runs with nobody watching: nodes, calendars, watching itself, notices, backups, retention."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Literal

from pydantic import Field, Strict

from hub.config.fields import Part, Span, Words, Zone

_LAX = Strict(strict=False)
LISTEN = r"^$|^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$"
Role = Literal["scheduler", "worker", "listener", "web"]
#: Who work and alarms are for, and the word for every role that is not named.
OWNERS = ("it", "biller", "coder", "front-desk", "all")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Run(Part):
    """How `hub run` runs on this node; its options override what stands here."""

    runner: Literal["local", "distributed"] = Field(
        default="local", description="local: one process; distributed: any number of nodes on one PostgreSQL"
    )
    threads: int = Field(
        default=4,
        ge=1,
        le=32,
        description="steps at the same time on one node; a connector that is being asked takes one, so more than "
        "there are slow ones",
    )
    roles: Annotated[tuple[Role, ...], _LAX] = Field(
        default=("scheduler", "worker", "listener", "web"), description="what this node does"
    )
    listen: str = Field(
        default="127.0.0.1:8484",
        pattern=LISTEN,
        description="address of /healthz, /readyz, /metrics and, for a reverse proxy, /connectors; empty: none",
    )
    public_listen: str = Field(
        default="",
        pattern=LISTEN,
        description="a second address, of nothing but /connectors: what senders outside reach; empty: none",
    )
    public_certificate: str = Field(
        default="", description="its certificate with the chain (PEM): path or secret reference"
    )
    public_key: str = Field(
        default="",
        description="the certificate's private key (PEM): path or secret reference; empty: with the certificate",
    )
    drain_seconds: int = Field(
        default=10, ge=1, le=300, description="how long a stop waits for what runs; a container needs 20 s more"
    )
    bug_limit: int = Field(default=5, ge=1, le=100, description="failures in a row after which a lane is held")
    log_file: str = Field(default="", description="log file, relative to `hub.data`; empty: standard error")
    log_megabytes: int = Field(default=50, ge=1, le=10_000, description="size at which the log file is turned")
    log_keep: int = Field(default=10, ge=1, le=1000, description="turned log files that are kept")


class Calendar(Part):
    """A partner's working days, which schedules share by `calendar = NAME`."""

    holidays: Annotated[tuple[date, ...], _LAX] = Field(default=(), description="closed on these days")
    banks: Literal["", "us-federal", "us-banks"] = Field(
        default="", description="closed on these public holidays too"
    )
    days: Annotated[tuple[Weekday, ...], _LAX] = Field(
        default=(), description="open on these weekdays; empty: all"
    )
    cut_off: time | None = Field(default=None, description="closed after this local time of day")
    zone: Zone | None = Field(default=None, description="time zone of the calendar; empty: that of the schedule")
    closed: Literal["skip", "next", "previous"] = Field(
        default="skip", description="a slot on a closed day: left out, or moved to the next or previous open day"
    )


class Watch(Part):
    """What `hub doctor` and the running hub call trouble."""

    every: Span = Field(default=timedelta(minutes=1), description="how often the running hub looks at itself")
    free_megabytes: int = Field(default=2_000, ge=100, description="less free disk than this is an alarm")
    clock_seconds: int = Field(default=5, ge=1, description="a clock off by more is an alarm")
    key_days: int = Field(default=30, ge=1, description="a key or certificate that ends sooner is an alarm")
    mailbox_hours: int = Field(default=24, ge=1, description="a file that waits longer at a partner is an alarm")
    lag_minutes: int = Field(default=15, ge=1, description="a schedule or step that is later is an alarm")


class Notifications(Part):
    """Who is told of alarms, and when. Nothing in a notice identifies a patient."""

    to: dict[str, Words] = Field(
        default_factory=dict,
        description="role (it, biller, coder, front-desk; `all` for every other) -> notifier connectors",
    )
    digest_at: time = Field(default=time(7), description="local time of the daily digest (hub.zone)")
    alive_every: Span = Field(
        default=timedelta(minutes=5), description="how often notifiers that take `alive` are pinged"
    )


class Backup(Part):
    """Where backups go and how long they are kept."""

    folder: str = Field(
        default="backups",
        description="folder of backups, relative to the settings folder; the service must be allowed to write it",
    )
    pg_tools: str = Field(
        default="", description="folder of pg_dump and pg_restore; empty: they are found where packages put them"
    )
    keep_days: int = Field(default=35, ge=1, description="every backup is kept so long")
    keep_months: int = Field(default=12, ge=0, description="then the first of each month, for so many months")
    overdue_hours: int = Field(default=36, ge=1, description="an older last backup is an alarm")
    drill_days: int = Field(default=35, ge=1, description="a last good restore drill that is older is an alarm")


class Retention(Part):
    """How long data is kept. Nothing is removed while `purge` is false, or under a legal hold."""

    years: int = Field(default=6, ge=1, le=100, description="years after the last activity of an account")
    raw_years: int = Field(default=6, ge=1, le=100, description="years for raw messages and files")
    history_days: int = Field(
        default=400, ge=7, description="days for runs, lane journals, notices and hours of feeds"
    )
    purge: bool = Field(default=False, description="whether the scheduled step `keep.purge` may remove anything")
