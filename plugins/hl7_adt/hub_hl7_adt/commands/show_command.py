"""`hub hl7 show`: one message as a tree, with what is wrong where it is."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec

from hub.errors import HubError, Problem, Refused
from hub.plugin.api import Commands, Desk, StoredMessage, Terminal
from hub_hl7_adt.commands.drawn import folded, heading, item, plural
from hub_hl7_adt.commands.showing import Line, lines
from hub_hl7_adt.linting.shapes import shapes
from hub_hl7_adt.names import MSG, MSH
from hub_hl7_adt.reading import read_message
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import Message, message_of, split

_PLACE = re.compile(r"([A-Z][A-Z0-9]{2}(?:\[\d+\])?)(?:-(\d+))?")
_NAME_WIDTH = 34
_PLACE_WIDTH = 12


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; `values` is None where nothing was said of them."""

    segments: tuple[str, ...] = ()
    nth: int = 1
    raw: bool = False
    check: bool | None = None
    values: bool | None = None
    connector: str = ""
    as_json: bool = False


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown: the bytes, where they are from, what is wrong with them, whether their values may be shown."""

    body: bytes
    said: str
    problems: tuple[Problem, ...]
    values: bool
    check: bool
    charset: str
    stored: StoredMessage | None = None

    def __repr__(self) -> str:
        return f"Looked({self.said!r})"


def show(given: Commands, message: str, choice: Choice, config: Path | None, by: str) -> None:
    """Show a message of a file, of standard input, or of the hub."""
    terminal = given.terminal
    with ExitStack() as undo:
        looked = _looked(message, choice, lambda: undo.enter_context(given.desk(config, by)))
    if choice.raw:
        _raw(terminal, looked, choice)
        return
    found = message_of(looked.body, looked.charset)
    advice = tuple(_advice(looked)) if looked.check else ()
    if choice.as_json:
        terminal.document(_data(found, looked, choice, advice))
        return
    _head(terminal, found, looked)
    _tree(terminal, found, looked, choice, advice)


def _looked(message: str, choice: Choice, desk: object) -> Looked:
    path = Path(message)
    if message == "-" or path.exists():
        settings = _settings(choice, desk) if choice.connector else Hl7Settings()
        body, said = _of_file(path, message, choice)
        return Looked(
            body=body, said=said, problems=read_message(body, settings).problems, charset=settings.charset,
            values=choice.values is not False, check=bool(choice.check),
        )  # fmt: skip
    return _stored(message, choice, desk)


def _settings(choice: Choice, desk: object) -> Hl7Settings:
    from hub_hl7_adt.commands.lint_command import settings_of

    opened: Desk = desk()  # type: ignore[operator]
    return settings_of(choice, opened)


def _of_file(path: Path, name: str, choice: Choice) -> tuple[bytes, str]:
    if path.is_dir():
        raise Refused(f"{name} is a folder", fix="name one file of it")
    body = sys.stdin.buffer.read() if name == "-" else path.read_bytes()
    found = split(body).messages
    if not found:
        return body, f"{name}: no message"
    if choice.nth > len(found):
        raise Refused(f"{name} holds {plural(len(found), 'message')}", fix="choose one of them with --nth")
    more = f" (message {choice.nth} of {len(found)}: --nth)" if len(found) > 1 else ""
    return found[choice.nth - 1], f"{name}{more}"


def _stored(message: str, choice: Choice, desk: object) -> Looked:
    opened: Desk = desk()  # type: ignore[operator]
    try:
        stored = opened.message(message)
    except HubError as error:
        raise Refused(f"there is no file {message}, and the hub says: {error}", fix=error.fix) from None
    settings = opened.settings(stored.source)
    set_aside = stored.state == "set_aside"
    return Looked(
        body=stored.body,
        said=f"message {stored.id} of {stored.source}",
        problems=opened.read(stored.source, stored.body, stored.content_type).problems,
        values=bool(choice.values),
        check=set_aside if choice.check is None else choice.check,
        charset=getattr(settings, "charset", "utf-8"),
        stored=stored,
    )


def _advice(looked: Looked) -> list[Problem]:
    from hub_hl7_adt.advice import advise

    return advise(looked.body, looked.charset)


def _raw(terminal: Terminal, looked: Looked, choice: Choice) -> None:
    """The segments as they are written, each on a line; no control character reaches the terminal."""
    if not looked.values:
        terminal.fail("--raw shows values of a message that the hub has", "say so: --raw --values")
    message = message_of(looked.body, looked.charset)
    if message is None:
        terminal.say(repr(looked.body[:4000])[2:-1])
        return
    for segment in message.segments:
        if not choice.segments or segment.name in choice.segments:
            text = message.seps.field.decode().join(_written(segment.fields))
            terminal.say("".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text))


def _written(fields: list[str]) -> list[str]:
    return [fields[0], *fields[2:]] if fields[0] in ("MSH", "FHS", "BHS") else fields


def _head(terminal: Terminal, message: Message | None, looked: Looked) -> None:
    terminal.say(terminal.paint(looked.said, "name"))
    if message is not None:
        header = message.header
        kind = (
            f"{header.text(MSH.message_type)}^{header.text(MSH.message_type, MSG.trigger_event)}".rstrip("^")
            or "no type"
        )
        text = f"{kind}, HL7 {header.text(MSH.version_id) or '(no version)'}, {plural(len(message.lines), 'segment')}"
        terminal.say(f"{text}, {len(looked.body):,} bytes")
        if message.charset_fallback:
            item(terminal, "the bytes are not in the declared character set and are read as windows-1252")
    if stored := looked.stored:
        received = f"{stored.received_at:%Y-%m-%d %H:%M}Z"
        terminal.say(f"received {received}, {stored.state}{': ' + stored.reason if stored.reason else ''}")
        for text, id_ in (("mended from", stored.original_id), ("mended as", stored.edited_id)):
            if id_:
                terminal.say(f"{text} {id_}")
        if not looked.values:
            terminal.say(terminal.paint("values are not shown: --values (looking is recorded)", "aside"))


def _tree(
    terminal: Terminal, message: Message | None, looked: Looked, choice: Choice, advice: tuple[Problem, ...]
) -> None:
    left = [*looked.problems, *advice]
    told = tuple(lines(message, choice.segments)) if message is not None else ()
    for number, line in enumerate(told):
        if not line.depth:
            terminal.say()
            terminal.say(f"{terminal.paint(line.place, 'name')}  {line.name}".rstrip())
        else:
            _leaf(terminal, line, values=looked.values)
        if _ends(told, number, 2):
            left = _faults(terminal, left, line, 2)
        if _ends(told, number, 1):
            left = _faults(terminal, left, line, 1)
    if left:
        heading(terminal, "Wrong with the message as a whole")
        for problem in left:
            _fault(terminal, problem)


def _ends(told: tuple[Line, ...], number: int, parts: int) -> bool:
    """Whether the next line is of another segment (1) or field (2), so that what is wrong stands below this one."""
    following = told[number + 1] if number + 1 < len(told) else None
    return following is None or _field(following.place)[:parts] != _field(told[number].place)[:parts]


def _field(place: str) -> tuple[str, str]:
    match = _PLACE.match(place)
    return (match[1], match[2] or "") if match else (place, "")


def _leaf(terminal: Terminal, line: Line, *, values: bool) -> None:
    indent = "  " * line.depth
    place = f"{indent}{line.place}".ljust(_PLACE_WIDTH + 4)
    start = f"{place} {line.name:{_NAME_WIDTH}.{_NAME_WIDTH}}"
    value = line.value if values or not line.value else _shape(line.value)
    if not value:
        terminal.say(terminal.paint(start.rstrip(), "aside"))
        return
    written = terminal.paint(f"  (written {line.written})", "aside") if line.written and values else ""
    room = terminal.width - len(start) - 1
    pieces = [value] if not terminal.width or room < 12 else _cut(value, room)
    terminal.say(f"{start} {terminal.paint(pieces[0], 'value')}{written if len(pieces) == 1 else ''}")
    for piece in pieces[1:]:
        terminal.say(" " * (len(start) + 1) + terminal.paint(piece, "value"))


def _cut(text: str, room: int) -> list[str]:
    return [text[at : at + room] for at in range(0, len(text), room)]


_SHAPES = (
    "npi", "social security", "time with zone", "time without zone", "date", "amount", "icd10 with point", "hcpcs",
    "five digits", "ndc", "whole number", "number", "code", "words",
)  # fmt: skip


def _shape(value: str) -> str:
    """What a value looks like, in the place of the value."""
    found = shapes(value)
    name = next((shape for shape in _SHAPES if shape in found), "text")
    return f"\u2039{name}, {plural(len(value), 'letter')}\u203a"


def _faults(terminal: Terminal, left: list[Problem], line: Line, parts: int) -> list[Problem]:
    """Tell what is wrong with this line's segment (1) or field (2); gives what is left to tell."""
    here = [problem for problem in left if _field(_bare(problem.where))[:parts] == _field(line.place)[:parts]]
    for problem in here:
        _fault(terminal, problem)
    return [problem for problem in left if problem not in here]


def _bare(where: str) -> str:
    """A place without the message that it is in (`message[2] PID-3`)."""
    return where.rpartition(" ")[2]


def _fault(terminal: Terminal, problem: Problem) -> None:
    style = "error" if problem.severity == "error" else "warning"
    text = f"^ {problem.where}: {problem.why} ({problem.code})"
    for line in folded(terminal, text, indent=4):
        terminal.say(terminal.paint(line, style))
    if problem.fix and not problem.code.startswith("hl7.advice"):
        for line in folded(terminal, f"do: {problem.fix}", indent=6, hanging=0):
            terminal.say(line)


def _data(message: Message | None, looked: Looked, choice: Choice, advice: tuple[Problem, ...]) -> object:
    told = tuple(lines(message, choice.segments)) if message is not None else ()
    shown = [
        {"place": one.place, "name": one.name, "depth": one.depth}
        | ({"value": one.value, "written": one.written} if looked.values else {})
        for one in told
    ]
    stored = looked.stored
    about = {"id": stored.id, "source": stored.source, "state": stored.state} if stored else {}
    return {"said": looked.said, **about, "lines": shown, "problems": looked.problems, "advice": advice}
