"""Renews hub/codes/data/icd10cm_years.txt.xz: `python tools/icd10cm_years.py FOLDER` with one code file a year.

FOLDER holds the code descriptions in tabular order that CMS publishes for each fiscal year, as
icd10cm_codes_2016.txt and so on. A line of the target is `CODE FIRST LAST` (fiscal years of two digits) for each
code that does not hold in every year; the last year is that of the edition beside it (icd10cm.txt.xz).
"""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

DATA = Path(__file__).parents[1] / "hub" / "codes" / "data"
BEGAN, EDITION = 2016, 2026


def _codes(file: Path) -> set[str]:
    lines = file.read_text(encoding="latin-1").splitlines()
    return {line.split(None, 1)[0] for line in lines if line.strip()}


def main(folder: Path) -> None:
    """Compares the years and writes what changed."""
    years = {year: _codes(folder / f"icd10cm_codes_{year}.txt") for year in range(BEGAN, EDITION)}
    years[EDITION] = set(lzma.decompress((DATA / "icd10cm.txt.xz").read_bytes()).decode("ascii").split())
    lines = []
    for code in sorted(set().union(*years.values())):
        held = [year for year, codes in years.items() if code in codes]
        if len(held) < len(years):
            lines.append(f"{code} {held[0] % 100} {held[-1] % 100}")
    packed = lzma.compress(("\n".join(lines) + "\n").encode("ascii"), preset=9 | lzma.PRESET_EXTREME)
    (DATA / "icd10cm_years.txt.xz").write_bytes(packed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
