"""hub.toml: the hub itself, its connectors, which of them carries what, and when."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from hub.config.fields import Cron, FileName, Part, SecretRef, Span, Word, Words, Zone
from hub.config.unattended import Weekday

Usage = Literal["P", "T"]


class Hub(Part):
    """Where the hub keeps its data, and under which key."""

    data: str = Field(
        default="data", description="folder of the database and files; relative to the settings folder"
    )
    store: str = Field(
        default="",
        description="database address without a password, or a secret reference; empty: SQLite in `data`",
    )
    master_key: SecretRef = Field(
        default="env:HUB_MASTER_KEY", description="where the master key stands: `env:NAME` or `file:path`"
    )
    usage: Usage = Field(default="T", description="T: test files only; P: production (ISA15)")
    zone: Zone = Field(default="America/New_York", description="time zone of the practice's days")
    log: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )
    plugins: Annotated[tuple[Word, ...], Strict(strict=False)] = Field(
        default=(), description="further plugins, of which only hooks are used: scrub rules, routes, listeners"
    )


class Connector(Part):
    """One configured instance of a plugin. `settings` is handed to the plugin, which checks it."""

    plugin: Word = Field(description="entry point of the plugin in the group `hub`, as in `pip show` of it")
    kind: str = Field(default="", description="which of the plugin's offers; empty where it has only one")
    practice: str = Field(
        default="", description="the practice it serves; may be left out while there is one only"
    )
    enabled: bool = Field(default=True, description="false: known, but never called")
    follows: Words = Field(
        default=(),
        description="sources of the same practice of whose visits and patients this one may hear, to ask its own "
        "system for more of them",
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="the plugin's own settings")


class Route(Part):
    """Which connector carries claims."""

    default: str = Field(default="", description="the clearinghouse connector of every payer that has no other")
    payers: dict[str, str] = Field(default_factory=dict, description="payer id -> connector, where it differs")


class Mailbox(Part):
    """What a clearinghouse connector's files say of sender and receiver (ISA, GS, loops 1000A and 1000B)."""

    sender_qualifier: str = Field(default="ZZ", pattern="^[0-9A-Z]{2}$", description="ISA05")
    sender_id: str = Field(min_length=2, max_length=15, description="ISA06, and GS02 unless given apart")
    receiver_qualifier: str = Field(default="ZZ", pattern="^[0-9A-Z]{2}$", description="ISA07")
    receiver_id: str = Field(min_length=2, max_length=15, description="ISA08, and GS03 unless given apart")
    group_sender: str = Field(default="", max_length=15, description="GS02")
    group_receiver: str = Field(default="", max_length=15, description="GS03")
    submitter_name: Word = Field(description="1000A NM103")
    submitter_id: Word = Field(description="1000A NM109")
    contact_name: Word = Field(description="1000A PER02")
    contact_phone: str = Field(pattern="^[0-9]{10}$", description="1000A PER04, ten digits")
    receiver_name: Word = Field(description="1000B NM103")
    receiver_number: str = Field(default="", max_length=80, description="1000B NM109; empty: receiver_id")
    usage: Usage | None = Field(default=None, description="overrides hub.usage for this mailbox (ISA15)")
    ta1: bool = Field(default=False, description="ask for a TA1 (ISA14)")
    answer_hours: int = Field(
        default=24, ge=1, le=240, description="hours after which a missing TA1 or 999 is an alarm"
    )
    max_claims: int = Field(default=2000, ge=1, le=5000, description="claims in one file at most")
    file_name: FileName = Field(
        default="{kind}_{number}.x12", description="name at the partner: {kind}, {number}, {date} (YYYYMMDD)"
    )
    first_control_number: int = Field(default=1, ge=1, le=900_000_000, description="ISA13 and GS06 begin here")
    claim_prefix: str = Field(
        default="", pattern="^[A-Z0-9]{0,4}$", description="opens each patient control number (CLM01)"
    )
    overlays: Words = Field(
        default=(),
        description="rules on top of the guides for all its claims: built in, or overlays/NAME.toml here",
    )


class Print(Part):
    """Who prints statements, and how often a guarantor gets one."""

    vendor: str = Field(default="", description="the print vendor's connector")
    due_days: int = Field(default=21, ge=1, le=120, description="days from statement date to due date")
    every_days: int = Field(
        default=28, ge=1, le=120, description="least days between two statements to one guarantor"
    )
    least_cents: int = Field(default=500, ge=0, description="smaller amounts wait")
    batch: int = Field(default=50, ge=1, le=50, description="statements in one PDF at most")


class Schedule(Part):
    """When a step runs for a lane: `cron`, or `every` counted from `epoch`."""

    step: Word = Field(description="step of the flow, as in `dispatch.send`")
    connector: str = Field(default="", description="the lane: a connector; empty: all")
    cron: Cron | None = Field(default=None, description="minute hour day month weekday, in `zone`")
    every: Span | None = Field(default=None, description="span between two runs, as in 15m")
    epoch: datetime | None = Field(
        default=None, description="`every` is counted from here; empty: 2026-01-01T00:00:00Z"
    )
    zone: Zone | None = Field(default=None, description="time zone; empty: hub.zone")
    cut_off: time | None = Field(default=None, description="not after this local time of day")
    days: Annotated[tuple[Weekday, ...], Strict(strict=False)] = Field(
        default=(), description="only on these weekdays"
    )
    holidays: Annotated[tuple[date, ...], Strict(strict=False)] = Field(
        default=(), description="never on these days"
    )
    calendar: str = Field(default="", description="the partner's calendar that holds too, as in [calendars.NAME]")
