"""Lints samples: reads every message under a profile, and gathers what a person must know and the profile to use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from pydantic import ValidationError

from hub.errors import Problem
from hub.model.facts import ChargeFact, Reading
from hub_hl7_adt.linting.charge_rules import charge_rules
from hub_hl7_adt.linting.evidence import Survey, survey
from hub_hl7_adt.linting.gaps import Gap, Known, gaps, unmapped_codes, unmapped_plans
from hub_hl7_adt.linting.proposals import Proposal, Remark, View, lines_of
from hub_hl7_adt.linting.samples import Sample, spread
from hub_hl7_adt.linting.sender_rules import identifiers, key_type, sender_rules
from hub_hl7_adt.linting.tracing import Trace, traced
from hub_hl7_adt.linting.visits import billed
from hub_hl7_adt.names import MSG, MSH
from hub_hl7_adt.reading import read_message
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.triggers import Says, trigger_of
from hub_hl7_adt.wire import Message, message_of

_SURVEYED = 3000
_TRIED = 300
_HEAVY = 10
_ROUNDS = 3


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A problem of the reading, counted over the samples; `example` names the first message that has it; `mended`:
    it is gone with the profile that is proposed.
    """

    code: str
    where: str
    why: str
    fix: str
    severity: str
    count: int
    example: str
    mended: bool = False


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of message in the samples and what it says to the hub."""

    name: str
    count: int
    says: str


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How well the samples read: messages with an error, charge lines that were read, all findings (`count`), and
    their `weight`: of each kind of finding the part of messages, visits or lines that has it, in percent, and tenfold
    where it stops a claim. A message that becomes readable may show what its claim lacks, so fewer unread ones are
    better whatever else.
    """

    unread: int
    charges: int
    weight: int
    count: int

    def better(self, other: Score, *, as_good: bool = False) -> bool:
        """Whether this is better than another (or at least as good) and no charge less."""
        if self.unread != other.unread or self.charges < other.charges:
            return self.unread < other.unread and self.charges >= other.charges
        return self.weight < other.weight or (as_good and self.weight == other.weight)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What lint found. What could not be read is of the profile in force; visits, what becomes what and what a claim
    lacks are of the profile that is proposed, for what cannot be read shows nothing. Holds no patient's value but in
    `codes` and `plans`, which the command shows with care.
    """

    messages: int
    visits: int
    charges: int
    kinds: tuple[Kind, ...]
    senders: dict[str, int]
    versions: dict[str, int]
    charsets: dict[str, int]
    separators: dict[str, int]
    identifiers: tuple[tuple[str, str, int], ...]
    key: tuple[str, str]
    gaps: tuple[Gap, ...]
    faults: tuple[Fault, ...]
    codes: Counter[tuple[str, str]]
    plans: Counter[str]
    remarks: tuple[Remark, ...]
    proposals: tuple[Proposal, ...]
    before: Score
    after: Score
    trace: Trace
    survey: Survey

    def __repr__(self) -> str:
        return f"Report({self.messages} messages, {self.before.count} findings)"


def lint(
    samples: tuple[Sample, ...],
    settings: Hl7Settings,
    known: Known | None = None,
    step: Callable[[int], None] = lambda _: None,
) -> Report:
    """Read all samples under a profile. `step` hears how many messages were read."""
    known = known or Known()
    view = _view(spread(samples, _SURVEYED), settings)
    tried = spread(samples, _TRIED)
    proposals, remarks = _ruled(view, tried, known)
    mended = apply(settings, proposals)
    before, after = [], []
    for number, sample in enumerate(samples, 1):
        before.append(read_message(sample.body, settings))
        after.append(before[-1] if mended == settings else read_message(sample.body, mended))
        step(number)
    visits = billed(after)
    header = [message.header for message in view.messages]
    return Report(
        messages=len(samples),
        visits=len(visits),
        charges=_charges(after),
        kinds=tuple(_kinds(samples, settings)),
        senders=_counted(
            f"{one.text(MSH.sending_application)} {one.text(MSH.sending_facility)}".strip() or "(none)"
            for one in header
        ),
        versions=_counted(one.text(MSH.version_id) or "(none)" for one in header),
        charsets=_counted(one.text(MSH.character_set) or "(none)" for one in header),
        separators=_counted(_separators(message) for message in view.messages),
        identifiers=tuple((*key, count) for key, count in identifiers(view.messages).most_common()),
        key=key_type(identifiers(view.messages), mended),
        gaps=tuple(gaps(visits, known)),
        faults=tuple(_faults(samples, before, after)),
        codes=unmapped_codes((c for v in visits for c in v.charges if c.kind == "charge"), known),
        plans=unmapped_plans(visits, known),
        remarks=tuple(remarks),
        proposals=tuple(proposals),
        before=score(tried, settings, known),
        after=score(tried, mended, known),
        trace=traced(samples, mended),
        survey=view.survey,
    )


def _separators(message: Message) -> str:
    """MSH-1 and MSH-2 as they stand."""
    field = message.seps.field
    return (field + message.header.raw[4:10].split(field)[0]).decode("latin-1")


def _counted(values: Any) -> dict[str, int]:
    return dict(Counter(values).most_common(12))


def _view(samples: tuple[Sample, ...], settings: Hl7Settings) -> View:
    found = [message_of(sample.body, settings.charset) for sample in samples]
    messages = tuple(one for one in found if one is not None and _matters(one))
    return View(
        messages=messages,
        survey=survey(messages),
        lines=lines_of(messages),
        settings=settings,
        fallbacks=sum(one.charset_fallback for one in messages),
    )


def _matters(message: Message) -> bool:
    kind, event = message.header.text(MSH.message_type), message.header.text(MSH.message_type, MSG.trigger_event)
    return trigger_of(kind, event).says not in (Says.NOTHING, Says.UNKNOWN) or message.first("FT1") is not None


def _kinds(samples: tuple[Sample, ...], settings: Hl7Settings) -> list[Kind]:
    found: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        message = message_of(sample.body, settings.charset)
        found[
            (message.header.text(MSH.message_type), message.header.text(MSH.message_type, MSG.trigger_event))
            if message
            else ("(not a message)", "")
        ] += 1
    return [
        Kind(name=f"{kind}^{event}".rstrip("^") or "(no type)", count=count, says=_said(kind, event))
        for (kind, event), count in found.most_common()
    ]


_SAYS = {
    "charges": "charges", "merge": "two that are one", "part": "two that are no longer one",
    "move": "a visit or account of another patient", "person": "the person and policies",
    "appointment": "an appointment", "unknown": "not known: a person must look", "nothing": "not for billing",
}  # fmt: skip


def _said(kind: str, event: str) -> str:
    trigger = trigger_of(kind, event)
    told = _SAYS.get(trigger.says.value, "a visit")
    return f"{told} ({trigger.status})" if trigger.status and trigger.says is Says.VISIT else told


def _ruled(view: View, tried: tuple[Sample, ...], known: Known) -> tuple[list[Proposal], list[Remark]]:
    """What the rules say; of the proposals those that, tried on the samples one after the other, make nothing worse.

    Each is tried on top of those before it. What mends nothing while messages cannot be read at all is tried again
    when others have made them readable.
    """
    said = [*sender_rules(view), *charge_rules(view)]
    remarks = [one for one in said if isinstance(one, Remark)]
    given = [one for one in said if isinstance(one, Proposal) and one.key in Hl7Settings.model_fields]
    settings, kept = view.settings, [one for one in given if not one.sure]
    now, left = score(tried, settings, known), [one for one in given if one.sure]
    for _ in range(_ROUNDS):
        rest = []
        for one in left:
            changed = _applied(settings, one)
            then = score(tried, changed, known) if changed else now
            if changed and then.better(now, as_good=one.quiet):
                settings, now = changed, then
                kept = [other for other in kept if other.key != one.key or not other.sure] + [one]
            else:
                rest.append(one)
        if len(rest) == len(left):
            break
        left = rest
    return kept, remarks


def _applied(settings: Hl7Settings, proposal: Proposal) -> Hl7Settings | None:
    """None where the settings do not allow it, such as a Z-segment that this one may not name."""
    try:
        return apply(settings, [proposal])
    except ValidationError:
        return None


def apply(settings: Hl7Settings, proposals: list[Proposal] | tuple[Proposal, ...]) -> Hl7Settings:
    """The profile with what is sure of the proposals."""
    told = {one.key: one.value for one in proposals if one.sure}
    return Hl7Settings.model_validate(settings.model_dump(exclude_unset=True) | told)


def score(samples: tuple[Sample, ...], settings: Hl7Settings, known: Known) -> Score:
    """Everything that is wrong with the samples, or missing, under a profile."""
    readings = [read_message(sample.body, settings) for sample in samples]
    problems = [problem for reading in readings for problem in reading.problems]
    lacking = gaps(billed(readings), known)
    weight = (
        sum(_HEAVY if problem.severity == "error" else 1 for problem in problems) * 100 / max(1, len(samples))
    )
    weight += sum(gap.count / gap.of * 100 * (_HEAVY if gap.weight == 3 else gap.weight) for gap in lacking)
    return Score(
        unread=sum(
            one.poison or any(problem.severity == "error" for problem in one.problems) for one in readings
        ),
        charges=_charges(readings),
        weight=round(weight),
        count=len(problems) + sum(gap.count for gap in lacking),
    )


def _charges(readings: list[Reading]) -> int:
    return sum(isinstance(fact, ChargeFact) for one in readings for fact in one.facts)


def _faults(samples: tuple[Sample, ...], before: list[Reading], after: list[Reading]) -> list[Fault]:
    """The problems of the profile in force; `mended` are those that are gone with what is proposed."""
    told: dict[tuple[str, str, str], list[Any]] = {}
    for sample, reading in zip(samples, before, strict=True):
        for problem in reading.problems:
            told.setdefault(_same(problem), [0, problem, sample])[0] += 1
    stay = {_same(problem) for reading in after for problem in reading.problems}
    found = [_fault(key[1], *rest, mended=key not in stay) for key, rest in told.items()]
    return sorted(found, key=lambda one: (one.mended, one.severity != "error", -one.count, one.code))


def _same(problem: Problem) -> tuple[str, str, str]:
    return problem.code, _anywhere(problem.where), problem.why


def _fault(where: str, count: int, problem: Problem, sample: Sample, *, mended: bool) -> Fault:
    return Fault(
        code=problem.code, where=where, why=problem.why, fix=problem.fix, severity=problem.severity, count=count,
        example=f"{sample.file} message {sample.nth}", mended=mended,
    )  # fmt: skip


def _anywhere(where: str) -> str:
    """A place without the number of its segment: `FT1[2]-7` is `FT1-7`."""
    head, _, rest = where.partition("[")
    return head + rest.partition("]")[2] if rest else where
