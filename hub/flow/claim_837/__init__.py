"""837 <-> Claim, professional, institutional and dental, both ways and without loss.

    for transmission, claim in read_claims(data): ...       # a Problem where a claim cannot be read
    texts = write_claims(transmission, claims)               # what stands between ST and SE
    texts = claims_837(sendings, route, reference=..., at=...)    # the hub's own claims, made ready first

Rows bind segments to fields once and are compiled to a reader and a writer; whatever a file says that no field
holds, or spells otherwise than the writer would, stays in the claim's `rest`.

    values, words, codec       numbers and days; our words; the language of rows
    shared, codes, levels      rows of all three claims; HI; 2000A to 2000C
    payers, claims             2320 and 2430; loops 2300 and 2400 of each kind
    reading, records           a set -> claims
    writing, making            claims -> a set; what the hub's own claims say before that
"""

from __future__ import annotations

from hub.flow.claim_837.making import GUIDES, Route, Sending, claims_837
from hub.flow.claim_837.reading import read_claims
from hub.flow.claim_837.writing import Unwritable, write_claims

__all__ = ["GUIDES", "Route", "Sending", "Unwritable", "claims_837", "read_claims", "write_claims"]
