"""Tells a preview: to a person as tables by section of the claim, to a program whole."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

import msgspec

from hub.errors import Problem
from hub.plugin.api import Terminal
from hub_ehr_fhir.previewing.around import Visit
from hub_ehr_fhir.previewing.elements import MISSING, NONE, SETTINGS, UNUSED, Known, Row
from hub_ehr_fhir.previewing.holding import Hold, Verdict
from hub_ehr_fhir.previewing.keeping import Beside
from hub_ehr_fhir.previewing.sample import Sample
from hub_ehr_fhir.previewing.tracing import Trace

_STYLES = {MISSING: "error", SETTINGS: "", NONE: "aside", UNUSED: "aside"}
_FEW = 8
_WIDE = 100
"""Letters in a line from which the place in the 837P has a column of its own."""
_HIDDEN = "Values are not shown; --values shows them."


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found of one encounter; `others` could have been looked at, too; `learned` when it was learned how
    its server is asked, where that was known before.
    """

    visit: Visit
    others: tuple[Visit, ...]
    resources: int
    rows: tuple[Row, ...]
    verdict: Verdict
    known: Known
    trace: Trace
    beside: Beside
    learned: date | None = None

    def __repr__(self) -> str:
        return f"Preview({self.visit.label}, {len(self.rows)} rows)"


def tell(terminal: Terminal, found: Preview, *, values: bool, everything: bool) -> None:
    """The preview for a person."""
    _head(terminal, found)
    shown = [row for row in found.rows if everything or row.stands != NONE]
    for section, part in groupby(shown, key=lambda row: row.section):
        _section(terminal, section, list(part), values=values)
    hidden = [row.element for row in found.rows if row.stands == NONE] if not everything else []
    if hidden:
        say(terminal, f"Not told, and not needed: {', '.join(dict.fromkeys(hidden))}.")
    if not values:
        say(terminal, _HIDDEN)
    _remarks(terminal, found.verdict.remarks, everything=everything)
    _verdict(terminal, found.verdict)


def _head(terminal: Terminal, found: Preview) -> None:
    visit, known = found.visit, found.known
    terminal.say(f"{terminal.paint(visit.label, 'name')}: {visit.status}, {plural(visit.charges, 'charge')}")
    settings = f"connector {known.instance}" if known.instance else "plain settings: no connector was named"
    say(terminal, f"{plural(found.resources, 'resource')} belong to it; read with {settings}.")
    if found.learned is not None:
        say(terminal, f"How its server is asked was learned on {found.learned} (--alone tries everything anew).")
    for line in (*_standing(known), *_kept(found.beside)):
        say(terminal, line)
    if found.others:
        more = f" and {len(found.others) - _FEW} more" if len(found.others) > _FEW else ""
        named = ", ".join(f"{one.label} ({one.status}, {one.charges})" for one in found.others[:_FEW])
        say(terminal, f"Others (state, charges): {named}{more}. Choose one with --encounter 'LABEL' or ID.")
    if not found.trace.complete:
        say(terminal, "There was too much to try everything: some places are missing below.")
    terminal.say()


def _standing(known: Known) -> Iterator[str]:
    """What the hub has of the visit now."""
    seen = known.foreseen
    if seen is not None and seen.known:
        went = f"; {plural(seen.billed, 'charge')} of it went out" if seen.billed else ""
        yield f"The hub has this visit already ({seen.known}{went})."


def _kept(beside: Beside) -> Iterator[str]:
    """What the hub keeps was looked at, or why not."""
    if beside.why:
        yield f"What the hub keeps was not looked at: {beside.why}."
    elif not beside.asked:
        return
    if beside.told:
        by: dict[str, list[str]] = {}
        for label, message in beside.told.items():
            by.setdefault(message, []).append(label)
        named = [f"{', '.join(labels)} ({message})" for message, labels in by.items()]
        more = f"; and of {plural(len(named) - _FEW, 'more message')}" if len(named) > _FEW else ""
        yield f"Read with what the hub keeps of other messages: {'; '.join(named[:_FEW])}{more}."
    if beside.newer:
        named = list(beside.newer)
        yield f"The hub keeps a newer version, which is read instead, of: {', '.join(named[:_FEW])}."
    if not beside.whole:
        yield "The hub keeps more of this patient than is looked at here: the verdict counts it, some places do not."


def _section(terminal: Terminal, section: str, rows: Sequence[Row], *, values: bool) -> None:
    narrow = 0 < terminal.width < _WIDE
    columns = [*(("element",) if narrow else ("element", "837P")), "from", "stands"]
    columns += ["value"] if values else []
    cells = [_cells(row, narrow=narrow, values=values) for row in rows]
    styles = [_STYLES.get(row.stands, "") for row in rows]
    terminal.table(section, columns, cells, styles=styles)


def _cells(row: Row, *, narrow: bool, values: bool) -> list[str]:
    stands = f"{row.stands}: {row.note}" if row.note else row.stands
    named = [f"{row.element} ({row.place})" if row.place else row.element] if narrow else [row.element, row.place]
    cells = [*named, _places(row.sources), stands]
    return cells + ([row.value] if values else [])


def _places(sources: Sequence[str], most: int = 2) -> str:
    """The first places, and how many more there are; of one element of one resource only the element."""
    few = list(dict.fromkeys(_element(one) for one in sources))
    more = f" +{len(few) - most}" if len(few) > most else ""
    return ", ".join(few[:most]) + more if few else "-"


def _element(place: str) -> str:
    """`Patient[0].name[0].given[0]` is told as `Patient[0].name[0]`."""
    parts = place.split(".")
    return ".".join(parts[:2]) if parts[1:2] and parts[1].startswith(("name", "address", "telecom")) else place


def _remarks(terminal: Terminal, remarks: Sequence[Hold], *, everything: bool) -> None:
    if not remarks:
        return
    terminal.say()
    terminal.say("Good to know:")
    for one in remarks if everything else remarks[:_FEW]:
        _item(terminal, f"{one.where}: {one.why}", one.fix, "warning")
    if len(remarks) > _FEW and not everything:
        terminal.say(f"  and {len(remarks) - _FEW} more: --all")


def _verdict(terminal: Terminal, verdict: Verdict) -> None:
    if verdict.holds:
        terminal.say()
        terminal.say("What would hold it:")
    for one in verdict.holds:
        _item(terminal, f"{one.where}: {one.why}", one.fix, "error")
    terminal.say()
    terminal.say(terminal.paint(f"This encounter {verdict.line}.", "good" if verdict.well else "error"))


def _item(terminal: Terminal, text: str, fix: str, style: str) -> None:
    for number, line in enumerate(_folded(terminal, text, "  - ", "    ")):
        terminal.say(terminal.paint(line, style) if not number else line)
    if fix:
        for line in _folded(terminal, f"To do: {fix}", "    ", "    "):
            terminal.say(terminal.paint(line, "aside"))


def say(terminal: Terminal, text: str) -> None:
    """A text, folded where somebody watches."""
    for line in _folded(terminal, text, "", ""):
        terminal.say(line)


def _folded(terminal: Terminal, text: str, first: str, rest: str) -> list[str]:
    if not terminal.width:
        return [first + text]
    return textwrap.wrap(
        text, max(terminal.width, 40), initial_indent=first, subsequent_indent=rest,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def plural(number: int, noun: str) -> str:
    """`1 charge`, `1,200 charges`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def tell_nobody(
    terminal: Terminal, counts: Mapping[str, int], problems: Iterable[Problem], beside: Beside
) -> None:
    """No encounter could be read."""
    named = ", ".join(f"{kind} ({count})" for kind, count in counts.items())
    say(terminal, f"There is no encounter that could be read. There are: {named or 'no resources'}.")
    for line in _kept(beside):
        say(terminal, line)
    for one in list(problems)[:_FEW]:
        _item(terminal, f"{one.where}: {one.why}", one.fix, "error" if one.severity == "error" else "warning")
    terminal.say()
    terminal.say(terminal.paint("Nothing here would become a claim: a claim needs an Encounter.", "error"))


def counted(sample: Sample) -> dict[str, int]:
    """How many resources there are of each type, the most frequent first."""
    return dict(Counter(one.kind for one in sample.resources).most_common())


def document(found: Preview, *, values: bool) -> dict[str, Any]:
    """The preview for a program; values of the patient only where they are asked for."""
    seen = found.known.foreseen
    return {
        "encounter": found.visit.label,
        "status": found.visit.status,
        "connector": found.known.instance,
        "settings": found.known.configured,
        "state": seen.state if seen is not None else None,
        "claims": len(seen.claims) if seen is not None else None,
        "resources": found.resources,
        "hub": {
            "asked": found.beside.asked,
            "why_not": found.beside.why,
            "visit": seen.known if seen is not None else "",
            "billed": seen.billed if seen is not None else 0,
            "kept": [{"resource": label, "message": told} for label, told in found.beside.told.items()],
            "newer": list(found.beside.newer),
            "whole": found.beside.whole,
        },
        "learned": found.learned.isoformat() if found.learned else None,
        "tried": {"reads": found.trace.reads, "complete": found.trace.complete},
        "others": [
            {"encounter": one.label, "status": one.status, "charges": one.charges} for one in found.others
        ],
        "rows": [_data(row, values=values) for row in found.rows],
        "holds": found.verdict.holds,
        "remarks": found.verdict.remarks,
        "verdict": found.verdict.line,
        "well": found.verdict.well,
    }


def _data(row: Row, *, values: bool) -> dict[str, Any]:
    names = ("section", "element", "place", "sources", "stands", "note", "todo")
    return {name: getattr(row, name) for name in names} | ({"value": row.value} if values else {})
