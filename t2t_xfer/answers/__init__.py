"""Answer formats: how a gold answer becomes text, and how what a model says becomes an answer."""

from __future__ import annotations

from collections.abc import Callable

from t2t_xfer.answers.base import AnswerFormat
from t2t_xfer.answers.choice import ChoiceFormat
from t2t_xfer.answers.label import LabelFormat
from t2t_xfer.answers.pair import PairFormat
from t2t_xfer.answers.parsing import Parsed, TextParser
from t2t_xfer.answers.span import SpanFormat
from t2t_xfer.answers.tags import TagsFormat
from t2t_xfer.specs.prompt import ResolvedPrompt
from t2t_xfer.specs.task import TaskSpec

__all__ = [
    "ANSWER_FORMATS",
    "AnswerFormat",
    "PairFormat",
    "Parsed",
    "TextParser",
    "answer_format",
]

ANSWER_FORMATS: dict[str, Callable[[TaskSpec, ResolvedPrompt], AnswerFormat]] = {
    "choice": ChoiceFormat,
    "label": LabelFormat,
    "pair": PairFormat,
    "span": SpanFormat,
    "tags": TagsFormat,
}


def answer_format(task: TaskSpec, prompt: ResolvedPrompt) -> AnswerFormat:
    """The answer format of a task under one prompt.

    Raises:
        SpecError: task and prompt do not fit the kind of answer; the message names the task.
    """
    return ANSWER_FORMATS[task.answer](task, prompt)
