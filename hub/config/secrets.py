"""Resolves secret references; a secret itself never stands in settings, messages or records."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path as Folder

from hub.config.checks import leaves
from hub.config.faults import Fault, Path
from hub.config.fields import SECRET
from hub.config.load import Loaded
from hub.errors import Misconfigured

_LARGEST = 65_536
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_REFERENCE = re.compile(r"(env|file):(.+)")
MASTER_FIX = (
    "put it back from your safe copy, or run the command as the service does (deploy/systemd/hub-command); "
    "for a new hub without data, hub init makes one"
)
"""Where the master key is missing, a new one would open nothing that is stored."""


class SecretStore:
    """Reads `env:NAME` and `file:path` (relative to the settings folder) each time it is asked. A credential of the
    same name that the service manager has given (systemd's LoadCredential, a container's secret) comes first.
    """

    def __init__(self, folder: Folder, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ

    def get(self, reference: str) -> str:
        """The secret; raises `Misconfigured`, which names the reference only."""
        return self._read(reference)

    def master(self, reference: str) -> str:
        """The master key, as `get`; where it is missing, a new one would open nothing that is stored."""
        return self._read(reference, MASTER_FIX)

    def _read(self, reference: str, fix: str = "") -> str:
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise Misconfigured("a secret reference is expected here", fix='write "env:NAME" or "file:path"')
        return self._variable(match[2], fix) if match[1] == "env" else self._file(match[2], fix)

    def _variable(self, name: str, fix: str) -> str:
        value = self._environ.get(name, "")
        if not value:
            raise Misconfigured(f"env:{name} is not set", fix=fix or f"set the environment variable {name}")
        return value

    def _file(self, name: str, fix: str) -> str:
        given = self._given(name)
        try:
            with (given or self._folder / name).open("rb") as file:
                self._guard(name, os.fstat(file.fileno()), given=given is not None)
                body = file.read(_LARGEST + 1)
        except OSError as error:
            why = error.strerror or "unknown reason"
            fix = fix or "create it with mode 600, owned by the hub's user"
            raise Misconfigured(f"file:{name} cannot be read ({why})", fix=fix) from None
        return self._text(name, body)

    def _given(self, name: str) -> Folder | None:
        """The credential of that name, where the service manager keeps one; who may read it is its own affair."""
        folder = self._environ.get("CREDENTIALS_DIRECTORY", "")
        path = Folder(folder, name)
        return path if folder and "/" not in name and path.is_file() else None

    @staticmethod
    def _guard(name: str, status: os.stat_result, *, given: bool) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise Misconfigured(f"file:{name} is no file", fix="name a file")
        if os.name == "posix" and status.st_mode & _OTHERS and not given:
            raise Misconfigured(f"file:{name} can be read by others than its owner", fix=f"run: chmod 600 {name}")

    @staticmethod
    def _text(name: str, body: bytes) -> str:
        if len(body) > _LARGEST:
            raise Misconfigured(f"file:{name} is too large for a secret", fix="name the right file")
        try:
            text = body.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise Misconfigured(f"file:{name} is no UTF-8 text", fix="store the secret as text") from None
        if not text:
            raise Misconfigured(f"file:{name} is empty", fix="write the secret into it")
        return text


def references(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    """Every secret reference of enabled connectors and of the hub itself, with its key path."""
    tree = loaded.settings
    yield ("hub", "master_key"), tree.hub.master_key
    if SECRET.fullmatch(tree.hub.store):
        yield ("hub", "store"), tree.hub.store
    for name, connector in tree.connectors.items():
        for path, value in leaves(connector.settings, ("connectors", name, "settings")):
            if connector.enabled and isinstance(value, str) and SECRET.fullmatch(value):
                yield path, value


def secret_faults(loaded: Loaded, secrets: SecretStore) -> list[Fault]:
    """A fault for each reference that cannot be resolved here and now."""
    faults = []
    for path, reference in references(loaded):
        get = secrets.master if path == ("hub", "master_key") else secrets.get
        try:
            get(reference)
        except Misconfigured as error:
            faults.append(loaded.fault(path, str(error), fix=error.fix))
    return faults
