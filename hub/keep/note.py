"""RESTORE.txt beside the backups: what a person needs who has never seen the hub, at night."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

NAME = "RESTORE.txt"
_TEXT = """HOW TO BRING BILLING HUB BACK FROM A BACKUP
===========================================

The files hub-DATE-....hubbackup in this folder are backups, DATE is UTC. Each one is whole: the database and the
settings. Each is encrypted. None of them holds the master key or any password.

YOU NEED
  1. The newest backup file. Copy it; do not move it.
  2. The MASTER KEY. It was written down on paper when the hub was set up, and is kept apart from this folder.
     Its paper carries the mark:  {mark}
     Without that key nobody can read the backup. An older backup may need an older key: the hub says which mark.
  3. Billing Hub, version {version} or newer, on a machine with room for twice the size of the backup.{tools}

FIRST
  Stop the old hub everywhere, and make sure that it cannot start again (power, service, network). Two hubs
  that both send is the one thing worse than none.

THEN, on the new machine
  4. hub restore BACKUP-FILE --into NEW-FOLDER --verify{store}
     It asks for the master key. It writes only into a NEW, empty place. If it fails, delete nothing and
     overwrite nothing: run it again, or take the backup before this one.
  5. Put back what it names at the end: passwords and keys of connections. They were never in the backup.
  6. Call the clearinghouse, the print vendor and the EHR's support: files and messages since the date of the
     backup are not in it. Ask them to make answers and remittances (999, 277CA, 835) of that time available
     again, and to send messages of that time again.
  7. hub restore accept -c NEW-FOLDER --by YOUR-NAME --why "what happened"
     Until this is said, the hub does not run, and sends nothing.
  8. Start the hub. Claims that may have gone out after the backup are held for a person (hub work list
     --reason restore.), nothing is sent twice by itself.

The whole story: docs/how-to/backup-and-restore.md
"""


def text(mark: str, kind: str) -> str:
    """The page for backups that the master key with this mark opens."""
    tools = (
        "\n     And PostgreSQL with an empty database, and its package postgresql-client."
        if kind != "sqlite"
        else ""
    )
    store = "\n       --store postgresql://USER@HOST/EMPTY-DATABASE" if kind != "sqlite" else ""
    return _TEXT.format(mark=mark, version=version("billing-hub"), tools=tools, store=store)


def write(folder: Path, mark: str, kind: str) -> None:
    """Renew the page, whole or not at all."""
    part = folder / f".{NAME}.{os.getpid()}"
    part.write_text(text(mark, kind))
    part.chmod(0o600)
    part.replace(folder / NAME)
