"""The text of an input as a task or prompt writes it, and how a task chooses one.

The rule: what stands in the YAML is what Jinja gets, so the two mistakes that look right in an
editor are refused: a backslash and an n in single quotes, and white space at the end. What is not
of the part of Jinja that prompts may use (`jinja_subset`) is a mistake with a place in the file.

    prompt: {use: nli, variant: question}
    prompt: {input: "Review: {{ text }}\\nSentiment:"}
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from t2t_xfer.specs.base import Filled, Name, Spec, mistake

DEFAULT = "default"
"""The variant that every prompt has."""

_PLAIN = re.compile(r"([^{}]|\{\{ *(?!not\b)[A-Za-z][A-Za-z0-9_]* *\}\}|[{}](?![{}%#]))*")
"""Text and bare fields only: nothing that Jinja could refuse, so it need not be asked."""
MAX_SOURCE = 20_000
"""Characters of a wording. The longest shipped one has some 200."""
_OPENED = re.compile(r"\{[{%#]")
_CLOSED = {"{{": "}}", "{%": "%}", "{#": "#}"}


def _outside_jinja(text: str) -> str:
    """What of a wording is plain text. Goes over it once, however many parts are left open."""
    parts, at = [], 0
    while opened := _OPENED.search(text, at):
        parts.append(text[at : opened.start()])
        closed = text.find(_CLOSED[opened.group()], opened.end())
        if closed < 0:  # Jinja will say so
            return "".join(parts)
        at = closed + 2
    return "".join([*parts, text[at:]])


def _wording(text: str) -> str:
    if len(text) > MAX_SOURCE:  # before anything looks at it closely
        raise mistake(f"at most {MAX_SOURCE:,} characters")
    if "\\n" in _outside_jinja(text):
        raise mistake(
            "a line break, not a backslash and an n", hint='Write it in double quotes: "…\\n…".'
        )
    if text != text.rstrip():
        raise mistake("no white space at the end", hint="Start a block of text with |- .")
    if not _PLAIN.fullmatch(text):
        from t2t_xfer.specs.jinja_subset import wording_problem  # imports Jinja

        problem = wording_problem(text)
        if problem:
            raise mistake(problem)
    return text


Wording = Annotated[Filled, AfterValidator(_wording)]
"""A Jinja template of an input text."""


class PromptUse(Spec):
    """How a task words its input: a shared prompt (`use`) or a text of its own (`input`)."""

    use: Name | None = None
    """The name of a file in `prompts/`."""
    variant: Name = DEFAULT
    input: Wording | None = Field(default=None, validate_default=True)

    @field_validator("input")
    @classmethod
    def _one_of_two(cls, text: str | None, info: ValidationInfo) -> str | None:
        if "use" not in info.data:  # already a problem
            return text
        if text is None and info.data["use"] is None:
            raise mistake("this key or `use`")
        if text is not None and info.data["use"] is not None:
            raise mistake("either `use` or `input`, not both")
        if text is not None and info.data.get("variant", DEFAULT) != DEFAULT:
            raise mistake("no `variant` beside `input`: variants belong to shared prompts")
        return text
