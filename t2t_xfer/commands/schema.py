"""`t2t-xfer schema`: JSON Schema of the YAML files, for editors.

t2t-xfer schema task > tasks/task.schema.json
"""

from __future__ import annotations

import json

import click

from t2t_xfer.terminal import echo


@click.command()
@click.argument("kind", type=click.Choice(["task", "prompt", "study", "claims", "translator"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of one kind of file, so that an editor completes and checks it."""
    from t2t_xfer.specs.schema import SPECS
    from t2t_xfer.specs.schema import schema as made

    found = next(each for each in SPECS if each == kind)
    echo(json.dumps(made(found), indent=1, ensure_ascii=False, sort_keys=False))
