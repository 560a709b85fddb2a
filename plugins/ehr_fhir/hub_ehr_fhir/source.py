"""The FHIR source: files dropped into a folder, read into facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import BaseModel

from hub.errors import Problem
from hub.model.facts import Reading
from hub.plugin.api import Changes, Context, Step
from hub.plugin.api.folder import FolderDrop
from hub_ehr_fhir.reading import read
from hub_ehr_fhir.settings import FhirSettings

JSON, NDJSON = "fhir+json", "fhir+ndjson"
_PIECE = 1 << 20


class FhirSource:
    """Bundles, resources and NDJSON of one FHIR R4 sender (implements `hub.plugin.api.EhrSource`)."""

    Settings: ClassVar[type[BaseModel]] = FhirSettings

    def __init__(self, settings: FhirSettings, context: Context) -> None:
        self._settings = settings
        self._drop = FolderDrop(settings, lambda name, _body: kind_of(name), context.stop, pieces_of)

    def changes(self, cursor: str) -> Changes:
        """What was dropped since `cursor`: a message for each file, and for each MiB of lines of NDJSON."""
        return self._drop.changes(cursor)

    def read(self, raw: bytes, content_type: str) -> Reading:
        """Facts and problems of a Bundle, a resource, or lines of them."""
        if content_type not in (JSON, NDJSON):
            return Reading(problems=(_wrong_type(),))
        return read(raw, content_type == NDJSON, self._settings)

    def check(self) -> Iterator[Step]:
        """Look at the folder."""
        yield from self._drop.check()

    def close(self) -> None:
        """Nothing is held open."""


def kind_of(name: str) -> str:
    """The content type that a file's name tells."""
    return NDJSON if name.lower().endswith((".ndjson", ".jsonl")) else JSON


def pieces_of(name: str, body: bytes) -> Iterable[bytes]:
    """A file whole; NDJSON in pieces of about a MiB that end at line ends."""
    if kind_of(name) == JSON or len(body) <= _PIECE:
        return (body,)
    return _cut(body)


def _cut(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = body.find(b"\n", min(start + _PIECE, len(body)))
        end = len(body) if end < 0 else end + 1
        yield body[start:end]
        start = end


def _wrong_type() -> Problem:
    return Problem(
        code="fhir.content_type",
        where="content type",
        why="this source reads FHIR R4 (fhir+json, fhir+ndjson) and was given something else",
        fix="send this content to the source that reads it",
    )
