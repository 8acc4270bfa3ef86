"""The options of `train` that mix raw text in: co-training by the model's own objective.

t2t-xfer train --model M --task mnli --text wiki.de.txt --text-rate 0.1
t2t-xfer train --model M --task mnli --text-language de --data microworld
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from t2t_xfer.errors import UserError

if TYPE_CHECKING:
    from t2t_xfer.specs.data import TextSpec

files = click.option(
    "--text",
    "text_files",
    multiple=True,
    metavar="FILE",
    help="Raw text to learn from beside the tasks, a document a line; {language} in the name stands"
    " for each --text-language.",
)
languages = click.option(
    "--text-language",
    "text_languages",
    multiple=True,
    metavar="CODE",
    help="Languages of the raw text; without --text, of what --data has.",
)
rate = click.option(
    "--text-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=None,
    help="Share of the examples of a step that are raw text.  [default: 0.1]",
)


def text_spec(
    files: tuple[str, ...], languages: tuple[str, ...], rate: float | None
) -> TextSpec | None:
    """The raw text that the options ask for; None if none of them is given.

    Raises:
        UserError: they do not fit together.
    """
    from pydantic import ValidationError

    from t2t_xfer.specs.data import TextSpec
    from t2t_xfer.specs.load import expected_words

    if not files and not languages:
        if rate is not None:
            raise UserError("--text-rate needs --text FILE or --text-language CODE.")
        return None
    stated: dict[str, Any] = {"languages": languages}
    if files:
        stated["files"] = files
    if rate is not None:
        stated["rate"] = rate
    try:
        return TextSpec.model_validate(stated)
    except ValidationError as e:
        options = {"files": "--text", "languages": "--text-language", "rate": "--text-rate"}
        found = e.errors(include_url=False)[0]
        option = options[str(found["loc"][0])]
        raise UserError(f"{option}: expected {expected_words(found)}.") from e
