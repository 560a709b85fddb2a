"""HL7 v2 in one interleaved run: DFT bytes to canonical charges, beside hl7apy, python-hl7 and `split`.

No two messages share a patient, a visit, an id, a time or an amount; clinicians, codes, plans and places are those
of one practice (forty clinicians, three hundred codes, twelve plans), as in a real feed, and `hl7.dft_varied_s` is
what is left when those too are never the same. Rates are medians of rounds of processor time.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from random import Random

from figures import Figure, peak_rss_mb, tell

ROUNDS = {True: 5, False: 9}
MESSAGES = {True: 400, False: 2_000}
FEW = 4
"""Messages for hl7apy, which reads some thirty in a second."""
STREAM = {True: 20_000, False: 200_000}
FIRST = ("ADA", "BEA", "CAL", "DEE", "ELI", "FAY", "GUS", "HAL", "IDA", "JOY")
LAST = ("QUILL", "HALE", "MARSH", "PIKE", "ROWE", "STARK", "VANCE", "WREN", "YORK", "ZEAL")


def measure(quick: bool) -> list[Figure]:
    """Every figure of the reader."""
    from hub_hl7_adt.reading import read
    from hub_hl7_adt.settings import Hl7Settings

    profile = Hl7Settings(time_zone="America/Chicago")
    usual = [message(number) for number in range(MESSAGES[quick])]
    varied = [message(number, pool=False) for number in range(MESSAGES[quick])]
    few = usual[:FEW]
    check(read(usual[0], profile).facts)
    race: dict[str, tuple[int, Callable[[], None]]] = {
        "ours": (len(usual), lambda: each(lambda body: read(body, profile), usual)),
        "varied": (len(varied), lambda: each(lambda body: read(body, profile), varied)),
        "split": (len(usual), lambda: each(split_all, usual)),
        "python-hl7": (FEW * 5, lambda: each(python_hl7, usual[: FEW * 5])),
        "hl7apy": (FEW, lambda: each(hl7apy_parse, few)),
    }
    rate = run(race, ROUNDS[quick])
    size = statistics.mean(map(len, usual))
    told = f"{size:.0f} bytes, three charges each, patient, visit, policies and charges as facts"
    others = {name: f"{rate[name]:,.0f}" for name in ("hl7apy", "python-hl7", "split")}
    beside = f"hl7apy {others['hl7apy']}, python-hl7 {others['python-hl7']}, split alone {others['split']}"
    return [
        figure("hl7.dft_canonical_s", rate["ours"], "messages/s", f"{told}; {beside}"),
        figure("hl7.dft_varied_s", rate["varied"], "messages/s", "no clinician, code, plan or place twice"),
        figure("hl7.dft_ratio_hl7apy", rate["ours"] / rate["hl7apy"], "", f"its parse alone; {beside}"),
        figure("hl7.dft_ratio_python_hl7", rate["ours"] / rate["python-hl7"], "", "its parse alone"),
        figure(
            "hl7.dft_ratio_split", rate["ours"] / rate["split"], "", "segments and fields parted, nothing kept"
        ),
        *memory(STREAM[quick]),
    ]


def figure(name: str, value: float, unit: str, beside: str) -> Figure:
    """A figure with three digits that count."""
    return Figure(name=name, value=float(f"{value:.3g}"), unit=unit, beside=beside)


def run(race: dict[str, tuple[int, Callable[[], None]]], rounds: int) -> dict[str, float]:
    """Messages a second of each, the median of rounds in which everybody takes a turn."""
    took: dict[str, list[float]] = {name: [] for name in race}
    for _, work in race.values():
        work()  # whoever imports tables at first use has done so
    for _ in range(rounds):
        for name, (_, work) in race.items():
            began = time.process_time()
            work()
            took[name].append(time.process_time() - began)
    return {name: count / statistics.median(took[name]) for name, (count, _) in race.items()}


def each(work: Callable[[bytes], object], bodies: list[bytes]) -> None:
    """Do it with every message."""
    for body in bodies:
        work(body)


def check(facts: tuple[object, ...]) -> None:
    """What is measured is the whole of it: patient, policies, visit, and three charges."""
    kinds = sorted(type(fact).__name__ for fact in facts)
    assert kinds.count("ChargeFact") == 3, kinds
    assert {"PatientFact", "EncounterFact", "CoverageFact"} <= set(kinds), kinds


def split_all(body: bytes) -> list[list[bytes]]:
    """What no reader can beat: segments and fields parted, nothing read."""
    return [line.split(b"|") for line in body.split(b"\r")]


def python_hl7(body: bytes) -> object:
    """python-hl7's parse."""
    import hl7  # type: ignore[import-untyped]

    return hl7.parse(body.decode("ascii"))


def hl7apy_parse(body: bytes) -> object:
    """hl7apy's parse, tolerant, in groups: its own default."""
    from hl7apy.parser import parse_message

    return parse_message(body.decode("ascii"))


def message(number: int, *, pool: bool = True) -> bytes:
    """A synthetic DFT^P03 of some 1.7 KB: PID, PV1, GT1, two policies, two diagnoses and three charges."""
    random = Random(number)  # noqa: S311 - chance for synthetic messages
    some = random.randrange
    who = Random(some(40) if pool else 10**9 + number)  # noqa: S311 - the clinicians of one practice
    doctor = f"{1000000000 + who.randrange(900000000)}^{who.choice(LAST)}^{who.choice(FIRST)}^K^^^MD^^NPI^L^^^NPI"
    place = f"CLINIC{some(9) if pool else number}^{some(9)}^A^SITE{some(3) if pool else number}"
    day = f"2026{some(1, 13):02}{some(1, 29):02}"
    at = f"{day}{some(8, 18):02}{some(60):02}{some(60):02}"
    last, first = f"{random.choice(LAST)}{number:X}", random.choice(FIRST)
    home = f"{some(1, 9999)} ELM ST^APT {some(99)}^SALEM^OR^97{some(999):03}^USA"
    head = f"MSH|^~\\&|BILLING|HOSPITAL|HUB|SITE|{at}||DFT^P03^DFT_P03|MSG{number:08}|P|2.5.1|||AL|NE"
    person = (
        f"PID|1||{100000 + number}^^^HOSPITAL^MR~{some(10**8)}^^^STATE^PI||{last}^{first}^Q^^^^L||"
        f"19{some(20, 99)}{some(1, 13):02}{some(1, 29):02}|{random.choice('MF')}|||{home}||"
        f"503555{some(9999):04}|||M||ACCT{number:07}"
    )
    lines = [head, f"EVN|P03|{at}", person,
             f"PV1|1|O|{place}||||{doctor}|||FAM||||||||O|V{number:08}|||||||||||||||||||||||||{at}",
             f"GT1|1||{last}^{first}^Q||{home}|503555{some(9999):04}|||||SEL",
             *(_policy(rank, random, f"{last}^{first}", pool, number) for rank in (1, 2)),
             *(f"DG1|{n}|I10|{_diagnosis(random)}||{day}|F|||||||||{n}" for n in (1, 2)),
             *(_charge(n, number, random, day, place, doctor, pool) for n in (1, 2, 3))]  # fmt: skip
    return "\r".join([*lines, ""]).encode("ascii")


def _diagnosis(random: Random) -> str:
    return f"{random.choice('EIJKM')}{random.randrange(10, 99)}.{random.randrange(9)}^CONDITION^I10C"


def _policy(rank: int, random: Random, name: str, pool: bool, number: int) -> str:
    plan = random.randrange(12) if pool else number * 2 + rank
    fields = {
        1: f"{rank}", 2: f"PLAN{plan:03}^Plan {plan}", 3: f"PAYER{plan:03}", 4: f"Payer {plan} of Oregon",
        8: f"GRP{random.randrange(9999)}", 12: "20260101", 13: "20261231", 16: name, 17: "SEL",
        36: f"M{random.randrange(10**9):09}",
    }  # fmt: skip
    return "|".join(["IN1", *(fields.get(n, "") for n in range(1, 37))])


def _charge(n: int, number: int, random: Random, day: str, place: str, doctor: str, pool: bool) -> str:
    code = f"{random.choice('GJQT')}{random.randrange(1000, 1075) if pool else random.randrange(1000, 9999)}"
    cents, units = random.randrange(1000, 90000), random.randrange(1, 5)
    total, each = f"{cents * units / 100:.2f}", f"{cents / 100:.2f}"
    return (
        f"FT1|{n}|T{number:07}{n}||{day}|{day}|CG|L{code}^Local charge^L|||{units}|{total}&USD|{each}&USD|||"
        f"|{place}|||{_diagnosis(random)}~{_diagnosis(random)}|{doctor}|{doctor}||||{code}^Service^HCPCS|25"
    )


def memory(count: int) -> list[Figure]:
    """Peak memory of a program of its own that reads so many messages, and how much of it came after the first."""
    command = [sys.executable, __file__, "--stream", str(count)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    early, peak = map(float, done.stdout.split())
    beside = f"{count:,} messages, all different; {early:.0f} MB after the first 5,000"
    return [figure("hl7.read_peak_rss_mb", peak, "MB", beside)]


def stream(count: int) -> None:
    """Read messages as they are made, keeping none, and print the memory after 5,000 and in the end, in MB."""
    from hub_hl7_adt.reading import read
    from hub_hl7_adt.settings import Hl7Settings

    profile, early = Hl7Settings(), 0.0
    for number in range(count):
        read(message(number, pool=False), profile)
        if number == 5_000:
            early = peak_rss_mb()
    print(early, peak_rss_mb())


if __name__ == "__main__":
    if "--stream" in sys.argv:
        stream(int(sys.argv[2]))
    else:
        tell(measure)
