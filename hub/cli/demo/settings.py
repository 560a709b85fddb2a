"""The settings of the demonstration: the example practice, pointed at the simulated partners of this run."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Protocol

from hub.config.template import write_template
from hub.sandbox.mailbox import Endpoint

CLEARINGHOUSE = """
[connectors.clearinghouse]
plugin = "clearinghouse_sftp"
[connectors.clearinghouse.settings]
{mailbox}
put_folder = "{inbound}"
get_folders = ["{outbound}"]
in_doubt = "await-answer"
partner_takes_files = true
"""
FOLDER_CLEARINGHOUSE = """
[connectors.clearinghouse]
plugin = "clearinghouse_folder"
[connectors.clearinghouse.settings]
to_partner = "{inbound}"
from_partner = "{outbound}"
archive = "{archive}"
"""
PRINTER = """{mailbox}
put_folder = "{inbound}"
get_folders = ["{outbound}"]
in_doubt = "await-answer"
partner_takes_files = true"""
HUB = """# Written by `hub demo` for one run: the example practice, pointed at simulated partners on this machine.
[hub]
data = "{data}"
master_key = "file:master.key"
usage = "P"
zone = "America/New_York"
{store}

[connectors.ehr]
plugin = "ehr_fhir"
practice = "lakeside"
[connectors.ehr.settings]
folder = "{fhir}"
settle_seconds = 0

[connectors.adt]
plugin = "hl7_adt"
practice = "lakeside"
[connectors.adt.settings]
folder = "{hl7}"
settle_seconds = 0
{clearinghouse}
[connectors.printer]
plugin = "statements_print"
[connectors.printer.settings]
{printer}

[route]
default = "clearinghouse"

[print]
vendor = "printer"
due_days = 21
every_days = 28
least_cents = 500

[mailboxes.clearinghouse]
sender_id = "LAKESIDE"
receiver_id = "DEMOHOUSE"
submitter_name = "LAKESIDE FAMILY MEDICINE"
submitter_id = "LAKESIDE"
contact_name = "BILLING OFFICE"
contact_phone = "2165550142"
receiver_name = "DEMO CLEARINGHOUSE"
answer_hours = 24
claim_prefix = "LF"
"""


class Partners(Protocol):
    """Where the simulated partners are to be reached."""

    @property
    def clearinghouse(self) -> Endpoint: ...
    @property
    def printer(self) -> Endpoint: ...


def write_settings(
    folder: Path, work: Path, sandbox: Partners, *, store: str = "", clearinghouse: str = "clearinghouse_sftp"
) -> Path:
    """Write the demonstration's settings into `folder` and return it. `store` is a database address, or empty."""
    if not (folder / "hub.toml").exists():
        write_template(folder)
    key = folder / "master.key"
    if not key.exists():
        _secret(key, base64.b64encode(os.urandom(32)).decode())
    for name, endpoint in (("clearinghouse", sandbox.clearinghouse), ("printer", sandbox.printer)):
        _secret(folder / f"{name}.key", Path(endpoint.key_file).read_text())
    body = HUB.format(
        data=work / "data",
        store=f'store = "{store}"' if store else "",
        fhir=work / "ehr" / "fhir",
        hl7=work / "ehr" / "hl7",
        clearinghouse=_clearinghouse(clearinghouse, sandbox, work),
        printer=PRINTER.format(
            mailbox=_mailbox(sandbox.printer, "printer"),
            inbound=sandbox.printer.inbound,
            outbound=sandbox.printer.outbound,
        ),
    )
    (folder / "hub.toml").write_text(body)
    return folder


def bill_everything(folder: Path) -> None:
    """For files of others: nothing is mere history, so that each is held or billed for a reason of its own."""
    path = folder / "practices.toml"
    path.write_text(re.sub(r"bill_from = \d{4}-\d\d-\d\d", "bill_from = 1900-01-01", path.read_text()))


def _clearinghouse(plugin: str, sandbox: Partners, work: Path) -> str:
    if plugin == "clearinghouse_folder":
        shared = work / "partner" / "clearinghouse"
        inbound, outbound, archive = (shared / part for part in ("inbound", "outbound", "taken"))
        return FOLDER_CLEARINGHOUSE.format(inbound=inbound, outbound=outbound, archive=archive)
    endpoint = sandbox.clearinghouse
    return CLEARINGHOUSE.format(
        mailbox=_mailbox(endpoint, "clearinghouse"), inbound=endpoint.inbound, outbound=endpoint.outbound
    )


def _mailbox(endpoint: Endpoint, name: str) -> str:
    return (
        f'host = "{endpoint.host}"\nport = {endpoint.port}\nuser = "{endpoint.user}"\n'
        f'key = "file:{name}.key"\nhost_keys = ["{endpoint.fingerprint}"]\nsettle_seconds = 0\n'
        'after_done = "archive"\narchive_folder = "/taken"'
    )


def _secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
