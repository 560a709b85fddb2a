"""The settings of listener and sender: what cannot be is refused when it is read."""

from __future__ import annotations

from typing import Any

import pytest
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.settings_mllp import address
from mllplab import house, message
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("10.0.0.1:2575", ("10.0.0.1", 2575)),
        ("engine.example.org:6661", ("engine.example.org", 6661)),
        ("[::]:2575", ("::", 2575)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        (":2575", ("", 2575)),
    ],
)
def test_addresses(text: str, read: tuple[str, int]) -> None:
    """An address is host and port; that of IPv6 stands in brackets."""
    assert address(text) == read


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"listen": "2575"},
        {"listen": "::1:2575"},
        {"listen": "a:70000"},
        {"listen": "a:1", "acks": "never"},
        {"listen": "a:1", "allow": ["10.0.0.0/99"]},
        {"listen": "a:1", "peers": {"10.0.0.1": "a name with spaces"}},
        {"listen": "a:1", "max_bytes": 10},
        {"listen": "a:1", "tls_client_ca": "ca.pem"},
        {"listen": "a:1", "unknown": 1},
    ],
)
def test_listeners_are_checked(wrong: dict[str, Any]) -> None:
    """A listener that could not listen, or would trust nobody in particular where a certificate is meant, is no
    setting."""
    with pytest.raises(ValidationError):
        Hl7Settings.model_validate({"mllp": wrong})


def test_ipv6_is_heard() -> None:
    """A listener on IPv6's loopback hears, and its network may be allowed."""
    import socket

    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with house(listen="[::1]:0", allow=["::1/128"], peers={"::1": "six"}) as at:
        from mllplab import Line

        line = Line(at.port, host="::1")
        at.lines.append(line)
        assert line.ask(message()) == ("AA", "M1")
