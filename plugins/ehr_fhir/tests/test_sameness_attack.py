"""Nothing is taken for valid that fhir.resources refuses: every resource there is, damaged in thousands of ways.

Two things answer for fhir.resources: the narrow records, and the verdicts remembered by shape. Each yes of theirs is
asked of fhir.resources again. Their no costs time and nothing else, so it is only counted.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hub_ehr_fhir.mapping import check, shapes
from hub_ehr_fhir.mapping.check import faults_of
from hub_ehr_fhir.mapping.narrow import Narrow
from hub_ehr_fhir.mapping.reading import _UNCHECKED
from hub_ehr_fhir.mapping.sameness import shape_of
from hypothesis import given
from hypothesis import strategies as st
from test_sameness import RESOURCES

CORPUS = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data") / "fhir"
DECODER = msgspec.json.Decoder(float_hook=Decimal)
ENCODER = msgspec.json.Encoder(decimal_format="number")
NARROW = Narrow(check._model)
KINDS = frozenset(shapes.SHAPES)
WORDS = (
    "", " ", "\t", "a", "a b", "a  b", " a", "a ", "é", "李", "\u00a0", "\u2003x", "x\u0000", "a\nb", "2026",
    "2026-02", "2026-02-29", "2024-02-29", "2026-02-30", "2026-13-01",
    "2026-04-31", "0000-01-01", "1900-01-01", "2000-02-29",
    "2026-01-05T09:00:00", "2026-01-05T09:00:00Z", "2026-01-05T09:00:60Z", "2026-01-05T24:00:00Z", "12:30:00",
    "2026-01-05T09:00:00+14:00", "2026-01-05T09:00:00.1234567Z", "2026-01-05t09:00:00z", "2026-01-05 09:00:00Z",
    "٢٠٢٦-01-05", "2026-01-05\n", "x" * 65, "x" * 256, "true", "1", "-1", "1.0", "NaN", "urn:uuid:1", "http://x",
    "https://example.org/a", "http://999.1.1.1/", "Patient/1", "#a", "Group/1", "ftp:x", "é://", "-", "\\", '"',
)  # fmt: skip
NUMBERS = (
    b"0", b"-0", b"1", b"-1", b"1.0", b"1.5", b"1e5", b"1E-7", b"1e400", b"1e-400", b"2147483647", b"2147483648",
    b"9" * 30, b"9" * 5000, b"1e99999999999999999999", b"1e-99999999999999999999", b"-2147483649", b"0.10", b"12.30",
    b"0.00", b"0." + b"0" * 5000 + b"1",
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, {}, [], [None], [""], [{}], {"id": "x"}, ["a", "b"], [[1]])
NAMES = (
    "id", "extension", "modifierExtension", "resourceType", "text", "contained", "fhir_comments", "resource_type",
    "class_fhir", "status__ext", "valueString", "valueCode", "_status", "_id", "implicitRules", "language", "x", "",
)  # fmt: skip
EXTENSION = {"url": "http://x/e", "valueCode": "a"}
MARK = "\u2603NUMBER"


def resources() -> list[dict[str, Any]]:
    """Resources that billing reads, each shape once: ours, and those of the corpus where it is at hand."""
    found = {
        shape_of(kind(one), ENCODER.encode(one)): one for one in (*RESOURCES, *of_corpus()) if kind(one) in KINDS
    }
    return list(found.values())


def kind(resource: dict[str, Any]) -> str:
    """The type's name."""
    return str(resource.get("resourceType"))


def of_corpus() -> Iterator[dict[str, Any]]:
    """Every resource of every file, those in Bundles too."""
    for path in sorted(CORPUS.rglob("*.*json")):
        raw = path.read_bytes()
        for line in raw.split(b"\n") if path.suffix == ".ndjson" else [raw]:
            if line.strip():
                yield from of_document(DECODER.decode(line))


def of_document(document: Any) -> Iterator[dict[str, Any]]:
    """A resource, or those of a Bundle."""
    if isinstance(document, dict) and document.get("resourceType") == "Bundle":
        for entry in document.get("entry", ()):
            yield from of_document(entry.get("resource"))
    elif isinstance(document, dict) and "resourceType" in document:
        yield document


def damaged(resource: dict[str, Any], base: list[dict[str, Any]], random: Random) -> bytes:
    """The resource with one to three changes, as JSON; some changes only JSON can say."""
    copy = fresh(resource)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        spots = list(every_spot(copy))
        holder, key = random.choice(spots)
        change(holder, key, base, random)
    raw = ENCODER.encode(copy).replace(f'"{MARK}"'.encode(), random.choice(NUMBERS))
    if random.random() < 0.1:  # a name twice: what was first is not to be believed
        raw = (
            raw[:-1]
            + b","
            + random.choice((b'"id":5', b'"status":""', b'"resourceType":"Group"', b'"name":7'))
            + b"}"
        )
    return raw if random.random() < 0.8 else msgspec.json.format(raw, indent=random.choice((0, 1)))


def fresh(value: Any) -> Any:
    """A copy that shares nothing."""
    return msgspec.json.decode(ENCODER.encode(value))


def every_spot(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document as its holder and the key in it."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from every_spot(inner)


def change(holder: Any, key: Any, base: list[dict[str, Any]], random: Random) -> None:  # noqa: C901 - a list of ways
    """One change of one place."""
    old, how = holder[key], random.randrange(11)
    if how == 0 and isinstance(holder, dict):
        del holder[key]
    elif how == 1 and isinstance(holder, dict):
        holder[random.choice(NAMES)] = holder.pop(key)
    elif how == 2 and isinstance(holder, dict):
        holder[random.choice(NAMES)] = fresh(random.choice((*WORDS, *OTHERS)))
    elif how == 3:
        holder[key] = old[0] if isinstance(old, list) and old else [old]
    elif how == 4:
        holder[key] = fresh(random.choice(OTHERS))
    elif how == 5:
        holder[key] = MARK
    elif how == 6 and isinstance(old, dict):
        nested: Any = [dict(EXTENSION)]
        for _ in range(random.choice((0, 1, 2, 3, 6))):
            nested = [{"url": "http://x/n", "extension": nested}]
        old["extension"] = nested
    elif how == 7 and isinstance(holder, dict) and isinstance(key, str):
        holder[f"_{key}"] = random.choice(({"extension": [dict(EXTENSION)]}, {"id": "a"}, {}, [None], None))
    elif how == 8:
        other = random.choice(list(every_spot(random.choice(base))))
        holder[key] = fresh(other[0][other[1]])
    else:
        holder[key] = random.choice(WORDS)


def attack(seed: int, count: int, base: list[dict[str, Any]]) -> Counter[str]:
    """Damage resources and believe no yes; the counts of who answered what."""
    counts: Counter[str] = Counter()
    seen: dict[bytes, bool] = {}
    for number in range(count):
        random = Random(f"{seed}/{number}")  # noqa: S311 - chance for tests
        resource = random.choice(base)
        raw, name = damaged(resource, base, random), kind(resource)
        try:
            msgspec.json.decode(raw)
        except (msgspec.DecodeError, ValueError):
            counts["not JSON"] += not NARROW.takes(name, raw)
            continue
        shape, taken = shape_of(name, raw), NARROW.takes(name, raw)
        valid = not faults_of(name, raw) if taken or seen.get(shape, True) else seen[shape]
        assert valid or not taken, f"seed {seed} input {number}: the narrow record takes what R4 refuses"
        assert seen.setdefault(shape, valid) == valid, f"seed {seed} input {number}: one shape, two verdicts"
        counts["taken" if taken else "asked, valid" if valid else "refused"] += 1
    return counts


def test_no_damage_is_taken_for_valid() -> None:
    """A bounded part of the attack."""
    counts = attack(20261122, 700, resources()[:400])
    assert counts["taken"] > 20
    assert counts["refused"] > 200


VALUES = ("String", "Code", "Id", "Uri", "Url", "Canonical", "Markdown", "Integer", "UnsignedInt", "PositiveInt",
          "Decimal", "Date", "DateTime", "Instant", "Time", "Boolean", "Base64Binary", "Oid", "Uuid")  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_every_kind_of_value(name: str) -> None:
    """Each primitive type by itself, with every odd word and number: what the record takes, the model takes."""
    words = [ENCODER.encode(word) for word in (*WORDS, *OTHERS)]
    for text in (*words, *NUMBERS):
        raw = b'{"resourceType":"Patient","extension":[{"url":"a","value%b":%b}]}' % (name.encode(), text)
        if NARROW.takes("Patient", raw):
            assert not faults_of("Patient", raw), text[:40]


@given(st.text(), st.sampled_from(VALUES))
def test_every_text(text: str, name: str) -> None:
    """The same for texts of all scripts."""
    raw = b'{"resourceType":"Patient","extension":[{"url":"a","value%b":%b}]}' % (
        name.encode(),
        ENCODER.encode(text),
    )
    assert not NARROW.takes("Patient", raw) or not faults_of("Patient", raw)


def test_every_day() -> None:
    """Each day of the calendar that could be written, of a leap year and another: taken only when it is one."""
    days = [
        f"{year}-{month:02}-{day:02}" for year in (1900, 2024, 2026) for month in range(14) for day in range(33)
    ]
    for text in days:
        raw = b'{"resourceType":"Patient","birthDate":"%b","deceasedDateTime":"%bT09:00:00Z"}' % (
            (text.encode(),) * 2
        )
        if NARROW.takes("Patient", raw):
            assert date.fromisoformat(text)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(4))
def test_no_damage_at_all_is_taken_for_valid(seed: int) -> None:
    """The whole attack: every resource of the corpus, tens of thousands of damages."""
    damages = int(os.environ.get("DAMAGES", "15000"))
    counts = attack(seed, damages, resources())
    assert counts["taken"] > damages / 20
    assert counts["refused"] > damages / 3


def test_real_resources_need_no_second_opinion() -> None:
    """Of the valid resources of the corpus that are checked, the narrow records take 97 of 100, and no others."""
    if not CORPUS.is_dir():
        pytest.skip("the sample files are not beside the repository")
    counts: Counter[bool] = Counter()
    for resource in resources():
        if kind(resource) in _UNCHECKED:
            continue
        raw = ENCODER.encode(resource)
        taken, valid = NARROW.takes(kind(resource), raw), not faults_of(kind(resource), raw)
        assert valid or not taken
        if valid:
            counts[taken] += 1
    assert counts[True] >= 0.97 * counts.total()


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: str(r["resourceType"]))
def test_ordinary_resources_are_taken(resource: dict[str, Any]) -> None:
    """What is ordinary never needs fhir.resources."""
    assert NARROW.takes(kind(resource), json.dumps(resource).encode())


@pytest.mark.parametrize("name", ["李", "Ионов", "Øye", "عمر", "김", "たなか"])
def test_names_of_other_scripts_are_taken(name: str) -> None:
    """A name is ordinary in whatever script it is written, as it stands and escaped; one of blanks alone is not."""
    for raw in (
        json.dumps({"resourceType": "Patient", "name": [{"family": name}]}, ensure_ascii=a) for a in (False, True)
    ):
        assert NARROW.takes("Patient", raw.encode())
    assert not NARROW.takes("Patient", '{"resourceType":"Patient","name":[{"family":"\u3000"}]}'.encode())
