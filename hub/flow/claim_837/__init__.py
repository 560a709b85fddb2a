"""837 <-> Claim, professional, institutional and dental, both ways and without loss.

codec      the language of rows, and its compiler
words      our words for the qualifiers
shared     rows that all three claims have; levels: 2000A to 2000C, 2320, 2430; codes: HI
claims     loops 2300 and 2400 of the three claims
reading    a set -> claims;  writing: claims -> a set
making     what the hub's own claims say of payers, senders and themselves, before they are written
"""

from __future__ import annotations

from hub.flow.claim_837.making import GUIDES, Route, Sending, claims_837
from hub.flow.claim_837.reading import read_claims
from hub.flow.claim_837.writing import Unwritable, write_claims

__all__ = ["GUIDES", "Route", "Sending", "Unwritable", "claims_837", "read_claims", "write_claims"]
