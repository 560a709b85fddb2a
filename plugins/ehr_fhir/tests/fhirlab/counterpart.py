"""A FHIR server that nobody here wrote: @medplum/fhir-router, in tests/counterparts, while a test needs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PEERS = Path(__file__).resolve().parents[4] / "tests" / "counterparts"


class Counterpart:
    """The server: `url` is its FHIR base."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self.url = f"{self._root}/fhir/R4"

    def load(self, resources: Iterable[dict[str, Any]]) -> None:
        """Put resources in with their ids and `meta` as they are (without: now and a new version)."""
        self._call("POST", "/load", b"\n".join(json.dumps(one).encode() for one in resources))

    def put(self, resource: dict[str, Any]) -> None:
        """Create or update as a FHIR client does: the server gives version and time."""
        self._call("PUT", f"/fhir/R4/{resource['resourceType']}/{resource['id']}", json.dumps(resource).encode())

    def delete(self, key: str) -> None:
        """Delete `Type/id`."""
        self._call("DELETE", f"/fhir/R4/{key}")

    def get(self, path: str) -> Any:
        """What the server says to a GET below its base."""
        return self._call("GET", f"/fhir/R4/{path}")

    def calls(self) -> list[str]:
        """The calls since the last time this was asked: `GET /Encounter?...`."""
        found: list[str] = self._call("GET", "/calls")
        return found

    def forget(self) -> None:
        """Clear everything."""
        self._call("POST", "/forget")

    def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own server
            self._root + path, body, {"Content-Type": "application/fhir+json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            said = answer.read()
        return json.loads(said) if said else None


@contextmanager
def counterpart() -> Iterator[Counterpart]:
    """A running server; skips where node or its modules are not here."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    if not (PEERS / "node_modules" / "@medplum" / "fhir-router").is_dir():
        pytest.skip("@medplum/fhir-router is not installed: run `make setup` where npm is")
    with subprocess.Popen(
        [node, str(PEERS / "fhir_server.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield Counterpart(int(process.stdout.readline()))
        finally:
            process.kill()
