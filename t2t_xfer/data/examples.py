"""From rows to examples: what one task makes of the data it names.

Every row that is used is checked: the columns are there, the label is known, there is a tag for
each word and a choice for each letter, an answer stands where the data says. What is wrong is named
with its place, row and value; nothing is repaired. Left out, with a count in the log, are only rows
without a gold answer (`gold.NO_GOLD`), and sentences without words or with a word without a tag.

    read_examples(task, open_source("hub"), "de", "test", limit=100)
    broken_rows(task, source, "de", "test")     # all that is wrong, not the first alone
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from t2t_xfer.answers.label import LabelReader
from t2t_xfer.answers.span import read_answers
from t2t_xfer.answers.tags import TagReader, read_open_tag, read_words
from t2t_xfer.data.columns import look_up, read_choices, read_id, read_text
from t2t_xfer.data.formats import Unreadable
from t2t_xfer.data.places import NumberedRow, Place, choose, find_places, joint_fingerprint
from t2t_xfer.data.pools import pools_fingerprint, pools_missing, read_mined_examples
from t2t_xfer.data.sources import Source
from t2t_xfer.errors import AbsentError, DataError, UnlabelledError, nearest, quoted
from t2t_xfer.records import Example, Gold, Row, Split, Value
from t2t_xfer.specs.task import TaskSpec

__all__ = [
    "RowReader",
    "fingerprint",
    "labels_of",
    "missing_languages",
    "numbered_rows",
    "read_examples",
]

log = logging.getLogger(__name__)

NOT_LABELLED = "no gold answer"


def read_examples(
    task: TaskSpec,
    source: Source,
    language: str,
    split: Split,
    limit: int | None = None,
    *,
    allow_target_language_training: bool = False,
    tested: bool = False,
) -> list[Example]:
    """The examples of one split in one language, in file order, part after part.

    Args:
        limit: keep this many rows, the same ids in every language (`places.choose`). Rows
            without a gold answer are left out afterwards.
        allow_target_language_training: lift the zero-shot rule, for positive controls.
        tested: the rows are only scored; see `find_places`.

    Raises:
        AbsentError: the source has no such configuration or split.
        UnlabelledError: no row has a gold answer.
        DataError: a row does not hold what the task says, training data in a target language,
            or nothing is left.
    """
    if limit is not None and limit < 1:
        raise DataError(f"the limit of rows must be at least 1, not {limit}.")
    if task.mining is not None:
        return read_mined_examples(task, source, language, split, limit)
    places = find_places(
        task,
        source,
        language,
        split,
        allow_target_language_training=allow_target_language_training,
        tested=tested,
    )
    rows = choose(numbered_rows(task, places), limit, f"{task.task}/{split}")
    return RowReader(task, language, split, places).examples(rows)


def fingerprint(
    task: TaskSpec,
    source: Source,
    language: str,
    split: Split,
    *,
    allow_target_language_training: bool = False,
    tested: bool = False,
) -> str:
    """Pins the content of the data that `read_examples` would read; part of a stage's identity.

    Raises:
        AbsentError, DataError: as `read_examples`, except for what stands in the rows.
    """
    if task.mining is not None:
        return pools_fingerprint(task, source, language, split)
    allow = allow_target_language_training
    places = find_places(
        task, source, language, split, allow_target_language_training=allow, tested=tested
    )
    return joint_fingerprint(places)


def missing_languages(
    task: TaskSpec,
    source: Source,
    languages: Sequence[str],
    split: Split,
    *,
    tested: bool = False,
) -> list[str]:
    """The languages without this split, in the order given: one without one of the parts is
    without the split. Opens a file only to filter its rows.

    Raises:
        DataError: as `find_places`; a file for all languages that does not exist.
    """
    return [code for code in languages if _is_missing(task, source, code, split, tested)]


def _is_missing(task: TaskSpec, source: Source, language: str, split: Split, tested: bool) -> bool:
    if task.mining is not None:
        return pools_missing(task, source, language, split)
    try:
        places = find_places(task, source, language, split, tested=tested)
    except AbsentError:
        return True
    if not all(place.exists() for place in places):
        return True
    return any(place.part.is_filtered and next(place.rows(), None) is None for place in places)


def numbered_rows(task: TaskSpec, places: Sequence[Place]) -> Iterator[NumberedRow]:
    """Rows with number and id. The number is the id where the task names no `id_field`.

    Raises:
        DataError: a place has no row, or an id is wrong.
    """
    for which, place in enumerate(places):
        seen: dict[str, int] = {}
        number = -1
        for number, (line, row) in enumerate(place.located_rows()):
            try:
                id = _read_id(task, row, number, seen, f"{place}, row {number}")
            except DataError as e:
                raise DataError(f"{e}{place.line(line)}") from e
            yield NumberedRow(number, place.prefix + id, row, which, line)
        if number < 0:
            raise place.is_empty()


def _read_id(task: TaskSpec, row: Row, number: int, seen: dict[str, int], where: str) -> str:
    """The id of a row; `seen` remembers in which row each stands."""
    if task.id_field is None:
        return str(number)
    id = read_id(row, task.id_field, "`id_field`", where)
    first = seen.setdefault(str(id), number)
    if first != number:
        raise DataError(f"{where}: the id {quoted(id)} already stands in row {first}.")
    return str(id)


class RowReader:
    """Turns the rows of a task's places into its examples."""

    def __init__(
        self, task: TaskSpec, language: str, split: Split, places: Sequence[Place]
    ) -> None:
        self._task, self._language, self._split, self._places = task, language, split, places
        self._labels = [labels_of(task, place) for place in places]
        self._tags = TagReader(
            task.tags, open_set=task.tags_from is not None, scheme=task.tag_scheme
        )
        self._left_out: Counter[tuple[int, str]] = Counter()
        for field, key in (("words", "words_field"), ("choices", "choices_fields")):
            given = getattr(task, key) or ()
            columns = (given,) if isinstance(given, str) else given
            if columns and task.fields.get(field, columns[0]) not in columns:
                raise DataError(
                    f"task {task.task!r}: the field {field!r} must be the column {columns[0]!r}, "
                    f"which `{key}` names, not {task.fields[field]!r}."
                )

    def examples(self, rows: Iterable[NumberedRow]) -> list[Example]:
        """The examples of all rows. Raises `DataError` at the first that is wrong."""
        found: list[Example] = []
        read: Counter[int] = Counter()
        for row in rows:
            read[row.place] += 1
            try:
                example = self.example(row)
            except DataError as e:
                raise DataError(f"{e}{self._places[row.place].line(row.line)}") from e
            if example is not None:
                found.append(example)
        self._log(read)
        self._tags.check_scheme(", ".join(map(str, self._places)))
        if not found:
            at = ", ".join(map(str, self._places))
            why = list(dict.fromkeys(reason for _, reason in self._left_out))
            kind = UnlabelledError if why == [NOT_LABELLED] else DataError
            raise kind(f"{at}: none of the {read.total()} rows can be used: {' and '.join(why)}.")
        return found

    def _log(self, read: Mapping[int, int]) -> None:
        """What was left out of each place, of how many rows."""
        level = logging.INFO if self._split == "train" else logging.WARNING
        for (which, reason), count in self._left_out.items():
            place = self._places[which]
            log.log(level, "%d of %d rows left out of %s: %s", count, read[which], place, reason)
        if self._tags.num_opened and self._task.tag_scheme == "bio":
            log.log(
                level,
                "%s: %d of %d spans begin with an `I-…` that goes on with nothing; read as `B-…`",
                ", ".join(map(str, self._places)),
                self._tags.num_opened,
                self._tags.num_spans,
            )
        if self._tags.unknown:
            named = sorted(self._tags.unknown)
            log.log(
                level,
                "%s: %d words have one of %d tags that stand nowhere in the training split (%s); no"
                " model can predict them, so these words count as wrong",
                ", ".join(map(str, self._places)),
                self._tags.unknown.total(),
                len(named),
                ", ".join(named[:3]) + (", …" if len(named) > 3 else ""),
            )

    def example(self, numbered: NumberedRow) -> Example | None:
        """The example of a row; None, and counted, if it is left out. Raises `DataError`."""
        where = f"{self._places[numbered.place]}, row {numbered.number}"
        fields = self._fields(numbered.row, where)
        gold = self._gold(numbered, fields, where)
        if gold is None:
            return None
        legal = self._tags.made_legal(gold) if self._task.answer == "tags" else gold
        return Example(
            *(numbered.id, self._task.task, self._language, self._split, fields, legal),
            converted=self._task.tag_scheme == "bio" and legal != gold,
        )

    def _gold(self, numbered: NumberedRow, fields: dict[str, Value], where: str) -> Gold | None:
        """The gold answer; puts what the answer is made of into `fields`."""
        task, row = self._task, numbered.row
        if task.answer == "tags":
            return self._tagged(numbered, fields, where)
        if task.answer == "pair":
            for name, field in zip(("target", "source"), task.pair_fields, strict=True):
                value = look_up(row, field, "`pair_fields`", where)
                # The hub's Tatoeba keeps the line break of the file that it was made from.
                fields[name] = read_text(value, f"{where}, column {field!r}").rstrip("\r\n")
            return numbered.id
        if task.answer == "span":
            return self._answers(row, where)
        if task.answer == "choice":
            count = len(task.labels)
            fields["choices"] = read_choices(row, task.choices_fields, count, where)
        return self._labelled(numbered, where)

    def _fields(self, row: Row, where: str) -> dict[str, Value]:
        fields = {
            name: look_up(row, name_here, f"field {name!r}", where)
            for name, name_here in self._task.fields.items()
        }
        empty = [name for name, value in fields.items() if value is None]
        if empty:
            raise DataError(
                f"{where}, column {self._task.fields[empty[0]]!r}: null, but the task's field "
                f"{empty[0]!r} needs a value."
            )
        return fields or {name: v for name, v in row.items() if type(v) is not Unreadable}

    def _labelled(self, numbered: NumberedRow, where: str) -> Gold | None:
        name = self._task.label_field
        assert name is not None
        value = look_up(numbered.row, name, "`label_field`", where)
        gold = self._labels[numbered.place].read(value, f"{where}, column {name!r}")
        if gold is None:
            self._left_out[numbered.place, NOT_LABELLED] += 1
        return gold

    def _answers(self, row: Row, where: str) -> Gold:
        task = self._task
        context = look_up(row, task.context_field or "", "`context_field`", where)
        answers = look_up(row, task.answers_field or "", "`answers_field`", where)
        place = f"{where}, column {task.answers_field!r}"
        return read_answers(answers, context, place, task.unanswerable)

    def _tagged(self, numbered: NumberedRow, fields: dict[str, Value], where: str) -> Gold | None:
        """The tags of a row; puts its words into `fields`."""
        task, row = self._task, numbered.row
        assert task.words_field is not None
        assert task.tags_field is not None
        value = look_up(row, task.words_field, "`words_field`", where)
        words = read_words(value, f"{where}, column {task.words_field!r}")
        tags = look_up(row, task.tags_field, "`tags_field`", where)
        gold = self._tags.read(tags, len(words), f"{where}, column {task.tags_field!r}")
        fields["words"] = words
        if not gold:
            reason = "a word without a tag" if words else "no words"
            self._left_out[numbered.place, reason] += 1
        return gold or None


def labels_of(task: TaskSpec, place: Place) -> LabelReader:
    """Reads the labels of one place, under the values that its part gives them."""
    own = place.part.labels
    labels = {
        name: label.model_copy(update={"value": own[name]}) if name in own else label
        for name, label in task.labels.items()
    }
    return LabelReader(labels, place.text_only)


def with_inventory(task: TaskSpec, source: Source) -> TaskSpec:
    """The task with its tags; the task as it is if it lists them itself.

    Raises:
        AbsentError: there is no training split.
        DataError: a tag is no text, there are fewer than two, or the default is none of them.
    """
    if task.tags_from is None:
        return task
    tags = tuple(sorted(_tags(task, source)))
    if len(tags) < 2:
        raise DataError(
            f"task {task.task!r}: its training split has {len(tags)} tags; expected at least two."
        )
    if task.default_tag is not None and task.default_tag not in tags:
        raise DataError(
            f"task {task.task!r}: the default tag {task.default_tag!r} stands nowhere in the"
            f" training split.{nearest(task.default_tag, tags)}"
        )
    return task.model_copy(update={"tags": tags})


def _tags(task: TaskSpec, source: Source) -> set[str]:
    column = task.tags_field or ""
    found: set[str] = set()
    for place in find_places(task, source, task.source_language, task.tags_from or "train"):
        for number, row in enumerate(place.rows()):
            where = f"{place}, row {number}"
            value = look_up(row, column, "`tags_field`", where)
            where = f"{where}, column {column!r}"
            if not isinstance(value, tuple):
                raise DataError(f"{where}: expected a list, found {quoted(value)}.")
            found.update(read_open_tag(tag, i, where) for i, tag in enumerate(value))
    return found


def broken_rows(task: TaskSpec, source: Source, language: str, split: Split) -> list[str]:
    """What is wrong, a sentence for each row, in the order of the rows.

    Empty where the place itself is the problem, or the rows are pools to mine (BUCC). A file that
    cannot be read on ends the list.
    """
    if task.mining is not None:
        return []
    found: list[str] = []
    try:
        places = find_places(task, source, language, split, allow_target_language_training=True)
        reader = RowReader(task, language, split, places)
        for which, place in enumerate(places):
            seen: dict[str, int] = {}
            for number, row in enumerate(place.rows()):
                try:
                    _read_id(task, row, number, seen, f"{place}, row {number}")
                    reader.example(NumberedRow(number, str(number), row, which))
                except DataError as e:
                    found.append(str(e))
    except DataError as e:
        found.append(str(e))
    return found
