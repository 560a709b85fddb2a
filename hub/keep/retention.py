"""What may be purged and when, as one table, and what is old enough today."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from hub.config.unattended import Retention
from hub.store import View
from hub.store.accounts import ADULT_YEARS, Terms
from hub.store.households import households

ACCOUNT = "account at rest for `retention.years`"
RAW = "older than `retention.raw_years`"
HISTORY = "older than `retention.history_days`"
STAYS = "never"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of data: the tables it stands in, when it goes, what goes, what stays, and why it is so."""

    what: str
    tables: tuple[str, ...]
    when: str
    goes: str
    stays: str
    why: str


_STONE = "a sealed tombstone with the purge's id, our own ids, amounts, state"
RULES: tuple[Rule, ...] = (
    Rule(
        what="patients",
        tables=("patients",),
        when=ACCOUNT,
        goes="name, birth date, address, numbers, coverages",
        stays=_STONE,
        why="ledger and journals name the opaque id still",
    ),
    Rule(
        what="what the EHR said (facts)",
        tables=("facts",),
        when=ACCOUNT,
        goes="of patients, coverages, appointments, merges, moves and pieces of messages the row; of visits, charges "
        "and diagnoses the text",
        stays="a sealed tombstone for each visit, charge and diagnosis; pieces that tell of no patient (clinicians)",
        why="an EHR that tells an old visit again must not have it billed again; a patient who comes back is new",
    ),
    Rule(
        what="visits, appointments and charges",
        tables=("encounters", "appointments", "charges"),
        when=ACCOUNT,
        goes="diagnoses, codes, days, people",
        stays=_STONE,
        why="each has one disposition (promise 11)",
    ),
    Rule(
        what="claims and their versions",
        tables=("claims", "claim_versions", "claim_charges"),
        when=ACCOUNT,
        goes="patient, subscriber, codes, diagnoses, days",
        stays=_STONE + ", line control numbers",
        why="control numbers are never used again (promise 2); one submission at a time is proved (promise 3)",
    ),
    Rule(
        what="claim payments",
        tables=("remit_claims",),
        when=ACCOUNT + "; those of no claim of ours with their file",
        goes="codes, days, the payer's numbers",
        stays=_STONE + ", CAS groups and reasons",
        why="BPR02 is still the sum of its payments (promise 5); nothing is posted twice (promise 6)",
    ),
    Rule(
        what="remittance headers",
        tables=("remits",),
        when="with the file they came in",
        goes="what PLB references name",
        stays=_STONE + ", payer, trace, day",
        why="a payment of many claims tells of no patient; the bank's side must stay provable",
    ),
    Rule(
        what="statements",
        tables=("statements",),
        when=ACCOUNT,
        goes="name, address, descriptions, days",
        stays=_STONE + ", the amounts of each line",
        why="what was asked for is what was owed (promise 7)",
    ),
    Rule(
        what="search digests",
        tables=("lookup",),
        when=ACCOUNT,
        goes="the rows",
        stays="nothing",
        why="whoever has the key could try a record number against them",
    ),
    Rule(
        what="merges",
        tables=("aliases",),
        when=STAYS,
        goes="nothing",
        stays="two opaque ids",
        why="a hold on one id covers the other",
    ),
    Rule(
        what="bytes that came in",
        tables=("inbox", "inbox_acks", "fetched", "blobs", "blob_chunks"),
        when=RAW + ", and before anything that is still open began",
        goes="the bytes; what the partner called the file",
        stays="the row, its digest and size, a sealed tombstone",
        why="the same message is known again (promise 6); that it came and was acknowledged stays true (promise 1)",
    ),
    Rule(
        what="bytes that went out",
        tables=("files",),
        when=RAW + ", and before anything that is still open began; the whole file or nothing of it",
        goes="the bytes",
        stays="the row, its digest, size and control numbers, a sealed tombstone",
        why="the row is frozen by the database itself (promise 2); a file holds many claims",
    ),
    Rule(
        what="ledger",
        tables=("ledger_transactions", "ledger_entries", "ledger_sums"),
        when=STAYS,
        goes="nothing",
        stays="all: cents, days, CARC reasons, opaque ids",
        why="books are never edited (promise 5)",
    ),
    Rule(
        what="audit trail",
        tables=("events", "event_heads", "purges", "holds", "restores"),
        when=STAYS,
        goes="nothing",
        stays="all: codes, counts, opaque ids, logins",
        why="a chain with a gap proves nothing (promise 10)",
    ),
    Rule(
        what="journals and numbers",
        tables=("submissions", "transfers", "expectations", "control_numbers", "counters"),
        when=STAYS,
        goes="nothing",
        stays="all: opaque ids and numbers of ours",
        why="what was sent, on what evidence, under which number (promises 2, 3, 4, 8)",
    ),
    Rule(
        what="lanes of feeds that stand still",
        tables=("held_lanes",),
        when="when the lane opens",
        goes="the rows",
        stays="nothing; while it stands still, the message that stops it is kept whole",
        why="what waits is read when that message is, and in order",
    ),
    Rule(
        what="messages that were mended",
        tables=("inbox_edits",),
        when=STAYS,
        goes="nothing",
        stays="all: two opaque ids, a login, an instant",
        why="who put which message in the place of which (promise 10)",
    ),
    Rule(
        what="work items",
        tables=("work_items",),
        when=STAYS,
        goes="nothing",
        stays="all: our own words, without a patient's value",
        why="a person's word is what ends many a state (promise 11)",
    ),
    Rule(
        what="runs, slots, notices, conditions, nodes, hours of feeds",
        tables=("schedule_runs", "slots", "lane_runs", "notices", "conditions", "nodes", "feed_hours"),
        when=HISTORY + " (step `keep.tidy`, whether or not `purge` is on)",
        goes="the rows",
        stays="what is open or newest",
        why="they say how the hub ran, and nothing of anybody",
    ),
    Rule(
        what="the hub's own state",
        tables=("backups", "data_keys", "fences", "lane_troubles", "pauses", "plugin_state"),
        when=STAYS,
        goes="nothing",
        stays="all",
        why="it is small and of now",
    ),
)


def years_before(instant: datetime, years: int) -> datetime:
    """The same day so many years earlier; of 29 February the day before."""
    try:
        return instant.replace(year=instant.year - years)
    except ValueError:
        return (instant - timedelta(days=1)).replace(year=instant.year - years)


def terms_of(view: View, kept: Retention) -> Terms:
    """What is old enough at this moment, and what is held."""
    adult = years_before(view.now, kept.years + ADULT_YEARS).date()
    return Terms(before=years_before(view.now, kept.years), born_after=adult, held=held(view))


def raw_before(view: View, kept: Retention) -> datetime:
    """Raw bytes that were whole before then are old enough."""
    return years_before(view.now, kept.raw_years)


def held(view: View) -> frozenset[str]:
    """Every id that a hold in force names, with all ids of the same account; a practice's hold is its name."""
    found: set[str] = set()
    people: set[str] = set()
    claims: list[str] = []
    for hold in view.holds.in_force():
        found.add(hold.aggregate_id)
        if hold.kind == "patient":
            people.add(hold.aggregate_id)
        if hold.kind == "claim":
            claims.append(hold.aggregate_id)
    people |= {row.col("patient_id") for row in view.claims.heads_of(claims).values()}
    return frozenset(found.union(*households(view.session, people)))
