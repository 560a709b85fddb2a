"""Promise 9: a patient's values stand in no log line, exception, file name, event, work item or clear column."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faultlab.canary import FIRST, LAST, MEMBER, SENT, once, told_in, visit
from faultlab.scene import Scene, scene
from faultlab.visits import START, Drop
from msgspec.structs import replace

from hub.testing.practice import fhir, hl7
from hub.testing.practice.records import Item


@pytest.mark.campaign
def test_no_value_gets_out(
    tmp_path: Path, lines: io.StringIO, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good, bad and failing input of a patient with unmistakable values, plugins and steps that raise with those
    values in their mouth: the values are in the encrypted store and on the way to partners, and nowhere else.
    """
    with scene(tmp_path, list(_files())) as on:
        _faulty(on, monkeypatch)
        on.run()
        assert on.states("claims")["paid"] >= 1
        assert len(on.work()) >= 4
        assert any(trouble.kind == "bug" for trouble in on.life.troubles)
        told = {
            "log": lines.getvalue(),
            "work": _work(on),
            "events": _events(on),
            "names": "\n".join(_names(on)),
            "troubles": "\n".join(map(repr, on.life.troubles)),
            "rows": "\n".join(_reprs(on)),
            "promises": "\n".join(on.broken()),
            "console": "".join(capfd.readouterr()),
        }
        data = tmp_path / "data"
        on.app.store.engines.dispose()
    for path in data.rglob("*"):
        if path.is_file():
            told[path.name] = path.read_bytes().decode("latin-1")
    assert "step." in told["log"]
    assert "library careless error" in told["log"]
    assert told["hub.db"].startswith("SQLite")
    assert told_in(told) == set()
    assert _known(tmp_path), "the values must really have been on the way"


def _files() -> Iterator[Drop]:
    """Two visits that bill, and others that are held, cut, without sense, or named after the patient."""
    yield _drop("fhir", f"{LAST}_{FIRST}.json", fhir.bundle(fhir.visit_resources(visit(1, "fhir")), SENT))
    yield _drop("hl7", f"{LAST} {MEMBER}.hl7", hl7.dft(visit(2, "hl7"), "C2", SENT))
    bad = list(fhir.visit_resources(visit(3, "fhir")))
    bad[-1] |= {"quantity": {"value": LAST}}
    yield _drop("fhir", "bad.json", fhir.bundle(bad, SENT))
    yield _drop("fhir", "cut.json", fhir.bundle(bad, SENT)[:-400])
    unmapped = visit(4, "hl7", items=(Item(code=LAST.upper()[:9], system="LOCAL"),))
    yield _drop("hl7", "unmapped.hl7", hl7.dft(unmapped, "C4", SENT))
    whole = hl7.dft(visit(5, "hl7"), "C5", SENT)
    yield _drop("hl7", "cut.hl7", whole[: len(whole) // 2])
    yield _drop("hl7", "strange.hl7", whole.replace(b"|P|2.5.1", b"|P|" + LAST.encode()))
    sixth = visit(6, "hl7")
    plan = replace(sixth.patient.covers[0], token=LAST.upper())
    strange = replace(sixth, patient=replace(sixth.patient, covers=(plan,)))
    yield _drop("hl7", "plan.hl7", hl7.dft(strange, "C6", SENT))


def _drop(folder: str, name: str, body: bytes) -> Drop:
    return Drop(on=START, folder=folder, name=name, body=body)


def _faulty(on: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugins of the source and of the clearinghouse fail once each, and so does a step, with values in hand."""
    for name, method in (("ehr", "read"), ("clearinghouse", "list"), ("clearinghouse", "stage")):
        port: Any = on.app.host.port(name)
        inner = port.reader.one()[0] if method == "read" else port._inner
        monkeypatch.setattr(inner, method, once(getattr(inner, method)))
    steps = on.life.runner._steps
    steps["posting.post"] = once(steps["posting.post"])


def _work(on: Scene) -> str:
    with on.app.store.view() as view:
        return msgspec.json.encode(view.work.list(limit=10_000)).decode()


def _events(on: Scene) -> str:
    with on.app.store.view() as view:
        return msgspec.json.encode(view.events.find(limit=100_000)).decode()


def _names(on: Scene) -> Iterator[str]:
    """The names of files that the hub made: frozen ones, and all below its data."""
    with on.app.store.view() as view:
        yield from (file.name for file in view.files.find())
    yield from (str(path.name) for path in (on.world.work / "data").rglob("*"))
    yield from on.world.arrived("clearinghouse")
    yield from on.world.arrived("printer")


def _reprs(on: Scene) -> Iterator[str]:
    """Rows as a debugger or a failed assertion would show them."""
    with on.app.store.view() as view:
        for collection in (view.patients, view.encounters, view.claims, view.remit_claims, view.statements):
            yield from map(repr, collection.each())
        yield from map(repr, view.inbox.find())


def _known(work: Path) -> bool:
    """The partner was told the member id: the hub did handle the values."""
    return any(MEMBER.encode() in path.read_bytes() for path in (work / "partner").rglob("received/*"))
