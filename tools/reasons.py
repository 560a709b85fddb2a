"""Writes docs/reference/reasons.md: every reason for which something is set aside, taken from the code."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = (
    "hub/flow",
    "hub/node",
    "hub/keep",
    "hub/watch",
    *(f"plugins/{name}" for name in ("ehr_fhir", "hl7_adt", "clearinghouse_sftp", "statements_print")),
)
HEAD = """# Reasons

Why something waits for a person: the code of a work item, what it says, and what to do. Made from the code by
`python tools/reasons.py`; a test holds it current. Words in braces differ from case to case. Denials
(`denial.GROUP-REASON`) carry the payer's own codes.

| reason | why | do | where it is said |
|---|---|---|---|
"""
_ARMS = (ast.excepthandler, ast.match_case)
POSITIONAL = ("code", "where", "why", "fix")


def reasons() -> str:
    """The whole page."""
    rows = sorted({row for place in PLACES for path in (ROOT / place).rglob("*.py") for row in rows_of(path)})
    return HEAD + "".join(f"| `{code}` | {why} | {fix} | {where} |\n" for code, why, fix, where in rows)


def rows_of(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """(code, why, fix, file) of each problem or work item that a file makes with a code of its own."""
    if "tests" in path.parts:
        return
    tree = ast.parse(path.read_text())
    constants = dict(pair for line in tree.body for pair in named(line))
    for call, known in calls(tree.body, constants):
        told = arguments(call, known)
        code, why = told.get("code") or told.get("reason") or "", told.get("why", "")
        if why and "." in code and " " not in code:
            yield code, clean(why), clean(told.get("fix", "")), str(path.relative_to(ROOT))


def calls(lines: Iterable[ast.AST], known: Mapping[str, str]) -> Iterator[tuple[ast.Call, dict[str, str]]]:
    """Each call in these lines, with the texts that have names where it stands: one that is given within a branch
    holds there alone.
    """
    here = dict(known)
    for line in lines:
        blocks = [one for one in ast.iter_child_nodes(line) if isinstance(one, (ast.stmt, *_ARMS))]
        plain = [one for one in ast.iter_child_nodes(line) if one not in blocks]
        yield from ((one, here) for each in plain for one in ast.walk(each) if isinstance(one, ast.Call))
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from calls(getattr(line, name, ()) if blocks else (), here)
        here |= dict(named(line))


def named(line: ast.AST) -> Iterator[tuple[str, str]]:
    """The texts to which a line gives names."""
    if not isinstance(line, ast.Assign):
        return
    target, value = line.targets[0], line.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=False))
    else:
        pairs = [(target, value)]
    yield from ((one.id, text(given, {})) for one, given in pairs if isinstance(one, ast.Name))


def arguments(call: ast.Call, known: Mapping[str, str]) -> dict[str, str]:
    """The texts a call is given, by name; a call of `problem`, `warn`, `poison` and kin by position. `known` are the
    texts that the module has names for.
    """
    told = {one.arg: text(one.value, known) for one in call.keywords if one.arg}
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = [text(one, known) for one in call.args]
    if name in {"problem", "notice", "warn", "error", "hold", "poison", "SetAside"}:
        told |= dict(zip(POSITIONAL, given, strict=False))
    if name == "_finding":
        told |= dict(zip(POSITIONAL, [f"scrub.{given[0]}", *given[1:]], strict=False))
    return told


def text(node: ast.expr, known: Mapping[str, str]) -> str:
    """A text as it stands, with what is filled in shown in braces; empty for anything else."""
    if isinstance(node, ast.IfExp):
        return text(node.body, known)
    if isinstance(node, ast.Name):
        return known.get(node.id, "")
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
    return ""


def clean(words: str) -> str:
    """Fit for a cell of a table."""
    return " ".join(words.replace("|", "/").split())


if __name__ == "__main__":
    target = ROOT / "docs" / "reference" / "reasons.md"
    target.write_text(reasons())
    sys.stdout.write(f"wrote {target.relative_to(ROOT)}\n")
