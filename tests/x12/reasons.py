"""Why findings on the sample files of others are right, and who is right where pyx12 differs."""

from __future__ import annotations

ABOUT_FILES: dict[str, str] = {
    "imsweb+x12-parser/src_test_resources_837_5010_x12_no_isa_line.txt": "It has no ISA, so nothing says its marks.",
    "keironstoddart+edi-835-parser/tests_test_edi_835_files_blue_cross_nc_sample.txt": (
        "It begins in the middle of a file, without ISA, so nothing says its marks."
    ),
}
"""Files whose verdict needs words of its own."""

ABOUT_OURS: dict[str, str] = {
    "277ca.action": "A claim that is refused by its category is said to go on (WQ), or the other way round.",
    "835.line_balance": "The line's payment is not its charge less its adjustments.",
    "835.origin": "The payer's identifier is not 1 and nine digits, or not that of the trace.",
    "clm.duplicate": "Two claims of the set have one patient control number.",
    "clm.total": "The claim's charge is not the sum of its lines.",
    "cob.line_balance": "What the other payer paid and adjusted is not the charge of the line.",
    "cob.payer_unknown": "A line is decided by a payer that the claim does not name.",
    "dtp.future": "The day of service lies after the day on which the file says it was made.",
    "element.bill": "The type of bill is none.",
    "element.code": "A code is none that the guide has there, or a composite has another separator than the ISA.",
    "element.date": "A date is no day of the calendar, or lies where no date of a claim can.",
    "element.missing": "An element, or a part of a composite, that the guide asks for is not there.",
    "element.not_used": "An element is filled that the guide does not use.",
    "element.npi": "The NPI is invented and fails its check digit, which pyx12 does not look at.",
    "element.pointer": "A pointer names no diagnosis from 1 to 12.",
    "element.pos": "The place of service is no code of the list, or the composite has another separator.",
    "element.relation": "Elements that go together stand alone.",
    "element.state": "The state is none.",
    "element.trailing": "A segment or composite ends with a separator.",
    "file.unreadable": "There is no ISA where an interchange must begin.",
    "ge.control": "GE02 does not repeat GS06.",
    "ge.count": "GE01 counts other than the sets that are there.",
    "group.unclosed": "The group has no GE.",
    "gs.blanks": "An element of the GS begins or ends with a blank.",
    "gs.duplicate": "Two groups of the interchange have one control number.",
    "gs.kind": "The group is of another kind than the sets in it.",
    "gs.time": "GS05 is no time of the day.",
    "gs.version": "GS08 is no version that the hub knows, or not that of its sets.",
    "guide.unknown": "The hub has no guide for this set and version and says so: 4010 ended in 2011.",
    "hi.admitting_missing": "An inpatient claim has no admitting diagnosis.",
    "hi.icd9": "ICD-9 ended on 2015-09-30; the codes or the day of service are of another time.",
    "hl.children": "HL04 says wrongly whether levels follow.",
    "hl.parent": "HL02 names another level than the one above.",
    "hl.sequence": "HL01 does not count up by one.",
    "iea.control": "IEA02 does not repeat ISA13.",
    "iea.count": "IEA01 counts other than the groups that are there.",
    "iea.too_short": "IEA02 has fewer than nine digits.",
    "interchange.unclosed": "The interchange has no IEA.",
    "isa.time": "ISA10 is no time of the day.",
    "isa.width": "The ISA is not 106 characters wide.",
    "lin.ndc": "An NDC has eleven digits.",
    "loop.missing": "A loop that the guide asks for is not there.",
    "loop.repeats": "A loop stands more often than the guide allows.",
    "lx.sequence": "LX01 does not count up from 1 in each claim.",
    "n3.box": "The billing provider's address is a box, which belongs in 2010AB.",
    "n4.zip": "The ZIP has neither five nor nine digits.",
    "n4.zip4": "The guide asks for the ZIP+4 of billing provider and facility; pyx12 looks at that in the 837I only.",
    "prv.taxonomy": "This is no taxonomy code.",
    "ref.tax_id": "A tax id has nine digits, without a hyphen.",
    "sbr.patient_missing": "SBR02 is not 18, so a patient level must follow, and none does.",
    "sbr.sequence": "Two payers stand at one place in the sequence.",
    "se.control": "SE02 does not repeat ST02.",
    "se.count": "SE01 counts other than the segments that are there.",
    "segment.missing": "A segment that the guide asks for is not there.",
    "segment.order": "A segment stands after one that it must precede.",
    "segment.repeats": "A segment stands more often than the guide allows.",
    "segment.unexpected": "A segment has no place there, or an id that is none.",
    "st.duplicate": "Two sets of the group have one control number.",
    "sv1.pointer": "A pointer of the line names a diagnosis that the claim does not have.",
    "svd.code": "What follows HC in SVD03 is no HCPCS code.",
    "sv1.code": "What follows HC is no HCPCS code.",
    "ta1.time": "TA103 is no time of the day.",
}
"""Why a finding of ours with this code is right in the files where it stands."""

_OTHER_SEPARATOR = (
    "SVC01 uses another component separator than the ISA declares. pyx12 cannot place the SVC and then refuses "
    "every segment of its line; the hub places it by its id and tells of the SVC alone."
)
_BLANKS = (
    "Segments begin with a blank. pyx12 says so of each; the hub calls the id unknown and tells once where it loses "
    "the thread."
)
_SKIPS = (
    "pyx12 does not open the loop whose first segment it refuses, and so misses or refuses what follows; the hub "
    "tells of the segment that is at fault and goes on after it."
)

ABOUT_PYX12: tuple[tuple[str, str, str, str], ...] = (
    ("cob-contractural-adjustment", "", "hub", _OTHER_SEPARATOR),
    ("secondary-payment.835", "", "hub", _OTHER_SEPARATOR),
    (
        "277CA_",
        "STC",
        "hub",
        "2200C may be a bare trace: its STC is asked for only where the provider's claims are refused as a whole.",
    ),
    (
        "277CA.test.0001",
        "STC02",
        "hub",
        "The day of a status is asked for at the claim; a line may leave it out.",
    ),
    ("277CA.test.0001", "TRN", "hub", "pyx12 wants loop 2200C always, which the guide leaves situational."),
    ("bad_segment_identifier", "", "hub", _SKIPS),
    ("bad_valid_code", "", "hub", _SKIPS),
    ("missing_loops", "NM1", "hub", _SKIPS),
    ("missing_required_loops", "SV1", "hub", _SKIPS),
    ("x223-test", "", "hub", _BLANKS),
)
"""Part of a file's name, what pyx12 alone says (how it begins), who is right, and why."""
