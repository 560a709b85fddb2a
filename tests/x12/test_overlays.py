"""Overlays: rules of one partner in TOML, run on top of a guide, all of their own faults told at once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.x12.envelope import X12Reader
from hub.x12.guides import guide_named
from hub.x12.overlay import Overlay, OverlayRefused, available, load, load_all, place
from hub.x12.tree import Node
from hub.x12.write import (
    Envelope,
    OutgoingGroup,
    OutgoingSet,
    Party,
    RefusedByGuide,
    check_root,
    write_interchange,
)
from tests.x12.mutations import told


def overlay(tmp_path: Path, text: str, name: str = "ours") -> Overlay:
    """An overlay of this text."""
    (tmp_path / f"{name}.toml").write_text(text)
    return load(name, [tmp_path])


def rule(at: str, does: str, *, name: str = "one", more: str = "") -> str:
    """One rule as it stands in a file."""
    return f'[[rule]]\nname = "{name}"\nat = "{at}"\n{does}\nmessage = "not here"\n{more}\n'


def found(data: bytes, *overlays: Overlay) -> list[str]:
    """What overlays find in a file, as `code where`."""
    reader = X12Reader(data, strict=True, overlays=overlays)
    met = [one for transaction in reader for one in transaction.check()] + reader.findings
    assert all(one.snip == 7 for one in met)
    return told(met)


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("2010BB NM109", "2010BB NM109"),
        ("2300 REF[G1] 02", "2300 REF[G1] 02"),
        ("2400 SV101-2", "2400 SV101-2"),
        ("BHT06", "BHT06"),
        ("header BHT06", "BHT06"),
        ("2300 K3", "2300 K3"),
        ("2300 HI[ABK]", "2300 HI[ABK]"),
        ("2010AA N403", "2010AA N403"),
    ],
)
def test_a_place_is_read_as_people_write_it(text: str, again: str) -> None:
    """Loop, segment, qualifier, element and part are told apart, and written back alike."""
    read = place(text)
    assert read is not None
    assert read.text == again


@pytest.mark.parametrize("text", ["", "2010AA", "n403", "2300 REF[] 02", "2400 SV101-0", "2010AA N4-3"])
def test_what_is_no_place_is_none(text: str) -> None:
    """Anything else is not guessed at."""
    assert place(text) is None


@pytest.mark.parametrize(
    ("at", "does", "expected"),
    [
        ("2000B SBR09", 'codes = ["MB"]', ["overlay.ours.one 2000B SBR09"] * 2),
        ("2010BB NM109", 'pattern = "[0-9]+"', ["overlay.ours.one 2010BB NM109"] * 2),
        ("2300 CLM01", "longest = 3", ["overlay.ours.one 2300 CLM01"] * 2),
        ("2300 CLM01", "shortest = 5", ["overlay.ours.one 2300 CLM01"] * 2),
        ("2300 REF[G1] 02", "required = true", ["overlay.ours.one 2300 REF"] * 2),
        ("2310A NM1", "required = true", ["overlay.ours.one 2300 NM1"] * 2),
        ("2000C HL", "forbidden = true", ["overlay.ours.one 2000C HL"]),
        ("2400 REF[6R] 02", "forbidden = true", ["overlay.ours.one 2400 REF02"] * 4),
        ("2400 SV101-2", 'codes = ["G0439"]', ["overlay.ours.one 2400 SV101-2"] * 2),
        ("2300 HI[ABK]", "forbidden = true", ["overlay.ours.one 2300 HI"] * 2),
        ("2010BA NM104", "required = true", []),
        ("BHT06", 'codes = ["RP"]', ["overlay.ours.one BHT06"]),
        ("2010AA N3", "required = true", []),
    ],
)
def test_a_rule_is_found_at_its_place(
    tmp_path: Path, samples: SimpleNamespace, at: str, does: str, expected: list[str]
) -> None:
    """Narrowing, forms, lengths, what must be and what must not: each once for each place that breaks it."""
    assert found(samples.write("837P", samples.two_claims()), overlay(tmp_path, rule(at, does))) == expected


@pytest.mark.parametrize(
    ("when", "times"),
    [
        ('{ at = "2010BB NM109", codes = ["ANY01"] }', 2),
        ('{ at = "2010BB NM109", codes = ["OTHER"] }', 0),
        ('{ at = "2010CA NM1", present = true }', 1),
        ('{ at = "2010CA NM1", present = false }', 1),
        ('{ at = "2000B SBR02", codes = ["18"] }', 1),
        ('{ at = "BHT06", codes = ["CH"] }', 2),
        ('{ at = "2310B NM108", codes = ["XX"] }', 2),
    ],
)
def test_a_rule_holds_when_another_place_says_so(
    tmp_path: Path, samples: SimpleNamespace, when: str, times: int
) -> None:
    """A condition looks into the loops around a place, and into what was read before it there."""
    ours = overlay(tmp_path, rule("2300 REF[G1] 02", "required = true", more=f"when = {when}"))
    assert found(samples.write("837P", samples.two_claims()), ours) == ["overlay.ours.one 2300 REF"] * times


def test_severity_and_status_are_those_of_the_rule(tmp_path: Path, samples: SimpleNamespace) -> None:
    """A rule says how bad it is and which 277CA status fits; the message is its own."""
    ours = overlay(tmp_path, rule("2300 CLM01", "longest = 3", more='severity = "warning"\nstatus = "A7:478"'))
    transaction = next(iter(X12Reader(samples.write("837P", samples.two_claims()), overlays=[ours])))
    one = transaction.check()[0]
    assert (one.severity, one.status, one.message, one.snip) == ("warning", "A7:478", "not here", 7)


def test_an_overlay_is_for_its_guides_only(tmp_path: Path, samples: SimpleNamespace) -> None:
    """A rule of claims finds nothing in an 835, though both have a place of this name."""
    ours = overlay(tmp_path, 'guides = ["837P"]\n' + rule("BHT06", "required = true"))
    assert found(samples.write("835", samples.ordinary_remittance()), ours) == []


def test_limits_count_claims_and_bytes(tmp_path: Path, samples: SimpleNamespace) -> None:
    """Claims are counted by set and by file, bytes by file."""
    data = samples.write("837P", samples.two_claims(), samples.two_claims())
    data = data.replace(b"CLM*PCN1*", b"CLM*PCN3*", 1).replace(b"CLM*PCN2*", b"CLM*PCN4*", 1)
    ours = overlay(tmp_path, "[limits]\nclaims_per_set = 1\nclaims_per_file = 3\nbytes_per_file = 500\n")
    assert found(data, ours) == [
        "overlay.ours.claims_per_set ST",
        "overlay.ours.claims_per_set ST",
        "overlay.ours.claims_per_file",
        "overlay.ours.bytes_per_file",
    ]
    wide = overlay(tmp_path, f"[limits]\nclaims_per_set = 2\nclaims_per_file = 4\nbytes_per_file = {len(data)}\n")
    assert found(data, wide) == []


def test_the_writer_fills_defaults_and_refuses_what_breaks_a_rule(
    tmp_path: Path, samples: SimpleNamespace
) -> None:
    """A default goes into an empty element only; what a rule refuses is not written."""
    ours = overlay(
        tmp_path,
        rule("1000A PER02", 'default = "FRONT DESK"', name="contact")
        + rule("2300 CLM01", "longest = 3", name="short")
        + rule("2400 SV101-7", 'default = "AS WRITTEN"', name="words"),
    )
    root: Node = samples.two_claims()
    submitter = root.child("1000A")
    assert submitter is not None
    submitter.items[1] = ("PER", "IC", None, "TE", "5555550100")
    guide = guide_named("837P")
    assert told(check_root(guide, root, overlays=[ours])) == ["overlay.ours.short 2300 CLM01"] * 2
    envelope = Envelope(sender=Party(id="A"), receiver=Party(id="B"), control_number=1, usage="T", at=samples.at)
    group = OutgoingGroup(
        guide=guide,
        sender="AA",
        receiver="BB",
        control_number=1,
        sets=[OutgoingSet(control_number="0001", root=root)],
    )
    with pytest.raises(RefusedByGuide, match="not here"):
        b"".join(write_interchange(envelope, [group], overlays=[ours]))
    kind = overlay(tmp_path, rule("1000A PER02", 'default = "FRONT DESK"'), "kind")
    written = b"".join(write_interchange(envelope, [group], overlays=[kind])).decode()
    assert "PER*IC*FRONT DESK*TE*5555550100" in written
    assert submitter.items[1] == ("PER", "IC", None, "TE", "5555550100")
    words = overlay(tmp_path, rule("2400 SV101-7", 'default = "AS WRITTEN"'), "words")
    assert (
        "SV1*HC:G0439:::::AS WRITTEN*"
        in b"".join(write_interchange(envelope, [group], overlays=[words])).decode()
    )


def test_codes_come_from_a_list_of_the_site(tmp_path: Path, samples: SimpleNamespace) -> None:
    """A licensed list, such as adjustment reasons, lies beside the overlay, and one rule stands at many places."""
    (tmp_path / "reasons.txt").write_text("# ours\n45 words that nobody reads\n1\n2\n")
    places = ", ".join(f'"{loop} CAS{at:02}"' for loop in ("2100", "2110") for at in (2, 5, 8))
    text = (
        f'guides = ["835"]\n[[rule]]\nname = "reason"\nat = [{places}]\n'
        'codes_file = "reasons.txt"\nmessage = "m"\n'
    )
    ours = overlay(tmp_path, text)
    assert len(ours.rules) == 6
    data = samples.write("835", samples.ordinary_remittance())
    assert found(data, ours) == ["overlay.ours.reason 2110 CAS02"]
    assert found(data.replace(b"CAS*CO*16*80", b"CAS*CO*45*80"), ours) == []
    with pytest.raises(OverlayRefused, match="cannot be read"):
        overlay(tmp_path, text.replace("reasons.txt", "gone.txt"), "other")


BROKEN = """\
title = "Broken"
guides = ["837P"]
colour = "red"

[limits]
claims_per_file = -1
pages = 3

[[rule]]
name = "One"
at = "2010AA N403"
required = true
message = "m"

[[rule]]
name = "two"
at = "2999 NM109"
required = true
message = "m"

[[rule]]
name = "three"
at = "2000B SBR09"
codes = ["NO"]
message = "m"

[[rule]]
name = "four"
at = "2010AA N403"
pattern = "(["
message = "m"

[[rule]]
name = "five"
at = "2010AA N4"
longest = 3
message = "m"

[[rule]]
name = "six"
at = "2300 CLM01"
required = "yes"
message = "m"

[[rule]]
name = "seven"
at = "2010AA N403"
required = true
when = { at = "2300 CLM01", codes = ["X"] }
message = "m"

[[rule]]
name = "seven"
at = "2300 CLM02"
forbidden = true
required = true

[[rule]]
name = "nine"
at = "somewhere"
message = "m"
required = true
color = 1

[[rule]]
name = "ten"
at = "2300 CLM01"
message = "m"
"""


def test_every_fault_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    """A person corrects an overlay in one go: each fault has its file and line, and none hides another."""
    with pytest.raises(OverlayRefused) as refused:
        overlay(tmp_path, BROKEN)
    lines = [one.where for one in refused.value.problems]
    assert all(where.startswith("ours.toml:") for where in lines)
    texts = BROKEN.splitlines()
    marked = [texts[int(where.rpartition(":")[2]) - 1] for where in lines]
    assert marked == [
        'colour = "red"',
        "claims_per_file = -1",
        "pages = 3",
        'name = "One"',
        'at = "2999 NM109"',
        'codes = ["NO"]',
        'pattern = "(["',
        "longest = 3",
        'required = "yes"',
        'when = { at = "2300 CLM01", codes = ["X"] }',
        "[[rule]]",
        "color = 1",
        "[[rule]]",
    ]
    assert all(one.fix for one in refused.value.problems)


def test_what_is_no_toml_and_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A file that is no TOML names the line; an unknown name names what there is; two names tell both faults."""
    with pytest.raises(OverlayRefused, match="line 1"):
        overlay(tmp_path, "title = = 3")
    with pytest.raises(OverlayRefused, match="no overlay of this name") as refused:
        load("medicair", [tmp_path])
    assert "medicare" in refused.value.fix
    with pytest.raises(OverlayRefused) as both:
        load_all(["medicair", "ours", "medicare"], [tmp_path])
    assert len(both.value.problems) == 2


def test_a_site_names_its_own_first(tmp_path: Path) -> None:
    """A file in the site's folder goes before a built-in one of its name; a path works too."""
    own = overlay(tmp_path, 'title = "Ours"\n', "medicare")
    assert own.title == "Ours"
    assert available([tmp_path])["medicare"].parent == tmp_path
    assert load("medicare").rules
    assert load(str(tmp_path / "medicare.toml")).title == "Ours"
    assert [one.name for one in load_all(["medicare", "medicare"])] == ["medicare"]


@pytest.mark.parametrize("name", sorted(available()))
def test_what_is_built_in_can_be_loaded(name: str) -> None:
    """Every built-in overlay keeps the rules of overlays, and says what it is."""
    built_in = load(name)
    assert built_in.title
    assert built_in.rules
    assert len({one.name for one in built_in.rules}) == len(built_in.rules)


def test_medicare_refuses_a_padded_zip_and_a_foreign_member_id(samples: SimpleNamespace) -> None:
    """The built-in Medicare rules find a ZIP+4 of 0000 and a member id that is no beneficiary identifier."""
    data = samples.write("837P", samples.claims_root(samples.subscriber_is_patient(samples.claim("P1"))))
    data = data.replace(b"*CI~", b"*MB~").replace(b"*627011234", b"*627010000")
    reader = X12Reader(data, overlays=[load("medicare")])
    codes = {one.code for transaction in reader for one in transaction.check()}
    assert {"overlay.medicare.billing-zip", "overlay.medicare.member-id"} <= codes
    good = data.replace(b"*W100001", b"*1EG4TE5MK73").replace(b"*627010000", b"*627011234")
    assert found(good, load("medicare")) == []
