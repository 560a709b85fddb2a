"""What an answer to a trial says: which resources came, what the server says it searched, whether it refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import msgspec

from hub_ehr_fhir.discover.offered import Verdict

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding may raise, whatever a server sends."""
_UNUSED = re.compile(r"ignor|not support|unsupport|unknown|not recogni|unrecogni|not allowed|invalid param")


class _Reference(msgspec.Struct, frozen=True):
    reference: str = ""


class _Identifier(msgspec.Struct, frozen=True):
    system: str = ""
    value: str = ""


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    last_updated: str = ""


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a resource by which a trial knows it again."""

    resource_type: str = ""
    id: str = ""
    meta: _Meta = _Meta()
    identifier: list[_Identifier] = []
    patient: _Reference | list[_Reference] = []
    subject: _Reference | list[_Reference] = []
    beneficiary: _Reference | list[_Reference] = []
    encounter: _Reference | list[_Reference] = []
    context: _Reference | list[_Reference] = []
    practitioner: _Reference | list[_Reference] = []
    account: _Reference | list[_Reference] = []
    issue: list[msgspec.Raw] = []

    @property
    def updated(self) -> datetime | None:
        """When it changed last, where it says so with an offset."""
        try:
            told = datetime.fromisoformat(self.meta.last_updated)
        except ValueError:
            return None
        return told if told.tzinfo else None

    def refers(self, parameter: str) -> tuple[str, ...]:
        """The ids that a search by this parameter would find it by."""
        told = {
            "_id": (self.id,),
            "patient": (*_ids(self.patient), *_ids(self.subject), *_ids(self.beneficiary)),
            "beneficiary": _ids(self.beneficiary),
            "encounter": (*_ids(self.encounter), *_ids(self.context)),
            "context": (*_ids(self.context), *_ids(self.encounter)),
            "account": _ids(self.account),
            "practitioner": _ids(self.practitioner),
            "identifier": tuple(f"{each.system}|{each.value}" for each in self.identifier if each.value),
        }
        return tuple(each for each in told.get(parameter, ()) if each)

    def __repr__(self) -> str:
        return f"Head({self.resource_type})"


class _Bare(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    id: str = ""


class _Search(msgspec.Struct, frozen=True):
    mode: str = ""


class _Entry(msgspec.Struct, frozen=True):
    resource: msgspec.Raw = msgspec.Raw(b"{}")
    search: _Search = _Search()


class _Link(msgspec.Struct, frozen=True):
    relation: str = ""
    url: str = ""


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    type: str = ""
    total: int | None = None
    link: list[_Link] = []
    entry: list[_Entry] = []
    issue: list[msgspec.Raw] = []


class _Coding(msgspec.Struct, frozen=True):
    code: str = ""


class _Details(msgspec.Struct, frozen=True):
    text: str = ""
    coding: list[_Coding] = []


class _Issue(msgspec.Struct, frozen=True):
    severity: str = ""
    code: str = ""
    diagnostics: str = ""
    details: _Details = _Details()
    expression: list[str] = []
    location: list[str] = []


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: `status` (0: none came), `words` why not, `away`: none that counts, it may come later, `heads` of
    the type that was asked for, `others` (types that came beside it), `linked`: the parameters that the server says
    it searched by (None: it does not say), `next_url`, `total`, `etag`, `codes` of errors, and `objections`: what it
    says it left undone, in lower letters.
    """

    status: int
    words: str = ""
    heads: tuple[Head, ...] = ()
    others: tuple[Head, ...] = ()
    linked: tuple[tuple[str, str], ...] | None = None
    next_url: str = ""
    total: int | None = None
    etag: str = ""
    codes: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    body: bytes = b""
    away: bool = False

    @property
    def well(self) -> bool:
        """Whether the server did what it was asked, as far as it says."""
        return 200 <= self.status < 300 and not self.words

    @property
    def refusal(self) -> str:
        """Why it did not, in a few words without values."""
        codes = f" ({', '.join(self.codes)})" if self.codes else ""
        return f"{self.words or f'HTTP {self.status}'}{codes}"

    @property
    def no(self) -> tuple[Verdict, str]:
        """What a refusal means: none at all where the server was only away."""
        return ("unknown" if self.away else "refused"), self.refusal

    def objects(self, parameter: str) -> bool:
        """Whether it came with a warning that the parameter was not used."""
        word = re.compile(rf"(?<![\w-]){re.escape(parameter.lower())}(?![\w-])")
        return any(word.search(each) for each in self.objections)

    def names(self, parameter: str) -> bool | None:
        """Whether the server says that it searched by the parameter; None: it does not say what it did."""
        if self.linked is None:
            return None
        return any(name.split(":", 1)[0] == parameter for name, _value in self.linked)

    def __repr__(self) -> str:
        return f"Told({self.status}, {len(self.heads)} heads)"


def told(status: int, body: bytes, type_: str, etag: str = "") -> Told:
    """What an answer says to somebody who asked for `type_`; never raises."""
    answer = _read(body)
    if answer is None:
        garbled = status < 300
        words = "what came is no JSON of FHIR" if garbled else ""
        return Told(status=status, words=words, etag=etag, away=garbled)
    if answer.resource_type == "Bundle":
        return _bundle(status, answer, type_, etag)
    if answer.resource_type == type_:
        return Told(status=status, heads=(_head(msgspec.Raw(body)),), etag=etag, body=body)
    issues = list(_issues(answer.issue))
    codes = tuple(dict.fromkeys(_codes(issues)))
    words = "" if status >= 300 else f"an {answer.resource_type or 'empty answer'} instead of a Bundle"
    return Told(status=status, words=words, codes=codes, objections=tuple(_objections(issues)), etag=etag)


def _bundle(status: int, answer: _Answer, type_: str, etag: str) -> Told:
    heads: list[Head] = []
    others: list[Head] = []
    issues: list[_Issue] = []
    for entry in answer.entry:
        head = _head(entry.resource)
        if head.resource_type == "OperationOutcome":
            issues += _issues(head.issue)
        elif head.resource_type == type_ and entry.search.mode in ("", "match"):
            heads.append(head)
        elif head.resource_type:
            others.append(head)
    links = {link.relation: link.url for link in answer.link}
    errors = [issue for issue in issues if issue.severity in ("error", "fatal")]
    return Told(
        status=status,
        words="an error in the Bundle" if errors and not heads else "",
        heads=tuple(heads),
        others=tuple(others),
        linked=_query(links["self"]) if links.get("self") else None,
        next_url=links.get("next", ""),
        total=answer.total,
        etag=etag,
        codes=tuple(dict.fromkeys(_codes(errors))),
        objections=tuple(_objections(issues)),
        body=bytes(answer.entry[0].resource) if answer.entry else b"",
    )


def _query(url: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    except ValueError:
        return ()


def _read(body: bytes) -> _Answer | None:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except UNREADABLE:
        return None


def _head(resource: msgspec.Raw) -> Head:
    with suppress(*UNREADABLE):
        return msgspec.json.decode(resource, type=Head)
    with suppress(*UNREADABLE):
        bare = msgspec.json.decode(resource, type=_Bare)
        return Head(resource_type=bare.resource_type, id=bare.id)
    return Head()


def _issues(raw: list[msgspec.Raw]) -> Iterator[_Issue]:
    for one in raw:
        try:
            yield msgspec.json.decode(one, type=_Issue)
        except UNREADABLE:
            continue


def _codes(issues: list[_Issue]) -> Iterator[str]:
    """Codes of the value set IssueType: words of the standard, never a server's text."""
    for issue in issues:
        if issue.code.replace("-", "").isalpha() and len(issue.code) < 24:
            yield issue.code


def _objections(issues: list[_Issue]) -> Iterator[str]:
    for each in issues:
        text = " ".join((each.diagnostics, each.details.text, *each.expression, *each.location)).lower()
        if each.code == "not-supported" or _UNUSED.search(text):
            yield text


def _ids(references: _Reference | list[_Reference]) -> tuple[str, ...]:
    """The ids in `Type/id`, `https://.../Type/id` or `Type/id/_history/1`."""
    several = references if isinstance(references, list) else [references]
    parts = [each.reference.split("/_history/", 1)[0].rsplit("/", 1) for each in several]
    return tuple(each[1] for each in parts if len(each) == 2)
