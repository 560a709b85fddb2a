"""Writes interchanges from loop trees: envelopes and counts are ours, control numbers are the caller's."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hub.errors import Refused
from hub.x12.finding import Finding
from hub.x12.formats import bars_text
from hub.x12.grammar import Guide
from hub.x12.overlay.rule import Overlay
from hub.x12.overlay.running import filled, with_overlays
from hub.x12.rules import rules_for
from hub.x12.rules.around import gs_faults, isa_faults
from hub.x12.rules.statuses import placed
from hub.x12.tree import Node, RawSegment, Segment, Value, decoded, encode_value
from hub.x12.walk import Walk
from hub.x12.wire import ISA_WIDTHS, STANDARD, Delimiters


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One end of an interchange: `id` of at most 15 characters and its qualifier (ISA05 to ISA08)."""

    id: str
    qualifier: str = "ZZ"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What ISA says. `control_number` comes from the registry, `usage` is T or P, `at` is local to the site."""

    sender: Party
    receiver: Party
    control_number: int
    usage: str
    at: dt.datetime
    acknowledgement_requested: bool = False
    delimiters: Delimiters = STANDARD


class OutgoingSet(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction set: ST02 from the registry (4 to 9 characters) and what stands between ST and SE.

    That is a tree, or, from a writer that needs none, segment texts with the delimiters of the envelope.
    `overlays` hold for this set beside those of the interchange.
    """

    control_number: str
    root: Node = Node("")
    texts: Sequence[str] = ()
    overlays: Sequence[Overlay] = ()


class OutgoingGroup(msgspec.Struct, frozen=True, kw_only=True):
    """One functional group of sets of one guide; `control_number` (GS06) comes from the registry."""

    guide: Guide
    sender: str
    receiver: str
    control_number: int
    sets: Iterable[OutgoingSet]


class RefusedByGuide(Refused):
    """A transaction set breaks its guide and was not written; `findings` says where and why."""

    def __init__(self, findings: list[Finding]) -> None:
        places = "; ".join(f"{found.where}: {found.message}" for found in findings[:5])
        more = f" and {len(findings) - 5} more" if len(findings) > 5 else ""
        super().__init__(f"the transaction set breaks its guide: {places}{more}", fix="correct the data")
        self.findings = findings


def write_interchange(
    envelope: Envelope,
    groups: Iterable[OutgoingGroup] = (),
    *,
    ta1s: Iterable[RawSegment] = (),
    overlays: Sequence[Overlay] = (),
) -> Iterator[bytes]:
    """Yields the bytes of one interchange; every set is checked against its guide before it is written.

    Raises RefusedByGuide at the first set that breaks its guide: nothing of that set is yielded, so write
    to a temporary place. Text is UTF-8; pass names through `basic` where a partner takes ASCII only.
    `overlays` are the rules of payers and clearinghouses: their defaults are filled in, their errors refused.
    """
    marks = envelope.delimiters
    yield _lines([_isa(envelope)], marks)
    yield _lines([encode_segment(ta1, marks) for ta1 in ta1s], marks)
    count = 0
    for group in groups:
        count += 1
        yield _lines([_gs(group, envelope)], marks)
        sets = 0
        for outgoing in group.sets:
            sets += 1
            yield _lines(set_texts(group.guide, outgoing, marks, (*overlays, *outgoing.overlays)), marks)
        yield _lines([encode_segment(("GE", str(sets), str(group.control_number)), marks)], marks)
    yield _lines([encode_segment(("IEA", str(count), f"{envelope.control_number:09}"), marks)], marks)


def set_texts(
    guide: Guide, outgoing: OutgoingSet, marks: Delimiters, overlays: Sequence[Overlay] = ()
) -> list[str]:
    """The segment texts of one set from ST to SE; raises RefusedByGuide when it breaks its guide."""
    texts, problems = _body(guide, outgoing, marks, overlays)
    errors = problems + [found for found in _run(guide, texts, marks, overlays) if found.severity == "error"]
    if errors:
        raise RefusedByGuide(errors)
    return texts


def check_texts(
    guide: Guide, texts: Sequence[str], *, delimiters: Delimiters = STANDARD, overlays: Sequence[Overlay] = ()
) -> list[Finding]:
    """The findings that `write_interchange` would meet in the segment texts between ST and SE."""
    whole, problems = _body(guide, OutgoingSet(control_number="0001", texts=texts), delimiters, overlays)
    return problems + _run(guide, whole, delimiters, overlays)


def check_root(
    guide: Guide, root: Node, *, delimiters: Delimiters = STANDARD, overlays: Sequence[Overlay] = ()
) -> list[Finding]:
    """The findings that `write_interchange` would meet in a tree that is not written yet."""
    outgoing = OutgoingSet(control_number="0001", root=root)
    texts, problems = _body(guide, outgoing, delimiters, overlays)
    return problems + _run(guide, texts, delimiters, overlays)


def basic(text: str) -> str:
    """The text in the basic character set: accents dropped, delimiters and controls blanked, upper case."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return " ".join(re.sub(r"[*:^~\x00-\x1f\x7f]", " ", plain).upper().split())


def money(amount: object) -> str:
    """An amount as X12 writes it: `100`, `12.5`, `-3.1`; takes Decimal or int, never float."""
    if isinstance(amount, float):
        raise TypeError("money is Decimal or int, never float")
    text = f"{amount:f}" if not isinstance(amount, int) else str(amount)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def encode_segment(values: RawSegment, marks: Delimiters) -> str:
    """One segment as text without its terminator; empty elements at its end are dropped."""
    texts = [value if type(value) is str else encode_value(value, marks) for value in values]
    return marks.element.join(texts).rstrip(marks.element)


def _body(
    guide: Guide, outgoing: OutgoingSet, marks: Delimiters, overlays: Sequence[Overlay] = ()
) -> tuple[list[str], list[Finding]]:
    problems: list[Finding] = []
    st = ("ST", guide.transaction, outgoing.control_number, "" if guide.kind == "835" else guide.version)
    texts = [encode_segment(st, marks)]
    if outgoing.texts and not any(one.applies_to(guide.kind) for one in overlays):
        return [*texts, *outgoing.texts, f"SE{marks.element}{len(outgoing.texts) + 2}{marks.element}{st[2]}"], []
    root = _tree_of(guide, outgoing.texts, marks) if outgoing.texts else outgoing.root
    numbers = _Numbers()
    barrier = bars_text(marks)
    for loop, values in numbers.segments(filled(root, guide, overlays)):
        if _holds_barrier(values[1:], barrier):
            problems.append(_barrier_finding(loop, str(values[0]), len(texts) + 1))
        texts.append(encode_segment(values, marks))
    texts.append(encode_segment(("SE", str(len(texts) + 1), outgoing.control_number), marks))
    return texts, problems


def _tree_of(guide: Guide, texts: Sequence[str], marks: Delimiters) -> Node:
    """The loops of segment texts, for overlays to fill."""
    walk = Walk(guide, marks, units=("*",), check=False)
    for _ in walk.run(texts):
        pass
    return walk.root


def _run(guide: Guide, texts: list[str], marks: Delimiters, overlays: Sequence[Overlay] = ()) -> list[Finding]:
    walk = Walk(guide, marks, units=guide.units)
    walk.use_rules(with_overlays(rules_for(guide, walk), walk, overlays, {}))
    for _ in walk.run(texts):
        pass
    claims = guide.transaction == "837"
    found = [placed(one, opens=0, claims=claims) for one in walk.findings]
    return sorted(found, key=lambda one: one.position)


class _Numbers:
    """Fills what a builder leaves as None: HL numbers in order, HL parents and child flags, LX numbers."""

    def __init__(self) -> None:
        self.last = 0

    def segments(self, node: Node, parent: str = "") -> Iterator[tuple[str, list[Value]]]:
        level = parent
        counts: dict[str, int] = {}
        for item in node.items:
            if isinstance(item, Node):
                counts[item.loop] = counts.get(item.loop, 0) + 1
                for loop, values in self.segments(item, level):
                    if values[0] == "LX" and loop == item.loop and len(values) > 1 and values[1] is None:
                        values[1] = str(counts[item.loop])
                    yield loop, values
                continue
            # what was read holds its composites as text, by the marks of the file that it came from
            values = decoded(item, node.delimiters) if node.position else list(item)
            if values[0] == "HL":
                level = self._level(values, node, parent)
            yield node.loop, values

    def _level(self, values: list[Value], node: Node, parent: str) -> str:
        self.last += 1
        if len(values) > 1 and values[1] is None:
            values[1] = str(self.last)
        if len(values) > 2 and values[2] is None:
            values[2] = parent
        if len(values) > 4 and values[4] is None:
            below = any(inner.segment("HL") is not None for inner in node.children())
            values[4] = "1" if below else "0"
        return str(values[1]) if len(values) > 1 else ""


def _holds_barrier(values: Sequence[Value], barrier: re.Pattern[str]) -> bool:
    """Whether any text among them, however deep, has a character that may not stand in text."""
    if barrier.search("".join([value for value in values if isinstance(value, str)])):
        return True
    return any(_holds_barrier(value, barrier) for value in values if isinstance(value, tuple | list))


def _barrier_finding(loop: str, segment: str, position: int) -> Finding:
    return Finding(
        snip=1,
        code="element.character",
        message="an element holds a delimiter, a control or a non-ASCII character",
        loop=loop,
        segment=segment,
        position=position,
        ik3="8",
        ik4="6",
    )


def _isa(envelope: Envelope) -> str:
    marks = envelope.delimiters
    fields = (
        "ISA",
        "00",
        " " * 10,
        "00",
        " " * 10,
        envelope.sender.qualifier,
        f"{envelope.sender.id:15}",
        envelope.receiver.qualifier,
        f"{envelope.receiver.id:15}",
        f"{envelope.at:%y%m%d}",
        f"{envelope.at:%H%M}",
        marks.repetition,
        "00501",
        f"{envelope.control_number:09}",
        "1" if envelope.acknowledgement_requested else "0",
        envelope.usage,
        marks.component,
    )
    _refuse_faults(isa_faults(Segment(fields, marks), fixed_width=[*map(len, fields)] == ISA_WIDTHS))
    return marks.element.join(fields)


def _gs(group: OutgoingGroup, envelope: Envelope) -> str:
    fields = (
        "GS",
        group.guide.group,
        group.sender,
        group.receiver,
        f"{envelope.at:%Y%m%d}",
        f"{envelope.at:%H%M}",
        str(group.control_number),
        "X",
        group.guide.version,
    )
    _refuse_faults(gs_faults(Segment(fields), envelope.delimiters))
    return encode_segment(fields, envelope.delimiters)


def _refuse_faults(found: Iterable[Finding]) -> None:
    """Raises ValueError for a header that cannot be written: the caller's settings are wrong."""
    told = [f"{one.where} {one.message}" for one in found]
    if told:
        raise ValueError("the header of the interchange or group cannot be written: " + "; ".join(told))


def _lines(texts: list[str], marks: Delimiters) -> bytes:
    full = marks.segment + marks.ending
    return "".join([text + full for text in texts]).encode()
