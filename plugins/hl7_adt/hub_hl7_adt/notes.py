"""What is wrong with one message, gathered while it is read."""

from __future__ import annotations

from hub.errors import Problem


class Notes:
    """Collects the problems of one message; `prefix` names the message where a file holds several."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.problems: list[Problem] = []

    def error(self, code: str, where: str, why: str, fix: str) -> None:
        """Something that keeps a fact from being made."""
        self._add(code, where, why, fix, "error")

    def notice(self, code: str, where: str, why: str, fix: str) -> None:
        """Everything was made, and money or whole messages may be missing: a person looks at each such message."""
        self._add(code, where, why, fix, "notice")

    def warn(self, code: str, where: str, why: str, fix: str) -> None:
        """Everything was made; a habit of the sender that a person should see once."""
        self._add(code, where, why, fix, "warning")

    def _add(self, code: str, where: str, why: str, fix: str, severity: str) -> None:
        place = f"{self._prefix}{where}"
        self.problems.append(Problem(code=code, where=place, why=why, fix=fix, severity=severity))
