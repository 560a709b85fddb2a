"""Rules that read from samples how a charge line is laid out: types, shifted fields, modifiers, who performed it."""

from __future__ import annotations

from collections import Counter

from hub_hl7_adt.linting.evidence import Evidence
from hub_hl7_adt.linting.proposals import Found, Proposal, Remark, View
from hub_hl7_adt.linting.shapes import shown_code

_KINDS = ("CG", "CD", "PY", "CO", "AJ")
_MOST = 0.6


def line_rules(view: View) -> Found:
    """What the layout of the lines tells."""
    for rule in (_shift, _types, _signs, _modifiers, _people):
        yield from rule(view)


def billable(one: Evidence) -> float:
    """Which part of a place's values could stand on a claim as a procedure."""
    return one.share("hcpcs", "five digits", "code with modifier")


def _known(view: View, field: int) -> int:
    """How many values of an FT1 field are transaction types."""
    values = view.survey.at(f"FT1-{field}.1").values
    return sum(count for value, count in values.items() if value.upper() in _KINDS)


def _shift(view: View) -> Found:
    """Fields that stand one too far to the left or right show in FT1-6, whose values are known."""
    if view.settings.field_shift or _known(view, 6) * 2 >= len(view.lines):
        return
    for field in (7, 5, 8, 4):
        if _known(view, field) * 2 < len(view.lines):
            continue
        by = field - 6
        date = view.survey.at(f"FT1-{4 + by}.1")
        since = "FT1-4" if view.survey.at("FT1-4.1").never and date.share("date") >= _MOST else "FT1-6"
        way = "further" if by > 0 else "nearer"
        reason = f"the transaction type stands in FT1-{field}: {since} and those behind it stand {abs(by)} {way}"
        yield Proposal(key="field_shift", value={since: by}, reason=reason)
        return


def _types(view: View) -> Found:
    if view.settings.field_shift:
        return
    told = {name.upper() for name in view.settings.transaction_types}
    other = Counter(line.kind for line in view.lines if line.kind not in _KINDS and line.kind not in told)
    if empty := other.pop("", 0):
        yield Remark(
            about="charges",
            what=f"FT1-6 is empty in {empty} of {len(view.lines)} lines, so it is not known what bills and what pays",
            fix='have the sender fill FT1-6; if all its lines are charges: transaction_types = {{ "*" = "charge" }}',
        )
    if other and "*" not in told and all(map(shown_code, other)) and len(other) < 12:
        reason = f"FT1-6 has {len(other)} types of the sender's own: say what each one is"
        value = {**view.settings.transaction_types, **dict.fromkeys(sorted(other), "charge")}
        yield Proposal(key="transaction_types", value=value, reason=reason, sure=False)


def _signs(view: View) -> Found:
    money = [line for line in view.lines if line.kind in ("PY", "CO")]
    below = sum((line.extended or line.unit).startswith("-") for line in money)
    if money and below == len(money) and view.settings.payments_are == "positive":
        reason = f"all {len(money)} payments and copays (PY, CO) come as negative amounts"
        yield Proposal(key="payments_are", value="negative", reason=reason, quiet=True)
    billed = [line for line in view.lines if line.kind in ("CG", "CD")]
    back = sum(line.kind == "CD" or (line.extended or line.unit).startswith("-") for line in billed)
    if back:
        what = f"{back} of {len(billed)} lines are credits (FT1-6 CD, or a negative amount)"
        yield Remark(about="charges", what=what, fix="nothing: a credit takes its charge back")


def _modifiers(view: View) -> Found:
    at = view.survey.at
    for field in ("FT1-25", "FT1-7"):
        one = at(f"{field}.1")
        joined = one.shapes["code with modifier"]
        if joined and billable(one) >= _MOST and not view.settings.modifiers_in_code:
            reason = f"{field} holds modifiers behind the code ({joined} of {one.filled})"
            yield Proposal(key="modifiers_in_code", value="-", reason=reason, quiet=True)
        other = at(f"{field}.2")
        apart = f"{field}.2" not in view.settings.modifier_places and at("FT1-26.1").never
        if other.filled and apart and other.share("modifier") >= _MOST and billable(one) >= _MOST:
            places = [f"{field}.2", *view.settings.modifier_places]
            reason = f"{field}.2 looks like modifiers ({other.filled} filled), and FT1-26 is always empty"
            yield Proposal(key="modifier_places", value=places, reason=reason, quiet=True)
    yield from _z_modifiers(view)


def _z_modifiers(view: View) -> Found:
    if view.survey.at("FT1-26.1").filled:
        return
    for name in sorted(name for name in view.survey.segments if name.startswith("Z")):
        for one in view.survey.of_segment(name):
            several = one.share("modifier") >= 0.9 and one.distinct > 1 and one.share("two digits") < 1
            if several and billable(view.survey.at(f"{name}-1.1")) + view.survey.segments["FT1"]:
                value = [one.place, *view.settings.modifier_places]
                reason = f"FT1-26 is always empty and {one.place} looks like modifiers: ask the sender"
                yield Proposal(key="modifier_places", value=value, reason=reason, sure=False)
                return


_PROVIDERS = ("FT1-20.1", "FT1-21.1", "PV1-7.1", "PV1-8.1", "PV1-17.1", "PV1-9.1")


def _people(view: View) -> Found:
    told = [(place, view.survey.at(place)) for place in _PROVIDERS]
    npis = [f"{place} ({one.shapes['npi']} of {one.filled})" for place, one in told if one.shapes["npi"]]
    if npis:
        yield Remark(about="providers", what=f"NPIs stand in {', '.join(npis)}")
    if any(view.survey.at(place).shapes["npi"] for place in ("FT1-20.1", "PV1-7.1")):
        return
    if found := _npi_elsewhere(view):
        value = [found.place.removesuffix(".1"), *view.settings.rendering_places]
        reason = f"FT1-20 and PV1-7 hold no NPI; {found.place} does ({found.shapes['npi']} of {found.filled})"
        yield Proposal(key="rendering_places", value=value, reason=reason)
        return
    local = [place for place, one in told if one.filled]
    if local:
        yield Remark(
            about="providers",
            what=f"{', '.join(local)} hold numbers of the sender's own, not NPIs",
            fix="ask the sender for NPIs, or write its numbers as `ids` of each clinician in providers.toml",
        )


def _npi_elsewhere(view: View) -> Evidence | None:
    names = ["FT1", *sorted(name for name in view.survey.segments if name.startswith("Z")), "PR1", "PV1"]
    for name in names:
        for one in view.survey.of_segment(name):
            if one.share("npi") >= _MOST and one.filled * 2 >= len(view.lines):
                return one
    return None
