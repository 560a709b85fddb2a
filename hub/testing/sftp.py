"""A partner's SFTP server for tests: a login, a key, folders, and the settings that reach it.

    with sftp_partner(tmp_path) as partner:
        partner.deliver("out", "a.835", b"...")
        settings = partner.settings(put_folder="in", get_folders=("out",))

asyncssh (extra `sandbox`) is needed as soon as a partner is started.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from hub.sandbox.sftp_server import FileHook, Options, SftpServer, User

PASSWORD = "not-a-real-password"  # noqa: S105  a login on loopback that lives as long as a test
USER = "practice"
PASSWORD_REFERENCE = "env:PARTNER_PASSWORD"  # noqa: S105
KEY_REFERENCE = "env:PARTNER_KEY"


class SftpPartner(msgspec.Struct, frozen=True, kw_only=True):
    """A running server with one login; `secrets` are what its references mean."""

    server: SftpServer
    root: Path
    secrets: Mapping[str, str]

    def settings(self, **more: Any) -> dict[str, Any]:
        """Settings of an SFTP plugin that reach this partner; `more` overrides and adds."""
        return {
            "host": self.server.host,
            "port": self.server.port,
            "user": USER,
            "password": PASSWORD_REFERENCE,
            "host_keys": [self.server.fingerprint],
            "connect_timeout_seconds": 10,
            "operation_timeout_seconds": 10,
            "settle_seconds": 0,
            **more,
        }

    def deliver(self, folder: str, name: str, body: bytes) -> Path:
        """Lay a whole file out for the hub."""
        return self.server.place(f"{folder}/{name}", body)

    def names(self, folder: str) -> list[str]:
        """The names in a folder, in order, temporary ones too."""
        return sorted(path.name for path in (self.root / folder).iterdir())

    def read(self, folder: str, name: str) -> bytes:
        """The bytes of a file at the partner."""
        return (self.root / folder / name).read_bytes()


@contextmanager
def sftp_partner(
    root: Path,
    *,
    folders: tuple[str, ...] = ("in", "out", "archive"),
    options: Options | None = None,
    on_file: FileHook | None = None,
    public_keys: tuple[str, ...] = (),
) -> Iterator[SftpPartner]:
    """A partner whose folders stand below `root`; it is gone when the block ends."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    user = User(name=USER, password=PASSWORD, public_keys=public_keys)
    with SftpServer(root, [user], options=options, on_file=on_file) as server:
        yield SftpPartner(server=server, root=root, secrets={PASSWORD_REFERENCE: PASSWORD})


def new_login_key() -> tuple[str, str]:
    """A fresh ed25519 pair: the private key in OpenSSH form, and the public key's line."""
    import asyncssh

    key = asyncssh.generate_private_key("ssh-ed25519")
    return key.export_private_key().decode(), key.export_public_key().decode().strip()
