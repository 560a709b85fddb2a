"""Promise 9: nothing of a patient stands in a log line, a file name, an event, a work item or a number of ours.

The words and short phrases of the texts go into a sieve of bits; the database's own identifiers are decrypted page
by page and held against it. Only what stays in the sieve is looked for in the texts a second time, word by word, so
that everything is read once or twice, and memory holds the sieve and one page, however large the database is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache, lru_cache
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
PHRASE = 4
SIEVE_BITS = 1 << 26
"""The least sieve; it has 32 bits or more for each submission, whose control numbers are most of the words."""
KNOWN_TEXTS = 50_000
OUR_ID = re.compile(r"(?<![^\W_])[^\W_]{26}(?![^\W_])")
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
    ("conditions", ("key",), "condition", ("key", "what", "why", "fix")),
    ("notices", ("id",), "notice", ("about", "subject", "body", "said")),
    ("backups", ("id",), "backup", ("file", "proof")),
    ("holds", ("id",), "hold", ("placed_by", "why", "lifted_by")),
    ("purges", ("id", "kind"), "purge", ("kind", "by")),
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


class Sieve:
    """Which words were met, two bits each: a word that was met is always in it, another one hardly ever."""

    def __init__(self, words: int) -> None:
        self._mask = max(SIEVE_BITS, 1 << (32 * words).bit_length()) - 1
        self._bits = bytearray((self._mask + 1) >> 3)

    def add(self, word: str) -> None:
        """From now on the word is in it."""
        first, second = self._places(word)
        self._bits[first >> 3] |= 1 << (first & 7)
        self._bits[second >> 3] |= 1 << (second & 7)

    def __contains__(self, word: str) -> bool:
        first, second = self._places(word)
        return bool(self._bits[first >> 3] >> (first & 7) & self._bits[second >> 3] >> (second & 7) & 1)

    def _places(self, word: str) -> tuple[int, int]:
        mixed = hash(word)
        return mixed & self._mask, mixed >> 28 & self._mask


def nothing_told(room: Room) -> None:
    """Look for every identifier of the database in every text that stands in clear."""
    plain = _own_words(room)
    with room.guarded("texts"):
        sieve = Sieve(room.scan.count("submissions"))
        for told in _distinct(room):
            for word in told:
                sieve.add(word)
        suspects = {token: whose for token, whose in _tokens(room) if token in sieve and token not in plain}
        if suspects:
            _name(room, suspects)


def _distinct(room: Room) -> Iterator[tuple[str, ...]]:
    """The words of the texts; texts that differ in ids of ours alone are told once while they are remembered."""
    _phrases.cache_clear()
    known = 0
    for _, text in _texts(room):
        told = phrases(text)
        if _phrases.cache_info().misses > known:
            known = _phrases.cache_info().misses
            yield told


def _name(room: Room, suspects: Mapping[str, str]) -> None:
    """Every suspect with the first place where it really stands; what was counted is not counted again."""
    counted, named = dict(room.counts), set[str]()
    for place, text in _texts(room):
        for word in phrases(text):
            if word in suspects and word not in named:
                named.add(word)
                room.breach(place, f"it holds {suspects[word]}", REMOVE)
    room.counts.clear()
    room.counts.update(counted)


def _tokens(room: Room) -> Iterator[Token]:
    """(identifier, which and whose) of everybody the database knows."""
    room.count("patients' identifiers", 0)
    for page in room.documents(room.view.patients, "patient"):
        for row in page:
            tokens = {
                **dict(_of_patient(row.record.patient, room.now.date())),
                **dict(_of_all(row.record.coverages)),
            }
            room.count("patients' identifiers", len(tokens))
            yield from ((token, f"{what} of patient {row.id}") for token, what in tokens.items())
    for encounters in room.documents(room.view.encounters, "encounter"):
        for visit in encounters:
            found = dict(_of_all(visit.record.coverages))
            yield from ((token, f"{what} of encounter {visit.id}") for token, what in found.items())


def _texts(room: Room) -> Iterator[Text]:
    for table, key, called, columns in TABLES:
        for page in room.scan.rows(table, *columns, by=key):
            room.count(f"{called} texts", len(page))
            for row in page:
                where = f"{called} {getattr(row, key[0])}"
                yield from ((f"{where} {name}", str(text)) for name in columns if (text := getattr(row, name)))
    for page in room.scan.queued():
        room.count("queued nudges", len(page))
        yield from ((f"nudge {row.id}", f"{row.task_name} | {row.lock} | {row.args}") for row in page)
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


def phrases(text: str) -> tuple[str, ...]:
    """Words of a text, and up to four that stand side by side written as one; our ids and short ones are left out."""
    return _phrases(OUR_ID.sub("", text))


@lru_cache(maxsize=KNOWN_TEXTS)
def _phrases(text: str) -> tuple[str, ...]:
    words = WORD.findall(BYTES.sub("", text.casefold()))
    return tuple(dict.fromkeys(_joined(words)))


def _joined(words: list[str]) -> Iterator[str]:
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
