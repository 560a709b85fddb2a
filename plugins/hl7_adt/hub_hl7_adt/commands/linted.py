"""Tells what lint found: to a person in as few lines as will do, to a program whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.plugin.api import Terminal
from hub_hl7_adt.commands.drawn import counted, folded, heading, item, plural, some
from hub_hl7_adt.linting import toml
from hub_hl7_adt.linting.becomes import NOWHERE, Row, rows
from hub_hl7_adt.linting.report import Report
from hub_hl7_adt.linting.samples import Gathered
from hub_hl7_adt.linting.shapes import shown_code

_FEW = 12
_HIDDEN = "(not shown: --values)"


def stops(report: Report) -> bool:
    """Whether something would stop a claim."""
    return any(gap.weight == 3 for gap in report.gaps) or any(one.severity == "error" for one in report.faults)


def tell(terminal: Terminal, report: Report, found: Gathered, *, everything: bool, values: bool) -> None:
    """The report for a person."""
    _samples(terminal, report, found, everything=everything)
    _becomes(terminal, report, everything=everything, values=values)
    _gaps(terminal, report)
    _faults(terminal, report, everything=everything)
    _unmapped(terminal, report, everything=everything, values=values)
    _remarks(terminal, report, everything=everything)
    _profile(terminal, report)


def _samples(terminal: Terminal, report: Report, found: Gathered, *, everything: bool) -> None:
    counts = (plural(report.messages, "message"), plural(found.files, "file"))
    billing = (plural(report.visits, "visit"), plural(report.charges, "charge line"))
    terminal.say(f"{counts[0]} in {counts[1]}; {billing[0]} to bill, {billing[1]}")
    most = len(report.kinds) if everything else _FEW
    listed = [(one.name, f"{one.count:,}", one.says) for one in report.kinds[:most]]
    if len(report.kinds) > most:
        listed.append(("others", f"{sum(one.count for one in report.kinds[most:]):,}", "see --all"))
    terminal.say()
    terminal.table("Messages", ("type", "count", "what it tells the hub"), listed, right=(1,))
    for name, told in (("From", report.senders), ("HL7", report.versions), ("MSH-18", report.charsets)):
        _line(terminal, f"{name}: {counted(told.items())}")
    _line(terminal, f"Separators: {counted(report.separators.items())}")
    named = [(_identifier(kind, who), count) for kind, who, count in report.identifiers]
    key = f"; the patient's key is {_identifier(*report.key)}" if any(report.key) else ""
    _line(terminal, f"Identifiers in PID-3: {counted(named[:_FEW]) or 'none'}{key}")
    for text in _odd(found):
        item(terminal, text, style="warning")


def _line(terminal: Terminal, text: str) -> None:
    for line in folded(terminal, text, indent=0):
        terminal.say(line)


def _identifier(kind: str, authority: str) -> str:
    return f"{kind or '(no type)'} of {authority or '(nobody)'}"


def _odd(found: Gathered) -> Iterator[str]:
    if found.empty:
        yield f"{plural(len(found.empty), 'file')} without a message: {some(found.empty, 3)}"
    if found.strays:
        yield f"{plural(found.strays, 'file')} with something beside messages"
    if found.miscounted:
        yield f"{plural(found.miscounted, 'batch')} with another number of messages than BTS-1 says"


def _becomes(terminal: Terminal, report: Report, *, everything: bool, values: bool) -> None:
    heading(terminal, f"What becomes what{_with(report)}")
    for thing, told in rows(report.trace, report.survey, everything=everything).items():
        columns = ["field", "from", "filled", "looks like"] + (["values"] if values else [])
        cells = [_cells(row, values=values) for row in told]
        styles = ["warning" if row.looks == NOWHERE else "" for row in told]
        terminal.table(thing.capitalize(), columns, cells, right=(2,), styles=styles)
    if unread := len(report.trace.unread):
        names = [name for name, _ in report.trace.unread.most_common()]
        which = some(names, 400) if everything else "--all names them"
        _line(terminal, f"{plural(unread, 'filled field')} that nothing reads: {which}")


def _cells(row: Row, *, values: bool) -> list[str]:
    cells = [row.field, ", ".join(row.places) or "-", row.filled, row.looks]
    return cells + ([", ".join(row.values)] if values else [])


def _gaps(terminal: Terminal, report: Report) -> None:
    heading(terminal, f"Missing for a claim{_with(report)}")
    if not report.gaps:
        nothing = (
            "nothing: every visit with charges has what a claim needs" if report.visits else "no visit to bill"
        )
        terminal.say(f"  {nothing}")
    styles = {3: "error", 2: "warning"}
    for gap in report.gaps:
        text = f"{gap.what}: {gap.count:,} of {plural(gap.of, gap.unit.removesuffix('s'))}"
        item(terminal, text, gap.fix, style=styles.get(gap.weight, ""))


def _faults(terminal: Terminal, report: Report, *, everything: bool) -> None:
    if not report.faults:
        return
    heading(terminal, "What could not be read")
    most = len(report.faults) if everything else _FEW
    for one in report.faults[:most]:
        often = f"{one.count:,} times, first in" if one.count > 1 else "once, in"
        text = f"{one.where}: {one.why} ({one.code}, {often} {one.example})"
        fix = "the settings below mend this" if one.mended else one.fix
        item(terminal, text, fix, style="error" if one.severity == "error" else "warning")
    if len(report.faults) > most:
        terminal.say(f"  and {len(report.faults) - most} more: --all")


def _unmapped(terminal: Terminal, report: Report, *, everything: bool, values: bool) -> None:
    codes = [(code if values or shown_code(code) else _HIDDEN, system, count)
             for (system, code), count in report.codes.most_common()]  # fmt: skip
    plans = [
        (token if values or shown_code(token) else _HIDDEN, count) for token, count in report.plans.most_common()
    ]
    most = 10_000 if everything else _FEW
    if codes:
        more = f" (the {most} most frequent of {len(codes)}: --all)" if len(codes) > most else ""
        terminal.say()
        terminal.table(f"Unmapped charge codes{more}", ("code", "system", "lines"),
                       codes[:most], right=(2,))  # fmt: skip
    if plans:
        more = f" (the {most} most frequent of {len(plans)}: --all)" if len(plans) > most else ""
        terminal.say()
        terminal.table(f"Unmapped plans{more}", ("plan", "policies"), plans[:most], right=(1,))


def _remarks(terminal: Terminal, report: Report, *, everything: bool) -> None:
    if not report.remarks:
        return
    heading(terminal, "Good to know")
    shown = report.remarks if everything else report.remarks[:_FEW]
    for one in shown:
        item(terminal, f"{one.about}: {one.what}", one.fix)
    if len(shown) < len(report.remarks):
        terminal.say(f"  and {len(report.remarks) - len(shown)} more: --all")


def _profile(terminal: Terminal, report: Report) -> None:
    heading(terminal, "The settings that these samples ask for")
    if not report.proposals:
        terminal.say("  none: the profile in force fits")
        terminal.say()
        return
    terminal.say()
    for line in toml.profile(report.proposals, width=terminal.width or 100).splitlines():
        terminal.say(terminal.paint(line, "aside") if line.startswith("#") else line)
    terminal.say()
    before, after = report.before, report.after
    if before.unread != after.unread:
        terminal.say(
            f"Tried on these samples: {plural(before.unread, 'message')} could not be read without them, "
            f"{after.unread or 'none'} with them."
        )
    elif before.count != after.count:
        terminal.say(
            f"Tried on these samples: {plural(before.count, 'finding')} without them, {after.count} with them."
        )


def _with(report: Report) -> str:
    return ", read with the settings below" if any(one.sure for one in report.proposals) else ""


def as_data(report: Report, found: Gathered, *, values: bool) -> dict[str, Any]:
    """The report for a program; values of codes and plans only where they are asked for or plainly codes."""
    listed = rows(report.trace, report.survey, everything=True)
    return {
        "messages": report.messages,
        "files": found.files,
        "files_without_a_message": len(found.empty),
        "visits": report.visits,
        "charge_lines": report.charges,
        "kinds": report.kinds,
        "senders": report.senders,
        "versions": report.versions,
        "charsets": report.charsets,
        "identifiers": [{"type": kind, "authority": who, "messages": n} for kind, who, n in report.identifiers],
        "key": report.key,
        "becomes": [row.data(values=values) for one in listed.values() for row in one],
        "unread": dict(report.trace.unread.most_common()),
        "missing": report.gaps,
        "faults": report.faults,
        "codes": [
            {"system": system, "code": code if values or shown_code(code) else None, "lines": count}
            for (system, code), count in report.codes.most_common()
        ],
        "plans": [
            {"plan": token if values or shown_code(token) else None, "policies": count}
            for token, count in report.plans.most_common()
        ],
        "remarks": report.remarks,
        "proposals": [
            {"key": one.key, "value": _plain(one.value), "reason": one.reason, "sure": one.sure}
            for one in report.proposals
        ],
        "profile": toml.profile(report.proposals),
        "without": report.before,
        "with": report.after,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | list | dict) else str(value)
