"""Writes docs/reference/x12-findings.md: every finding of `hub x12 validate`, taken from the code that reports it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from hub.x12.finding import REPAIRS
from hub.x12.formats import NAMED

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[a-z0-9]+\.[a-z][a-z0-9_]+")
FOLDERS = ("hub/x12", "hub/x12/rules")
NOT_FINDINGS = re.compile(r"(x12|hub|overlay)\..*")
# what is put together from a table where it is reported
ELSEWHERE = {
    "835.denied_paid": ("4", "the status of the claim (CLP02) says that nothing is paid, yet money is"),
    "guide.unknown": ("1", "no guide is known for this transaction set and version"),
    "dmg.future": ("4", "the birth date lies after the day on which the file was made"),
    "element.date": ("1", "{name} is not a date (CCYYMMDD), or not one in the form that is named before it"),
    "element.npi": ("5", "the NPI does not pass its check digit"),
    "element.relation": ("1", "elements that belong together, or exclude each other, do not stand so: {places}"),
    "element.too_long": ("1", "{name} is too long (limit {limit})"),
    "element.too_short": ("1", "{name} is too short (limit {limit})"),
    "isa.receiver": ("1", "the receiver is empty or begins with a blank"),
    "isa.sender": ("1", "the sender is empty or begins with a blank"),
    "loop.missing": ("2", "{name} is required: {segment} begins it"),
    "pat.future": ("4", "the date of death lies after the day on which the file was made"),
    "segment.unexpected": ("2", "is unknown here, does not belong at this place, or is in small letters"),
    "sv1.code": ("5", "this is not a HCPCS code, or not one of the kind that is named before it"),
    "sv2.code": ("5", "this is not a HCPCS code, or not one of the kind that is named before it"),
    "sv3.code": ("5", "this is not a dental procedure code"),
}
HEAD = """# X12 findings

What `hub x12 validate` says, and the hub of what it writes and reads: the code of a finding, its SNIP type, what it
says, and what `hub x12 fix` does about it ("-": a person must know). Made from the code by
`python tools/x12_findings.py`; a test holds it current. Words in braces differ from case to case. Findings of
overlays carry the codes that the overlay gives them, with SNIP type 7; what a receiver said (`--answer`) is
`answer.999`, `answer.277ca` or `answer.ta1`, without a type. How to go on:
[why was this file rejected](../how-to/x12-rejected.md).

| code | SNIP | what is wrong | `hub x12 fix` |
|---|---|---|---|
"""
# what may be wrong with an element of a GS, as with any other
OF_A_GROUP = [
    "blanks",
    "character",
    "code",
    "date",
    "missing",
    "number",
    "time",
    "too_long",
    "too_many",
    "too_short",
    "trailing",
]


def page() -> str:
    """The whole page."""
    found: dict[str, tuple[str, str]] = {
        f"element.{name}": ("5", f"{{element}} {message}") for name, (_, message) in sorted(NAMED.items())
    }
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*.py")):
            for code, snip, words in findings_of(path):
                known = found.get(code, ("", ""))
                found[code] = (known[0] or snip, known[1] or words)
    found.update(ELSEWHERE)
    found.update({f"gs.{name}": found[f"element.{name}"] for name in OF_A_GROUP})
    rows = [
        f"| `{code}` | {snip} | {words} | {REPAIRS.get(code, '-')} |\n"
        for code, (snip, words) in sorted(found.items())
        if words and snip
    ]
    return HEAD + "".join(rows)


def findings_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """(code, SNIP type, words) of each finding that a file reports; what cannot be read off is left empty."""
    tree = ast.parse(path.read_text())
    named = [
        (node.lineno, words_of(node.value))
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "message"
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            items = [*node.args, *(word.value for word in node.keywords)]
            snips = [word.value for word in node.keywords if word.arg == "snip"]
            rule = any(word.arg == "snip" for word in node.keywords)
        elif isinstance(node, ast.Tuple):
            items, snips, rule = list(node.elts), [], False
        else:
            continue
        yield from _read(items, snips, named, node.lineno, rule=rule)


def _read(
    items: list[ast.expr], snips: list[ast.expr], named: list[tuple[int, str]], line: int, *, rule: bool
) -> Iterator[tuple[str, str, str]]:
    for place, item in enumerate(items):
        code = item.value if isinstance(item, ast.Constant) else None
        if not isinstance(code, str) or not CODE.fullmatch(code) or NOT_FINDINGS.fullmatch(code):
            continue
        words = ""
        for other in items[place + 1 :]:
            words = words or words_of(other)
            if isinstance(other, ast.Name) and other.id == "message":
                words = words or next((text for at, text in sorted(named, reverse=True) if at <= line), "")
        numbers = [*snips, *([] if rule else items)]
        found = (one.value for one in numbers if isinstance(one, ast.Constant))
        snip = next((str(value) for value in found if type(value) is int and 0 < value < 8), "")
        yield code, snip or "1", words


def words_of(node: ast.expr) -> str:
    """A text of several words as it is written, what is put into it in braces; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        return node.value.replace("|", "\\|")
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{" + _name(part) + "}" for part in node.values
        )
    return ""


def _name(part: ast.expr) -> str:
    text = ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else "value"
    return re.sub(r"[^a-z]+", " ", text.rpartition(".")[2].lower()).strip() or "value"


if __name__ == "__main__":
    (ROOT / "docs" / "reference" / "x12-findings.md").write_text(page())
    sys.exit(0)
