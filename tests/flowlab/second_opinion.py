"""What pyx12, which knows nothing of us, says against a file."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


TA1 = re.compile(rb"TA1\*[^~]*~\s*")
"""Left out for pyx12, which does not know that a TA1 may stand before a group."""


def complaints(bodies: Iterable[bytes], scratch: Path) -> list[str]:
    """Every complaint of pyx12, but for its list of remark codes, which ends before N781; empty when it accepts.

    Interchanges of one kind are judged together, in one file in the folder `scratch`: reading the guide takes
    longer than judging a hundred files.
    """
    from pyx12.params import params
    from pyx12.x12n_document import x12n_document

    path = scratch / "together.x12"
    path.write_bytes(TA1.sub(b"", b"".join(bodies)))
    logger, keeper = logging.getLogger("pyx12"), _Keeper()
    before, logger.propagate = logger.propagate, False
    logger.addHandler(keeper)
    try:
        chosen = params()
        chosen.set("exclude_external_codes", "remark_code")
        accepted = x12n_document(param=chosen, src_file=str(path), fd_997=None, fd_html=None, fd_xmldoc=None)
    finally:
        logger.removeHandler(keeper)
        logger.propagate = before
    return keeper.said if accepted else keeper.said or ["refused without a word"]
