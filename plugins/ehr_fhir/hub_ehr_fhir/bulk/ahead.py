"""Small files are fetched before their turn, several at once: each alone would cost a round trip."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from hub.plugin.api import HubError
from hub_ehr_fhir.bulk.manifest import File
from hub_ehr_fhir.bulk.opening import Gone, opened
from hub_ehr_fhir.connect.http import Server

SMALL = 256 << 10
_FEW_LINES = 200
_SURE = 2
_AT_ONCE = 16


class Ahead:
    """The bodies of the next few files, where they are small; what is not, or fails, is left to its turn."""

    def __init__(self, server: Server, files: Sequence[File]) -> None:
        self._server, self._files = server, files
        self._pool: ThreadPoolExecutor | None = None
        self._bodies: dict[int, Future[bytes | None]] = {}
        self._small_in_a_row = 0

    def body(self, number: int) -> bytes | None:
        """The body of a file, if it was fetched; then the ones after it are on their way."""
        self._fetch(number)
        coming = self._bodies.pop(number, None)
        return coming.result() if coming is not None else None

    def read(self, number: int, size: int) -> None:
        """A file was read to its end; by what files are like, the next ones are judged."""
        self._small_in_a_row = self._small_in_a_row + 1 if size < SMALL else 0
        for old in [one for one in self._bodies if one <= number]:
            del self._bodies[old]

    def close(self) -> None:
        """Let go of what is on its way."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool, self._bodies = None, {}

    def _fetch(self, first: int) -> None:
        wanted = range(first, min(first + _AT_ONCE, len(self._files)))
        if len(wanted) < 2 or len(self._bodies) > _AT_ONCE // 2:
            return
        for number in wanted:
            if not self._is_small(self._files[number]):
                return
            if number not in self._bodies:
                self._pool = self._pool or ThreadPoolExecutor(_AT_ONCE, "bulk-ahead")
                self._bodies[number] = self._pool.submit(self._small_body, self._files[number])

    def _is_small(self, file: File) -> bool:
        return 0 <= file.count <= _FEW_LINES if file.count >= 0 else self._small_in_a_row >= _SURE

    def _small_body(self, file: File) -> bytes | None:
        found = bytearray()
        try:
            with opened(self._server, file, 0) as stream:
                for chunk in stream.chunks():
                    found += chunk
                    if len(found) > SMALL:
                        return None
        except (HubError, Gone):
            return None
        return bytes(found)
