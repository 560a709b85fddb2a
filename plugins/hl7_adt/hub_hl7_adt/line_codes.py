"""What one line is coded with: charge codes, modifiers, diagnoses, the drug; every code that it carries is kept."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeVar

from hub.model.encounter import Coding, Drug
from hub_hl7_adt import values
from hub_hl7_adt.diagnoses import system_of
from hub_hl7_adt.line import Line, SetAside
from hub_hl7_adt.names import DG1
from hub_hl7_adt.plan import BETWEEN, BILLED, POINTER, Plan, Spot
from hub_hl7_adt.scene import Scene
from hub_hl7_adt.wire import Frame

T = TypeVar("T")

# UCUM and table 0396 units to those of X12 CTP05-1 (2410).
_DRUG_UNITS = {"ML": "ML", "UN": "UN", "EA": "UN", "GR": "GR", "GM": "GR", "G": "GR", "ME": "ME", "MG": "ME",
               "F2": "F2", "IU": "F2", "[IU]": "F2"}  # fmt: skip
_NO_CODE = "the line has no charge code in any place of the profile"


def codes(
    scene: Scene, line: Line, plan: Plan, kind: str, ndc: str
) -> tuple[tuple[Coding, ...], tuple[str, ...]]:
    """The codes of every place in the profile, best first, then the NDC; and the modifiers, each once."""
    mark = scene.settings.modifiers_in_code
    found: list[Coding] = []
    modifiers: list[str] = []
    for place in plan.codes:
        if written := line.written(place.spot):
            told = place.read(written, line.frame)
            found += _without(told, mark, modifiers) if mark else told
    if not found and kind in BILLED:
        raise SetAside("hl7.charge.code", line.ft1.at(0).removesuffix("-0"), _NO_CODE)
    listed = _joined if plan.modifiers_joined else _listed
    for spot in plan.modifiers:
        if written := line.written(spot):
            modifiers += listed(written, line.frame, spot)
    if ndc:
        found.append(Coding(system="NDC", code=values.ndc(ndc) or ndc))
    return _once(found), _once(modifiers)


def _once(found: list[T]) -> tuple[T, ...]:
    if len(found) < 2 or (len(found) == 2 and found[0] != found[1]):
        return tuple(found)
    return tuple(dict.fromkeys(found))


def _without(codings: tuple[Coding, ...], mark: str, modifiers: list[str]) -> tuple[Coding, ...]:
    """The codes without the modifiers behind `mark`, which are added to `modifiers`."""
    plain: list[Coding] = []
    for coding in codings:
        code, inside = _parted(coding.code, mark)
        plain.append(coding if not inside else Coding(system=coding.system, code=code))
        modifiers += inside
    return tuple(plain)


@lru_cache(maxsize=4096)
def _parted(code: str, mark: str) -> tuple[str, tuple[str, ...]]:
    """`99999-25-59` as the code and its modifiers; a code whose parts are no modifiers stays whole."""
    first, *rest = code.split(mark)
    whole = not rest or any(len(part) != 2 or not part.isalnum() for part in rest)
    return (code, ()) if whole else (first, tuple(part.upper() for part in rest))


def _listed(written: str, frame: Frame, spot: Spot) -> tuple[str, ...]:
    """The modifiers at a place: of all its repetitions, or of one component."""
    if spot.whole and len(written) == 2 and written.isalnum():  # as most are
        return (written,)
    if not spot.whole:
        return tuple(values.component(written, frame, spot.component, spot.sub).translate(BETWEEN).split())
    texts = [values.component(each, frame, 1) for each in written.split(frame.repetition)]
    return tuple([word for text in texts for word in text.translate(BETWEEN).split()])


def _joined(written: str, frame: Frame, spot: Spot) -> tuple[str, ...]:
    words = _listed(written, frame, spot)
    return tuple([word[at : at + 2] for word in words for at in range(0, len(word), 2)])


def diagnoses(scene: Scene, line: Line, plan: Plan) -> tuple[Coding, ...]:
    """The line's own diagnoses, best first: codes, or numbers of DG1 segments, which are one or two digits long."""
    found: list[Coding] = []
    for place in plan.diagnoses:
        written = line.written(place.spot)
        for told in place.read_all(written, line.frame) if written else ():
            if told.system == POINTER:
                found += _pointed(scene, line, place.spot, told.code)
            else:
                found.append(told)
    return _once(found)


def _pointed(scene: Scene, line: Line, spot: Spot, text: str) -> tuple[Coding, ...]:
    segments = scene.message.all("DG1")
    by_number = {each.text(DG1.set_id_dg1) or str(n): each for n, each in enumerate(segments, 1)}
    found: list[Coding] = []
    for word in text.split():
        dg1 = by_number.get(word) or by_number.get(word.lstrip("0"))
        if dg1 is not None:
            found += dg1.read(DG1.diagnosis_code_dg1, values.codings, system_of(scene, dg1))[:1]
            continue
        scene.notes.warn(
            "hl7.charge.pointer",
            line.at(spot),
            "the line points to a diagnosis that the message does not hold; it was left out",
            "have the sender send the diagnoses with the charges",
        )
    return tuple(found)


def drug(line: Line, plan: Plan, told: str) -> Drug | None:
    """The NDC that is told, with quantity and unit; without a quantity only the coding is kept."""
    code, unit = values.ndc(told), _DRUG_UNITS.get(line.text(plan.drug_unit).upper())
    try:
        quantity = values.number(line.text(plan.drug_quantity))
    except values.Unreadable as why:
        where = line.at(plan.drug_quantity)
        raise SetAside("hl7.charge.drug", where, f"the drug quantity is {why}") from None
    if not code or not unit or quantity is None or quantity <= 0:
        return None
    return Drug(ndc=code, quantity=quantity, unit=unit)
