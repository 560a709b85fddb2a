"""The clearinghouse port over a pair of SFTP folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from hub_sftp_transfer import Mailbox
from pydantic import BaseModel

from hub.plugin.api import (
    Capabilities,
    Context,
    Evidence,
    Listing,
    Misconfigured,
    Outgoing,
    Ref,
    Refused,
    Step,
)
from hub_clearinghouse_sftp.presets import WORDS, Preset, presets
from hub_clearinghouse_sftp.settings import ClearinghouseSettings


class SftpClearinghouse:
    """Carries frozen X12 files to a clearinghouse's folder and fetches what lies in its others."""

    Settings: ClassVar[type[BaseModel]] = ClearinghouseSettings

    def __init__(self, settings: ClearinghouseSettings, context: Context) -> None:
        self._settings = settings
        self._preset = presets()[settings.preset]
        self._mailbox = Mailbox(settings, context)

    @property
    def capabilities(self) -> Capabilities:
        """What the account is enabled for, and what makes a file sent."""
        return Capabilities(
            sends=self._settings.sends,
            receives=self._settings.receives,
            in_doubt=self._settings.in_doubt,
            evidence=self._mailbox.evidence_kinds(),
        )

    def check(self) -> Iterator[Step]:
        """The preset's standing, then the connection step by step; changes nothing at the partner."""
        yield from self._mailbox.check(_preset_steps(self._settings.preset, self._preset))

    def close(self) -> None:
        self._mailbox.close()

    def stage(self, file: Outgoing, body: Iterable[bytes]) -> Evidence:
        """As the port says; `Misconfigured` where the partner needs what this plugin cannot do."""
        if self._preset.needs:
            raise Misconfigured(f"{self._preset.title} needs {self._preset.needs}: this plugin makes none")
        self._check_name(file)
        return self._mailbox.stage(file, body)

    def publish(self, file: Outgoing) -> Evidence:
        return self._mailbox.publish(file)

    def confirm(self, file: Outgoing) -> Evidence | None:
        return self._mailbox.confirm(file)

    def list(self, cursor: str) -> Listing:
        return self._mailbox.list(cursor)

    def open(self, ref: Ref) -> Iterator[bytes]:
        return self._mailbox.open(ref)

    def done(self, ref: Ref) -> None:
        self._mailbox.done(ref)

    def ask(self, kind: str, body: bytes, deadline: datetime) -> bytes:  # noqa: ARG002
        """Nothing is answered while somebody waits over SFTP."""
        raise Refused(f"{kind} is not answered in real time over SFTP")

    def _check_name(self, file: Outgoing) -> None:
        extension = self._preset.extensions.get(file.kind)
        if extension is None:
            return
        stem, _, ending = file.name.rpartition(".")
        if not stem or ending != extension or "." in stem:
            raise Refused(
                f"{self._preset.title} routes {file.kind} files by the extension .{extension}, and the name "
                "may hold no other period",
                fix=f'set file_name = "{{kind}}_{{number}}.{extension}" for this mailbox',
            )


def _preset_steps(name: str, preset: Preset) -> Iterator[Step]:
    told = f"{preset.title}: {WORDS[preset.confidence]}"
    if preset.is_template:
        told += "; a template to confirm: compare every setting with the partner's guide before production"
    yield Step(name="preset", ok=True, said=f"{name} = {told}")
    if preset.needs:
        fix = "ask the partner for another way in, or encrypt with a tool of your own"
        yield Step(name="preset", ok=False, said=f"needs {preset.needs}: this plugin does not make them", fix=fix)
    for note in preset.notes:
        yield Step(name="note", ok=True, said=note)
