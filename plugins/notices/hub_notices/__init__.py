"""Tells people of alarms: e-mail over SMTP, web hooks, a dead man's ping."""

from __future__ import annotations

from collections.abc import Mapping

from hub.plugin.api import Notifier, hookimpl

HUB_API = 0


@hookimpl
def hub_notifiers() -> Mapping[str, type[Notifier]]:
    """Offers `email`, `webhook` and `ping`."""
    from hub_notices.mail import EmailNotifier
    from hub_notices.ping import PingNotifier
    from hub_notices.webhook import WebhookNotifier

    return {"email": EmailNotifier, "webhook": WebhookNotifier, "ping": PingNotifier}
