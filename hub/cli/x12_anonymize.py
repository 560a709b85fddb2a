"""`hub x12 anonymize`: a copy of a file that can be shared."""

from __future__ import annotations

import secrets
import shlex
import sys

from hub.cli.ui import print_json, say
from hub.cli.x12_files import STDIN, beside, fresh, only, telling, unreadable, watched
from hub.cli.x12_validate import count_of
from hub.x12.tools.anonymize import Anonymous


def anonymize(path: str, output: str, seed: str, *, as_json: bool) -> None:
    """Write a copy without anybody in it; ends with 0, with 1 where the file could not be read to its end."""
    target = output or beside(path, ".anonymous")
    secret = seed.encode() if seed else secrets.token_bytes(32)
    with only(path) as given, fresh(target) as copy, watched(given) as file:
        made = Anonymous(file, secret)
        copy.writelines(made)
        if not made.segments:
            raise unreadable(given.name)
    told = {"file": given.name, "output": target, "segments": made.segments, "problem": made.problem}
    with telling(target):
        if as_json:
            print_json(told)
        else:
            say(f"{given.name}: {count_of(made.segments, 'segment')}, written to {target}")
            say("Amounts, codes, states and times are as they were; all days moved by the same number of days.")
            if target != STDIN:
                say(f"Look through it before it leaves the house:   hub x12 show {shlex.quote(target)}")
            if made.problem:
                say(f"The rest of the file is left out, since it cannot be read: {made.problem}")
    sys.exit(int(bool(made.problem)))
