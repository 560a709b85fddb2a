"""Notices as plain e-mail."""

from __future__ import annotations

from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import ClassVar

from pydantic import BaseModel

from hub.plugin.api import Context, Evidence, HubError, Notice, Step
from hub_notices import reach, smtp, text
from hub_notices.settings import EmailSettings


class EmailNotifier:
    """Mails notices; each has its id as its Message-ID, so that a repeat is known for one."""

    Settings: ClassVar[type[BaseModel]] = EmailSettings

    def __init__(self, settings: EmailSettings, context: Context) -> None:
        self._settings = settings
        self._context = context

    @property
    def takes(self) -> frozenset[str]:
        """As its settings say."""
        return frozenset(self._settings.takes)

    def check(self) -> Iterator[Step]:
        """Name, connection, TLS, login; no mail is sent, and no address is tried."""
        name = reach.find(self._settings.host, self._settings.at)
        yield name
        if name.ok:
            yield from self._talk()

    def close(self) -> None:
        """Each mail has a connection of its own: there is nothing to close."""

    def send(self, notice: Notice) -> Evidence:
        """Mail it to every address; at least one must be taken."""
        text.wanted(notice, self.takes)
        message = self.message(notice)
        with smtp.conversation(self._settings, self._context) as line:
            refused = smtp.deliver(line, self._settings, message)
        if refused:
            self._context.log.warning("notice.refused", count=refused)
        taken = len(self._settings.to) - refused
        return Evidence(kind="receipt", note=f"taken for {taken} of {len(self._settings.to)} addresses")

    def message(self, notice: Notice) -> EmailMessage:
        """The mail. Auto-Submitted (RFC 3834) keeps machines from answering it."""
        settings = self._settings
        local, _, domain = settings.sender.rpartition("@")
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(settings.sender_name, local, domain)
        message["To"] = ", ".join(settings.to)
        message["Subject"] = text.subject(notice)
        message["Date"] = format_datetime(self._context.clock.now())
        message["Message-ID"] = f"<{notice.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
        message["X-Hub-Notice"] = notice.kind
        if notice.level == "alarm":
            message["Importance"] = "high"
        message.set_content(text.body(notice) + "\n")
        return message

    def _talk(self) -> Iterator[Step]:
        """The conversation up to where a mail would begin."""
        settings, name = self._settings, "connect"
        line = None
        try:
            line = smtp.open_line(settings)
            yield Step(name="connect", ok=True, said=f"port {settings.at} answers as a mail server")
            name = "tls"
            smtp.secure(line, settings)
            yield Step(name="tls", ok=True, said=_safety(settings))
            name = "login"
            smtp.log_in(line, settings, self._context)
            yield Step(
                name="login", ok=True, said=f"logged in as {settings.user}" if settings.user else "no login"
            )
            said = f"would send to {len(settings.to)} addresses; nothing was sent (hub notices test sends one)"
            yield Step(name="addresses", ok=True, said=said)
        except HubError as error:
            yield reach.failed(name, error)
        finally:
            if line is not None:
                smtp.hang_up(line)


def _safety(settings: EmailSettings) -> str:
    if settings.security == "none":
        return "none: what is mailed can be read on the way"
    return f"{settings.security}, and the certificate is good"
