"""Renews hub/codes/data/icd10cm.txt.xz: `uv run --with simple-icd-10-cm --no-project python tools/icd10cm.py`.

Afterwards set the edition's days in hub/codes/icd10cm.py.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import simple_icd_10_cm as icd  # type: ignore[import-not-found]

TARGET = Path(__file__).parents[1] / "hub" / "codes" / "data" / "icd10cm.txt.xz"


def main() -> None:
    """Write every code that may be billed, without its point, sorted and one a line."""
    known = icd.get_all_codes()
    codes = sorted(
        code.replace(".", "") for code in known if icd.is_category_or_subcategory(code) and icd.is_leaf(code)
    )
    packed = lzma.compress(("\n".join(codes) + "\n").encode("ascii"), preset=9 | lzma.PRESET_EXTREME)
    TARGET.write_bytes(packed)


if __name__ == "__main__":
    main()
