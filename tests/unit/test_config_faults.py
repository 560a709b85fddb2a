"""Every fault in the settings is told at once, with its place and a remedy, and without a value."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hub.config import Fault, load
from hub.config.template import write_template


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example practice, which has no fault."""
    write_template(tmp_path)
    return tmp_path


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first `old` in a file."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))


def line_of(folder: Path, file: str, mark: str) -> int:
    """The line on which `mark` first stands."""
    return (folder / file).read_text().split(mark)[0].count("\n") + 1


def only(folder: Path) -> Fault:
    """The one fault there is."""
    faults = load(folder).faults
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]


PRACTICE_STREET = '[practices.lakeside.address]          # a street with its true ZIP+4: payers reject post office boxes here\nline1 = "120 Harbor Street"'  # noqa: E501
PRACTICE_ZIP = 'zip = "44099-1204"\n\n[practices.lakeside.pay_to]'
FEE = '{ hcpcs = "G0402", cents = 18500,'
LOCAL = '{ system = "LOCAL", code = "AWV-FIRST",  hcpcs = "G0438", exact = true }'

# file, what is replaced, by what, where the fault stands (a mark in the new text), key, words in it
CASES: dict[str, tuple[str, str, str, str, str, tuple[str, ...]]] = {
    "unknown key, near one": (
        "hub.toml", 'data = "data"', 'dta = "data"', "dta =", "hub.dta", ("unknown key", 'did you mean "data"')),
    "unknown key, near none": (
        "hub.toml", 'data = "data"', 'qqq = "data"', "qqq", "hub.qqq",
        ("unknown key", "known here: data, store")),
    "another type": ("hub.toml", 'usage = "T"', "usage = 1", "usage =", "hub.usage", ("none of the words", "'P'")),
    "a word not in the list": (
        "hub.toml", 'usage = "T"', 'usage = "X"', "usage =", "hub.usage", ("none of the words", "'P' or 'T'")),
    "number in quotes": (
        "hub.toml", "due_days = 21", 'due_days = "21"', "due_days", "print.due_days",
        ("another type", "whole number")),
    "number out of range": (
        "hub.toml", "due_days = 21", "due_days = 0", "due_days", "print.due_days", ("less than 1",)),
    "master key in the open": (
        "hub.toml", '"env:HUB_MASTER_KEY"', '"hunter2"', "master_key", "hub.master_key", ("secret", "env:NAME")),
    "password in the open": (
        "hub.toml", 'user = "lakeside"', 'password = "hunter2"',
        'password = "h', "connectors.clearinghouse.settings.password",
        ("secret", "env:NAME")),
    "passphrase deeper down": (
        "hub.toml", 'user = "lakeside"', 'sub = [{ key_passphrase = "hunter2" }]', "sub =",
        "connectors.clearinghouse.settings.sub[1].key_passphrase", ("secret",)),
    "private key in the open": (
        "hub.toml", '"env:HUB_SFTP_KEY"', '"-----BEGIN OPENSSH PRIVATE KEY-----"', "-----BEGIN",
        "connectors.clearinghouse.settings.key", ("secret",)),
    "password in an address": (
        "hub.toml", 'data = "data"', 'store = "postgresql+psycopg://hub:hunter2@db/hub"',
        'store = "post', "hub.store",
        ("password",)),
    "unknown connector, near one": (
        "hub.toml", 'default = "clearinghouse"', 'default = "clearinghose"', "default =", "route.default",
        ('no connector "clearinghose"', 'did you mean "clearinghouse"')),
    "unknown payer in a route": (
        "hub.toml", "[route.payers] ", '[route.payers]\nnobody = "clearinghouse"\n# ', "nobody =",
        "route.payers.nobody",
        ('no payer "nobody"', "the payers are: comp, ")),
    "unknown connector to tell": (
        "hub.toml", "all = []", 'all = ["mial"]', "all =", "notifications.to.all[1]",
        ('no connector "mial"',)),
    "unknown role to tell": (
        "hub.toml", "all = []", "bilers = []", "bilers", "notifications.to.bilers",
        ("is no role", 'did you mean "biller"')),
    "cron and interval": (
        "hub.toml", 'cron = "15 6 * * *"', 'cron = "15 6 * * *"\nevery = "1h"', "[schedules.overdue]",
        "schedules.overdue", ("either cron or every",)),
    "file name without number": (
        "hub.toml", "answer_hours = 24", 'file_name = "{kind}.x12"', "file_name",
        "mailboxes.clearinghouse.file_name",
        ("two files would have one name",)),
    "file name with an unknown part": (
        "hub.toml", "answer_hours = 24", 'file_name = "{nmber}.x12"', "file_name",
        "mailboxes.clearinghouse.file_name",
        ("not known", "{number}")),
    "file name that reaches into objects": (
        "hub.toml", "answer_hours = 24", 'file_name = "{number.real}.x12"', "file_name",
        "mailboxes.clearinghouse.file_name", ("not known",)),
    "file name that is a path": (
        "hub.toml", "answer_hours = 24", 'file_name = "../{number}"', "file_name",
        "mailboxes.clearinghouse.file_name",
        ("letters, digits",)),
    "file name with an open brace": (
        "hub.toml", "answer_hours = 24", 'file_name = "{number"', "file_name",
        "mailboxes.clearinghouse.file_name",
        ("braces",)),
    "bad cron": (
        "hub.toml", '"15 6 * * *"', '"15 6 * *"', '"15 6 * *"', "schedules.overdue.cron", ("five fields",)),
    "bad span": ("hub.toml", '"15m"', '"15 min"', '"15 min"', "schedules.pull.every", ("span of time", "15m")),
    "too often": ("hub.toml", '"15m"', '"1s"', '"1s"', "schedules.pull.every", ("too often",)),
    "moment without zone": (
        "hub.toml", 'every = "15m"', 'every = "15m"\nepoch = 2026-01-01T00:00:00', "epoch",
        "schedules.pull.epoch",
        ("no time zone",)),
    "unknown zone": (
        "hub.toml", '"America/New_York"', '"America/Newyork"', "zone = ", "hub.zone",
        ("no time zone", "New_York")),
    "name of a table": (
        "hub.toml", "[schedules.pull]", '[schedules."pull it"]', "pull it", 'schedules."pull it"',
        ("cannot be a name",)),
    "step of an unknown lane": (
        "hub.toml", 'connector = "printer"', 'connector = "prnter"', '"prnter"', "schedules.results.connector",
        ('did you mean "printer"',)),
    "key in the wrong file": (
        "payers.toml", "[payers.medicare]", "providers = []\n[payers.medicare]", "providers = []", "providers",
        ("wrong file", "move it to providers.toml")),
    "unknown table": (
        "hub.toml", "[notifications]", "[notifcations]", "[notifcations]", "notifcations",
        ("unknown key", 'did you mean "notifications"')),
    "bad NPI": (
        "practices.toml", '"1999999018"', '"1999999019"', "1999999019", "practices.lakeside.npi",
        ("last digit", "NPPES")),
    "bad tax id": (
        "practices.toml", '"12-3456789"', '"12-345678"', "[practices.lakeside]", "practices.lakeside",
        ("tax_id", "nine digits")),
    "ZIP without four": (
        "practices.toml", PRACTICE_ZIP, PRACTICE_ZIP.replace("-1204", ""), "[practices.lakeside.address]",
        "practices.lakeside.address", ("ZIP+4",)),
    "ZIP with a filler": (
        "practices.toml", PRACTICE_ZIP, PRACTICE_ZIP.replace("1204", "9999"), "[practices.lakeside.address]",
        "practices.lakeside.address", ("filler",)),
    "post office box": (
        "practices.toml", PRACTICE_STREET, PRACTICE_STREET.replace("120 Harbor Street", "P.O. Box 9"),
        "[practices.lakeside.address]", "practices.lakeside.address", ("post office box",)),
    "bad state": (
        "practices.toml", 'city = "Exampleton"\nstate = "OH"', 'city = "Exampleton"\nstate = "Ohio"', "Ohio",
        "practices.lakeside.address.state", ("two-letter",)),
    "bad taxonomy": (
        "practices.toml", '"261QP2300X"', '"261QP2300"', '"261QP2300"', "practices.lakeside.taxonomy",
        ("taxonomy",)),
    "missing key": (
        "practices.toml", 'name = "Lakeside Family Medicine"\n', "", "[practices.lakeside]",
        "practices.lakeside.name",
        ("is missing", "the name patients know", "add name")),
    "facility of an unknown practice": (
        "practices.toml", '[facilities.main]\npractice = "lakeside"', '[facilities.main]\npractice = "lakesid"',
        '"lakesid"', "facilities.main.practice", ('did you mean "lakeside"',)),
    "place of service": (
        "practices.toml", 'home = "12"', 'home = "home"', 'home = "home"', "sources.ehr.places.home", ("form",)),
    "source of an unknown connector": (
        "practices.toml", "[sources.adt.test_patients]",
        "[sources.adtt]\nbill_from = 2026-01-01\n[sources.adtt.test_patients]", "[sources.adtt",
        "sources.adtt", ('did you mean "adt"',)),
    "token of an unknown payer": (
        "practices.toml", '"SELFPAY" = "self_pay"', '"SELFPAY" = "selfpay"', '"selfpay"',
        "sources.ehr.payers.SELFPAY",
        ('did you mean "self_pay"',)),
    "date in quotes": (
        "practices.toml", "bill_from = 2026-01-01", 'bill_from = "2026-01-01"',
        'bill_from = "', "sources.ehr.bill_from",
        ("another type", "a date without quotes")),
    "no id where claims go, enrolled": (
        "payers.toml", 'ids = { clearinghouse = "DM001" }', "ids = {}", "ids = {}", "payers.medicare.ids",
        ('no id at "clearinghouse"', "payer list")),
    "id at an unknown connector": (
        "payers.toml", '{ clearinghouse = "DM001" }', '{ clearinghouse = "DM001", old = "1" }', '"DM001"',
        "payers.medicare.ids.old", ('no connector "old"',)),
    "Medicaid patient billed": (
        "payers.toml", "may_bill_patient = false              # never", "may_bill_patient = true  # never",
        "[payers.medicaid]", "payers.medicaid", ("may not be billed", "may_bill_patient = false")),
    "filing code": (
        "payers.toml", 'filing_code = "MB"', 'filing_code = "99"', '"99"', "payers.medicare.filing_code",
        ("'MB'",)),
    "pattern": (
        "payers.toml", "'[0-9]{12}'", "'[0-9{12}'", "'[0-9{12}'", "payers.medicaid.member_id",
        ("regular expression",)),
    "crossover to nobody": (
        "payers.toml", '["medigap"]', '["medgap"]', '["medgap"]', "payers.medicare.crossover_to[1]",
        ('did you mean "medigap"',)),
    "enrolment of nobody": (
        "enrolments.toml", 'payer = "ppo", transaction = "837P"', 'payer = "pop", transaction = "837P"', '"pop"',
        "enrolments[5].payer", ('did you mean "ppo"',)),
    "enrolments that overlap": (
        "enrolments.toml", 'payer = "medicare", transaction = "835"', 'payer = "medicare", transaction = "837P"',
        'payer = "medicare", transaction = "837P", clearinghouse = "clearinghouse", status = "active" },\n  { practice = "lakeside", payer = "medigap"',  # noqa: E501
        "enrolments[2]", ("same days as row 1",)),
    "a row that ends before it begins": (
        "enrolments.toml", 'status = "active" }', 'status = "active", from = 2026-02-01, to = 2026-01-01 }',
        "from =",
        "enrolments[1].to", ("before from",)),
    "a clinician twice": (
        "providers.toml", '"1999999042"', '"1999999034"', 'npi = "1999999034"\nlast = "Quillon"',
        "providers[2].npi",
        ("given twice",)),
    "another owner's code": (
        "charge_map.toml", LOCAL, LOCAL.replace("G0438", "00000"), "00000", "charges[1].hcpcs", ("A-V",)),
    "codes that overlap": (
        "charge_map.toml", LOCAL, f"{LOCAL},\n{LOCAL}", f"\n{LOCAL},\n  {{ system", "charges[2]",
        ("same days as row 1",)),
    "minutes without a rule": (
        "fee_schedule.toml", '{ hcpcs = "H0004", minutes = 15, least = 8 },', "", "", "charges[10].units",
        ("minutes", "timed")),
    "no price": ("fee_schedule.toml", FEE, FEE.replace("18500", "0"), FEE[:20], "fees[1].cents", ("not above 0",)),
    "price with a point": (
        "fee_schedule.toml", FEE, FEE.replace("18500", "185.00"), "185.00", "fees[1].cents", ("whole number",)),
    "modifier": (
        "fee_schedule.toml", 'modifiers = ["RR"], cents', 'modifiers = ["rr"], cents', '"rr"',
        "fees[12].modifiers[1]",
        ("modifier",)),
    "NDC of ten bare digits": (
        "fee_schedule.toml", '"99999-1885-01"', '"9999918850"', '"9999918850"', "drugs[1].ndc", ("hyphens",)),
    "quantity that is no number": (
        "fee_schedule.toml", "per_unit = 0.5", 'per_unit = "half"', '"half"', "drugs[1].per_unit",
        ("no number",)),
    "a rental twice": (
        "fee_schedule.toml", "rentals = [", 'rentals = [\n  { hcpcs = "E0601" },',
        '{ hcpcs = "E0601", modifiers = ["RR"], months',
        "rentals[2].hcpcs", ("given twice",)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_told_with_its_place_and_remedy(folder: Path, name: str) -> None:
    """One fault gives one message: its file, line and key, what is wrong, what to do, and no secret value."""
    file, old, new, mark, key, words = CASES[name]
    edit(folder, file, old, new)
    fault = only(folder)
    place = "charge_map.toml" if name == "minutes without a rule" else file
    assert (fault.file, fault.key, fault.severity) == (place, key, "error")
    assert all(word in f"{fault.wrong} {fault.expected} {fault.fix}" for word in words), str(fault)
    assert "hunter2" not in str(fault)
    if mark:
        start = (folder / file).read_text().index(mark)
        begins = mark[0] == "\n"
        assert fault.line == (folder / file).read_text()[:start].count("\n") + 1 + begins
    assert load(folder).tree is None


BROKEN: dict[str, tuple[str, str, str, str]] = {
    "key twice": ('data = "data"', 'data = "data"\ndata = "x"', 'data = "x"', "given twice"),
    "table twice": ("[route]", "[hub]\n[route]", "[hub]\n[route]", "given twice"),
    "no closing quote": ('usage = "T"', 'usage = "T', 'usage = "T ', "line break"),
    "no value": ('usage = "T"', "usage =", "usage =", "value is missing"),
    "no quotes": ('usage = "T"', "usage = T", "usage = T", "lacks its quotes"),
    "no equals sign": ('usage = "T"', 'usage "T"', 'usage "T"', "no `=`"),
    "backslash": ('data = "data"', 'data = "C:\\data"', 'data = "C:', "backslash"),
    "list not closed": ("all = []", 'all = ["mail"', "", "lacks its `]`"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_toml_is_a_fault_with_its_line(folder: Path, name: str) -> None:
    """A file that is no TOML is one fault at the line that breaks it; nothing else is told that follows from it."""
    old, new, mark, words = BROKEN[name]
    edit(folder, "hub.toml", old, new)
    fault = only(folder)
    text = (folder / "hub.toml").read_text()
    line = text[: text.index(mark)].count("\n") + 1 if mark else text.count("\n") + 1
    assert (fault.file, fault.key) == ("hub.toml", "")
    assert fault.line == line
    assert words in fault.wrong


def test_all_faults_of_all_files_are_told_at_once(folder: Path) -> None:
    """A fault in one table hides none of another table or file, whether of form or of reference."""
    edit(folder, "hub.toml", 'usage = "T"', 'usage = "X"')
    edit(folder, "hub.toml", 'default = "clearinghouse"', 'default = "nowhere"')
    edit(folder, "practices.toml", '"1999999018"', '"1999999019"')
    edit(folder, "payers.toml", '["medigap"]', '["medgap"]')
    (folder / "providers.toml").write_text("providers = [\n")
    edit(folder, "fee_schedule.toml", FEE, FEE.replace("18500", "0"))
    edit(folder, "fee_schedule.toml", '{ hcpcs = "G0439"', '{ hcpcs = "G0438"')
    told = [(fault.file, fault.key) for fault in load(folder).faults if fault.severity == "error"]
    assert told == [
        ("hub.toml", "hub.usage"),
        ("hub.toml", "route.default"),
        ("practices.toml", "practices.lakeside.npi"),
        ("payers.toml", "payers.medicare.crossover_to[1]"),
        ("providers.toml", ""),
        ("fee_schedule.toml", "fees[1].cents"),
        ("fee_schedule.toml", "fees[3]"),
    ]


def test_a_bad_row_does_not_move_the_places_of_others(folder: Path) -> None:
    """Rows keep their number and line when a row before them is malformed."""
    edit(folder, "fee_schedule.toml", FEE, FEE.replace("18500", "0"))
    edit(folder, "fee_schedule.toml", '{ hcpcs = "G0439"', '{ hcpcs = "G0438"')
    second = [fault for fault in load(folder).faults if fault.severity == "error"][1]
    assert (second.key, second.line) == ("fees[3]", line_of(folder, "fee_schedule.toml", "cents = 12500"))
    assert "row 2" in second.wrong


def test_what_may_be_meant_so_is_a_warning(folder: Path) -> None:
    """A hub starts with warnings: no bill_from, a connector nobody uses, a payer without id and enrolment."""
    edit(folder, "practices.toml", "bill_from = 2026-01-01\nhold_days = 2", "hold_days = 2")
    edit(folder, "hub.toml", "[connectors.printer] ", '[connectors.spare]\nplugin = "x"\n[connectors.printer] ')
    edit(
        folder,
        "payers.toml",
        "[payers.self_pay]",
        '[payers.other]\nname = "OTHER"\nkind = "ppo"\n[payers.self_pay]',
    )
    edit(folder, "fee_schedule.toml", '  { hcpcs = "A7034", cents = 8900,  words = "CPAP nasal mask" },\n', "")
    loaded = load(folder)
    assert loaded.ok
    assert [(fault.key, fault.severity) for fault in loaded.faults] == [
        ("connectors.spare", "warning"),
        ("sources.ehr", "warning"),
        ("payers.other.ids", "warning"),
        ("charges[12].hcpcs", "warning"),
    ]


def test_one_connector_has_one_role(folder: Path) -> None:
    """A connector that is named as clearinghouse and as print vendor is a fault."""
    edit(folder, "hub.toml", 'vendor = "printer"', 'vendor = "clearinghouse"')
    faults = load(folder).faults
    assert any("serves as a clearinghouse and a print vendor" in fault.wrong for fault in faults)


def test_a_clearinghouse_has_a_mailbox(folder: Path) -> None:
    """Without sender and receiver ids no file can be made for a clearinghouse."""
    edit(folder, "hub.toml", "[mailboxes.clearinghouse]", "[mailboxes.printer]")
    assert [fault.key for fault in load(folder).faults] == ["connectors.clearinghouse"]


def two_practices(folder: Path) -> None:
    """A second practice is configured, and every connector says which one it serves."""
    text = (folder / "practices.toml").read_text()
    second = text[: text.index("# ----")].replace("lakeside]", "shore]").replace("lakeside.", "shore.")
    (folder / "practices.toml").write_text(text + second.replace("1999999018", "1999999067"))
    for plugin in ("clearinghouse_sftp", "statements_print"):
        edit(folder, "hub.toml", f'plugin = "{plugin}"', f'plugin = "{plugin}"\npractice = "lakeside"')


@pytest.mark.parametrize(
    ("key", "plugin"),
    [("ehr", "ehr_fhir"), ("clearinghouse", "clearinghouse_sftp"), ("printer", "statements_print")],
)
def test_a_connector_says_whose_it_is(folder: Path, key: str, plugin: str) -> None:
    """With several practices each connector names one: also a shared one, for what concerns its mailbox."""
    two_practices(folder)
    assert load(folder).ok
    edit(folder, "hub.toml", f'plugin = "{plugin}"\npractice = "lakeside"', f'plugin = "{plugin}"')
    fault = only(folder)
    assert (fault.key, fault.severity) == (f"connectors.{key}", "error")


@pytest.mark.parametrize("field", ["remit_ids", "ids"])
def test_payers_that_share_an_id_are_told(folder: Path, field: str) -> None:
    """An id by which an 835 may mean either of two payers is a warning."""
    if field == "ids":
        edit(folder, "payers.toml", '"DM004"', '"DM003"')
    else:
        for payer in ("ppo", "ppo_second"):
            edit(folder, "payers.toml", f"[payers.{payer}]\n", f'[payers.{payer}]\nremit_ids = ["HERON"]\n')
    fault = only(folder)
    assert (fault.severity, fault.key.startswith(f"payers.ppo_second.{field}")) == ("warning", True)
    assert '"ppo"' in fault.wrong
    assert load(folder).ok


def test_files_that_are_absent_odd_or_unreadable(folder: Path, tmp_path: Path) -> None:
    """hub.toml must be there; a folder in a file's place, other bytes than UTF-8 and strays are told."""
    (folder / "hub.toml").unlink()
    (folder / "providers.toml").unlink()
    (folder / "providers.toml").mkdir()
    (folder / "payers.toml").write_bytes(b"# one\n# \xff\n")
    (folder / "payer.toml").write_text("")
    faults = {fault.file: fault for fault in load(folder).faults}
    assert set(faults) == {"hub.toml", "providers.toml", "payers.toml", "payer.toml"}
    assert "hub init" in faults["hub.toml"].fix
    assert "cannot be read" in faults["providers.toml"].wrong
    assert (faults["payers.toml"].line, faults["payers.toml"].wrong) == (2, "this is not UTF-8")
    assert (faults["payer.toml"].severity, faults["payer.toml"].fix) == ("warning", 'did you mean "payers.toml"?')
    assert load(tmp_path / "nowhere").tree is None


def test_whoever_stands_in_the_folder_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the settings folder the default, `config`, is not there: what to type is said."""
    monkeypatch.chdir(folder)
    (fault,) = load(Path("config")).faults
    assert (fault.file, "`-c .`" in fault.fix) == ("hub.toml", True)


def test_windows_line_ends_and_byte_order_mark(folder: Path) -> None:
    """A file saved on Windows reads like any other, and its lines count the same."""
    text = (folder / "hub.toml").read_text().replace('usage = "T"', 'usage = "X"')
    (folder / "hub.toml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert only(folder).line == text[: text.index("usage =")].count("\n") + 1


@pytest.mark.parametrize(
    "value", ["3", '"x"', "[]", "[3]", "{}", "{ a = 3 }", "[{ a = [] }]", "2026-01-01", "true"]
)
@pytest.mark.parametrize("key", ["hub", "connectors", "route", "schedules", "notifications"])
def test_any_shape_of_a_table_is_answered(tmp_path: Path, key: str, value: str) -> None:
    """Whatever stands where a table should be, reading ends with faults and never with an exception."""
    (tmp_path / "hub.toml").write_text(f"{key} = {value}\n")
    loaded = load(tmp_path)
    assert loaded.ok is not any(fault.severity == "error" for fault in loaded.faults)
    assert all(fault.line == 1 for fault in loaded.faults)


def test_a_charge_code_may_be_of_a_system_with_an_address(folder: Path) -> None:
    """A FHIR server names a practice's own charge codes by an address: its rows are mapped as `hub fhir codes` writes
    them; a word that is no known system is a typing error still.
    """
    row = '{ system = "SNOMED", code = "162673000"'
    edit(folder, "charge_map.toml", row, row.replace("SNOMED", "https://clinic.example/charges"))
    loaded = load(folder)
    assert loaded.ok
    assert loaded.settings.charge_row("https://clinic.example/charges", "162673000", date(2026, 3, 2)) is not None
    edit(folder, "charge_map.toml", "https://clinic.example/charges", "SNOMD")
    (fault,) = [one for one in load(folder).faults if one.severity == "error"]
    assert "URI" in fault.fix
