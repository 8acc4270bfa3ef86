"""Naming labels: from the hub's class names, from the values themselves, or by asking.

The rule: text names itself, true and false are yes and no; a bare number means nothing until
someone says so. Known tasks (inference, paraphrase) are recognised by their fields, and asked about
all the same where the data have numbers, because an inverted label turns every score around.

    named(shape, texts, class_names, rows)     # labels, and questions about them
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from t2t_xfer.authoring.formats import Shape, label_values
from t2t_xfer.records import Json, Row, Value

NLI = ("entailment", "neutral", "contradiction")
PARAPHRASE = ("different", "paraphrase")
SHOWN = 60
"""Characters of an example row in a question."""
_KNOWN_FIELDS: dict[frozenset[str], tuple[str, tuple[str, ...], str]] = {
    frozenset({"premise", "hypothesis"}): ("nli", NLI, "XNLI and MNLI"),
    frozenset({"sentence1", "sentence2"}): ("paraphrase", PARAPHRASE, "PAWS-X"),
    frozenset({"question1", "question2"}): ("paraphrase", PARAPHRASE, "QQP"),
}
"""Columns -> shared prompt, labels in the order of 0, 1, …, and where they stand so."""


class Named(NamedTuple):
    """The labels of a task."""

    labels: dict[str, Json]
    """Name -> `{value, word}`, only what is not the default."""
    prompt: str | None
    """A shared prompt that has words for exactly these labels."""
    why: tuple[str, ...]
    questions: tuple[str, ...]


def named(
    shape: Shape,
    texts: Sequence[str],
    class_names: Mapping[str, tuple[str, ...]],
    rows: Sequence[Row],
) -> Named:
    """The labels of a `label` shape.

    Args:
        texts: the columns of the input.
        class_names: what the hub calls the numbers of a column.
        rows: some of which questions show.
    """
    assert shape.label is not None
    values = label_values(shape.label)
    given = class_names.get(shape.label.name, ())
    whole = [v for v in values if type(v) is int or (isinstance(v, str) and v.isdecimal())]
    if given and all(type(v) is int and v < len(given) for v in values):
        words: dict[str, dict[str, Value]] = {name: {"value": i} for i, name in enumerate(given)}
        why = "The names are the hub's own names of these numbers."
        return _shared_or_own(words, texts, (why,), ())
    known = _KNOWN_FIELDS.get(frozenset(texts))
    if known is not None and [str(v) for v in whole] == [str(i) for i in range(len(known[1]))]:
        prompt, names, where = known
        labels: dict[str, Json] = {
            name: {"value": _plain(v)} for name, v in zip(names, values, strict=True)
        }
        ask = f"are the numbers as in {where}? {_shown_rows(shape, values, texts, rows)}"
        why = f"Columns and numbers are those of {where}, which `prompts/{prompt}.yaml` asks about."
        return Named(labels, prompt, (why,), (ask,))
    if whole:
        labels = {str(v): {"value": _plain(v), "word": str(v)} for v in values}
        ask = f"what do the numbers mean? {_shown_rows(shape, values, texts, rows)}"
        more = "Put names in place of the first numbers, and what a model may answer as `word`."
        return Named(labels, None, (), (ask, more) if _bare(shape) else ())
    if shape.label.kind == "truth":
        truth: dict[str, Json] = {"no": {"value": False, "word": "no"}}
        truth["yes"] = {"value": True, "word": "yes"}
        return Named(truth, None, (), ())
    return _shared_or_own({str(v): {} for v in values}, texts, (), ())


def _shared_or_own(
    labels: Mapping[str, Mapping[str, Value]],
    texts: Sequence[str],
    why: tuple[str, ...],
    questions: tuple[str, ...],
) -> Named:
    """With the words of a shared prompt where it knows these labels, else their names as words."""
    known = _KNOWN_FIELDS.get(frozenset(texts))
    if known is not None and {*labels} == {*known[1]}:
        plain: dict[str, Json] = {n: {k: _plain(v) for k, v in labels[n].items()} for n in known[1]}
        return Named(plain, known[0], why, questions)
    worded: dict[str, Json] = {
        name: {**{k: _plain(v) for k, v in each.items()}, "word": _word(name)}
        for name, each in labels.items()
    }
    return Named(worded, None, why, questions)


def _word(name: str) -> str:
    """A label's name as a model may say it: `very_negative` becomes `very negative`."""
    return " ".join(name.replace("_", " ").split()) or name


def _bare(shape: Shape) -> bool:
    """Whether the numbers are codes. Stars and ratings mean themselves."""
    return not (shape.label and shape.label.called("star", "stars", "rating", "score", "grade"))


def _shown_rows(
    shape: Shape, values: Sequence[Value], texts: Sequence[str], rows: Sequence[Row]
) -> str:
    """A row for each value, so that the question can be answered."""
    column = shape.keys["label_field"]
    shown = []
    for value in values[:6]:
        row = next((row for row in rows if row.get(str(column)) == value), {})
        text = " / ".join(str(row.get(name, "")) for name in texts)
        shown.append(f"{value!r} is {text[:SHOWN] + ('…' if len(text) > SHOWN else '')!r}")
    return "; ".join(shown) + "."


def _plain(value: Value) -> Json:
    assert value is None or isinstance(value, str | int | float | bool)
    return value
