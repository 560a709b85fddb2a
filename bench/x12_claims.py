"""Claims from and to 837P files: reading a file into claims, writing claims, and the strict check beside the writer.

python bench/x12_claims.py [--quick] [--json]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from figures import Figure, tell

from hub.errors import Problem
from hub.flow.claim_837 import read_claims, write_claims
from hub.model.claim import Claim
from hub.model.transmission import Transmission
from hub.sandbox.samples import Sample, sample_file
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.wire import segments
from hub.x12.write import check_texts

ROUNDS = 3
IN_A_SET = 100
CLAIMS, FEW = 22_000, 2_000
"""Claims of three lines in the file: about 11 MB, and 1 MB for a quick look."""

Told = list[tuple[Transmission, list[Claim]]]


def measure(quick: bool) -> list[Figure]:
    """Claims per second, the best of interleaved rounds, and how many times longer than splitting it takes."""
    data = claim_file(FEW if quick else CLAIMS)
    told = sets_of(data)
    count = sum(len(claims) for _, claims in told)
    split, read, write, whole = best(
        lambda: split_only(data), lambda: read_only(data), lambda: write_only(told), lambda: write_checked(told)
    )
    return [
        figure("x12.read_837p.claims_s", count, read, split, data),
        figure("x12.write_837p.claims_s", count, write, split, data),
        figure("x12.write_837p_checked.claims_s", count, whole, split, data),
    ]


def figure(name: str, count: int, seconds: float, split: float, data: bytes) -> Figure:
    """One figure, with what splitting the same bytes takes beside it."""
    size = len(data) / 1e6
    beside = (
        f"{size / seconds:.1f} MB/s; splitting alone {size / split:.0f}, this takes {seconds / split:.1f} times"
    )
    return Figure(name=name, value=round(count / seconds), unit="claims/s", beside=beside)


def best(*works: Callable[[], None]) -> Iterator[float]:
    """The least seconds of each, taken in turns, so that a slow moment of the machine hits all of them."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(ROUNDS):
        for work, seconds in zip(works, taken, strict=True):
            began = time.process_time()
            work()
            seconds.append(time.process_time() - began)
    return (min(seconds) for seconds in taken)


def claim_file(count: int) -> bytes:
    """A file of `count` claims with three lines each, in sets of a hundred."""
    samples = [Sample(pcn=f"BENCH{number:06}", member=f"M{number:06}") for number in range(count)]
    return sample_file([samples[start : start + IN_A_SET] for start in range(0, count, IN_A_SET)])


def sets_of(data: bytes) -> Told:
    """The claims of each set, so that they can be written again."""
    told: Told = []
    for transmission, claim in read_claims(data):
        if isinstance(claim, Problem):
            raise TypeError("the generated file holds a claim that cannot be read")
        if not told or told[-1][0] is not transmission:
            told.append((transmission, []))
        told[-1][1].append(claim)
    return told


def split_only(data: bytes) -> None:
    """Segments and elements, keeping nothing: the limit of any reader in Python."""
    for _ in segments(data):
        pass


def read_only(data: bytes) -> None:
    """Every claim of the file, proved to be written as it was read."""
    for _ in read_claims(data):
        pass


def write_only(told: Told) -> None:
    """The segments of every set."""
    for transmission, claims in told:
        write_claims(transmission, claims)


def write_checked(told: Told) -> None:
    """The segments of every set, each set checked in full against its guide."""
    for transmission, claims in told:
        check_texts(CLAIM_837P, write_claims(transmission, claims))


if __name__ == "__main__":
    tell(measure)
