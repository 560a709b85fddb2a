"""Fuzzes the HL7 v2 reader: whatever bytes come, it never raises, ends in time, and changes no byte.

    python tests/fuzz/hl7_reader.py --runs 1000000          damaged messages, the same for the same seed
    python tests/fuzz/hl7_reader.py --replay fuzz-out/X     one saved input again, with its traceback

No problem may show a value: the names and numbers of the seeds are words that nothing else says.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))
import mutating
from hub_hl7_adt.advice import advise
from hub_hl7_adt.message.editing import NotEditable, edited
from hub_hl7_adt.reading import read
from hub_hl7_adt.settings import Hl7Settings
from hub_hl7_adt.wire import Message, components, message_of, messages_of, plain, split
from x12 import LONGEST_SECONDS, Campaign, deadline, peak_bytes, run_plain, tell

MOST_BYTES = 24_000
VALUES = re.compile(r"QXV\w{2}")
"""Every value of the seeds that a problem could show begins so."""
PROFILES = (
    Hl7Settings(),
    Hl7Settings(
        charset="iso8859-1", time_zone="America/Chicago", production_ids=("P", "T", ""), bill_ft1_from=("ORU",)
    ),
)
PLACES = ("PID-3.1", "PID-5[2].1.2", "FT1[2]-11", "MSH-10", "ZZZ[3]-99[9].9.9", "PV1-44", "OBX-5")
HEAD = "MSH|^~\\&|QXVAP|QXVFA|HUB|SITE|20260105090000||{kind}|QXVID{n}|P|2.5.1||||||{charset}\r"
PERSON = ("PID|1||QXVMR1^^^QXVAU&1.2&ISO^MR~QXVSS^^^SSA^SS||QXVLA^QXVFI^Q~QXVAL^X^^^^^M||19800203|F|||"
          "QXVST 1^^QXVCI^OR^97301||5035550100|||M||QXVAC1\r")  # fmt: skip
REST = ("PV1|1|O|QXVPL^1||||1234567893^QXVDR^IDA^^^^^^NPI|||||||||||QXVVI1|||||||||||||||||||||||||20260105\r"
        "GT1|1||QXVGT^BEA||9 Oak^^Salem^OR|5035550111|||||PAR\r"
        "IN1|1|QXVPN^Plan|QXVPY||||||||||||QXVAU2||QXVLA^QXVFI|SEL|19800203|||1||||||||||||||QXVME1\r"
        "DG1|1||I10^QXVDX^I10C||20260105|F\r"
        "FT1|1|QXVT1||20260105^20260106|20260105|CG|L77^QXVTX^L|||2|200.00&USD|100.00&USD|||||||I10^^I10C|"
        "1234567893^QXVDR^IDA|||||G0438^^HCPCS|25~59\r"
        "FT1|2|QXVT2||20260105||PY||||1|-20.5\rPR1|1||G0438^QXVPR^HCPCS||20260105\r"
        'MRG|QXVOL^^^QXVAU||QXVAC2\rNTE|1||QXVNT \\.br\\ \\X41\\ \\F\\ ""\rZFT|QXVZZ^1&2~3\r')  # fmt: skip
KINDS = (
    "DFT^P03",
    "ADT^A01",
    "ADT^A08",
    "ADT^A40",
    "ADT^A44",
    "BAR^P01",
    "BAR^P06",
    "SIU^S12",
    "ORU^R01",
    "ADT^A03",
)
ODD = (
    *(
        b"",
        b"|",
        b"^",
        b"~",
        b"&",
        b"\\",
        b"\r",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"\x1c\r",
        b'""',
        b"\xff",
        b"\x00",
        b"-",
    ),
    *(
        b"\xc3\xa9",
        b"\xe9",
        b"\x1b$B",
        b"\\X",
        b"\\Xzz\\",
        b"\\XFF\\",
        b"\\.br\\",
        b"\\H\\",
        b"MSH|^~\\&#|",
        b"MSH",
    ),
    *(b"\rMSH|", b"\rFHS|^~\\&\r", b"\rBHS|^~\\&\r", b"\rBTS|2\r", b"\rFTS|1\r", b"9" * 40, b"1" * 3000, b"1E99"),
    *(b"NaN", b"00000000", b"20260231", b"2026", b"|" * 200, b"~" * 200, b"^" * 200, b"&" * 200, b"\\" * 99),
)


def seeds() -> list[bytes]:
    """Messages of every kind that matters, a batch, and three character sets."""
    texts = [
        HEAD.format(kind=kind, n=n, charset="") + "EVN||20260105\r" + PERSON + REST
        for n, kind in enumerate(KINDS)
    ]
    found = [text.encode() for text in texts]
    found += [texts[0].replace("FI", "FÏ").encode("utf-16"), texts[1].replace("QXVFI", "QXVFÏ").encode("latin-1")]
    found.append(
        HEAD.format(kind="ADT^A08", n=7, charset="UNICODE UTF-8").encode() + PERSON.replace("CI", "ÇÎ").encode()
    )
    found.append(b"FHS|^~\\&\rBHS|^~\\&\r" + b"".join(found[:3]) + b"BTS|3\rFTS|1\r")
    return [*found, b"\x0b" + found[0].replace(b"\r", b"\n") + b"\x1c\r"]


def mutated(base: list[bytes], random: Random) -> bytes:
    """One damaged message or file: a seed, and from one to eight mutations on it."""
    return mutating.mutated(base, random, MUTATIONS, MOST_BYTES)


def _insert(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(ODD) + data[at:]


def _graft(data: bytes, random: Random, base: list[bytes]) -> bytes:
    lines, others = data.split(b"\r"), random.choice(base).split(b"\r")
    at = random.randint(0, len(lines))
    lines[at:at] = others[random.randrange(len(others)) :][: random.randint(1, 12)]
    return b"\r".join(lines)


def _field(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    fields = data.split(b"|")
    fields[random.randrange(len(fields))] = random.choice(ODD)
    return b"|".join(fields)


def _shift(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    fields = data.split(b"|")
    fields.insert(random.randrange(len(fields)), b"")
    return b"|".join(fields)


def _remark(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    return data.replace(random.choice((b"|", b"^", b"~", b"\\", b"&")), random.choice(ODD)[:1])


def _order(data: bytes, random: Random, _base: list[bytes]) -> bytes:
    lines = data.split(b"\r")
    random.shuffle(lines)
    return b"\r".join(lines)


MUTATIONS: tuple[Callable[[bytes, Random, list[bytes]], bytes], ...] = (
    mutating.flip, _insert, mutating.cut_out, _graft, _field, _shift, _remark, _order,
)  # fmt: skip


def one_input(data: bytes) -> None:
    """Puts the bytes through every door of the reader; raises when it breaks one of its promises."""
    parts = split(data)
    kept = b"".join((*parts.messages, *parts.envelope, *parts.strays))
    framing = b"\r\n\t \x0b\x1c"
    assert sorted(kept.translate(None, framing)) == sorted(plain(data).translate(None, framing)), "a byte is lost"
    pieces = list(messages_of("", data))
    assert sum(len(split(piece).messages) for piece in pieces) == len(parts.messages), "a message is lost"
    for raw in parts.messages[:20]:
        message = message_of(raw, "utf-8")
        if message is not None:
            _all_of(message, raw)
            _one_edit(raw, len(data))
    reading = read(data, PROFILES[len(data) % 2])
    advice = advise(data) if sum(data[:64]) % 97 == 0 else []
    for problem in (*reading.problems, *advice):
        said = f"{problem.where} {problem.why} {problem.fix}"
        assert problem.where, "a problem without a place"
        assert not VALUES.search(said), f"{problem.code} shows a value"


def _all_of(message: Message, raw: bytes) -> None:
    """Every part is read in every way, and the bytes are still those that came."""
    for segment in message.segments:
        for position in range(min(len(segment.fields), 60) + 1):
            first = segment.text(position, 1)
            values = segment.values(position)
            if values and segment.written(position).startswith(values[0].written):
                assert values[0].text() == first or position < 3, "two ways to one text differ"
            for value in values[:5]:
                found = components(value.written, value.frame, 4)
                each = [value.written, *(value.text(n) for n in range(1, 5))]
                assert found[:5] == each, "two ways to a component"
            segment.is_null(position, 2)
    assert message.raw == raw or raw[:3] != b"MSH", "reading changed the bytes"
    assert b"".join(segment.raw for segment in message.segments) == b"".join(message.lines), "a segment differs"
    str(message.pid.patient_name[1].family)
    message.z("ZFT")


def _one_edit(raw: bytes, chance: int) -> None:
    """An edit is refused, or read back, and what is edited to what it was is what it was but for separators."""
    place = PLACES[chance % len(PLACES)]
    try:
        changed = edited(raw, place, "M|R^K\\")
    except NotEditable as why:
        refused = str(why)
    else:
        refused = ""
    assert not VALUES.search(refused), "a refusal shows a value"
    if refused:
        return
    assert len(changed) >= len(raw) - len(max(raw.split(b"|"), key=len)), "an edit lost other bytes"
    assert message_of(changed, "utf-8") is not None, "an edit made the header unusable"


class Hl7Campaign(Campaign):
    """A run over damaged messages; deterministic by `seed`."""

    def __init__(self, seed: int, save: Path | None) -> None:
        self._one_input = one_input
        self.seed, self.save, self.base = seed, save, seeds()
        self.ran = self.largest = 0
        self.failed: list[tuple[int, str, bytes]] = []
        self._peak = peak_bytes()

    def input(self, number: int) -> bytes:
        """The damaged message with this number, whatever ran before."""
        return mutated(self.base, Random(f"{self.seed}/{number}"))  # noqa: S311 - chance for tests


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--save", type=Path, default=Path("fuzz-out"))
    parser.add_argument("--replay", type=Path)
    asked = parser.parse_args()
    if asked.replay is not None:
        with deadline(LONGEST_SECONDS):
            one_input(asked.replay.read_bytes())
        tell("nothing is wrong with this input")
        return 0
    return run_plain(asked.runs, asked.seed, asked.save, Hl7Campaign)


if __name__ == "__main__":
    raise SystemExit(main())
