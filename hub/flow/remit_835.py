"""835 <-> Remittance and claim payments, and the balance at its three levels; knows our records and the guide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import islice, pairwise

from msgspec.structs import replace

from hub.errors import Problem
from hub.flow.claim_837 import Unwritable
from hub.flow.remit_shapes import CLAIM, GROUP, HEADER, PAYEE, npi_of, tax_id_of
from hub.model.remit import ClaimGroup, ClaimPayment, RemitParty, Remittance, Told
from hub.money import NotMoney, parse_amount, to_cents
from hub.x12.envelope import TransactionSet
from hub.x12.shapes import Unreadable, learner, reader, writer
from hub.x12.shaping.rest import local, neutral
from hub.x12.wire import STANDARD, Delimiters

__all__ = [
    "PREDETERMINATION",
    "RemittanceReader",
    "Unreadable",
    "header",
    "line_faults",
    "payee",
    "told_cents",
    "total_fault",
    "written",
]

ZERO = Decimal("0.00")
PREDETERMINATION = "25"

_PLAIN = "\x1c"
_MOST_UNREAD = 1_000
_ENDS = ("CLP", "LX", "PLB", "SE", "ST", "GE", "GS", "IEA", "ISA")


class RemittanceReader:
    """Reads one 835 block by block: iterate it for its claim payments, then ask `header(reader)`.

    A claim that cannot be read is left out and told in `unread`, the first thousand of them, and the next one is
    read. `position` counts the claims met. Memory holds one block of the file, the header and the PLBs.
    """

    def __init__(self, transaction: TransactionSet) -> None:
        self.marks = transaction.delimiters
        self.unread: list[Problem] = []
        self.position = 0
        self.head: list[str] = []
        self.trailer = ""
        self.count = 0
        self._runs = transaction.runs()
        self._before = 0
        self._within = False
        self._groups: list[ClaimGroup] = []
        self._grouped: list[str] = []
        self._holes: list[tuple[int, int]] = []

    def __iter__(self) -> Iterator[ClaimPayment]:
        """Yields the claim payments in order."""
        learned, claim = learner(CLAIM, self.marks), "CLP" + self.marks.element
        read = learned.read
        for texts in _whole_claims(self._runs, claim):
            flat = learned.flat(texts)
            at = place = 0
            while text := texts[at]:
                if text[:4] == claim:
                    opens = self._opened() if self._groups or not self._within else ()
                    self.position += 1
                    try:
                        made, at, place = read(texts, at, flat, place, self.position, opens)
                    except Unreadable as found:
                        begin, at = at, self._left_out(texts, at, found)
                    else:
                        yield made
                        continue
                else:
                    begin, at = at, self._around(texts, at)
                place += sum(map(len, texts[begin:at])) + at - begin
            self._before += len(texts) - 1
        self._flush()
        self.count = self._before

    def root(self) -> list[str]:
        """The segments around the claims, where each run of claims is one CLP that says how many there are."""
        texts = list(self.head)
        for (hole, begin), (_, end) in pairwise(self._holes):
            texts[hole] = f"CLP{self.marks.element}{end - begin}"
        return [*texts, ""]

    def _opened(self) -> tuple[ClaimGroup, ...]:
        """The groups that begin with the claim that comes now; and a place for the claims among the rest."""
        if not self._within:
            self._holes.append((len(self.head), self.position))
            self.head.append(f"CLP{self.marks.element}0")
            self._within = True
        opens = tuple(self._groups)
        self._groups, self._grouped = [], []
        return opens

    def _around(self, texts: list[str], at: int) -> int:
        """Takes what is no claim: the start of a group, or a segment of the header, a PLB, the SE."""
        text, element = texts[at], self.marks.element
        if text.startswith("LX" + element):
            group, after = reader(GROUP, self.marks)(texts, at)
            self._groups.append(group)
            self._grouped += texts[at:after]
            return after
        self._flush()
        self._within = False
        if text.startswith("SE" + element):
            self.trailer = text
        else:
            self.head.append(text)
        return at + 1

    def _flush(self) -> None:
        """A group without claims stays among the segments of the root."""
        self.head += self._grouped
        self._groups, self._grouped = [], []

    def _left_out(self, texts: list[str], at: int, found: Unreadable) -> int:
        """Tells of a claim that cannot be read, and gives the place where the next thing begins."""
        place = self._before + found.at + 1
        where = f"claim {self.position} {found.problem.where}, segment {place}"
        if len(self.unread) < _MOST_UNREAD:
            self.unread.append(_unreadable(where, found.problem.why))
        at += 1
        while texts[at] and texts[at].partition(self.marks.element)[0] not in _ENDS:
            at += 1
        return at


def _whole_claims(runs: Iterable[list[str]], claim: str) -> Iterator[list[str]]:
    """The same segments in runs that end where a claim does, each closed by ""."""
    waiting: list[str] = []
    for run in runs:
        waiting += run
        cut = len(waiting) - 1
        while cut > 0 and waiting[cut][:4] != claim:
            cut -= 1
        if cut > 0:
            yield [*waiting[:cut], ""]
            waiting = waiting[cut:]
    yield [*waiting, ""]


def header(told: RemittanceReader) -> Remittance:
    """The header of an 835 whose claims are read, with its PLBs. Raises `Unreadable`."""
    try:
        made, _ = reader(HEADER, told.marks)(told.root(), 0)
    except Unreadable as found:
        raise Unreadable(_unreadable(found.problem.where, found.problem.why), found.at) from None
    remittance: Remittance = made
    if told.trailer and told.trailer != _trailer(told.count, remittance, told.marks):
        remittance = replace(remittance, trailer=neutral(told.trailer, told.marks))
    return remittance


def payee(told: RemittanceReader) -> tuple[str, str]:
    """NPI and tax id of the payee (1000B), each empty where it is not told; as soon as the header is read."""
    opener = f"N1{told.marks.element}PE"
    for at, text in enumerate(told.head):
        if text.startswith(opener):
            found: RemitParty = reader(PAYEE, told.marks)([*told.head, ""], at)[0]
            return npi_of(found), tax_id_of(found)
    return "", ""


def told_cents(told: RemittanceReader) -> int:
    """BPR02 in cents, 0 where it cannot be read: what a remittance that is not read any further is worth."""
    for text in told.head:
        values = text.split(told.marks.element)
        if values[0] == "BPR" and len(values) > 2:
            try:
                return to_cents(parse_amount(values[2]))
            except NotMoney:
                return 0
    return 0


def written(
    remittance: Remittance, claims: Iterable[ClaimPayment], marks: Delimiters = STANDARD
) -> Iterator[str]:
    """Yields the segment texts of an 835 from ST to SE: those that were read, where the records were read.

    Raises `Unwritable` where a value holds what parts elements or segments here.
    """
    count, claim = 0, "CLP" + marks.element
    waiting = iter(claims)
    made = _completed(remittance)
    for text in _sound(lambda own, out: writer(HEADER, own)(made, out), marks):
        if text[:4] != claim:
            count += 1
            yield text
            continue
        many = int(text[4:])
        for paid in islice(waiting, many or None):
            segments = _claim_texts(paid, marks)
            count += len(segments)
            yield from segments
    own = _trailer(count + 1, remittance, marks)
    yield local(remittance.trailer, marks) if remittance.trailer else own


def _claim_texts(paid: ClaimPayment, marks: Delimiters) -> list[str]:
    def write(own: Delimiters, out: list[str]) -> None:
        for group in paid.opens:
            writer(GROUP, own)(group, out)
        writer(CLAIM, own)(paid, out)

    return _sound(write, marks)


def _sound(write: Callable[[Delimiters, list[str]], None], marks: Delimiters) -> list[str]:
    """Segment texts that have as many elements as they have with a delimiter that no text holds."""
    texts: list[str] = []
    plain: list[str] = []
    write(marks, texts)
    write(replace(marks, element=_PLAIN), plain)
    for mine, other in zip(texts, plain, strict=True):
        if mine.count(marks.element) > other.count(_PLAIN) or marks.segment in mine:
            raise Unwritable(other.partition(_PLAIN)[0])
    return texts


def _trailer(count: int, remittance: Remittance, marks: Delimiters) -> str:
    return marks.element.join(("SE", str(count), remittance.control_number))


def _completed(remittance: Remittance) -> Remittance:
    """A header that was not read from a file, with payer and payee as far as its fields tell of them."""
    made = remittance
    if made.payer is None and made.payer_name:
        ids = [one for one in made.payer_ids if one != made.origin]
        made = replace(
            made, payer=RemitParty(name=made.payer_name, id_kind="XV" if ids else "", id="".join(ids[:1]))
        )
    if made.payee is None and (made.payee_npi or made.payee_tax_id):
        kind, own = ("XX", made.payee_npi) if made.payee_npi else ("FI", made.payee_tax_id)
        tax = (Told(kind="TJ", value=made.payee_tax_id),) if made.payee_npi and made.payee_tax_id else ()
        made = replace(made, payee=RemitParty(id_kind=kind, id=own, references=tax))
    return made


def line_faults(paid: ClaimPayment) -> list[Problem]:
    """The first two levels: SVC03 = SVC02 - CAS of the line, CLP04 = CLP03 - every CAS of the claim."""
    faults = []
    left = paid.charge
    for one in paid.adjustments:
        left -= one.amount
    for number, line in enumerate(paid.lines, 1):
        rest = line.charge
        for one in line.adjustments:
            amount = one.amount
            rest -= amount
            left -= amount
        if line.paid != rest:
            faults.append(_imbalance(f"claim {paid.position} 2110[{number}] SVC03", "the line"))
    if paid.paid != left and paid.status != PREDETERMINATION:
        faults.append(_imbalance(f"claim {paid.position} 2100 CLP04", "the claim"))
    return faults


def total_fault(remittance: Remittance, paid: Decimal) -> Problem | None:
    """The third level: BPR02 = sum of CLP04 - sum of PLB. `paid` is the sum of CLP04."""
    taken = sum((plb.amount for plb in remittance.provider_adjustments), ZERO)
    signed = remittance.amount if remittance.credit else -remittance.amount
    return None if signed == paid - taken else _imbalance("BPR02", "the remittance")


def _imbalance(where: str, what: str) -> Problem:
    return Problem(
        code="remit.unbalanced",
        where=where,
        why=f"{what} does not add up: what was paid is not the charge less its adjustments",
        fix="ask the payer for a corrected file, or post it signed to the remittance variance account",
    )


def _unreadable(where: str, why: str) -> Problem:
    return Problem(
        code="remit.unreadable",
        where=where,
        why=f"it cannot be read: {why}",
        fix="ask the payer for a corrected file",
    )
