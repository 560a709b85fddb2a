"""The tools on files of every guide that are made by chance: nothing is lost, found or told that is not there."""

from __future__ import annotations

import io
import random

import pytest

from hub.x12.envelope import X12Reader
from hub.x12.generate import interchange
from hub.x12.grammar import Guide
from hub.x12.guides import GUIDES
from hub.x12.tools.anonymize import Anonymous, is_personal, kind_of
from hub.x12.tools.diff import differences
from hub.x12.tools.repair import Mending
from hub.x12.tools.rows import COLUMNS
from hub.x12.tools.show import Choice, SegmentLine, outline
from hub.x12.tools.table import Sheet, write_csv

SEEDS = range(3)


@pytest.fixture(params=GUIDES, ids=lambda guide: guide.kind)
def made(request: pytest.FixtureRequest) -> list[bytes]:
    """Files of one guide, each with two sets in which all is true."""
    guide: Guide = request.param
    return [interchange(guide, random.Random(seed), sets=2) for seed in SEEDS]  # noqa: S311 - no secret


def shown(data: bytes) -> list[SegmentLine]:
    """The segments as they are shown."""
    return [one for one in outline(io.BytesIO(data), Choice(), {}) if isinstance(one, SegmentLine)]


def test_a_copy_of_a_true_file_is_true_and_tells_of_nobody(made: list[bytes]) -> None:
    """An anonymous copy of a file without a fault has none, and every name, id and text of it is another."""
    for data in made:
        copy = b"".join(Anonymous(data, b"secret"))
        reader = X12Reader(copy, strict=True)
        assert [one for sets in reader for one in sets.check()] + reader.findings == []
        for old, new in zip(shown(data), shown(copy), strict=True):
            assert (old.id, len(old.elements)) == (new.id, len(new.elements))
            for before, after in zip(old.elements, new.elements, strict=True):
                place = before.place.removeprefix(old.id)
                kind = kind_of(old.id, int(place[:2]), int(place[3:] or 0))
                if kind == "listed" and not any(mark.isdigit() for mark in before.value):
                    continue
                if not is_personal(kind):
                    assert before.value == after.value
                elif kind in ("text", "address", "phone", "zip") and any(mark.isalpha() for mark in before.value):
                    assert before.value != after.value


def test_a_true_file_is_not_mended(made: list[bytes]) -> None:
    """Nothing is repaired where nothing is wrong: every byte stays."""
    for data in made:
        mending = Mending(data)
        assert b"".join(mending) == data
        assert mending.total == 0


def test_a_true_file_is_shown_whole(made: list[bytes]) -> None:
    """Every segment of every guide is shown once, in order, with a name, and each of its elements has one."""
    for data in made:
        lines = shown(data)
        assert [one.line for one in lines] == list(range(1, len(lines) + 1))
        assert all(one.name for one in lines)
        assert all(element.name for one in lines for element in one.elements)


def test_a_true_file_says_what_it_says(made: list[bytes]) -> None:
    """A file does not differ from itself, and differs from another."""
    first, second, _ = made
    assert list(differences(io.BytesIO(first), io.BytesIO(first), strict=True)) == []
    assert list(differences(io.BytesIO(first), io.BytesIO(second)))


def test_a_true_file_becomes_rows_without_a_doubt(made: list[bytes]) -> None:
    """Each kind that has a table gives rows in which nothing is unreadable."""
    for data in made:
        sheet, out = Sheet(data), io.BytesIO()
        write_csv(sheet, out)
        assert not sheet.count or sheet.kind in COLUMNS
        if sheet.count and any(column.name == "unreadable" for column in sheet.columns):
            assert all(line.endswith(",") for line in out.getvalue().decode().splitlines()[1:])
