"""What the columns of a data set hold, which answer format they speak of, and what is the input.

Rows decide: spans are spans because the answers stand where the data say, tags because there is one
for each word, choices because the label counts them. Names of columns only choose between columns
that would both do. Every column that holds text and is not the answer is shown once; one that only
repeats another, names the row or never changes is left out and said to be.

>>> columns([{"stars": 3, "choices": {"text": ("a", "b")}}])["choices.text"].kind
'texts'
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from t2t_xfer.answers.label import NO_GOLD
from t2t_xfer.languages import looks_english, script_of
from t2t_xfer.records import Row, Value

HIDDEN: tuple[Value, ...] = (*NO_GOLD, "-1")
"""What stands where a label is hidden, in files without types as well."""
MOST_LABELS = 50
_LABELS = ("label", "labels", "class", "category", "sentiment", "stars", "rating", "gold", "target",
           "answer", "key", "polarity", "intent", "relation", "score", "tag", "y")  # fmt: skip
_FIRST = ("premise", "context", "passage", "paragraph", "article", "ctx", "document", "text",
          "sentence1", "question1", "sentence", "title")  # fmt: skip
_IDS = ("id", "ids", "idx", "ind", "index", "guid", "uid", "url", "uri", "source", "split",
        "domain", "annotator", "lang", "language", "pairid", "promptid")  # fmt: skip
FEW = 20
"""Rows from which on a column with few different values is a category rather than a text."""
MOST = 0.9
"""Of the rows, where a column repeats another."""
Kind: TypeAlias = Literal["text", "whole", "truth", "number", "texts", "wholes", "answers", "other"]


@dataclass(frozen=True)
class DataColumn:
    """A column of some rows."""

    name: str
    kind: Kind
    values: tuple[Value, ...]
    """Those that are not null, in the order of the rows."""
    missing: int
    """Rows without a value."""

    @property
    def texts(self) -> list[str]:
        """The values of a column of texts."""
        return [value for value in self.values if isinstance(value, str)]

    @property
    def lists(self) -> list[tuple[Value, ...]]:
        """The values of a column of lists."""
        return [value for value in self.values if isinstance(value, tuple)]

    @property
    def counts(self) -> Counter[Value]:
        """How often each value stands there, of values that are no lists."""
        return Counter(value for value in self.values if not isinstance(value, tuple | Mapping))

    @property
    def items(self) -> Counter[Value]:
        """How often each item stands in the lists."""
        return Counter(item for each in self.lists for item in each if _plain(item))

    @property
    def words(self) -> float:
        """Words of a text, on average."""
        return sum(len(text.split()) for text in self.texts) / max(1, len(self.texts))

    @property
    def unique(self) -> bool:
        """Whether every row has another value."""
        return not self.missing and len(self.counts) == len(self.values)

    def called(self, *names: str) -> bool:
        """Whether a part of the column's name is one of these."""
        parts = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", self.name).casefold())
        return any(part in names for part in parts)


@dataclass(frozen=True)
class Shape:
    """What a format needs of the columns."""

    answer: str
    why: str
    keys: Mapping[str, str | tuple[str, ...]]
    """Key of the task -> column or columns."""
    label: DataColumn | None = None
    used: tuple[str, ...] = ()
    """Columns that are no text of the input."""
    left: tuple[str, ...] = ()
    """Columns that would have done as well."""
    choices: int = 0
    doubts: tuple[str, ...] = field(default=())


def columns(rows: Sequence[Row]) -> dict[str, DataColumn]:
    """The columns of some rows by name, in the order of the first row that has them."""
    found: dict[str, DataColumn] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        found |= _columns(name, values)
    return found


def _columns(name: str, values: Sequence[Value]) -> dict[str, DataColumn]:
    there = [value for value in values if value is not None]
    if there and all(isinstance(value, Mapping) for value in there) and not _answers(there):
        keys = dict.fromkeys(k for value in there if isinstance(value, Mapping) for k in value)
        found: dict[str, DataColumn] = {}
        for key in keys:
            inner = [v.get(key) if isinstance(v, Mapping) else None for v in values]
            found |= _columns(f"{name}.{key}", inner)
        return found
    return {name: DataColumn(name, _kind(there), tuple(there), len(values) - len(there))}


def _answers(values: Sequence[Value]) -> bool:
    return all(isinstance(v, Mapping) and {"text", "answer_start"} <= {*v} for v in values)


def _kind(values: Sequence[Value]) -> Kind:
    if not values:
        return "other"
    if _answers(values):
        return "answers"
    if all(isinstance(value, tuple) for value in values):
        items = [item for value in values if isinstance(value, tuple) for item in value]
        if items and all(isinstance(item, str) for item in items):
            return "texts"
        return "wholes" if items and all(type(item) is int for item in items) else "other"
    kinds = {type(value) for value in values}
    alone: dict[frozenset[type], Kind] = {
        frozenset({str}): "text",
        frozenset({int}): "whole",
        frozenset({bool}): "truth",
        frozenset({float}): "number",
        frozenset({int, float}): "number",
    }
    return alone.get(frozenset(kinds), "other")


def described(column: DataColumn) -> str:
    """For a message: `stars (whole numbers, 5 different)`."""
    what = {
        "text": "text",
        "whole": "whole numbers",
        "truth": "true or false",
        "number": "numbers",
        "texts": "lists of texts",
        "wholes": "lists of whole numbers",
        "answers": "SQuAD's answers",
        "other": "something else",
    }[column.kind]
    different = f", {len(column.counts)} different" if column.counts else ""
    return f"{column.name} ({what}{different})"


def find_shape(found: Mapping[str, DataColumn]) -> Shape | None:
    """The first format that fits; None if none does."""
    return next((shape for find in FORMATS if (shape := find(found)) is not None), None)


def _span(found: Mapping[str, DataColumn]) -> Shape | None:
    answers = next((c for c in found.values() if c.kind == "answers"), None)
    texts = [column for column in found.values() if column.kind == "text" and not column.missing]
    if answers is None or not texts:
        return None
    hits = {column.name: _hits(answers, column) for column in texts}
    context = max(texts, key=lambda column: hits[column.name])
    total = sum(1 for value in answers.values if _first(value) is not None)
    if not hits[context.name]:
        return None
    doubts = []
    if hits[context.name] < total:
        doubts.append(
            f"{total - hits[context.name]} of {total} answers do not stand in `{context.name}`"
            " where `answer_start` says: are the places counted in characters?"
        )
    return Shape(
        "span",
        f"{hits[context.name]} of {total} answers stand in `{context.name}` where the data say.",
        {"context_field": context.name, "answers_field": answers.name},
        used=(answers.name,),
        doubts=tuple(doubts),
    )


def _first(value: Value) -> tuple[str, int] | None:
    """The first accepted answer and its place."""
    if not isinstance(value, Mapping):
        return None
    texts, starts = value.get("text"), value.get("answer_start")
    if not isinstance(texts, tuple) or not isinstance(starts, tuple) or not texts or not starts:
        return None
    text, start = texts[0], starts[0]
    return (text, start) if isinstance(text, str) and type(start) is int else None


def _hits(answers: DataColumn, context: DataColumn) -> int:
    pairs = zip(answers.values, context.texts, strict=False)
    firsts = ((_first(value), text) for value, text in pairs)
    return sum(1 for first, text in firsts if first and text[first[1] :].startswith(first[0]))


def _tags(found: Mapping[str, DataColumn]) -> Shape | None:
    lists = [c for c in found.values() if c.kind in ("texts", "wholes") and not c.missing]
    words = [c for c in lists if c.kind == "texts"]
    pairs = [
        (word, tag)
        for word in words
        for tag in lists
        if tag is not word
        and _same_lengths(word, tag)
        and 1 < len(tag.items) < len(word.items) * (1 if len(word.values) > 20 else 2)
        and len(tag.items) <= len(word.items)
    ]
    if not pairs:
        return None
    word = max((w for w, _ in pairs), key=lambda w: len(w.items))
    tags = [tag for w, tag in pairs if w is word]
    tag = min(tags, key=lambda t: (not t.called("tag", "tags", "label", "labels"), len(t.items)))
    return Shape(
        "tags",
        f"`{tag.name}` has one item for each of `{word.name}` in all of {len(word.values)} rows.",
        {"words_field": word.name, "tags_field": tag.name},
        label=tag,
        used=tuple(each.name for each in lists),
        left=tuple(each.name for each in tags if each is not tag),
    )


def _same_lengths(one: DataColumn, other: DataColumn) -> bool:
    pairs = list(zip(one.lists, other.lists, strict=False))
    varied = len({len(a) for a, _ in pairs}) > 1 or len(pairs) < 3
    return varied and all(len(a) == len(b) for a, b in pairs)


def _choice(found: Mapping[str, DataColumn]) -> Shape | None:
    for names, count in _choice_columns(found):
        labels = [
            column
            for column in found.values()
            if column.name not in names and letter_values(column, count)
        ]
        if labels:
            label = min(labels, key=lambda c: (not c.called(*_LABELS), c.name))
            listed = ", ".join(f"`{name}`" for name in names)
            return Shape(
                "choice",
                f"Every row has {count} choices in {listed}, and `{label.name}` counts them.",
                {"label_field": label.name, "choices_fields": names},
                label=label,
                used=(label.name, *names, *_beside(found, names[0])),
                left=tuple(each.name for each in labels if each is not label),
                choices=count,
            )
    return None


def _beside(found: Mapping[str, DataColumn], name: str) -> list[str]:
    """The other columns inside of the same mapping (`choices.label` beside `choices.text`)."""
    outer, dot, _ = name.partition(".")
    return [each for each in found if dot and each.startswith(f"{outer}.")]


def _choice_columns(found: Mapping[str, DataColumn]) -> Sequence[tuple[tuple[str, ...], int]]:
    """Columns that may hold the choices, with the number of choices."""
    listed: list[tuple[tuple[str, ...], int]] = []
    for column in found.values():
        lengths = {len(each) for each in column.lists}
        if column.kind == "texts" and len(lengths) == 1 and 2 <= (n := lengths.pop()) <= 26:
            listed.append(((column.name,), n))
    rows: dict[str, list[str]] = {}
    for column in found.values():
        start = re.sub(r"[\W_]*([0-9]{1,2}|[A-Ea-e])$", "", column.name)
        if column.kind == "text" and start not in ("", column.name):
            rows.setdefault(start, []).append(column.name)
    numbered = [(tuple(names), len(names)) for names in rows.values() if len(names) > 2]
    # Texts of more words are choices rather than what they are called.
    listed.sort(key=lambda each: -_length(found[each[0][0]]))
    return [*listed, *numbered]


def _length(column: DataColumn) -> float:
    items = [item for each in column.lists[:100] for item in each if isinstance(item, str)]
    return sum(map(len, items)) / max(1, len(items))


def letter_values(column: DataColumn, count: int) -> list[str | int]:
    """The values for the first, second, … choice; none if the column counts no choices."""
    values = {value for value in column.counts if value not in HIDDEN}
    series: list[list[str | int]] = [
        [*range(count)],
        [*map(str, range(count))],
        [*(chr(65 + i) for i in range(count))],
        [*(chr(97 + i) for i in range(count))],
        [*range(1, count + 1)],
        [*map(str, range(1, count + 1))],
    ]
    typed = {(type(value), value) for value in values}
    fitting = [s for s in series if typed and typed <= {(type(each), each) for each in s}]
    return fitting[0] if fitting and column.kind in ("text", "whole") else []


def _label(found: Mapping[str, DataColumn]) -> Shape | None:
    rows = max((len(column.values) + column.missing for column in found.values()), default=0)
    texts = [c for c in found.values() if c.kind == "text" and (c.words > 1 or not c.counts)]
    fitting = [column for column in found.values() if _is_label(column, rows)]
    fitting = [c for c in fitting if any(text is not c for text in texts)]
    if not fitting:
        return None
    label = min(fitting, key=lambda c: (not c.called(*_LABELS), len(c.counts), c.name))
    return Shape(
        "label",
        f"`{label.name}` has {len(label_values(label))} values in {len(label.values)} rows.",
        {"label_field": label.name},
        label=label,
        used=(label.name,),
        left=tuple(each.name for each in fitting if each is not label),
    )


def label_values(column: DataColumn) -> list[Value]:
    """The values of a label, without those that hide it; numbers in order."""
    values = [value for value in column.counts if value not in HIDDEN]
    return sorted(values, key=lambda v: (isinstance(v, str), v if isinstance(v, int) else str(v)))


def _is_label(column: DataColumn, rows: int) -> bool:
    different = label_values(column)
    if column.kind not in ("text", "whole", "truth") or not 2 <= len(different) <= MOST_LABELS:
        return False
    if column.kind == "text" and max(len(str(value)) for value in different) > 40:
        return False
    if column.called("id", "idx", "index", "language", "lang", "locale", "url"):
        return False
    # In a handful of rows every column has few values: then its name must say so.
    return column.called(*_LABELS) or len(different) <= rows / (5 if rows >= 20 else 2)


def _pair(found: Mapping[str, DataColumn]) -> Shape | None:
    texts = [
        column
        for column in found.values()
        if column.kind == "text" and not column.missing and column.words >= 1
        and len(column.counts) > len(column.values) / 2
        and not column.called("id", "idx", "url", "lang", "language")
    ]  # fmt: skip
    if len(texts) != 2:
        return None
    english = [_english(column) for column in texts]
    doubts = []
    if english.count(True) != 1:
        doubts.append(
            "which column is English? The first one is that of the other language, the second the"
            " English one; the text does not tell them apart."
        )
        english = [False, True]
    names = tuple(c.name for c, _ in sorted(zip(texts, english, strict=True), key=lambda p: p[1]))
    return Shape(
        "pair",
        f"`{names[0]}` and `{names[1]}` are texts, and nothing looks like a label of theirs.",
        {"pair_fields": names},
        used=names,
        doubts=tuple(doubts),
    )


def _english(column: DataColumn) -> bool:
    if column.called("en", "eng", "english"):
        return True
    return script_of(column.texts) == "Latin" and looks_english(column.texts)


FORMATS: tuple[Callable[[Mapping[str, DataColumn]], Shape | None], ...] = (
    _span,
    _tags,
    _choice,
    _label,
    _pair,
)
"""In this order: what a row can be taken for by chance comes last."""


def _plain(value: Value) -> bool:
    return not isinstance(value, tuple | Mapping)


def text_columns(found: Mapping[str, DataColumn], shape: Shape) -> tuple[list[str], dict[str, str]]:
    """The columns of the input, and of those left out why."""
    chosen: list[DataColumn] = []
    left: dict[str, str] = {}
    for name, column in found.items():
        if name in shape.used:
            continue
        why = _why_not(column, name)
        if why:
            left[name] = why
        else:
            chosen.append(column)
    for column in [*chosen]:
        whole = next((c for c in chosen if c is not column and _repeats(column, c)), None)
        if whole is not None:
            chosen.remove(column)
            left[column.name] = f"stands in `{whole.name}` too"
    for name in shape.left:
        left.setdefault(name, "could be the answer as well")
    chosen.sort(key=lambda c: _FIRST.index(c.name) if c.name in _FIRST else len(_FIRST))
    return [column.name for column in chosen if column.name not in left], left


def _why_not(column: DataColumn, name: str) -> str:
    if column.kind != "text":
        return "no text"
    if column.missing:
        return f"null in {column.missing} rows"
    if "." in name:
        return "inside of another column"
    if column.called(*_IDS) and (column.words < 3 or column.called("url", "uri")):
        return "names a row or its origin"
    rows = len(column.values)
    if rows >= FEW and len(column.counts) == 1:
        return "always the same"
    if rows >= FEW and column.words < 3 and len(column.counts) <= rows / 5:
        return f"a category of {len(column.counts)} values rather than a text"
    if any(not text.strip() for text in column.texts):
        return "empty in some rows"
    return ""


def _repeats(column: DataColumn, whole: DataColumn) -> bool:
    pairs = list(zip(column.texts, whole.texts, strict=False))[:200]
    longer = sum(len(b) for _, b in pairs) > sum(len(a) for a, _ in pairs)
    inside = sum(a.strip().casefold() in b.casefold() for a, b in pairs)
    return longer and inside >= MOST * len(pairs)


def field_name(column: str) -> str:
    """A name that a template can use: `review-text` becomes `review_text`."""
    name = re.sub(r"\W+", "_", column).strip("_") or "text"
    return name if name.isidentifier() else f"field_{name}"


def wording(fields: Sequence[str], last: str) -> str:
    """An input with a line for each field, ending in `last`."""
    lines = [f"{name.replace('_', ' ')}: " + "{{ " + name + " }}" for name in fields]
    return "\n".join([*lines, last])


def asked_for(column: str) -> str:
    """The last word of an input: what the column of the answer is called, if that says anything."""
    name = field_name(column).replace("_", " ").casefold()
    return "label" if name in ("y", "target", "gold", "gold label", "class", "key") else name
