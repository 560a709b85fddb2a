"""Bodies of any size, read as they come, from where they were left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hub.plugin.api import RetryLater
from hub_ehr_fhir.connect import judging
from hub_ehr_fhir.connect.patience import BUSY_FIX, Enough
from hub_ehr_fhir.connect.wire import Raw


class Stream:
    """A body that is read as it comes: `chunks` gives what follows `offset`, whether or not the server can begin
    there. Used up once.
    """

    def __init__(self, raw: Raw, what: str, offset: int) -> None:
        self._raw, self._what = raw, what
        self._skip = offset if raw.status == 200 else 0
        self._ended = ends(raw, offset)
        self.status, self.headers = raw.status, raw.headers

    def whole(self, limit: int = 1 << 20) -> bytes:
        """What came instead of the file: the body of a status that `expect` named; `TooLarge` above the limit."""
        return self._raw.whole(limit)

    def chunks(self) -> Iterator[bytes]:
        """Decoded bytes, at most a MiB each; a piece may be empty, so that a caller can look up from a slow body.
        Raises `RetryLater` where it breaks off.
        """
        if self._ended:
            return
        first, skip = self.status == 200, self._skip
        for piece in self._raw.pieces():
            if first and piece:
                _no_page(self._what, self.headers, piece)
                first = False
            yield piece[skip:]
            skip = max(skip - len(piece), 0)
        if skip:
            raise RetryLater(f"{self._what}: the file is shorter than before", fix=BUSY_FIX)


def asked(offset: int, etag: str) -> dict[str, str]:
    """The headers that ask for what follows `offset`, as it is and of the same version (RFC 9110 14.2, 13.1.5)."""
    if not offset:
        return {}
    strong = bool(etag) and not etag.startswith("W/")
    return {"range": f"bytes={offset}-", "accept-encoding": "identity"} | ({"if-range": etag} if strong else {})


def ends(raw: Raw, offset: int) -> bool:
    """Whether nothing follows `offset`: the file had been read to its end."""
    size = raw.headers.get("content-range", "").lower().replace(" ", "")
    return raw.status == 416 and offset > 0 and size == f"bytes*/{offset}"


def begins(headers: Mapping[str, str], offset: int) -> bool:
    """Whether a part is the one that was asked for, and as it is."""
    packed = headers.get("content-encoding", "identity").lower() not in {"", "identity"}
    return not packed and headers.get("content-range", "").strip().lower().startswith(f"bytes {offset}-")


def _no_page(what: str, headers: Mapping[str, str], piece: bytes) -> None:
    kind = headers.get("content-type", "").lower()
    if "html" in kind or piece[:200].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise Enough(f"{what}: a web page came instead of the file", fix=judging.PAGE_FIX)
