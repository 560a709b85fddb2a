"""Answers that are wrong, doubled, cut or missing: nothing is half-applied, posted twice or forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from faultlab.scene import Scene, scene
from faultlab.world import PLAIN
from msgspec.structs import replace

from hub.flow import batch
from hub.ledger import AccountKind
from hub.sandbox import clearinghouse
from hub.sandbox.clearinghouse import Answer, Clearinghouse
from hub.sandbox.reader import Interchange

pytestmark = pytest.mark.campaign


def test_the_same_835_under_two_names_posts_once(tmp_path: Path) -> None:
    """The second is known by its content: its disposition is duplicate, and the books hold the money once."""
    with scene(tmp_path, options=replace(PLAIN, twice=True)) as on:
        on.run()
        assert on.states("remits") == {"posted": 1, "duplicate": 1}
        assert on.states("remit_claims") == {"posted": 1, "duplicate": 1}
        assert on.deposited() == on.paid() > 0
        assert on.broken() == []


def test_two_zero_pay_835s_with_one_trace_both_post(tmp_path: Path) -> None:
    """Neither is dropped for the trace number that it shares: both denials are worked."""
    denied = {f"BHP{number * 10:09d}": "co16" for number in (1, 2)}
    options = replace(PLAIN, outcomes=denied, share_zero_pay=True)
    with scene(tmp_path, options=options, claims=2) as on:
        on.run()
        payments = on.world.sandbox.report().payments
        assert len(payments) == 2
        assert len({payment.trace for payment in payments}) == 1
        assert on.states("remits") == {"posted": 2}
        assert on.states("claims") == {"denied": 2}
        assert len(on.work("denial.")) == 2
        assert on.broken() == []


def test_an_unbalanced_835_is_held_with_its_amount(tmp_path: Path) -> None:
    """Nothing of it posts until a person signs for it; then cash is BPR02, and the rest waits in variance."""
    with scene(tmp_path, options=replace(PLAIN, unbalance=True)) as on:
        on.run(20)
        bpr02 = on.paid() + 100
        assert on.states("remits") == {"held": 1}
        assert on.deposited() == 0
        (item,) = on.work("remit.")
        assert (item.reason, item.amount_cents) == ("remit.unbalanced", bpr02)
        assert on.broken() == []
        on.resolve(item, release=True)
        assert on.states("remits") == {"posted": 1}
        assert on.deposited() == bpr02
        with on.app.store.view() as view:
            assert abs(view.book.total(account=AccountKind.REMITTANCE_VARIANCE)) == 100
        assert on.broken() == []


def test_a_999_that_rejects_one_set_of_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the claims of that set are rejected; sent again they have new numbers, and are paid."""
    monkeypatch.setattr(batch, "SET_CLAIMS", 2)
    with scene(tmp_path, options=replace(PLAIN, reject_set=2), claims=6) as on:
        on.run()
        assert on.states("claims") == {"paid": 4, "rejected": 2}
        items = on.work("rejected.999")
        assert len(items) == 2
        first = set(_pcns(on))
        for item in items:
            on.resolve(item, resend=True)
        on.run()
        assert on.states("claims") == {"paid": 6}
        again = set(_pcns(on)) - first
        assert len(again) == 2
        received = on.world.sandbox.report().received
        assert len(received) == 6
        assert again <= set(received)
        assert set(received.values()) == {1}
        assert on.broken() == []


def test_a_277ca_that_rejects_one_claim_of_ten(tmp_path: Path) -> None:
    """The nine others are paid; the one is a work item with its category and status."""
    with scene(tmp_path, options=replace(PLAIN, outcomes={"BHP000000050": "reject"}), claims=10) as on:
        on.run()
        assert on.states("claims") == {"paid": 9, "rejected": 1}
        (item,) = on.work("rejected.")
        assert item.reason == "rejected.277ca"
        assert "category" in item.why
        assert on.broken() == []


def test_a_ta1_that_rejects_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every claim of the file is rejected by its TA1; sent again, they go in another file and are paid."""
    _refuse_first_interchange(monkeypatch)
    with scene(tmp_path, claims=2) as on:
        on.run(2)
        assert on.states("claims") == {"rejected": 2}
        items = on.work("rejected.ta1")
        assert len(items) == 2
        for item in items:
            on.resolve(item, resend=True)
        on.run()
        assert on.states("claims") == {"paid": 2}
        assert len(on.world.arrived()) == 2
        assert on.broken() == []


@pytest.mark.parametrize("kind", ["835", "999"])
def test_a_cut_answer_is_set_aside_until_the_whole_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nothing of a cut file is half-applied, a work item names it, and the whole file arriving later applies."""
    whole = _kept(monkeypatch, kind)
    with scene(tmp_path, options=replace(PLAIN, truncate=frozenset({kind})), claims=2) as on:
        on.run()
        for _ in range(3):  # a file that stays cut is believed at the third look
            on.pass_days(1)
        assert len(whole) == 1
        (item,) = on.work("acks.broken" if kind == "999" else "remit.file")
        assert item.aggregate == "message"
        if kind == "835":
            assert on.deposited() == 0
            assert "posted" not in on.states("remits")
            assert on.states("claims") == {"accepted": 2}
        on.deliver(f"again.{kind}", whole[0].body)
        on.pass_days(1)
        assert on.states("claims") == {"paid": 2}
        assert on.deposited() == on.paid()
        assert on.broken() == []


def test_silence_is_an_alarm(tmp_path: Path) -> None:
    """A partner that never answers: the file, each claim's 277CA and each adjudication are overdue work, once."""
    silent = replace(PLAIN, silent=frozenset({"TA1", "999", "277CA", "835"}))
    with scene(tmp_path, options=silent, claims=2) as on:
        on.run(2)
        assert on.states("claims") == {"sent": 2}
        for _ in range(2):
            on.pass_days(60)
        found = [item.reason for item in on.work("overdue.")]
        assert sorted(found) == [
            "overdue.acknowledgement",
            *["overdue.adjudication"] * 2,
            *["overdue.claim_ack"] * 2,
        ]
        assert on.broken() == []


def _pcns(on: Scene) -> list[str]:
    with on.app.store.view() as view:
        return [one.pcn for one in view.submissions.find() if one.pcn]


def _refuse_first_interchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """The partner finds the first interchange invalid (TA105 022)."""
    read = clearinghouse.read_interchanges
    seen: list[Interchange] = []

    def refusing(data: bytes) -> list[Interchange]:
        found = read(data)
        if not seen:
            found[0].note = "022"
        seen.extend(found)
        return found

    monkeypatch.setattr(clearinghouse, "read_interchanges", refusing)


def _kept(monkeypatch: pytest.MonkeyPatch, kind: str) -> list[Answer]:
    """The first answer of a kind as it was before it was cut."""
    spoil = Clearinghouse._spoilt
    whole: list[Answer] = []

    def keeping(self: Clearinghouse, answer: Answer) -> list[Answer]:
        if answer.kind == kind and not whole:
            whole.append(answer)
        return spoil(self, answer)

    monkeypatch.setattr(Clearinghouse, "_spoilt", keeping)
    return whole
