"""The payers' back office: adjudicates each claim once, files it under its payment day, pays the day's files."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from hub.sandbox.adjudicate import OUTCOMES, Verdict, adjudicate, hand_on, later_terms, outcome_of
from hub.sandbox.claims import Claim, Provider, fingerprint
from hub.sandbox.envelope import Envelope
from hub.sandbox.options import SandboxOptions
from hub.sandbox.payers import Terms, pays_on, terms_for
from hub.sandbox.remittance import Adjustment, Payer, Payment, Remittance, reversed_payment, write_payment

_REVERSE_ONE_IN = 50
_MENDABLE = frozenset({"co16", "co197", "line16", "line197"})
DEFERRED_PAIRS, RECOVERED_PAIRS = 2, 3
Books = tuple[str, str]
"""Payer id and payee (NPI, else tax id): who owes whom."""


class Bucket(msgspec.Struct, kw_only=True):
    """What one payer pays one payee on one day; `apart` for a run of corrections only."""

    day: date
    payer: Payer
    payee: Provider
    terms: Terms
    envelope: Envelope
    apart: bool = False
    payments: list[Payment] = msgspec.field(default_factory=list)

    @property
    def books(self) -> Books:
        """Whose balance it touches."""
        return self.payer.id, self.payee.npi or self.payee.tax_id


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One claim before one payer: its terms, the number that decides, its control number and its days."""

    claim: Claim
    terms: Terms
    roll: int
    icn: str
    envelope: Envelope
    received: date
    day: date


class Debt(msgspec.Struct, kw_only=True):
    """Cents that the payee owes from an earlier day, and the PLB reason under which they are taken."""

    reason: str
    reference: str
    cents: int


class Paymaster:
    """Takes accepted claims and gives the remittances that are due; nothing but its arguments decides."""

    def __init__(self, seed: int, options: SandboxOptions) -> None:
        self._seed = seed
        self.options = options
        self._buckets: dict[tuple[date, str, str, str, bool], Bucket] = {}
        self._seen: set[int] = set()
        self._mendable: set[int] = set()
        self._paid: dict[str, Payment] = {}
        self._debts: defaultdict[Books, list[Debt]] = defaultdict(list)
        self._traces: dict[Books, str] = {}
        self._reversed: set[str] = set()
        self._numbers = 0

    def next_number(self, received: date) -> str:
        """A payer claim control number, never given twice."""
        self._numbers += 1
        return f"{received:%y%j}{self._numbers:08d}"

    def take(self, claim: Claim, icn: str, envelope: Envelope, received: date) -> None:
        """Adjudicates a claim that a payer accepted on `received`; it is paid when its day comes."""
        case = self._case(claim, terms_for(claim.filing), icn, envelope, received)
        if claim.frequency in {"7", "8"}:
            self._replace(case)
            return
        outcome = self._outcome(case)
        self._remember(case, outcome)
        verdict = self._judge(case, outcome)
        payment = self._file(case, verdict)
        if verdict.crossed is not None:
            self._cross(case, verdict)
        elif self._is_reversed(case, payment):
            self._reverse(case, payment)

    def next_day(self) -> date | None:
        """The next day on which a payer pays."""
        return min((key[0] for key in self._buckets), default=None)

    def due(self, until: date) -> Iterator[tuple[Bucket, list[Remittance]]]:
        """The remittances of every bucket whose day has come, in the order of day, payer and payee."""
        for key in sorted(key for key in self._buckets if key[0] <= until):
            bucket = self._buckets.pop(key)
            yield bucket, self._remittances(bucket)

    def _case(self, claim: Claim, terms: Terms, icn: str, envelope: Envelope, received: date) -> Case:
        roll = fingerprint(self._seed, claim.content())
        day = pays_on(terms, received)
        return Case(claim=claim, terms=terms, roll=roll, icn=icn, envelope=envelope, received=received, day=day)

    def _outcome(self, case: Case) -> str:
        steered = self.options.steered(case.claim.pcn, case.claim.subscriber.id)
        if steered in OUTCOMES:
            return steered
        if case.roll in self._seen:
            return "oa18"
        return "pay" if steered else self._drawn(case)

    def _drawn(self, case: Case) -> str:
        if self.options.plain or case.roll in self._mendable:
            return "pay"
        return outcome_of(case.claim, case.terms, case.roll, case.received)

    def _remember(self, case: Case, outcome: str) -> None:
        """A paid claim that comes again is a duplicate; one denied for what can be mended is paid then."""
        if outcome in _MENDABLE:
            self._mendable.add(case.roll)
        if outcome not in _MENDABLE or outcome.startswith("line"):
            self._seen.add(case.roll)

    def _judge(self, case: Case, outcome: str) -> Verdict:
        verdict = adjudicate(case.claim, case.terms, case.roll, outcome)
        if self.options.plain:
            verdict.interest = 0
        return verdict

    def _file(self, case: Case, verdict: Verdict) -> Payment:
        payment = write_payment(case.claim, verdict, case.terms, icn=case.icn, received=case.received)
        self._bucket(case, case.day).payments.append(payment)
        self._paid[case.icn] = payment
        return payment

    def _bucket(self, case: Case, day: date, *, apart: bool = False) -> Bucket:
        claim, payee = case.claim, case.claim.provider
        key = (day, claim.payer_id, payee.npi, payee.tax_id, apart)
        found = self._buckets.get(key)
        if found is None:
            tax_id = f"9{zlib.crc32(claim.payer_id.encode()) % 10**8:08d}"
            payer = Payer(id=claim.payer_id, name=claim.payer_name or "PAYER", tax_id=tax_id)
            found = Bucket(
                day=day, payer=payer, payee=payee, terms=case.terms, envelope=case.envelope, apart=apart
            )
            self._buckets[key] = found
        return found

    def _cross(self, case: Case, verdict: Verdict) -> None:
        """The next payer gets the claim from this one on the day it pays, and pays in its own time."""
        claim = hand_on(case.claim, verdict)
        later = self._case(claim, later_terms(claim), self.next_number(case.day), case.envelope, case.day)
        self._seen.add(later.roll)
        if not self.options.silent_crossover:
            self._file(later, self._judge(later, self._drawn(later)))

    def _is_reversed(self, case: Case, payment: Payment) -> bool:
        """The first plainly paid claim of a kind and payee, then one in fifty; never one with another payer."""
        claim, terms = case.claim, case.terms
        if not terms.reverses_after_days or payment.paid <= 0 or claim.others:
            return False
        steered = self.options.steered(claim.pcn, claim.subscriber.id)
        if steered or self.options.plain:
            return steered == "reverse"
        kind = f"{terms.kind}|{claim.provider.npi}|{claim.provider.tax_id}"
        first = kind not in self._reversed
        self._reversed.add(kind)
        return first or (case.roll >> 34) % _REVERSE_ONE_IN == 0

    def _reverse(self, case: Case, payment: Payment) -> None:
        """Later the payer takes the claim back and pays it again, less."""
        terms = case.terms
        again = case.day + timedelta(days=terms.reverses_after_days)
        number = self.next_number(case.received)
        verdict = adjudicate(case.claim, terms, case.roll, "pay", repriced=True)
        verdict.interest = 0
        corrected = write_payment(
            case.claim, verdict, terms, icn=number, received=case.received, replaces=payment.icn
        )
        if not terms.reverses_apart:
            corrected.deferred = max(payment.paid - corrected.paid, 0)
        bucket = self._bucket(case, again, apart=terms.reverses_apart)
        bucket.payments += [reversed_payment(payment), corrected]
        self._paid[number] = corrected

    def _replace(self, case: Case) -> None:
        """Frequency 7 takes the claim before it back and pays anew, 8 only takes back; unknown: denied."""
        earlier = self._paid.pop(case.claim.original, None)
        if earlier is None:
            self._file(case, self._judge(case, "co16"))
            return
        self._bucket(case, case.day).payments.append(reversed_payment(earlier))
        if case.claim.frequency == "7":
            self._file(case, self._judge(case, self._drawn(case)))

    def _remittances(self, bucket: Bucket) -> list[Remittance]:
        zero = [p for p in bucket.payments if not p.paid and not p.interest and p.status != "22"]
        if not bucket.terms.splits_zero_pay:
            zero = []
        kept = {id(payment) for payment in zero}
        money = [p for p in bucket.payments if id(p) not in kept]
        trace = self._trace(bucket)
        out = [self._with_money(bucket, money, trace)] if money else []
        if zero:
            shared = trace if money else self._traces.get(bucket.books, trace)
            half = len(zero) // 2 if self.options.share_zero_pay and len(zero) > 1 else len(zero)
            parts = [part for part in (zero[:half], zero[half:]) if part]
            out.extend(self._without_money(bucket, part, shared) for part in parts)
        self._traces[bucket.books] = trace if money else self._traces.get(bucket.books, trace)
        return out

    def _trace(self, bucket: Bucket) -> str:
        text = f"{bucket.day}|{bucket.payer.id}|{bucket.books[1]}|{bucket.payee.tax_id}|{bucket.apart}"
        return f"{bucket.day:%y%m%d}{fingerprint(self._seed, text) % 10**9:09d}"

    def _without_money(self, bucket: Bucket, payments: list[Payment], trace: str) -> Remittance:
        return Remittance(
            payer=bucket.payer, payee=bucket.payee, day=bucket.day, method="NON", trace=trace, payments=payments
        )

    def _with_money(self, bucket: Bucket, payments: list[Payment], trace: str) -> Remittance:
        """Adds interest, takes back what is owed as far as the money goes, carries a negative rest forward."""
        till = _Till(payments, trace, self._debts[bucket.books])
        till.interest()
        till.defer()
        till.recover()
        till.carry_forward()
        self._debts[bucket.books] = till.open_debts()
        return Remittance(
            payer=bucket.payer,
            payee=bucket.payee,
            day=bucket.day,
            method=bucket.terms.method if till.net else "NON",
            trace=trace,
            payments=payments,
            adjustments=till.adjustments,
        )


class _Till:
    """The provider-level adjustments (PLB) of one remittance; six pairs at most, so that one segment holds them."""

    def __init__(self, payments: list[Payment], trace: str, debts: list[Debt]) -> None:
        self.adjustments: list[Adjustment] = []
        self._payments = payments
        self._trace = trace
        self._debts = debts
        self._fresh: list[Debt] = []
        self.net = sum(payment.paid for payment in payments)

    def interest(self) -> None:
        """L6, negative: it adds to the payment."""
        owing = [payment for payment in self._payments if payment.interest]
        if owing:
            reference = owing[0].icn if len(owing) == 1 else self._trace
            self._adjust("L6", reference, -sum(payment.interest for payment in owing))

    def defer(self) -> None:
        """WO, negative: what a correction took back is left in this payment, and owed from now on."""
        owing = [payment for payment in self._payments if payment.deferred]
        rows = [(payment.icn, payment.deferred) for payment in owing]
        if len(rows) > DEFERRED_PAIRS:
            rows = [(self._trace, sum(cents for _, cents in rows))]
        for reference, cents in rows:
            self._adjust("WO", reference, -cents)
            self._fresh.append(Debt(reason="WO", reference=reference, cents=cents))

    def recover(self) -> None:
        """WO or FB, positive: earlier debts are taken as far as the money goes."""
        for debt in self._debts[:RECOVERED_PAIRS]:
            taken = min(debt.cents, max(self.net, 0))
            if taken:
                self._adjust(debt.reason, debt.reference, taken)
                debt.cents -= taken

    def carry_forward(self) -> None:
        """FB, negative: a payment cannot be less than nothing, the rest is owed."""
        if self.net < 0:
            self._fresh.append(Debt(reason="FB", reference=self._trace, cents=-self.net))
            self._adjust("FB", self._trace, self.net)

    def open_debts(self) -> list[Debt]:
        """What is still owed, oldest first."""
        return [debt for debt in self._debts if debt.cents] + self._fresh

    def _adjust(self, reason: str, reference: str, cents: int) -> None:
        self.adjustments.append(Adjustment(reason=reason, reference=reference, cents=cents))
        self.net -= cents
