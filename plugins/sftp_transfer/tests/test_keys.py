"""Private keys in every usual form, and pins in both."""

from __future__ import annotations

import asyncssh
import pytest
from hub_sftp_transfer.keys import algorithms, check_host_key, pinned_fingerprint, private_key

from hub.plugin.api import Misconfigured

FORMS = [
    ("ssh-ed25519", "openssh"),
    ("ssh-ed25519", "pkcs8-pem"),
    ("ecdsa-sha2-nistp256", "openssh"),
    ("ecdsa-sha2-nistp256", "pkcs8-pem"),
    ("ssh-rsa", "openssh"),
    ("ssh-rsa", "pkcs1-pem"),
    ("ssh-rsa", "pkcs8-pem"),
]


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_a_private_key_is_read_in_its_form(kind: str, form: str) -> None:
    """Keys as ssh-keygen, OpenSSL and portals give them are the same key, with and without a final newline."""
    made = asyncssh.generate_private_key(kind)
    text = made.export_private_key(form).decode()
    for given in (text, text.strip()):
        assert private_key(given, "", "env:K").asbytes() == made.public_data


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
def test_a_locked_key_asks_for_its_passphrase(form: str) -> None:
    """Without the passphrase or with a wrong one, the reference is named and nothing of the key."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    text = made.export_private_key(form, passphrase="words", rounds=1, ignore_few_rounds=True).decode()
    assert private_key(text, "words", "env:K").asbytes() == made.public_data
    for passphrase in ("", "other"):
        with pytest.raises(Misconfigured, match="env:K"):
            private_key(text, passphrase, "env:K")
    unlocked = made.export_private_key(form).decode()
    assert private_key(unlocked, "words", "env:K").asbytes() == made.public_data


@pytest.mark.parametrize("text", ["", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_what_is_no_key_is_named_by_its_reference(text: str) -> None:
    """A secret that is no key is not repeated."""
    with pytest.raises(Misconfigured, match="file:k") as raised:
        private_key(text, "", "file:k")
    assert "hunter2" not in str(raised.value)


def test_a_whole_public_key_pins_and_chooses_the_kind_of_key() -> None:
    """A pin may be the public key's line; then that kind is asked for, else a server shows another of its keys."""
    host, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    line = host.export_public_key().decode().strip()
    key = private_key(host.export_private_key().decode(), "", "env:K")
    assert pinned_fingerprint(line) == pinned_fingerprint(host.get_fingerprint())
    check_host_key(key, (line,), "host:22")
    check_host_key(key, (other.get_fingerprint(), host.get_fingerprint()), "host:22")
    with pytest.raises(Misconfigured, match="another host key"):
        check_host_key(key, (other.get_fingerprint(),), "host:22")
    assert algorithms((line,)) == ("ssh-ed25519",)
    assert algorithms((line, host.get_fingerprint())) == ()
    assert algorithms(("ssh-rsa AAAA",)) == ("rsa-sha2-512", "rsa-sha2-256")
