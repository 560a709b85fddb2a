"""What a person states about a mail server, a web hook or a ping; secrets stand here by reference only."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hub.plugin.api import Unfinished

REFERENCE = re.compile(r"(env|file):.+")
ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
Kind = Literal["alert", "recovered", "digest"]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _reference(value: str) -> str:
    if value and not REFERENCE.fullmatch(value):
        raise ValueError("give a reference (env:NAME or file:path), never the secret itself")
    return value


def _address(value: str) -> str:
    if not ADDRESS.fullmatch(value):
        raise ValueError("this is no e-mail address, as in it@practice.example")
    return value


Reference = Annotated[str, AfterValidator(_reference)]
Address = Annotated[str, AfterValidator(_address)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(_listed), Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=60)]
Addresses = Annotated[tuple[Address, ...], BeforeValidator(_listed), Field(min_length=1, max_length=50)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class EmailSettings(_Part):
    """One mail server and who gets mail through it."""

    host: str = Field(min_length=1, description="name of the mail server (submission or relay)")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="empty: 587 for starttls, 465 for tls, 25 for none"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="the certificate is always verified; none: only inside your own network"
    )
    ca_file: Path | None = Field(
        default=None, description="certificates to trust instead of the system's, as a PEM file"
    )
    user: str = Field(default="", description="login name; empty: no login")
    password: Reference = Field(default="", repr=False, description="its password, as env:NAME or file:path")
    sender: Address = Field(alias="from", description="address the mail comes from")
    sender_name: str = Field(
        default="Billing Hub", max_length=60, pattern=r"^[^\r\n]*$", description="name beside it"
    )
    to: Addresses = Field(description="who gets the mail")
    takes: Kinds = Field(default=("alert", "recovered", "digest"), description="kinds of notices that are mailed")
    helo: str = Field(
        default="", pattern=r"^[A-Za-z0-9.\[\]:-]*$", description="name told to the server; empty: domain of from"
    )
    timeout_seconds: Seconds = Field(default=20, description="longest wait for each answer of the server")

    @model_validator(mode="after")
    def _login(self) -> Self:
        if bool(self.user) != bool(self.password):
            raise Unfinished("give both user and password, or neither")
        if self.user and self.security == "none":
            raise ValueError("a login needs starttls or tls: without it anyone on the way reads the password")
        return self

    @property
    def at(self) -> int:
        """The port."""
        return self.port or PORTS[self.security]

    @property
    def domain(self) -> str:
        """The domain of the sender's address."""
        return self.sender.rpartition("@")[2]


class _WebSettings(_Part):
    ca_file: Path | None = Field(
        default=None, description="certificates to trust instead of the system's, as a PEM file"
    )
    timeout_seconds: Seconds = Field(default=20, description="longest wait for the answer")


class WebhookSettings(_WebSettings):
    """One address that takes notices as JSON."""

    url: str = Field(
        min_length=1, repr=False, description="https address, or a reference where the address holds a token"
    )
    secret: Reference = Field(
        default="",
        repr=False,
        description="key of the signature header Hub-Signature, as a reference; empty: none",
    )
    authorization: Reference = Field(
        default="", repr=False, description="the whole Authorization header, as a reference; empty: none"
    )
    takes: Kinds = Field(default=("alert", "recovered"), description="kinds of notices that are posted")

    @model_validator(mode="after")
    def _form(self) -> Self:
        if not REFERENCE.fullmatch(self.url) and (why := address_fault(self.url)):
            raise ValueError(why)
        return self


class PingSettings(_WebSettings):
    """One address that must hear from the hub, and raises an alarm when it does not."""

    url: Reference = Field(
        min_length=1, repr=False, description="the https address, as a reference: it holds a token"
    )
    method: Literal["GET", "POST", "HEAD"] = Field(default="GET", description="how it is asked")


def address_fault(url: str) -> str:
    """What is wrong with an address, without showing it; plain http goes to this machine only."""
    try:
        parts = urlsplit(url)
        port_is_one = parts.port is None or parts.port > 0
    except ValueError:
        return "this is no web address"
    if not parts.hostname or not port_is_one or parts.scheme not in {"http", "https"}:
        return "this is no web address, as in https://host.example/path"
    if parts.username or parts.password:
        return "an address holds no user and password: use authorization"
    if parts.scheme == "http" and not _is_here(parts.hostname):
        return "plain http goes to this machine only: use https"
    return ""


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
