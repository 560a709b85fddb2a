"""The resources of what was given: files, a message, what a server told; and a Bundle made of some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from hub.errors import Refused
from hub_ehr_fhir.mapping import shapes
from hub_ehr_fhir.mapping.order import TYPES
from hub_ehr_fhir.mapping.parts import HEAD, Bad

_DEPTH = 3
_TREE = msgspec.json.Decoder(float_hook=Decimal)
_WRITTEN = msgspec.json.Encoder(decimal_format="number")
_ENDINGS = (".json", ".ndjson", ".jsonl")


class One(msgspec.Struct, frozen=True, kw_only=True):
    """A resource: its bytes, what its Bundle calls it, and its `label`, the type and which of that type it is in what
    was given, from 0: `Condition[2]`.
    """

    kind: str
    id: str
    label: str
    raw: bytes
    full_url: str = ""

    def __repr__(self) -> str:
        return f"One({self.label})"

    @property
    def key(self) -> str:
        """`Type/id`, as the mapping has it; without an id by the last part of its address."""
        return f"{self.kind}/{self.id or self.full_url.rpartition('/')[2].rpartition(':')[2]}"

    def tree(self) -> dict[str, Any]:
        """The resource decoded, its decimals exact; empty where that cannot be done."""
        try:
            found = _TREE.decode(self.raw)
        except (*Bad, ArithmeticError):
            return {}
        return found if isinstance(found, dict) else {}


class Sample(msgspec.Struct, kw_only=True):
    """Resources, and how many things were given that are none."""

    resources: tuple[One, ...] = ()
    strays: int = 0


def of_bodies(bodies: Iterable[bytes]) -> Sample:
    """The resources of messages or files, each a Bundle, a resource, or one of either on each line."""
    found, strays = list[tuple[str, str, bytes, str]](), 0
    for body in bodies:
        for each in _documents(body.removeprefix(b"\xef\xbb\xbf")):
            told = list(_resources(each, "", 0))
            found += told
            strays += not told
    counts: Counter[str] = Counter()
    resources = []
    for kind, name, raw, url in found:
        label = f"{kind}[{counts[kind]}]"
        resources.append(One(kind=kind, id=name, label=label, raw=raw, full_url=url))
        counts[kind] += 1
    return Sample(resources=tuple(resources), strays=strays)


def of_paths(paths: Iterable[Path], progress: Callable[[int, int], None] = lambda _done, _of: None) -> Sample:
    """Those of files, and of the files of folders, whatever depth; `progress` hears how many of them are read."""
    files = list(_files(paths))

    def read() -> Iterator[bytes]:
        for number, path in enumerate(files, 1):
            progress(number, len(files))
            yield _content(path)

    return of_bodies(read())


def is_there(name: str) -> bool:
    """Whether a file or folder is called so; a name that no file can have is none."""
    try:
        return Path(name).exists()
    except OSError:
        return False


def _content(path: Path) -> bytes:
    """The bytes; a file is not called by its name, which may be a patient's."""
    try:
        return path.read_bytes()
    except OSError as error:
        why = error.strerror or "for no reason that it told"
        raise Refused(
            f"a file cannot be read ({why})", fix="see who may read it, and whether it is a file"
        ) from None


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Files of a folder in the order in which their types are needed, as an export has one for each."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = [one for one in path.rglob("*") if one.is_file() and one.suffix.lower() in _ENDINGS]
        yield from sorted(inside, key=lambda one: (_rank(one), str(one)))


def _rank(path: Path) -> int:
    return next((n for n, kind in enumerate(TYPES) if path.name.startswith(f"{kind}.")), 0)


def _documents(body: bytes) -> Iterable[bytes]:
    """The JSON documents of a file: itself, or each of its lines."""
    try:
        HEAD.decode(body)
    except Bad:
        lines = [line for line in body.split(b"\n") if line.strip()]
        return lines if len(lines) > 1 else (body,)
    return (body,)


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    full_url: str = ""
    resource: msgspec.Raw = msgspec.Raw()


class _Bundle(msgspec.Struct, frozen=True):
    type: str = ""
    entry: tuple[msgspec.Raw, ...] = ()


def _resources(raw: bytes, url: str, depth: int) -> Iterator[tuple[str, str, bytes, str]]:
    """Type, id, bytes and address of each resource; what is none is left out."""
    try:
        head = HEAD.decode(raw)
        if head.resource_type != "Bundle":
            if head.resource_type and head.resource_type.isalpha():
                yield head.resource_type, head.id, raw, url
            return
        bundle = msgspec.json.decode(raw, type=_Bundle)
    except Bad:
        return
    entries = reversed(bundle.entry) if bundle.type == "history" else bundle.entry
    for body in entries if depth < _DEPTH else ():
        try:
            entry = msgspec.json.decode(body, type=_Entry)
        except Bad:
            continue
        if resource := bytes(entry.resource):
            yield from _resources(resource, entry.full_url, depth + 1)


def bundle_of(resources: Iterable[One], instead: Mapping[str, bytes] | None = None) -> bytes:
    """A Bundle of these resources in their order, some with other bytes (by label; empty: left out)."""
    entries = []
    for one in resources:
        raw = instead.get(one.label, one.raw) if instead else one.raw
        if raw:
            url = b'"fullUrl":' + msgspec.json.encode(one.full_url) + b"," if one.full_url else b""
            entries.append(b"{" + url + b'"resource":' + raw + b"}")
    return b'{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(entries) + b"]}"


def written(tree: Mapping[str, Any]) -> bytes:
    """A resource as JSON, its decimals as they were."""
    return _WRITTEN.encode(tree)


def is_read(kind: str) -> bool:
    """Whether billing reads resources of this type at all."""
    return kind in shapes.SHAPES
