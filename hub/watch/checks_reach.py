"""Checks of the web door: which connectors answer requests and where they are reached, and the certificate there."""

from __future__ import annotations

from datetime import timedelta

from hub.config.certificate import certificate_of
from hub.config.settings import Settings
from hub.errors import Misconfigured
from hub.plugin.host import PluginHost
from hub.watch.catalogue import bad, good
from hub.watch.looking import Findings, Place
from hub.watch.words import at


def addresses(settings: Settings, name: str) -> tuple[str, ...]:
    """Where a connector that answers requests is reached, each as a line for a person."""
    run, path = settings.run, f"/connectors/{name}/"
    if "listener" not in run.roles:
        return ()
    found = []
    if run.public_listen:
        scheme = "https" if run.public_certificate else "http"
        found.append(f"{scheme}://{run.public_listen}{path} (that port serves nothing else)")
    if run.listen and "web" in run.roles:
        found.append(f"http://{run.listen}{path} (for a reverse proxy, which does TLS)")
    return tuple(found)


def doors(settings: Settings, host: PluginHost) -> Findings:
    """Each connector that answers requests, with its addresses."""
    for name in host.names("EhrSource"):
        if not host.source(name).serves:
            continue
        if found := addresses(settings, name):
            yield good("web.reach", name, f"{name}: answers requests at {' and '.join(found)}")
        else:
            yield bad("web.reach", name, f"{name}: answers requests, but no address of [run] serves them")


def certificate(place: Place) -> Findings:
    """The certificate of the public address: whether it can be used, and until when."""
    run = place.settings.run
    shown = certificate_of(run, place.folder)
    if shown is None:
        return
    try:
        until = shown.good_until()
    except Misconfigured as error:
        yield bad("web.certificate", "", f"certificate of run.public_listen: {error}", fix=error.fix)
        return
    left = until - place.now
    said = f"certificate of run.public_listen: good until {at(until)}"
    if left <= timedelta(days=place.settings.watch.key_days):
        yield bad("web.certificate", "", said if left > timedelta() else f"{said}: it is over")
    else:
        yield good("web.certificate", "", said)
