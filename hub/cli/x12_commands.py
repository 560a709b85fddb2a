"""`hub x12 ...`: what people do with X12 files; works on any file, without a database and without settings."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.groups import Group
from hub.cli.options import HERE, AsJson, Folder

x12 = typer.Typer(
    help="X12 files and guides: check, show, mend, answer, share. Needs no database and no settings.",
    no_args_is_help=True,
    cls=Group,
)

Files = Annotated[
    list[str], typer.Argument(metavar="FILE...", help="Files, folders, ZIP archives, or - for standard input.")
]
File = Annotated[str, typer.Argument(help="A file, a ZIP archive with one file in it, or - for standard input.")]
Output = Annotated[
    str, typer.Option(help="The file to write, which must not be there yet; - for standard output.")
]
Overlays = Annotated[
    list[str] | None,
    typer.Option("--overlay", metavar="NAME", help="A payer's or clearinghouse's rules too. May be repeated."),
]

Answer = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="A TA1, 999 or 277CA: its faults at their places. May be repeated."),
]


@x12.command("validate")
def x12_validate(
    file: Files,
    overlay: Overlays = None,
    config: Folder = HERE,
    answer: Answer = None,
    inbound: Annotated[
        bool, typer.Option("--inbound", help="Read as the hub reads partners' files: what payers do warns only.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Findings told of each file at most.", min=1)] = 1000,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong in files: by set and claim, with place, line, SNIP type and repair.

    Ends with 0 when nothing worse than a warning was found, 1 with errors, 2 where a file cannot be read. Try
    `hub x12 validate claims.x12`, and where it was rejected `hub x12 validate claims.x12 --answer answer.999`.
    """
    from hub.cli.x12_answers import read_answers
    from hub.cli.x12_look import How
    from hub.cli.x12_validate import validate

    answers = read_answers(answer or ())
    how = How(
        overlays=tuple(overlay or ()),
        config=config,
        answers=answers,
        inbound=inbound,
        limit=limit,
        as_json=as_json,
    )
    validate(file, how)


@x12.command("show")
def x12_show(
    file: File,
    loop: Annotated[str, typer.Option(metavar="ID", help="Only loops with this id, such as 2010AA.")] = "",
    claim: Annotated[
        int,
        typer.Option(
            min=0,
            help="Only this claim, counted through the file as `validate` counts, with its provider and subscriber.",
        ),
    ] = 0,
    plain: Annotated[bool, typer.Option("--plain", help="One line a segment, as it stands in the file.")] = False,
    masked: Annotated[bool, typer.Option("--masked", help="Hide names, ids, days and texts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a file as a tree: loops, segments and elements with their names and values, faults where they are.

    With --json one object a line. The values are shown, patients' too, unless --masked. Try
    `hub x12 show claims.x12 --claim 3`.
    """
    from hub.cli.x12_show import show
    from hub.x12.tools.show import Choice

    show(file, Choice(loop=loop.upper(), claim=claim, masked=masked), plain=plain, as_json=as_json)


@x12.command("ack")
def x12_ack(
    file: File,
    kind: Annotated[str, typer.Option(help="999 (each set), TA1 (the envelope) or 277CA (each claim).")] = "999",
    output: Output = "-",
    number: Annotated[int, typer.Option(help="Control number of the first answer.", min=1, max=999_999)] = 1,
    as_json: AsJson = False,
) -> None:
    """Answer a file as its receiver would: a 999, TA1 or 277CA in an envelope with sender and receiver turned round.

    Ends with 0 when all is accepted, 1 when something is rejected. An interchange that is refused as a whole, or asks
    for it, gets its TA1 with the 999. Try `hub x12 ack claims.x12 --output claims.999`.
    """
    from hub.cli.x12_ack import ack

    ack(file, kind, output, number, as_json=as_json)


@x12.command("fix")
def x12_fix(
    file: File,
    output: Output = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be repaired.")] = False,
    as_json: AsJson = False,
) -> None:
    """Repair what needs no knowledge (counts, echoes, numbering, blanks, trailers) and list it; never an amount.

    Writes FILE.fixed, never over a file. Ends with 1 when errors are left for a person. Try
    `hub x12 fix claims.x12 --dry-run`.
    """
    from hub.cli.x12_fix import fix

    fix(file, output, dry_run=dry_run, as_json=as_json)


@x12.command("anonymize")
def x12_anonymize(
    file: File,
    output: Output = "",
    seed: Annotated[
        str,
        typer.Option(
            envvar="HUB_X12_SEED",
            help="Files with one seed go together; keep it secret. Else a new one each time.",
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Copy a file with synthetic names, ids, days, addresses and texts; amounts, codes and faults stay.

    The same person, claim or number becomes the same one everywhere in the file. Writes FILE.anonymous. Try
    `hub x12 anonymize claims.x12`.
    """
    from hub.cli.x12_anonymize import anonymize

    anonymize(file, output, seed, as_json=as_json)


@x12.command("diff")
def x12_diff(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A file.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="The file to compare it with.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Control numbers, dates and times of the envelopes count too.")
    ] = False,
    masked: Annotated[bool, typer.Option("--masked", help="Say where, and hide the values.")] = False,
    limit: Annotated[int, typer.Option(help="Differences told at most.", min=1)] = 1000,
    as_json: AsJson = False,
) -> None:
    """Say what two files tell differently: sets, claims, loops, segments, elements, each with its place.

    Delimiters, line breaks and the order of claims do not count. Ends with 0 where both say the same, 1 where not.
    Try `hub x12 diff sent.x12 corrected.x12`.
    """
    from hub.cli.x12_diff import diff

    diff(first, second, strict=strict, masked=masked, limit=limit, as_json=as_json)


@x12.command("table")
def x12_table(
    file: File,
    to: Annotated[str, typer.Option(help="csv or parquet (needs the extra billing-hub[parquet]).")] = "csv",
    output: Output = "",
    kind: Annotated[str, typer.Option(help="Which sets, where a file holds several kinds: 837P, 835...")] = "",
    as_json: AsJson = False,
) -> None:
    """Write a file as rows: a line of a claim, a service of a remittance, a status, a fault, a benefit.

    Amounts are exact decimals. The values are written, patients' too. Writes FILE.csv or FILE.parquet. Try
    `hub x12 table remittance.835 --to csv`.
    """
    from hub.cli.x12_table import write_table

    write_table(file, to.lower(), output, kind, as_json=as_json)


@x12.command("guide")
def x12_guide(
    name: Annotated[str, typer.Argument(help="837P, 837I, 837D, 835, 999, TA1, 277CA, 276, 277, 270 or 271.")],
    loop: Annotated[str, typer.Option(metavar="ID", help="Only this loop, such as 2010AA.")] = "",
    short: Annotated[bool, typer.Option("--short", help="Loops and segments without their elements.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print an implementation guide as the hub checks it: loops, segments, elements, codes, relations.

    Try `hub x12 guide 837P --loop 2010AA`.
    """
    from hub.cli.x12_guide import guide

    guide(name, loop.upper(), short=short, as_json=as_json)
