"""The X12 005010 dictionary: what each data element holds, and in which order the segments carry them."""

from __future__ import annotations

from functools import cache

import msgspec


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """A data element: its number, our short name, type (AN ID N0 R DT TM) and lengths in characters."""

    number: str
    name: str
    type: str
    low: int
    high: int


class Composite(msgspec.Struct, frozen=True, kw_only=True):
    """A composite element and the data elements that are its parts."""

    id: str
    parts: tuple[Element, ...]


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A relation between elements of a segment.

    P all or none, R at least one, E at most one, C the first needs the others, L the first needs one of
    the others; ours: D the first is a date format and the second a date in it, N where the first is XX
    the second is an NPI.
    """

    kind: str
    positions: tuple[int, ...]

    @property
    def text(self) -> str:
        """The note as the guide writes it, such as P0809."""
        return self.kind + "".join(f"{position:02}" for position in self.positions)


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The elements of a segment by the standard; `qualifier` is the element that tells its uses apart."""

    id: str
    qualifier: int
    elements: tuple[Element | Composite, ...]
    notes: tuple[Note, ...]


# The elements of one shape together: type and lengths, then each number with our name for it.
_ELEMENTS = {
    "AN 1 1": "I65 repetition mark, I15 component mark",
    "AN 1 2": "1331 facility code, 1341 review value",
    "AN 1 6": "447 loop id",
    "AN 1 10": "1038 name prefix, 1039 name suffix, 499 condition value",
    "AN 1 12": "480 version, 628 level number, 734 number of the level above",
    "AN 1 16": "429 check number",
    "AN 1 20": "350 assigned number, 443 inquiry reference",
    "AN 1 25": "1037 middle name",
    "AN 1 30": "61 free text, 310 location, 799 version of a document, 1271 code of a list",
    "AN 1 35": "508 account, 1036 first name, 1251 date or period, 1705 guide, 9998 context value, 9999 context",
    "AN 1 38": "1028 claim number",
    "AN 1 48": "234 product or service",
    "AN 1 50": "127 reference number, 1204 plan",
    "AN 1 55": "166 address line",
    "AN 1 60": "93 name, 1035 last name or organization",
    "AN 1 80": "352 description, 449 fixed format text",
    "AN 1 99": "724 copy of the bad value",
    "AN 1 256": "364 number or address of a contact",
    "AN 1 264": "933 message",
    "AN 2 2": "1339 modifier",
    "AN 2 15": "124 receiving application, 142 sending application",
    "AN 2 30": "19 city",
    "AN 2 80": "67 id",
    "AN 3 12": "507 bank",
    "AN 4 9": "329 control number of the set",
    "AN 9 9": "510 supplement to the originator",
    "AN 10 10": "509 originator, I02 authorization, I04 password",
    "AN 15 15": "I06 sender, I07 receiver",
    "ID 1 1": (
        "478 credit or debit, 594 frequency of rent, 679 hours of the day, 715 verdict on the group, "
        "717 verdict on the set, 889 what to do next, "
        "736 levels below, 923 prognosis, 1065 person or organization, 1067 marital status, 1068 sex, "
        "1073 yes or no, 1109 race, 1138 sequence of payers, 1143 coordination of benefits, "
        "1165 confidentiality, 1201 state of the information, 1216 benefit status, 1218 medicare plan, "
        "1595 branch of government, 1701 medicare entitlement, "
        "1220 student status, 1314 source of admission, 1315 kind of admission, 1316 kind of transport, "
        "1317 reason of transport, 1322 kind of certification, 1325 claim frequency, 1327 copay status, "
        "1334 shortage area, 1335 insulin, 1337 level of care, 1342 nature of the condition, "
        "1345 nursing home status, 1351 source of the signature, 1358 prosthesis, 1359 assignment, "
        "1360 provider agreement, 1363 release of information, 1384 place of the patient, "
        "I13 acknowledgment wanted, "
        "I14 test or production, I17 verdict on the interchange"
    ),
    "ID 1 2": (
        "615 kind of period, 678 days of the week, 1219 event that keeps coverage, 1390 kind of benefit, "
        "66 kind of id, 305 handling, 306 action, 309 kind of location, 455 agency, 481 kind of trace, "
        "659 verification, 704 action on a report, 735 kind of level, 756 way of sending, "
        "1029 claim status, 1032 kind of coverage, 1033 adjustment group, 1066 citizenship, "
        "1332 kind of facility code, 1333 record format, 1340 multiple procedures, 1343 kind of claim, "
        "1352 patient status, 1364 review, 1365 kind of service, 1368 tooth status, 1369 tooth surface, "
        "1514 reason of delay, 1525 kind of request, 1526 policy compliance, 1527 exception"
    ),
    "ID 1 3": (
        "522 kind of amount, 569 kind of account, 618 fault of the set, 620 fault of the segment, "
        "621 fault of the element, 716 fault of the group, 738 what is measured, 1048 business function, "
        "1221 role of the provider, 1222 specialty, 1270 code list, 1336 kind of insurance, "
        "1338 level of service, 1361 part of the mouth, 1715 part of the country"
    ),
    "ID 1 4": "1354 diagnosis related group",
    "ID 1 5": "1034 adjustment reason",
    "ID 1 10": "812 payment format",
    "ID 2 2": (
        "156 state, 235 kind of product or service, 353 purpose, 355 unit, 365 kind of contact number, "
        "366 role of the contact, 426 reason of the provider adjustment, 479 functional group, "
        "506 kind of bank number, 559 agency of a code, 584 employment, 623 time zone, "
        "934 print control, 1596 military rank, "
        "639 basis of the price, 640 kind of transaction, 673 kind of quantity, 687 class of trade, "
        "706 relation of the entity, 737 kind of measurement, 752 position, 755 kind of report, "
        "901 reason of rejection, 935 significance, 936 attribute, 1069 relation to the insured, "
        "1136 kind of condition, 1166 kind of contract, 1383 reason of submission, 1473 pricing, "
        "I01 kind of authorization, I03 kind of password, I05 kind of interchange id"
    ),
    "ID 2 3": (
        "26 country, 98 entity, 128 kind of reference, 721 segment id, 1203 reason of the maintenance, "
        "1250 date format, 1321 condition, 1362 related cause, 1366 special program, 1367 level of subluxation"
    ),
    "ID 2 4": "1373 method of measurement",
    "ID 3 3": (
        "100 currency, 143 transaction set, 236 kind of price, 363 kind of note, 374 kind of date, "
        "591 payment method, 648 multiplier, 669 exchange, 875 kind of maintenance, 1207 coverage level, "
        "1223 kind of organization, I18 fault of the interchange"
    ),
    "ID 3 15": "116 postal code",
    "ID 4 4": "1005 structure",
    "ID 5 5": "I11 interchange version",
    "N0 1 2": (
        "289 pieces at the price, 722 place of the element, 757 copies, 1328 diagnosis pointer, "
        "1528 place of the part"
    ),
    "N0 1 3": "616 number of periods",
    "N0 1 4": "725 element number, 1686 place of the repetition",
    "N0 1 5": "I16 groups",
    "N0 1 6": "2 sets accepted, 97 sets, 123 sets received, 554 number",
    "N0 1 9": "28 control number of the group, 609 count, 1470 number in a row",
    "N0 1 10": "96 segments, 719 place of the segment",
    "N0 4 4": "I09 interchange time",
    "N0 6 6": "I08 interchange date",
    "N0 9 9": "I12 control number of the interchange",
    "R 1 6": "332 percentage, 338 discount, 1167 one of how many",
    "R 1 9": "118 rate",
    "R 1 10": "81 weight, 649 factor, 954 fraction, 1371 rate of a unit",
    "R 1 15": "380 quantity, 1018 exponent",
    "R 1 17": "212 unit price",
    "R 1 18": "782 amount",
    "R 1 20": "739 measured value, 740 lower bound, 741 upper bound",
    "R 4 10": "280 rate of exchange",
    "DT 8 8": "373 date",
    "TM 4 8": "337 time",
}

_COMPOSITES = {
    "C001": "355 1018 649 " * 5,
    "C002": "704 " * 5,
    "C003": "235 234 " + "1339 " * 4 + "352 234",
    "C004": "1328 " * 4,
    "C005": "1369 " * 5,
    "C006": "1361 " * 5,
    "C022": "1270 1271 1250 1251 782 380 799 1271 1073",
    "C023": "1331 1332 1325",
    "C024": "1362 1362 1362 156 26",
    "C030": "722 1528 1686",
    "C035": "1222 559 1073",
    "C040": "128 127 " * 3,
    "C042": "426 127",
    "C043": "1271 1271 98 1270",
    "C052": "1218 1701 1701",
    "C056": "1109 1270 1271",
    "C998": "9999 9998",
    "C999": "725 725",
}

_SEGMENTS = {
    # envelopes
    "ISA": "I01 I02 I03 I04 I05 I06 I05 I07 I08 I09 I65 I11 I12 I13 I14 I15",
    "GS": "479 142 124 373 337 28 455 480",
    "ST": "143 329 1705",
    "SE": "96 329",
    "GE": "97 28",
    "IEA": "I16 I12",
    # answers
    "TA1": "I12 I08 I09 I17 I18",
    "AK1": "479 28 480",
    "AK2": "143 329 1705",
    "IK3": "721 719 447 620",
    "CTX": "C998 721 719 447 C030 C999",
    "IK4": "C030 725 621 724",
    "IK5": "717 " + "618 " * 5,
    "AK9": "715 97 123 2 " + "716 " * 5,
    "STC": "C043 373 306 782 782 373 591 373 429 C043 C043 933",
    "AAA": "1073 559 901 889",
    "EB": "1390 1207 1365 1336 1204 615 782 954 673 380 1073 1073 C003 C004",
    "HSD": "673 380 355 1167 615 616 678 679",
    "III": "1270 1271 1136 933 380 C001 752 752 752",
    "MSG": "933 934 1470",
    # questions
    "EQ": "1365 C003 1207 1336 C004",
    "INS": "1073 1069 875 1203 1216 C052 1219 584 1220 1073 1250 1251 1165 19 156 26 1470",
    "MPI": "1201 584 1595 352 1596 1250 1251",
    # loops that are held together by two segments
    "LS": "447",
    "LE": "447",
    # what a set is about, and its levels
    "BHT": "1005 353 127 373 337 640",
    "TRN": "481 127 509 127",
    "CUR": "98 100 280 98 100 669 " + "374 373 337 " * 5,
    "HL": "628 734 735 736",
    "LX": "554",
    # parties
    "NM1": "98 1065 1035 1036 1037 1038 1039 66 67 706 98 1035",
    "N1": "98 93 66 67 706 98",
    "N2": "93 93",
    "N3": "166 166",
    "N4": "19 156 116 26 309 310 1715",
    "PER": "366 93 " + "365 364 " * 3 + "443",
    "PRV": "1221 128 127 156 C035 1223",
    "DMG": "1250 1251 1068 1067 C056 1066 26 659 380 1270 1271",
    "SBR": "1138 1069 127 93 1336 1143 1073 584 1032",
    "PAT": "1069 1384 584 1220 1250 1251 355 81 1073",
    "OI": "1032 1383 1073 1351 1360 1363",
    # numbers, days, amounts and texts
    "REF": "128 127 352 C040",
    "DTP": "374 1250 1251",
    "DTM": "374 373 337 623 1250 1251",
    "AMT": "522 782 478",
    "QTY": "673 380 C001 61",
    "MEA": "737 738 739 C001 740 741 935 936 752 1373 1270 1271",
    "NTE": "363 352",
    "K3": "449 1333 C001",
    "LQ": "1270 1271",
    "FRM": "350 1073 127 373 332",
    "PWK": "755 756 757 98 66 67 352 C002 1525",
    # claims
    "CLM": "1028 782 1032 1343 C023 1073 1359 1073 1363 1351 C024 1366 1073 1338 1073 1360 1029 1073 1383 1514",
    "CL1": "1315 1314 1352 1345",
    "HI": "C022 " * 12,
    "CN1": "1166 782 332 127 338 799",
    "CR1": "355 81 1316 1317 355 380 166 166 352 352",
    "CR2": "609 380 1367 1367 355 380 380 1342 1073 352 352 1073",
    "CR3": "1322 355 380 1335 352",
    "CRC": "1136 1073 " + "1321 " * 5,
    "HCP": "1473 782 782 127 118 127 782 234 235 234 355 380 901 1526 1527",
    "SV1": ("C003 782 355 380 1331 1365 C004 782 1073 1340 1073 1073 1364 1341 1327 1334 127 116 782 1337 1360"),
    "SV2": "234 C003 782 355 380 1371 782 1073 1345 1337",
    "SV3": "C003 782 1331 C006 1358 380 352 1327 1360 1073 C004",
    "SV5": "C003 355 380 782 782 594 923",
    "TOO": "1270 1271 C005",
    "DN1": "380 380 1073 352",
    "DN2": "127 1368 380 1250 1251 1270",
    "PS1": "127 782 156",
    "LIN": "350 " + "235 234 " * 15,
    "CTP": "687 236 212 380 C001 648 649 782 639 499 289",
    "SVD": "67 782 C003 234 380 554",
    # payments
    "BPR": ("305 782 478 591 812 506 507 569 508 509 510 506 507 569 508 373 1048 506 507 569 508"),
    "RDM": "756 93 364 C040 C040",
    "TS3": "127 1331 373 380 " + "782 " * 18 + "380 782",
    "TS2": "782 " * 6 + "380 782 782 " + "380 " * 5 + "782 380 782 782 782",
    "CLP": "1028 1029 782 782 782 1032 127 1331 1325 1352 1354 380 954 1073",
    "CAS": "1033 " + "1034 782 380 " * 6,
    "MIA": "380 782 380 782 127 " + "782 " * 9 + "380 " + "782 " * 4 + "127 " * 4 + "782",
    "MOA": "954 782 " + "127 " * 5 + "782 782",
    "SVC": "C003 782 782 234 380 C003 380",
    "PLB": "127 373 " + "C042 782 " * 6,
}

# The element by whose code rows of one segment are told apart, where it is not the segment id alone.
_TOLD_BY = {"HL": 3, "PWK": 2}
_TOLD_BY |= dict.fromkeys(("AMT", "CRC", "CTX", "DTM", "DTP", "HI", "NTE", "PRV", "QTY", "REF"), 1)
_TOLD_BY |= dict.fromkeys(("N1", "NM1", "PER"), 1)

# Relations between elements, where a guide of ours uses them.
_NOTES = {
    "BPR": "P0607 C0809 P1213 C1415",
    "CAS": " ".join(
        f"L{at:02}{at + 1:02}{at + 2:02} C{at + 1:02}{at:02} C{at + 2:02}{at:02}" for at in range(5, 19, 3)
    ),
    "CR1": "P0102 P0506",
    "CR3": "P0203",
    "CTP": "P0405",
    "DMG": "P0102 D0102",
    "DTP": "D0203",
    "EB": "P0910",
    "EQ": "R0102",
    "FRM": "R02030405",
    "HSD": "P0102 C0605",
    "HCP": "R0113 P0910 P1112",
    "III": "P0102 L030405",
    "LQ": "C0102",
    "MPI": "P0607 D0607",
    "N1": "R0203 P0304 N0304",
    "N4": "E0207 C0605 C0704",
    "NM1": "P0809 N0809",
    "PAT": "P0506 P0708 D0506",
    "PER": "P0304 P0506 P0708",
    "PLB": "P0506 P0708 P0910 P1112 P1314",
    "PRV": "P0203",
    "PWK": "P0506",
    "REF": "R0203",
    "SV1": "P0304",
    "SV2": "R0102 P0405",
    "SV5": "R0405 C0604",
}


@cache
def elements() -> dict[str, Element]:
    """Every data element by its number."""
    found = {}
    for shape, members in _ELEMENTS.items():
        kind, low, high = shape.split()
        for member in members.split(", "):
            number, name = member.split(None, 1)
            found[number] = Element(number=number, name=name, type=kind, low=int(low), high=int(high))
    return found


@cache
def composites() -> dict[str, Composite]:
    """Every composite by its id."""
    known = elements()
    return {
        tag: Composite(id=tag, parts=tuple(known[number] for number in numbers.split()))
        for tag, numbers in _COMPOSITES.items()
    }


@cache
def layouts() -> dict[str, Layout]:
    """Every segment by its id."""
    known: dict[str, Element | Composite] = {**elements(), **composites()}
    return {
        tag: Layout(
            id=tag,
            qualifier=_TOLD_BY.get(tag, 0),
            elements=tuple(known[number] for number in numbers.split()),
            notes=tuple(_note(note) for note in _NOTES.get(tag, "").split()),
        )
        for tag, numbers in _SEGMENTS.items()
    }


def segment_layout(tag: str) -> Layout:
    """The layout of one segment; KeyError for an id that the dictionary does not hold."""
    return layouts()[tag]


def composite(kind: Composite) -> Element:
    """A composite seen as one element, for messages and tables."""
    first = kind.parts[0]
    return Element(number=kind.id, name=f"{first.name} and parts", type="C", low=1, high=0)


def _note(text: str) -> Note:
    positions = tuple(int(text[at : at + 2]) for at in range(1, len(text), 2))
    return Note(kind=text[0], positions=positions)
