"""What the hub and pyx12 say of a file, side by side; run it to write the two tables of the corpus anew.

python tests/x12/opinions.py        # looks at every sample file, keeps the reasons, tells what lacks one
"""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hub.x12.envelope import X12Reader
from hub.x12.finding import Finding

sys.path.insert(0, str(Path(__file__).parent))
from reasons import ABOUT_FILES, ABOUT_OURS, ABOUT_PYX12

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
GOLDEN = Path(__file__).parents[1] / "golden"
VERDICTS, DIFFERENCES = GOLDEN / "x12_corpus.tsv", GOLDEN / "x12_second_opinions.tsv"
FILES = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
LATER = {b"005010X222A2": b"005010X222A1", b"005010X223A3": b"005010X223A2"}
"""Errata letters that pyx12 has no map for: it is shown the file under the letter that it knows."""


class Point(NamedTuple):
    """One thing that somebody finds wrong: in which set (from 1, 0 outside), where, and by which code."""

    number: int
    position: int
    segment: str
    element: int
    loop: str
    code: str
    severity: str = "error"

    @property
    def place(self) -> str:
        """Loop, segment and element, such as `2010AA N403`; a file's value is never in it."""
        return f"{self.loop} {self.segment}{f'{self.element:02}' if self.element else ''}".strip()


class Opinion(NamedTuple):
    """A verdict with its points."""

    verdict: str
    points: tuple[Point, ...]


def name_of(path: Path) -> str:
    """A file of the corpus by its folder and name."""
    return str(path.relative_to(CORPUS))


def ours(data: bytes) -> Opinion:
    """What the strict check of the hub says."""
    reader, points = X12Reader(data, strict=True), []
    for number, transaction in enumerate(reader, 1):
        points += [_point(number, finding) for finding in transaction.check()]
    points += [_point(0, finding) for finding in reader.findings]
    if not reader.interchanges:
        return Opinion("unreadable", tuple(points))
    bad = any(point.severity == "error" for point in points)
    return Opinion("errors" if bad else "warnings" if points else "clean", tuple(points))


def _point(number: int, finding: Finding) -> Point:
    return Point(
        number, finding.position, finding.segment, finding.element, finding.loop, finding.code, finding.severity
    )


_LOADED: dict[str, Any] = {}


def pyx12(data: bytes) -> Opinion | None:
    """What pyx12 says; None where it has no map for the file's guide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyx12.errors
        import pyx12.map_if
        import pyx12.params
        import pyx12.x12n_document
    logging.getLogger("pyx12").setLevel(logging.CRITICAL)
    # a map takes half a second to load and is not changed by use
    pyx12.map_if.load_map_file = _LOADED.setdefault("map", cache(pyx12.map_if.load_map_file))
    params = _LOADED.setdefault("params", pyx12.params.params(None))
    for later, known in LATER.items():
        data = data.replace(later, known)
    out = io.StringIO()
    try:
        good = pyx12.x12n_document.x12n_document(
            param=params,
            src_file=io.StringIO(data.decode("latin-1")),
            fd_997=None,
            fd_html=None,
            fd_json=out,
        )
    except pyx12.errors.EngineError:
        return None
    points = () if good else tuple(_points(json.loads(out.getvalue() or "{}")))
    return Opinion("clean" if good else "errors", points)


def _points(told: dict[str, Any]) -> Iterator[Point]:
    number = 0
    for interchange in told.get("interchanges", ()):
        yield from (Point(0, 0, "IEA", 0, "", str(one["err_cde"])) for one in interchange["errors"])
        for group in interchange["groups"]:
            yield from (Point(0, 0, "GE", 0, "", str(one["err_cde"])) for one in group["errors"])
            for transaction in group["transactions"]:
                number += 1
                yield from (Point(number, 0, "SE", 0, "", str(one["err_cde"])) for one in transaction["errors"])
                for segment in transaction["segments"]:
                    yield from _segment_points(number, segment)


def _segment_points(number: int, segment: dict[str, Any]) -> Iterator[Point]:
    where = int(segment["seg_count"]), str(segment["seg_id"])
    for one in segment["errors"]:
        yield Point(number, *where, 0, "", str(one["err_cde"]))
    for element in segment["elements"]:
        at = int(element.get("ele_pos") or element.get("pos") or 0)
        for one in element["errors"]:
            yield Point(number, *where, at, "", str(one["err_cde"]))


_COUNTED = {
    "GE": "group",
    "GS": "group",
    "HL": "HL",
    "IEA": "interchange",
    "ISA": "interchange",
    "LX": "LX",
    "SE": "SE",
}
"""Segments of which the two count differently, or say at the end what the other says at the beginning."""


def apart(left: Opinion, right: Opinion) -> tuple[Counter[str], Counter[str]]:
    """The points of each side that the other has none for: none at the same segment, or two before or after it."""

    def alone(points: tuple[Point, ...], others: tuple[Point, ...]) -> Counter[str]:
        known = {(other.number, other.segment, other.position + by) for other in others for by in range(-2, 3)}
        counted = {(other.number, _COUNTED[other.segment]) for other in others if other.segment in _COUNTED}
        return Counter(
            f"{point.place} {point.code}"
            for point in points
            if (point.number, point.segment, point.position) not in known
            and (point.number, _COUNTED.get(point.segment)) not in counted
        )

    return alone(left.points, right.points), alone(right.points, left.points)


def listed(found: Counter[str]) -> str:
    """`place code` with its count, sorted, as one cell of a table."""
    return "; ".join(f"{what} x{count}" if count > 1 else what for what, count in sorted(found.items()))


def verdict_row(path: Path) -> list[str]:
    """File, verdict and findings as the golden holds them."""
    opinion = ours(path.read_bytes())
    found = Counter(f"{point.code} @ {point.place}".rstrip(" @") for point in opinion.points)
    return [name_of(path), opinion.verdict, listed(found)]


def why_verdict(path: Path, row: list[str]) -> str:
    """In our words, why the verdict is right."""
    if name_of(path) in ABOUT_FILES:
        return ABOUT_FILES[name_of(path)]
    codes = dict.fromkeys(part.split(" @")[0].split(" x")[0] for part in row[2].split("; ") if part)
    told = dict.fromkeys(ABOUT_OURS.get(code, f"NO REASON GIVEN FOR {code}") for code in codes)
    return " ".join(told) or "Nothing is wrong with it."


def difference_rows(path: Path) -> Iterator[list[str]]:
    """File, what pyx12 says alone, what we say alone, who is right and why: a row for each kind of difference."""
    data = path.read_bytes()
    second = pyx12(data)
    if second is None:
        return
    first = ours(data)
    unknown = {point.number for point in first.points if point.code == "guide.unknown"}
    if unknown:
        told = sum(point.number in unknown for point in second.points)
        yield [name_of(path), f"{told} findings in {len(unknown)} sets", "guide.unknown", "both", _NO_GUIDE]
        first, second = _without(first, unknown), _without(second, unknown)
    only_ours, only_pyx12 = apart(first, second)
    by_reason: dict[tuple[str, str], tuple[Counter[str], Counter[str]]] = {}
    for what, count in only_pyx12.items():
        by_reason.setdefault(_about_pyx12(path.name, what), (Counter(), Counter()))[0][what] += count
    for what, count in only_ours.items():
        code = what.split()[-1]
        key = ("hub", ABOUT_OURS.get(code, f"NO REASON GIVEN FOR {code}"))
        by_reason.setdefault(key, (Counter(), Counter()))[1][what] += count
    for (who, why), (theirs, mine) in sorted(by_reason.items()):
        yield [name_of(path), listed(theirs) or "-", listed(mine) or "-", who, why]


def _about_pyx12(file: str, what: str) -> tuple[str, str]:
    """Who is right about something that only pyx12 says of a file, and why."""
    for part, segment, who, why in ABOUT_PYX12:
        if part in file and what.startswith(segment):
            return who, why
    return "?", f"NO REASON GIVEN FOR {what}"


_NO_GUIDE = "The hub has no guide for these (4010 ended in 2011; 278 and 834 are no business of it) and says so."


def _without(opinion: Opinion, sets: set[int]) -> Opinion:
    """An opinion on the other sets; what stands around sets is of no use once some are left out."""
    return Opinion(opinion.verdict, tuple(one for one in opinion.points if one.number not in {0, *sets}))


def written(header: list[str], rows: list[list[str]]) -> str:
    """A table as text, a line each, cells between tabs."""
    return "".join("\t".join(row) + "\n" for row in [header, *rows])


def verdict_table() -> str:
    """The golden of every file's verdict."""
    rows = []
    for path in FILES:
        row = verdict_row(path)
        rows.append([*row, why_verdict(path, row)])
    return written(["file", "verdict", "findings", "why"], rows)


def difference_table() -> str:
    """The golden of every difference from pyx12."""
    rows = [row for path in FILES for row in difference_rows(path)]
    return written(["file", "only pyx12", "only the hub", "right", "why"], rows)


def main() -> int:
    """Writes both tables; 1 when something lacks its reason."""
    VERDICTS.write_text(verdict_table())
    DIFFERENCES.write_text(difference_table())
    lacking = [
        line
        for table in (VERDICTS, DIFFERENCES)
        for line in table.read_text().splitlines()
        if "NO REASON GIVEN" in line
    ]
    for line in lacking:
        sys.stdout.write(line + "\n")
    return int(bool(lacking))


if __name__ == "__main__":
    raise SystemExit(main())
