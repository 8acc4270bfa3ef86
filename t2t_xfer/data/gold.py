"""What a task reads of a row: columns, choices, words, and the gold answer.

Types count: the labels `0`, `"0"` and `false` are three different values. Only csv and tsv, which
hold nothing but text, are compared as text.

    LabelReader(task.labels, text_only=False).read(0, "xnli/en/test, row 0")        # 'entailment'

`NO_GOLD` says what data sets write where annotators did not agree (-1 and "-" in SNLI) or where
the answer is hidden. A task whose labels hold such a value keeps it as an answer. Any other
unknown value is an error.

Choices are one list (`endings`), a list inside a column (`choices.text`), or a column each
(`answer0`, `answer1`, …). There are as many of them as the task has letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from t2t_xfer.answers.parsing import canonical
from t2t_xfer.data.formats import Unreadable
from t2t_xfer.data.places import as_text
from t2t_xfer.errors import DataError, nearest, quoted
from t2t_xfer.records import Answer, Gold, Row, Value
from t2t_xfer.specs.tag_scheme import made_legal, num_illegal
from t2t_xfer.specs.task import LabelSpec


def read_choices(row: Row, columns: tuple[str, ...], count: int, where: str) -> tuple[str, ...]:
    """The texts of the choices, exactly as the data has them.

    Raises:
        DataError: a column is missing, a choice is not text or blank, or there are not `count`.
    """
    if len(columns) == 1:
        value = look_up(row, columns[0], "`choices_fields`", where)
        if not isinstance(value, tuple):
            raise DataError(
                f"{where}, column {columns[0]!r}: expected a list of choices, found"
                f" {quoted(value)}."
            )
        values = value
    else:
        values = tuple(look_up(row, name, "`choices_fields`", where) for name in columns)
    if len(values) != count:
        raise DataError(
            f"{where}: {len(values)} choices in {', '.join(columns)}, but the task's `labels` name"
            f" {count}."
        )
    return tuple(
        read_text(choice, f"{where}, choice {number}") for number, choice in enumerate(values)
    )


def read_id(row: Row, column: str, role: str, where: str) -> str | int:
    """An id: a text that is not empty, or a whole number.

    Raises:
        DataError: there is no such column, or something else in it.
    """
    id = look_up(row, column, role, where)
    if isinstance(id, bool) or not isinstance(id, str | int) or id == "":
        raise DataError(f"{where}, column {column!r}: {quoted(id)} cannot be an id.")
    return id


def read_text(value: Value, where: str) -> str:
    """A text that is not blank.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(value, str) or not value or value.isspace():
        raise DataError(f"{where}: found {quoted(value)}, expected text that is not blank.")
    return value


def look_up(row: Row, name: str, role: str, where: str) -> Value:
    """The value of a column, or with a dot inside of one: `choices.text`.

    Raises:
        DataError: there is no such column; names those that are there.
    """
    value: Value = row
    for part in (name,) if name in row else name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            there = list(value) if isinstance(value, Mapping) else []
            hint = nearest(part, there)
            has = f" It has: {', '.join(there)}." if there else " It holds nothing by name."
            raise DataError(f"{where}: no column {name!r} ({role}).{hint}{has}")
        value = value[part]
    if type(value) is Unreadable:
        raise DataError(
            f"{where}, column {name!r} ({role}): {value}, which is no UTF-8 text. Decode the column"
            " when the file is written."
        )
    return value


NO_GOLD: tuple[Value, ...] = (-1, "", "-", None)
"""Raw values that mean: this row has no answer."""

NO_TAG = "_"
"""What Universal Dependencies writes where a word has no tag. A sentence with such a word is left
out: neither a model nor a metric could make anything of it."""


MANY_OPENED = 0.1
"""Share of a split's spans that may not begin with `I-X` under BIO. PAN-X has up to 0.053
(Japanese), and none in most languages; IOB1 has nearly 1."""
LEAST_OPENED = 3
"""Fewer such spans are a slip in a small set."""


class LabelReader:
    """Finds the label that a raw value stands for."""

    def __init__(self, labels: Mapping[str, LabelSpec], text_only: bool) -> None:
        self._text_only = text_only
        self._labels = labels
        self._names: dict[object, str] = {}
        for name, label in labels.items():
            self._add(name, label.value)
        self._no_gold = frozenset(map(self._key, NO_GOLD)) - self._names.keys()

    def read(self, value: Value, where: str) -> str | None:
        """The label's name; None if the row has no answer.

        Raises:
            DataError: the value is no label and not in `NO_GOLD`.
        """
        key = self._key(value)
        if key in self._no_gold:
            return None
        if key not in self._names:
            hint = nearest(value, self._texts) if isinstance(value, str) else ""
            raise DataError(
                f"{where}: {quoted(value)} is no label.{hint} Expected {self._expected()}."
                f"{self._of_another_type(value)}"
            )
        return self._names[key]

    @property
    def _texts(self) -> list[str]:
        return [each.value for each in self._labels.values() if isinstance(each.value, str)]

    def _add(self, name: str, value: Value) -> None:
        for key in self._keys_of_label(value):
            other = self._names.setdefault(key, name)
            if other != name:
                raise DataError(
                    f"the labels {other!r} and {name!r} have values that this data cannot tell "
                    f"apart ({quoted(value)})."
                )

    def _keys_of_label(self, value: Value) -> list[object]:
        if self._text_only and isinstance(value, bool):
            text = as_text(value)
            return [text, text.capitalize(), text.upper()]  # JSON's, Python's, a spreadsheet's
        return [self._key(value)]

    def _key(self, value: Value) -> object:
        """What two equal values share. `0 == False` in Python, hence the type."""
        if isinstance(value, tuple | Mapping):
            return ("not a label", repr(value))
        return as_text(value) if self._text_only else (type(value), value)

    def _of_another_type(self, value: Value) -> str:
        """What is said of a value that only its type keeps from being a label."""
        for label in self._labels.values():
            if _alike(value) == _alike(label.value):
                return (
                    f" The data has {_kind(value)} {quoted(value)} where the task's `value` is"
                    f" {_kind(label.value)} {label.value!r}: write both alike."
                )
        return ""

    def _expected(self) -> str:
        values = ", ".join(repr(label.value) for label in self._labels.values())
        return f"one of {values}" + ("" if self._text_only else " (types count)")


def _alike(value: Value) -> str:
    """What two values of different types look like in common: `1` of 1.0, "1" and "1.0"."""
    text = as_text(value).strip().casefold()
    return text[:-2] if re.fullmatch(r"-?\d+\.0", text) else text


def _kind(value: Value) -> str:
    kinds = {str: "the text", bool: "the truth value", int: "the whole number"}
    return kinds.get(type(value), "the decimal number")


class TagReader:
    """Finds the tags that a row's tag column stands for.

    Args:
        tags: the task's tags.
        open_set: the tags are those of the training split, so that others may occur in the rest.
            They stay as they are: gold that no model can predict.
        scheme: see `TaskSpec.tag_scheme`. The tags that are read are BIO then, whatever stands in
            the data: what is trained and what is scored are made of the same gold.
    """

    def __init__(
        self, tags: tuple[str, ...], *, open_set: bool = False, scheme: str | None = None
    ) -> None:
        self._tags, self._open, self._scheme = tags, open_set, scheme
        self.num_spans = self.num_opened = 0
        """Under a scheme: spans, and how many of them begin with `I-X`."""
        self._known = frozenset(tags)
        self.unknown: Counter[str] = Counter()
        """How many words had each tag that is not in `tags` (`open_set`)."""

    def read(self, value: Value, num_words: int, where: str) -> tuple[str, ...]:
        """One tag a word, from names or from indices into the task's `tags`; none if a word has
        no tag (`NO_TAG`).

        Raises:
            DataError: not a list, not as long as the words, or an unknown tag.
        """
        if not isinstance(value, tuple):
            raise DataError(f"{where}: expected a list of tags, found {quoted(value)}.")
        if len(value) != num_words:
            raise DataError(f"{where}: {len(value)} tags for {num_words} words.")
        if NO_TAG in value and NO_TAG not in self._known:
            return ()
        return tuple([self._tag(tag, position, where) for position, tag in enumerate(value)])

    def made_legal(self, gold: Gold) -> tuple[str, ...]:
        """The tags as BIO, counted; as they are without a scheme."""
        tags = tuple(map(str, gold))
        if self._scheme is None:
            return tags
        legal = made_legal(tags)
        self.num_spans += sum(tag.startswith("B-") for tag in legal)
        self.num_opened += num_illegal(tags)
        return legal

    def check_scheme(self, where: str) -> None:
        """Refuses tags that are not what the task says they are.

        Raises:
            DataError: many of the spans that `made_legal` has seen do not begin with `B-X`.
        """
        many = max(LEAST_OPENED, MANY_OPENED * self.num_spans)
        if self._scheme != "bio" or self.num_opened < many:
            return
        raise DataError(
            f"{where}: {self.num_opened:,} of {self.num_spans:,} spans begin with an `I-…` that"
            " goes on with nothing, which is not `tag_scheme: bio`. Is it IOB1, as in the original"
            " CoNLL files? Then write `tag_scheme: iob1`, and it is read as BIO. Or do the data's"
            " numbers stand for the tags in another order than `tags` has them"
            f" ({', '.join(self._tags)})?"
        )

    def _tag(self, tag: Value, position: int, where: str) -> str:
        if isinstance(tag, str) and tag in self._known:
            return tag
        if self._open:
            return self._unknown(tag, position, where)
        if type(tag) is int and 0 <= tag < len(self._tags):
            return self._tags[tag]
        hint = nearest(tag, self._tags) if isinstance(tag, str) else ""
        raise DataError(
            f"{where}: {quoted(tag)} (word {position}) is no tag of this task.{hint} Expected"
            " a name of "
            f"{', '.join(self._tags)}, or an index from 0 to {len(self._tags) - 1}."
        )

    def _unknown(self, tag: Value, position: int, where: str) -> str:
        text = read_open_tag(tag, position, where)
        self.unknown[text] += 1
        return text


def read_open_tag(tag: Value, position: int, where: str) -> str:
    """A tag of a task that takes its tags from its data.

    Raises:
        DataError: it is no text, or has white space.
    """
    if isinstance(tag, str) and len(tag.split()) == 1:
        return tag
    raise DataError(
        f"{where}: {quoted(tag)} (word {position}) is no tag. Where the tags come from the data"
        " (`tags_from`), each is a text without white space."
    )


def read_words(value: Value, where: str) -> tuple[str, ...]:
    """The words of a tagging example, exactly as the data has them; inner spaces stay.

    Raises:
        DataError: not a list of texts, or a blank word. No token could carry its tag. A lone
            zero-width character, as PAN-X has for Chinese and Tamil, is not blank.
    """
    if not isinstance(value, tuple):
        raise DataError(f"{where}: expected a list of words, found {quoted(value)}.")
    words: list[str] = []
    for position, word in enumerate(value):
        if not isinstance(word, str) or not word or word.isspace():
            raise DataError(
                f"{where}: word {position} is {quoted(word)}; expected text that is not blank."
            )
        words.append(word)
    return tuple(words)


def read_answers(
    value: Value, context: Value, where: str, unanswerable: str | None = None
) -> tuple[Answer, ...]:
    """The accepted answers of a question, in SQuAD's form, each checked against the context.

    Args:
        unanswerable: the target text of a question without any. None: there are no such questions.

    Raises:
        DataError: another form, a blank answer, one that does not stand where the data says or
            that reads like `unanswerable`, or none at all although there are no such questions.
    """
    if not isinstance(context, str) or not context.strip():
        raise DataError(
            f"{where}: the context is {quoted(context)}; expected text that is not blank."
        )
    columns = value if isinstance(value, Mapping) else {}
    texts, starts = columns.get("text"), columns.get("answer_start")
    if not isinstance(texts, tuple) or not isinstance(starts, tuple) or len(texts) != len(starts):
        raise DataError(
            f"{where}: expected {{text: [...], answer_start: [...]}} of equal length, found"
            f" {quoted(value)}."
        )
    if not texts and unanswerable is None:
        raise DataError(
            f"{where}: no accepted answer. If some questions cannot be answered, say in the task's"
            " YAML what a model should answer then (`unanswerable: unanswerable`); else leave this"
            " one out of the data."
        )
    answers = tuple(
        _answer(text, start, context, where) for text, start in zip(texts, starts, strict=True)
    )
    for answer in answers:
        if unanswerable is not None and canonical(answer.text) == canonical(unanswerable):
            raise DataError(
                f"{where}: the accepted answer {quoted(answer.text)} is what the task's"
                " `unanswerable`"
                " says of questions without one. Choose another text there."
            )
    return answers


def _answer(text: Value, start: Value, context: str, where: str) -> Answer:
    if not isinstance(text, str) or not text.strip() or type(start) is not int or start < 0:
        raise DataError(f"{where}: {quoted(text)} at {quoted(start)} is no answer with a place.")
    there = context[start : start + len(text)]
    if there != text:
        raise DataError(
            f"{where}: the answer {quoted(text)} should stand at character {start} of the"
            " context, but"
            f" there stands {quoted(there)}."
        )
    return Answer(text, start)
