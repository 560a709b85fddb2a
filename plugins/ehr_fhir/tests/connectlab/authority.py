"""Authorities that sign certificates for tests, good ones and the kinds that are found in the field."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hub.clock import SystemClock


@cache
def _key(nth: int) -> ec.EllipticCurvePrivateKey:
    """Keys of this run: one for each number, since making them takes time."""
    return ec.generate_private_key(ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates; `ca` is the PEM file of its own."""

    def __init__(self, folder: Path, name: str = "Clinic Root CA", nth: int = 0, *, bare: bool = False) -> None:
        self._bare = bare
        self._folder, self._name, self._key, self._nth = folder, _name(name), _key(nth), nth
        self.ca = folder / f"ca{nth}.pem"
        self.ca.write_bytes(_pem(self._signed(self._name, self._key, authority=True)))

    def certificate(self, name: str = "localhost", *, begin: int = -30, end: int = 60) -> Path:
        """Certificate and key in one file, good from the day `begin` to the day `end`, counted from today."""
        key = _key(self._nth + 100)
        signed = self._signed(_name(name), key, names=(name,), begin=begin, end=end)
        return self._kept(f"{name}{begin}{end}{self._nth}.pem", signed, key)

    def self_signed(self) -> Path:
        """A certificate that nobody but itself signed, and that is no authority."""
        key = _key(200)
        alone = Authority.__new__(Authority)
        alone._name, alone._key, alone._bare = _name("localhost"), key, False
        return self._kept("alone.pem", alone._signed(_name("localhost"), key, names=("localhost",)), key)

    def _kept(self, name: str, signed: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
        path = self._folder / name
        form, how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(_pem(signed) + key.private_bytes(serialization.Encoding.PEM, form, how))
        return path

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        names: tuple[str, ...] = (),
        authority: bool = False,
        begin: int = -30,
        end: int = 60,
    ) -> x509.Certificate:
        now = SystemClock().now()
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begin))
            .not_valid_after(now + timedelta(days=end))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not self._bare:
            ours, theirs = x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier
            built = built.add_extension(ours.from_public_key(key.public_key()), critical=False)
            built = built.add_extension(theirs.from_issuer_public_key(self._key.public_key()), critical=False)
        if authority and not self._bare:
            usage = x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
            )  # fmt: skip
            built = built.add_extension(usage, critical=True)
        if names:
            also = [
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")) if n == "127.0.0.1" else x509.DNSName(n)
                for n in names
            ]
            built = built.add_extension(x509.SubjectAlternativeName(also), critical=False).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
        return built.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def server_side(certificate: Path, *, clients_of: Path | None = None) -> ssl.SSLContext:
    """TLS as a server has it; with `clients_of` only clients whose certificate that authority signed are let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if clients_of is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients_of)
    return context
