"""X12 reading and full checking, beside what Python users would otherwise pick: pyx12 (837P), oxedi (835)."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from figures import Figure, tell

from hub.sandbox.clearinghouse import Clearinghouse
from hub.sandbox.options import SandboxOptions
from hub.sandbox.samples import Sample, sample_file
from hub.x12.envelope import X12Reader

ROUNDS = 3


def measure(quick: bool) -> list[Figure]:
    """MB/s as the best of interleaved rounds on the same bytes, and the ratio to the other."""
    claims = claim_file(400 if quick else 2_000)
    remits = remittance_file(claims)
    ours, theirs = interleaved(lambda: check(claims), lambda: pyx12_check(claims), ROUNDS)
    read, oxedi = interleaved(lambda: check(remits), lambda: oxedi_check(remits), ROUNDS)
    return [
        figure("x12.check_837p_mb_s", claims, ours, theirs, "pyx12"),
        figure("x12.read_835_mb_s", remits, read, oxedi, "oxedi (Rust)"),
    ]


def figure(name: str, data: bytes, ours: float, theirs: float, whom: str) -> Figure:
    """One figure with the other's beside it."""
    size = len(data) / 1e6
    beside = f"{whom}: {size / theirs:.2f} MB/s, we take {ours / theirs:.2f} of its time"
    return Figure(name=name, value=round(size / ours, 2), unit="MB/s", beside=beside)


def interleaved(ours: Callable[[], None], theirs: Callable[[], None], rounds: int) -> tuple[float, float]:
    """The least seconds of each, taken in turns, so that a slow moment of the machine hits both."""
    mine, others = [], []
    for _ in range(rounds):
        mine.append(seconds(ours))
        others.append(seconds(theirs))
    return min(mine), min(others)


def seconds(work: Callable[[], None]) -> float:
    """How long one run took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def claim_file(count: int) -> bytes:
    """A file of `count` claims with three lines each, in sets of a hundred."""
    samples = [Sample(pcn=f"BENCH{number:06}", member=f"M{number:06}") for number in range(count)]
    return sample_file([samples[start : start + 100] for start in range(0, count, 100)])


def remittance_file(claims: bytes) -> bytes:
    """The largest 835 that the simulated payers answer `claims` with."""
    start = datetime(2026, 2, 2, tzinfo=UTC)
    partner = Clearinghouse(1, SandboxOptions(plain=True, check=False))
    partner.receive("bench.x12", claims, start)
    answers = partner.release(start + timedelta(days=60))
    return max((one.body for one in answers if one.name.endswith(".835")), key=len)


def check(data: bytes) -> None:
    """Read every set to its end with every check."""
    for transaction in X12Reader(io.BytesIO(data)):
        transaction.check()


def pyx12_check(data: bytes) -> None:
    """pyx12's own validation, without writing an answer."""
    import pyx12.params
    import pyx12.x12n_document

    pyx12.x12n_document.x12n_document(pyx12.params.params(), io.StringIO(data.decode("ascii")), None, None, None)


def oxedi_check(data: bytes) -> None:
    """Oxedi's reading and validation of an 835."""
    import oxedi

    list(oxedi.parse(data).diagnostics)


if __name__ == "__main__":
    tell(measure)
