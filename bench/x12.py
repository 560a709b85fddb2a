"""X12 in one interleaved run: reading, checking and writing, beside `split`, pyx12, oxedi and linuxforhealth-x12.

Rates are medians of rounds in which everybody takes a turn, so that a slow moment of the machine hits all. Slow
counterparts read the first claims of the same file. Memory is that of a process of its own that reads a stream.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from figures import Figure, peak_rss_mb, tell
from rivals import Rival
from varied import reordered, varied

from hub.flow.claim_837 import read_claims, write_claims
from hub.flow.remit_835 import RemittanceReader, header, line_faults, total_fault
from hub.model.claim import Claim
from hub.model.transmission import Transmission
from hub.sandbox.clearinghouse import Clearinghouse
from hub.sandbox.options import SandboxOptions
from hub.sandbox.samples import Sample, sample_file
from hub.x12.envelope import X12Reader
from hub.x12.generate.big import big
from hub.x12.guides import guide_named
from hub.x12.guides.claim_837p import CLAIM_837P
from hub.x12.wire import STANDARD, join
from hub.x12.write import check_texts

ROUNDS = {True: 3, False: 5}
CLAIMS = {True: 2_000, False: 22_000}
"""Claims of three lines: 22,000 are more than 10 MB of either kind, 2,000 nearly one."""
FEW = 200
"""Claims for counterparts that read less than one MB a second."""
STREAM_BYTES = {True: 60_000_000, False: 1_000_000_000}
Race = dict[str, Callable[[], None]]
Told = list[tuple[Transmission, list[Claim]]]


def measure(quick: bool) -> list[Figure]:
    """Every figure of the codec."""
    claims, few = claim_file(CLAIMS[quick]), claim_file(FEW)
    remits, few_remits = remittance_file(claims), remittance_file(few)
    other, moved = varied(remits, 2 if quick else 1), reordered(remits)
    told = sets_of(claims)
    model = Rival("linuxforhealth_x12")
    race: Race = {
        "split 835": lambda: split_all(remits),
        "remit 835": lambda: remit_read(remits),
        "split varied": lambda: split_all(other),
        "remit varied": lambda: remit_read(other),
        "split moved": lambda: split_all(moved),
        "remit moved": lambda: remit_read(moved),
        "check 835": lambda: check(remits),
        "oxedi 835": lambda: oxedi_check(remits),
        "pyx12 835": lambda: pyx12_check(few_remits),
        "split 837": lambda: split_all(claims),
        "check 837": lambda: check(claims),
        "pyx12 837": lambda: pyx12_check(few),
        "read 837": lambda: read_all(claims),
        "write 837": lambda: write_all(told, check=False),
        "strict 837": lambda: write_all(told, check=True),
    }
    sizes = {"835": (len(remits), len(few_remits)), "837": (len(claims), len(few))}
    sizes |= {"varied": (len(other), 0), "moved": (len(moved), 0)}
    took, apart = run_race(race, ROUNDS[quick], model, few)
    rate = {
        name: sizes[name.split()[1]][name.startswith("pyx12")] / 1e6 / seconds for name, seconds in took.items()
    }
    return [
        *_of_remittances(rate),
        *_of_claims(
            rate, took, sum(len(made) for _, made in told), apart and len(few) / 1e6 / apart, model.missing
        ),
        *_of_memory(STREAM_BYTES[quick]),
    ]


def _of_remittances(rate: dict[str, float]) -> list[Figure]:
    ours = rate["remit 835"]
    beside = f"{ours:.1f} MB/s with balances; split keeping nothing {rate['split 835']:.1f}"
    checked = f"every check; oxedi (Rust) {rate['oxedi 835']:.1f}, pyx12 {rate['pyx12 835']:.2f} MB/s"
    return [
        figure("x12.remit_read.ratio_split", ours / rate["split 835"], "", beside),
        figure("x12.remit_read.ratio_pyx12", ours / rate["pyx12 835"], "", f"pyx12 {rate['pyx12 835']:.2f} MB/s"),
        figure("x12.remit_read.ratio_oxedi", ours / rate["oxedi 835"], "", f"oxedi {rate['oxedi 835']:.1f} MB/s"),
        _beside_split("varied", rate, "every amount, id and name another one"),
        _beside_split("moved", rate, "claims in an order of the payer's own"),
        figure("x12.check_835.mb_s", rate["check 835"], "MB/s", checked),
    ]


def _beside_split(name: str, rate: dict[str, float], what: str) -> Figure:
    ours, split = rate[f"remit {name}"], rate[f"split {name}"]
    beside = f"{what}; {ours:.1f} MB/s with balances; split {split:.1f}"
    return figure(f"x12.remit_read_{name}.ratio_split", ours / split, "", beside)


def _of_claims(
    rate: dict[str, float], took: dict[str, float], claims: int, model: float, missing: str
) -> list[Figure]:
    ours, split = rate["check 837"], rate["split 837"]
    beside = missing or f"linuxforhealth-x12 {model:.2f} MB/s, {ours / model:.0f} times slower"
    found = [
        figure("x12.check_837p.mb_s", ours, "MB/s", f"SNIP 1 to 5; split keeping nothing {split:.1f}; {beside}"),
        figure("x12.check_837p.ratio_pyx12", ours / rate["pyx12 837"], "", f"pyx12 {rate['pyx12 837']:.2f} MB/s"),
    ]
    for name, key in (("write_837p", "write"), ("write_837p_checked", "strict"), ("read_837p", "read")):
        speed = rate[f"{key} 837"]
        told = f"three lines each; {speed:.1f} MB/s, {speed / split:.2f} of split"
        found.append(figure(f"x12.{name}.claims_s", claims / took[f"{key} 837"], "claims/s", told))
    return found


def _of_memory(size: int) -> list[Figure]:
    found = []
    for kind in ("835", "837P"):
        command = [sys.executable, __file__, "--stream", kind, str(size)]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        read, peak, seconds = map(float, done.stdout.split())
        name = "x12.peak_rss_mb_1gb" if kind == "835" else "x12.peak_rss_mb_1gb_837p"
        beside = f"a stream of {read / 1e9:.2f} GB in {seconds:.0f} s, {kind} to records"
        found.append(figure(name, peak, "MB", beside))
    return found


def figure(name: str, value: float, unit: str, beside: str) -> Figure:
    """A figure with three digits that count."""
    return Figure(name=name, value=float(f"{value:.3g}"), unit=unit, beside=beside)


def run_race(race: Race, rounds: int, model: Rival, few: bytes) -> tuple[dict[str, float], float]:
    """The median seconds of each, and those of the counterpart in another environment (0 where it is missing)."""
    took: dict[str, list[float]] = {name: [] for name in race}
    apart: list[float] = []
    for _ in range(rounds):
        for name, work in race.items():
            took[name].append(seconds(work))
        if not model.missing:
            apart.append(model.seconds(few))
    return {name: statistics.median(found) for name, found in took.items()}, statistics.median(apart or [0.0])


def seconds(work: Callable[[], None]) -> float:
    """How long one run kept the processor busy: others on the machine do not change that."""
    began = time.process_time()
    work()
    return time.process_time() - began


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


def split_all(data: bytes) -> None:
    """What no reader can beat: every segment and element parted, nothing kept."""
    for text in data.decode("ascii").split("~"):
        text.split("*")


def check(data: bytes) -> None:
    """Read every set to its end with every check."""
    for transaction in X12Reader(io.BytesIO(data)):
        transaction.check()


def remit_read(data: bytes | io.BufferedIOBase) -> None:
    """Every payment as a record, balanced at its three levels; raises when one is off."""
    for transaction in X12Reader(data):
        reader = RemittanceReader(transaction)
        total = Decimal(0)
        for paid in reader:
            total += paid.paid
            if line_faults(paid):
                raise ValueError("a payment does not balance")
        if total_fault(header(reader), total) or reader.unread:
            raise ValueError("the remittance does not balance")


def read_all(data: bytes | io.BufferedIOBase) -> None:
    """Every claim as a record; raises when one cannot be read."""
    for _, claim in read_claims(data):
        if not isinstance(claim, Claim):
            raise TypeError("a claim cannot be read")


def sets_of(data: bytes) -> Told:
    """The claims of each set, so that they can be written again."""
    told: Told = []
    for transmission, claim in read_claims(data):
        if not isinstance(claim, Claim):
            raise TypeError("a claim cannot be read")
        if not told or told[-1][0] is not transmission:
            told.append((transmission, []))
        told[-1][1].append(claim)
    return told


def write_all(told: Told, *, check: bool) -> None:
    """Every set as text; with `check`, held to its guide and rules as before it is sent."""
    for transmission, claims in told:
        texts = write_claims(transmission, claims)
        if not check:
            join(texts, STANDARD)
        elif check_texts(CLAIM_837P, texts):
            raise ValueError("a written claim breaks its guide")


def pyx12_check(data: bytes) -> None:
    """pyx12's own validation, without writing an answer."""
    import pyx12.params
    import pyx12.x12n_document

    pyx12.x12n_document.x12n_document(pyx12.params.params(), io.StringIO(data.decode("ascii")), None, None, None)


def oxedi_check(data: bytes) -> None:
    """Oxedi's reading and validation of an 835."""
    import oxedi

    list(oxedi.parse(data).diagnostics)


class Stream(io.RawIOBase):
    """A file that is made while it is read, at least so many bytes long."""

    def __init__(self, kind: str, size: int) -> None:
        guide = guide_named(kind)
        some = sum(map(len, big(guide, Random(4), claims=400)))  # noqa: S311 - synthetic claims
        self._chunks = big(guide, Random(4), claims=1 + size * 400 // some)  # noqa: S311 - the same ones
        self._rest = b""
        self.told = 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as a file gives them."""
        while len(self._rest) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._rest += chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        self.told += len(data)
        return data


def stream(kind: str, size: int) -> None:
    """Read a long stream and print its bytes, this program's peak memory in MB, and the seconds."""
    source = Stream(kind, size)
    took = seconds(lambda: remit_read(source) if kind == "835" else read_all(source))  # type: ignore[arg-type]
    print(source.told, peak_rss_mb(), took)


if __name__ == "__main__":
    if "--stream" in sys.argv:
        stream(sys.argv[2], int(sys.argv[3]))
    else:
        tell(measure)
