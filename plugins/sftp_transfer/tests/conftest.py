"""A partner for each test, and instances that reach it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_sftp_transfer import Mailbox, MailboxSettings, forget_failures

from hub.testing.fakes import FakeContext
from hub.testing.sftp import SftpPartner, sftp_partner


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_failures()
    yield
    forget_failures()


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[SftpPartner]:
    """A partner of one test."""
    pytest.importorskip("asyncssh")
    with sftp_partner(tmp_path / "partner") as running:
        yield running


@pytest.fixture
def make(partner: SftpPartner) -> Iterator[Callable[..., Mailbox]]:
    """Makes instances that reach the partner, each as after a restart; closes them at the end."""
    made: list[Mailbox] = []

    def one(context: FakeContext | None = None, to: SftpPartner = partner, **settings: Any) -> Mailbox:
        chosen = {"put_folder": "in", "get_folders": ["out"], **settings}
        known = context or FakeContext("test", secrets=to.secrets)
        made.append(Mailbox(MailboxSettings(**to.settings(**chosen)), known))
        return made[-1]

    yield one
    for box in made:
        box.close()
