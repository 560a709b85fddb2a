"""`[connectors.NAME.settings.push]`: what the server sends by itself."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.plugin.api import Unfinished
from hub_ehr_fhir.settings_server import HeaderName, Reference, WebAddress, is_here


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("an address or network such as 10.1.2.3 or 10.1.0.0/16") from None
    return text


Network = Annotated[str, AfterValidator(_network)]
WAYS = ("token", "basic", "hmac_secret")


class PushSettings(BaseModel):
    """Who may send, and what the server is asked to send. What is received at `/connectors/NAME/fhir` and
    `/connectors/NAME/subscription` shows a token or a login (either, where both are set) and, where `hmac_secret` is
    set, a signature too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    token: Reference = Field(default="", description="reference of the token that senders show")
    token_header: Annotated[str, AfterValidator(str.lower)] = Field(
        default="authorization",
        pattern="^[A-Za-z0-9-]{1,60}$",
        description="header in which they show it; in `authorization` it stands behind `Bearer`",
    )
    basic: Reference = Field(default="", description="reference of user:password, for senders that sign in so")
    hmac_secret: Reference = Field(
        default="", description="reference of the secret with which each body is signed (HMAC-SHA256)"
    )
    hmac_header: HeaderName = Field(
        default="x-hub-signature-256",
        description="header of that signature, as hex or base64, with or without `sha256=`",
    )
    allow: tuple[Network, ...] = Field(
        default=(), description="addresses or networks that may send; empty: whoever can sign in"
    )
    proxies: tuple[Network, ...] = Field(
        default=(),
        description="our own reverse proxies: whom they name in X-Forwarded-For is taken for the sender",
    )
    public_url: WebAddress = Field(
        default="",
        description="how senders reach the hub, such as https://hub.example.org: `hub fhir subscribe` tells them",
    )
    subscribe_to: tuple[str, ...] = Field(
        default=("Encounter?",),
        description="what `hub fhir subscribe` asks for: R4 criteria, or the address of a SubscriptionTopic",
    )
    content: Literal["full-resource", "id-only", "empty"] = Field(
        default="full-resource", description="what notifications shall carry; the rest is fetched by `pull`"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = urlsplit(self.public_url)
        if parts.query or parts.fragment:
            raise ValueError("public_url has no ? and no #")
        if parts.scheme == "http" and not is_here(parts.hostname or ""):
            raise ValueError("public_url is https: what is sent there would be readable on the way")
        if not any(getattr(self, name) for name in WAYS):
            raise Unfinished(f"anybody could send: set one of {', '.join(WAYS)}")
        return self
