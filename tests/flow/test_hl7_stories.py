"""What hospitals and offices send, in the ways in which they send it, and what must come of it: no money, patient or
policy is lost, doubled or given to somebody else, and nothing is held that need not be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flowlab.stories import BILL, SEND, Story, StoryHouse, dg1, ft1, in1, mrg, pid, pv1, say, story

from hub.clock import TurnedClock
from hub.store import Keyring, open_store

ONE = ["P1 ppo 165.00 ready"]
SECOND = "20260210090000"
REGISTERED = say("ADT^A04", pid(), pv1(), in1(), dg1())
CHARGED = say("DFT^P03", pid(), pv1(), ft1())
AGAIN = say("ADT^A08", pid(), pv1(), in1(), dg1("E11.9"))


def of_account(number: str, *segments: str, kind: str = "ADT^A04", key: str = "P1", visit: str = "") -> str:
    """A message that names an account."""
    return say(kind, pid(key, number), pv1(visit), *segments)


STORIES = [
    story("registered, charged", REGISTERED, CHARGED, billed={"P1": 16500}, claims=ONE, work=[]),
    story("charged, then registered", CHARGED, REGISTERED, billed={"P1": 16500}, claims=ONE, work=[]),
    story("a charge is sent again under another id", REGISTERED, CHARGED, CHARGED, claims=ONE, work=[]),
    story(
        "a charge is sent again after billing",
        REGISTERED,
        CHARGED,
        SEND,
        CHARGED,
        claims=["P1 ppo 165.00 frozen"],
        work=[],
    ),
    story(
        "a credit before its charge",
        REGISTERED,
        say("DFT^P03", pid(), pv1(), ft1(kind="CD"), at="20260210120000"),
        say("DFT^P03", pid(), pv1(), ft1(), at="20260210110000"),
        billed={},
        claims=[],
    ),
    story(
        "the later of one second stands: ids that say nothing",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at=SECOND, control="f3-9"),
        say("ADT^A08", pid(), pv1(), dg1("E11.9"), at=SECOND, control="0a-7"),
        codes={"V1": "E11.9"},
    ),
    story(
        "the later of one minute stands, and one id for all",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at=SECOND[:12], control="1"),
        say("ADT^A08", pid(), pv1(), dg1("E11.9"), at=SECOND[:12], control="1"),
        codes={"V1": "E11.9"},
    ),
    story(
        "numbers say which of one second is later, whichever came first",
        say("ADT^A08", pid(), pv1(), dg1("E11.9"), at=SECOND, control="10"),
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at=SECOND, control="9"),
        codes={"V1": "E11.9"},
    ),
    story(
        "MSH-13 says which of one second is later",
        say("ADT^A08", pid(), pv1(), dg1("E11.9"), at=SECOND, control="1", number="10"),
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at=SECOND, control="2", number="9"),
        codes={"V1": "E11.9"},
    ),
    story(
        "no message says when it was sent",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at="", control="z"),
        say("ADT^A08", pid(), pv1(), dg1("E11.9"), at="", control="a"),
        codes={"V1": "E11.9"},
    ),
    story(
        "the hour that clocks show twice",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at="20251102015900", control="z"),
        say("ADT^A08", pid(), pv1(), dg1("E11.9"), at="20251102010100", control="a"),
        codes={"V1": "E11.9"},
    ),
    story(
        "registered and cancelled in one second",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), at=SECOND, control="z"),
        say("ADT^A11", pid(), pv1(), at=SECOND, control="a"),
        visits={"V1": "cancelled"},
    ),
    story(
        "a charge and its correction in one second",
        REGISTERED,
        say("DFT^P03", pid(), pv1(), ft1(), at=f"{SECOND[:8]}110000", control="z"),
        say("DFT^P03", pid(), pv1(), ft1(amount="180.00"), at=f"{SECOND[:8]}110000", control="a"),
        billed={"P1": 18000},
    ),
    story(
        "merged and parted in one second",
        REGISTERED,
        CHARGED,
        say("ADT^A40", pid("P2"), mrg("P1"), at=SECOND, control="z"),
        say("ADT^A37", pid("P1"), pid("P2"), at=SECOND, control="a"),
        billed={"P1": 16500},
    ),
    story(
        "moved there and back in one second",
        REGISTERED,
        say("ADT^A45", pid("P2"), mrg("P1", visit="V1"), pv1(), at=f"{SECOND[:8]}110000", control="z"),
        say("ADT^A45", pid("P1"), mrg("P2", visit="V1"), pv1(), at=f"{SECOND[:8]}110000", control="a"),
        say("DFT^P03", pid(), pv1(), ft1(), at=f"{SECOND[:8]}110000", control="0"),
        billed={"P1": 16500},
    ),
    story(
        "accounts are one, and visits have the same numbers",
        of_account("A1", in1(), dg1(), visit="77"),
        of_account("A1", ft1(), kind="DFT^P03", visit="77"),
        of_account("A3", in1(), dg1(), key="P2", visit="78"),
        of_account("A3", ft1("T2", "G0008", "30.00"), kind="DFT^P03", key="P2", visit="78"),
        say("ADT^A41", pid("P4", "78"), mrg("P4", account="77")),
        billed={"P1": 16500, "P2": 3000},
        on={"77": 16500, "78": 3000},
    ),
    story(
        "accounts are one, and visits are known by them",
        of_account("A1", in1(), dg1()),
        of_account("A1", ft1(), kind="DFT^P03"),
        of_account("A2", in1(), dg1()),
        say("ADT^A35", pid(account="A2"), mrg("P1", account="A1")),
        of_account("A2", ft1("T2", "G0008", "30.00"), kind="DFT^P03"),
        billed={"P1": 19500},
        on={"A2": 19500},
    ),
    story(
        "an account goes to another patient under another number, and a visit has that number",
        of_account("A1", in1(), dg1(), visit="77"),
        of_account("A1", ft1(), kind="DFT^P03", visit="77"),
        say("ADT^A44", pid("P2", "78"), mrg("P1", account="77")),
        of_account("A3", in1(), dg1(), key="P3", visit="78"),
        owners={"77": "P1", "78": "P3"},
        billed={"P1": 16500},
    ),
    story(
        "messages of a test system",
        say("DFT^P03", pid(), pv1(), ft1(kind="XX"), mode="T"),
        say("ADT^A40", pid(), "MRG|", mode="D"),
        say("DFT^P03", "PID|1||||X", ft1(), mode="T"),
        say("ADT^A04", pid(), pv1(""), "IN1|1", mode="T", at=""),
        say("ADT", pid(), pv1(), mode="T").replace("EVN|", "ZZZ|"),
        CHARGED,
        states={"test": 5, "read": 1},
        billed={"P1": 16500},
    ),
    story(
        "a code is taken out of a visit",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), dg1("E11.9", "2")),
        say("BAR^P12", pid(), pv1(), dg1("E11.9", "2", _21="D")),
        codes={"V1": "I10"},
        work=[],
    ),
    story(
        "a code is taken out, and told again",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), dg1("E11.9", "2")),
        say("BAR^P12", pid(), pv1(), dg1("E11.9", "2", _21="D")),
        say("ADT^A08", pid(), pv1(), dg1(), dg1("E11.9", "2")),
        codes={"V1": "I10 E11.9"},
    ),
    story(
        "a visit is renumbered, and its charge comes again under the new number",
        say("ADT^A04", pid(), pv1("TMP"), in1(), dg1()),
        say("DFT^P03", pid(), pv1("TMP"), ft1()),
        say("ADT^A50", pid(), mrg(visit="TMP"), pv1()),
        CHARGED,
        billed={"P1": 16500},
        claims=ONE,
        work=[],
    ),
    story(
        "a visit is renumbered after billing, and its charge comes again under the new number",
        say("ADT^A04", pid(), pv1("TMP"), in1(), dg1()),
        say("DFT^P03", pid(), pv1("TMP"), ft1()),
        SEND,
        say("ADT^A50", pid(), mrg(visit="TMP"), pv1()),
        REGISTERED,
        CHARGED,
        say("DFT^P03", pid(), pv1(), ft1("T2", "G0008", "30.00")),
        claims=["P1 ppo 165.00 frozen", "P1 ppo 30.00 ready"],
    ),
    story(
        "the charge of a renumbered visit comes under its new number first",
        REGISTERED,
        CHARGED,
        SEND,
        say("DFT^P03", pid(), pv1("TMP"), ft1(), at=f"{SECOND[:8]}080000"),
        say("ADT^A50", pid(), mrg(visit="TMP"), pv1()),
        claims=["P1 ppo 165.00 frozen"],
    ),
    story(
        "accounts are one, and a payment comes again under the new number",
        of_account("A1", in1(), dg1()),
        of_account("A1", ft1("T5", "", "20.00", "PY"), kind="DFT^P03"),
        BILL,
        say("ADT^A35", pid(account="A2"), mrg("P1", account="A1")),
        of_account("A2", ft1("T5", "", "20.00", "PY"), kind="DFT^P03"),
        cash={"P1": 2000},
    ),
    story(
        "two visits are one, and both numbered their charges from one on",
        REGISTERED,
        CHARGED,
        say("DFT^P03", pid(), pv1("V2"), ft1("T1", "G0008", "30.00")),
        say("ADT^A50", pid(), mrg(visit="V2"), pv1()),
        billed={"P1": 19500},
    ),
    story(
        "a code is taken out that a charge named before",
        say("ADT^A04", pid(), pv1(), in1(), dg1(), dg1("E11.9", "2")),
        say("DFT^P03", pid(), pv1(), ft1(_19="E11.9^^I10~I10^^I10")),
        say("BAR^P12", pid(), pv1(), dg1("E11.9", "2", _21="D")),
        codes={"V1": "I10"},
        claims=ONE,
        work=[],
    ),
    story(
        "a code is taken out, and a later charge names it",
        REGISTERED,
        say("BAR^P12", pid(), pv1(), dg1("E11.9", "2", _21="D")),
        say("DFT^P03", pid(), pv1(), ft1(_19="E11.9^^I10")),
        codes={"V1": "I10 E11.9"},
    ),
    story(
        "a patient who paid themselves is insured after all, after billing",
        say("ADT^A04", pid(), pv1(), in1("SELFPAY", ""), dg1()),
        CHARGED,
        SEND,
        say("ADT^A08", pid(), pv1(), in1(), dg1()),
        payers={"V1": "ppo"},
        work=["ingest.payer_changed"],
    ),
    story(
        "another diagnosis is told before the claim left",
        REGISTERED,
        say("DFT^P03", pid(), pv1(), ft1(_19="I10^^I10")),
        BILL,
        say("ADT^A08", pid(), pv1(), in1(), dg1("E11.9"), dg1("I10", "2")),
        claims=ONE,
        billed_codes=["E119 I10 > 2"],
        work=[],
    ),
    story(
        "a diagnosis is taken back, and one added, before the claim left",
        REGISTERED,
        CHARGED,
        BILL,
        say("BAR^P12", pid(), pv1(), dg1("I10", _21="D"), dg1("J06.9", "1", _21="A")),
        claims=ONE,
        billed_codes=["J069 > 1"],
        work=[],
    ),
    story(
        "a listed diagnosis is changed, and one ended, by their numbers alone",
        say(
            "ADT^A04", pid(), pv1(), in1(), dg1(_20="D1"), dg1("E11.9", "2", _20="D2"), dg1("R55", "3", _20="D3")
        ),
        CHARGED,
        BILL,
        say("BAR^P12", pid(), pv1(), dg1("I11.9", "", _20="D1", _21="U"), dg1("", "", _3="", _20="D2", _21="D")),
        codes={"V1": "I11.9 R55"},
        claims=ONE,
        billed_codes=["I119 R55 > 1"],
    ),
    story(
        "a diagnosis without a code of ours is told before the claim left",
        REGISTERED,
        CHARGED,
        BILL,
        say("ADT^A08", pid(), pv1(), in1(), dg1(_3="X-1^^LOCALDX")),
        claims=["P1 ppo 165.00 held"],
        work=["claim.diagnoses_changed"],
    ),
    story(
        "another diagnosis is told after the claim left",
        REGISTERED,
        CHARGED,
        SEND,
        say("ADT^A08", pid(), pv1(), in1(), dg1("E11.9")),
        billed_codes=["I10 > 1"],
    ),
    story(
        "another payer is told before the claim left",
        REGISTERED,
        CHARGED,
        BILL,
        say("ADT^A08", pid(), pv1(), in1("HARBOR", "H1"), dg1()),
        claims=["P1 ppo 165.00 held"],
        work=["claim.other_payer"],
    ),
    story(
        "another payer is told after the claim left",
        REGISTERED,
        CHARGED,
        SEND,
        say("ADT^A08", pid(), pv1(), in1("HARBOR", "H1"), dg1()),
        claims=["P1 ppo 165.00 frozen"],
        work=["ingest.payer_changed"],
    ),
    story(
        "a second payer is told before the claim left",
        REGISTERED,
        CHARGED,
        BILL,
        say("ADT^A08", pid(), pv1(), in1(), in1("HARBOR", "H1", "2"), dg1()),
        payers={"V1": "ppo ppo_second"},
        seconds=["ppo_second"],
        work=[],
    ),
    story(
        "the same policies are told again after billing",
        REGISTERED,
        CHARGED,
        SEND,
        say("ADT^A08", pid(), pv1(), in1(), dg1()),
        work=[],
    ),
    story(
        "a policy number is corrected before the claim left",
        REGISTERED,
        CHARGED,
        BILL,
        say("ADT^A08", pid(), pv1(), in1(member="BHP990000099"), dg1()),
        claims=ONE,
        members=["BHP990000099"],
        work=[],
    ),
    story(
        "a visit is called off, and charged after that",
        REGISTERED,
        say("ADT^A11", pid(), pv1()),
        CHARGED,
        visits={"V1": "cancelled"},
        billed={},
        work=["ingest.charged_after_cancel"],
    ),
    story(
        "a visit is called off after its charges, some of which come late",
        REGISTERED,
        say("ADT^A11", pid(), pv1(), at=f"{SECOND[:8]}120000"),
        say("DFT^P03", pid(), pv1(), ft1(), at=f"{SECOND[:8]}110000"),
        visits={"V1": "cancelled"},
        work=[],
    ),
    story(
        "a visit is called off, charged, and opened again",
        REGISTERED,
        say("ADT^A11", pid(), pv1()),
        CHARGED,
        BILL,
        REGISTERED,
        visits={"V1": "claimed"},
        claims=ONE,
        work=[],
    ),
    story(
        "a discharge is cancelled before the claim left",
        REGISTERED,
        CHARGED,
        BILL,
        say("ADT^A13", pid(), pv1()),
        SEND,
        visits={"V1": "waiting"},
        claims=["P1 ppo 165.00 void"],
        work=[],
    ),
    story(
        "a discharge is cancelled, and the patient is discharged again",
        REGISTERED,
        CHARGED,
        BILL,
        say("ADT^A13", pid(), pv1()),
        BILL,
        say("DFT^P03", pid(), pv1(), ft1("T2", "G0008", "30.00")),
        say("ADT^A03", pid(), pv1()),
        SEND,
        claims=["P1 ppo 165.00 void", "P1 ppo 195.00 frozen"],
        work=[],
    ),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoryHouse]:
    """One practice for all stories, whose numbers are apart."""
    from datetime import UTC, datetime

    clock = TurnedClock(datetime(2026, 3, 2, 14, tzinfo=UTC))
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('stories') / 'hub.db'}", Keyring(bytes(32)), clock)
    store.create_all()
    yield StoryHouse(store, clock)
    store.close()


@pytest.mark.parametrize("one", STORIES, ids=lambda one: one.title.replace(" ", "-"))
def test_what_comes_of_it(house: StoryHouse, one: Story) -> None:
    """The outcome of the title."""
    told = house.hear(one)
    assert {key: told[key] for key in one.wanted} == one.wanted
