"""`hub x12 show`: a file as a tree that a person can read."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator

import msgspec

from hub.cli.ui import coloured
from hub.cli.x12_files import Unreadable, only, printable, unreadable, watched
from hub.cli.x12_validate import faults_told
from hub.codes.icd10cm import diagnosis_fault
from hub.x12.tools.show import Choice, LoopLine, SegmentLine, Shown, findings_by_line, outline

# what is bold or red can be read on a light screen and on a dark one
_COLOURS = {"loop": "1;36", "segment": "1", "aside": "2", "value": "1", "error": "1;31", "warning": "1;35"}
_NAME_WIDTH = 34


def show(path: str, choice: Choice, *, plain: bool, as_json: bool) -> None:
    """Print the tree; ends with 0, or with 2 where there is nothing to show."""
    paint = _coloured if coloured() and not as_json else _bare
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    write = sys.stdout.write
    told = False
    marked: list[str] = []
    with only(path) as given:
        file = given.file
        if file is None:
            raise unreadable(given.name)
        with watched(given) as read:
            findings = findings_by_line(read, diagnosis_fault)
        file.seek(0)
        for line in outline(file, choice, findings):
            told = True
            marked += [found.severity for found in line.findings] if isinstance(line, SegmentLine) else []
            if as_json:
                write(msgspec.json.encode(line).decode() + "\n")
            else:
                write(_told(line, paint, width, plain=plain))
        if not told:
            raise _nothing(given.name, choice)
    if width and marked:
        errors = marked.count("error")
        write(f"\n{given.name}: {faults_told(errors, len(marked) - errors)}, each marked with ^ above\n")


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


def _told(line: Shown, paint: Paint, width: int, *, plain: bool) -> str:
    """One line of the tree; what is wrong there is folded into a terminal of this width (0: none)."""
    if isinstance(line, LoopLine):
        return "  " * line.depth + paint(printable(f"{line.id} {line.name}".strip()), "loop") + "\n"
    return _segment(line, paint, plain=plain) + "".join(_faults(line, paint, width))


def _segment(line: SegmentLine, paint: Paint, *, plain: bool) -> str:
    pad = "  " * line.depth
    if plain:
        lines = [f"{pad}{printable(line.text)}" + paint(f"   {line.name}".rstrip(), "aside")]
    else:
        lines = [
            f"{pad}{paint(printable(line.id), 'segment')} {line.name}".rstrip()
            + paint(f"  line {line.line}", "aside")
        ]
        faulty = {found.where.rpartition(" ")[2]: found.severity for found in line.findings if found.element}
        for one in line.elements:
            style = faulty.get(one.place) or faulty.get(one.place.partition("-")[0]) or "value"
            shown = paint(printable(one.value), style)
            lines.append(f"{pad}  {one.place:9} {one.name:{_NAME_WIDTH}} {shown}")
    return "\n".join(lines) + "\n"


def _faults(line: SegmentLine, paint: Paint, width: int) -> Iterator[str]:
    pad = "  " * line.depth + "  "
    for found in line.findings:
        told = f"^ {found.severity}: {found.where}: {found.message} [{found.code}]"
        lines = textwrap.wrap(told, max(width - len(pad) - 2, 40), break_on_hyphens=False) if width else [told]
        for number, part in enumerate(lines):
            yield pad + "  " * (number > 0) + paint(part, found.severity) + "\n"
