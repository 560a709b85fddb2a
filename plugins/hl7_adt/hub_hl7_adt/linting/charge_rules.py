"""Rules that read the profile of charges out of samples: codes, units, money, keys."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from hub_hl7_adt.linting.evidence import Evidence
from hub_hl7_adt.linting.line_rules import billable, line_rules
from hub_hl7_adt.linting.proposals import Found, Line, Proposal, Remark, View

_CODE_FIELDS = ("FT1-25", "FT1-7")
_MOST = 0.6


def charge_rules(view: View) -> Found:
    """Everything the charge lines tell; nothing when there are none."""
    if not view.lines:
        yield Remark(
            about="charges",
            what="the samples hold no charge line (FT1), so nothing can be said of codes, units and money",
            fix="ask the vendor for DFT^P03 samples",
        )
        return
    yield from line_rules(view)
    systems = _Systems(told=dict(view.settings.code_systems))
    yield from _codes(view, systems)
    yield from _diagnoses(view, systems)
    yield from _units(view)
    yield from _money(view)
    yield from _keys(view)


class _Systems(msgspec.Struct, kw_only=True):
    """The code systems told so far and why: a setting is proposed whole, so each rule adds to those before it."""

    told: dict[str, str]
    why: list[str] = []

    def proposal(self, place: str, system: str, reason: str) -> Proposal:
        """The setting with one place more."""
        self.told[place] = system
        self.why.append(reason)
        return Proposal(key="code_systems", value=dict(self.told), reason="; ".join(self.why))


def _remedy(view: View, good: list[str], lines: int) -> str:
    """What to do about local codes on so many lines, where the fields of `good` hold the code of some or of all."""
    mapped = "add a row for each of them to charge_map.toml; `hub hl7 lint` lists them"
    if not good:
        return mapped
    held = max(view.survey.at(f"{good[0]}.{part}").filled for part in (1, 4))
    if held < lines:
        return f"nothing where {good[0]} is filled; for the other lines {mapped}"
    return f"nothing: {good[0]} holds what a claim needs"


def _codes(view: View, systems: _Systems) -> Found:
    at = view.survey.at
    good = []
    for field in _CODE_FIELDS:
        one, named = at(f"{field}.1"), at(f"{field}.3")
        if one.never:
            continue
        told = f"{field} looks like {_looks(one)}: {one.filled} filled, {_values(one.distinct)}"
        if billable(one) >= _MOST:
            good.append(field)
            if named.filled < one.filled / 2 and field not in systems.told:
                yield systems.proposal(field, "HCPCS", f"{told}, and {field}.3 names no system")
        elif billable(at(f"{field}.4")) >= _MOST:
            good.append(field)
            yield Remark(
                about="charge codes", what=f"{told}; {field}.4 holds the HCPCS code, which is taken as well"
            )
        else:
            yield Remark(about="charge codes", what=told, fix=_remedy(view, good, one.filled))
    if good and good[0] != view.settings.charge_code_places[0]:
        rest = [place for place in view.settings.charge_code_places if place not in good]
        reason = (
            f"{good[0]} holds the code that a claim needs; it comes before {rest[0] if rest else 'the others'}"
        )
        yield Proposal(key="charge_code_places", value=[*good, *rest], reason=reason, quiet=True)
    if not good:
        yield from _elsewhere(view)


def _diagnoses(view: View, systems: _Systems) -> Found:
    """Diagnoses that look like ICD-10-CM and say nowhere that they are."""
    at = view.survey.at
    for field in ("DG1-3", "FT1-19"):
        one, named = at(f"{field}.1"), at(f"{field}.3").filled + (field == "DG1-3") * at("DG1-2.1").filled
        if field not in systems.told and one.share("icd10") >= _MOST and named < one.filled / 2:
            told = f"{field} looks like ICD-10-CM: {one.filled} filled, and {field}.3 names no system"
            yield systems.proposal(field, "ICD10", told)


def _looks(one: Evidence) -> str:
    if one.share("hcpcs") >= _MOST:
        return "HCPCS"
    if one.share("five digits") >= _MOST:
        return "five-digit procedure codes"
    if billable(one) >= _MOST:
        return "procedure codes"
    return "a local charge code" if not billable(one) else "a mix of local charge codes and procedure codes"


def _values(number: int) -> str:
    return "1 value" if number == 1 else f"{number} values"


def _elsewhere(view: View) -> Found:
    """A code that stands in another component or field of FT1, or in a Z-segment."""
    for name in ["FT1", *sorted(n for n in view.survey.segments if n.startswith("Z"))]:
        for one in view.survey.of_segment(name):
            enough = one.filled >= max(1, len(view.lines) // 2) and one.share("hcpcs") >= _MOST
            if not enough or one.place.startswith(("FT1-19", "FT1-25.1", "FT1-7.1")):
                continue
            reason = f"{one.place} looks like HCPCS: {one.filled} filled, {_values(one.distinct)}"
            places = [one.place, *view.settings.charge_code_places]
            systems = {**view.settings.code_systems, one.place: "HCPCS"}
            yield Proposal(key="code_systems", value=systems, reason=reason, quiet=True)
            yield Proposal(key="charge_code_places", value=places, reason=reason)
            return


def _units(view: View) -> Found:
    billed = [line for line in view.lines if line.kind not in ("PY", "CO", "AJ")]
    empty = [line for line in billed if not line.units]
    if not empty or view.settings.units_when_empty is not None:
        return
    same = sum(bool(line.extended) and line.extended == line.unit for line in empty)
    differ = sum(bool(line.extended and line.unit) and line.extended != line.unit for line in empty)
    said = f"FT1-10 is empty in {len(empty)} of {len(billed)} lines"
    said += f", and FT1-11 = FT1-12 in {same} of these" if same else ""
    if differ:
        yield Proposal(
            key="units_when_empty", value=Decimal(1), sure=False,
            reason=f"{said}; but in {differ} FT1-11 is not FT1-12: ask the sender where it puts the units",
        )  # fmt: skip
    elif same < len(empty) and (others := _counts(view)):
        said += f"; but {' and '.join(others)} may be the quantity (units_places): ask the sender"
        yield Proposal(key="units_when_empty", value=Decimal(1), reason=said, sure=False)
    elif same < len(empty):
        yield Proposal(
            key="units_when_empty", value=Decimal(1), reason=f"{said}; a line with no quantity is one unit"
        )


def _counts(view: View) -> list[str]:
    """Places of the sender's own segments that hold small whole numbers with every line, and not always the same."""
    return [
        one.place.removesuffix(".1")
        for name in sorted(name for name in view.survey.segments if name.startswith("Z"))
        if view.survey.segments[name] >= len(view.lines)
        for one in view.survey.of_segment(name)
        if one.place not in view.settings.units_places and one.filled >= len(view.lines)
        and one.distinct > 1 and all(text.isdigit() and 0 < int(text[:4]) < 1000 for text in one.values)
    ]  # fmt: skip


def _money(view: View) -> Found:
    at = view.survey.at
    if at("FT1-11").never and at("FT1-12").never:
        yield from _money_elsewhere(view)
        return
    rows = [row for row in (_row(line) for line in view.lines) if row]
    usual = sum(total == units * each for units, total, each in rows)
    swapped = sum(each == units * total for units, total, each in rows)
    told = f"in {swapped} of {len(rows)} lines with more than one unit"
    default = (view.settings.amount_place, view.settings.unit_amount_place) == ("FT1-11", "FT1-12")
    if default and swapped > usual:
        reason = f"FT1-12 = FT1-10 x FT1-11 {told}: the two stand the other way round"
        yield Proposal(key="amount_place", value="FT1-12", reason=reason, quiet=True)
        yield Proposal(key="unit_amount_place", value="FT1-11", reason=reason)
    elif view.settings.amount_is == "line" and at("FT1-12").never and (several := _constant(view.lines)):
        reason = f"FT1-11 stays the same while the units differ ({several}): it is the amount of one unit"
        yield Proposal(key="amount_is", value="unit", reason=reason, quiet=True)


def _row(line: Line) -> tuple[Decimal, Decimal, Decimal] | None:
    """Units, FT1-11 and FT1-12 of a line where they can tell anything: more than one unit, all three filled."""
    found = [_number(text) for text in (line.units, line.extended, line.unit)]
    units, total, each = found
    if units is None or total is None or each is None or abs(units) <= 1:
        return None
    return units, total, each


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**9 else None


def _constant(lines: tuple[Line, ...]) -> str:
    """How many codes have one amount and several units, where all codes with several units are so; empty else."""
    amounts: dict[str, set[str]] = {}
    units: dict[str, set[str]] = {}
    for line in lines:
        if line.code and line.extended and line.units:
            amounts.setdefault(line.code, set()).add(line.extended)
            units.setdefault(line.code, set()).add(line.units)
    several = [code for code, found in units.items() if len(found) > 1]
    if not several or any(len(amounts[code]) > 1 for code in several):
        return ""
    return "1 code" if len(several) == 1 else f"{len(several)} codes"


def _money_elsewhere(view: View) -> Found:
    for one in view.survey.of_segment("FT1"):
        if one.place.endswith(".1") and one.share("amount") >= _MOST and one.filled * 2 >= len(view.lines):
            field = one.place.removesuffix(".1")
            fits = field != "FT1-22"  # unit cost: what the practice paid, not what it asks
            yield Proposal(
                key="amount_place", value=field, sure=False,
                reason=f"FT1-11 and FT1-12 are empty; {field} looks like money"
                + ("" if fits else ", though its name is unit cost: ask the sender"),
            )  # fmt: skip
            return
    yield Remark(
        about="money",
        what="no charge line has an amount",
        fix="set every price in fee_schedule.toml, or have FT1-11 filled",
    )


def _keys(view: View) -> Found:
    if view.settings.charge_key != "transaction":
        return
    why = _meaningless(view.lines)
    if why:
        again = _told_again(view.lines)
        said = (
            "and later messages tell the same lines again" if again else "and no message repeats another's lines"
        )
        value = "content" if again else "message"
        yield Proposal(key="charge_key", value=value, reason=f"{why}, {said}", quiet=True)
    elif not any(line.id for line in view.lines):
        yield Remark(
            about="charges",
            what="FT1-2 is always empty, so a charge is known by MSH-10 and its line",
            fix="a correction of a charge cannot be told from a new one: ask the sender for a stable FT1-2",
        )


def _meaningless(lines: tuple[Line, ...]) -> str:
    """Why FT1-2 does not tell charges apart; empty where it does."""
    filled = [line for line in lines if line.id]
    if len(filled) < 2:
        return ""
    within: dict[int, list[str]] = {}
    codes: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for line in filled:
        within.setdefault(line.message, []).append(line.id)
        codes.setdefault((line.visit, line.id), set()).add((line.code, line.message))
    several = [ids for ids in within.values() if len(ids) > 1]
    if several and sum(len(set(ids)) == 1 for ids in several) * 2 > len(several):
        return f"FT1-2 repeats on every line in {_messages(several)}"
    if all(line.id.lstrip("0") == line.set_id.lstrip("0") for line in filled) and len(within) > 1:
        return "FT1-2 is only the number of the line (the same as FT1-1), and begins anew in every message"
    clash = sum(
        len({code for code, _ in found}) > 1 and len({m for _, m in found}) > 1 for found in codes.values()
    )
    return f"FT1-2 names different charges of one visit in different messages ({clash} times)" if clash else ""


def _told_again(lines: tuple[Line, ...]) -> bool:
    """Whether most charges of some visit stand in a later message as well."""
    told: dict[tuple[str, ...], set[int]] = {}
    for line in lines:
        key = (line.visit, line.day, line.kind, line.code, line.units, line.extended, line.unit)
        told.setdefault(key, set()).add(line.message)
    return sum(len(found) > 1 for found in told.values()) * 2 > len(told)


def _messages(found: list[list[str]]) -> str:
    number = sum(len(set(ids)) == 1 for ids in found)
    return f"{number} of {len(found)} messages with several lines"
