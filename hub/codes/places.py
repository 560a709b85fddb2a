"""Places of service (two digits, kept by CMS), in our own short words."""

from __future__ import annotations

PLACES_OF_SERVICE: dict[str, str] = {
    "01": "pharmacy",
    "02": "telehealth, patient not at home",
    "03": "school",
    "04": "shelter",
    "05": "Indian Health Service, free-standing",
    "06": "Indian Health Service, provider-based",
    "07": "tribal facility, free-standing",
    "08": "tribal facility, provider-based",
    "09": "prison",
    "10": "telehealth, patient at home",
    "11": "office",
    "12": "home",
    "13": "assisted living",
    "14": "group home",
    "15": "mobile unit",
    "16": "temporary lodging",
    "17": "walk-in retail clinic",
    "18": "place of employment",
    "19": "hospital outpatient, off campus",
    "20": "urgent care",
    "21": "hospital inpatient",
    "22": "hospital outpatient, on campus",
    "23": "hospital emergency room",
    "24": "ambulatory surgery center",
    "25": "birthing center",
    "26": "military treatment facility",
    "27": "street outreach",
    "31": "skilled nursing facility",
    "32": "nursing facility",
    "33": "custodial care",
    "34": "hospice",
    "41": "ambulance, land",
    "42": "ambulance, air or water",
    "49": "independent clinic",
    "50": "federally qualified health center",
    "51": "psychiatric inpatient",
    "52": "psychiatric day hospital",
    "53": "community mental health center",
    "54": "intermediate care facility",
    "55": "residential substance abuse facility",
    "56": "psychiatric residential center",
    "57": "substance abuse treatment, not residential",
    "58": "opioid treatment, not residential",
    "60": "mass immunization center",
    "61": "inpatient rehabilitation",
    "62": "outpatient rehabilitation",
    "65": "dialysis center",
    "66": "program for the elderly",
    "71": "public health clinic",
    "72": "rural health clinic",
    "81": "independent laboratory",
    "99": "other place",
}


ELSEWHERE: dict[str, frozenset[str]] = {
    "virtual": frozenset(("02", "10")),
    "home": frozenset(("04", "09", "12", "13", "14", "16", "27", "31", "32", "33", "34", "54", "55", "56")),
}
"""Where a patient is whose visit is of such a kind: where people live, and never a place of the practice's."""


def place_suits(kind: str, code: str) -> bool:
    """Whether a visit of a kind may have been there: one by video or at home was in no office, whatever else says."""
    return kind not in ELSEWHERE or code in ELSEWHERE[kind]


def place_words(code: str) -> str:
    """Our short words for a place of service, or the code itself."""
    return PLACES_OF_SERVICE.get(code, code)


def place_fault(code: str) -> str:
    """What is wrong with a place of service, or empty."""
    return "" if code in PLACES_OF_SERVICE else "this is no place of service code"
