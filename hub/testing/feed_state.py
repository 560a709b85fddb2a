"""What a feed has come to in a store, told by its sender's keys: two stores, or two feeds of one, can be compared."""

from __future__ import annotations

import re
import zlib
from typing import Any

import msgspec

from hub.flow.ingest.merging import source_key
from hub.model.facts import AnyFact, PieceFact
from hub.store import Store
from hub.store.documents import Row

_PLACE = re.compile(r"(?<=/)[0-9]{16}(?=\")")


def state(store: Store, source: str, prefix: str = "") -> dict[str, dict[str, str]]:
    """What stands of one feed: facts, visits, charges, patients and appointments by their keys; our own ids as the
    source's keys of those that they are now. `prefix` stands in every key of the feed, and is left out here.
    """
    with store.view() as view:
        facts = [row for row in view.facts.each() if prefix in row.record.key]
        people = sorted({fact.record.key for fact in facts if fact.col("kind") == "patient"})
        ids = view.lookup.first("patient", source, people)
        names = {one: key for key, one in ids.items()}
        now = view.resolve_many("patient", names)
        tops = {one: names.get(top, "") for one, top in now.items()}
        files = {names[one]: row.record for one, row in view.patients.get_many(names).items()}
        files_by_id = {one for one, key in names.items() if key in files}
        every = [row for row in view.encounters.each() if prefix in row.record.key]
        visits: list[Row[Any]] = [row for row in every if row.state != "merged"]
        at = {row.id: row.record.key for row in every}
        charges = [row for row in view.charges.each() if prefix in row.record.key]
        planned: list[Row[Any]] = [row for row in view.appointments.each() if prefix in row.record.key]
        seen = {now[row.col("patient_id")] for row in (*visits, *planned) if row.col("patient_id")} & files_by_id
        assert all(row.col("key") == source_key(view, source, "encounter", row.record.key) for row in visits)
    told: dict[str, dict[Any, Any]] = {
        "facts": {(row.col("kind"), row.record.key): _told(row.record) for row in facts},
        "people": {names[one]: msgspec.structs.replace(files[names[one]], guarantor_id="") for one in seen},
        "survivors": {names[one]: top for one, top in tops.items() if top != names[one]},
        "visits": {
            row.record.key: (row.state, tops.get(row.col("patient_id"), ""), _bare(row)) for row in visits
        },
        "charges": {row.record.key: _charge(row, at, tops) for row in charges},
        "planned": {row.record.key: (row.state, tops[row.col("patient_id")], _bare(row)) for row in planned},
    }
    return {
        kind: {_text(key, prefix): _text(one, prefix) for key, one in some.items()} for kind, some in told.items()
    }


def _told(fact: AnyFact) -> Any:
    """A fact; a piece without the message that told it."""
    if not isinstance(fact, PieceFact):
        return fact
    return fact.version, fact.links, fact.withdrawn, zlib.decompress(fact.body).decode()


def _bare(row: Any) -> Any:
    return None if row.state == "cancelled" else msgspec.structs.replace(row.record, patient_id="")


def _charge(row: Any, at: dict[str, str], tops: dict[str, str]) -> Any:
    whose = (row.state, at[row.col("encounter_id")], tops[row.col("patient_id")])
    gone = row.state in {"void", "cancelled"}
    return whose, None if gone else msgspec.structs.replace(row.record, patient_id="", encounter_id="")


def _text(one: Any, prefix: str) -> str:
    """As JSON, without the place at which a message arrived: it tells only messages of one instant apart."""
    return _PLACE.sub("", msgspec.json.encode(one).decode().replace(prefix, ""))
