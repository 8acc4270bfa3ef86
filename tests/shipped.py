"""Every shipped task in every wording of its prompt, with made-up examples in hard scripts.

What is here is made over the catalogue: a YAML file that is added is covered without a line of
Python. Texts come from pieces that break careless code: right to left, no spaces, combining marks,
joiners, a word with a space inside, what looks like Jinja, what normalisers drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from t2t_xfer.answers import AnswerFormat, answer_format
from t2t_xfer.answers.parsing import canonical
from t2t_xfer.prompts import Template
from t2t_xfer.records import Answer, Example, Gold, Value
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.prompt import PromptSpec
from t2t_xfer.specs.task import TaskSpec

SHIPPED = Catalogue([shipped_root()])
INVENTORY = ("N", "NP", "S\\NP", "(S\\NP)/NP", "S[dcl]/S", ",", ".", ":", "conj")
"""Tags for a task that takes them from its data. CCG has these."""
FIELDS = frozenset({"choices", "choice", "letters", "words", "source", "target"})
"""Template fields that answer formats give beside the task's own."""

TEXTS = {
    "en": "The dog's bowl is red, isn't it?",
    "ar": "أكلت القطّة السمكة في الحديقة.",
    "he": "הכלב ישן ליד הבית.",
    "zh": "狗在花园里睡觉。",
    "th": "แมวกินปลา",
    "hi": "बिल्ली मछली खाती है।",
    "vi": "Con mèo ăn cá ở trong vườn.",
    "fr": "E\u0301te\u0301 10\u00a0000 \u00ab\u00a0ok\u00a0\u00bb !",
}
WORDS = ("10 000", "القطّة", "猫が", "e\u0301te\u0301", "x\u200cy", "นอน", "'s", ".")
PIECES = (
    *("dog", "The", "isn't", "ß", "İstanbul", "naïve", "10 000", "3.5", "'s", "«", "»", "!", "…"),
    *("القطّة", "في", "؟", "\u200fא", "הכלב", "שָׁלוֹם", "می\u200cروم", "ﷺ"),
    *("猫が", "在花园里", "𠀋", "。", "ｆｕｌｌ", "한국어", "\u1112\u1161\u11ab"),
    *("แมวกินปลา", "น้ำ", "है।", "क्ष", "क\u094d\u200dष", "தமிழ்", "ქართული", "ਪੰਜਾਬੀ"),
    *("e\u0301te\u0301", "a\u0328\u0301", "👩‍👩‍👧", "🇩🇪", "\ufeff", "\u200b", "\u2028", "\t", "\n"),
    *(
        "{{ x }}",
        "{% if %}",
        "{#",
        "\\n",
        "<extra_id_0>",
        "</s>",
        "<mask>",
        "&amp;",
        "0:",
        "1:NOUN",
    ),
)

Wordings = list[tuple[str, str]]


def wordings() -> Wordings:
    """Task and variant, for every variant of a task's prompt that names only what the task has.

    A task with a wording of its own has that one alone.
    """
    found: Wordings = []
    for name in SHIPPED.task_names():
        task = SHIPPED.task(name)
        if task.prompt.use is None:
            found.append((name, task.prompt.variant))
            continue
        path = shipped_root() / "prompts" / f"{task.prompt.use}.yaml"
        for variant, wording in load_yaml(path, PromptSpec).variants.items():
            names = Template(wording.input).names
            if names <= {*task.fields, *FIELDS} and set(task.shortenable) - {"choice"} <= names:
                found.append((name, variant))
    return found


def worded(name: str, variant: str) -> tuple[TaskSpec, AnswerFormat]:
    """The task in this wording, with its answer format."""
    task = SHIPPED.task(name)
    if task.answer == "tags" and not task.tags:
        task = task.model_copy(update={"tags": INVENTORY})
    use = task.prompt.model_copy(update={"variant": variant})
    form = next((each for each in ("cloze", "separate") if variant.startswith(each)), "letters")
    # Choices that are the answer itself do not stand in the input, so they cannot be shortened.
    shown = {"letters": ("choices",), "cloze": (), "separate": ("choice",)}[form]
    kept = tuple(
        each for field in task.shortenable for each in (shown if field == "choice" else (field,))
    )
    task = task.model_copy(update={"prompt": use, "form": form, "shortenable": kept})
    return task, answer_format(task, SHIPPED.prompt_of(task))


def examples(task: TaskSpec) -> list[Example]:
    """One example in each of the languages above."""
    out = []
    for i, (language, text) in enumerate(TEXTS.items()):
        fields: dict[str, Value] = dict.fromkeys(task.fields, text)
        gold: Gold
        if task.answer == "tags":
            fields["words"] = WORDS
            gold = legal(task, [(i + k) % len(task.tags) for k in range(len(WORDS))])
        elif task.answer == "span":
            start = len(text) // 3
            piece = text[start : start + 5].strip()
            gold = (Answer(piece, text.index(piece)),)
            # Every other question of a task that has such questions cannot be answered.
            gold = () if unanswerable(task) and i % 2 else gold
        elif task.answer == "pair":
            fields = {"source": "A sentence.", "target": text}
            gold = str(i)
        else:
            if task.answer == "choice":
                fields["choices"] = tuple(f"{text} {k}" for k in range(len(task.labels)))
            gold = list(task.labels)[i % len(task.labels)]
        out.append(Example(str(i), task.task, language, "train", fields, gold))
    return out


def unanswerable(task: TaskSpec) -> str:
    """What the task answers where there is no answer; empty if there always is one."""
    return getattr(task, "unanswerable", None) or ""


def legal(task: TaskSpec, indices: Sequence[int]) -> tuple[str, ...]:
    """Tags by index; under a legal reading an `I-X` that goes on with nothing becomes `B-X`."""
    tags: list[str] = []
    for index in indices:
        tag = task.tags[index]
        goes_on = bool(tags) and tags[-1] in (tag, f"B{tag[1:]}")
        alone = (
            getattr(task, "tag_reading", None) == "legal" and tag.startswith("I-") and not goes_on
        )
        tags.append(f"B{tag[1:]}" if alone else tag)
    return tuple(tags)


def texts(most: int = 8) -> st.SearchStrategy[str]:
    """Texts that are not blank, of pieces with and without spaces between."""
    pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=most)
    joined = st.tuples(pieces, st.sampled_from(("", " "))).map(
        lambda drawn: drawn[1].join(drawn[0])
    )
    return joined.filter(lambda text: bool(text.strip()))


@st.composite
def drawn_examples(draw: Any, task: TaskSpec) -> Example:
    """An example of the task with texts and a gold answer by chance."""
    language = draw(st.sampled_from(sorted(TEXTS)))
    fields: dict[str, Value] = {name: draw(texts()) for name in task.fields}
    gold: Gold
    if task.answer == "tags":
        words = tuple(draw(st.lists(texts(2), min_size=1, max_size=6)))
        fields["words"] = words
        index = st.integers(0, len(task.tags) - 1)
        gold = legal(task, draw(st.lists(index, min_size=len(words), max_size=len(words))))
    elif task.answer == "span":
        gold = draw(_answers(str(fields[context_name(task)]), bool(unanswerable(task))))
    elif task.answer == "pair":
        fields = {"source": draw(texts()), "target": draw(texts())}
        gold = "7"
    else:
        if task.answer == "choice":
            fields["choices"] = tuple(draw(_choices(len(task.labels))))
        gold = draw(st.sampled_from(list(task.labels)))
    return Example("7", task.task, language, "test", fields, gold)


def context_name(task: TaskSpec) -> str:
    """The template's name of the column that answers are copied from."""
    return next(name for name, column in task.fields.items() if column == task.context_field)


@st.composite
def _answers(draw: Any, context: str, may_lack: bool) -> tuple[Answer, ...]:
    if may_lack and draw(st.booleans()):
        return ()
    start = draw(st.integers(0, len(context) - 1).filter(lambda i: bool(context[i:].strip())))
    ends = [end for end in range(start + 1, len(context) + 1) if context[start:end].strip()]
    end = draw(st.sampled_from(ends))
    return (Answer(context[start:end], start),)


def _choices(count: int) -> st.SearchStrategy[list[str]]:
    """Texts that can be told apart, as those that are the answer itself must be (`cloze`)."""
    readable = texts(4).filter(lambda text: bool(canonical(text)))
    return st.lists(readable, min_size=count, max_size=count, unique_by=canonical)
