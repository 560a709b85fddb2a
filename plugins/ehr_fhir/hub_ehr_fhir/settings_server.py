"""`[connectors.NAME.settings.server]`: which FHIR server, and how to sign in there."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hub.plugin.api import Unfinished

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s].*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRETIVE = re.compile(
    r"(^|[-_])auth(orization)?($|[-_])|token|secret|pass(word|wd|phrase)|credential"
    r"|(api|access|subscription|functions?)[-_]?key"
)
_NEEDED = {
    "smart": ("private_key",),  # the server tells client_id once it knows our key
    "secret": ("client_id", "client_secret"),
    "bearer": ("token",),
    "none": (),
}
_PAIRS = (("proxy_login", "proxy"), ("client_key", "client_certificate"))


def _reference(value: str) -> str:
    if value and not REFERENCE.fullmatch(value):
        raise ValueError("give a reference (env:NAME or file:path), never the secret itself")
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    try:
        whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if value and (not whole or any(letter.isspace() for letter in value)):
        raise ValueError("write a whole address, such as https://fhir.example.org/r4")
    if "@" in parts.netloc:
        raise ValueError("an address holds no user name and password: use the settings for them")
    return value


def _base(value: str) -> str:
    parts = urlsplit(_web_address(value))
    if parts.query or parts.fragment:
        raise ValueError("the base address has no ? and no #")
    if parts.path.rstrip("/").endswith(("/metadata", "/.well-known/smart-configuration")):
        raise ValueError("write the base address alone, without /metadata or /.well-known behind it")
    return value


def _proxy(value: str) -> str:
    if value and urlsplit(_web_address(value)).path not in {"", "/"}:
        raise ValueError("a proxy is scheme, host and port, such as http://proxy.example.org:3128")
    return value


def _origin(value: str) -> str:
    if urlsplit(_base(value)).path not in {"", "/"}:
        raise ValueError("an origin is scheme, host and port, such as https://files.example.org")
    return value


def _header(name: str) -> str:
    if not _TOKEN.fullmatch(name) or name.lower() in {"authorization", "host", "content-length", "cookie"}:
        raise ValueError("this is no header that may be set")
    return name


def _no_secrets(given: dict[str, str]) -> dict[str, str]:
    """What is called like a secret is one, and stands in no settings file."""
    for name, value in given.items():
        if value and _SECRETIVE.search(name.lower()) and not REFERENCE.fullmatch(value):
            raise ValueError(
                f"{name} is called like a secret: give a reference (env:NAME or file:path), never itself"
            )
    return given


Reference = Annotated[str, AfterValidator(_reference)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Origin = Annotated[str, AfterValidator(_origin)]
HeaderName = Annotated[str, AfterValidator(_header)]
Seconds = Annotated[float, Field(gt=0, le=110)]


def is_here(host: str) -> bool:
    """Whether a host is this machine itself, where nobody listens on the way."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class SignInSettings(BaseModel):
    """How to sign in. Secrets stand here by reference only: `env:NAME` or `file:path`."""

    auth: Literal["smart", "secret", "bearer", "none"] = Field(
        default="smart",
        description="smart: SMART Backend Services with the hub's own key; secret: client id and secret; "
        "bearer: a token that never changes; none: the server asks for nothing",
    )
    client_id: str = Field(
        default="", description="what the server calls us: given when the hub is registered there"
    )
    client_secret: Reference = Field(default="", description="reference of the secret, for auth = secret")
    private_key: Reference = Field(
        default="", description="reference of the private key, for auth = smart: `hub fhir key NAME` makes it"
    )
    key_id: str = Field(default="", description="kid of the key, where the server gave one; else its thumbprint")
    jwks_url: WebAddress = Field(
        default="",
        description="where the server fetches our public keys, if it wants to be told so in each sign-in",
    )
    token: Reference = Field(default="", description="reference of the token, for auth = bearer")
    token_url: WebAddress = Field(default="", description="where tokens are given; empty: what the server names")
    audience: str = Field(
        default="", description="aud of the signed request; empty: the token address, as SMART says"
    )
    scopes: tuple[str, ...] = Field(
        default=(),
        description='what may be read, such as "system/*.read"; empty: chosen from what the server offers',
    )


class WaySettings(BaseModel):
    """The way to the server: proxies, certificates, limits."""

    proxy: Annotated[str, AfterValidator(_proxy)] = Field(
        default="", description="HTTP proxy on the way, such as http://proxy.example.org:3128"
    )
    proxy_login: Reference = Field(default="", description="reference of user:password for the proxy")
    proxy_from_environment: bool = Field(
        default=False, description="whether HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment count"
    )
    ca: str = Field(
        default="",
        description="PEM file of a private authority that signs the server's certificate (path or secret reference), "
        "beside the authorities the system knows",
    )
    client_certificate: str = Field(
        default="", description="our certificate, where the server asks for one (PEM; path or secret reference)"
    )
    client_key: str = Field(
        default="",
        description="its private key (PEM; path or secret reference); empty: it stands with the certificate",
    )
    client_key_password: Reference = Field(default="", description="reference of that key's password")
    allow_http: bool = Field(
        default=False,
        description="whether addresses without TLS are used outside this machine: what is sent can then be read on "
        "the way",
    )
    connect_seconds: Seconds = Field(default=10.0, description="how long a connection may take")
    read_seconds: Seconds = Field(default=45.0, description="how long the server may say nothing")
    call_seconds: Seconds = Field(default=60.0, description="how long one call may take, with all its tries")
    tries: int = Field(default=4, ge=1, le=20, description="tries of one call before it is left for later")
    requests_at_once: int = Field(default=4, ge=1, le=64, description="most requests at the same time")
    requests_per_second: float = Field(
        default=20.0, ge=0, description="most requests a second; 0: without a limit"
    )
    max_body_bytes: int = Field(
        default=64 << 20, ge=1024, description="most bytes of one answer; files have no limit"
    )


class ServerSettings(SignInSettings, WaySettings):
    """One FHIR R4 server."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_base)] = Field(
        min_length=1, description="base address of the FHIR R4 server, such as https://fhir.example.org/r4"
    )
    trusted_origins: tuple[Origin, ...] = Field(
        default=(),
        description="other addresses that may be shown our token, such as https://files.example.org: only what "
        "belongs to the server",
    )
    headers: Annotated[dict[HeaderName, str], AfterValidator(_no_secrets)] = Field(
        default_factory=dict,
        description="headers that the server or its gateway asks for, such as an API key; a value may be a reference "
        "(env:NAME, file:PATH), and must be one where the name is that of a secret",
    )

    search_parameters: Annotated[dict[str, str], AfterValidator(_no_secrets)] = Field(
        default_factory=dict,
        description="parameters that this server wants in every search, such as ah-practice at athenahealth; "
        "values as in headers",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for address in (self.url, self.token_url, *self.trusted_origins):
            parts = urlsplit(address)
            if parts.scheme == "http" and not (self.allow_http or is_here(parts.hostname or "")):
                raise ValueError(
                    "an http address sends tokens and patients readably: use https, or set allow_http"
                )
        lacks = [
            f"{name} needs {other}" for name, other in _PAIRS if getattr(self, name) and not getattr(self, other)
        ]
        missing = [name for name in _NEEDED[self.auth] if not getattr(self, name)]
        other = ' (with a key instead: auth = "smart")' if self.auth == "secret" else ""
        lacks += [f"auth = {self.auth} needs {' and '.join(missing)}{other}"] if missing else []
        if lacks:
            raise Unfinished("; ".join(lacks))
        return self
