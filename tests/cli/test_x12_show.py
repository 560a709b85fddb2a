"""`hub x12 show`, `guide`, `diff`, `table` and `ack`: what they say of a file, and how they end."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.cli.x12_diff import diff
from hub.cli.x12_guide import guide
from hub.cli.x12_show import show
from hub.x12.tools.show import Choice, SegmentLine, findings_by_line, outline
from hub.x12.tools.table import Sheet, write_csv

Run = Callable[..., Any]
Named = Callable[[str], Path]

X12 = Path(__file__).parents[1] / "x12"
GOOD = sorted((X12 / "pass").glob("*.x12"))
CORPUS = Path(__file__).parents[3] / "shared" / "data" / "x12"
THEIRS = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.suffix != ".tsv")


def texts(data: bytes) -> list[str]:
    """The segments of a file as text, by a plain split."""
    text = data.decode("utf-8-sig")
    return [one.strip("\r\n") for one in text.split(text[105]) if one.strip()]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_tree_shows_every_segment_once_in_order(path: Path) -> None:
    """Nothing of a file is left out, told twice or moved, and each segment has its true line and a name."""
    data = path.read_bytes()
    lines = [one for one in outline(io.BytesIO(data), Choice(), {}) if isinstance(one, SegmentLine)]
    assert [one.text for one in lines] == texts(data)
    assert [one.line for one in lines] == list(range(1, len(lines) + 1))
    assert all(one.name for one in lines)


@pytest.mark.parametrize("path", THEIRS, ids=lambda path: path.name)
def test_any_file_can_be_shown(path: Path) -> None:
    """Files of others are shown without a crash, each segment once, whatever is wrong with them."""
    with path.open("rb") as file:
        found = findings_by_line(file)
        file.seek(0)
        lines = [one.line for one in outline(file, Choice(), found) if isinstance(one, SegmentLine)]
    assert lines == list(range(1, len(lines) + 1))


def test_loops_segments_and_elements_have_names(hub: Run, good: Named) -> None:
    """A tree says loops, segments and elements in words beside their values."""
    ran = hub("x12", "show", good("837p_accident"))
    assert ran.code == 0
    assert "2010AA Billing provider" in ran.out
    assert re.search(r"NM103 +last name or organization +ANYTOWN CLINIC", ran.out)
    assert re.search(r"CLM05-1 +facility code +11", ran.out)


def test_a_finding_stands_at_its_segment(hub: Run, bad: Named) -> None:
    """What is wrong is told right below the segment that it is about."""
    lines = hub("x12", "show", "--plain", bad("837p_bad_period")).out.splitlines()
    at = next(number for number, line in enumerate(lines) if "element.date" in line)
    assert lines[at].strip().startswith("^ error: 2400 DTP03")
    assert lines[at - 1].strip().startswith("DTP*472*")


def test_masked_shows_nobody(hub: Run, good: Named) -> None:
    """With --masked names, ids and days are hidden, amounts and codes are not."""
    for form in ([], ["--plain"], ["--json"]):
        out = hub("x12", "show", good("837p_accident"), "--masked", *form).out
        assert not re.search(r"SUMMER|W100001|19800101|20260105|PCN|MAIN ST", out)
        assert "150.25" in out
        assert "G0439" in out


@pytest.mark.parametrize(
    "misplaced",
    ["CRC*07*Y*BITTERN", "LIN**N4*99999000101*LT*BITTERN7", "HI*BG:BITTERN", "BITTERN*1", "QTY*BITTERN*1"],
)
def test_masked_shows_no_name_in_a_code_s_place(hub: Run, good: Named, tmp_path: Path, misplaced: str) -> None:
    """With --masked what stands where a code belongs and is none is hidden too, even as the id of a segment."""
    file = tmp_path / "odd.x12"
    file.write_bytes(good("837p_accident").read_bytes().replace(b"HI*ABK", misplaced.encode() + b"~\nHI*ABK", 1))
    for form in ([], ["--plain"], ["--json"]):
        assert "BITTERN" not in hub("x12", "show", file, "--masked", *form).out
    assert "BITTERN" in hub("x12", "show", file).out


def test_one_claim_stands_with_what_is_around_it(hub: Run, good: Named) -> None:
    """--claim shows one claim with its provider and subscriber, and no other."""
    out = hub("x12", "show", "--plain", "--claim", "2", good("837p_employer_subscriber")).out
    assert "CLM*PCN2*" in out
    assert "NM1*85*" in out
    assert "CLM*PCN1*" not in out
    missing = hub("x12", "show", "--claim", "9", good("837p_employer_subscriber"))
    assert missing.code == 2
    assert "there is no claim 9" in missing.err


def test_one_loop_alone(hub: Run, good: Named) -> None:
    """--loop shows the loops of that id and nothing else."""
    lines = hub("x12", "show", "--json", "--loop", "2010aa", good("837p_three_sets")).lines
    assert {one.get("loop") or one.get("id") for one in lines} == {"2010AA"}
    assert sum(one["what"] == "loop" for one in lines) == 3
    assert hub("x12", "show", "--loop", "9999", good("837p_three_sets")).code == 2


def test_the_tree_as_json_is_one_object_a_line(hub: Run, good: Named) -> None:
    """Scripts get a line for each loop and segment, elements with places and values."""
    lines = hub("x12", "show", "--json", good("835_ordinary")).lines
    clp = next(one for one in lines if one.get("id") == "CLP")
    assert (clp["loop"], clp["name"]) == ("2100", "Claim payment")
    assert {"place": "CLP03", "name": "amount", "value": "150"} in clp["elements"]


def test_show_of_nothing_ends_with_2(hub: Run) -> None:
    """What holds no X12 is refused with what to do."""
    ran = hub("x12", "show", "-", stdin=b"hello")
    assert ran.code == 2
    assert "holds no X12" in ran.err


@pytest.mark.parametrize("name", ["837P", "835", "999", "TA1", "277CA"])
def test_guides_are_printed(hub: Run, name: str) -> None:
    """Each guide is printed for people and for scripts; an unknown one is refused with those that there are."""
    assert name in hub("x12", "guide", name.lower()).out
    assert hub("x12", "guide", name, "--json").json["kind"] == name
    refused = hub("x12", "guide", "850")
    assert refused.code == 2
    assert "837P" in refused.err


def test_one_loop_of_a_guide(hub: Run) -> None:
    """--loop prints one loop; an unknown one is refused."""
    out = hub("x12", "guide", "837P", "--loop", "2010aa", "--short").out
    assert "Billing provider" in out
    assert "2300" not in out
    assert hub("x12", "guide", "837P", "--loop", "9").code == 2


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_file_says_what_it_says(hub: Run, path: Path) -> None:
    """No file differs from itself, nor from itself in other delimiters, lines and control numbers."""
    data = path.read_bytes()
    assert hub("x12", "diff", path, path, "--strict").code == 0
    if data.startswith(b"ISA*"):
        other = data.replace(b"\n", b"").replace(b"*", b"|").replace(b"~", b"~\r\n")
        other = other.replace(data[90:99], b"000000777")
        assert hub("x12", "diff", path, "-", stdin=other).code == 0
        assert hub("x12", "diff", path, "-", "--strict", stdin=other).code == 1


def test_the_order_of_claims_does_not_count(hub: Run, good: Named) -> None:
    """Claims are matched by their numbers, wherever they stand in the file."""
    data = good("835_ordinary").read_bytes()
    first, second, third = (data.index(mark) for mark in (b"CLP*PCN1", b"CLP*PCN2", b"CLP*PCN3"))
    turned = data[:first] + data[second:third] + data[first:second] + data[third:]
    assert hub("x12", "diff", good("835_ordinary"), "-", stdin=turned).code == 0


def test_a_change_is_told_with_its_place(hub: Run, good: Named) -> None:
    """Changed, added and removed things are told with claim, place, name and lines."""
    data = good("835_ordinary").read_bytes()
    other = data.replace(b"CLP*PCN2*1*80*", b"CLP*PCN2*1*81*").replace(b"CAS*CO*16*80~\n", b"")
    told = hub("x12", "diff", "--json", good("835_ordinary"), "-", stdin=other).json["differences"]
    assert [(one["what"], one["about"], one["place"]) for one in told] == [
        ("changed", "claim PCN2", "2100 CLP03"),
        ("removed", "claim PCN2", "2110 CAS"),
    ]
    assert (told[0]["first"], told[0]["second"], told[0]["name"]) == ("80", "81", "amount")
    lines = texts(data)
    assert lines[told[0]["first_line"] - 1].startswith("CLP*PCN2")
    masked = hub("x12", "diff", "--masked", good("835_ordinary"), "-", stdin=other)
    assert masked.code == 1
    assert "PCN2" not in masked.out.replace(str(good("835_ordinary")), "")


def test_amounts_are_compared_by_value(hub: Run, good: Named) -> None:
    """100 and 100.00 are one amount."""
    data = good("835_ordinary").read_bytes()
    other = data.replace(b"*100*70*", b"*100.00*70.0*")
    assert other != data
    assert hub("x12", "diff", good("835_ordinary"), "-", stdin=other).code == 0


def test_claims_that_came_and_went(hub: Run, good: Named) -> None:
    """A claim in one file only is told once, as a whole."""
    told = hub("x12", "diff", "--json", good("835_notice"), good("835_ordinary")).json["differences"]
    claims = [(one["what"], one["about"]) for one in told if one["about"].startswith("claim")]
    assert ("removed", "claim PCN4") in claims
    assert ("added", "claim PCN3 reversal") in claims


def test_a_table_of_lines(hub: Run, good: Named) -> None:
    """An 837 becomes one row a line, whose charges sum to the claim."""
    ran = hub("x12", "table", good("837p_two_claims"), "--to", "csv", "--output", "-")
    found = list(csv.DictReader(io.StringIO(ran.out)))
    assert ran.code == 0
    claims = {row["claim_number"]: Decimal(row["claim_charge"]) for row in found}
    for number, total in claims.items():
        assert sum(Decimal(row["charge"]) for row in found if row["claim_number"] == number) == total
    assert found[0]["first_day"] == "2026-01-05"
    assert found[0]["diagnoses"] == "J020 E119"


def test_a_table_of_services(hub: Run, good: Named) -> None:
    """An 835 becomes one row a service, and one for a claim without services; a line balances in its own row."""
    ran = hub("x12", "table", good("835_ordinary"), "--output", "-")
    found = list(csv.DictReader(io.StringIO(ran.out)))
    assert len(found) == 5
    for row in found:
        if row["charge"]:
            moved = sum(Decimal(row[group] or 0) for group in ("co", "pr", "oa", "pi"))
            assert Decimal(row["charge"]) - moved == Decimal(row["paid"])


@pytest.mark.parametrize("cut", [b"SE*35", b"GE*1", b"IEA*1", b"PLB*", b"CLP*PCN2*"])
def test_a_table_of_a_cut_file_says_so(hub: Run, good: Named, tmp_path: Path, cut: bytes) -> None:
    """A file that breaks off gives the rows that came; the command ends with 1 and says that some may be missing."""
    data = good("835_ordinary").read_bytes()
    file = tmp_path / "cut.835"
    file.write_bytes(data[: data.index(cut)])
    ran = hub("x12", "table", file, "--json")
    assert (ran.code, ran.json["rows"] > 0) == (1, True)
    assert "has no" in ran.json["problem"]


def test_parquet_holds_exact_decimals(hub: Run, good: Named, tmp_path: Path) -> None:
    """Amounts are decimals and days are days in Parquet, and the rows are those of the CSV."""
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "out.parquet"
    told = hub("x12", "table", good("835_ordinary"), "--to", "parquet", "--output", out, "--json").json
    table = parquet.read_table(out)
    assert told["rows"] == table.num_rows == 5
    assert table.column("charge").to_pylist()[:2] == [Decimal(100), Decimal(50)]
    assert str(table.schema.field("payment_day").type) == "date32[day]"
    assert str(table.schema.field("charge").type).startswith("decimal128")


def test_without_pyarrow_the_way_out_is_said(
    hub: Run, good: Named, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is not installed the message says how to install it, and nothing is written."""
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    ran = hub("x12", "table", good("835_ordinary"), "--to", "parquet", "--output", tmp_path / "out")
    assert ran.code == 2
    assert "billing-hub[parquet]" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_amount_is_never_zero(good: Named) -> None:
    """What is no amount stands in the CSV as it is, and its column is named as unreadable."""
    data = good("835_ordinary").read_bytes().replace(b"*100*70*", b"*1oo*70*")
    out = io.BytesIO()
    write_csv(Sheet(data), out)
    row = next(iter(csv.DictReader(io.StringIO(out.getvalue().decode()))))
    assert row["charge"] == "1oo"
    assert row["unreadable"] == "charge"


def test_no_cell_is_a_formula(good: Named) -> None:
    """A text that a spreadsheet would run is written so that it is shown."""
    data = good("835_ordinary").read_bytes().replace(b"NM1*QC*1*SUMMER", b"NM1*QC*1*=1+1")
    out = io.BytesIO()
    write_csv(Sheet(data), out)
    row = next(iter(csv.DictReader(io.StringIO(out.getvalue().decode()))))
    assert row["patient_last"] == "'=1+1"


@pytest.mark.parametrize("path", THEIRS, ids=lambda path: path.name)
def test_any_file_becomes_rows_or_none(path: Path) -> None:
    """Files of others become rows without a crash."""
    out = io.BytesIO()
    sheet = Sheet(path.read_bytes())
    write_csv(sheet, out)
    assert bool(sheet.count) == bool(out.getvalue())


def test_a_good_file_is_accepted(hub: Run, good: Named) -> None:
    """The 999 of a good file accepts every set, turns sender and receiver round, and is itself without fault."""
    ran = hub("x12", "ack", good("837p_three_sets"))
    assert ran.code == 0
    assert ran.out.startswith("ISA*00*          *00*          *ZZ*CLEARING       *ZZ*ANYTOWN        *")
    assert ran.out.count("IK5*A~") == 3
    assert hub("x12", "validate", "-", stdin=ran.out.encode()).code == 0


def test_a_bad_set_is_rejected_at_its_place(hub: Run, bad: Named, tmp_path: Path) -> None:
    """The 999 of a file with an error rejects the set and says where; the command ends with 1."""
    ran = hub("x12", "ack", bad("837p_bad_period"), "--output", tmp_path / "out.999", "--json")
    text = (tmp_path / "out.999").read_text()
    assert ran.code == 1
    assert "IK3*DTP*25*2400*8~" in text
    assert "IK5*R" in text
    assert ran.json["interchanges"][0]["groups"][0]["sets"][0]["verdict"] == "R"


def test_a_ta1_answers_the_envelope(hub: Run, good: Named) -> None:
    """--kind TA1 answers each interchange by number, date and time."""
    ran = hub("x12", "ack", "--kind", "ta1", good("837p_accident"))
    assert ran.code == 0
    assert "TA1*000000001*260120*0930*A*000~" in ran.out


def test_a_277ca_answers_each_claim(hub: Run, good: Named, bad: Named) -> None:
    """--kind 277CA speaks of each claim, is itself without fault, and an 835 gets none."""
    ran = hub("x12", "ack", "--kind", "277CA", good("837p_two_claims"))
    assert ran.code == 0
    assert "TRN*2*PCN1~" in ran.out
    assert "TRN*2*PCN2~" in ran.out
    assert hub("x12", "validate", "-", stdin=ran.out.encode()).code == 0
    assert hub("x12", "ack", "--kind", "277CA", bad("837p_cob_line")).code == 1
    refused = hub("x12", "ack", "--kind", "277CA", good("835_ordinary"))
    assert refused.code == 2
    assert "837" in refused.err


def test_answers_are_not_answered(hub: Run, good: Named) -> None:
    """Nobody answers a 999 with a 999: the message says what can be done."""
    ran = hub("x12", "ack", good("999_accepted"))
    assert ran.code == 2
    assert "--kind TA1" in ran.err


def test_an_unknown_kind_is_refused(hub: Run, good: Named) -> None:
    """Only the answers that there are can be asked for."""
    assert hub("x12", "ack", "--kind", "997", good("837p_accident")).code == 2


def test_every_command_says_how_to_begin(hub: Run) -> None:
    """The help of each command names an example of itself."""
    for name in ("validate", "show", "ack", "fix", "anonymize", "diff", "table", "guide"):
        out = " ".join(hub("x12", name, "--help").out.split())
        assert f"hub x12 {name}" in out.partition("Try")[2], name


def test_json_is_json(hub: Run, bad: Named) -> None:
    """A file name with quotes does not break the object of a file."""
    told = json.loads(hub("x12", "validate", "--json", 'no "such" file').out)
    assert told["file"] == 'no "such" file'
    assert hub("x12", "validate", bad("837p_se_count")).code == 1


@pytest.mark.parametrize(
    "form", [["show"], ["show", "--plain"], ["validate"], ["ack", "--output", "OUT"], ["diff", "GOOD"]]
)
def test_a_file_cannot_steer_the_terminal(hub: Run, good: Named, tmp_path: Path, form: list[str]) -> None:
    """Control characters of a file never reach the terminal as they are."""
    path = tmp_path / "in.x12"
    data = good("837p_accident").read_bytes().replace(b"SUMMER", b"\x1b[31mSUM\x9b2J")
    path.write_bytes(data.replace(b"*0001", b"*0\x1b01"))
    words = [
        str(tmp_path / "out") if one == "OUT" else str(good("837p_accident")) if one == "GOOD" else one
        for one in form
    ]
    ran = hub("x12", words[0], path, *words[1:])
    assert "\x1b" not in ran.out + ran.err
    assert "\x9b" not in ran.out + ran.err


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 60 letters."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_in_a_terminal_faults_are_folded_and_red(
    bad: Named, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault breaks between words where the terminal ends, and the value that it is about is as red as it."""
    narrow(monkeypatch)
    show(str(bad("837p_npi_check_digit")), Choice(), plain=False, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(lines) if "^ error" in line)
    assert re.search(r"NM109 +id +\x1b\[1;31m\d{10}", lines[at - 1])
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert all(len(line) <= 60 for line in bare[:-1] if "error" in line)
    assert "[element.npi]" in " ".join(bare[at : at + 2])
    assert bare[-1].endswith("1 error, each marked with ^ above")


def test_who_wants_no_colours_gets_none(
    good: Named, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """NO_COLOR is heeded by what is coloured by hand too."""
    narrow(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    show(str(good("837p_accident")), Choice(), plain=False, as_json=False)
    guide("TA1", "", short=False, as_json=False)
    assert "\x1b" not in capsys.readouterr().out


def test_in_a_terminal_a_difference_is_told_below_its_claim(
    good: Named, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was there and what is there stand below each other, below the claim; masked there is only the place."""
    narrow(monkeypatch)
    path = good("837p_accident")
    changed = tmp_path / "changed.x12"
    changed.write_bytes(path.read_bytes().replace(b"*150.25*", b"*150.26*"))
    for masked in (False, True):
        with pytest.raises(SystemExit):
            diff(str(path), str(changed), strict=False, masked=masked, limit=9, as_json=False)
        out = capsys.readouterr().out
        assert out.index("claim") < out.index("2300 CLM02") < out.index(" difference")
        assert ("- 150.25" in out, "+ 150.26" in out) == (not masked, not masked)


def test_a_claim_below_another_subscriber_says_so(hub: Run, good: Named, tmp_path: Path) -> None:
    """Where the subscriber is another one, the claim's difference names both, and nothing that is the same."""
    path = good("837p_accident")
    other = tmp_path / "other.x12"
    other.write_bytes(path.read_bytes().replace(b"W100001", b"W100009"))
    told = hub("x12", "diff", path, other, "--json").json["differences"]
    (one,) = [one for one in told if one["name"] == "below whom it stands"]
    assert (one["place"], "W100001" in one["first"], "W100009" in one["second"]) == ("2300", True, True)
    assert all(one["first"] != one["second"] for one in told if one["what"] == "changed")


def test_numbers_of_lines_do_not_count(hub: Run, bad: Named, tmp_path: Path) -> None:
    """A file whose lines are numbered anew says the same as before."""
    path, fixed = tmp_path / "sent.x12", tmp_path / "fixed.x12"
    path.write_bytes(re.sub(rb"REF\*6R\*[^~]*~\s*", b"", bad("837p_lx_sequence").read_bytes()))
    hub("x12", "fix", path, "--output", fixed)
    assert fixed.read_bytes() != path.read_bytes()
    assert hub("x12", "diff", path, fixed).code == 0
