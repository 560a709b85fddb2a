"""Exports from a server that asks who we are, over TLS: tokens that end in the midst of files, what it failed at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bulklab import outcome, resource
from bulkruns import START, Run
from connectlab.authority import Authority, server_side
from connectlab.ehr import Ehr, document, pem
from connectlab.serving import House, Reply, Seen, serving
from hub_ehr_fhir.bulk import lines
from hub_ehr_fhir.connect import keys
from hub_ehr_fhir.settings import FhirSettings
from hub_ehr_fhir.source import FhirSource

from hub.clock import TurnedClock
from hub.testing.fakes import FakeContext

NDJSON = {"content-type": "application/fhir+ndjson"}
JOB = "/r4/jobs/1"


class Exporting:
    """SMART Backend Services with `$export`. A token is good for `uses` calls; a file breaks off once, in the middle
    of a line, after `broken` bytes. `files`: the part of the manifest, the type and the bytes.
    """

    def __init__(self, files: list[tuple[str, str, bytes]], *, uses: int, broken: int = 700) -> None:
        self.ehr = Ehr(keys.public(keys.read(pem("ES384"))))
        self.files, self._uses, self._broken = files, uses, broken
        self._used: Counter[str] = Counter()
        self._began: set[int] = set()
        self.refused: list[str] = []
        self.house: House

    def __call__(self, seen: Seen) -> Reply:
        """As an `Answerer`."""
        path = seen.path.partition("?")[0]
        if path == "/oauth/token" or path.endswith(("/metadata", "/smart-configuration")):
            return self.ehr(seen)
        token = seen.headers.get("authorization", "").removeprefix("Bearer ")
        self._used[token] += 1
        if token not in self.ehr.good or self._used[token] > self._uses:
            self.refused.append(path)
            return Reply(status=401, body=outcome("login"))
        if path.endswith("$export"):
            return Reply(status=202, body=b"", headers={"content-location": self._url(JOB)})
        if path == JOB:
            return Reply(status=202) if seen.method == "DELETE" else document(self._manifest())
        return self._file(int(path.rpartition("/")[2]), seen)

    def _url(self, path: str) -> str:
        return self.house.url.removesuffix("/r4") + path

    def _manifest(self) -> Mapping[str, Any]:
        found: dict[str, Any] = {
            "transactionTime": "2026-03-01T06:00:00Z",
            "requiresAccessToken": True,
            "output": [],
        }
        for number, (part, kind, _) in enumerate(self.files):
            found.setdefault(part, []).append({"type": kind, "url": self._url(f"/r4/files/{number}")})
        return found

    def _file(self, number: int, seen: Seen) -> Reply:
        body, start = self.files[number][2], 0
        if told := seen.headers.get("range"):
            start = int(told.removeprefix("bytes=").partition("-")[0])
        headers = NDJSON | {"content-range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if told else NDJSON
        rest, status = body[start:], 206 if told else 200
        if number not in self._began and len(rest) > self._broken:
            self._began.add(number)
            return Reply(status=status, body=rest[: self._broken], headers=headers, length=len(rest))
        return Reply(status=status, body=rest, headers=headers)


@contextmanager
def exporting(served: Exporting, folder: Path) -> Iterator[Run]:
    """A connector that exports from it, with the key that it knows and the authority that it is certified by."""
    authority, clock = Authority(folder), TurnedClock(START)
    with serving(served, clock=clock, tls=server_side(authority.certificate())) as house:
        served.house = house
        table = {"auth": "smart", "client_id": "hub-1", "private_key": "env:KEY", "ca": str(authority.ca)}
        run = Run.__new__(Run)
        run.wire = None
        told = {"server": {"url": served.ehr.at(house), **table}, "bulk": {"group": "g1"}, "batch_bytes": 4_000}
        run.begin(told, clock, {"env:KEY": pem("ES384")})
        yield run
        run.close()


def some_files() -> list[tuple[str, str, bytes]]:
    """Patients, conditions and visits."""
    kinds = ("Patient", "Condition", "Encounter")
    return [
        ("output", kind, b"".join(resource(kind, n, pad="x" * 30) + b"\n" for n in range(30))) for kind in kinds
    ]


@pytest.mark.parametrize("uses", [2, 3])
def test_tokens_that_end_in_the_midst_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uses: int
) -> None:
    """A file breaks off, and the token with which it was begun is refused for its rest: a new one is asked for, and
    it goes on at that place; every line comes, once, from one export.
    """
    monkeypatch.setattr(lines, "LEAST", 2_000)
    files = some_files()
    served = Exporting(files, uses=uses)
    with exporting(served, tmp_path) as run:
        run.export()
        assert run.lines == Counter(line for _, _, body in files for line in body.splitlines())
        assert run.stand.since
    assert served.ehr.given >= 3
    assert [path for path in served.refused if "/files/" in path]
    ranged = [one for one in served.house.seen if "range" in one.headers and "/files/" in one.path]
    assert len(ranged) >= 3
    assert len([one for one in served.house.seen if "$export" in one.path]) == 1


def test_what_the_server_failed_at_is_work(tmp_path: Path) -> None:
    """`error` of a manifest, signed and broken off like any other file: each grave outcome reaches a person as one
    problem that tells none of its text; the export counts as not whole, a mild one does not.
    """
    grave = [outcome("exception", text="CANARY 17 of Jane"), outcome("not-found", "processing")]
    told = b"\n".join([*grave, outcome("informational", severity="warning", text="x" * 900)]) + b"\n"
    served = Exporting([*some_files(), ("error", "OperationOutcome", told)], uses=2)
    with exporting(served, tmp_path) as run:
        stand = run.export()
        assert stand.faults == {"exception": 1, "not-found": 1, "processing": 1}
        assert not stand.since
        source = FhirSource(FhirSettings(), FakeContext("ehr"))
        found = [
            problem
            for one in run.inbox.values()
            if one.content_type == "fhir+json" and b"OperationOutcome" in one.body
            for problem in source.read(one.body, one.content_type).problems
        ]
        assert len(found) == 2
        assert {one.code for one in found} == {"fhir.outcome"}
        assert all(one.fix and "CANARY" not in json.dumps([one.why, one.fix, one.where]) for one in found)
