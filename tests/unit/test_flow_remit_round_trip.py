"""835 -> records -> 835: the same segments, byte for byte, whatever stands in them and in whatever order."""

from __future__ import annotations

from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.flow.remit_835 import ZERO, RemittanceReader, Unreadable, header, line_faults, total_fault, written
from hub.flow.remit_shapes import CLAIM
from hub.model.remit import ClaimPayment, Remittance
from hub.testing.x12_strategies import interchanges
from hub.x12.envelope import TransactionSet, X12Reader
from hub.x12.generate import interchange
from hub.x12.guides import guide_named
from hub.x12.shaping.looping import compile_reader
from hub.x12.wire import STANDARD, Delimiters

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file() and b"ST*835*" in path.read_bytes())
UNPAID = {
    "src_tests_resources_835_005010X221A1_cob-contractural-adjustment.835",
    "src_tests_resources_835_005010X221A1_managed-care.835",
    "src_tests_resources_835_005010X221A1_secondary-payment.835",
    "src_tests_resources_835_005010X221A1_tertiary-payment.835",
    "x12testdata__mult_isa__source.txt",
    "x12testdata__multiple_trn__source.txt",
}
"""Samples that do not say what is paid or when: BPR is missing, or its last element."""


def sets(data: bytes) -> list[list[str]]:
    """The segment texts of each set, from ST to SE."""
    return [[text for run in one.runs() for text in run] for one in X12Reader(data)]


def read(transaction: TransactionSet) -> tuple[Remittance, list[ClaimPayment]]:
    """Header and claims; raises for the first thing that cannot be read."""
    told = RemittanceReader(transaction)
    paid = list(told)
    if told.unread:
        raise Unreadable(told.unread[0])
    return header(told), paid


def file_of(texts: list[str]) -> bytes:
    """A file around the segments of one set."""
    isa = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *260101*0000*^*00501*000000001*0*P*:"
    gs = "GS*HP*A*B*20260101*0000*1*X*005010X221A1"
    return "".join(f"{text}~\n" for text in (isa, gs, *texts, "GE*1*1", "IEA*1*000000001")).encode()


@settings(max_examples=60, deadline=None)
@given(data=interchanges("835", odd=True))
def test_any_valid_set_comes_back(data: bytes) -> None:
    """Every set that the guide accepts, with any delimiters, is written again as it was; and it balances."""
    for transaction, texts in zip(X12Reader(data), sets(data), strict=True):
        remittance, paid = read(transaction)
        assert list(written(remittance, paid, transaction.delimiters)) == texts
        assert [fault for one in paid for fault in line_faults(one)] == []
        assert total_fault(remittance, sum((one.paid for one in paid), ZERO)) is None


@settings(max_examples=40, deadline=None)
@given(data=interchanges("835", odd=True, most_sets=1))
def test_records_carry_no_delimiters(data: bytes) -> None:
    """A set that is read with one set of delimiters and written with another is that set in the other ones."""
    for transaction in X12Reader(data):
        remittance, paid = read(transaction)
        again = list(written(remittance, paid, STANDARD))
        told, claims = read(next(iter(X12Reader(file_of(again)))))
        assert (told, claims) == (remittance, paid)


@settings(max_examples=25, deadline=None)
@given(data=interchanges("835", most_sets=1))
def test_stored_records_come_back(data: bytes) -> None:
    """Records are the same after a round through the store's own encoding."""
    for transaction in X12Reader(data):
        remittance, paid = read(transaction)
        again = msgspec.json.decode(msgspec.json.encode(remittance), type=Remittance)
        claims = msgspec.json.decode(msgspec.json.encode(paid), type=list[ClaimPayment])
        assert list(written(again, claims)) == list(written(remittance, paid))
        assert (again, claims) == (remittance, paid)


SPOILERS = (
    lambda text, random: text + "*",
    lambda text, random: text + "*X",
    lambda text, random: text.replace("*", "*00", 1),
    lambda text, random: text.replace("*", "**", 1),
    lambda text, random: text + ":",
    lambda text, random: text + ":::Y",
    lambda text, random: text.replace(".", ".0", 1),
    lambda text, random: text.rpartition("*")[0] or text,
    lambda text, random: text[:3] + text[4:],
    lambda text, random: "ZZ" + text[2:],
    lambda text, random: text[:2],
    lambda text, random: text.replace("*0", "*.0", 1),
    lambda text, random: text.lower(),
    lambda text, random: text + "^" + text[4:9],
)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_any_disorder_comes_back(seed: int) -> None:
    """Segments in another order, twice, spelled oddly or unknown: what can be read is written again as it was."""
    random = Random(seed)  # noqa: S311 - chance for a test
    (texts,) = sets(interchange(guide_named("835"), random, sets=1, often=random.choice((0.1, 0.3, 0.6))))
    body = texts[1:-1]
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(body))
        deed = random.random()
        if deed < 0.25:
            body.insert(random.randrange(len(body)), body.pop(at))
        elif deed < 0.4:
            body.insert(random.randrange(len(body)), body[at])
        elif deed < 0.5 and len(body) > 3:
            body.pop(at)
        else:
            body[at] = random.choice(SPOILERS)(body[at], random)
    whole = [texts[0], *body, texts[-1]]
    transaction = next(iter(X12Reader(file_of(whole))))
    try:
        remittance, paid = read(transaction)
    except Unreadable:
        return
    (wanted, *_) = sets(file_of(whole))
    assert list(written(remittance, paid)) == wanted


@settings(max_examples=40, deadline=None)
@given(data=interchanges("835", most_sets=1))
def test_the_quick_way_and_the_careful_way_agree(data: bytes) -> None:
    """Both ways of reading make the same records: the quick one only saves time."""
    _, careful = compile_reader(CLAIM, STANDARD)
    quick, _ = compile_reader(CLAIM, STANDARD)
    for texts in sets(data):
        ended = [*texts, ""]
        for at, text in enumerate(texts):
            if text.startswith("CLP*"):
                assert quick(ended, at, 1, ()) == careful(ended, at, 1, ())


@pytest.mark.skipif(not FILES, reason="the sample files of others are not beside this clone")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_of_others_come_back(path: Path) -> None:
    """Real and published 835s are written again as they were, but for those that do not say what is paid or when."""
    for transaction, texts in zip(X12Reader(path.read_bytes()), sets(path.read_bytes()), strict=True):
        if transaction.st[1] != "835":
            continue
        if path.name in UNPAID:
            with pytest.raises(Unreadable, match="BPR"):
                read(transaction)
            continue
        remittance, paid = read(transaction)
        assert list(written(remittance, paid, transaction.delimiters)) == texts


def test_an_edited_record_is_written_as_edited() -> None:
    """What is kept beside the fields never hides an edit: only what stands as it was read is written as it was."""
    texts = [
        "ST*835*1",
        "BPR*I*80.50*C*CHK************20260101",
        "TRN*1*T*O",
        "LX*1",
        "CLP*A*1*0100.50*80.50**12*ICN",
        "REF*EA*R",
        "NM1*QC*1*SAMPLE",
        "CAS*CO*45*20",
        "ZZ*1",
        "SE*10*1",
    ]
    remittance, (paid,) = read(next(iter(X12Reader(file_of(texts)))))
    assert list(written(remittance, [paid])) == texts
    edited = msgspec.structs.replace(paid, payer_control_number="ICN2")
    assert list(written(remittance, [edited]))[4:-1] == [
        "CLP*A*1*100.50*80.50**12*ICN2",
        "REF*EA*R",
        "NM1*QC*1*SAMPLE",
        "CAS*CO*45*20",
        "ZZ*1",
    ]


def test_a_bad_claim_never_loses_the_set() -> None:
    """A claim whose amount cannot be read is told with its place; the claims around it are read."""
    claim = ["CLP*{}*1*100*80**12*ICN", "NM1*QC*1*SAMPLE", "CAS*CO*45*20"]
    texts = ["ST*835*1", "BPR*I*160*C*CHK************20260101", "TRN*1*T*O", "LX*1"]
    for number in range(3):
        texts += [text.format(number) for text in claim]
    texts[9] = texts[9].replace("CO*45*20", "CO*45*2O")
    told = RemittanceReader(next(iter(X12Reader(file_of([*texts, "SE*14*1"])))))
    assert [(paid.patient_control_number, paid.position) for paid in told] == [("0", 1), ("2", 3)]
    assert [problem.where for problem in told.unread] == ["claim 2 2100 CAS03, segment 10"]
    assert header(told).amount == 160


def test_claims_lie_across_blocks() -> None:
    """A file of many blocks is read claim by claim: none is lost or cut at the seams."""
    texts = ["ST*835*1", "BPR*I*0*C*NON************20260101", "TRN*1*T*O", "LX*1"]
    for number in range(9_000):
        texts += [
            f"CLP*{number}*1*100*0**12*ICN",
            f"NM1*QC*1*SAMPLE*{number}",
            "CAS*PR*1*60**2*40",
            "SVC*HC:T1015*100*100",
        ]
    texts.append(f"SE*{len(texts) + 1}*1")
    remittance, paid = read(next(iter(X12Reader(file_of(texts)))))
    assert [one.patient_control_number for one in paid] == [str(number) for number in range(9_000)]
    assert list(written(remittance, paid)) == texts


def test_other_delimiters_in_the_data_come_back() -> None:
    """What is data under one set of delimiters stays data in `rest`, escaped."""
    marks = Delimiters(element="|", component=">", repetition="!", segment="~", ending="")
    texts = [
        "ST|835|1",
        "BPR|I|0|C|NON||||||||||||20260101",
        "TRN|1|T|O",
        "LX|1",
        "CLP|A|1|1|1",
        "ZZ|1*2|3:4^5>6!7",
        "SE|7|1",
    ]
    isa = "ISA|00|          |00|          |ZZ|A              |ZZ|B              |260101|0000|!|00501|000000001|0|P|>~"
    data = isa + "GS|HP|A|B|20260101|0000|1|X|005010X221A1~" + "~".join(texts) + "~GE|1|1~IEA|1|000000001~"
    remittance, paid = read(next(iter(X12Reader(data.encode()))))
    assert list(written(remittance, paid, marks)) == texts
