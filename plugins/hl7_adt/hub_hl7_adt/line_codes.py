"""What one line is coded with: charge codes, modifiers, diagnoses, the drug; every code that it carries is kept."""

from __future__ import annotations

from functools import lru_cache

from hub.model.encounter import Coding, Drug
from hub_hl7_adt import values
from hub_hl7_adt.line import Line, SetAside
from hub_hl7_adt.names import CWE, DG1, FT1
from hub_hl7_adt.plan import BILLED, CodeSpot, Plan, Spot
from hub_hl7_adt.scene import Scene
from hub_hl7_adt.values import system_name

_PARTS = CWE.name_of_alternate_coding_system
_BETWEEN = str.maketrans(",;/", "   ")
# UCUM and table 0396 units to those of X12 CTP05-1 (2410).
_DRUG_UNITS = {"ML": "ML", "UN": "UN", "EA": "UN", "GR": "GR", "GM": "GR", "G": "GR", "ME": "ME", "MG": "ME",
               "F2": "F2", "IU": "F2", "[IU]": "F2"}  # fmt: skip
_NO_CODE = "the line has no charge code in any place of the profile"


def codes(scene: Scene, line: Line, plan: Plan, kind: str) -> tuple[tuple[Coding, ...], tuple[str, ...]]:
    """The codes of every place in the profile, best first, then the NDC; and the modifiers, each once."""
    mark = scene.settings.modifiers_in_code
    found: dict[Coding, None] = {}
    modifiers: dict[str, None] = {}
    for place in plan.codes:
        for coding in _at(line, place):
            code, inside = _parted(coding.code, mark) if mark else (coding.code, ())
            found[coding if not inside else Coding(system=coding.system, code=code)] = None
            modifiers |= dict.fromkeys(inside)
    if not found and kind in BILLED:
        raise SetAside("hl7.charge.code", line.ft1.at(0).removesuffix("-0"), _NO_CODE)
    for spot in plan.modifiers:
        modifiers |= dict.fromkeys(_modifiers(line, spot, joined=scene.settings.modifiers_are == "joined"))
    if ndc := line.first(plan.drugs):
        found[Coding(system="NDC", code=values.ndc(ndc) or ndc)] = None
    return tuple(found), tuple(modifiers)


def _at(line: Line, place: CodeSpot) -> tuple[Coding, ...]:
    """The codes at a place: a component alone, else code and alternate of the first repetition."""
    spot = place.spot
    if not spot.whole:
        code = line.text(spot)
        return _coded(code, "", "", "", place.system) if code else ()
    segment = line.segment(spot)
    if segment is None or not segment.written(spot.field):
        return ()
    parts = segment.value(spot.field).texts(_PARTS)
    code, system = parts[CWE.identifier - 1], parts[CWE.name_of_coding_system - 1]
    other, others = parts[CWE.alternate_identifier - 1], parts[CWE.name_of_alternate_coding_system - 1]
    return _coded(code, system, other, others, place.system)


@lru_cache(maxsize=8192)
def _coded(code: str, system: str, other: str, others: str, default: str) -> tuple[Coding, ...]:
    found = []
    if code:
        found.append(Coding(system=system_name(system, default), code=code))
    if other:
        found.append(Coding(system=system_name(others, "LOCAL"), code=other))
    return tuple(found)


@lru_cache(maxsize=4096)
def _parted(code: str, mark: str) -> tuple[str, tuple[str, ...]]:
    """`99999-25-59` as the code and its modifiers; a code whose parts are no modifiers stays whole."""
    first, *rest = code.split(mark)
    whole = not rest or any(len(part) != 2 or not part.isalnum() for part in rest)
    return (code, ()) if whole else (first, tuple(part.upper() for part in rest))


def _modifiers(line: Line, spot: Spot, *, joined: bool) -> tuple[str, ...]:
    """The modifiers at a place: of all its repetitions, or of one component."""
    if not line.written(spot):
        return ()
    if not spot.whole:
        return _listed(line.text(spot), joined)
    return tuple(each for value in line.values(spot) for each in _listed(value.text(), joined))


@lru_cache(maxsize=4096)
def _listed(text: str, joined: bool) -> tuple[str, ...]:
    words = text.translate(_BETWEEN).split()
    if joined:
        return tuple(word[at : at + 2] for word in words for at in range(0, len(word), 2))
    return tuple(words)


def diagnoses(scene: Scene, line: Line, plan: Plan) -> tuple[Coding, ...]:
    """The line's own diagnoses, best first: codes, or numbers of DG1 segments, which are one or two digits long."""
    found: dict[Coding, None] = {}
    for spot in plan.diagnoses:
        for value in line.values(spot):
            parts = value.texts(_PARTS)
            code, system = parts[CWE.identifier - 1], parts[CWE.name_of_coding_system - 1]
            if not system and code and _points(code):
                found |= dict.fromkeys(_pointed(scene, line, spot, code))
                continue
            other, others = parts[CWE.alternate_identifier - 1], parts[CWE.name_of_alternate_coding_system - 1]
            found |= dict.fromkeys(_coded(code, system, other, others, _method_of(scene)))
    return tuple(found)


def _method_of(scene: Scene) -> str:
    """The system of diagnoses that name none: as everywhere, the source's own."""
    return scene.settings.code_systems.get(f"FT1-{FT1.diagnosis_code_ft1}", "LOCAL")


@lru_cache(maxsize=1024)
def _points(text: str) -> bool:
    """Whether a text is numbers of DG1 segments: `1`, `2,3`; no diagnosis code is so short."""
    words = text.translate(_BETWEEN).split()
    return bool(words) and all(len(word) <= 2 and word.isascii() and word.isdigit() for word in words)


def _pointed(scene: Scene, line: Line, spot: Spot, text: str) -> list[Coding]:
    segments = scene.message.all("DG1")
    by_number = {each.text(DG1.set_id_dg1) or str(n): each for n, each in enumerate(segments, 1)}
    found: list[Coding] = []
    for word in text.translate(_BETWEEN).split():
        dg1 = by_number.get(word) or by_number.get(word.lstrip("0"))
        if dg1 is not None:
            method = system_name(dg1.text(DG1.diagnosis_coding_method))
            found += values.codings(dg1.value(DG1.diagnosis_code_dg1), method)[:1]
            continue
        scene.notes.warn(
            "hl7.charge.pointer",
            line.at(spot),
            "the line points to a diagnosis that the message does not hold; it was left out",
            "have the sender send the diagnoses with the charges",
        )
    return found


def drug(line: Line, plan: Plan) -> Drug | None:
    """NDC with quantity and unit; without a quantity only the coding is kept."""
    told = line.first(plan.drugs)
    if not told:
        return None
    code, unit = values.ndc(told), _DRUG_UNITS.get(line.text(plan.drug_unit).upper())
    try:
        quantity = values.number(line.text(plan.drug_quantity))
    except values.Unreadable as why:
        where = line.at(plan.drug_quantity)
        raise SetAside("hl7.charge.drug", where, f"the drug quantity is {why}") from None
    if not code or not unit or quantity is None or quantity <= 0:
        return None
    return Drug(ndc=code, quantity=quantity, unit=unit)
