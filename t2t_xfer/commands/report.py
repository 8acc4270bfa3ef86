"""`t2t-xfer report`: what a study found, once more; against claims; or against another run."""

from __future__ import annotations

from pathlib import Path

import click

from t2t_xfer.errors import UserError
from t2t_xfer.terminal import echo


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path), required=False)
@click.option(
    "--claims",
    metavar="FILE|NAME",
    default=None,
    help="Give each statement of a claims file a verdict: docs/claims.md.",
)
@click.option(
    "--replicates",
    type=click.IntRange(200, 100_000),
    default=1000,
    show_default=True,
    help="Redrawings behind each interval.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="Where to write.  [default: DIRECTORY]",
)
def report(
    directory: Path,
    other: Path | None,
    claims: str | None,
    replicates: int,
    output: Path | None,
) -> None:
    """Write the report of a study again from what is in the store, or compare two runs.

    DIRECTORY is a study's own, finished or half-finished. With OTHER, a second study or what
    `evaluate` wrote, the two are compared on the same examples, language by language, and the
    result is written into DIRECTORY or --output.
    """
    if other is None:
        _write(directory, claims, replicates, output)
        return
    if claims is not None:
        raise UserError("--claims judges one study. Leave out the second directory, or --claims.")
    _compare(directory, other, replicates, output or directory)


def _write(directory: Path, claims: str | None, replicates: int, output: Path | None) -> None:
    from t2t_xfer.report.written import write_results
    from t2t_xfer.specs.catalogue import Catalogue
    from t2t_xfer.study.results import Results

    stated = None if claims is None else Catalogue().claims(claims)
    results = Results.read(directory)
    written = write_results(output or directory, results, claims=stated, replicates=replicates)
    for verdict in written.verdicts:
        echo(f"{verdict.in_words}: {verdict.claim}")
    echo(written.report)


def _compare(directory: Path, other: Path, replicates: int, output: Path) -> None:
    from t2t_xfer.files import write_text
    from t2t_xfer.report.compare import compare
    from t2t_xfer.report.comparison import comparison
    from t2t_xfer.report.text import render_markdown, render_terminal
    from t2t_xfer.study.results import Results

    first, second = ((str(each), Results.read(each).finished) for each in (directory, other))
    found = comparison(compare(first, second, replicates=replicates))
    path = output / f"compared_with_{other.resolve().name}.md"
    write_text(path, render_markdown(found))
    echo(render_terminal(found))
    echo(path)
