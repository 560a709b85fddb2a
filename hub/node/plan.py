"""What one node is to do: its settings of [run], overridden by options, and checked for sense."""

from __future__ import annotations

import os
from typing import get_args

import msgspec

from hub.config import Fault, Loaded
from hub.config.explain import near
from hub.config.unattended import Role, Run
from hub.errors import Misconfigured

ROLES: tuple[str, ...] = get_args(Role)
STEPPING = frozenset({"scheduler", "worker", "listener"})
"""Roles that run steps or nudge them; a node that only serves pages does neither."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one node does. `listen` is empty where no pages are served, `public` where nothing is for outside."""

    runner: str
    roles: tuple[str, ...]
    threads: int
    listen: str
    drain_seconds: int
    bug_limit: int
    public: str = ""

    @property
    def steps(self) -> bool:
        """Whether this node runs or nudges steps."""
        return bool(STEPPING & set(self.roles))

    @property
    def alone(self) -> bool:
        """Whether nobody else may run steps of the same store at the same time."""
        return self.runner == "local" and self.steps


def planned(run: Run, roles: str = "", listen: str | None = None) -> Plan:
    """The plan of `[run]`, with the options of the command line; raises `Misconfigured` for one without sense."""
    chosen = _chosen(roles) if roles else run.roles
    found = Plan(
        runner=run.runner,
        roles=tuple(role for role in ROLES if role in chosen),
        threads=run.threads,
        listen=(run.listen if listen is None else listen) if "web" in chosen else "",
        drain_seconds=run.drain_seconds,
        bug_limit=run.bug_limit,
        public=run.public_listen if "listener" in chosen else "",
    )
    return _sensible(found)


def plan_faults(loaded: Loaded) -> list[Fault]:
    """What `[run]` says that no node can be, each at its line."""
    try:
        planned(loaded.settings.run)
    except Misconfigured as error:
        return [loaded.fault(("run", "roles"), str(error), fix=error.fix)]
    url = loaded.settings.hub.store
    if loaded.settings.run.runner == "distributed" and (not url or url.startswith("sqlite")):
        fix = 'set hub.store to a PostgreSQL address, or run.runner to "local"'
        return [loaded.fault(("run", "runner"), "many nodes need PostgreSQL, and this is SQLite", fix=fix)]
    return _log_faults(loaded)


def _log_faults(loaded: Loaded) -> list[Fault]:
    """A log file that no node could write; nothing is made here."""
    name = loaded.settings.run.log_file
    path = loaded.data_folder / name
    if not name or (path.parent == loaded.data_folder and not path.parent.exists()):
        return []  # a start makes the data folder
    wrong = ""
    if not path.parent.is_dir():
        wrong = "its folder is not there"
    elif path.is_dir():
        wrong = "it is a folder"
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        wrong = "it may not be written by this user"
    fix = "change run.log_file, or make its folder and give the hub's user the right to write there"
    return (
        [loaded.fault(("run", "log_file"), f"the log file cannot be written: {wrong}", fix=fix)] if wrong else []
    )


def _chosen(text: str) -> tuple[str, ...]:
    chosen = tuple(filter(None, (word.strip() for word in text.split(","))))
    for word in chosen:
        if word not in ROLES:
            known = f"the roles are: {', '.join(ROLES)}"
            raise Misconfigured(f"{word!r} is no role of a node", fix=near(word, ROLES) or known)
    return chosen


def _sensible(plan: Plan) -> Plan:
    if not plan.roles:
        raise Misconfigured("this node has no role", fix=f"name some of: {', '.join(ROLES)}")
    missing = {"scheduler", "worker"} - set(plan.roles)
    if plan.alone and missing:
        raise Misconfigured(
            f"with the local runner every role stands in one process, and this one has no {min(missing)}",
            fix='name scheduler and worker too, or set run.runner to "distributed" (which needs PostgreSQL)',
        )
    return plan
