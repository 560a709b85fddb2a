"""The one checked tree of settings, and the questions that the flow asks of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cached_property
from typing import Annotated, Self, TypeVar

from pydantic import Field, Strict

from hub.config.connectors import Connector, Hub, Mailbox, Print, Route, Schedule
from hub.config.fields import Dated, Key, Part
from hub.config.money_rules import ChargeRow, DiagnosisRow, DrugRow, Fee, Payer, Rental, Timed
from hub.config.people import Enrolment, Facility, Practice, Provider, Source
from hub.config.unattended import Backup, Calendar, Notifications, Retention, Run, Watch

_LAX = Strict(strict=False)
Row = TypeVar("Row", bound=Dated)
K = TypeVar("K")
V = TypeVar("V")

FILES: dict[str, tuple[str, ...]] = {
    "hub.toml": (
        *("hub", "run", "connectors", "route", "mailboxes", "print"),
        *("calendars", "schedules", "watch", "notifications", "backup", "retention"),
    ),
    "practices.toml": ("practices", "facilities", "sources"),
    "payers.toml": ("payers",),
    "enrolments.toml": ("enrolments",),
    "providers.toml": ("providers",),
    "charge_map.toml": ("charges", "diagnoses"),
    "fee_schedule.toml": ("fees", "timed", "drugs", "rentals"),
}
HOME = {key: file for file, keys in FILES.items() for key in keys}


class Settings(Part):
    """Everything that was configured, checked; the top-level keys of all files side by side."""

    hub: Hub = Hub()
    run: Run = Run()
    connectors: dict[Key, Connector] = Field(default_factory=dict)
    route: Route = Route()
    mailboxes: dict[Key, Mailbox] = Field(default_factory=dict)
    print: Print = Print()
    calendars: dict[Key, Calendar] = Field(default_factory=dict)
    schedules: dict[Key, Schedule] = Field(default_factory=dict)
    watch: Watch = Watch()
    notifications: Notifications = Notifications()
    backup: Backup = Backup()
    retention: Retention = Retention()
    practices: dict[Key, Practice] = Field(default_factory=dict)
    facilities: dict[Key, Facility] = Field(default_factory=dict)
    sources: dict[Key, Source] = Field(default_factory=dict)
    payers: dict[Key, Payer] = Field(default_factory=dict)
    enrolments: Annotated[tuple[Enrolment, ...], _LAX] = ()
    providers: Annotated[tuple[Provider, ...], _LAX] = ()
    charges: Annotated[tuple[ChargeRow, ...], _LAX] = ()
    diagnoses: Annotated[tuple[DiagnosisRow, ...], _LAX] = ()
    fees: Annotated[tuple[Fee, ...], _LAX] = ()
    timed: Annotated[tuple[Timed, ...], _LAX] = ()
    drugs: Annotated[tuple[DrugRow, ...], _LAX] = ()
    rentals: Annotated[tuple[Rental, ...], _LAX] = ()

    @cached_property
    def _index(self) -> _Index:
        return _Index(self)

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied.__dict__.pop("_index", None)  # rows of the copy may be others
        return copied

    def clearinghouse(self, payer: str) -> str:
        """The connector that carries this payer's claims, or empty."""
        return self.route.payers.get(payer, self.route.default)

    @property
    def clearinghouses(self) -> tuple[str, ...]:
        """Every connector that carries claims, the default first; then those that only carry on, since they have
        a mailbox: what is frozen for them is still sent, and their answers and remittances are still fetched.
        """
        routed = (name for name in (self.route.default, *self.route.payers.values()) if name)
        return tuple(dict.fromkeys((*routed, *(name for name in self.mailboxes if self._carries(name)))))

    def _carries(self, name: str) -> bool:
        """Whether this mailbox is that of a connector that works, and of a clearinghouse."""
        known = name in self.connectors and self.connectors[name].enabled
        return known and name not in self.sources and name != self.print.vendor

    def usage(self, clearinghouse: str) -> str:
        """P or T for the files of this connector (ISA15); a mailbox cannot make a test hub productive."""
        mailbox = self.mailboxes.get(clearinghouse)
        return "T" if self.hub.usage == "T" or (mailbox and mailbox.usage == "T") else "P"

    def practice_of(self, connector: str) -> str:
        """The practice a connector serves: its own word, else the only one there is, else empty."""
        named = self.connectors[connector].practice if connector in self.connectors else ""
        return named or (next(iter(self.practices)) if len(self.practices) == 1 else "")

    def is_followed(self, source: str) -> bool:
        """Whether another connector hears of what this source tells."""
        return any(source in one.follows and one.enabled for one in self.connectors.values())

    def practice_by_payee(self, npi: str, tax_id: str = "") -> str:
        """The practice that an 835's payee names (N104, REF*TJ): by NPI, and by tax id where both are given."""
        for name, practice in self.practices.items():
            if practice.npi == npi and tax_id in {"", practice.tax_id}:
                return name
        return ""

    def payer_of_token(self, source: str, token: str, name: str = "") -> str:
        """The payer that a source's plan token, else its plan name, was mapped to; empty when neither was."""
        table = self._index.tokens.get(source, {})
        return table.get(token.strip().casefold(), "") or table.get(name.strip().casefold(), "")

    def payers_of_remit(self, identifier: str, clearinghouse: str = "") -> tuple[str, ...]:
        """The payers that an 835 may mean by this identifier (TRN03, N104, REF*2U)."""
        return self._index.remit_ids.get((clearinghouse, identifier)) or self._index.remit_ids.get(
            ("", identifier), ()
        )

    def payers_beside(self, payer: str, identifiers: Iterable[str]) -> tuple[str, ...]:
        """`payer`, then those that cannot be told from it by these identifiers of an 835: they share one with it."""
        known = set(identifiers)
        sharing = (names for (_, one), names in self._index.remit_ids.items() if one in known and payer in names)
        return tuple(dict.fromkeys((payer, *(name for names in sharing for name in names))))

    def enrolment(self, practice: str, payer: str, transaction: str, clearinghouse: str, on: date) -> str:
        """The status of what holds on this day, or empty when nothing was agreed."""
        for row in self._index.enrolments.get((practice, payer, transaction, clearinghouse), ()):
            if row.holds(on):
                return row.status
        return ""

    def provider(self, identifier: str) -> Provider | None:
        """The clinician with this NPI, or whom a source calls so."""
        return self._index.providers.get(identifier)

    def charge_row(self, system: str, code: str, on: date) -> ChargeRow | None:
        """What a source's code is charged as on this day."""
        return _holding(self._index.charges.get((system, code), ()), on)

    def diagnosis_row(self, system: str, code: str, on: date) -> DiagnosisRow | None:
        """What a source's diagnosis is billed as on this day."""
        return _holding(self._index.diagnoses.get((system, code), ()), on)

    def fee(self, hcpcs: str, modifiers: Iterable[str], on: date, practice: str = "") -> int | None:
        """Cents for one unit: the row that asks for the most of these modifiers; the practice's own first."""
        have = set(modifiers)
        rows = [
            row
            for row in self._index.fees.get(hcpcs, ())
            if row.holds(on) and row.practice in {"", practice} and have.issuperset(row.modifiers)
        ]
        best = max(rows, key=lambda row: (len(row.modifiers), bool(row.practice)), default=None)
        return best.cents if best else None

    def words(self, hcpcs: str) -> str:
        """What a patient reads for this code, or the code itself."""
        return next((row.words for row in self._index.fees.get(hcpcs, ()) if row.words), hcpcs)

    def timed_rule(self, hcpcs: str) -> Timed | None:
        """How minutes of this code become units."""
        return self._index.timed.get(hcpcs)

    def drug(self, hcpcs: str, on: date) -> DrugRow | None:
        """What a line with this code says of its drug."""
        return _holding(self._index.drugs.get(hcpcs, ()), on)

    def rental(self, hcpcs: str) -> Rental | None:
        """Whether and how long this device is rented."""
        return self._index.rentals.get(hcpcs)


class _Index:
    """Rows by what they are asked for, made once: a real fee schedule has ten thousand of them."""

    def __init__(self, tree: Settings) -> None:
        self.fees = _grouped((row.hcpcs, row) for row in tree.fees)
        self.charges = _grouped(((str(row.system), row.code), row) for row in tree.charges)
        self.diagnoses = _grouped(((str(row.system), row.code), row) for row in tree.diagnoses)
        self.drugs = _grouped((row.hcpcs, row) for row in tree.drugs)
        self.timed = {row.hcpcs: row for row in tree.timed}
        self.rentals = {row.hcpcs: row for row in tree.rentals}
        self.providers = {name: row for row in tree.providers for name in (row.npi, *row.ids)}
        self.enrolments = _grouped(
            ((row.practice, row.payer, str(row.transaction), row.clearinghouse), row) for row in tree.enrolments
        )
        self.tokens = {
            source: {token.strip().casefold(): payer for token, payer in policy.payers.items()}
            for source, policy in tree.sources.items()
        }
        self.remit_ids = _grouped(_remit_ids(tree.payers))


def _remit_ids(payers: dict[str, Payer]) -> Iterator[tuple[tuple[str, str], str]]:
    """((clearinghouse or empty, identifier), payer) for every way in which an 835 may name a payer."""
    for name, payer in payers.items():
        yield from (((house, number), name) for house, number in payer.ids.items())
        yield from ((("", number), name) for number in payer.remit_ids)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    table: dict[K, list[V]] = {}
    for key, value in pairs:
        table.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in table.items()}


def _holding(rows: Iterable[Row], on: date) -> Row | None:
    return next((row for row in rows if row.holds(on)), None)
