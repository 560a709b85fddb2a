"""`hub x12 show`: a file as a tree that a person can read."""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from hub.cli.x12_files import Unreadable, only, printable, unreadable, watched
from hub.codes.icd10cm import diagnosis_fault
from hub.x12.tools.show import Choice, LoopLine, SegmentLine, Shown, findings_by_line, outline

_COLOURS = {"loop": "1;36", "segment": "1", "name": "2", "value": "32", "error": "1;31", "warning": "33"}
_NAME_WIDTH = 34


def show(path: str, choice: Choice, *, plain: bool, as_json: bool) -> None:
    """Print the tree; ends with 0, or with 2 where there is nothing to show."""
    paint = _coloured if sys.stdout.isatty() and not as_json else _bare
    write = sys.stdout.write
    told = False
    with only(path) as given:
        file = given.file
        if file is None:
            raise unreadable(given.name)
        with watched(given) as read:
            findings = findings_by_line(read, diagnosis_fault)
        file.seek(0)
        for line in outline(file, choice, findings):
            told = True
            if as_json:
                write(msgspec.json.encode(line).decode() + "\n")
            else:
                write(_told(line, paint, plain=plain))
        if not told:
            raise _nothing(given.name, choice)


def _nothing(name: str, choice: Choice) -> Unreadable:
    if choice.claim:
        return Unreadable(
            f"{name}: there is no claim {choice.claim}", fix="see how many there are: hub x12 validate"
        )
    if choice.loop:
        return Unreadable(
            f"{name}: there is no loop {choice.loop}", fix="see the loops of a guide: hub x12 guide 837P"
        )
    return unreadable(name)


Paint = Callable[[str, str], str]


def _bare(text: str, _style: str) -> str:
    return text


def _coloured(text: str, style: str) -> str:
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if text else ""


def _told(line: Shown, paint: Paint, *, plain: bool) -> str:
    if isinstance(line, LoopLine):
        return "  " * line.depth + paint(printable(f"{line.id} {line.name}".strip()), "loop") + "\n"
    return _segment(line, paint, plain=plain)


def _segment(line: SegmentLine, paint: Paint, *, plain: bool) -> str:
    pad = "  " * line.depth
    if plain:
        lines = [f"{pad}{printable(line.text)}" + paint(f"   {line.name}".rstrip(), "name")]
    else:
        lines = [
            f"{pad}{paint(printable(line.id), 'segment')} {line.name}".rstrip()
            + paint(f"  line {line.line}", "name")
        ]
        for one in line.elements:
            name = paint(f"{one.name:{_NAME_WIDTH}}", "name")
            lines.append(f"{pad}  {one.place:9} {name} {paint(printable(one.value), 'value')}")
    for found in line.findings:
        told = f"{pad}  ^ {found.severity}: {found.where}: {found.message} [{found.code}]"
        lines.append(paint(told, found.severity))
    return "\n".join(lines) + "\n"
