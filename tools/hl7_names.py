"""Writes the names of HL7 v2 segments, fields and data types from hl7apy's tables (MIT), all versions united.

    python tools/hl7_names.py      message/names.txt (the one table), names.pyi and message/named.pyi (for mypy)

Only identifiers are taken: ids of segments and data types, positions, names in lower case. A name that versions
put at several positions is taken where most of them have it.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VERSIONS = ("2_1", "2_2", "2_3", "2_3_1", "2_4", "2_5", "2_5_1", "2_6", "2_7", "2_8", "2_8_1", "2_8_2")
PLUGIN = Path(__file__).parent.parent / "plugins/hl7_adt/hub_hl7_adt"
BILLING = (
    "FHS BHS BTS FTS MSH MSA ERR EVN PID PD1 NK1 GT1 IN1 IN2 IN3 PV1 PV2 FT1 DG1 DRG PR1 ACC UB1 UB2 MRG NTE OBR OBX"
    " ORC SCH TQ1 RGS AIS AIG AIL AIP ROL BLC ABS"
)
"""Segments that mypy knows, with the data types of their fields; at run time all have names."""
UNNAMED = re.compile(r"[a-z0-9]{2,3}_\d+")
Rows = dict[int, tuple[list[str], list[str]]]
"""By position: data types, the latest first, and names, likewise."""


def main() -> int:
    """Write the three files; 0."""
    segments, types = united("segments", "SEGMENTS"), united("datatypes", "DATATYPES_STRUCTS")
    shorten(types)
    segments = {name: rows for name, rows in segments.items() if name not in types}  # CNS is both
    table = "".join(_line(name, rows) for part in (segments, types) for name, rows in sorted(part.items()))
    (PLUGIN / "message/names.txt").write_text(table)
    segments = {name: rows for name, rows in segments.items() if name in BILLING.split()}
    types = reached(segments, types)
    (PLUGIN / "names.pyi").write_text(constants(segments | types))
    (PLUGIN / "message/named.pyi").write_text(views(segments, types))
    return 0


def united(part: str, attribute: str) -> dict[str, Rows]:
    """One table of hl7apy with what every version says, the latest first."""
    found: dict[str, Rows] = defaultdict(dict)
    votes: dict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for version in reversed(VERSIONS):
        tables = getattr(importlib.import_module(f"hl7apy.v{version}.{part}"), attribute)
        for name, at, kind, word in _rows(tables):
            kinds, words = found[name].setdefault(at, ([], []))
            kinds += [kind] if kind and kind not in kinds else []
            if word and word not in words:
                words.append(word)
            votes[name, word][at] += 1
    for name, rows in found.items():
        for at, (_, words) in rows.items():
            words[:] = (word for word in words if votes[name, word].most_common(1)[0][0] == at)
    return {name: dict(sorted(rows.items())) for name, rows in found.items() if len(name) <= 3}


def _rows(tables: dict[str, Any]) -> Iterator[tuple[str, int, str, str]]:
    for name, entry in tables.items():
        rows = entry[1] if entry and entry[0] in ("sequence", "choice") and len(entry) > 1 else entry
        for row in rows:
            at = row[0].rpartition("_")[2] if isinstance(row, tuple | list) and isinstance(row[0], str) else ""
            if at.isdigit() and name.isalnum() and row[1]:
                yield name, int(at), _kind(row[1][2]), _word(str(row[1][3]))


def _kind(text: object) -> str:
    return str(text) if text and re.fullmatch(r"[A-Z]{2,3}", str(text)) else ""


def _word(text: str) -> str:
    word = re.sub(r"\s+", "", text.lower())
    return word if word.isidentifier() and not UNNAMED.fullmatch(word) else ""


def _line(name: str, rows: Rows) -> str:
    cells = (f"{at}={','.join(kinds)}:{','.join(words)}" for at, (kinds, words) in rows.items())
    return "\t".join((name, *cells)) + "\n"


def constants(tables: dict[str, Rows]) -> str:
    """A class of positions for each segment and data type."""
    out = [f"# The positions in message/names.txt, for mypy; made by tools/{Path(__file__).name}.", ""]
    out += ["from typing import Final", ""]
    for name, rows in sorted(tables.items()):
        words = [f"    {word}: Final = {at}" for at, (_, found) in rows.items() for word in found]
        out += [f"class {name}:", *(words or ["    ..."]), ""]
    return "\n".join(out)


def views(segments: dict[str, Rows], types: dict[str, Rows]) -> str:
    """A typed view of each segment and data type, and of the message that holds them."""
    sys.path.insert(0, str(PLUGIN.parent))
    from hub_hl7_adt.message.fields import RESERVED
    from hub_hl7_adt.message.parts import Segment

    out = [f"# What a message has by name, for mypy; made by tools/{Path(__file__).name}, like names.txt.", ""]
    out += ["from typing import ClassVar, Literal, overload", ""]
    out += ["from hub_hl7_adt.message.fields import Field, Repetition, Text"]
    out += ["from hub_hl7_adt.message.parts import Frame, Segment", ""]
    of_fields = {kinds[0] for rows in segments.values() for kinds, _ in rows.values() if kinds}
    of_components = {kinds[0] for name in of_fields for kinds, _ in types.get(name, {}).values() if kinds}
    for name, rows in sorted(types.items()):
        for suffix, base, leaf in (("Repetition", "Repetition", "Text"), ("Text", "Text", "str")):
            if name not in (of_fields if suffix == "Repetition" else of_components):
                continue
            members = []
            for kinds, words in rows.values():
                kind = next((k for k in kinds[:1] if k in types), "") if suffix == "Repetition" else ""
                result = f"{kind.title()}Text" if kind else leaf
                members += _properties(words, result, RESERVED)
            out += [f"class {name.title()}{suffix}({base}):", *(members or ["    ..."]), ""]
    for name, rows in sorted(segments.items()):
        members = []
        for kinds, words in rows.values():
            kind = next((k for k in kinds[:1] if k in types), "")
            result = f"Field[{kind.title()}Repetition]" if kind else "Field[Repetition]"
            members += _properties(words, result, frozenset(dir(Segment)))
        out += [f"class {name.title()}Segment(Segment):", *(members or ["    ..."]), ""]
    out += [
        "class Named:",
        "    header: Segment",
        "    _kind: ClassVar[type[Segment]]",
        "    _frame: Frame",
        "    _texts: list[str]",
    ]
    out += ["    _by_name: dict[str, list[Segment]]", "    _order: list[Segment]"]
    out += ["    def _split(self) -> None: ..."]
    for name in sorted(segments):
        out += ["    @property", f"    def {name.lower()}(self) -> {name.title()}Segment: ..."]
    for name in sorted(segments):
        kind = f"list[{name.title()}Segment]"
        out += ["    @overload", f'    def all(self, name: Literal["{name}"]) -> {kind}: ...']
    out += ["    @overload", "    def all(self, name: bytes | str) -> list[Segment]: ..."]
    out += ["    def first(self, name: bytes | str) -> Segment | None: ...", ""]
    return "\n".join(out)


def _properties(words: list[str], result: str, reserved: frozenset[str]) -> list[str]:
    names = [f"{word}_" if word in reserved else word for word in words]
    return [line for name in names for line in ("    @property", f"    def {name}(self) -> {result}: ...")]


def reached(segments: dict[str, Rows], types: dict[str, Rows]) -> dict[str, Rows]:
    """The data types of some segments' fields, and those of their components."""
    kinds = {kind for rows in segments.values() for found, _ in rows.values() for kind in found}
    deeper = {kind for name in kinds & set(types) for found, _ in types[name].values() for kind in found}
    return {name: rows for name, rows in types.items() if name in kinds | deeper}


def shorten(types: dict[str, Rows]) -> None:
    """Names of components that end in `_name` are known without it too: `family`, `given`."""
    for rows in types.values():
        taken = {word for _, words in rows.values() for word in words}
        for _, found in rows.values():
            shorter = [word.removesuffix("_name") for word in found if word.endswith("_name")]
            fresh = [word for word in dict.fromkeys(shorter) if word not in taken]
            found.extend(fresh)
            taken |= set(fresh)


if __name__ == "__main__":
    sys.exit(main())
