"""The command `hub`: names the commands and their options; what they do is imported when one is used."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub import __version__
from hub.cli.doctor_commands import doctor
from hub.cli.feed_commands import feeds
from hub.cli.groups import Group
from hub.cli.keep_commands import backup, db_upgrade, restore
from hub.cli.message_commands import messages
from hub.cli.notice_commands import notices
from hub.cli.options import HERE, AsJson, By, Folder, Limit
from hub.cli.patient_commands import appointments, patients
from hub.cli.plugin_commands import Root
from hub.cli.retention_commands import hold, keys, retention
from hub.cli.schedule_commands import runs, schedule
from hub.cli.x12_commands import x12

app = typer.Typer(
    help="Billing Hub: encounters in, claims out, remittances posted to the cent.",
    no_args_is_help=True,
    cls=Root,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
connector = typer.Typer(
    help="Connections to EHRs, clearinghouses and print vendors.", no_args_is_help=True, cls=Group
)
claims = typer.Typer(help="Claims and where each one stands.", no_args_is_help=True, cls=Group)
files = typer.Typer(help="Files that went out and came in.", no_args_is_help=True, cls=Group)
work = typer.Typer(help="What the hub could not finish, and who should.", no_args_is_help=True, cls=Group)
db = typer.Typer(help="The database.", no_args_is_help=True, cls=Group)
config = typer.Typer(help="The settings.", no_args_is_help=True, cls=Group)
for name, group in (
    ("connector", connector),
    ("claims", claims),
    ("files", files),
    ("messages", messages),
    ("work", work),
    ("patients", patients),
    ("appointments", appointments),
    ("schedule", schedule),
    ("runs", runs),
    ("notices", notices),
    ("backup", backup),
    ("restore", restore),
    ("retention", retention),
    ("hold", hold),
    ("keys", keys),
    ("db", db),
    ("config", config),
    ("x12", x12),
    ("feeds", feeds),
):
    app.add_typer(group, name=name, rich_help_panel=None)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"billing-hub {__version__}")
        raise typer.Exit


@app.callback()
def _always(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version and end.")
    ] = False,
) -> None:
    """What stands before every command."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the settings shall stand.")] = HERE,
) -> None:
    """Write an example practice and a master key into an empty folder."""
    from hub.cli import setup

    setup.init(folder)


@app.command()
def check(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Read all settings and tell every fault at once, each with file and line."""
    from hub.cli import setup

    setup.check(folder, as_json=as_json)


@app.command()
def run(
    folder: Folder = HERE,
    once: Annotated[bool, typer.Option("--once", help="Do what is due and waiting, then end.")] = False,
    roles: Annotated[
        str,
        typer.Option(
            envvar="HUB_ROLES", help="What this node does: scheduler,worker,listener,web; else as [run] says."
        ),
    ] = "",
    listen: Annotated[
        str | None,
        typer.Option(
            envvar="HUB_LISTEN", help="HOST:PORT of health and metrics; else as [run] says; empty: none."
        ),
    ] = None,
) -> None:
    """Run the schedule and every step, until stopped."""
    # settings are read once the node hears SIGHUP: what comes before that asks for nothing, and must not end the hub
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        from hub.cli import serve

        serve.run(folder, once=once, roles=roles, listen=listen)
    finally:
        signal.signal(signal.SIGHUP, before)


@app.command()
def nodes(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """The nodes that run, and those that ended or fell silent within a day."""
    from hub.cli import node_commands

    node_commands.nodes(folder, as_json=as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The folder that the run makes.")] = Path("demo-out"),
    inputs: Annotated[
        list[Path] | None, typer.Option("--input", help="FHIR bundles and HL7 files instead of the practice.")
    ] = None,
    overlay: Annotated[Path | None, typer.Option(help="What may be altered in --input to let it bill.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on from the last run instead of starting clean.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which synthetic practice.")] = 1,
    days: Annotated[int, typer.Option(help="Days with encounters.", min=1, max=366)] = 60,
    clearinghouse: Annotated[str, typer.Option(help="Plugin that carries the claims.")] = "clearinghouse_sftp",
    as_json: AsJson = False,
) -> None:
    """The whole path, from an encounter to a statement at the print vendor, with simulated partners."""
    from hub.cli.demo import command

    command.demo(
        out, inputs or [], overlay, keep=keep, seed=seed, days=days, clearinghouse=clearinghouse, as_json=as_json
    )


app.command()(doctor)


@app.command()
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Where everything stands: messages, encounters, claims, money, work."""
    from hub.cli import status as told

    told.status(folder, as_json=as_json)


@app.command()
def replay(
    what: Annotated[
        str,
        typer.Argument(
            help="`held`, `set_aside`, `history`, `tested`, or the id of an encounter, claim, message or remittance."
        ),
    ],
    by: By = "cli",
    folder: Folder = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
) -> None:
    """Look again at what was held, set aside, kept as history, or sent as a test only."""
    from hub.cli import act

    act.replay(folder, what, by=by, dry_run=dry_run)


@app.command()
def verify(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Prove the eleven promises on the live database; name every exception."""
    from hub.cli import verify as proofs

    proofs.verify(folder, as_json=as_json)


@connector.command("list")
def connector_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """The configured connectors and what their plugins offer."""
    from hub.cli import connectors

    connectors.show(folder, as_json=as_json)


@connector.command("restart")
def connector_restart(
    name: Annotated[str, typer.Argument(help="The connector.")],
    folder: Folder = HERE,
    by: By = "cli",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
) -> None:
    """Let a source be asked from its beginning: for a cursor that cannot be read, or of another version.

    What comes again is known by its identity and bills nothing twice.
    """
    from hub.cli import connectors

    connectors.restart(folder, name, by=by, dry_run=dry_run)


@connector.command("add")
def connector_add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    plugin: Annotated[str, typer.Option(help="The plugin, as its package registers it.")],
    kind: Annotated[str, typer.Option(help="Which of its offers.")] = "",
    practice: Annotated[str, typer.Option(help="The practice it serves.")] = "",
    given: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting to write, as in server.url=https://fhir.example.org"),
    ] = None,
    folder: Folder = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")] = False,
) -> None:
    """Add a connector to hub.toml with every setting of its plugin, ready to be filled in."""
    from hub.cli import connector_adding

    connector_adding.add(folder, name, plugin, kind, practice, given or (), dry_run=dry_run)


@connector.command("test")
def connector_test(
    name: Annotated[str, typer.Argument(help="Which connector.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Try a connection step by step, without changing anything at the partner."""
    from hub.cli import connectors

    connectors.test(folder, name, as_json=as_json)


@claims.command("list")
def claims_list(
    folder: Folder = HERE,
    state: Annotated[str, typer.Option(help="Only claims that stand so.")] = "",
    payer: Annotated[str, typer.Option(help="Only claims to this payer.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Claims, newest last."""
    from hub.cli import show

    show.claims(folder, state=state, payer=payer, limit=limit, as_json=as_json)


@claims.command("show")
def claims_show(
    claim: Annotated[str, typer.Argument(help="Claim id or patient control number.")],
    by: By = "cli",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """One claim: lines, submissions, answers, payments, balance, history. Looking is recorded."""
    from hub.cli import detail

    detail.claim(folder, claim, by=by, as_json=as_json)


@files.command("list")
def files_list(folder: Folder = HERE, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Files out and in, newest last."""
    from hub.cli import show

    show.files(folder, limit=limit, as_json=as_json)


@files.command("show")
def files_show(
    file: Annotated[str, typer.Argument(help="File or message id.")],
    by: By = "cli",
    folder: Folder = HERE,
    content: Annotated[
        bool, typer.Option("--content", help="Print the content too (patient data: recorded).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """One file with its journal."""
    from hub.cli import detail

    detail.file(folder, file, content=content, by=by, as_json=as_json)


@work.command("list")
def work_list(
    folder: Folder = HERE,
    reason: Annotated[str, typer.Option(help="Only reasons that begin so.")] = "",
    owner: Annotated[str, typer.Option(help="Only of this role: it, biller, coder, front-desk.")] = "",
    after: Annotated[str, typer.Option(help="Go on behind this item.")] = "",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Open work items, the most urgent first."""
    from hub.cli import show

    show.work_items(folder, reason=reason, owner=owner, limit=limit, after=after, as_json=as_json)


@work.command("show")
def work_show(
    item: Annotated[str, typer.Argument(help="Work item id.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """One work item with what it is about."""
    from hub.cli import detail

    detail.work_item(folder, item, as_json=as_json)


@work.command("resolve")
def work_resolve(
    item: Annotated[str, typer.Argument(help="Work item id.")],
    how: Annotated[str, typer.Option(help="What was done, in a few words without patient data.")],
    by: By = "cli",
    resend: Annotated[
        bool,
        typer.Option(
            "--resend",
            help="Send the claim (corrected where its payer has decided), or the file in doubt, again.",
        ),
    ] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="The proposed codes are right.")] = False,
    release: Annotated[bool, typer.Option("--release", help="Post the held remittance as it is.")] = False,
    folder: Folder = HERE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
) -> None:
    """Close a work item, and do what it needs."""
    from hub.cli import act

    choice = act.Choice(how=how, by=by, resend=resend, confirm=confirm, release=release)
    act.resolve(folder, item, choice, dry_run=dry_run)


db.command("upgrade")(db_upgrade)


@config.command("schema")
def config_schema() -> None:
    """Print the settings' JSON Schema, for editors."""
    from hub.cli import setup

    setup.schema()


def main() -> None:
    """Run the command line; what is known to go wrong ends with one plain message."""
    try:
        app()
    except Exception as error:
        from hub.errors import HubError

        if not isinstance(error, HubError):
            raise
        from hub.cli.ui import explain

        sys.exit(explain(error))


if __name__ == "__main__":
    main()
