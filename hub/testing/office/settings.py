"""The settings of an office: the example practice again and again, under other names, numbers and payers."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from hub.config.forms import npi_check_digit
from hub.config.template import template
from hub.sandbox.mailbox import Endpoint

PAYERS = ("medicare", "medigap", "ppo_second", "ppo", "medicaid", "comp", "self_pay")
KINDS = {"ehr": "fhir", "adt": "hl7"}
"""Connector of a source -> what `make_load` calls its files' folder."""
_ONE = "|".join(PAYERS)
_NAMED = re.compile(rf'(?<=\[payers\.)({_ONE})|(?<=\[facilities\.)(main|shore)|(?<=\[")({_ONE})')
_MEANT = re.compile(rf'(?<== ")({_ONE}|main|shore)(?=")')
_HUB = """[hub]
data = "{data}"
master_key = "file:master.key"
usage = "P"
zone = "America/New_York"
{store}
[run]
runner = "{runner}"
threads = {threads}
listen = ""
"""
_SOURCE = """
[connectors.{name}{number}]
plugin = "{plugin}"
practice = "practice{number}"
[connectors.{name}{number}.settings]
folder = "{folder}"
settle_seconds = 0
"""
_MAILBOX = """
[connectors.mailbox{number}]
practice = "practice{number}"
{plugin}
[mailboxes.mailbox{number}]
sender_id = "PRACTICE{number}"
receiver_id = "DEMOHOUSE"
submitter_name = "PRACTICE {number}"
submitter_id = "PRACTICE{number}"
contact_name = "BILLING OFFICE"
contact_phone = "2165550142"
receiver_name = "DEMO CLEARINGHOUSE"
answer_hours = 24
claim_prefix = "{prefix}"
"""
_FOLDERS = """plugin = "clearinghouse_folder"
[connectors.mailbox{number}.settings]
to_partner = "{home}/inbound"
from_partner = "{home}/outbound"
archive = "{home}/taken"
"""
_SFTP = """plugin = "clearinghouse_sftp"
[connectors.mailbox{number}.settings]
host = "{at.host}"
port = {at.port}
user = "{at.user}"
key = "file:mailbox{number}.key"
host_keys = ["{at.fingerprint}"]
settle_seconds = 0
after_done = "archive"
archive_folder = "/taken"
put_folder = "{at.inbound}"
get_folders = ["{at.outbound}"]
in_doubt = "await-answer"
partner_takes_files = true
"""


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """So many practices below `work`; without a `store` on an SQLite file, with one on what that address names.

    Practice N has the sources `ehrN` and `adtN`, the mailbox `mailboxN` and the payers `medicareN` and so on.
    """

    work: Path
    practices: int
    store: str = ""
    threads: int = 4

    @property
    def config(self) -> Path:
        """The folder of its settings."""
        return self.work / "config"

    @property
    def partner(self) -> Path:
        """Where its mailboxes live."""
        return self.work / "partner"

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """The names of its mailboxes."""
        return tuple(f"mailbox{number}" for number in self._numbers)

    def drop(self, number: int, kind: str, name: str, body: bytes) -> None:
        """Leave a file in the EHR folder of one practice, whole or not at all; `kind` is fhir or hl7."""
        folder = self.work / "ehr" / str(number) / kind
        hidden = folder / f".{name}.part"
        hidden.write_bytes(body)
        hidden.replace(folder / name)

    def furnish(self, endpoints: Mapping[str, Endpoint] | None = None, *, runner: str = "") -> None:
        """Make its folders and settings. With `endpoints` (by mailbox) files go by SFTP, else by shared folders (the
        plugin `clearinghouse_folder` must be installed). `runner` as in [run], else what the store allows.
        """
        for number in self._numbers:
            for kind in KINDS.values():
                (self.work / "ehr" / str(number) / kind).mkdir(parents=True, exist_ok=True)
            for part in ("inbound", "outbound", "taken"):
                (self.partner / f"mailbox{number}" / part).mkdir(parents=True, exist_ok=True)
        self.config.mkdir(parents=True, exist_ok=True)
        _secret(self.config / "master.key", base64.b64encode(os.urandom(32)).decode())
        for mailbox, endpoint in (endpoints or {}).items():
            _secret(self.config / f"{mailbox}.key", Path(endpoint.key_file).read_text())
        runner = runner or ("distributed" if self.store else "local")
        self._write("hub.toml", [self._hub(endpoints, runner)])
        self._write("practices.toml", [_renamed("practices.toml", number) for number in self._numbers])
        self._write("payers.toml", [_renamed("payers.toml", number) for number in self._numbers])
        self._write("enrolments.toml", ["enrolments = [", *map(_enrolments, self._numbers), "]"])
        for name in ("providers.toml", "charge_map.toml", "fee_schedule.toml"):
            self._write(name, [(template() / name).read_text()])

    @property
    def _numbers(self) -> range:
        return range(1, self.practices + 1)

    def _write(self, name: str, parts: Sequence[str]) -> None:
        (self.config / name).write_text("\n".join(parts))

    def _hub(self, endpoints: Mapping[str, Endpoint] | None, runner: str) -> str:
        store = f'store = "{self.store}"' if self.store else ""
        parts = [_HUB.format(data=self.work / "data", store=store, runner=runner, threads=self.threads)]
        for number in self._numbers:
            for name, plugin in (("ehr", "ehr_fhir"), ("adt", "hl7_adt")):
                folder = self.work / "ehr" / str(number) / KINDS[name]
                parts.append(_SOURCE.format(name=name, number=number, plugin=plugin, folder=folder))
            parts.append(self._mailbox(number, endpoints))
        parts.append('[route]\ndefault = "mailbox1"\n[route.payers]')
        parts += [f'{payer}{number} = "mailbox{number}"' for number in self._numbers for payer in PAYERS]
        return "\n".join(parts)

    def _mailbox(self, number: int, endpoints: Mapping[str, Endpoint] | None) -> str:
        mailbox = f"mailbox{number}"
        if endpoints is None:
            plugin = _FOLDERS.format(number=number, home=self.partner / mailbox)
        else:
            plugin = _SFTP.format(number=number, at=endpoints[mailbox])
        prefix = chr(ord("A") + (number - 1) // 26) + chr(ord("A") + (number - 1) % 26)
        return _MAILBOX.format(number=number, plugin=plugin, prefix=prefix)


def _renamed(file: str, number: int) -> str:
    """One of the template's files as that practice has it."""
    text = (template() / file).read_text()
    text = text.replace("lakeside", f"practice{number}").replace("clearinghouse =", f"mailbox{number} =")
    text = text.replace("[sources.ehr", f"[sources.ehr{number}").replace("[sources.adt", f"[sources.adt{number}")
    text = text.replace('"DM', f'"DM{number:03}').replace('"12-3456789"', f'"12-3450{number:03}"')
    text = text.replace('"1999999018"', f'"{_npi(2 * number)}"').replace(
        '"1999999026"', f'"{_npi(2 * number + 1)}"'
    )
    names = _NAMED if file == "payers.toml" else re.compile(f"{_NAMED.pattern}|{_MEANT.pattern}")
    return names.sub(lambda found: f"{found[0]}{number}", text)


def _npi(number: int) -> str:
    first = f"1888{number:05}"
    return first + npi_check_digit(first)


def _enrolments(number: int) -> str:
    rows = (
        f'practice = "practice{number}", payer = "{payer}{number}", transaction = "{transaction}", '
        f'clearinghouse = "mailbox{number}", status = "active"'
        for payer in PAYERS[:-1]
        for transaction in ("837P", "835")
    )
    return "\n".join(f"  {{ {row} }}," for row in rows)


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
