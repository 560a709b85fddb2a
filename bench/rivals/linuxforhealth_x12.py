"""Reads a file with linuxforhealth-x12 and prints the processor seconds: run in that package's own environment."""

import sys
import time
from pathlib import Path

from linuxforhealth.x12.io import X12ModelReader  # type: ignore[import-not-found]


def main() -> None:
    """The first argument is the file; every transaction set becomes a model, which is its validation."""
    text = Path(sys.argv[1]).read_text(encoding="ascii")
    began = time.process_time()
    with X12ModelReader(text) as reader:
        for _ in reader.models():
            pass
    print(time.process_time() - began)


if __name__ == "__main__":
    main()
