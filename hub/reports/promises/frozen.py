"""Promise 2: a frozen file never changes, and every number in it was handed out once, for it alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hub.reports.promises.room import Room
from hub.store.outbox import File
from hub.store.submissions import Submission
from hub.x12.wire import segments

REUSED = "find out which claim each partner has under this number, before anything else is sent"


class Carried(msgspec.Struct, kw_only=True):
    """One claim as the bytes of a file carry it: CLM01, its ST02, and the REF*6R of its lines."""

    st02: str
    pcn: str
    lines: list[str]


class Read(msgspec.Struct, kw_only=True):
    """What the bytes of one interchange say: ISA13, GS06, ISA15, every ST02, every claim."""

    isa13: str = ""
    gs06: str = ""
    usage: str = ""
    sets: list[str]
    claims: list[Carried]


class LineNumbers:
    """Which line control numbers were met, one bit each: a million lines take 125 kB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def met(self, number: int) -> bool:
        """Whether the number was met before; from now on it was."""
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1024 - len(self._bits)))
        before = bool(self._bits[place] & bit)
        self._bits[place] |= bit
        return before


def frozen(room: Room) -> None:
    """Bytes against their digests, and the numbers in the bytes against the registry and the submissions."""
    met = LineNumbers()
    after = ""
    with room.guarded("files"):
        while page := room.view.files.find(limit=200, after_id=after):
            after = page[-1].id
            for file in _unchanged(room, page):
                with room.guarded(f"file {file.id}"):
                    _File(room, file, met).prove()
    with room.guarded("control_numbers"):
        _registry(room)


def _unchanged(room: Room, page: Sequence[File]) -> Iterator[File]:
    """Name what differs from what was frozen, and give the claim files that can be read."""
    room.count("frozen files", len(page))
    damaged = room.scan.damaged_blobs({file.blob_id for file in page})
    known = room.scan.blob_heads(file.blob_id for file in page)
    purged = room.view.blobs.buried(file.blob_id for file in page)
    for file in page:
        if problem := damaged.get(file.blob_id):
            room.breach(f"file {file.id}, {problem.where}", problem.why, problem.fix)
            continue
        if known.get(file.blob_id) != (file.digest, file.size):
            room.breach(f"file {file.id}", "its bytes are not those that were frozen", "restore the backup")
        if file.kind.startswith("837") and file.blob_id not in purged:
            yield file


class _File:
    """One 837 and what the registry and the submissions say of it."""

    def __init__(self, room: Room, file: File, met: LineNumbers) -> None:
        self.room, self.file, self.met = room, file, met
        self.read = read(room.view.blobs.read(file.blob_id))
        self.submissions = {s.pcn or "": s for s in room.view.submissions.of_file(file.id)}

    def prove(self) -> None:
        """Envelope, sets, claims, lines."""
        self._envelope()
        self._claims()
        self._lines()

    def _envelope(self) -> None:
        file, read, box = self.file, self.read, self.file.mailbox
        numbers = [("ISA13", f"isa13:{box}", read.isa13), ("GS06", f"gs06:{box}", read.gs06)]
        numbers += [("ST02", f"st02:{box}", number) for number in read.sets]
        for place, scope, number in numbers:
            self._registered(place, scope, _plain(number), file.id)
        if (_plain(read.isa13), _plain(read.gs06)) != (file.isa13, file.gs06):
            self._breach("ISA13 GS06", "its envelope carries other numbers than its row")
        if len(read.sets) != file.sets or len(set(read.sets)) != len(read.sets):
            self._breach("ST02", "it does not hold the transaction sets that its row says, each once")
        if read.usage != file.usage:
            self._breach("ISA15", "its bytes and its row differ in test or production")

    def _claims(self) -> None:
        self.room.count("claims in them", len(self.read.claims))
        wanted = {(s.st02 or "", s.pcn or "") for s in self.submissions.values()}
        found = [(claim.st02, claim.pcn) for claim in self.read.claims]
        if len(found) != len(set(found)):
            self._breach("CLM01", "a patient control number stands in it twice", REUSED)
        for st02, pcn in sorted(set(found) ^ wanted):
            known = self.submissions.get(pcn)
            about = f"ST02 {st02} submission {known.id}" if known else f"ST02 {st02} CLM01"
            self._breach(about, "the claims in its bytes are not the submissions that it was frozen for")
        rows = self.room.scan.among("control_numbers", "value", [pcn for _, pcn in found], "ref", scope="pcn")
        registered = {row.value: row.ref for row in rows}
        for pcn, submission in self.submissions.items():
            if registered.get(pcn) != submission.id:
                self._breach(
                    f"submission {submission.id} CLM01", "the registry did not hand its number out for it"
                )

    def _lines(self) -> None:
        """REF*6R is the claim version's own, registered, and never another claim's."""
        versions = self._versions()
        numbers = [number for claim in self.read.claims for number in claim.lines]
        self.room.count("line control numbers", len(numbers))
        rows = self.room.scan.among("control_numbers", "value", [n[1:] for n in numbers], scope="line")
        registered = {f"L{row.value}" for row in rows}
        for claim in self.read.claims:
            submission = self.submissions.get(claim.pcn)
            if submission is None:
                continue
            where = f"submission {submission.id} REF6R"
            if tuple(claim.lines) != versions.get((submission.claim_id, submission.version)):
                self._breach(where, "its lines are not those of the claim version that was sent")
            if not registered.issuperset(claim.lines):
                self._breach(where, "the registry never handed out the number of a line")
            before = [self.met.met(int(number[1:])) for number in claim.lines if number[1:].isdigit()]
            if any(before) and not _again(self.room, submission):
                self._breach(where, "the number of a line was used before, for another claim", REUSED)

    def _versions(self) -> dict[tuple[str, int], tuple[str, ...]]:
        """The line control numbers of the claim versions that the file carries."""
        found: dict[tuple[str, int], tuple[str, ...]] = {}
        claims = sorted({s.claim_id for s in self.submissions.values()})
        for page in self.room.documents(self.room.view.claim_versions, "claim version", claim_id=claims):
            for row in page:
                lines = tuple(line.control_number for line in row.record.lines)
                found[row.col("claim_id"), row.col("version")] = lines
        return found

    def _registered(self, place: str, scope: str, number: str, ref: str) -> None:
        self.room.count("control numbers")
        used = self.room.view.registry.used_for(scope, number)
        if used is None:
            self._breach(place, "the number was never handed out by the registry", REUSED)
        elif used != ref:
            self._breach(place, f"the registry handed the number out for {used or 'nothing'}", REUSED)

    def _breach(self, place: str, why: str, fix: str = "restore the backup") -> None:
        self.room.breach(f"file {self.file.id} {place}", why, fix)


def _again(room: Room, submission: Submission) -> bool:
    """Whether the same claim went out before: a resend carries the lines that its claim has."""
    return any(one.id < submission.id for one in room.view.submissions.of_claim(submission.claim_id))


def read(source: Iterator[bytes]) -> Read:
    """What an 837's bytes carry. Source: ISA13, ISA15, GS06, ST02, CLM01, REF*6R (2400)."""
    found = Read(sets=[], claims=[])
    for segment in segments(source):
        match segment[0]:
            case "ISA":
                found.isa13, found.usage = segment[13], segment[15]
            case "GS":
                found.gs06 = segment[6]
            case "ST":
                found.sets.append(segment[2])
            case "CLM":
                found.claims.append(Carried(st02=found.sets[-1], pcn=segment[1], lines=[]))
            case "REF" if segment[1] == "6R":
                found.claims[-1].lines.append(segment[2])
    return found


def _plain(number: str) -> str:
    return str(int(number)) if number.isdigit() else number


def _registry(room: Room) -> None:
    """No counter may stand below a number that it has handed out: it would hand it out again."""
    following = {
        row.scope: row.next for page in room.scan.rows("counters", "next", by=("scope",)) for row in page
    }
    for page in room.scan.rows("control_numbers", by=("scope", "value")):
        room.count("numbers in the registry", len(page))
        for row in page:
            if row.value.isdigit() and int(row.value) >= following.get(row.scope, 0):
                why = "the counter stands below a number that it has handed out"
                room.breach(f"registry {row.scope}", why, "restore the counter before anything is sent")
