"""The command line. `t2t-xfer --help` answers without importing torch.

Exit codes: 0 done, 1 some stages failed, 2 the user's mistake in one paragraph, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from t2t_xfer import paths, processes, terminal
from t2t_xfer.commands import (
    evaluate,
    merge,
    microworld,
    quickstart,
    report,
    score,
    setup,
    store,
    study,
    submission,
    tasks,
    train,
    translate,
)
from t2t_xfer.errors import UserError, nearest
from t2t_xfer.files import disk_problem


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="t2t_xfer")
@click.option("-v", "--verbose", is_flag=True, help="Say more about what is going on.")
@click.option(
    "--allow-outside",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="YAML files may also name data and models in this folder (docs/security.md).",
)
@click.option(
    "--allow-pickle", is_flag=True, help="Weights may be pytorch_model.bin, not only safetensors."
)
def cli(verbose: bool, allow_outside: tuple[Path, ...], allow_pickle: bool) -> None:
    """English intermediate-task training and zero-shot cross-lingual transfer, as text to text."""
    if allow_outside:
        paths.allow_outside(allow_outside)
    if allow_pickle:
        paths.allow_pickle()
    terminal.set_up_logging(logging.INFO if verbose else logging.WARNING)


for command in (
    quickstart.quickstart,
    tasks.tasks,
    setup.schema,
    train.train,
    evaluate.evaluate,
    merge.merge,
    translate.translate,
    microworld.microworld,
    study.study,
    report.report,
    score.score,
    submission.submission,
    store.store,
    setup.pin,
    setup.doctor,
):
    cli.add_command(command)


def _nearest_choice(error: click.ClickException) -> str:
    """`Did you mean 'oracle'?` for a value outside of an option's choices."""
    kind = getattr(getattr(error, "param", None), "type", None)
    found = re.match(r"'(.*?)' is not one of", error.message)
    if found is None or not isinstance(kind, click.Choice):
        return ""
    return nearest(found[1], [str(each) for each in kind.choices]).strip()


def main(arguments: list[str] | None = None) -> Any:
    """Runs the program and exits; a `UserError` is one paragraph on standard error."""
    terminal.accept_every_letter()
    try:
        code = _run(arguments)
        terminal.flush()
    except terminal.OutputError as e:
        code = 1
        with contextlib.suppress(terminal.OutputError, OSError):
            terminal.echo(
                f"t2t-xfer: the output cannot be written: {e}. What was finished is kept.", err=True
            )
    except BrokenPipeError:  # `| head` has what it wanted
        code = 1
    terminal.let_go()
    if code:
        sys.exit(code)


def _run(arguments: list[str] | None) -> Any:
    """The exit code.

    Raises:
        OutputError, BrokenPipeError: nobody takes the output.
    """
    try:
        cli.main(args=arguments, prog_name="t2t-xfer", standalone_mode=False)
    except UserError as e:
        processes.let_the_first_speak()
        terminal.echo(f"t2t-xfer: {e}", err=True)
        return e.exit_code
    except click.ClickException as e:
        shown = io.StringIO()
        e.show(shown)
        terminal.echo(shown.getvalue(), err=True, nl=False)
        if hint := _nearest_choice(e):
            terminal.echo(hint, err=True)
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        terminal.echo("t2t-xfer: interrupted. What was finished is kept.", err=True)
        return 130
    except SystemExit as e:
        return e.code
    except terminal.OutputError:
        raise
    except Exception as e:
        if isinstance(e, OSError) and _writing_out(e):  # click's own `--help`
            terminal.raise_if_gone(e)
            raise
        why = disk_problem(e)
        if why is None:
            raise
        processes.let_the_first_speak()
        terminal.echo(
            f"t2t-xfer: {why} ({e}). What was finished is kept. Make room, then run the same"
            " command again.",
            err=True,
        )
        return 2
    return 0


def _writing_out(error: OSError) -> bool:
    """Whether click itself failed to write: anything else keeps its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].name == "echo"
