"""Fuzzes the X12 codec: whatever bytes come, nothing but findings come out, in time and in bounded memory.

    python tests/fuzz/x12.py --runs 1000000             guided by coverage (atheris), where it is installed
    python tests/fuzz/x12.py --engine plain --seed 7    our own mutator alone, the same inputs for the same seed
    python tests/fuzz/x12.py --replay fuzz-out/crash-1  one saved input again, with its traceback

An input that breaks a rule is written to `--save` (fuzz-out) and can be replayed.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType

sys.path.insert(0, str(Path(__file__).parent))
from mutations import mutated, seeds

LONGEST_SECONDS = 20
"""How long one input of at most some 100 KB may take: far more than it needs, even where the machine is busy."""

MOST_BYTES_EACH = 400
SPARE_BYTES = 96 << 20
"""Memory may grow by so many bytes for each byte of the largest input, and by this much besides."""


class Hung(BaseException):
    """An input took longer than its deadline; no `except Exception` may swallow that."""


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raises Hung in the block when it takes longer."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Hung(f"one input took more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Campaign:
    """A run of the plain mutator: deterministic by `seed`; counts inputs, keeps what fails."""

    def __init__(self, seed: int, save: Path | None) -> None:
        import targets  # not above: the other engine must instrument it before

        self._one_input = targets.one_input
        self.seed = seed
        self.save = save
        self.base = seeds()
        self.ran = 0
        self.largest = 0
        self.failed: list[tuple[int, str, bytes]] = []
        self._peak = peak_bytes()

    def input(self, number: int) -> bytes:
        """The mutated file with this number: the same for the same seed, whatever ran before."""
        random = Random(f"{self.seed}/{number}")  # noqa: S311 - chance for tests, not for secrets
        return mutated(self.base, random)

    def run(self, first: int, count: int) -> None:
        """Runs inputs `first` to `first + count - 1`."""
        for number in range(first, first + count):
            data = self.input(number)
            self.largest = max(self.largest, len(data))
            self.ran += 1
            try:
                with deadline(LONGEST_SECONDS):
                    self._one_input(data)
                self._measure(data)
            except (Exception, Hung) as error:  # noqa: BLE001 - any of them is the finding
                self._keep(number, error, data)

    def _measure(self, data: bytes) -> None:
        peak = peak_bytes()
        if peak - self._peak > SPARE_BYTES + MOST_BYTES_EACH * self.largest:
            self._peak = peak
            raise MemoryError(f"{len(data)} bytes of input made the process grow beyond a fixed multiple")

    def _keep(self, number: int, error: BaseException, data: bytes) -> None:
        name = f"{type(error).__name__}-{hashlib.sha256(data).hexdigest()[:12]}"
        self.failed.append((number, f"{type(error).__name__}: {error}", data))
        if self.save is not None:
            self.save.mkdir(parents=True, exist_ok=True)
            (self.save / name).write_bytes(data)


def tell(text: str) -> None:
    """One line for the person who waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run_plain(runs: int, seed: int, save: Path, kind: type[Campaign] = Campaign) -> int:
    """The plain mutator for `runs` inputs, told of every so often; 1 when an input failed."""
    campaign, began = kind(seed, save), time.monotonic()
    for first in range(0, runs, 2000):
        campaign.run(first, min(2000, runs - first))
        spent = max(time.monotonic() - began, 0.001)
        tell(
            f"{campaign.ran} inputs, {campaign.ran / spent:.0f}/s, {len(campaign.failed)} failed, "
            f"largest {campaign.largest} bytes, peak {peak_bytes() >> 20} MB"
        )
    for number, told, _ in campaign.failed[:20]:
        tell(f"seed {seed} input {number}: {told}")
    return int(bool(campaign.failed))


def run_guided(runs: int, seed: int, save: Path) -> int:
    """Coverage guides libFuzzer, our mutator beside its own; a finding is saved and ends the process."""
    import atheris

    with atheris.instrument_imports(include=["hub.x12"], enable_loader_override=False):
        import targets
    base = seeds()
    corpus = save / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in base:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        random = Random(number)  # noqa: S311
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return mutated([data, random.choice(base)], random)[:most]

    options = [
        f"-runs={runs}",
        f"-seed={seed}",
        "-max_len=65536",
        f"-timeout={LONGEST_SECONDS}",
        "-rss_limit_mb=2048",
        "-len_control=0",
        f"-artifact_prefix={save}/",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], targets.one_input, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--engine", choices=("auto", "plain", "atheris"), default="auto")
    parser.add_argument("--save", type=Path, default=Path("fuzz-out"))
    parser.add_argument("--replay", type=Path)
    asked = parser.parse_args()
    if asked.replay is not None:
        from targets import one_input

        with deadline(LONGEST_SECONDS):
            one_input(asked.replay.read_bytes())
        tell("nothing is wrong with this input")
        return 0
    engine = asked.engine
    if engine == "auto":
        try:
            import atheris  # noqa: F401
        except ImportError:
            engine = "plain"
        else:
            engine = "atheris"
    tell(f"engine {engine}, seed {asked.seed}, {asked.runs} inputs, what fails goes to {asked.save}")
    run = run_guided if engine == "atheris" else run_plain
    return run(asked.runs, asked.seed, asked.save)


if __name__ == "__main__":
    raise SystemExit(main())
