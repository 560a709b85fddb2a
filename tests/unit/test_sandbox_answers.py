"""What the simulated partners answer to bytes alone, held against pyx12, oxedi and the hub's own guides."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import oxedi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.sandbox.clearinghouse import Answer, Clearinghouse
from hub.sandbox.options import SandboxOptions
from hub.sandbox.payers import QMB_MARKER
from hub.sandbox.remittance import Unbalanced, check_balance
from hub.sandbox.samples import Sample, SampleOther, sample_file
from hub.x12.envelope import X12Reader

AT = datetime(2026, 1, 30, 9, 30, tzinfo=UTC)
LONG = timedelta(days=90)
REAL_FILES = Path(__file__).parents[3] / "shared" / "data" / "x12"
DAMAGE = (b"", b"~", b"*", b"\xff", b"CAS*PR*1*5~", b"LX*9~", b"CLM*~", b"AMT*D*x~", b"SE*1*0001~", b"ISA*00~")
FILINGS = ("MB", "CI", "MC", "WC")


def a_mix(count: int) -> list[Sample]:
    """Claims of four payers: some with Medigap behind Medicare, some of QMB members."""
    return [
        Sample(
            pcn=f"P{i:05d}",
            filing=FILINGS[i % 4],
            member=f"M{i % 40:05d}{QMB_MARKER if i % 12 == 0 else ''}",
            day=f"202601{1 + i % 28:02d}",
            services=(("HC:G0438", 17_500), ("HC:J1885", 2_000 + i), ("HC:T1015:25", 9_000)),
            other=SampleOther() if i % 8 == 4 else None,
        )
        for i in range(count)
    ]


def partner(samples: Sequence[Sample] = (), *, seed: int = 1, **options: object) -> Clearinghouse:
    """A clearinghouse that has just received these claims in one file."""
    made = Clearinghouse(seed, SandboxOptions(**options))  # type: ignore[arg-type]
    if samples:
        made.receive("claims.837", sample_file([samples]), AT)
    return made


def texts(answers: Sequence[Answer], kind: str) -> list[str]:
    """The files of one kind."""
    return [answer.body.decode() for answer in answers if answer.kind == kind]


def segments(answers: Sequence[Answer], kind: str, id: str) -> list[list[str]]:  # noqa: A002
    """The segments with this id in all files of one kind, as elements."""
    found = [part.strip().split("*") for text in texts(answers, kind) for part in text.split("~")]
    return [parts for parts in found if parts[0] == id]


def pyx12_complaints(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What pyx12 says against a file, but for its list of remark codes, which ends before N781."""
    from pyx12.params import params
    from pyx12.x12n_document import x12n_document

    found: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger = logging.getLogger("pyx12")
    keeper = Keeper(level=logging.WARNING)
    logger.addHandler(keeper)
    monkeypatch.setattr(logger, "propagate", False)
    try:
        chosen = params()
        chosen.set("exclude_external_codes", "remark_code")
        accepted = x12n_document(param=chosen, src_file=str(path), fd_997=None, fd_html=None, fd_xmldoc=None)
    finally:
        logger.removeHandler(keeper)
    return found if accepted else found or ["refused without a word"]


@pytest.fixture(scope="module")
def answers() -> list[Answer]:
    """All that 160 mixed claims bring back in 90 days."""
    return partner(a_mix(160)).release(AT + LONG)


def test_pyx12_accepts_every_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 999, 277CA and 835 of the ordinary mix passes pyx12 without a complaint."""
    answers = partner(a_mix(64)).release(AT + LONG)
    assert {answer.kind for answer in answers} == {"999", "277CA", "835"}
    for answer in answers:
        path = tmp_path / answer.name
        path.write_bytes(answer.body)
        assert pyx12_complaints(path, monkeypatch) == [], answer.name


def test_oxedi_finds_no_fault_with_money(answers: list[Answer]) -> None:
    """oxedi, which checks SNIP types 1 to 3 of the 835, reports nothing and reads the payments we booked."""
    paid = [answer for answer in answers if answer.kind == "835"]
    results = [oxedi.parse(answer.body) for answer in paid]
    assert [str(line) for result in results for line in result.diagnostics] == []
    made = partner(a_mix(160))
    made.release(AT + LONG)
    booked = sum(payment.cents for payment in made.report.payments)
    assert sum(int(result.sum_payments() * 100) for result in results) == booked > 0


def test_the_hubs_own_guides_find_nothing(answers: list[Answer]) -> None:
    """Read strictly by the hub's guides, the answers have no finding at all."""
    for answer in answers:
        reader = X12Reader(answer.body, strict=True)
        found = [finding for transaction in reader for finding in transaction.check()]
        assert [f"{finding.where} {finding.message}" for finding in [*found, *reader.findings]] == [], answer.name


def test_the_ordinary_mix_has_everything(answers: list[Answer]) -> None:
    """The mix holds what a real year brings: statuses, reasons, crossover, reversal, interest, ACH, CHK and NON."""
    statuses = {parts[2] for parts in segments(answers, "835", "CLP")}
    triples = segments(answers, "835", "CAS")
    reasons = {f"{parts[1]}-{reason}" for parts in triples for reason in parts[2::3]}
    plb = {parts[3].split(":")[0] for parts in segments(answers, "835", "PLB")}
    plb |= {pair.split(":")[0] for parts in segments(answers, "835", "PLB") for pair in parts[5::2]}
    assert statuses >= {"1", "2", "19", "22"}
    assert reasons >= {"CO-45", "CO-253", "PR-1", "PR-2", "PR-3", "CO-16", "CO-197", "OA-23", "CO-P12", "PI-P12"}
    assert plb >= {"L6", "WO", "FB"}
    assert {parts[4] for parts in segments(answers, "835", "BPR")} == {"ACH", "CHK", "NON"}
    assert any(parts[1] == "TT" for parts in segments(answers, "835", "NM1"))
    assert any("N782" in parts for parts in segments(answers, "835", "MOA"))
    assert {parts[1].split(":")[0] for parts in segments(answers, "277CA", "STC")} >= {"A1", "A2", "A7"}


def test_most_lines_carry_co_45(answers: list[Answer]) -> None:
    """CO-45 stands on more than half of the service lines that were paid first."""
    lines = len(segments(answers, "835", "SVC"))
    contractual = sum(parts[1] == "CO" and "45" in parts[2::3] for parts in segments(answers, "835", "CAS"))
    assert contractual > lines / 2


def test_every_claim_is_accounted_for(answers: list[Answer]) -> None:
    """Each claim is refused by one 277CA or decided by an 835, never both and never neither."""
    made = partner(a_mix(160))
    made.release(AT + LONG)
    decided = {pcn for payment in made.report.payments for pcn, *_ in payment.claims}
    refused = set(made.report.refused)
    assert decided | refused == set(made.report.received)
    assert not decided & refused
    assert set(made.report.received.values()) == {1}
    assert refused


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Same seed, files and instants: the same answers byte for byte, however often the clock is looked at."""
    often = partner(a_mix(60))
    stepped: list[Answer] = []
    for day in range(91):
        stepped += often.release(AT + timedelta(days=day))
    assert sorted(stepped) == sorted(partner(a_mix(60)).release(AT + LONG))
    assert sorted(stepped) != sorted(partner(a_mix(60), seed=2).release(AT + LONG))


def test_line_control_numbers_come_back() -> None:
    """REF*6R of each service line is that of the claim, so that lines can be matched."""
    out = partner([Sample(pcn="PCN1")], plain=True).release(AT + LONG)
    assert [p[2] for p in segments(out, "835", "REF") if p[1] == "6R"] == ["PCN1L1", "PCN1L2", "PCN1L3"]


def test_plain_accepts_and_pays_everything() -> None:
    """With `plain` nothing is rejected, denied or reversed."""
    made = partner(a_mix(80), plain=True)
    out = made.release(AT + LONG)
    assert made.report.refused == {}
    assert {parts[2] for parts in segments(out, "835", "CLP")} == {"1", "2", "19"}
    assert segments(out, "835", "PLB") == []


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (lambda text: text.replace("IEA*1*000000001", "IEA*1*000000002"), "001"),
        (lambda text: text.replace("IEA*1*", "IEA*2*"), "021"),
        (lambda text: text[: len(text) // 2], "023"),
        (lambda text: text.replace("*00501*", "*00401*"), "017"),
        (lambda text: text.replace("SAMPLEPRACTICE *ZZ", "SAMPLEPRACTICE*ZZ"), "024"),
    ],
)
def test_a_bad_interchange_gets_a_ta1_and_nothing_else(spoil: object, note: str) -> None:
    """An interchange with a broken envelope is refused by TA1 with the fitting note; nothing of it is taken."""
    made = partner()
    text = sample_file([[Sample(pcn="PCN1")]]).decode()
    made.receive("bad.837", spoil(text).encode(), AT)  # type: ignore[operator]
    out = made.release(AT + LONG)
    assert [answer.kind for answer in out] == ["TA1"]
    assert segments(out, "TA1", "TA1")[0][1:] == ["000000001", "260106", "0930", "R", note]
    assert made.report.received == {}


def test_a_repeated_control_number_is_refused() -> None:
    """The same ISA13 from the same sender is refused by TA1 025: a file sent twice is never taken twice."""
    made = partner([Sample(pcn="PCN1")], ta1_every=0)
    made.receive("again.837", sample_file([[Sample(pcn="PCN1")]]), AT)
    out = made.release(AT + timedelta(hours=1))
    assert segments(out, "TA1", "TA1")[0][5] == "025"
    assert made.report.received == {"PCN1": 1}


def test_some_999_carry_a_ta1() -> None:
    """Each third 999 has a TA1 between ISA and GS."""
    made = partner()
    for number in range(1, 7):
        made.receive(f"{number}.837", sample_file([[Sample(pcn=f"P{number}")]], control=number), AT)
    files = texts(made.release(AT + timedelta(minutes=5)), "999")
    assert ["~TA1*" in text.split("~GS*")[0] + "~" for text in files] == [False, False, True] * 2


def test_one_bad_set_does_not_spoil_its_neighbours() -> None:
    """A set whose SE miscounts is refused with IK5*R*4; the others are accepted and AK9 says partially."""
    text = sample_file([[Sample(pcn="A1")], [Sample(pcn="B1")], [Sample(pcn="C1")]]).decode()
    count = text.split("~SE*")[2].split("*")[0]
    made = partner()
    made.receive("mixed.837", text.replace(f"SE*{count}*0002", "SE*7*0002").encode(), AT)
    out = made.release(AT + LONG)
    assert [parts[1:] for parts in segments(out, "999", "IK5")] == [["A"], ["R", "4"], ["A"]]
    assert segments(out, "999", "AK9")[0][1:5] == ["P", "3", "3", "2"]
    assert set(made.report.received) == {"A1", "C1"}


def test_a_5010_fault_is_named_in_the_999() -> None:
    """A set that breaks the guide is refused with the segment, the loop and the element, never the value."""
    text = sample_file([[Sample(pcn="A1", member="X")]])
    made = partner()
    made.receive("short.837", text, AT)
    out = made.release(AT + LONG)
    assert segments(out, "999", "IK3")[0] == ["IK3", "NM1", "13", "2010BA", "8"]
    assert segments(out, "999", "IK4")[0] == ["IK4", "9", "", "4"]
    assert made.report.received == {}


def test_a_claim_that_does_not_add_up_is_refused_alone() -> None:
    """CLM02 other than the sum of its lines refuses that claim by 277CA, and no other."""
    made = partner([Sample(pcn="A1", charge=1), Sample(pcn="B1")], plain=True)
    out = made.release(AT + LONG)
    assert made.report.refused == {"A1": "clearinghouse"}
    assert ["A8:178", "U"] in [[parts[1], parts[3]] for parts in segments(out, "277CA", "STC")]


def test_the_claim_acknowledgements_name_every_claim() -> None:
    """The clearinghouse's 277CA speaks of each claim, the payers' of each that went on; counts and sums agree."""
    out = partner([*a_mix(20)], reject_every=10).release(AT + timedelta(days=1))
    first, later = texts(out, "277CA")
    assert first.count("~TRN*2*P") == 20
    assert later.count("~TRN*2*P") == 18
    assert "~QTY*90*18~QTY*AA*2~" in first


def test_test_files_are_answered_and_never_paid() -> None:
    """ISA15 = T is acknowledged with T and brings no 835."""
    made = partner()
    made.receive("test.837", sample_file([[Sample(pcn="A1")]], usage="T"), AT)
    out = made.release(AT + LONG)
    assert {answer.kind for answer in out} == {"999", "277CA"}
    assert {parts[15] for kind in ("999", "277CA") for parts in segments(out, kind, "ISA")} == {"T"}


def test_a_repeated_claim_is_a_duplicate() -> None:
    """The same services again under another number are denied OA-18."""
    out = partner([Sample(pcn="A1"), Sample(pcn="A2")], plain=True).release(AT + LONG)
    assert Counter(parts[1:3] == ["OA", "18"] for parts in segments(out, "835", "CAS"))[True] == 3


def test_a_mendable_denial_is_paid_when_it_comes_again() -> None:
    """What was denied CO-16 is no duplicate when it is sent again, and is paid."""
    made = partner([Sample(pcn="A1"), Sample(pcn="A2")], outcomes={"A1": "co16"}, reject_per_mille=0)
    made.release(AT + LONG)
    paid = made.report.paid_by_claim()
    assert paid["A1"] == 0 < paid["A2"]


def test_zero_pay_files_share_a_trace() -> None:
    """A PPO's denied claims go apart as BPR04 = NON with the trace number of the payment beside them."""
    out = partner([Sample(pcn="A1"), Sample(pcn="A2", day="20260106")], outcomes={"A1": "co197", "A2": "pay"})
    answers = out.release(AT + LONG)
    assert [(p[4], p[2] == "0") for p in segments(answers, "835", "BPR")] == [("ACH", False), ("NON", True)]
    assert len({parts[2] for parts in segments(answers, "835", "TRN")}) == 1


def test_two_zero_pay_files_may_share_a_trace() -> None:
    """The option splits the zero-pay claims over two files with one trace number and different claims."""
    samples = [Sample(pcn=f"A{i}", day=f"2026010{i}") for i in range(1, 5)]
    made = partner(samples, outcomes={sample.pcn: "co197" for sample in samples}, share_zero_pay=True)
    made.release(AT + LONG)
    one, two = made.report.payments
    assert (one.trace, one.method, one.cents) == (two.trace, "NON", 0)
    assert set(one.claims).isdisjoint(two.claims)


def test_a_reversal_is_paid_back_in_a_later_cycle() -> None:
    """A PPO takes a claim back and pays less; PLB WO leaves the money (negative), and takes it a cycle later."""
    made = partner([Sample(pcn="A1")], outcomes={"A1": "reverse", "B1": "pay"})
    made.receive(
        "later.837", sample_file([[Sample(pcn="B1", day="20260201")]], control=2), AT + timedelta(days=20)
    )
    made.release(AT + LONG)
    first, correction, later = made.report.payments
    assert [status for _, status, _ in correction.claims] == ["22", "1"]
    (reason, reference, deferred), *_ = correction.adjustments
    assert reason == "WO"
    assert -deferred == -sum(cents for *_, cents in correction.claims) > 0
    assert correction.cents == 0
    assert ("WO", reference, -deferred) in later.adjustments
    assert later.day > correction.day > first.day


def test_a_negative_remittance_is_carried_forward() -> None:
    """Medicare's run of corrections pays nothing: FB carries it, and the next cycle takes it."""
    made = partner([Sample(pcn="A1", filing="MB")], outcomes={"A1": "reverse", "B1": "pay"})
    later = AT + timedelta(days=20)
    made.receive("later.837", sample_file([[Sample(pcn="B1", filing="MB", day="20260201")]], control=2), later)
    made.release(AT + LONG)
    _, correction, following = made.report.payments
    (reason, reference, cents), *_ = correction.adjustments
    assert (reason, correction.method, correction.cents) == ("FB", "NON", 0)
    assert cents == sum(paid for *_, paid in correction.claims) < 0
    assert ("FB", reference, -cents) in following.adjustments


def test_interest_is_added_by_l6() -> None:
    """PLB L6 is minus the sum of AMT*I, and BPR02 is larger by it."""
    out = partner(a_mix(160), reject_per_mille=0).release(AT + LONG)
    told = sum(round(float(parts[2]) * 100) for parts in segments(out, "835", "AMT") if parts[1] == "I")
    paid = [parts for parts in segments(out, "835", "PLB") if parts[3].startswith("L6")]
    assert told == -sum(round(float(parts[4]) * 100) for parts in paid) > 0


def test_a_crossover_gets_its_own_835_five_days_later() -> None:
    """CLP02 = 19 with NM1*TT from Medicare, then CLP02 = 2 from the next payer under the same number."""
    made = partner([Sample(pcn="A1", filing="MB", other=SampleOther())], plain=True)
    made.release(AT + LONG)
    first, second = made.report.payments
    assert [first.claims[0][:2], second.claims[0][:2]] == [("A1", "19"), ("A1", "2")]
    assert (second.payer_id, second.day - first.day) == ("SBGAP", timedelta(days=5))


def test_a_crossover_may_stay_silent() -> None:
    """With the option, Medicare says 19 and the next payer never answers."""
    made = partner([Sample(pcn="A1", filing="MB", other=SampleOther())], plain=True, silent_crossover=True)
    made.release(AT + LONG)
    assert [payment.claims[0][1] for payment in made.report.payments] == ["19"]


def test_our_own_secondary_claim_is_paid_as_secondary() -> None:
    """A claim with 2320 and 2430 of the first payer comes back as CLP02 = 2 and pays of the PR amounts."""
    lines = tuple((6_000, ("CAS*CO*45*25", "CAS*PR*2*15")) for _ in range(2))
    services = (("HC:J1885", 10_000), ("HC:T1015", 10_000))
    sample = Sample(
        pcn="A1", rank="S", services=services, other=SampleOther(filing="MB", id="SBMCR", lines=lines)
    )
    made = partner([sample], plain=True)
    made.release(AT + LONG)
    assert made.report.payments[0].claims == (("A1", "2", 3_000),)


def test_a_replacement_reverses_what_it_replaces() -> None:
    """Frequency 7 with the payer's number brings 22 for the old claim and 1 for the new; 8 only the 22."""
    made = partner([Sample(pcn="A1")], plain=True)
    first = made.release(AT + LONG)
    icn = segments(first, "835", "CLP")[0][7]
    again = Sample(pcn="A2", frequency="7", original=icn, services=(("HC:J1885", 2_000),))
    made.receive("replace.837", sample_file([[again]], control=2), AT + LONG)
    made.release(AT + LONG + LONG)
    assert [claim[:2] for claim in made.report.payments[1].claims] == [("A1", "22"), ("A2", "1")]
    assert made.report.payments[1].cents == 0
    assert made.report.payments[1].adjustments[0][0] == "FB"


def test_an_unbalanced_835_is_only_sent_when_asked() -> None:
    """The option makes BPR02 a dollar too much in the first payment; the check would have stopped it."""
    made = partner([Sample(pcn="A1")], plain=True, unbalance=True)
    out = made.release(AT + LONG)
    body = [part for part in texts(out, "835")[0].split("~")[2:] if part]
    with pytest.raises(Unbalanced):
        check_balance(body)
    assert segments(out, "835", "BPR")[0][2] != f"{made.report.payments[0].cents / 100:.2f}".rstrip("0")


@pytest.mark.parametrize(
    "body",
    [
        ["BPR*I*5", "CLP*A*1*10*5", "SVC*HC:J1885*10*5", "CAS*CO*45*4"],
        ["BPR*I*5", "CLP*A*1*10*5", "CAS*CO*45*4"],
        ["BPR*I*6", "CLP*A*1*10*5", "CAS*CO*45*5"],
        ["BPR*I*5", "CLP*A*1*10*5", "CAS*CO*45*5", "PLB*1*20261231*WO:X*1"],
        ["BPR*I*-5", "CLP*A*22*-10*-5", "CAS*CO*45*-5"],
    ],
)
def test_the_balance_check_sees_each_level(body: list[str]) -> None:
    """Line, claim, remittance, provider adjustment and sign: a fault at any level is seen."""
    with pytest.raises(Unbalanced):
        check_balance(body)


def test_the_same_835_under_two_names() -> None:
    """With `twice` each 835 comes a second time under another name with the same bytes."""
    out = partner([Sample(pcn="A1")], plain=True, twice=True).release(AT + LONG)
    one, two = [answer for answer in out if answer.kind == "835"]
    assert one.body == two.body
    assert one.name != two.name


def test_a_truncated_answer_is_the_first_of_its_kind_only() -> None:
    """With `truncate` the first answer of that kind ends early; later ones are whole."""
    made = partner(truncate=frozenset({"999"}))
    for number in (1, 2):
        made.receive(f"{number}.837", sample_file([[Sample(pcn=f"P{number}")]], control=number), AT)
    first, second = texts(made.release(AT + timedelta(minutes=5)), "999")
    assert not first.endswith("~")
    assert "~IEA*" in second
    assert "~IEA*" not in first


def test_silence() -> None:
    """With every kind silent nothing comes back, though the claims were taken."""
    made = partner([Sample(pcn="A1")], plain=True, silent=frozenset({"TA1", "999", "277CA", "835"}))
    assert made.release(AT + LONG) == []
    assert made.report.received == {"A1": 1}


def test_one_set_of_three_is_refused_when_asked() -> None:
    """With `reject_set` the 999 refuses just that set, and its claims never get further."""
    made = partner(reject_set=2)
    made.receive("three.837", sample_file([[Sample(pcn="A1")], [Sample(pcn="B1")], [Sample(pcn="C1")]]), AT)
    out = made.release(AT + LONG)
    assert [parts[1] for parts in segments(out, "999", "IK5")] == ["A", "R", "A"]
    assert set(made.report.received) == {"A1", "C1"}
    assert made.report.files[0].refused_sets == 1


def test_every_tenth_claim_is_refused_when_asked() -> None:
    """With `reject_every` = 10 the clearinghouse refuses one claim of ten and no other."""
    made = partner(a_mix(40), reject_every=10, reject_per_mille=0)
    made.release(AT + LONG)
    assert Counter(made.report.refused.values()) == {"clearinghouse": 4}


def test_a_text_report_lies_beside_the_answers() -> None:
    """With `text_reports` a file that is no X12 comes with each 999."""
    out = partner([Sample(pcn="A1")], text_reports=True).release(AT + timedelta(minutes=5))
    assert [answer.name.endswith("_EDI_STATUS.txt") for answer in out if answer.kind == "text"] == [True]


def test_the_next_answer_is_foretold() -> None:
    """`next_due` walks through every answer to the end, and then says None."""
    made = partner(a_mix(12))
    seen = 0
    while (due := made.next_due()) is not None:
        found = made.release(due)
        assert all(answer.due <= due for answer in found)
        seen += len(found)
    assert seen == len(partner(a_mix(12)).release(AT + LONG))


def test_dates_decide_the_payment_day() -> None:
    """A PPO claim received on 30 January is paid on 9 February, not a day earlier."""
    made = partner([Sample(pcn="A1")], plain=True)
    assert not texts(made.release(datetime(2026, 2, 8, 23, 59, tzinfo=UTC)), "835")
    made.release(datetime(2026, 2, 9, tzinfo=UTC))
    assert made.report.payments[0].day == date(2026, 2, 9)


@pytest.mark.skipif(not REAL_FILES.exists(), reason="the shared sample files are not on this machine")
def test_real_files_never_stop_the_partner() -> None:
    """Whatever arrives, the partner answers with TA1 or 999 or, where there is no ISA at all, stays silent."""
    for path in sorted(
        path for path in REAL_FILES.rglob("*") if path.is_file() and path.stat().st_size < 200_000
    ):
        made = partner(check=False)
        data = path.read_bytes()
        made.receive("real", data, AT)
        kinds = {answer.kind for answer in made.release(AT + LONG)}
        assert kinds & {"TA1", "999"} or not made.report.files[0].controls, path.name


@settings(max_examples=120, deadline=None)
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, 2_500), st.integers(0, 30), st.sampled_from(DAMAGE)), min_size=1, max_size=5
    )
)
def test_damaged_files_never_stop_the_partner(cuts: list[tuple[int, int, bytes]]) -> None:
    """However a file is damaged, the partner answers or stays silent, and what it pays still balances."""
    data = sample_file([a_mix(3)])
    for at, length, put in cuts:
        data = data[:at] + put + data[at + length :]
    made = partner(check=False)
    made.receive("damaged.837", data, AT)
    out = made.release(AT + LONG)
    assert {answer.kind for answer in out} <= {"TA1", "999", "277CA", "835"}
    assert len(made.report.files) == 1
