"""Reads the answers that a receiver sent, for `hub x12 validate --answer`."""

from __future__ import annotations

from collections.abc import Sequence

from hub.cli.x12_files import only, unreadable
from hub.errors import Misconfigured
from hub.x12.tools.answered import Answers


def read_answers(paths: Sequence[str]) -> tuple[Answers, ...]:
    """Each file as what it says; raises Misconfigured for one that answers nothing."""
    return tuple(_read(path) for path in paths)


def _read(path: str) -> Answers:
    with only(path) as given:
        if given.file is None:
            raise unreadable(given.name)
        answers = Answers(given.file)
    if not answers:
        raise Misconfigured(f"{given.name} is no answer", fix="--answer takes a TA1, a 999 or a 277CA")
    return answers
