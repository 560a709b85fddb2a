"""`hub x12 validate`: exit codes, the object of a file, what it takes as a file, and what it never says."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.cli import x12_look, x12_validate
from hub.cli.x12_files import Input

Run = Callable[..., Any]
Named = Callable[[str], Path]

KEYS = {
    *("snip", "severity", "loop", "segment", "position", "line", "element", "part", "code", "message"),
    *("ik3", "ik4", "status", "repair", "claim"),
}


def test_a_good_file_ends_with_0(hub: Run, good: Named) -> None:
    """Nothing is wrong: exit 0, and the object of the file has its sets and no finding."""
    ran = hub("x12", "validate", "--json", good("837p_three_sets"))
    told = ran.json
    assert ran.code == 0
    assert told["findings"] == []
    assert told["problem"] is None
    assert [one["verdict"] for one in told["transaction_sets"]] == ["A", "A", "A"]
    assert {"kind", "control_number", "version", "segments", "verdict", "line"} <= set(
        told["transaction_sets"][0]
    )


def test_an_error_ends_with_1_at_its_place(hub: Run, bad: Named) -> None:
    """A fault ends with 1, and its finding carries every agreed key with the true place and line."""
    path = bad("837p_bad_period")
    ran = hub("x12", "validate", "--json", path)
    (found,) = ran.json["findings"]
    assert ran.code == 1
    assert set(found) >= KEYS
    assert (found["loop"], found["segment"], found["element"], found["claim"]) == ("2400", "DTP", 3, 1)
    assert path.read_text().splitlines()[found["line"] - 1].startswith("DTP*")


def test_envelope_findings_stand_in_the_order_of_the_file(hub: Run, bad: Named) -> None:
    """What is wrong around the sets is told too, at position 0, in the order of lines."""
    data = bad("837p_bad_period").read_bytes().replace(b"GE*1*1~", b"GE*7*1~")
    found = hub("x12", "validate", "--json", "-", stdin=data).json["findings"]
    assert [one["code"] for one in found] == ["element.date", "ge.count"]
    assert found[1]["position"] == 0
    assert found[1]["repair"]
    assert [one["line"] for one in found] == sorted(one["line"] for one in found)


@pytest.mark.parametrize("data", [b"", b"no x12 at all", b"\x89PNG\r\n", b"GS*HC*A*B~ST*837*0001~"])
def test_what_is_no_x12_ends_with_2(hub: Run, tmp_path: Path, data: bytes) -> None:
    """A file without an interchange ends with 2, and the message says what to do."""
    path = tmp_path / "file.txt"
    path.write_bytes(data)
    ran = hub("x12", "validate", path)
    assert ran.code == 2
    assert "holds no X12" in ran.err
    assert "what to do" in ran.err
    assert hub("x12", "validate", "--json", path).json["problem"]["code"] == "x12.unreadable"


def test_a_path_that_is_not_there_hides_no_other(hub: Run, good: Named, bad: Named) -> None:
    """Each of several files has its own line, and the worst decides how the command ends."""
    ran = hub("x12", "validate", "--json", good("999_accepted"), "/nowhere/file", bad("837p_se_count"))
    first, second, third = ran.lines
    assert ran.code == 2
    assert first["problem"] is None
    assert second["problem"]["why"] == "is not there"
    assert [one["code"] for one in third["findings"]] == ["se.count"]


def test_a_folder_a_zip_and_standard_input(hub: Run, good: Named, tmp_path: Path) -> None:
    """Every file of a folder and every member of an archive has an object of its own, and `-` reads the pipe."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("837p_accident", "835_notice"):
            archive.write(good(name), f"{name}.x12")
    (tmp_path / "in.zip").write_bytes(packed.getvalue())
    (tmp_path / "one.x12").write_bytes(good("999_accepted").read_bytes())
    (tmp_path / ".hidden").write_bytes(b"nothing")
    names = [one["file"] for one in hub("x12", "validate", "--json", tmp_path).lines]
    assert names == [
        f"{tmp_path}/in.zip!837p_accident.x12",
        f"{tmp_path}/in.zip!835_notice.x12",
        f"{tmp_path}/one.x12",
    ]
    piped = hub("x12", "validate", "--json", "-", stdin=packed.getvalue())
    assert [one["file"] for one in piped.lines] == ["-!837p_accident.x12", "-!835_notice.x12"]
    assert piped.code == 0


def test_a_damaged_archive_is_unreadable(hub: Run, tmp_path: Path) -> None:
    """What begins like a ZIP and is none ends with 2."""
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 broken")
    ran = hub("x12", "validate", tmp_path / "a.zip")
    assert ran.code == 2
    assert "damaged" in ran.err


def test_a_bom_and_latin_1_are_read(hub: Run, good: Named) -> None:
    """A byte order mark is passed over, and a Latin-1 letter is a finding, never a crash."""
    data = good("837p_accident").read_bytes()
    assert hub("x12", "validate", "-", stdin=b"\xef\xbb\xbf" + data).code == 0
    ran = hub("x12", "validate", "--json", "-", stdin=data.replace(b"SUMMER", b"S\xdcMMER"))
    assert ran.code == 1
    assert {one["code"] for one in ran.json["findings"]} == {"element.character"}


def test_inbound_reads_as_the_hub_reads(hub: Run, bad: Named) -> None:
    """What payers leave out of an 835 is an error on files we write, and warns on those we get."""
    path = bad("835_missing_contact")
    assert hub("x12", "validate", path).code == 1
    ran = hub("x12", "validate", "--json", "--inbound", path)
    assert ran.code == 0
    assert {one["severity"] for one in ran.json["findings"]} == {"warning"}


def test_a_person_sees_claims_places_and_a_sum(hub: Run, bad: Named, good: Named) -> None:
    """For a person findings stand in a table by set with claim and line, and a line sums all files up."""
    ran = hub("x12", "validate", bad("837p_cob_line"), good("835_ordinary"))
    assert "set 1, 837P 0001 (would be rejected)" in ran.out
    assert "2430" in ran.out
    assert "[cob." in ran.out
    assert "2 files: 1 good, 1 with errors, 0 unreadable" in ran.out


def test_the_limit_leaves_out_and_says_so(hub: Run, bad: Named) -> None:
    """No more findings are told than asked for; the totals still count them all."""
    data = bad("837p_se_count").read_bytes().replace(b"GE*1*1~", b"GE*7*1~")
    told = hub("x12", "validate", "--json", "--limit", "1", "-", stdin=data).json
    assert len(told["findings"]) == 1
    assert told["totals"] == {"errors": 2, "warnings": 0, "left_out": 1}


@pytest.mark.parametrize(
    "name", ["837p_bad_period", "837p_npi_check_digit", "837p_leading_blank", "837p_tax_id_form"]
)
def test_no_value_is_told(hub: Run, bad: Named, name: str) -> None:
    """Neither table nor JSON repeats what stands in names, ids or days of the file."""
    path = bad(name)
    if not path.exists():
        pytest.skip("the fixture has another name")
    ran = hub("x12", "validate", path, "--json")
    text = ran.out + hub("x12", "validate", path).out
    for value in ("SUMMER", "W100001", "1980010", "20260105", "123456789"):
        assert value not in text


def test_memory_stays_flat_over_many_bad_sets(bad: Named) -> None:
    """A file many times as long takes no more memory for its findings: they are dropped once told."""

    def peak(times: int) -> int:
        data = bad("837p_cob_line").read_bytes()
        st, ge = data.index(b"ST*"), data.index(b"GE*")

        class Repeated(io.RawIOBase):
            left = times
            given = False

            def read(self, _size: int = -1) -> bytes:
                if not self.given:
                    self.given = True
                    return data[:st]
                self.left -= 1
                return data[st:ge] * 20 if self.left >= 0 else b""

        look = x12_look.Look(Input(name="x", file=Repeated()), x12_look.How(limit=10), ())  # type: ignore[arg-type]
        tracemalloc.start()
        sets = sum(1 for _ in look)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert sets == times * 20
        assert look.errors >= sets
        return most

    assert peak(12) < peak(2) * 2.5


def test_an_empty_folder_is_not_good(hub: Run, tmp_path: Path) -> None:
    """Where there is nothing to look at the command does not say that all is well."""
    ran = hub("x12", "validate", tmp_path)
    assert ran.code == 2
    assert "without files" in ran.err


def test_a_name_of_any_bytes_is_told(hub: Run, good: Named, tmp_path: Path) -> None:
    """A file name that is no UTF-8 breaks neither table nor JSON."""
    path = tmp_path / b"caf\xe9.x12".decode("utf-8", "surrogateescape")
    path.write_bytes(good("999_accepted").read_bytes())
    assert hub("x12", "validate", path).code == 0
    assert hub("x12", "validate", "--json", path).json["file"].endswith("caf\ufffd.x12")


def test_a_terminal_shows_findings_below_their_claims(
    bad: Named, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal findings are folded below the claim that they are about."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    with pytest.raises(SystemExit):
        x12_validate.validate([str(bad("837p_icd10_form"))], x12_look.How())
    out = capsys.readouterr().out
    assert out.index("claim 1") < out.index("2300 HI01-2") < out.index("hub x12 fix takes the point out")


def test_a_repair_is_promised_only_where_it_is_made(hub: Run, good: Named) -> None:
    """A finding names a repair where `hub x12 fix` makes one at that line, and none where a person must know."""
    data = good("837p_two_claims").read_bytes()
    hyphen, short = data.replace(b"*627011234~", b"*62701-1234~"), data.replace(b"*627011234~", b"*62701~")
    (mended,) = hub("x12", "validate", "--json", "-", stdin=hyphen).json["findings"]
    (left,) = hub("x12", "validate", "--json", "-", stdin=short).json["findings"]
    assert mended["repair"] == "takes the hyphen out of a ZIP code"
    assert left["repair"] == ""
    assert "fix" not in hub("x12", "validate", "-", stdin=short).out.partition("repair")[2]


def test_a_claim_is_shown_by_the_number_that_is_told(hub: Run, good: Named) -> None:
    """Claims count through all sets of a file, so that `show --claim` shows the claim that a finding is about."""
    data = good("837p_three_sets").read_bytes()
    at = data.rindex(b"*627011234~")
    broken = data[:at] + b"*62701~" + data[at + len(b"*627011234~") :]
    (found,) = hub("x12", "validate", "--json", "-", stdin=broken).json["findings"]
    shown = hub("x12", "show", "--plain", "--claim", found["claim"], "-", stdin=broken).out
    assert found["claim"] > 1
    assert "n4.zip" in shown


def test_a_place_is_told_in_words(hub: Run, bad: Named) -> None:
    """Who does not know loops reads whose data it is and which field."""
    ran = hub("x12", "validate", "--json", bad("837p_npi_check_digit"))
    assert {one["field"] for one in ran.json["findings"]} == {"Billing provider, id"}
    assert "Billing provider, id" in hub("x12", "validate", bad("837p_npi_check_digit")).out


def test_the_next_commands_are_told(hub: Run, bad: Named) -> None:
    """After the findings stand the commands that go on, with the file's name quoted, as they can be copied."""
    out = hub("x12", "validate", bad("837p_icd10_form")).out
    assert f"hub x12 show {bad('837p_icd10_form')} --claim 1" in out
    assert f"hub x12 fix {bad('837p_icd10_form')} --dry-run" in out


def test_an_overlay_beside_the_settings_is_found(hub: Run, good: Named, tmp_path: Path) -> None:
    """Overlays stand beside hub.toml, wherever that is: `--config` or HUB_CONFIG says so."""
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "ours.toml").write_text(
        'title = "ours"\n[[rule]]\nname = "none"\nat = "2300 CLM"\nforbidden = true\nmessage = "no claims here"\n'
    )
    path = good("837p_accident")
    assert hub("x12", "validate", path, "--overlay", "ours").code == 2
    ran = hub("x12", "validate", path, "--overlay", "ours", "--config", tmp_path, "--json")
    assert {one["code"] for one in ran.json["findings"]} == {"overlay.ours.none"}
