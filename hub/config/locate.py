"""Finds the line on which each key of a TOML text stands, which `tomllib` does not tell.

It reads what TOML 1.0 allows (tables, arrays of tables, dotted and quoted keys, inline tables, arrays over
several lines, all four kinds of string) and is total: on a broken text it tells what it saw until there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from hub.config.faults import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]\}\r\n#]*")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
_TOO_DEEP = 60


class Lines:
    """Where the keys of some files stand. A file is looked through when it is first asked about: that takes longer
    than all other reading of settings together, and only what has a fault is asked about.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self._texts = dict(texts or {})
        self._known: dict[str, dict[Path, int]] = {}

    def of(self, file: str) -> Mapping[Path, int]:
        """Key path -> line of one file; empty for a file that is not there."""
        if file not in self._known:
            self._known[file] = key_lines(self._texts.pop(file, ""))
        return self._known[file]


class _Lost(Exception):
    """The text is no TOML from here on."""


def key_lines(text: str) -> dict[Path, int]:
    """Key path -> line, counted from 1; the elements of arrays have paths too. Later repeats do not count."""
    scan = _Scan(text)
    with suppress(_Lost):
        scan.document()
    return scan.lines


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self.rows: dict[Path, int] = {}
        self._line = 1
        self._counted = 0

    def document(self) -> None:
        table: Path = ()
        while self.skip(_BLANK) < len(self.text):
            if self.text.startswith("[", self.at):
                table = self.header()
            else:
                self.pair(table, 0)

    def header(self) -> Path:
        double = self.text.startswith("[[", self.at)
        line = self.line()
        self.at += 2 if double else 1
        path = self.resolved(self.key())
        self.expect("]]" if double else "]")
        if double:
            self.rows[path] = row = self.rows.get(path, -1) + 1
            self.note(path, line)
            path = (*path, row)
        for length in range(1, len(path) + 1):
            self.note(path[:length], line)
        return path

    def resolved(self, key: Path) -> Path:
        """A header's key below the newest row of each array of tables on its way, but for its last part."""
        path: Path = ()
        for part in key[:-1]:
            path = (*path, part)
            if path in self.rows:
                path = (*path, self.rows[path])
        return (*path, key[-1])

    def pair(self, table: Path, depth: int) -> None:
        line = self.line()
        key = self.key()
        self.expect("=")
        for length in range(1, len(key) + 1):
            self.note((*table, *key[:length]), line)
        self.value((*table, *key), depth)

    def key(self) -> Path:
        parts: list[str] = []
        while True:
            self.skip(_SPACE)
            match = _STRING.match(self.text, self.at) or _BARE.match(self.text, self.at)
            if match is None:
                raise _Lost
            self.at = match.end()
            parts.append(_unquoted(match[0]))
            self.skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def value(self, path: Path, depth: int) -> None:
        if depth > _TOO_DEEP:
            raise _Lost
        self.skip(_SPACE)
        if self.text.startswith("[", self.at):
            self.array(path, depth + 1)
        elif self.text.startswith("{", self.at):
            self.inline(path, depth + 1)
        else:
            match = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
            if match is None or match.end() == self.at:
                raise _Lost
            self.at = match.end()

    def array(self, path: Path, depth: int) -> None:
        self.at += 1
        row = 0
        while not self.closes("]"):
            self.note((*path, row), self.line())
            self.value((*path, row), depth)
            row += 1
            self.comma("]")

    def inline(self, path: Path, depth: int) -> None:
        self.at += 1
        while not self.closes("}"):
            self.pair(path, depth)
            self.comma("}")

    def closes(self, mark: str) -> bool:
        self.skip(_BLANK)
        if self.at >= len(self.text):
            raise _Lost
        if self.text.startswith(mark, self.at):
            self.at += 1
            return True
        return False

    def comma(self, closing: str) -> None:
        self.skip(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
        elif not self.text.startswith(closing, self.at):
            raise _Lost

    def expect(self, mark: str) -> None:
        self.skip(_SPACE)
        if not self.text.startswith(mark, self.at):
            raise _Lost
        self.at += len(mark)

    def skip(self, what: re.Pattern[str]) -> int:
        match = what.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.at

    def note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line


def _unquoted(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    return _ESCAPE.sub(_plain, key[1:-1]) if key.startswith('"') else key


def _plain(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code:
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else "?"
    return _SHORT.get(match[3], match[3])
