"""Real files of others, read by the EHR plugins: counts by kind and problem codes are golden, content is not.

The files stand beside the repository (`../shared/data`) or where HUB_SHARED_DATA says. After a change that is
meant, run `python tests/golden/facts/test_corpus_facts.py --force` and read the difference.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hub_ehr_fhir.mapping.reading import read_whole
from hub_ehr_fhir.source import FhirSource
from hub_hl7_adt.names import MSG, MSH
from hub_hl7_adt.source import Hl7Source
from hub_hl7_adt.triggers import TABLE
from hub_hl7_adt.wire import message_of, messages_of

from hub.model.facts import EncounterFact, Reading
from hub.plugin.api import EhrSource
from hub.testing.fakes import FakeContext

HERE = Path(__file__).resolve().parent
SHARED = Path(os.environ.get("HUB_SHARED_DATA") or HERE.parents[2].parent / "shared" / "data")
TYPES = {".hl7": "hl7v2", ".json": "fhir+json", ".ndjson": "fhir+ndjson"}
CORPORA = ("hl7", "fhir")


def port(corpus: str) -> EhrSource:
    """The source that reads a corpus, as it is without settings."""
    kind = Hl7Source if corpus == "hl7" else FhirSource
    made: EhrSource = kind(kind.Settings(), FakeContext(corpus))  # type: ignore[arg-type]
    return made


def files(corpus: str) -> dict[str, Path]:
    """The files of a corpus by their path within it."""
    root = SHARED / corpus
    found = (path for path in root.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(root).as_posix(): path for path in sorted(found)}


def read(reader: EhrSource, path: Path) -> Reading:
    """The reading of one file, with what its pieces say beside each other."""
    if isinstance(reader, FhirSource):
        return read_whole(path.read_bytes(), path.suffix == ".ndjson", reader.Settings())  # type: ignore[arg-type]
    return reader.read(path.read_bytes(), TYPES[path.suffix])


def summary(reading: Reading) -> dict[str, Any]:
    """What a reading came to, without anything of what it says."""
    kinds = Counter(str(fact.__struct_config__.tag) for fact in reading.facts)
    problems = Counter(problem.code for problem in reading.problems)
    ready = sum(fact.ready for fact in reading.facts if isinstance(fact, EncounterFact))
    told = {
        "facts": dict(sorted(kinds.items())),
        "ready": ready,
        "problems": dict(sorted(problems.items())),
        "not_billable": reading.not_billable,
        "poison": reading.poison,
        "pieces": len(reading.pieces),
    }
    return {key: value for key, value in told.items() if value}


def golden(corpus: str) -> dict[str, Any]:
    """What stands in the golden file."""
    found: dict[str, Any] = json.loads((HERE / f"{corpus}.json").read_text())
    return found


@pytest.fixture(params=CORPORA)
def corpus(request: pytest.FixtureRequest) -> str:
    """One corpus after the other; skipped where it is not at hand."""
    name = str(request.param)
    if not (SHARED / name).is_dir():
        pytest.skip(f"the real {name} samples are not at hand (set HUB_SHARED_DATA)")
    return name


def test_every_file_gives_its_golden_verdict(corpus: str) -> None:
    """Each real file is read into what its golden says, as it is: most is held, for the reasons that stand there."""
    reader = port(corpus)
    found = {name: summary(read(reader, path)) for name, path in files(corpus).items()}
    expected = golden(corpus)
    assert sorted(found) == sorted(expected)
    assert {n: s for n, s in found.items() if s != expected[n]} == {}


def test_every_reading_can_be_stored(corpus: str) -> None:
    """Every reading survives its way through the store, and every fact has a key."""
    reader = port(corpus)
    for name, path in files(corpus).items():
        reading = read(reader, path)
        assert msgspec.json.decode(msgspec.json.encode(reading), type=Reading) == reading, name
        assert all(fact.key for fact in reading.facts), name


def test_problems_show_no_values(corpus: str) -> None:
    """No problem repeats a text of eight or more characters from the file that is not a name of the standards."""
    reader = port(corpus)
    for name, path in files(corpus).items():
        reading = read(reader, path)
        said = " ".join(f"{p.where} {p.why} {p.fix}" for p in reading.problems)
        words = {word for word in said.split() if any(c.isdigit() for c in word) and len(word) >= 8}
        raw = path.read_bytes().decode(errors="replace")
        assert not [w for w in words if w in raw], name


def test_all_synthea_encounters_are_found() -> None:
    """The 25 encounters of the Synthea bundles all become encounters, each with its payer."""
    found = {n: s for n, s in golden("fhir").items() if n.startswith("synthea-r4-bundles/")}
    assert sum(s.get("facts", {}).get("encounter", 0) for s in found.values()) == 25
    assert sum(s.get("facts", {}).get("coverage", 0) for s in found.values()) == 25
    assert {code for s in found.values() for code in s.get("problems", {})} == {"fhir.npi"}, "made up by Synthea"


def by_event() -> dict[str, dict[str, Any]]:
    """What the real HL7 messages of each type and event come to, under the names of events that the table has."""
    reader, found = port("hl7"), dict[str, dict[str, Any]]()
    for path in files("hl7").values():
        for raw in messages_of("", path.read_bytes()):
            reading = reader.read(raw, "hl7v2")
            row = found.setdefault(_event(raw), {"messages": 0, "verdicts": Counter(), "problems": Counter()})
            row["messages"] += 1
            row["verdicts"][_verdict(reading)] += 1
            row["problems"].update({problem.code for problem in reading.problems})
    counted = {event: {key: _plain(value) for key, value in row.items()} for event, row in sorted(found.items())}
    return {event: {key: value for key, value in row.items() if value} for event, row in counted.items()}


def _event(raw: bytes) -> str:
    """Type and event, such as `ADT^A08`; `other` for what no table of events has."""
    message = message_of(raw, "utf-8")
    if message is None:
        return "no message"
    kind, event = (message.header.text(MSH.message_type, part) for part in (MSG.message_code, MSG.trigger_event))
    return f"{kind}^{event}" if event in TABLE.get(kind, {}) else "other"


def _verdict(reading: Reading) -> str:
    if reading.not_billable or reading.poison:
        return reading.not_billable or "not applied"
    alone = [problem for problem in reading.problems if problem.severity != "warning"]
    return ("in part" if reading.facts else "nothing") if alone else "read"


def _plain(value: Any) -> Any:
    return dict(sorted(value.items())) if isinstance(value, Counter) else value


def test_every_event_gives_its_golden_verdict() -> None:
    """The messages of each event come to what its row says: how many are read, held, for test or of no interest."""
    if not (SHARED / "hl7").is_dir():
        pytest.skip("the real hl7 samples are not at hand (set HUB_SHARED_DATA)")
    assert by_event() == golden("hl7_events")


def write(name: str, told: dict[str, Any], *, force: bool) -> None:
    """One golden file, a row for each key."""
    target = HERE / f"{name}.json"
    if target.exists() and not force:
        raise SystemExit(f"{target.name} exists: look at what changed, then run with --force")
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in told.items())
    target.write_text("{\n" + rows + "\n}\n")


def regenerate(*, force: bool) -> None:
    """Write the golden files anew; refuses to replace one without `--force`."""
    for name in CORPORA:
        reader = port(name)
        write(name, {key: summary(read(reader, path)) for key, path in files(name).items()}, force=force)
    write("hl7_events", by_event(), force=force)


if __name__ == "__main__":
    regenerate(force="--force" in sys.argv)
