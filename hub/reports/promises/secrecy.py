"""Promise 9: nothing of a patient stands in a log line, a file name, an event, a work item or a number of ours.

The texts are read into blocks of distinct words and short phrases; the database's own identifiers are decrypted
page by page and looked up in each block. Memory holds one block and one page, however large the database is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

import hub
from hub.model.coverage import Coverage, Subscriber
from hub.model.people import Address, Name, Patient
from hub.reports.promises.room import Room

WORD = re.compile(r"[^\W_]+")
BYTES = re.compile(r"\b\d+ bytes\b")
RUN_NUMBER = re.compile(r"^statements_\d+")
LEAST = 4
LEAST_DIGITS = 6
ID_CHARACTERS = 26
PHRASE = 4
BLOCK = 200_000
RECENT = timedelta(days=400)
"""Birth dates nearer than this to today stand in our own texts as due dates and prove nothing."""
REMOVE = "find which step wrote it and mend that; then remove the text wherever it was kept or sent on"
Text = tuple[str, str]
Token = tuple[str, str]
#: table, key, what it is called, and the columns that hold text of ours
TABLES: tuple[tuple[str, tuple[str, ...], str, tuple[str, ...]], ...] = (
    ("transfers", ("seq",), "journal", ("evidence", "note")),
    ("work_items", ("id",), "work item", ("place", "why", "fix", "how", "resolved_by")),
    ("expectations", ("id",), "expectation", ("about", "met_by")),
    ("inbox", ("seq",), "inbox", ("reason", "content_type")),
    ("submissions", ("id",), "submission", ("pcn", "close_reason")),
    ("schedule_runs", ("id",), "run", ("schedule", "slot", "outcome", "error", "by")),
    ("lane_troubles", ("lane", "step"), "trouble", ("error", "place", "said", "fix")),
    ("pauses", ("schedule",), "pause", ("by", "why")),
    ("conditions", ("key",), "condition", ("key", "why", "fix")),
    ("notices", ("id",), "notice", ("about", "subject", "body")),
    ("backups", ("id",), "backup", ("file", "proof")),
    ("holds", ("id",), "hold", ("placed_by", "why", "lifted_by")),
)
#: Parts of the hub whose sentences reach logs and work items; samples and the simulated partner are none.
OURS = (
    "app.py",
    "codes",
    "config",
    "errors.py",
    "flow",
    "keep",
    "log.py",
    "node",
    "plugin",
    "runner",
    "schedule",
    "store",
    "watch",
    "x12",
)


def nothing_told(room: Room) -> None:
    """Look for every identifier of the database in every text that stands in clear."""
    plain = _own_words(room)
    with room.guarded("texts"):
        for block in _blocks(_texts(room), plain):
            for place, what in _found(room, block):
                room.breach(place, f"it holds {what}", REMOVE)


def _found(room: Room, block: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(place, whose which identifier) for each identifier that stands in a block."""
    room.count("patients' identifiers", 0)
    for page in room.documents(room.view.patients, "patient"):
        for row in page:
            tokens = {
                **dict(_of_patient(row.record.patient, room.now.date())),
                **dict(_of_all(row.record.coverages)),
            }
            room.count("patients' identifiers", len(tokens))
            yield from ((block[t], f"{what} of patient {row.id}") for t, what in tokens.items() if t in block)
    for encounters in room.documents(room.view.encounters, "encounter"):
        for visit in encounters:
            found = dict(_of_all(visit.record.coverages))
            yield from ((block[t], f"{what} of encounter {visit.id}") for t, what in found.items() if t in block)


def _blocks(texts: Iterator[Text], plain: frozenset[str]) -> Iterator[dict[str, str]]:
    """Words and phrases of the texts with where each stands first, so many at a time."""
    block: dict[str, str] = {}
    for place, text in texts:
        for word in phrases(text):
            if word not in plain:
                block.setdefault(word, place)
        if len(block) > BLOCK:
            yield block
            block = {}
    yield block


def _texts(room: Room) -> Iterator[Text]:
    for table, key, called, columns in TABLES:
        for page in room.scan.rows(table, *columns, by=key):
            room.count(f"{called} texts", len(page))
            for row in page:
                where = f"{called} {getattr(row, key[0])}"
                yield from ((f"{where} {name}", str(text)) for name in columns if (text := getattr(row, name)))
    yield from _file_names(room)
    yield from _events(room)
    for path in room.log_files:
        yield from _lines(room, path)


def _file_names(room: Room) -> Iterator[Text]:
    """File names without the number that the registry gave them: it is padded, as record numbers often are."""
    for page in room.scan.rows("files", "name", "isa13"):
        room.count("file names", len(page))
        for row in page:
            told = row.name.replace(f"{int(row.isa13 or 0):09}", "", 1)
            yield f"file {row.id} name", RUN_NUMBER.sub("", told)


def _events(room: Room) -> Iterator[Text]:
    columns = ("kind", "aggregate_id", "actor", "cause", "detail")
    for page in room.scan.rows("events", *columns, by=("seq",)):
        room.count("events", len(page))
        for row in page:
            told = (row.kind, row.aggregate_id, row.actor, row.cause, *_strings(msgspec.json.decode(row.detail)))
            yield f"event {row.seq}", " | ".join(told)


def _lines(room: Room, path: Path) -> Iterator[Text]:
    """The texts of each line of a log: of JSON the strings, since a count is no identifier."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            room.count("log lines")
            try:
                told = " | ".join(_strings(msgspec.json.decode(line)))
            except msgspec.DecodeError:
                told = line
            yield f"log {path.name} line {number}", told


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from (str(name), *_strings(part))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)


def phrases(text: str) -> Iterator[str]:
    """Words of a text, and up to four that stand side by side written as one; our ids and short ones are left out."""
    words = [word for word in WORD.findall(BYTES.sub("", text.casefold())) if len(word) != ID_CHARACTERS]
    for start in range(len(words)):
        joined = ""
        for count, word in enumerate(words[start : start + PHRASE], 1):
            joined += word
            if _tells(joined, alone=count == 1):
                yield joined


def _tells(word: str, *, alone: bool) -> bool:
    """Whether a word could be an identifier: of digits, six alone, or a date or phone number in parts."""
    if word.isdigit():
        return len(word) >= LEAST_DIGITS if alone else len(word) in {8, 10}
    return len(word) >= LEAST


def _of_patient(patient: Patient, today: date) -> Iterator[Token]:
    yield from _names(patient.name, "a name")
    yield from _dates(patient.birth_date, today)
    yield from _address(patient.address)
    yield from _one(patient.phone, "a phone number")
    for identifier in patient.identifiers:
        yield from _one(identifier.value, "an identifier")
    if patient.guarantor is not None:
        yield from _names(patient.guarantor.name, "the guarantor's name")
        yield from _address(patient.guarantor.address)
        yield from _one(patient.guarantor.phone, "a phone number")


def _of_all(coverages: tuple[Coverage, ...]) -> Iterator[Token]:
    for coverage in coverages:
        yield from _one(coverage.member_id, "a member id")
        if coverage.subscriber is not None:
            yield from _of_subscriber(coverage.subscriber)


def _of_subscriber(subscriber: Subscriber) -> Iterator[Token]:
    yield from _names(subscriber.name, "the subscriber's name")
    yield from _address(subscriber.address)


def _names(name: Name, what: str) -> Iterator[Token]:
    words = [word for part in (name.first, name.middle, name.last) for word in WORD.findall(part.casefold())]
    yield from ((word, what) for word in words if _tells(word, alone=True))
    yield from ((one + other, what) for one, other in pairwise(words))
    yield from _one(name.last + name.first, what)


def _address(address: Address | None) -> Iterator[Token]:
    if address is not None and len(WORD.findall(address.line1)) > 1:
        yield from _one(address.line1, "an address")


def _dates(birth: date | None, today: date) -> Iterator[Token]:
    if birth is not None and today - birth > RECENT:
        yield f"{birth:%Y%m%d}", "a birth date"
        yield f"{birth:%m%d%Y}", "a birth date"


def _one(value: str, what: str) -> Iterator[Token]:
    joined = "".join(WORD.findall(value.casefold()))
    if _tells(joined, alone=True):
        yield joined, what


def _own_words(room: Room) -> frozenset[str]:
    """Words that prove nothing: those of the settings, and those of our own sentences (`Young`, `Price`)."""
    told = {word for text in _strings(room.settings.model_dump(mode="json")) for word in phrases(text)}
    return frozenset(told | _source_words())


@cache
def _source_words() -> frozenset[str]:
    """Words of our own sentences and of the installed plugins', as their sources hold them."""
    home = Path(hub.__file__).parent
    files = [path for part in OURS for path in (home / part).rglob("*.py")]
    files += [home / part for part in OURS if part.endswith(".py")]
    files += [path for folder in _plugin_folders() for path in folder.rglob("*.py")]
    return frozenset(word for path in files for word in WORD.findall(path.read_text("utf-8").casefold()))


def _plugin_folders() -> set[Path]:
    """Where the packages of installed plugins lie; none of them is imported for it."""
    packages = {point.module.partition(".")[0] for point in entry_points(group="hub")}
    specs = [find_spec(package) for package in sorted(packages)]
    return {Path(place) for spec in specs if spec for place in spec.submodule_search_locations or ()}
