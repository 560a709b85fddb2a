"""The lines of settings that map what a sender calls things; what only a person knows is `...`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hub_ehr_fhir.previewing.unmapped import CHARGE, CLASS, CLINICIAN, DIAGNOSIS, PAYER, PLACE, Unmapped

KINDS = ("ambulatory", "emergency", "inpatient", "home", "virtual")


def lines(found: Sequence[Unmapped], instance: str, *, words: bool) -> list[str]:
    """All of them, by file. `...` is not TOML that `hub check` takes: a line that nobody filled in is told there.
    `words`: whether the sender's own words for a code stand behind it.
    """
    kinds = {
        kind: [one for one in found if one.kind == kind] for kind in dict.fromkeys(one.kind for one in found)
    }
    parts = (
        _coded("charges", "hcpcs", kinds.get(CHARGE, ()), words=words),
        _coded("diagnoses", "icd10", kinds.get(DIAGNOSIS, ()), words=words),
        _payers(kinds.get(PAYER, ()), instance, words=words),
        _places(kinds.get(PLACE, ()), instance),
        _classes(kinds.get(CLASS, ()), instance),
        _clinicians(kinds.get(CLINICIAN, ()), words=words),
    )
    return [line for part in parts for line in part]


def _coded(table: str, field: str, found: Iterable[Unmapped], *, words: bool) -> Iterator[str]:
    """Rows of the charge map."""
    first = True
    for one in found:
        if first:
            yield f"# charge_map.toml, within {table} = [ ... ]; exact = true where both codes say the same"
        first = False
        row = f'{{ system = {_text(one.system)}, code = {_text(one.name)}, {field} = "..." }},'
        yield f"  {row}{_beside(one, words=words)}"
    if not first:
        yield ""


def _payers(found: Sequence[Unmapped], instance: str, *, words: bool) -> Iterator[str]:
    if found:
        yield "# practices.toml, below that line where the table is there; ... is a payer of payers.toml"
        yield f"[sources.{instance}.payers]"
        yield from (f'{_text(one.name)} = "..."{_beside(one, words=words)}' for one in found)
        yield ""


def _places(found: Sequence[Unmapped], instance: str) -> Iterator[str]:
    """By kind of visit where that is known, else by the place; one line for each."""
    if not found:
        return
    yield "# practices.toml, below that line where the table is there; ... is a place of service such as 11;"
    yield f"# or facility = ... in [sources.{instance}] for all"
    yield f"[sources.{instance}.places]"
    kinds = dict.fromkeys(one.system for one in found if one.system in KINDS)
    yield from (f'{kind} = "..."' for kind in kinds)
    others = dict.fromkeys(one.name for one in found if one.system not in KINDS and one.name)
    yield from (f'{_text(name)} = "..."' for name in others)
    yield ""


def _classes(found: Sequence[Unmapped], instance: str) -> Iterator[str]:
    if found:
        yield f"# hub.toml, below that line where the table is there; ... is one of {', '.join(KINDS)}"
        yield f"[connectors.{instance}.settings.encounter_classes]"
        yield from (f'{_text(one.name)} = "..."{_beside(one, words=False)}' for one in found)
        yield ""


def _clinicians(found: Sequence[Unmapped], *, words: bool) -> Iterator[str]:
    for one in (each for each in found if each.name):
        yield f"# providers.toml{_beside(one, words=words).replace('#', '-')}"
        yield "[[providers]]"
        yield from (
            'npi = "..."',
            'last = "..."',
            'first = "..."',
            'taxonomy = "..."',
            f"ids = [{_text(one.name)}]",
        )
        yield ""


def _beside(one: Unmapped, *, words: bool) -> str:
    """A remark: how often, and what the sender calls it."""
    called = f", {_plain(one.words)}" if words and one.words else ""
    return f"  # {'once' if one.times == 1 else f'{one.times} times'}{called}"


def _text(value: str) -> str:
    return '"' + _plain(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(value: str) -> str:
    return "".join(char if char >= " " and char != "\x7f" else " " for char in value)
