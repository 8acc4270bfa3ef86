"""The text of an input as a task or prompt writes it, and how a task chooses one.

The rule: what stands in the YAML is what Jinja gets, so the two mistakes that look right in an
editor are refused: a backslash and an n in single quotes, and white space at the end. What Jinja
could not compile, or the sandbox not bound (`sandbox`), is a mistake with a place in the file.

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

MARK = "\U000f0000"
"""A private-use character around placeholders while a prompt is rendered (`prompts.template`).
Wordings and data that hold it are refused."""

_PLAIN = re.compile(r"([^{}]|\{\{ *(?!not\b)[A-Za-z][A-Za-z0-9_]* *\}\}|[{}](?![{}%#]))*")
"""Text and bare fields only: nothing that Jinja could refuse, so it need not be asked."""
MAX_PLAIN = 5_000
"""Characters of a text that is plain enough not to be looked at more closely."""
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def _wording(text: str) -> str:
    if "\\n" in _JINJA.sub("", text):
        raise mistake(
            "a line break, not a backslash and an n", hint='Write it in double quotes: "…\\n…".'
        )
    if text != text.rstrip():
        raise mistake("no white space at the end", hint="Start a block of text with |- .")
    if MARK in text:
        raise mistake("no private-use character U+F0000, which the renderer keeps for itself")
    if not _PLAIN.fullmatch(text) or len(text) > MAX_PLAIN:
        from t2t_xfer.specs.sandbox import wording_problem  # imports Jinja

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
