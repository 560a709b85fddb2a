"""The settings of HL7 over TCP: where the hub listens and to whom, and where it sends."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.plugin.api import Unfinished

_ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:\[\]\s]*)):(\d{1,5})")


def address(text: str) -> tuple[str, int]:
    """Read `0.0.0.0:2575` or `[::]:2575`; raises ValueError for anything else."""
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match[3]) > 65535:
        raise ValueError("an address is written like 0.0.0.0:2575 or [::]:2575")
    return match[1] or match[2], int(match[3])


def _checked_address(text: str) -> str:
    address(text)
    return text


def _checked_network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError("an address or network such as 10.1.2.3 or 10.1.0.0/16") from None
    return text


def _checked_label(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,40}", text):
        raise ValueError("letters, digits and - _ . : only, at most 40")
    return text


Address = Annotated[str, AfterValidator(_checked_address)]
Network = Annotated[str, AfterValidator(_checked_network)]
Label = Annotated[str, AfterValidator(_checked_label)]


class TlsSettings(BaseModel):
    """Certificates: a path, or a secret reference (`env:NAME`, `file:path`) whose secret is the PEM text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tls_cert: str = Field(
        default="", description="our certificate with its chain (PEM): path or secret reference"
    )
    tls_key: str = Field(
        default="", description="its private key (PEM): path or secret reference; empty: with the certificate"
    )
    tls_key_password: str = Field(default="", description="secret reference of the key's password")


class MllpSettings(TlsSettings):
    """`[connectors.NAME.settings.mllp]`: the listener."""

    listen: Address = Field(description="address and port that are listened on, such as 0.0.0.0:2575")
    tls_client_ca: str = Field(
        default="", description="who signs the senders' certificates (PEM); set: none is heard without one"
    )
    acks: Literal["auto", "original", "enhanced"] = Field(
        default="auto",
        description="auto: enhanced where MSH-15 or MSH-16 is filled; original: AA always; enhanced: CA always",
    )
    allow: tuple[Network, ...] = Field(
        default=(), description="addresses or networks that are heard; empty: everybody"
    )
    peers: dict[str, Label] = Field(
        default_factory=dict, description="names for senders by address: 10.1.2.3 = epic"
    )
    connections: int = Field(default=100, gt=0, description="most connections at once")
    max_bytes: int = Field(default=16 << 20, ge=1024, description="most bytes of one message")
    idle_seconds: float = Field(
        default=0.0, ge=0, description="a connection on which nothing comes for so long is closed; 0: never"
    )
    message_seconds: float = Field(
        default=60.0, gt=0, description="a message that has begun, or a TLS handshake, must be whole within this"
    )
    window: int = Field(
        default=500, gt=0, description="messages of one connection that wait to be stored; more are not read"
    )
    drain_seconds: float = Field(
        default=5.0, ge=0, le=9, description="how long a stop waits for what was read to be stored and answered"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.tls_client_ca and not self.tls_cert:
            raise Unfinished("tls_client_ca needs tls_cert: without TLS no certificate is asked for")
        return self


class MllpTarget(TlsSettings):
    """Where messages are sent, and how: the other end of a downstream feed or of `hub hl7 send`."""

    to: Address = Field(description="address and port of the receiver, such as engine.example.org:2575")
    tls: bool = Field(default=False, description="whether the connection is TLS (1.2 or newer)")
    tls_ca: str = Field(
        default="", description="who signs the receiver's certificate (PEM); empty: the system's authorities"
    )
    tls_name: str = Field(default="", description="the name in the receiver's certificate, where it is another")
    connect_seconds: float = Field(default=10.0, gt=0, description="how long a connection may take")
    ack_seconds: float = Field(default=30.0, gt=0, description="how long the answer to a message may take")
    window: int = Field(
        default=1, gt=0, description="messages on their way at once; 1 keeps a strictly ordered feed"
    )
    attempts: int = Field(default=3, gt=0, description="tries before a message is given back to be sent later")
    back_off_seconds: float = Field(
        default=1.0, ge=0, description="wait before the second try, twice as long before each further one"
    )
    resend: Literal["never", "flagged"] = Field(
        default="never",
        description="after a time-out: never, or the same bytes again, counted as sent in doubt",
    )
    max_bytes: int = Field(default=1 << 20, ge=1024, description="most bytes of an answer")


def pem_path(text: str) -> Path | None:
    """The path that a certificate setting names; None for a secret reference."""
    return None if re.match(r"(env|file):", text) else Path(text)
