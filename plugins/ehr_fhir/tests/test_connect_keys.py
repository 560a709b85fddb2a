"""Keys to sign in with: made once, never lost, their public part alone shown."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from connectlab.ehr import pem
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hub_ehr_fhir.connect import keyfiles, keys
from hub_ehr_fhir.settings_server import ServerSettings

from hub.cli import main
from hub.config.template import write_template
from hub.errors import Misconfigured
from hub.testing.fakes import FakeSecrets

Ran = tuple[int, str, str]
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
CONNECTOR = """
[connectors.clinic]
plugin = "ehr_fhir"
practice = "lakeside"
[connectors.clinic.settings.server]
url = "https://fhir.example.org/r4"
auth = "smart"
private_key = "file:keys/clinic.key.pem"
"""


def as_pem(private: Any) -> str:
    """A key as PEM."""
    form, how = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, form, how).decode()


@pytest.mark.parametrize("kind", keys.KINDS)
def test_a_jwks_holds_public_parts_alone(kind: str) -> None:
    """What is registered and served verifies what the key signs, names its kid and algorithm, and holds no private
    member."""
    settings = ServerSettings(url="https://e.org", client_id="x", private_key="env:KEY")
    text = pem(kind)
    told = json.loads(keys.jwks(settings, FakeSecrets({"env:KEY": text})))
    (one,) = told["keys"]
    assert not PRIVATE & set(one)
    assert (one["alg"], one["use"], one["kid"]) == (kind, "sig", keys.read(text)[0].kid)
    signed = jwt.encode({"a": 1}, keys.read(text)[0].private, algorithm=kind)
    assert jwt.decode(signed, jwt.PyJWK(one).key, algorithms=[kind]) == {"a": 1}


def test_a_jwks_without_a_key_is_empty() -> None:
    """A connector that signs in otherwise has an empty set."""
    settings = ServerSettings(url="https://e.org", auth="none")
    assert json.loads(keys.jwks(settings, FakeSecrets({}))) == {"keys": []}


def test_the_kid_is_the_thumbprint() -> None:
    """The example of RFC 7638 3.1 has the thumbprint that stands there."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
        "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA"
        "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
        "kEgU8awapJzKnqDKgw"
    )
    assert keys.digest({"kty": "RSA", "n": n, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        as_pem(ec.generate_private_key(ec.SECP256R1())),
        as_pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - what must be refused
        as_pem(ec.generate_private_key(ec.SECP384R1())).replace("PRIVATE", "ENCRYPTED PRIVATE"),
    ],
    ids=["empty", "no PEM", "damaged", "P-256", "RSA 1024", "locked"],
)
def test_a_key_that_cannot_sign_is_told(text: str) -> None:
    """What is no key, is locked, or is not of the kinds SMART takes, is told with what to do, and not repeated."""
    with pytest.raises(Misconfigured) as caught:
        keys.read(text)
    assert "hub fhir key" in caught.value.fix
    assert "canary" not in str(caught.value) + caught.value.fix
    assert caught.value.__context__ is None or "canary" not in str(caught.value.__context__)


def test_a_key_is_not_shown() -> None:
    """A key's looks tell kid and algorithm, nothing else."""
    (one,) = keys.read(pem("ES384"))
    assert repr(one) == f"Key('ES384', kid='{one.kid}')"


def test_the_same_key_in_an_older_form_has_the_same_kid() -> None:
    """PKCS1 and SEC1 PEM, as openssl writes them, are read too."""
    (one,) = keys.read(pem("ES384"))
    old = one.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    assert keys.read(old.decode())[0].kid == one.kid


def test_a_key_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    """The file has mode 600 from the first moment, the JWKS beside it is readable, and nothing else is left."""
    made = keyfiles.make(tmp_path / "ehr.pem", "ehr", "ES384", rotate=False, dry_run=False)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.jwks.stat().st_mode) == 0o644
    assert {one.name for one in tmp_path.iterdir()} == {"ehr.pem", "ehr.jwks.json"}
    told = json.loads(made.jwks.read_bytes())["keys"]
    assert [one["kid"] for one in told] == [made.kid] == [keys.read(made.key.read_text())[0].kid]
    assert not PRIVATE & set(told[0])


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Asked for again, the key that is there stays, and its JWKS is written anew."""
    path = tmp_path / "ehr.pem"
    first = keyfiles.make(path, "ehr", "ES384", rotate=False, dry_run=False)
    before = path.read_bytes()
    first.jwks.unlink()
    again = keyfiles.make(path, "ehr", "RS384", rotate=False, dry_run=False)
    assert (path.read_bytes(), again.new, again.kid) == (before, False, first.kid)
    assert first.jwks.exists()


def test_a_file_that_is_no_key_is_left(tmp_path: Path) -> None:
    """Whatever else stands at the place is not touched, with and without `rotate`."""
    path = tmp_path / "ehr.pem"
    path.write_text("something of somebody's")
    for rotate in (False, True):
        with pytest.raises(Misconfigured):
            keyfiles.make(path, "ehr", "ES384", rotate=rotate, dry_run=False)
    assert path.read_text() == "something of somebody's"


def test_a_new_key_stands_beside_the_one_before(tmp_path: Path) -> None:
    """`rotate` puts the new key first and keeps the one before, once; both stand in the JWKS."""
    path = tmp_path / "ehr.pem"
    made = [keyfiles.make(path, "ehr", "ES384", rotate=True, dry_run=False) for _ in range(3)]
    assert [one.previous for one in made] == ["", made[0].kid, made[1].kid]
    told = json.loads(made[2].jwks.read_bytes())["keys"]
    assert [one["kid"] for one in told] == [made[2].kid, made[1].kid]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """Nothing is made, neither file nor folder."""
    keyfiles.make(tmp_path / "keys" / "ehr.pem", "ehr", "ES384", rotate=True, dry_run=True)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is a file is told as what to look at."""
    (tmp_path / "keys").write_text("")
    with pytest.raises(Misconfigured, match="cannot be") as caught:
        keyfiles.make(tmp_path / "keys" / "ehr.pem", "ehr", "ES384", rotate=False, dry_run=False)
    assert caught.value.fix


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example practice with a FHIR server whose key is still to be made."""
    folder = tmp_path / "config"
    write_template(folder)
    toml, key = folder / "hub.toml", folder / "master.key"
    toml.write_text(toml.read_text().replace("env:HUB_MASTER_KEY", "file:master.key") + CONNECTOR)
    key.write_text("0" * 64)
    key.chmod(0o600)
    return folder


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, config: Path) -> Callable[..., Ran]:
    """Runs `hub fhir key` of that practice: exit code, standard output, standard error."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["hub", "fhir", "key", *map(str, words), "-c", str(config)])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def test_the_command_makes_a_key_and_says_what_next(hub: Callable[..., Ran], config: Path) -> None:
    """`hub fhir key` tells where key and JWKS are, the kid, and each next step; the key itself is not shown."""
    code, out, _ = hub("clinic", "--kind", "ES384", "--dry-run")
    assert (code, (config / "keys").exists()) == (0, False)
    assert "Nothing was written" in out
    code, out, _ = hub("clinic", "--kind", "ES384")
    assert code == 0
    text = (config / "keys" / "clinic.key.pem").read_text()
    for words in (
        "clinic.key.pem",
        "clinic.jwks.json",
        keys.read(text)[0].kid,
        "/connectors/clinic/jwks.json",
        "client_id",
    ):
        assert words in out
    assert text.splitlines()[1] not in out


def test_the_command_for_scripts(hub: Callable[..., Ran], config: Path) -> None:
    """`--json` gives one document; a rotation names the key before; asked again, nothing is new."""
    first = json.loads(hub("clinic", "--kind", "ES384", "--json")[1])
    second = json.loads(hub("clinic", "--kind", "ES384", "--rotate", "--json")[1])
    third = json.loads(hub("clinic", "--json")[1])
    assert (first["new"], second["new"], third["new"]) == (True, True, False)
    assert (second["previous"], third["kid"], third["kind"]) == (first["kid"], second["kid"], "ES384")
    assert Path(first["jwks"]) == config / "keys" / "clinic.jwks.json"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"file:keys/clinic.key.pem"', '"env:EHR_KEY"', "names no file"),
        ('auth = "smart"\nprivate_key = "file:keys/clinic.key.pem"', 'auth = "none"', "private_key is empty"),
        (CONNECTOR[CONNECTOR.index("[connectors.clinic.settings") :], "", "asks no FHIR server"),
    ],
)
def test_the_command_says_what_is_missing(
    hub: Callable[..., Ran], config: Path, old: str, new: str, words: str
) -> None:
    """Where the settings name no file for the key, what to write is said, and nothing is made."""
    toml = config / "hub.toml"
    toml.write_text(toml.read_text().replace(old, new))
    code, out, err = hub("clinic")
    assert code == 2
    assert words in out + err
    assert not (config / "keys").exists()


def test_a_key_that_the_service_manager_gives_is_not_shadowed(
    hub: Callable[..., Ran], config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the hub would read another file of that name first, no key is made that nobody reads."""
    toml = config / "hub.toml"
    toml.write_text(toml.read_text().replace("file:keys/clinic.key.pem", "file:clinic.key.pem"))
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "clinic.key.pem").write_text("x")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    code, out, err = hub("clinic")
    assert code == 2
    assert "service manager" in out + err
    assert not (config / "clinic.key.pem").exists()
