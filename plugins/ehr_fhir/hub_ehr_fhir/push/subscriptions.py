"""Our Subscriptions at the server: what is asked for, what stands there, and how the two are brought together."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from hub.plugin.api import Misconfigured, Refused
from hub.plugin.api.ports import Secrets
from hub_ehr_fhir.connect.http import JSON, Answer, Server
from hub_ehr_fhir.settings_push import PushSettings

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
SENDING, BROKEN = ("active", "requested"), ("error", "off")
HIDDEN = "(hidden)"
_COUNT = "100"


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """A Subscription that points to us. `status` is the server's: requested, active, error, off."""

    id: str
    status: str
    criteria: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, removed and created so that the server sends what is asked for."""

    kept: tuple[Ours, ...] = ()
    removed: tuple[Ours, ...] = ()
    created: tuple[str, ...] = ()


class _Channel(msgspec.Struct, frozen=True):
    endpoint: str = ""


class _Subscription(msgspec.Struct, frozen=True, rename="camel"):
    resource_type: str = ""
    id: str = ""
    status: str = ""
    criteria: str = ""
    channel: _Channel = _Channel()


class _Entry(msgspec.Struct, frozen=True):
    resource: msgspec.Raw = msgspec.Raw(b"null")


class _Found(msgspec.Struct, frozen=True):
    entry: tuple[_Entry, ...] = ()


def endpoint(settings: PushSettings, name: str) -> str:
    """Where the server sends to; raises `Misconfigured` where the hub's address outside is not known."""
    if not settings.public_url:
        raise Misconfigured(
            "public_url is empty, so the server cannot be told where to send",
            fix=f'write public_url = "https://YOUR-HOST" into [connectors.{name}.settings.push]',
        )
    return f"{settings.public_url.rstrip('/')}/connectors/{name}/subscription"


def ours(server: Server, address: str) -> list[Ours]:
    """The Subscriptions there that point to `address`, by id."""
    try:
        answer = server.get("Subscription", {"url": address, "_count": _COUNT})
    except (Refused, Misconfigured):  # not every server can search by the address
        answer = server.get("Subscription", {"_count": _COUNT})
    found = (_of(entry.resource) for entry in _searched(answer).entry)
    mine = [one for one in found if one is not None and one.channel.endpoint.rstrip("/") == address]
    return sorted(
        (Ours(id=one.id, status=one.status, criteria=one.criteria) for one in mine), key=lambda one: one.id
    )


def plan(settings: PushSettings, standing: Sequence[Ours]) -> Plan:
    """One that works stands for each of what is asked for; what does not work is made anew, what nobody asks for any
    more is removed.
    """
    kept: dict[str, Ours] = {}
    for one in sorted(standing, key=lambda one: one.status != SENDING[0]):
        if one.status not in BROKEN and one.criteria in settings.subscribe_to:
            kept.setdefault(one.criteria, one)
    stay = {one.id for one in kept.values()}
    return Plan(
        kept=tuple(kept.values()),
        removed=tuple(one for one in standing if one.id not in stay),
        created=tuple(one for one in dict.fromkeys(settings.subscribe_to) if one not in kept),
    )


def create(server: Server, resource: dict[str, Any]) -> str:
    """Ask the server for one; its status there. Nobody repeats it by himself: who does not know looks first."""
    answer = server.post("Subscription", body=msgspec.json.encode(resource), content_type=JSON)
    made = _of(msgspec.Raw(answer.body or b"null"))
    return made.status if made is not None else "requested"


def remove(server: Server, one: Ours) -> None:
    """Remove one of ours; one that is gone is gone."""
    server.delete(f"Subscription/{one.id}", expect=(200, 202, 204, 404, 410))


def resource(settings: PushSettings, name: str, criteria: str, secrets: Secrets | None) -> dict[str, Any]:
    """The Subscription to create; without `secrets` what signs in is hidden, to be shown."""
    topic = criteria.startswith(("http://", "https://"))
    channel: dict[str, Any] = {"type": "rest-hook", "endpoint": endpoint(settings, name)}
    if settings.content == "full-resource" or topic:
        channel["payload"] = "application/fhir+json"
    if topic:
        told = {"url": f"{BACKPORT}payload-content", "valueCode": settings.content}
        channel["_payload"] = {"extension": [told]}
    if headers := _headers(settings, secrets):
        channel["header"] = headers
    found = {"resourceType": "Subscription", "status": "requested", "reason": f"Billing Hub, connector {name}"}
    profile = {"meta": {"profile": [f"{BACKPORT}subscription"]}} if topic else {}
    return {**found, **profile, "criteria": criteria, "channel": channel}


def _headers(settings: PushSettings, secrets: Secrets | None) -> list[str]:
    """How the server shows that it may: the token, else the login."""

    def get(reference: str) -> str:
        return HIDDEN if secrets is None else secrets.get(reference)

    if settings.token and settings.token_header == "authorization":  # noqa: S105 - a header's name
        return [f"Authorization: Bearer {get(settings.token)}"]
    if settings.token:
        return [f"{settings.token_header}: {get(settings.token)}"]
    if settings.basic:
        login = get(settings.basic)
        shown = HIDDEN if secrets is None else base64.b64encode(login.encode()).decode()
        return [f"Authorization: Basic {shown}"]
    return []


def _searched(answer: Answer) -> _Found:
    if answer.status != 200:
        return _Found()
    try:
        return msgspec.json.decode(answer.body, type=_Found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        why = "the server's answer to a search of Subscriptions is no Bundle"
        raise Refused(why, fix="ask who runs it") from None


def _of(raw: msgspec.Raw) -> _Subscription | None:
    try:
        found = msgspec.json.decode(raw, type=_Subscription)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if found.resource_type == "Subscription" and found.id else None
