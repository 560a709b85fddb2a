"""The answers of the endpoint: statuses and OperationOutcomes in plain words, with nothing of what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from hub.plugin.api import RetryLater, WebAnswer

JSON = "application/fhir+json; charset=utf-8"
_LEAST, _MOST = 1, 3600


class Refusal(Exception):
    """A request that is not taken, with its answer."""

    def __init__(self, status: int, code: str, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.answer = refused(status, code, why, headers)


def refused(status: int, code: str, why: str, headers: Mapping[str, str] | None = None) -> WebAnswer:
    """An OperationOutcome: `code` is one of FHIR's issue types."""
    issue = {"severity": "error", "code": code, "diagnostics": why}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return WebAnswer(
        status=status, headers={"content-type": JSON, **(headers or {})}, body=msgspec.json.encode(body)
    )


def later(error: RetryLater) -> WebAnswer:
    """The hub can take nothing now, and says when to come again."""
    seconds = min(max(round(error.after_seconds or 5), _LEAST), _MOST)
    why = "the hub cannot store it now: send it again later"
    return refused(503, "transient", why, {"retry-after": str(seconds)})


def taken(status: int) -> WebAnswer:
    """It is stored; nothing more is to be said."""
    return WebAnswer(status=status)


def responses(kind: str, statuses: Sequence[str]) -> WebAnswer:
    """The Bundle that answers a transaction or a batch: a status for each entry."""
    entries = [{"response": {"status": status}} for status in statuses]
    body = {"resourceType": "Bundle", "type": f"{kind}-response", "entry": entries}
    return WebAnswer(status=200, headers={"content-type": JSON}, body=msgspec.json.encode(body))
