"""FT1: charges, credits, and the payments, copays and adjustments that are money to post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

import msgspec

from hub.model.facts import ChargeFact
from hub.model.people import Provider
from hub.model.services import Note
from hub_hl7_adt import values
from hub_hl7_adt.line import Line, SetAside, lines_of
from hub_hl7_adt.line_codes import codes, diagnoses, drug
from hub_hl7_adt.line_money import amount, days, units
from hub_hl7_adt.names import MSH, NTE
from hub_hl7_adt.plan import BILLED, Plan, Spot, plan_of
from hub_hl7_adt.scene import Scene

_TEXT = 80
"""Characters of a service's description on a claim (SV101-7)."""
_MONEY = ("payment", "copay", "insurance_payment")


def charge_facts(scene: Scene) -> list[ChargeFact]:
    """A fact for each FT1. A line that cannot be read makes the whole message wait (`Scene.poison`): a claim without
    that line would be short, and a payment would be lost.
    """
    plan = plan_of(scene.settings)
    found: list[ChargeFact] = []
    for line in lines_of(scene.message, plan):
        try:
            found += _facts(scene, plan, line)
        except SetAside as held:
            scene.poison(held.code, held.where, held.why, held.fix)
    return _told_apart(scene, plan, found) if len(found) > 1 else found


def _facts(scene: Scene, plan: Plan, line: Line) -> list[ChargeFact]:
    """The fact of a line, and of the earlier line that it replaces or takes back, which is then withdrawn."""
    kind = _kind(plan, line)
    if kind == "ignored":
        return []
    if kind == "void":
        return [_withdrawn(scene, plan, line, line.first(plan.replaces) or line.text(plan.number))]
    fact = _charge(scene, plan, line, kind)
    earlier = line.first(plan.replaces) if plan.replaces else ""
    if not earlier or fact.kind == "credit" or earlier == line.text(plan.number):
        return [fact]
    old = _withdrawn(scene, plan, line, earlier)
    return [msgspec.structs.replace(fact, replaces=old.key), old]


def _charge(scene: Scene, plan: Plan, line: Line, kind: str) -> ChargeFact:
    start, end = days(line, plan, kind)
    count = units(line, plan, kind)
    dollars = amount(scene, line, plan, count, kind)
    kind, dollars = _signed(scene, kind, count, dollars)
    ndc = line.first(plan.drugs)
    codings, modifiers = codes(scene, line, plan, kind, ndc)
    description, notes = _words(scene, plan, line) if plan.worded else ("", ())
    takes_back = kind == "credit" or (kind in _MONEY and dollars is not None and dollars < 0)
    fact = ChargeFact(
        key=_key(scene, plan, line, takes_back=takes_back),
        version=scene.version,
        patient_key=scene.patient_key,
        encounter_key=scene.visit,
        account=scene.account,
        service_from=start,
        service_to=end,
        kind=kind,
        codings=codings,
        modifiers=modifiers,
        units=abs(count),
        unit_basis="MJ" if scene.settings.units_are == "minutes" and kind in BILLED else "UN",
        amount=dollars,
        diagnoses=diagnoses(scene, line, plan),
        drug=drug(line, plan, ndc) if ndc else None,
        rendering=_person(line, plan.rendering),
        ordering=_person(line, plan.ordering),
        place_of_service=_place(scene, plan, line) if plan.departments else "",
        revenue=_four(line.first(plan.revenue)),
        description=description,
        notes=notes,
        method=line.first(plan.methods) if plan.methods else "",
        reference=line.first(plan.references) if kind not in BILLED else "",
    )
    return _by_content(scene, fact) if scene.settings.charge_key == "content" else fact


def _kind(plan: Plan, line: Line) -> str:
    for spot in plan.types:
        if kind := plan.kinds.get(line.text(spot).upper()):
            paid = plan.insurers and kind in ("payment", "copay") and line.first(plan.insurers)
            return "insurance_payment" if paid else kind
    if plan.otherwise:
        return plan.otherwise
    known = "CG, CD, PY, CO or AJ"
    raise SetAside(
        "hl7.charge.type",
        line.at(plan.types[0]) if plan.types else "FT1",
        f"the transaction type is not {known}, so it is not known whether this bills or pays",
        "say in transaction_types what this sender means by it, or correct the line at the sender",
    )


def _signed(scene: Scene, kind: str, count: Decimal, dollars: Decimal | None) -> tuple[str, Decimal | None]:
    """A negative amount or quantity makes a charge a credit, whose amount is negative; money received is positive."""
    if kind == "charge" and (count < 0 or (dollars is not None and dollars < 0)):
        kind = "credit"
    if kind == "credit":
        return kind, None if dollars is None else -abs(dollars)
    if kind in _MONEY and dollars and scene.settings.payments_are == "negative":
        return kind, -dollars
    return kind, dollars


def _key(scene: Scene, plan: Plan, line: Line, *, takes_back: bool) -> str:
    """What makes this line the same line when it comes again. What takes back (a credit, money given back) stands
    beside the line whose number it repeats, and never in its place.
    """
    scope, way = scene.visit or scene.patient_key, scene.settings.charge_key
    number = "/".join(line.text(spot) for spot in plan.key) if plan.key else line.text(plan.number)
    if way == "message" or not number.strip("/"):
        return f"{scope}/message/{scene.message.header.text(MSH.message_control_id)}/{line.ft1.number}"
    return f"{scope}/{number}/back" if takes_back else f"{scope}/{number}"


def _by_content(scene: Scene, fact: ChargeFact) -> ChargeFact:
    """The fact with what the line says as its key; equal lines of one message are told apart by their order."""
    coded = "+".join(f"{one.system}:{one.code}" for one in fact.codings)
    told = (fact.kind, fact.service_from, fact.service_to or "", coded, "+".join(fact.modifiers), fact.amount)
    said = "/".join(str(part) for part in (*told, fact.units.normalize(), fact.reference))
    return msgspec.structs.replace(fact, key=f"{scene.visit or scene.patient_key}/content/{said}")


def _told_apart(scene: Scene, plan: Plan, facts: list[ChargeFact]) -> list[ChargeFact]:
    """Lines of one message with one key are several lines: a sender that repeats FT1-2 means another thing by it."""
    if len({fact.key for fact in facts}) == len(facts):
        return facts
    times = Counter(fact.key for fact in facts if fact.active)
    if scene.settings.charge_key != "content" and max(times.values(), default=0) > 1:
        scene.notes.warn(
            "hl7.charge.key",
            f"FT1-{(plan.key or (plan.number,))[0].field}",
            "several lines have one number; the next message with that number may replace them",
            "set charge_key to what tells this sender's lines apart, such as content or message",
        )
    seen: Counter[str] = Counter()
    kept = []
    for fact in facts:
        seen[fact.key] += fact.active
        several = fact.active and times[fact.key] > 1
        key = f"{fact.key}/{seen[fact.key]}" if several else fact.key
        kept.append(msgspec.structs.replace(fact, key=key) if several else fact)
    return kept


def _withdrawn(scene: Scene, plan: Plan, line: Line, number: str) -> ChargeFact:
    """The earlier line of this number, which no longer stands."""
    if not number:
        why = "the line takes back a transaction and does not say which"
        raise SetAside("hl7.charge.replaced", line.at(plan.number), why)
    start, _ = days(line, plan, "payment")
    return ChargeFact(
        key=f"{scene.visit or scene.patient_key}/{number}",
        version=scene.version,
        patient_key=scene.patient_key,
        encounter_key=scene.visit,
        account=scene.account,
        service_from=start,
        active=False,
    )


def _person(line: Line, spots: Iterable[Spot]) -> Provider | None:
    """The first place that names somebody."""
    for spot in spots:
        written = line.written(spot)
        if written and (found := values.provider(written, line.frame)) is not None:
            return found
    return None


def _place(scene: Scene, plan: Plan, line: Line) -> str:
    """The place of service of the first department that the profile knows."""
    known = scene.settings.place_of_service
    for spot in plan.departments:
        if found := known.get(line.text(spot)):
            return found
    return ""


@lru_cache(maxsize=1024)
def _four(code: str) -> str:
    """A revenue code in four digits."""
    return code.zfill(4) if code.isascii() and code.isdigit() else code


def _words(scene: Scene, plan: Plan, line: Line) -> tuple[str, tuple[Note, ...]]:
    """The description, and notes to the payer, where the profile says that there are any."""
    told = line.first(plan.descriptions) if plan.descriptions else ""
    meant = scene.settings.comments_are
    if meant == "ignored":
        return told[:_TEXT], ()
    comments = [value.text() for nte in line.around.get("NTE", ()) for value in nte.values(NTE.comment)]
    said = " ".join(" ".join(text.split()) for text in comments if text)
    if meant == "note":
        return told[:_TEXT], (Note(kind="additional", text=said[:_TEXT]),) if said else ()
    return (told or said)[:_TEXT], ()
