"""What a person states about one SFTP account and its folders; secrets stand here by reference only."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub.plugin.api import Unfinished

REFERENCE = re.compile(r"[a-z][a-z0-9+-]*:.+")
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
PUBLIC_KEY = re.compile(r"(?:ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/]+={0,2}(?: .*)?")
LEGACY_NOTE = (
    "Servers that sign only with ssh-rsa (SHA-1) are refused: that signature can be forged. Ask the partner for "
    "a server with rsa-sha2, ecdsa or ed25519 host keys."
)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class SftpSettings(BaseModel):
    """One account at one server.

    `password`, `key` and `key_passphrase` are references (`env:NAME`, `file:path`); a key is the text of an
    OpenSSH or PEM private key. `host_keys` pins the server: `SHA256:...` fingerprints or whole public keys
    (`ssh-ed25519 AAAA...`), several while a partner moves; without one nothing connects. All times in seconds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = ""
    port: int = Field(default=22, ge=1, le=65535)
    user: str = Field(min_length=1)
    password: str = Field(default="", repr=False)
    key: str = Field(default="", repr=False)
    key_passphrase: str = Field(default="", repr=False)
    keyboard_interactive: bool = False
    host_keys: Names = ()
    connect_timeout_seconds: float = Field(default=20, gt=0, le=300)
    operation_timeout_seconds: float = Field(default=60, gt=0, le=3600)
    keepalive_seconds: int = Field(default=30, ge=0, le=600)
    connect_attempts: int = Field(default=2, ge=1, le=5)
    stop_after_failed_connects: int = Field(default=0, ge=0)

    @field_validator("password", "key", "key_passphrase")
    @classmethod
    def _is_reference(cls, value: str) -> str:
        if value and not REFERENCE.fullmatch(value):
            raise ValueError("give a reference (env:NAME or file:path), never the secret itself")
        return value

    @field_validator("host_keys")
    @classmethod
    def _are_pins(cls, pins: tuple[str, ...]) -> tuple[str, ...]:
        for pin in pins:
            if not (FINGERPRINT.fullmatch(pin) or PUBLIC_KEY.fullmatch(pin)):
                raise ValueError("each host key is SHA256: and 43 characters, or a public key")
        return pins

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.host:
            raise Unfinished("host is missing: the partner's portal or guide names it")
        if not (self.password or self.key):
            raise Unfinished("give password or key, as a reference (env:NAME or file:path)")
        return self


class MailboxSettings(SftpSettings):
    """The folders of an account and the partner's habits with them.

    `temporary_name` is what a file is called until it is whole, and must hold `{name}`. `after_done` is what
    becomes of a fetched file. `confirm` is the evidence that a sent file is there: its size, its hash by
    reading it back, or only that the server said yes to the rename, for partners who take a file at once
    (`partner_takes_files`). `settle_seconds` is how long a new file must stay unchanged before it is taken; 0
    for a partner known to deliver by rename. `first_reader_removes`: the partner deletes what was read once.
    """

    put_folder: str = "."
    get_folders: Names = (".",)
    temporary_name: str = "{name}.part"
    take: Names = ("*",)
    ignore: Names = ()
    after_done: Literal["leave", "delete", "archive"] = "leave"
    archive_folder: str = ""
    confirm: Literal["size", "hash"] = "size"
    partner_takes_files: bool = False
    in_doubt: Literal["resend-same-bytes", "await-answer", "ask"] = "ask"
    settle_seconds: float = Field(default=2, ge=0, le=600)
    first_reader_removes: bool = False
    log_out_after_sending: bool = False
    largest_bytes: int = Field(default=0, ge=0)
    longest_name: int = Field(default=128, ge=8, le=255)

    @field_validator("temporary_name")
    @classmethod
    def _names_the_file(cls, rule: str) -> str:
        if rule.count("{name}") != 1 or rule == "{name}" or "/" in rule:
            raise ValueError("the temporary name must hold {name} once and something more, and no slash")
        return rule

    @model_validator(mode="after")
    def _archives_somewhere(self) -> Self:
        if self.after_done == "archive" and not self.archive_folder:
            raise Unfinished("after_done = archive needs archive_folder")
        return self
