"""Reads the settings folder once: one checked tree, or every fault at once."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path as Folder
from typing import Any

import msgspec
from pydantic import ValidationError

from hub.config import checks, explain
from hub.config.faults import Fault, Path, dotted
from hub.config.locate import Lines
from hub.config.settings import FILES, HOME, Settings

_BIG = 20_000_000
_SINGLE = frozenset({"hub", "run", "route", "print", "watch", "notifications", "backup", "retention"})


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a settings folder came to. `tree` is None when a fault is an error; warnings stand beside a tree. `rest`
    is what is well-formed either way: to look at, never to run.
    """

    folder: Folder
    faults: tuple[Fault, ...]
    tree: Settings | None
    lines: Lines = msgspec.field(default_factory=Lines)
    rest: Settings | None = None

    @property
    def ok(self) -> bool:
        """Whether the hub may start."""
        return self.tree is not None

    @property
    def settings(self) -> Settings:
        """The checked tree; raises ValueError where there is none: look at `faults` first."""
        if self.tree is None:
            raise ValueError("the settings have faults")
        return self.tree

    def locate(self, path: Path) -> tuple[str, int]:
        """File and line of a key, or of the nearest table around it; line 0 when not even that was written."""
        return _locate(self.lines, path)

    def fault(
        self, path: Path, wrong: str, *, expected: str = "", fix: str = "", severity: str = "error"
    ) -> Fault:
        """A fault at this key, for checks that come later (a plugin's own settings, secrets)."""
        return _fault(self.lines, path, wrong, expected=expected, fix=fix, severity=severity)

    @property
    def data_folder(self) -> Folder:
        """Where the database and files are."""
        return (self.folder / self.settings.hub.data).resolve()

    def store_url(self, secret: Callable[[str], str]) -> str:
        """SQLAlchemy address of the store; `secret` resolves a reference, where one is given."""
        url = self.settings.hub.store
        if not url:
            return f"sqlite:///{self.data_folder / 'hub.db'}"
        return secret(url) if url.startswith(("env:", "file:")) else url


def load(folder: Folder) -> Loaded:
    """Read and check all settings in `folder`; never raises for what stands in it."""
    texts, faults = _texts(folder)
    lines = Lines(texts)
    raw, broken = _parsed(texts, lines, faults)
    tree = _checked(raw, lines, faults, unread=broken)
    ordered = sorted(set(faults), key=_place)
    good = not any(fault.severity == "error" for fault in ordered)
    return Loaded(folder=folder, faults=tuple(ordered), tree=tree if good else None, lines=lines, rest=tree)


def _place(fault: Fault) -> tuple[int, str, int, str, str]:
    files = list(FILES)
    known = files.index(fault.file) if fault.file in files else len(files)
    return known, fault.file, fault.line, fault.key, fault.wrong


def _texts(folder: Folder) -> tuple[dict[str, str], list[Fault]]:
    """The files that are there, as text."""
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    for name in FILES:
        try:
            body = (folder / name).read_bytes()
            if len(body) > _BIG:
                faults.append(Fault(file=name, line=0, key="", wrong="this file is far too large for settings"))
                continue
            texts[name] = body.decode("utf-8-sig").replace("\r\n", "\n")
        except FileNotFoundError:
            if name == "hub.toml":
                fix = "run `hub init` for an example, or name the folder where it stands"
                if Folder(name).is_file():
                    fix = "it stands in the folder that you are in: add `-c .`"
                faults.append(Fault(file=name, line=0, key="", wrong="there is no such file here", fix=fix))
        except OSError as error:
            why = error.strerror or "unknown reason"
            faults.append(Fault(file=name, line=0, key="", wrong=f"cannot be read ({why})"))
        except UnicodeDecodeError as error:
            line = body[: error.start].count(b"\n") + 1
            faults.append(Fault(file=name, line=line, key="", wrong="this is not UTF-8", fix="save it as UTF-8"))
    for stray in sorted(path.name for path in folder.glob("*.toml") if path.name not in FILES):
        fix = explain.near(stray, FILES) or f"the files are: {', '.join(FILES)}"
        wrong = "nobody reads this file"
        faults.append(Fault(file=stray, line=0, key="", wrong=wrong, fix=fix, severity="warning"))
    return texts, faults


def _parsed(texts: dict[str, str], lines: Lines, faults: list[Fault]) -> tuple[dict[str, Any], set[str]]:
    """All files' keys side by side, and the top-level keys of files that could not be read."""
    raw: dict[str, Any] = {}
    broken = {key for key, file in HOME.items() if file not in texts and any(f.file == file for f in faults)}
    for name, text in texts.items():
        try:
            document = tomllib.loads(text, parse_float=Decimal)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            line, wrong = explain.toml_fault(str(error), text)
            fix = "mend this line; what follows it was not read"
            faults.append(Fault(file=name, line=line, key="", wrong=wrong, fix=fix))
            broken.update(FILES[name])
            continue
        for key, value in document.items():
            home = HOME.get(key)
            if home == name:
                raw[key] = value
            else:
                fix = f"move it to {home}" if home else explain.near(key, FILES[name])
                fix = fix or f"remove it; known here: {', '.join(FILES[name])}"
                wrong = "stands in the wrong file" if home else "is an unknown key"
                line = lines.of(name).get((key,), 0)
                faults.append(Fault(file=name, line=line, key=dotted((key,)), wrong=wrong, fix=fix))
    return raw, broken


def _checked(raw: dict[str, Any], lines: Lines, faults: list[Fault], *, unread: set[str]) -> Settings | None:
    """The tree of what is well-formed, after all checks have spoken; faults are added to `faults`."""
    declared = {key: {str(name) for name in value} for key, value in raw.items() if isinstance(value, dict)}
    where: Callable[[Path], Path] = _same
    doubtful = set(unread)
    try:
        tree = Settings.model_validate(raw)
    except ValidationError as error:
        problems = [explain.said(found) for found in error.errors(include_url=False, include_input=False)]
        faults += [_fault(lines, p, wrong, expected=want, fix=fix) for p, wrong, want, fix in problems]
        tree, where = _well_formed(raw, [path for path, *_ in problems])
        doubtful |= {str(path[0]) for path, *_ in problems}
    context = checks.Context(
        tree=tree, declared=declared, unread=frozenset(unread), doubtful=frozenset(doubtful), where=where
    )
    for found in checks.run(context):
        faults.append(_fault(lines, found.path, found.wrong, fix=found.fix, severity=found.severity))
    return tree


def _same(path: Path) -> Path:
    return path


def _well_formed(raw: dict[str, Any], bad: Iterable[Path]) -> tuple[Settings, Callable[[Path], Path]]:
    """The tree without the tables and rows in which a fault stands, and a way back to where its rows stood."""
    drop = {path[:2] if isinstance(raw.get(str(path[0])), (dict, list)) else path[:1] for path in bad}
    kept: dict[str, Any] = {}
    rows: dict[str, list[int]] = {}
    for key, value in raw.items():
        if (key,) in drop:
            continue
        if key in _SINGLE:
            kept.update({} if any(path[0] == key for path in drop) else {key: value})
        elif isinstance(value, dict):
            kept[key] = {name: part for name, part in value.items() if (key, name) not in drop}
        else:
            rows[key] = [row for row in range(len(value)) if (key, row) not in drop]
            kept[key] = [value[row] for row in rows[key]]

    def where(path: Path) -> Path:
        moved = len(path) > 1 and isinstance(path[1], int) and str(path[0]) in rows
        return (path[0], rows[str(path[0])][int(path[1])], *path[2:]) if moved else path

    return Settings.model_validate(kept), where


def _locate(lines: Lines, path: Path) -> tuple[str, int]:
    file = HOME.get(str(path[0]) if path else "", "hub.toml")
    known = lines.of(file)
    for length in range(len(path), 0, -1):
        if path[:length] in known:
            return file, known[path[:length]]
    return file, 0


def _fault(
    lines: Lines, path: Path, wrong: str, *, expected: str = "", fix: str = "",
    severity: str = "error",
) -> Fault:  # fmt: skip
    file, line = _locate(lines, path)
    return Fault(
        file=file, line=line, key=dotted(path), wrong=wrong, expected=expected, fix=fix, severity=severity
    )
