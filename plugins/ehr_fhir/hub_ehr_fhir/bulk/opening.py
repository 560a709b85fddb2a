"""One file of an export, opened: from the server or as it was fetched before its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hub.plugin.api import HubError, Refused
from hub_ehr_fhir.bulk.manifest import File
from hub_ehr_fhir.connect import judging
from hub_ehr_fhir.connect.http import Server

_NOT_GIVEN = (400, 403, 404, 410)
_NOTHING_MORE = 416


class Gone(Exception):
    """The server does not give the file under this address (any more); `error` says how."""

    def __init__(self, error: HubError) -> None:
        super().__init__(str(error))
        self.error = error


class Opened:
    """A file's decoded bytes from `start` on; `chunks` raises `RetryLater` where they break off."""

    def __init__(self, start: int, chunks: Callable[[], Iterator[bytes]]) -> None:
        self.start, self.chunks = start, chunks


@contextmanager
def opened(server: Server, file: File, start: int, body: bytes | None = None) -> Iterator[Opened]:
    """A file from the decoded byte `start` on, or `body` where it is there already. Raises `Gone` where the address
    gives nothing, `RetryLater` where the server is away.
    """
    if body is not None:
        yield Opened(0, lambda: iter((body,)))
        return
    expect = (200, 206, _NOTHING_MORE, *_NOT_GIVEN)
    with server.stream(file.url, authorized=file.signed, offset=start, expect=expect) as stream:
        if stream.status in _NOT_GIVEN:
            raise Gone(_not_given(file, stream.status, stream.whole()))
        chunks = stream.chunks if stream.status != _NOTHING_MORE else lambda: iter(())
        yield Opened(start, chunks)


def _not_given(file: File, status: int, body: bytes) -> HubError:
    """Where an address bears its own permission, forbidden means that it ended; else it is forbidden to us."""
    if status == 403 and file.signed:
        return judging.failed("GET of a file of the export", status, body, None, signed=True)
    return Refused(f"the address of a file of the export gives nothing (HTTP {status})")
