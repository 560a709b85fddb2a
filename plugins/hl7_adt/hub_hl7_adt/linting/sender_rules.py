"""Rules that read the rest of the profile out of samples: header, people, visits, policies, places, Z-segments."""

from __future__ import annotations

import hashlib
from collections import Counter

from hub_hl7_adt.linting.evidence import Evidence
from hub_hl7_adt.linting.proposals import Found, Proposal, Remark, View
from hub_hl7_adt.linting.shapes import shown_code
from hub_hl7_adt.linting.zones import zone_of_state
from hub_hl7_adt.names import CX, FT1, MSH, PID, PV1
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import Message

_MOST = 0.6
_MARKS = ("ZZTEST", "ZTEST", "TEST", "TESTPATIENT", "ZZZTEST")


def sender_rules(view: View) -> Found:
    """Everything the messages tell beside their charges."""
    for rule in (_production, _ids, _charset, _zone, _patients, _tests, _visits, _plans, _members, _scope,
                 _classes, _points, _outside, _z_segments):  # fmt: skip
        yield from rule(view)


def _production(view: View) -> Found:
    found = Counter(message.header.text(MSH.processing_id) for message in view.messages)
    known = set(view.settings.production_ids)
    if count := found.get("") if "" not in known else 0:
        reason = f"MSH-11 is empty in {count} of {len(view.messages)} messages"
        yield Proposal(key="production_ids", value=[*view.settings.production_ids, ""], reason=reason, quiet=True)
    other = {value: count for value, count in found.items() if value and value not in known}
    if other:
        shown = {value if shown_code(value) else "(hidden)": count for value, count in other.items()}
        told = ", ".join(f"{value} {count} times" for value, count in shown.items())
        yield Remark(
            about="test or production",
            what=f"MSH-11 is {told}: such messages are read and never billed",
            fix="nothing for samples; before going live the sender must send P",
        )


def _ids(view: View) -> Found:
    bodies: dict[str, set[bytes]] = {}
    for message in view.messages:
        number = message.header.text(MSH.message_control_id)
        bodies.setdefault(number, set()).add(hashlib.sha256(message.raw.strip()).digest())
    many = sum(len(found) > 1 for number, found in bodies.items() if number)
    if missing := len(bodies.get("", ())):
        yield Remark(
            about="message ids",
            what=f"MSH-10 is empty in {missing} messages: repeats are known by their bytes only",
            fix="ask the sender to fill MSH-10",
        )
    if not many:
        return
    said = f"MSH-10 repeats with another body ({many} of {len(bodies)} ids)"
    if getattr(view.settings, "same_id", "process") != "process":
        yield Proposal(
            key="same_id", value="process", reason=f"{said}, so it does not name a message", quiet=True
        )
    else:
        fix = 'nothing: every body is read (same_id = "process")'
        yield Remark(about="message ids", what=f"{said}, so it does not name a message", fix=fix)


def _charset(view: View) -> Found:
    if view.fallbacks and view.settings.charset != "windows-1252":
        reason = f"{view.fallbacks} messages are not in {view.settings.charset}, and MSH-18 does not tell"
        yield Proposal(key="charset", value="windows-1252", reason=reason)


_TIMES = ("MSH-7", "EVN-2", "PV1-44", "PV1-45", "FT1-4", "SCH-11")


def _zone(view: View) -> Found:
    without = sum(view.survey.at(place).shapes["time without zone"] for place in _TIMES)
    if not without or view.settings.time_zone != "UTC":
        return
    states = view.survey.at("PID-11.4").values
    common = states.most_common(1)[0][0] if states else ""
    guess = zone_of_state(common)
    reason = f"{without} times carry no zone and are read as UTC"
    reason += "; most patients' addresses are in this zone: check it" if guess else ": write the sender's zone"
    yield Proposal(key="time_zone", value=guess or "America/New_York", reason=reason, sure=False)


def identifiers(messages: tuple[Message, ...]) -> Counter[tuple[str, str]]:
    """The identifiers of PID-3 by type and authority: in how many messages each stands."""
    found: Counter[tuple[str, str]] = Counter()
    for message in messages:
        pid = message.first("PID")
        values = pid.values(3) if pid else []
        found.update(
            {
                (one.text(CX.identifier_type_code).upper(), one.text(CX.assigning_authority))
                for one in values
                if one.text()
            }
        )
    return found


_PRIVATE = frozenset(("SS", "SSN", "DL", "DLN", "PPN", "PP", "BC", "CC"))


def key_type(found: Counter[tuple[str, str]], settings: Hl7Settings) -> tuple[str, str]:
    """Type and authority of the identifier that names most patients under a profile; both empty without any."""
    types = settings.patient_id_types
    public = [one for one, _ in found.most_common() if one[0] not in _PRIVATE]
    return min(public, key=lambda one: types.index(one[0]) if one[0] in types else len(types), default=("", ""))


def _patients(view: View) -> Found:
    types: Counter[str] = Counter()
    for (kind, _), count in identifiers(view.messages).items():
        types[kind] += count
    public = [kind for kind, _ in types.most_common() if kind and kind not in _PRIVATE]
    known = view.settings.patient_id_types
    if public and not any(kind in known for kind in types) and types[""] < types[public[0]]:
        reason = f"PID-3 holds no {', '.join(known)}; type {public[0]} stands in {types[public[0]]} messages"
        yield Proposal(key="patient_id_types", value=[public[0], *known], reason=reason, quiet=True)


def _tests(view: View) -> Found:
    names = view.survey.at("PID-5.1").values
    known = view.settings.test_last_names
    marks = sorted({name.upper() for name in names} & set(_MARKS) - {mark.upper() for mark in known})
    if marks:
        reason = "some patients bear a name that marks tests: they are stored and never billed"
        yield Proposal(key="test_last_names", value=[*known, *marks], reason=reason, quiet=True)


_VISIT_PLACES = ("PV1-19", "PID-18", "PV1-50", "PV1-5")


def _visits(view: View) -> Found:
    rows = [_visit_row(message) for message in view.messages if message.first("PV1") or message.first("FT1")]
    if not rows:
        return
    filled = {place: sum(bool(row[place]) for row in rows) for place in _VISIT_PLACES}
    set_places = [place.removesuffix(".1") for place in view.settings.visit_places]
    now = sum(any(row.get(place, "x") for place in set_places) for row in rows)
    if now < len(rows):
        best = max((p for p in _VISIT_PLACES if p not in set_places), key=lambda place: filled[place], default="")
        if best and filled[best] > now:
            reason = f"{', '.join(set_places)} stand in {now} of {len(rows)} messages, {best} in {filled[best]}"
            yield Proposal(key="visit_places", value=[*view.settings.visit_places, best], reason=reason)
            return
    first = set_places[0]
    if first == "PV1-19" and filled["PID-18"] == len(rows):
        if filled[first] == 0:
            what = "PV1-19 is always empty and PID-18 always filled: the account is the visit"
            yield Remark(about="visits", what=what, fix="nothing, if every visit has an account of its own")
        elif why := _not_a_visit(rows, filled[first]):
            yield Proposal(key="visit_places", value=["PID-18", "PV1-19"], reason=why, quiet=True)


def _visit_row(message: Message) -> dict[str, str]:
    pv1, pid = message.first("PV1"), message.first("PID")
    row = {place: pv1.text(int(place[4:])) if pv1 else "" for place in _VISIT_PLACES if place.startswith("PV1")}
    return row | {
        "PID-18": pid.text(PID.patient_account_number) if pid else "",
        "person": pid.text(PID.patient_identifier_list) if pid else "",
    }


def _not_a_visit(rows: list[dict[str, str]], filled: int) -> str:
    people: dict[str, set[str]] = {}
    accounts: dict[str, set[str]] = {}
    for row in rows:
        if row["PV1-19"]:
            people.setdefault(row["PV1-19"], set()).add(row["person"])
            accounts.setdefault(row["PID-18"], set()).add(row["PV1-19"])
    shared = sum(len(found) > 1 for found in people.values())
    if shared:
        return f"PV1-19 is the same for different patients ({shared} times), so it numbers no visits; PID-18 does"
    if filled < len(rows) and all(len(found) == 1 for found in accounts.values()):
        return f"PV1-19 is empty in {len(rows) - filled} of {len(rows)} messages, PID-18 in none: one visit, two keys"
    return ""


def _plans(view: View) -> Found:
    at = view.survey.at
    policies = view.survey.segments["IN1"]
    plan, company = at("IN1-2.1"), at("IN1-3.1")
    if policies < 3 or plan.never or company.never or view.settings.payer_places[0] != "IN1-2.1":
        return
    one_for_all = plan.distinct == 1 < company.distinct
    personal = plan.distinct > 0.8 * plan.filled and company.distinct <= 0.5 * company.filled
    if plan.always and company.always and (one_for_all or personal):
        why = "is the same in every policy" if one_for_all else "differs with nearly every policy"
        reason = f"IN1-2 {why}, while IN1-3 has {company.distinct} values: it names the payer"
        yield Proposal(key="payer_places", value=["IN1-3.1", "IN1-2.1", "IN1-4.1"], reason=reason, quiet=True)


_MEMBER_PLACES = ("IN1-36", "IN1-49.1", "IN2-61.1", "IN1-46.1", "IN2-6.1", "IN2-8.1")


def _members(view: View) -> Found:
    policies = view.survey.segments["IN1"]
    known = view.settings.member_id_places
    held = max((view.survey.at(place).filled for place in known), default=0)
    for place in _MEMBER_PLACES:
        one = view.survey.at(place)
        if place not in known and one.filled > held and one.share("id") >= _MOST:
            reason = (
                f"{', '.join(known)} hold {held} member ids for {policies} policies, {place} holds {one.filled}"
            )
            yield Proposal(key="member_id_places", value=[place, *known], reason=reason)
            return
    if policies and not held:
        yield from _member_elsewhere(view, policies)


_TAKEN = (2, 3, 8, 9, 10, 12, 13, 14, 18)  # plan, company, groups, dates and authorization of IN1


def _member_elsewhere(view: View, policies: int) -> Found:
    for one in view.survey.of_segment("IN1"):
        field = int(one.place[4:].partition(".")[0])
        likely = one.share("id") >= _MOST and not one.share("date") and one.distinct > one.filled / 2
        if likely and field not in _TAKEN and one.filled * 2 >= policies:
            reason = f"no member id stands where the profile looks; {one.place} looks like numbers of members"
            value = [one.place, *view.settings.member_id_places]
            yield Proposal(key="member_id_places", value=value, reason=f"{reason}: ask the sender", sure=False)
            return


def _scope(view: View) -> Found:
    charges = [message for message in view.messages if message.first("FT1")]
    insured = sum(message.first("IN1") is not None for message in charges)
    if charges and not insured and view.survey.segments["IN1"] and view.settings.coverage_scope == "visit":
        reason = "messages with charges carry no IN1, and the policies come with other messages of the patient"
        yield Proposal(key="coverage_scope", value="patient", reason=reason)


_STANDARD = ("E", "I", "O", "R", "P", "B", "C", "N", "U", "")


def _classes(view: View) -> Found:
    """Patient classes and financial classes that are the sender's own."""
    found = view.survey.at("PV1-2.1").values
    told = view.settings.patient_classes
    own = {one: count for one, count in found.items() if one.upper() not in _STANDARD and one not in told}
    if own and all(map(shown_code, own)):
        reason = f"PV1-2 holds patient classes of the sender's own ({len(own)}): say what each one is"
        value = {**told, **dict.fromkeys(sorted(own), "ambulatory")}
        yield Proposal(key="patient_classes", value=value, reason=reason, sure=False)
    classes = view.survey.at(view.settings.financial_class_places[0])
    bare = classes.filled and not view.survey.segments["IN1"] and not view.settings.financial_classes
    if bare and classes.distinct < 40 and all(map(shown_code, classes.values)):
        reason = f"no message has a policy (IN1), but PV1-20 a financial class ({classes.distinct} values)"
        value = dict.fromkeys(sorted(classes.values), "PAYER-TOKEN")
        yield Proposal(key="financial_classes", value=value, reason=reason, sure=False)


def _points(view: View) -> Found:
    """Points of care that the profile gives no place of service; the code itself a person must know."""
    classes: dict[str, Counter[str]] = {}
    for message in view.messages:
        pv1 = message.first("PV1")
        points = [pv1.text(PV1.assigned_patient_location)] if pv1 else []
        points += [line.text(FT1.assigned_patient_location) for line in message.all("FT1")]
        for point in filter(None, points):
            classes.setdefault(point, Counter())[pv1.text(PV1.patient_class).upper() if pv1 else ""] += 1
    unknown = {p: c for p, c in classes.items() if p not in view.settings.place_of_service and shown_code(p)}
    if not unknown:
        return
    guesses = {"I": "21", "E": "23"}
    table = {point: guesses.get(c.most_common(1)[0][0], "11") for point, c in sorted(unknown.items())}
    said = "1 point of care has" if len(unknown) == 1 else f"{len(unknown)} points of care have"
    reason = f"{said} no place of service (PV1-3.1, FT1-16.1): check each code"
    value = {**view.settings.place_of_service, **table}
    yield Proposal(key="place_of_service", value=value, reason=reason, sure=False)


def _outside(view: View) -> Found:
    known = {"DFT", "BAR", *view.settings.bill_ft1_from}
    kinds = Counter(message.header.text(MSH.message_type) for message in view.messages if message.first("FT1"))
    other = {kind: count for kind, count in sorted(kinds.items()) if kind not in known and shown_code(kind)}
    if other:
        told = ", ".join(f"{count} {kind}" for kind, count in other.items())
        reason = (
            f"{told} messages hold FT1; they may bill only where the same charges come in no DFT: ask the sender"
        )
        yield Proposal(
            key="bill_ft1_from", value=[*view.settings.bill_ft1_from, *other], reason=reason, sure=False
        )


_INTERESTING = (("npi", "NPIs"), ("hcpcs", "HCPCS"), ("icd10 with point", "diagnoses"), ("amount", "money"),
                ("modifier", "modifiers"))  # fmt: skip


def _z_segments(view: View) -> Found:
    for name in sorted(name for name in view.survey.segments if name.startswith("Z")):
        found = sorted(view.survey.of_segment(name), key=_order)
        told = [f"{one.place.removesuffix('.1')}{_likeness(one)}" for one in found[:12]]
        more = f" and {len(found) - 12} more" if len(found) > 12 else ""
        yield Remark(
            about=name,
            what=f"{view.survey.segments[name]} in all; filled: {', '.join(told)}{more}",
            fix="ask the sender what it holds, if a claim lacks something; settings may name its fields",
        )


def _order(one: Evidence) -> tuple[int, int]:
    field, _, part = one.place[4:].partition(".")
    return int(field), int(part)


def _likeness(one: Evidence) -> str:
    for shape, name in _INTERESTING:
        if one.share(shape) >= _MOST:
            return f" (looks like {name})"
    return ""
