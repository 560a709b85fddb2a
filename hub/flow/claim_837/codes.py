"""HI: the diagnoses, procedures and other codes of a claim, each kind in its own order and segments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hub.flow.claim_837.codec import Fields, by_hand
from hub.flow.claim_837.values import C, E, Unreadable, day, day_text, number_text, parts, some
from hub.model.institutional import Cause, CodedValue, Institutional, Occurrence, Surgery

_MOST = 12


def _read(v: list[str], f: Fields, c: str) -> None:
    for text in v[1:]:
        if text:
            told = parts(text, c, 9)
            kind = _KINDS.get(told[0])
            if kind is not None:
                kind(told, f)


def _diagnosis(told: list[str], f: Fields) -> None:
    f["diagnoses"] = (*f.get("diagnoses", ()), told[1])
    if told[0] in ("BK", "BF"):
        f["is_icd9"] = True
    if told[8] or "present" in f:
        blank = ("",) * (len(f["diagnoses"]) - 1)
        f["present"] = (*f.get("present", blank), told[8])


def _listed(into: str) -> Any:
    def read(told: list[str], f: Fields) -> None:
        f[into] = (*f.get(into, ()), told[1])

    return read


def _single(into: str) -> Any:
    def read(told: list[str], f: Fields) -> None:
        f[into] = told[1]

    return read


def _cause(told: list[str], f: Fields) -> None:
    f["external_causes"] = (*f.get("external_causes", ()), Cause(code=told[1], present=told[8]))


def _surgery(told: list[str], f: Fields) -> None:
    f["procedures"] = (*f.get("procedures", ()), Surgery(code=told[1], on=day(told[3], "HI01")))


def _needed(text: str) -> Any:
    found = day(text, "HI01")
    if found is None:
        raise Unreadable("HI01")
    return found


def _occurrence(told: list[str], f: Fields) -> None:
    f["occurrences"] = (*f.get("occurrences", ()), Occurrence(code=told[1], on=_needed(told[3])))


def _span(told: list[str], f: Fields) -> None:
    first, _, last = told[3].partition("-")
    span = Occurrence(code=told[1], on=_needed(first), to=_needed(last))
    f["spans"] = (*f.get("spans", ()), span)


def _value(told: list[str], f: Fields) -> None:
    f["values"] = (*f.get("values", ()), CodedValue(code=told[1], amount=some(told[4], "HI01")))


_KINDS = {
    **dict.fromkeys(("ABK", "BK", "ABF", "BF"), _diagnosis),
    **dict.fromkeys(("ABJ", "BJ"), _single("admitting")),
    **dict.fromkeys(("APR", "PR"), _listed("reasons")),
    **dict.fromkeys(("ABN", "BN"), _cause),
    **dict.fromkeys(("BBR", "BR", "CAH", "BBQ", "BQ"), _surgery),
    "DR": _single("group"),
    "BI": _span,
    "BH": _occurrence,
    "BE": _value,
    "TC": _listed("treatments"),
    "BG": _listed("conditions"),
    **dict.fromkeys(("BP", "BO"), _listed("anesthesia")),
    "TQ": _listed("diagnoses"),
}


def _write_professional(r: Any, out: list[str]) -> None:
    """Diagnoses together, then anesthesia and conditions."""
    told = r.diagnoses
    if told:
        first, other = ("BK", "BF") if r.is_icd9 else ("ABK", "ABF")
        text = f"HI{E}{first}{C}{told[0]}"
        out.append(text if len(told) == 1 else E.join((text, *[f"{other}{C}{code}" for code in told[1:]])))
    if r.anesthesia:
        codes = r.anesthesia
        out.append(E.join((f"HI{E}BP{C}{codes[0]}", *[f"BO{C}{code}" for code in codes[1:]])))
    _write(out, [f"BG{C}{code}" for code in r.conditions])


def _write_institutional(r: Any, out: list[str]) -> None:
    """Each kind of code in segments of its own, in the guide's order."""
    stay: Institutional = r.institutional
    a = "" if r.is_icd9 else "A"
    b = "" if r.is_icd9 else "B"
    present = (*stay.present, *[""] * (len(r.diagnoses) - len(stay.present)))
    told = [*zip(r.diagnoses, present, strict=False)]
    _write(out, [_coded(f"{a}BK", code, at) for code, at in told[:1]])
    _write(out, [f"{a}BJ{C}{stay.admitting}"] if stay.admitting else [])
    _write(out, [f"{a}PR{C}{code}" for code in stay.reasons])
    _write(out, [_coded(f"{a}BN", cause.code, cause.present) for cause in stay.external_causes])
    _write(out, [f"DR{C}{stay.group}"] if stay.group else [])
    _write(out, [_coded(f"{a}BF", code, at) for code, at in told[1:]])
    _write(out, [_on_day(f"{b}BR", it) for it in stay.procedures[:1]])
    _write(out, [_on_day(f"{b}BQ", it) for it in stay.procedures[1:]])
    _write(out, [f"BI{C}{it.code}{C}RD8{C}{day_text(it.on)}-{day_text(it.to)}" for it in stay.spans])
    _write(out, [f"BH{C}{it.code}{C}D8{C}{day_text(it.on)}" for it in stay.occurrences])
    _write(out, [f"BE{C}{it.code}{C}{C}{C}{number_text(it.amount)}" for it in stay.values])
    _write(out, [f"BG{C}{code}" for code in r.conditions])
    _write(out, [f"TC{C}{code}" for code in stay.treatments])


def _coded(kind: str, code: str, present: str) -> str:
    return f"{kind}{C}{code}{C * 7}{present}" if present else f"{kind}{C}{code}"


def _on_day(kind: str, surgery: Surgery) -> str:
    text = f"{kind}{C}{surgery.code}"
    return f"{text}{C}D8{C}{day_text(surgery.on)}" if surgery.on is not None else text


def _write(out: list[str], codes: Iterable[str]) -> None:
    told = list(codes)
    out.extend([E.join(("HI", *told[at : at + _MOST])) for at in range(0, len(told), _MOST)])


CODES = by_hand("HI", _read, _write_professional, when="r.diagnoses or r.anesthesia or r.conditions")
CODES_INSTITUTIONAL = by_hand("HI", _read, _write_institutional)
