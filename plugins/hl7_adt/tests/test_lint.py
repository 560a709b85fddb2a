"""What lint says of samples: what becomes what, what a claim lacks, and never a patient's value."""

from __future__ import annotations

import os
import random
import tomllib
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hub_hl7_adt.linting.becomes import rows
from hub_hl7_adt.linting.evidence import survey
from hub_hl7_adt.linting.gaps import Known
from hub_hl7_adt.linting.report import Report, lint
from hub_hl7_adt.linting.samples import Sample, gathered, spread
from hub_hl7_adt.linting.shapes import is_npi, shapes, shown_code
from hub_hl7_adt.linting.toml import profile
from hub_hl7_adt.linting.tracing import traced
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import message_of
from hypothesis import given, settings
from hypothesis import strategies as st
from lint_samples import NPI, line, person, policy, sample, segment, several, visit

from hub.errors import Refused

CORPUS = Path(os.environ.get("HUB_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data") / "hl7"


def missing(found: Report) -> dict[str, int]:
    """What is missing, by code."""
    return {gap.code: gap.count for gap in found.gaps}


def test_shapes() -> None:
    """A value's shape is told by its form alone; an NPI by its check digit."""
    assert "npi" in shapes(NPI)
    assert "npi" not in shapes("1234567890")
    assert not is_npi("9234567893")
    assert "hcpcs" in shapes("G0438")
    assert "five digits" in shapes("99999")
    assert {"icd10", "icd10 with point"} <= shapes("E11.9")
    assert "amount" in shapes("-12.50")
    assert {"date", "time without zone"} <= shapes("202601051200")
    assert "time with zone" in shapes("20260105120000-0500")
    assert "date" not in shapes("20261399")


def test_numbers_of_persons_are_no_codes() -> None:
    """What may be a person's number is never shown as if it were a code."""
    assert shown_code("L77")
    assert not any(map(shown_code, ("123-45-6789", "123456789", NPI, "19800203", "QUILL ADA", "")))


def test_becomes_is_what_the_mapping_does() -> None:
    """Each row of what becomes what comes from reading again with that place changed, under the profile in force."""
    usual = traced(several(), Hl7Settings())
    assert usual.becomes[("coverage", "member id")].keys() == {"IN1-36.1"}
    assert "FT1-25.1" in usual.becomes[("charge", "code")]
    assert usual.becomes[("patient", "birth date")].keys() == {"PID-7.1"}
    other = traced(several(in1={46: "ABC12345"}), Hl7Settings(member_id_places=("IN1-46",)))
    assert other.becomes[("coverage", "member id")].keys() == {"IN1-46.1"}
    assert "IN1-36" in other.unread
    assert "IN1-36" not in usual.unread


def test_rows_name_what_is_nowhere() -> None:
    """What a claim asks and no place holds has a row that says so."""
    found = report_of(several(in1={36: ""}))
    told = rows(found.trace, found.survey, everything=False)
    row = next(row for row in told["coverage"] if row.field == "member id")
    assert (row.places, row.looks) == ((), "nothing in the samples")
    name = next(row for row in told["patient"] if row.field == "name")
    assert (name.places, name.filled) == (("PID-5",), "6 of 6")


def test_rows_of_what_stands_elsewhere() -> None:
    """A diagnosis on the charge line is none that the visit lacks."""
    told = rows(report_of(several()).trace, survey(()), everything=False)
    visits = next(row for row in told["visit"] if row.field == "diagnosis")
    assert (visits.places, visits.looks) == ((), "none; each charge has it")


def report_of(samples: tuple[Sample, ...], known: Known | None = None) -> Report:
    """The report under the plain profile."""
    return lint(samples, Hl7Settings(), known)


@pytest.mark.parametrize(
    ("changes", "code", "count"),
    [
        ({"in1": {36: ""}}, "claim.member_id", 6),
        ({"ft1": {19: ""}}, "claim.diagnosis", 6),
        ({"ft1": {20: ""}, "pv1": {7: ""}}, "claim.npi", 6),
        ({"ft1": {20: "1234567890^HALE"}}, "claim.npi.digit", 6),
        ({"pid": {7: ""}}, "claim.birth_date", 6),
        ({"pid": {11: "1 Elm"}}, "claim.address", 6),
        ({"pid": {8: ""}}, "claim.sex", 6),
        ({"ft1": {25: ""}}, "claim.code", 12),
        ({"ft1": {11: "", 12: ""}}, "claim.amount", 12),
        ({}, "claim.place", 6),
    ],
)
def test_gaps(changes: dict[str, dict[int, str]], code: str, count: int) -> None:
    """What a claim would lack is counted over the visits or lines of the samples, with a remedy."""
    found = report_of(several(6, **changes))
    assert missing(found).get(code) == count
    assert all(gap.fix for gap in found.gaps)


def test_no_policy() -> None:
    """A visit whose patient has no policy in the samples is told."""
    samples = tuple(sample(n, person(n), visit(n), line(n, 1)) for n in range(3))
    assert missing(report_of(samples))["claim.coverage"] == 3


def test_which_identifier_is_the_key() -> None:
    """Of the identifiers the one that becomes the patient's key is named by its type and authority."""
    found = report_of(several(3, pid={3: "9^^^SSA^SS~1^^^WEST^PT~7^^^EAST^MRN"}))
    assert found.key == ("MRN", "EAST")
    assert {(kind, who) for kind, who, _ in found.identifiers} == {("SS", "SSA"), ("PT", "WEST"), ("MRN", "EAST")}


def test_gaps_are_ranked() -> None:
    """What stops a claim stands before what only may matter."""
    found = report_of(several(in1={36: ""}, ft1={11: "", 12: ""}))
    weights = [gap.weight for gap in found.gaps]
    assert weights == sorted(weights, reverse=True)


def test_configuration_is_known() -> None:
    """Codes, plans and places that configuration maps are no findings."""
    samples = several(ft1={25: "", 7: "L7"})
    known = Known(
        payers=frozenset(("plan0", "plan1", "plan2")),
        codes=frozenset([("LOCAL", "L7")]),
        places=frozenset(["CLINIC"]),
    )
    before, after = report_of(samples), report_of(samples, known)
    assert (before.codes, before.plans.total()) == (Counter({("LOCAL", "L7"): 12}), 6)
    assert (after.codes, after.plans, missing(after)) == (Counter(), Counter(), {})


def test_numbers_of_the_senders_own() -> None:
    """A clinician whom the sender calls by a number is no gap where configuration says who that is."""
    samples = several(3, ft1={20: "77^HALE^IDA"}, pv1={7: "77^HALE^IDA"})
    assert missing(report_of(samples))["claim.npi"] == 3
    known = Known(npi_of={"77": NPI}.get)  # type: ignore[arg-type]
    assert "claim.npi" not in missing(report_of(samples, known))


def test_kinds_of_messages() -> None:
    """What each kind of message tells the hub is said in words."""
    kinds = ("ADT^A01", "ADT^A08", "ADT^A40", "ADT^A44", "SIU^S12", "ORU^R01", "ADT^A31")
    samples = tuple(sample(n, person(n), kind=kind) for n, kind in enumerate(kinds))
    told = {kind.name: kind.says for kind in report_of(samples).kinds}
    assert told == {
        "ADT^A01": "a visit (open)", "ADT^A08": "a visit", "ADT^A40": "two that are one",
        "ADT^A44": "a visit or account of another patient", "SIU^S12": "an appointment",
        "ORU^R01": "not for billing", "ADT^A31": "the person and policies",
    }  # fmt: skip


def test_nothing_of_a_patient() -> None:
    """Neither what is told by default nor any repr holds a value of a patient."""
    secrets = ("QUILL", "700001", "XYZ000001", "19800203", "Elm", "ACC1")
    found = report_of(several(pid={19: "999-99-9999"}, in1={36: ""}, more=(segment("ZPD", {1: "QUILL1"}),)))
    told = [found.kinds, found.gaps, found.faults, found.remarks, found.proposals, found.identifiers]
    text = msgspec.json.encode(
        [msgspec.to_builtins(told, enc_hook=str), repr(found), repr(found.survey)]
    ).decode()
    assert not [secret for secret in secrets if secret in text]


def test_places_are_counted() -> None:
    """Evidence counts segments, filled places, different values and repetitions."""
    messages = [message_of(one.body, "utf-8") for one in several(2, ft1={26: "25~59"})]
    found = survey(message for message in messages if message)
    modifiers = found.at("FT1-26")
    assert (modifiers.of, modifiers.filled, modifiers.repeated, modifiers.distinct) == (4, 4, 4, 1)
    assert (found.at("FT1-41").never, found.at("FT1-2").distinct) == (True, 4)


def test_gathers_what_vendors_send(tmp_path: Path) -> None:
    """Files, folders, batches and captures with MLLP framing all give their messages; what is none is told."""
    one, two, three = (each.body for each in several(3))
    (tmp_path / "one.hl7").write_bytes(one)
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "capture.bin").write_bytes(b"\x0b" + two + b"\r\x1c\r\x0b" + three + b"\r\x1c\r")
    (folder / "batch.txt").write_bytes(b"BHS|^~\\&\r" + one + b"\rBTS|2\r")
    (folder / "readme.md").write_text("nothing here")
    (folder / ".hidden").write_bytes(one)
    found = gathered([tmp_path / "one.hl7", folder])
    assert [(each.file, each.nth) for each in found.samples] == [
        ("one.hl7", 1), ("batch.txt", 1), ("capture.bin", 1), ("capture.bin", 2),
    ]  # fmt: skip
    assert (found.files, found.empty, found.miscounted) == (3, ("readme.md",), 1)


def test_no_such_path(tmp_path: Path) -> None:
    """A path that is not there is told by its name."""
    with pytest.raises(Refused, match="no file or folder"):
        gathered([tmp_path / "none"])


def test_spread() -> None:
    """Of many samples some are taken evenly from the whole."""
    samples = several(10)
    assert [one.nth for one in spread(samples, 5)] == [1, 3, 5, 7, 9]
    assert spread(samples, 10) == samples


def test_odd_messages_are_told() -> None:
    """Bytes that are no message, and messages of other kinds, are counted and break nothing."""
    samples = (
        Sample(file="a", nth=1, body=b"MSH"), Sample(file="a", nth=2, body=b"nothing"),
        sample(3, person(3), kind="ORU^R01"), sample(4, person(4), policy(4), kind="ADT^A31"),
    )  # fmt: skip
    found = report_of(samples)
    assert {kind.name: kind.count for kind in found.kinds} == {"(not a message)": 2, "ORU^R01": 1, "ADT^A31": 1}
    assert found.visits == 0


TORN = (b"|", b"^", b"~", b"\\", b"\r", b"Z-", b"\xff", b"")


@given(st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_torn_messages(chance: random.Random) -> None:
    """Whatever was torn from messages or written into them, lint tells what it can and makes nothing worse."""
    bodies = []
    for one in several(3, more=(segment("ZCH", {1: "1", 3: "G0438"}),)):
        body = bytearray(one.body)
        for _ in range(chance.randint(0, 30)):
            at = chance.randrange(len(body))
            body[at : at + chance.randint(0, 12)] = chance.choice(
                (b"|", b"^", b"~", b"\\", b"\r", b"Z-", b"\xff", b"")
            )
        bodies.append(Sample(file="torn", nth=one.nth, body=bytes(body)))
    found = report_of(tuple(bodies))
    assert found.after == found.before or found.after.better(found.before, as_good=True)
    assert isinstance(tomllib.loads(profile(found.proposals)), dict)
    assert rows(found.trace, found.survey, everything=True) is not None


@pytest.mark.campaign
@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real messages is not here")
def test_corpus() -> None:
    """Everything that vendors and projects publish is linted without raising, and nothing is made worse."""
    found = gathered([CORPUS])
    told = lint(found.samples, Hl7Settings())
    assert told.messages > 400
    assert told.after == told.before or told.after.better(told.before)
