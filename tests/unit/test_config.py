"""The settings tree: what the example holds, what the flow asks, secrets, lines of keys, schema."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.config import FILES, SecretStore, Settings, json_schema, load
from hub.config.forms import npi_check_digit
from hub.config.locate import Lines, key_lines
from hub.config.reference import reference
from hub.config.secrets import secret_faults
from hub.config.template import template, write_template
from hub.errors import Misconfigured

ON = date(2026, 3, 1)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tree() -> Settings:
    """The example practice."""
    loaded = load(ROOT / "config")
    assert loaded.faults == ()
    return loaded.settings


def build(**tables: object) -> Settings:
    """A tree of a few tables."""
    return Settings.model_validate(tables)


# ------------------------------------------------------------------------------------------- the example


def test_the_example_is_one_source(tmp_path: Path) -> None:
    """`hub init` writes the repository's own example, whole, and it has no fault and no warning."""
    written = write_template(tmp_path / "new")
    assert [path.name for path in written] == list(FILES)
    assert all((template() / path.name).read_bytes() == path.read_bytes() for path in written)
    assert load(tmp_path / "new").faults == ()


def test_the_example_never_overwrites(tmp_path: Path) -> None:
    """A settings file that is there already stops `hub init` before it writes anything."""
    (tmp_path / "payers.toml").write_text("# mine\n")
    with pytest.raises(Misconfigured, match=r"payers\.toml"):
        write_template(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["payers.toml"]


def test_the_example_holds_no_code_of_others(tree: Settings) -> None:
    """Only HCPCS Level II, without the letters of other owners' sets."""
    codes = {row.hcpcs for rows in (tree.charges, tree.fees, tree.drugs, tree.timed) for row in rows}
    assert codes
    assert all("A" <= code[0] <= "V" and code[0] != "D" for code in codes)


def test_a_copy_with_other_rows_answers_by_its_own(tree: Settings) -> None:
    """What was looked up in settings before they were copied says nothing of the copy."""
    name, payer = next(iter(tree.payers.items()))
    assert tree.payers_of_remit("OTHER-ID") == ()
    named = payer.model_copy(update={"remit_ids": ("OTHER-ID",)})
    copied = tree.model_copy(update={"payers": {**tree.payers, name: named}})
    assert copied.payers_of_remit("OTHER-ID") == (name,)
    assert tree.payers_of_remit("OTHER-ID") == ()


def test_the_example_bills_no_visit_level_by_itself(tree: Settings) -> None:
    """A mapped kind of visit is a proposal for a coder; a code of the practice's own is exact."""
    assert not any(row.exact for row in tree.charges if row.system == "SNOMED")
    assert all(row.exact for row in tree.charges if row.system == "LOCAL")


def test_the_wheel_carries_each_file_of_the_example() -> None:
    """The list of package data names every settings file, and nothing else of the folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    forced = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert forced == {f"config/{name}": f"hub/config/example/{name}" for name in FILES}


# -------------------------------------------------------------------------------------- what the flow asks


def test_route(tree: Settings) -> None:
    """A payer's claims go where its own line says, else to the default."""
    other = build(route={"default": "a", "payers": {"ppo": "b"}})
    assert (tree.clearinghouse("ppo"), tree.clearinghouses) == ("clearinghouse", ("clearinghouse",))
    assert (other.clearinghouse("ppo"), other.clearinghouse("x"), other.clearinghouses) == ("b", "a", ("a", "b"))


def test_a_clearinghouse_that_gets_no_more_claims_carries_on(tree: Settings) -> None:
    """A connector with a mailbox is a carrier although no payer is routed to it; a disabled one, a source or a
    print vendor is none."""
    box = tree.mailboxes["clearinghouse"]
    boxes = dict.fromkeys(("clearinghouse", "adt", "printer"), box)
    left = tree.model_copy(update={"route": tree.route.model_copy(update={"default": "b"}), "mailboxes": boxes})
    assert left.clearinghouses == ("b", "clearinghouse")
    ended = tree.connectors["clearinghouse"].model_copy(update={"enabled": False})
    connectors = {**tree.connectors, "clearinghouse": ended}
    assert left.model_copy(update={"connectors": connectors}).clearinghouses == ("b",)


@pytest.mark.parametrize(
    ("hub", "mailbox", "usage"),
    [("T", None, "T"), ("T", "P", "T"), ("P", None, "P"), ("P", "T", "T"), ("P", "P", "P")],
)
def test_usage(tree: Settings, hub: str, mailbox: str | None, usage: str) -> None:
    """Production needs the hub's word; a mailbox can only step back to test (promise 3)."""
    box = tree.mailboxes["clearinghouse"].model_copy(update={"usage": mailbox})
    one = tree.model_copy(update={"hub": tree.hub.model_copy(update={"usage": hub}), "mailboxes": {"m": box}})
    assert one.usage("m") == usage


def test_fee_takes_the_row_that_asks_for_most() -> None:
    """A price is the row's whose modifiers are all there and are the most; the practice's own goes first."""
    one = build(
        fees=[
            {"hcpcs": "E0601", "cents": 1},
            {"hcpcs": "E0601", "cents": 2, "modifiers": ["RR"]},
            {"hcpcs": "E0601", "cents": 3, "modifiers": ["RR", "KH"]},
            {"hcpcs": "E0601", "cents": 4, "practice": "mine"},
            {"hcpcs": "G0439", "cents": 5, "to": date(2025, 12, 31)},
            {"hcpcs": "G0439", "cents": 6, "from": date(2026, 1, 1)},
        ]
    )
    assert one.fee("E0601", [], ON) == 1
    assert one.fee("E0601", ["RR"], ON) == 2
    assert one.fee("E0601", ["KH", "RR", "KX"], ON) == 3
    assert one.fee("E0601", [], ON, "mine") == 4
    assert (one.fee("G0439", [], date(2025, 12, 31)), one.fee("G0439", [], ON)) == (5, 6)
    assert one.fee("G0438", [], ON) is None


@pytest.mark.parametrize(("minutes", "units"), [(0, 0), (7, 0), (8, 1), (15, 1), (22, 1), (23, 2), (53, 4)])
def test_minutes_become_units(tree: Settings, minutes: int, units: int) -> None:
    """H0004: 15 minutes are a unit, and a last part of 8 minutes or more counts as one."""
    rule = tree.timed_rule("H0004")
    assert rule is not None
    assert rule.units(Decimal(minutes)) == units


def test_map_rows_hold_on_their_days() -> None:
    """A row is found by system and code, on the days it holds."""
    row = {"system": "LOCAL", "code": "1", "hcpcs": "G0438", "from": date(2026, 1, 1), "to": date(2026, 1, 31)}
    one = build(charges=[row])
    assert one.charge_row("LOCAL", "1", date(2026, 1, 31)) is not None
    assert one.charge_row("LOCAL", "1", date(2026, 2, 1)) is None
    assert one.charge_row("SNOMED", "1", date(2026, 1, 31)) is None


def test_payer_tokens_are_matched_and_never_guessed(tree: Settings) -> None:
    """A source's plan id, else its plan name, names a payer; letter case and blanks do not count."""
    assert tree.payer_of_token("ehr", " blueheron ") == "ppo"
    assert tree.payer_of_token("ehr", "unknown", "GoldenRod") == "medigap"
    assert tree.payer_of_token("ehr", "BLUEHERO") == ""
    assert tree.payer_of_token("nowhere", "BLUEHERON") == ""


def test_payers_of_a_remittance() -> None:
    """A clearinghouse's id is looked at first, then the ids of 835s; several payers may share one."""
    ppo = {"name": "A", "kind": "ppo", "ids": {"house": "1"}, "remit_ids": ["9"]}
    one = build(payers={"a": ppo, "b": {**ppo, "ids": {"house": "2"}}})
    assert one.payers_of_remit("1", "house") == ("a",)
    assert one.payers_of_remit("1", "other") == ()
    assert one.payers_of_remit("9", "house") == ("a", "b")


def test_payee_is_known_by_npi_and_tax_id(tree: Settings) -> None:
    """An 835 belongs to the practice whose NPI, and tax id where it is given, it names."""
    assert tree.practice_by_payee("1999999018") == "lakeside"
    assert tree.practice_by_payee("1999999018", "123456789") == "lakeside"
    assert tree.practice_by_payee("1999999018", "987654321") == ""


def test_enrolment_as_of_a_day() -> None:
    """What holds is told as it stands on a day, and nothing where nothing was agreed."""
    row = {"practice": "p", "payer": "a", "transaction": "837P", "clearinghouse": "h", "status": "active"}
    one = build(enrolments=[{**row, "from": date(2026, 2, 1)}])
    assert one.enrolment("p", "a", "837P", "h", ON) == "active"
    assert one.enrolment("p", "a", "837P", "h", date(2026, 1, 31)) == ""
    assert one.enrolment("p", "a", "835", "h", ON) == ""


def test_providers_by_npi_and_by_what_sources_call_them(tree: Settings) -> None:
    """A clinician is found by NPI or by a source's own id."""
    assert tree.provider("1999999034") is tree.provider("DR-LARKSPUR")
    assert tree.provider("DR-NOBODY") is None


def test_the_practice_of_a_connector() -> None:
    """A connector's own word counts; with one practice it may be left out."""
    names = {"a": {"plugin": "x"}, "b": {"plugin": "x", "practice": "other"}}
    one = load(ROOT / "config").settings.model_copy(update={"connectors": build(connectors=names).connectors})
    assert (one.practice_of("a"), one.practice_of("b"), one.practice_of("none")) == (
        "lakeside",
        "other",
        "lakeside",
    )


def test_drugs_words_and_rentals(tree: Settings) -> None:
    """A drug code has its NDC of eleven digits, a code its words for patients, a rental its months."""
    drug, rental = tree.drug("J1885", ON), tree.rental("E0601")
    assert drug is not None
    assert (drug.ndc, drug.unit, drug.per_unit) == ("99999188501", "ML", Decimal("0.5"))
    assert rental is not None
    assert rental.months == 13
    assert (tree.words("G0439"), tree.words("K0001")) == ("Yearly wellness visit", "K0001")


def test_values_are_normalised(tree: Settings) -> None:
    """Tax ids and ZIP codes lose their hyphens, spans become time spans, points in time keep their zone."""
    assert tree.practices["lakeside"].tax_id == "123456789"
    assert tree.practices["lakeside"].address.zip == "440991204"
    assert tree.schedules["pull"].every == timedelta(minutes=15)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    one = build(schedules={"s": {"step": "x", "every": "1h", "epoch": moment}})
    assert one.schedules["s"].epoch == moment


def test_the_tree_cannot_be_changed(tree: Settings) -> None:
    """What was read once stays as it was read."""
    with pytest.raises(ValueError, match="frozen"):
        tree.hub.usage = "P"


def test_where_the_data_are(tmp_path: Path) -> None:
    """The data folder counts from the settings folder; the store is SQLite in it, or what a reference says."""
    write_template(tmp_path)
    loaded = load(tmp_path)
    assert loaded.data_folder == (tmp_path / "data").resolve()
    assert loaded.store_url(lambda _: "") == f"sqlite:///{tmp_path.resolve() / 'data' / 'hub.db'}"
    text = (tmp_path / "hub.toml").read_text().replace('data = "data"', 'store = "env:STORE"')
    (tmp_path / "hub.toml").write_text(text)
    assert (
        load(tmp_path).store_url({"env:STORE": "postgresql+psycopg://h/d"}.__getitem__)
        == "postgresql+psycopg://h/d"
    )


# -------------------------------------------------------------------------------------------- lines of keys

NASTY = r"""# comment with [table] and key = "value"
top = 1
"quoted key" = 2
'literal.key' = 3
a.b."c d" = 4
[one]
text = "no # comment, no \" end [x]"
long = '''
[not.a.table]
no = "key"
'''
other = QQQ
key = 1 \QQQ still
QQQ
after = 5
list = [ # comment ]
  1,
  "two, three",
  [4, 5], { x = 6, "y z" = [7] },
]
[one.two . "three four"]
deep = { p = { q = 8 }, r = 9 }
[[rows]]
id = 1
[rows.sub]
s = 1
[[rows]]
id = 2
[[rows.inner]]
k = 1
[[rows.inner]]
k = 2
when = 2026-01-01T00:00:00Z # moment
""".replace("QQQ", '"' * 3)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every key path of a parsed document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(*path, key) for key, _ in parts]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [deeper for key, part in parts for deeper in paths(part, (*path, key))]


def test_every_key_of_a_nasty_document_has_its_line() -> None:
    """Strings, comments, dotted and quoted keys, inline tables, arrays of tables: each key on its own line."""
    lines = key_lines(NASTY)
    assert set(paths(tomllib.loads(NASTY))) == set(lines)
    rows = NASTY.split("\n")
    told = {path: rows[line - 1] for path, line in lines.items() if isinstance(path[-1], str)}
    assert all(str(path[-1]) in row for path, row in told.items())
    assert rows[lines[("rows", 1, "inner", 1, "k")] - 1] == "k = 2"
    assert rows[lines[("one", "after")] - 1] == "after = 5"
    assert lines[("one", "list", 2, 1)] == lines[("one", "list", 3, "y z", 0)]


@pytest.mark.parametrize("name", FILES)
def test_every_key_of_the_example_has_a_line(name: str) -> None:
    """The locator finds exactly the keys that tomllib finds."""
    text = (ROOT / "config" / name).read_text()
    assert set(paths(tomllib.loads(text))) == set(key_lines(text))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="[]{}=.,\"'\\#\n ab1\t", max_size=60))
def test_lines_of_any_text(text: str) -> None:
    """The locator is total, and where tomllib reads a text it finds the same keys."""
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(paths(document)) == set(lines)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    """Whatever a settings file holds, reading it ends with faults and never with an exception."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "hub.toml").write_bytes(body)
    loaded = load(folder)
    assert loaded.ok is not any(fault.severity == "error" for fault in loaded.faults)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4) | st.just(ON),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([key for keys in FILES.values() for key in keys]), VALUES, max_size=6))
def test_any_shape_is_answered(raw: dict[str, Any]) -> None:
    """Whatever shape the tables have, the check ends with a tree and a list of faults."""
    from hub.config.load import _checked

    faults: list[Any] = []
    assert isinstance(_checked(raw, Lines(), faults, unread=set()), Settings)
    assert all(fault.wrong for fault in faults)


def test_where_a_key_stands(tmp_path: Path) -> None:
    """A key's line is told, and for a key that is not there its nearest table's."""
    write_template(tmp_path)
    loaded = load(tmp_path)
    rows = (tmp_path / "hub.toml").read_text().split("\n")
    file, line = loaded.locate(("connectors", "clearinghouse", "settings", "port"))
    assert (file, rows[line - 1]) == ("hub.toml", "port = 2222")
    file, line = loaded.locate(("connectors", "clearinghouse", "settings", "absent", 3))
    assert rows[line - 1] == "[connectors.clearinghouse.settings]"
    assert loaded.locate(("fees", 0, "cents"))[0] == "fee_schedule.toml"
    fault = loaded.fault(("connectors", "clearinghouse", "settings", "port"), "is taken", fix="choose another")
    assert str(fault).endswith("connectors.clearinghouse.settings.port: is taken. Choose another.")


# --------------------------------------------------------------------------------------------------- secrets


def test_secrets_are_read_from_environment_and_file(tmp_path: Path) -> None:
    """`env:NAME` and `file:path`, the path counted from the settings folder; a last line end is dropped."""
    path = tmp_path / "key"
    path.write_text("two\nlines\n")
    path.chmod(0o600)
    secrets = SecretStore(tmp_path, {"A": "first"})
    assert (secrets.get("env:A"), secrets.get("file:key")) == ("first", "two\nlines")


def test_a_credential_of_the_service_manager_comes_first(tmp_path: Path) -> None:
    """`file:NAME` is the credential of that name where systemd or a container gives one, whatever its mode; a path
    is never looked for there.
    """
    given = tmp_path / "credentials"
    (given / "keys").mkdir(parents=True)
    for path, text in ((given / "key", "given"), (tmp_path / "key", "own"), (tmp_path / "other", "other")):
        path.write_text(text)
        path.chmod(0o600 if path.parent == tmp_path else 0o440)
    (tmp_path / "keys").mkdir()
    for folder, text in ((given, "wrong"), (tmp_path, "right")):
        (folder / "keys" / "a").write_text(text)
        (folder / "keys" / "a").chmod(0o600)
    secrets = SecretStore(tmp_path, {"CREDENTIALS_DIRECTORY": str(given)})
    assert [secrets.get(f"file:{name}") for name in ("key", "other", "keys/a")] == ["given", "other", "right"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_secret_file_of_others_is_refused(tmp_path: Path, mode: int) -> None:
    """A file that group or others may open is refused, and the remedy is named."""
    path = tmp_path / "key"
    path.write_text("hunter2")
    path.chmod(mode)
    with pytest.raises(Misconfigured, match="others than its owner") as caught:
        SecretStore(tmp_path, {}).get("file:key")
    assert caught.value.fix == "run: chmod 600 key"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "cannot be read"),
        (b"", "empty"),
        (b"\n", "empty"),
        (b"\xff", "no UTF-8"),
        (b"x" * 70_000, "too large"),
    ],
)
def test_a_secret_file_that_is_none(tmp_path: Path, body: bytes | None, words: str) -> None:
    """Absent, empty, foreign or huge files are refused by name."""
    if body is not None:
        (tmp_path / "key").write_bytes(body)
        (tmp_path / "key").chmod(0o600)
    with pytest.raises(Misconfigured, match=words):
        SecretStore(tmp_path, {}).get("file:key")


@pytest.mark.parametrize("reference", ["hunter2", "env:", "file:", "vault:x", ""])
def test_what_is_no_reference_is_not_repeated(tmp_path: Path, reference: str) -> None:
    """A literal where a reference should be is refused without being shown: it may be the secret."""
    with pytest.raises(Misconfigured) as caught:
        SecretStore(tmp_path, {}).get(reference)
    assert not reference or reference not in str(caught.value)


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    """A folder in the place of a secret file is refused."""
    (tmp_path / "key").mkdir(mode=0o700)
    with pytest.raises(Misconfigured):
        SecretStore(tmp_path, {}).get("file:key")


@pytest.mark.parametrize("reference", ["file:master.key", "env:HUB_MASTER_KEY"])
def test_a_missing_master_key_is_to_be_put_back(tmp_path: Path, reference: str) -> None:
    """Who is told to make a new master key would lose all data: the one that was is to be put back."""
    write_template(tmp_path)
    toml = tmp_path / "hub.toml"
    toml.write_text(toml.read_text().replace("env:HUB_MASTER_KEY", reference))
    faults = secret_faults(load(tmp_path), SecretStore(tmp_path, {}))
    (fault,) = (one for one in faults if one.key == "hub.master_key")
    assert "put it back from your safe copy" in fault.fix
    assert "create" not in fault.fix
    assert all("safe copy" not in one.fix for one in faults if one is not fault)


def test_missing_secrets_are_faults_with_their_lines(tmp_path: Path) -> None:
    """`hub check` tells every reference that leads nowhere, at the key that names it."""
    write_template(tmp_path)
    loaded = load(tmp_path)
    faults = secret_faults(loaded, SecretStore(tmp_path, {"HUB_MASTER_KEY": "x"}))
    assert [fault.key for fault in faults] == [
        "connectors.clearinghouse.settings.key",
        "connectors.printer.settings.key",
    ]
    assert all("HUB_SFTP_KEY" in fault.wrong and fault.line for fault in faults)


# ---------------------------------------------------------------------------------------- schema, reference


def test_the_schema_refuses_unknown_keys_and_names_the_files_own() -> None:
    """Editors get one schema for all, or for one file its tables only; every table is closed."""
    schema = json_schema()
    assert set(schema["properties"]) == {key for keys in FILES.values() for key in keys}
    assert all(part.get("additionalProperties") is False for part in schema["$defs"].values())
    assert set(json_schema("payers.toml")["properties"]) == {"payers"}
    assert "from" in schema["$defs"]["Fee"]["properties"]
    assert json.dumps(schema)


def test_every_key_is_explained() -> None:
    """No key of a table of ours is without a description in the schema."""
    bare = [
        f"{name}.{key}"
        for name, part in json_schema()["$defs"].items()
        for key, told in part["properties"].items()
        if "description" not in told
    ]
    assert bare == []


def test_the_reference_page_is_current() -> None:
    """docs/reference/settings.md is what the models say now; `python -m hub.config.reference` writes it anew."""
    assert (ROOT / "docs" / "reference" / "settings.md").read_text() == reference()


def test_example_npis_are_good_and_from_one_invented_range(tree: Settings) -> None:
    """The example's NPIs pass their check digit."""
    npis = [tree.practices["lakeside"].npi, *(person.npi for person in tree.providers)]
    assert all(npi.startswith("1999999") and npi[9] == npi_check_digit(npi[:9]) for npi in npis)
