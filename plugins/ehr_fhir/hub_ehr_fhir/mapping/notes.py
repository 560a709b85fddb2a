"""What is wrong with one message, gathered while it is read."""

from __future__ import annotations

from hub.errors import Problem

SEND_AGAIN = "correct the resource at the source and send it again"
MODIFIED = "a modifierExtension may turn around what the resource says, and the hub does not know this one"
ASK = "ask who runs the server what it means, and have it sent in elements of R4"


class Notes:
    """Collects problems; the same one at the same place is kept once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was noted, in order."""
        return tuple(self._found)

    def __bool__(self) -> bool:
        """Whether anything was noted."""
        return bool(self._found)

    def take(self, others: Notes) -> None:
        """Note what others noted, too."""
        self._found |= others._found

    def error(self, code: str, where: str, why: str, fix: str = SEND_AGAIN) -> None:
        """Something that keeps a fact from being made."""
        self._found[Problem(code=code, where=where, why=why, fix=fix)] = None

    def notice(self, code: str, where: str, why: str, fix: str = SEND_AGAIN) -> None:
        """The facts were made, and money may be wrong: a person looks at each such message."""
        self._found[Problem(code=code, where=where, why=why, fix=fix, severity="notice")] = None

    def warn(self, code: str, where: str, why: str, fix: str = SEND_AGAIN) -> None:
        """The facts were made; a habit of the sender that a person should see once."""
        self._found[Problem(code=code, where=where, why=why, fix=fix, severity="warning")] = None
