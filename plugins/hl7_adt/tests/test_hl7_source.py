"""The source at the door: the conformance kit, batches, the drop folder, and any bytes at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.source import Hl7Source
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.errors import Misconfigured, Refused
from hub.model.facts import PatientFact, Reading
from hub.plugin.api import Changes
from hub.testing.fakes import FakeContext
from hub.testing.kits import EhrSourceKit, Sample


def message(n: int, *segments: str, processing: str = "P") -> bytes:
    """A whole message about patient `n`, with segments of its own."""
    header = f"MSH|^~\\&|APP|FAC|HUB|SITE|20260106120000||DFT^P03|M{n}|{processing}|2.5"
    person = f"PID|1||{1000 + n}^^^EAST^MR||QUILLFEATHER^ADALINE||19800203|F|||1 Elmwood^^Salem^OR^97301"
    visit = f"PV1|1|O|CLINIC||||1234567893^HALEWOOD^IDA{'|' * 12}V{n}{'|' * 25}20260105090000"
    return "\r".join([header, person, visit, *(segments or (CHARGE,)), ""]).encode()


CHARGE = "FT1|1|T1||20260105||CG|G0438^^HCPCS|||1|200.00&USD||||||||I10^^I10"
POLICY = "IN1|1|PLAN7^Plan|CO7|Payer" + "|" * 32 + "MEMBER777"


class Folder:
    """The other side of a drop folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def offer(self, name: str, body: bytes) -> None:
        """Drop a file, later than the ones before it."""
        target = self.path / f"{name}.hl7"
        target.write_bytes(body)
        self.count += 1
        os.utime(target, (1_700_000_000 + self.count, 1_700_000_000 + self.count))


@pytest.fixture
def partner(tmp_path: Path) -> Folder:
    """A drop folder of this test's own."""
    return Folder(tmp_path)


def source(folder: Path, **settings: Any) -> Hl7Source:
    """A source on a folder whose files are trusted to be whole."""
    told = {"folder": folder, "settle_seconds": 0, "pattern": "*.hl7", **settings}
    return Hl7Source(Hl7Settings(**told), FakeContext("hl7"))


class TestKit(EhrSourceKit):
    """S1 to S12 of `hub.testing.kits.source`."""

    @pytest.fixture
    def partner(self, tmp_path: Path) -> Folder:
        return Folder(tmp_path)

    @pytest.fixture
    def make_port(self, tmp_path: Path) -> Callable[[], Any]:
        return lambda: source(tmp_path)

    @pytest.fixture
    def samples(self) -> tuple[Sample, ...]:
        values = ("QUILLFEATHER", "ADALINE", "Elmwood", "HALEWOOD", "MEMBER777", "1001", "1002")
        bad = "IN1|2|PLAN8^Plan|CO8|Payer||||||||MEMBER777"
        return (
            Sample(name="dft", content_type="hl7v2", raw=message(1, POLICY, CHARGE), values=values),
            Sample(name="bad date", content_type="hl7v2", raw=message(2, bad, CHARGE), values=values),
        )


def batch(*messages: bytes, count: int) -> bytes:
    """A file of messages with its envelope."""
    return b"FHS|^~\\&|APP\rBHS|^~\\&|APP\r" + b"".join(messages) + f"BTS|{count}\rFTS|1\r".encode()


def drain(port: Hl7Source, cursor: str = "") -> tuple[list[bytes], str]:
    """Every body that waits, and the last cursor."""
    bodies: list[bytes] = []
    while True:
        found: Changes = port.changes(cursor)
        bodies += [m.body for m in found.messages]
        cursor = found.cursor
        if not found.more:
            return bodies, cursor


def test_a_batch_is_cut(partner: Folder) -> None:
    """Each message of a batch is a raw message of its own, so that a bad one never takes its neighbours. Where
    several come as one nonetheless they are one item to mend: nothing is applied while a part must not be."""
    good, bad = message(1, CHARGE), b"MSHgarbage\r"
    partner.offer("b", batch(good, message(2, "PID|broken"), message(3), count=3))
    bodies, _ = drain(source(partner.path))
    assert len(bodies) == 3
    assert bodies[0] == good
    stopped = read(batch(good, message(2).replace(b"^MR", b"^SS"), message(3), count=3) + bad, Hl7Settings())
    assert (stopped.facts, stopped.poison) == ((), True)
    assert stopped.lanes == ("patient/EAST|1001", "patient/EAST|1003")
    assert [(p.code, p.where) for p in stopped.problems] == [
        ("hl7.patient.key", "message[2] PID-3"),
        ("hl7.header", "MSH"),
    ]


def test_a_wrong_count_is_told(partner: Folder) -> None:
    """A batch whose trailer counts otherwise is cut too; its envelope comes alone, and a person is told. An envelope
    that counts right, or counts nothing, is nobody's problem."""
    partner.offer("b", batch(message(1), message(2), count=3))
    *bodies, envelope = drain(source(partner.path))[0]
    assert bodies == [message(1), message(2)]
    for raw in (envelope, batch(message(1), message(2), count=3)):
        found = read(raw, Hl7Settings())
        assert ([p.code for p in found.problems], found.poison) == (["hl7.batch.count"], False)
    assert len([f for f in found.facts if isinstance(f, PatientFact)]) == 2
    assert read(batch(count=0), Hl7Settings()).not_billable == "informational"


def test_a_mixed_file_bills_no_test() -> None:
    """Where test messages stand among others in one raw message, their facts are left out, and it is said."""
    found = read(message(1) + message(2, processing="T"), Hl7Settings())
    assert [f.key for f in found.facts if isinstance(f, PatientFact)] == ["EAST|1001"]
    assert (found.not_billable, [p.code for p in found.problems]) == ("", ["hl7.batch.mixed"])


def test_files_come_in_order_and_once(partner: Folder) -> None:
    """Files come oldest first; one that was taken does not come again, one that changes does."""
    for n in (3, 1, 2):
        partner.offer(f"f{n}", message(n))
    port = source(partner.path, after="leave")
    bodies, cursor = drain(port)
    assert bodies == [message(3), message(1), message(2)]
    assert drain(port, cursor) == ([], cursor)
    partner.offer("f1", message(9))
    assert drain(source(partner.path, after="leave"), cursor)[0] == [message(9)]


def test_files_may_come_by_name(partner: Folder) -> None:
    """With `order = "name"` a file's name says when it comes, whatever its time; folders within are left alone."""
    for n in (3, 1, 2):
        partner.offer(f"f{n}", message(n))
    (partner.path / "sub.hl7").mkdir()
    (partner.path / "sub.hl7" / "f0.hl7").write_bytes(message(0))
    assert drain(source(partner.path, order="name"))[0] == [message(1), message(2), message(3)]


def test_files_are_archived_after_the_commit(partner: Folder) -> None:
    """A file is moved only when the cursor that names it came back, and nothing in the archive is replaced."""
    partner.offer("f1", message(1))
    first = source(partner.path).changes("")
    assert (partner.path / "f1.hl7").exists()
    assert [m.body for m in source(partner.path).changes("").messages] == [message(1)]
    bodies, cursor = drain(source(partner.path), first.cursor)
    assert bodies == []
    partner.offer("f1", message(2))
    bodies, cursor = drain(source(partner.path), cursor)
    drain(source(partner.path), cursor)
    archived = sorted(p.read_bytes() for p in (partner.path / "archive").iterdir())
    assert (bodies, archived) == ([message(2)], [message(1), message(2)])
    assert not list(partner.path.glob("*.hl7"))


def test_unfinished_files_wait(partner: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that grows while it is looked at, is half transferred, or is of another name, does not come."""
    partner.offer("growing", message(1))
    partner.offer("whole", message(2))
    (partner.path / "x.hl7.part").write_bytes(message(3))
    (partner.path / ".hidden.hl7").write_bytes(message(4))
    (partner.path / "readme.txt").write_bytes(b"hello")
    port = source(partner.path, settle_seconds=1, after="leave")

    def grow(_seconds: float) -> bool:
        with (partner.path / "growing.hl7").open("ab") as file:
            file.write(b"ZZ1|more\r")
        return False

    monkeypatch.setattr(port._drop._stop, "wait", grow)
    found = port.changes("")
    assert [m.body for m in found.messages] == [message(2)]
    monkeypatch.setattr(port._drop._stop, "wait", lambda _seconds: False)
    assert [m.body for m in port.changes(found.cursor).messages] == [message(1) + b"ZZ1|more\r"]


def test_a_pull_is_bounded(partner: Folder) -> None:
    """A large file comes in several pulls, each message once, and survives a restart in between."""
    bodies = [message(n) for n in range(20)]
    partner.offer("big", b"".join(bodies))
    found: list[bytes] = []
    cursor, pulls, more = "", 0, True
    while more:
        changes = source(partner.path, batch_bytes=1000).changes(cursor)
        found += [m.body for m in changes.messages]
        cursor, more, pulls = changes.cursor, changes.more, pulls + 1
    assert found == bodies
    assert pulls > 3


def test_external_ids_tell_nothing(partner: Folder) -> None:
    """The id of a message is a digest: a file name with a patient's name in it goes no further."""
    partner.offer("QUILLFEATHER", message(1))
    changes = source(partner.path).changes("")
    assert "QUILL" not in changes.messages[0].external_id + changes.cursor


def test_a_missing_folder_is_misconfigured(tmp_path: Path) -> None:
    """A folder that cannot be read stops the connector with what to do, and `check` says it too."""
    port = source(tmp_path / "none")
    with pytest.raises(Misconfigured):
        port.changes("")
    assert [step.ok for step in port.check()] == [False]
    assert Hl7Source(Hl7Settings(), FakeContext("hl7")).changes("") == Changes(messages=())


@pytest.mark.parametrize(
    "wrong", [{"charset": "klingon"}, {"time_zone": "Mars/Base"}, {"amount_place": "FT1"}, {"unknown": 1}]
)
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    """A profile with a place, zone or character set that cannot be is refused when it is read."""
    with pytest.raises(ValidationError):
        Hl7Settings(**wrong)


PIECES = (
    b"MSH|^~\\&| PID| FT1| PV1| IN1| MRG| DG1| | ^ ~ & \\ 20260101 CG DFT^P03 ADT^A40 1 -9 1e9 BTS|9 P"
    b' SCH| TQ1| AIP| GT1| EVN| ACC| IN3| "" D U BAR^P12 SIU^S12 ADT^A36 ADT^A45 ADT^A37 ADT^A11 ADT |||'.split()
)
PIECES += [b"\r", b"\n", b" ", b"\xff"]


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=400), st.lists(st.sampled_from(PIECES), max_size=80).map(b"".join)))
def test_read_is_total(raw: bytes) -> None:
    """Any bytes give a reading whose every field is of its type, as they are and inside a message."""
    for body in (raw, message(1) + raw, message(1, CHARGE).replace(b"G0438", raw)):
        found = read(body, Hl7Settings())
        assert msgspec.json.decode(msgspec.json.encode(found), type=Reading) == found


def test_a_person_changes_one_place(tmp_path: Path) -> None:
    """One place is changed and nothing else: a whole field as HL7 writes it, a part of one as it reads; what is no
    place is refused with what to do."""
    it, raw = source(tmp_path), message(1)
    assert it.edited(raw, "hl7v2", "FT1-7", "J1100^^HCPCS") == raw.replace(b"G0438^^HCPCS", b"J1100^^HCPCS")
    assert it.edited(raw, "hl7v2", "PID-5.1", "A^B") == raw.replace(b"QUILLFEATHER", rb"A\S\B")
    for kind, place in (("hl7v2", "nowhere"), ("hl7v2", "ZZ9-1"), ("fhir+json", "PID-5.1")):
        with pytest.raises(Refused) as refused:
            it.edited(raw, kind, place, "x")
        assert refused.value.fix
