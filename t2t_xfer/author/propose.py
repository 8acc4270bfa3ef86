"""From what was found to a task file: every key with its reason, every doubt as a question.

Text names itself, true and false are yes and no; a bare number means nothing until someone says so.
Known tasks (inference, paraphrase) are recognised by their fields, and asked about all the same
where the data have numbers, because an inverted label turns every score around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from t2t_xfer.author.dataset import DataSet, parts_of
from t2t_xfer.author.draft import Draft
from t2t_xfer.author.shape import (
    DataColumn,
    Shape,
    asked_for,
    columns,
    described,
    field_name,
    find_shape,
    label_values,
    letter_values,
    text_columns,
    wording,
)
from t2t_xfer.errors import UserError
from t2t_xfer.languages import language_of, script_of, written_in
from t2t_xfer.records import Json, Row, Value
from t2t_xfer.specs.tag_scheme import bio_mistake, made_legal, num_illegal

NLI = ("entailment", "neutral", "contradiction")
PARAPHRASE = ("different", "paraphrase")
_KNOWN_FIELDS: dict[frozenset[str], tuple[str, tuple[str, ...], str]] = {
    frozenset({"premise", "hypothesis"}): ("nli", NLI, "XNLI and MNLI"),
    frozenset({"sentence1", "sentence2"}): ("paraphrase", PARAPHRASE, "PAWS-X"),
    frozenset({"question1", "question2"}): ("paraphrase", PARAPHRASE, "QQP"),
}
"""Columns -> shared prompt, labels in the order of 0, 1, …, and where they stand so."""
SHOWN = 60
"""Characters of an example row in a question."""
MOST_TAGS = 60
"""More tags than these are taken from the data (`tags_from`)."""
UPOS = (
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
    *("PUNCT", "SCONJ", "SYM", "VERB", "X"),
)
"""The parts of speech that `prompts/pos.yaml` asks for."""


def propose(found: DataSet, name: str) -> Draft:
    """The draft of a task."""
    seen = columns(found.seen)
    shape = find_shape(seen)
    if shape is None:
        raise UserError(_nothing(found, seen))
    draft = Draft(name)
    draft.add("task", name)
    draft.add("answer", shape.answer, shape.why)
    draft.ask("answer", *shape.doubts)
    if shape.left:
        listed = ", ".join(f"`{name}`" for name in shape.left)
        chosen = "" if shape.label is None else shape.label.name
        draft.ask("answer", f"is `{chosen}` what a model should answer? It could also be {listed}.")
    draft.add("data", found.data)
    draft.findings += found.findings
    _languages(draft, found, shape)
    _fields(draft, shape, seen, found)
    _BY_ANSWER[shape.answer](draft, shape, seen, found)
    if shape.answer in ("label", "choice", "span") and _parallel(found, shape, draft):
        draft.add("parallel", True, "Row by row, the languages have the same examples.")
    draft.ask("note", "what must a reader of the numbers know of these data? Add a key `note`.")
    return draft


def _nothing(found: DataSet, seen: Mapping[str, DataColumn]) -> str:
    if not found.seen:
        return f"--from {found.name}: there are no rows to look at."
    listed = "; ".join(described(column) for column in seen.values())
    return (
        f"--from {found.name}: no answer format fits the columns of its {found.seen_split} rows:"
        f" {listed}. Looked for: SQuAD's `{{text: […], answer_start: […]}}` with its context"
        " (span); a list of words and one of as many tags (tags); a list of choices and a column"
        " that counts them (choice); a column of few different values beside a text (label); two"
        " texts in two languages (pair). docs/add_a_task.md shows each as it must stand in the"
        " data."
    )


def _languages(draft: Draft, found: DataSet, shape: Shape) -> None:
    if found.source_language != "en" and shape.answer != "pair":
        why = "No English rows: these are trained and tuned on."
        draft.add("source_language", found.source_language, why)
    draft.add("languages", [*found.languages])


def _fields(draft: Draft, shape: Shape, seen: Mapping[str, DataColumn], found: DataSet) -> None:
    if shape.answer == "pair":
        return
    texts, left = text_columns(seen, shape)
    fields: dict[str, Json] = {field_name(each): each for each in texts}
    if shape.answer == "tags":
        fields = {"words": shape.keys["words_field"]}  # type: ignore[dict-item]
    if shape.answer == "span":
        context = str(shape.keys["context_field"])
        asked = [c for c in texts if c != context]
        question = next((c for c in asked if seen[c].called("question", "query")), None)
        question = question or next(iter(asked), None)
        fields = {} if question is None else {"question": question}
        fields["context"] = context
        left |= {c: "neither question nor context" for c in asked if c != question}
    listed = ", ".join(f"{name} ({why})" for name, why in left.items())
    draft.add("fields", fields, f"Left out: {listed}." if listed else "")
    ids = [c for c in seen.values() if c.kind in ("text", "whole") and c.unique]
    ids = [c for c in ids if c.called("id", "ids", "idx", "ind", "guid", "uid", "key", "index")]
    if ids and _unique_everywhere(found, ids[0].name):
        draft.add("id_field", ids[0].name)


def _unique_everywhere(found: DataSet, column: str) -> bool:
    splits: list[Sequence[Row]] = [*found.rows.values(), *found.others.values()]
    return all(len({row.get(column) for row in rows}) == len(rows) for rows in splits)


def _label(draft: Draft, shape: Shape, seen: Mapping[str, DataColumn], found: DataSet) -> None:
    fields = draft["fields"]
    assert isinstance(fields, dict)
    texts = [str(column) for column in fields.values()]
    draft.add("label_field", str(shape.keys["label_field"]))
    labels, prompt = _named(draft, shape, texts, found)
    draft.add("labels", labels)
    if prompt is None:
        own = wording([*fields], f"{asked_for(str(shape.keys['label_field']))}:")
        draft.add("prompt", {"input": own}, "English wording serves every language.")
    else:
        names = ("premise", "hypothesis") if prompt == "nli" else ("sentence1", "sentence2")
        draft.add("fields", dict(zip(names, texts, strict=True)))
        draft.add("prompt", {"use": prompt})
    draft.add("shortenable", [*_dict(draft["fields"])], "May lose their ends in too long inputs.")
    draft.add("metric", "accuracy")
    _training(draft, found, "mnli" if {*labels} == {*NLI} else "TASK")


def _choice(draft: Draft, shape: Shape, seen: Mapping[str, DataColumn], found: DataSet) -> None:
    assert shape.label is not None
    label, choices = str(shape.keys["label_field"]), shape.keys["choices_fields"]
    draft.add("label_field", label)
    values = letter_values(shape.label, shape.choices)
    letters = [chr(65 + i) for i in range(shape.choices)]
    labels: dict[str, Json] = {
        letter: {} if value == letter else {"value": value}
        for letter, value in zip(letters, values, strict=True)
    }
    draft.add("labels", labels, "Letter by letter the value that means this choice.")
    low = min((int(str(v)) for v in shape.label.counts if str(v).isdecimal()), default=0)
    if values[0] in (0, "0") and low == 1:
        draft.ask("labels", f"does `{label}` count from 0? No row has a 0.")
    draft.add("choices_fields", [*choices])
    fields = _dict(draft["fields"])
    prompt, renamed = _choice_prompt(fields, shape.choices)
    draft.add("fields", renamed)
    draft.add("prompt", prompt)
    draft.add("shortenable", [*list(renamed)[:1], "choices"])
    draft.add("metric", "accuracy")
    _training(draft, found, "TASK")


def _choice_prompt(fields: dict[str, Json], count: int) -> tuple[dict[str, Json], dict[str, Json]]:
    """A variant of `prompts/choice.yaml` if the fields are such, else a wording of its own."""
    question = next((name for name in fields if "question" in name), None)
    rest = [name for name in fields if name != question]
    if question and not rest:
        return {"use": "choice", "variant": "question"}, {"question": fields[question]}
    if len(rest) == 1 and question:
        renamed = {"context": fields[rest[0]], "question": fields[question]}
        return {"use": "choice", "variant": "question_about_context"}, renamed
    if len(rest) == 1:
        return {"use": "choice"}, {"context": fields[rest[0]]}
    listed = "{% for choice in choices %}{{ letters[loop.index0] }}: {{ choice }}\n{% endfor %}"
    return {"input": wording([*fields], f"{listed}answer:")}, fields


def _span(draft: Draft, shape: Shape, seen: Mapping[str, DataColumn], found: DataSet) -> None:
    draft.add("context_field", str(shape.keys["context_field"]))
    draft.add("answers_field", str(shape.keys["answers_field"]))
    answers = seen[str(shape.keys["answers_field"])]
    none = sum(1 for v in answers.values if isinstance(v, Mapping) and not v.get("text"))
    if none:
        why = f"{none} of {len(answers.values)} questions have no answer; then this is the answer."
        draft.add("unanswerable", "unanswerable", why)
    question = "question" in _dict(draft["fields"])
    draft.add("prompt", {"use": "question"} if question else {"input": "{{ context }}\nanswer:"})
    if question:
        draft.add("shortenable", ["question"])
    draft.add("metric", "squad_v2" if none else "squad")
    _training(draft, found, "squad_v1")


def _tags(draft: Draft, shape: Shape, seen: Mapping[str, DataColumn], found: DataSet) -> None:
    assert shape.label is not None
    column = shape.label
    draft.add("words_field", str(shape.keys["words_field"]))
    draft.add("tags_field", column.name)
    tags, default, scheme = _tag_set(draft, column, found)
    if tags:
        draft.add("tags", [*tags])
    else:
        draft.add("tags_from", "train")
    draft.add("default_tag", default, "Fills what a written answer leaves out.")
    if scheme:
        begins = "I-… begins a span, too." if scheme == "iob1" else "B-… begins each span."
        draft.add("tag_scheme", scheme, f"Every tag is O, B-… or I-…. {begins}")
    shared = "ner" if scheme else "pos" if tags == UPOS else None
    draft.add("prompt", {"use": shared} if shared else {"input": "tags: {{ words }}"})
    why = "F1 over spans." if scheme else "Share of words; `span_f1`: F1 over spans of equal tags."
    draft.add("metric", "span_f1" if scheme else "token_accuracy", why)
    _training(draft, found, "TASK")


def _pair(draft: Draft, shape: Shape, seen: Mapping[str, DataColumn], found: DataSet) -> None:
    names = shape.keys["pair_fields"]
    languages = [code for code in found.languages if code != "en"]
    if found.languages == ("en",):
        texts = seen[str(names[0])].texts
        code = parts_of(str(names[0])).language or language_of(texts)
        maybe = [each for each in written_in(script_of(texts)) if each != "en"]
        draft.add("languages", [code or next(iter(maybe), "de")])
        if code is None:
            draft.ask("languages", f"which language is `{names[0]}`? One of {' '.join(maybe)}?")
    elif "en" in found.languages:
        draft.add("languages", [*languages], "Not English: it is the other side of each pair.")
    draft.add("pair_fields", [*names], "The other language's sentence, then the English one.")
    draft.add("prompt", {"use": "translation"}, "For the readout `rank`; embeddings need none.")
    draft.add("metric", "retrieval_accuracy", "Nothing is trained: the nearest neighbour counts.")


def _training(draft: Draft, found: DataSet, task: str) -> None:
    """Asks for a training task where there are no training rows; `task`: one that may do."""
    if "train" in found.splits:
        return
    known = task != "TASK"
    more = (
        ", whose English rows answer in the same way."
        if known
        else " names a task with the same labels; without it the task is only tested."
    )
    ask = f"what trains a model for this? There are no training rows: `train_task: {task}`{more}"
    draft.ask("note", ask)


def _parallel(found: DataSet, shape: Shape, draft: Draft) -> bool:
    """Whether tested rows are the same examples in every language that was read."""
    own = found.rows.get("test", ())
    if not found.others or len(own) < 3:
        return False
    if "id_field" in draft:
        ids = [row.get(str(draft["id_field"])) for row in own]
        column = str(draft["id_field"])
        return all([row.get(column) for row in rows] == ids for rows in found.others.values())
    key = shape.keys.get("label_field")
    golds = [row.get(str(key)) for row in own]
    same = (golds == [row.get(str(key)) for row in rows] for rows in found.others.values())
    return key is not None and len({*map(str, golds)}) > 1 and all(same)


def _dict(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


_BY_ANSWER = {"label": _label, "choice": _choice, "span": _span, "tags": _tags, "pair": _pair}


def _named(
    draft: Draft, shape: Shape, texts: Sequence[str], found: DataSet
) -> tuple[dict[str, Json], str | None]:
    """The labels of a `label` shape, `{value, word}` where it is not the default; and a shared
    prompt that has words for exactly these.

    Args:
        texts: the columns of the input.
    """
    assert shape.label is not None
    values = label_values(shape.label)
    given = found.class_names.get(shape.label.name, ())
    known = _KNOWN_FIELDS.get(frozenset(texts))
    whole = [v for v in values if type(v) is int or (isinstance(v, str) and v.isdecimal())]
    if given and all(type(v) is int and v < len(given) for v in values):
        draft.why("labels", "The names are the hub's own names of these numbers.")
        return _shared_or_own({name: {"value": i} for i, name in enumerate(given)}, texts)
    if known is not None and [str(v) for v in whole] == [str(i) for i in range(len(known[1]))]:
        prompt, names, where = known
        why = f"Columns and numbers are those of {where}, which `prompts/{prompt}.yaml` asks about."
        draft.why("labels", why)
        shown = _shown_rows(shape, values, texts, found.seen)
        draft.ask("labels", f"are the numbers as in {where}? {shown}")
        return {n: {"value": _plain(v)} for n, v in zip(names, values, strict=True)}, prompt
    if whole:
        # Stars and ratings mean themselves; other numbers are codes.
        if not shape.label.called("star", "stars", "rating", "score", "grade"):
            shown = _shown_rows(shape, values, texts, found.seen)
            more = "Put names in place of the first numbers, and what a model may answer as `word`."
            draft.ask("labels", f"what do the numbers mean? {shown}", more)
        return {str(v): {"value": _plain(v), "word": str(v)} for v in values}, None
    if shape.label.kind == "truth":
        return {"no": {"value": False, "word": "no"}, "yes": {"value": True, "word": "yes"}}, None
    return _shared_or_own({str(v): {} for v in values}, texts)


def _shared_or_own(
    labels: Mapping[str, dict[str, Json]], texts: Sequence[str]
) -> tuple[dict[str, Json], str | None]:
    """With the words of a shared prompt where it knows these labels, else their names as words."""
    known = _KNOWN_FIELDS.get(frozenset(texts))
    if known is not None and {*labels} == {*known[1]}:
        return {name: labels[name] for name in known[1]}, known[0]
    return {name: {**each, "word": _word(name)} for name, each in labels.items()}, None


def _word(name: str) -> str:
    """A label's name as a model may say it: `very_negative` becomes `very negative`."""
    return " ".join(name.replace("_", " ").split()) or name


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


def _tag_set(draft: Draft, column: DataColumn, found: DataSet) -> tuple[tuple[str, ...], str, str]:
    """The tags of a column of lists (none: they are taken from the training split), the one that
    fills gaps, and `bio`, `iob1` or no scheme.

    Numbers stay numbers until someone names them; parts of speech of Universal Dependencies are
    listed all, because a few rows rarely have the rare ones.
    """
    common = [str(tag) for tag, _ in column.items.most_common() if tag != "_"]
    if column.kind == "wholes":
        return _numbered_tags(draft, column, common, found.class_names.get(column.name, ()))
    if {*common} <= {*UPOS} and len(common) > 3:
        draft.why("tags", "Parts of speech of Universal Dependencies, all of them.")
        return UPOS, "X", ""
    if len(common) > MOST_TAGS:
        draft.why("tags_from", f"There are {len(common)} of them, too many to list.")
        return (), common[0], ""
    draft.why("tags", f"All that stand in {len(column.values):,} rows of {found.seen_split}.")
    if found.seen_split != "train":
        draft.ask("tags", "are these all? Other rows than these may have more.")
    if "O" in common and not bio_mistake(_with_begins(common)):
        return _with_begins(common), "O", _scheme(column.lists)
    return tuple(sorted(common)), common[0], ""


def _numbered_tags(
    draft: Draft, column: DataColumn, common: list[str], names: tuple[str, ...]
) -> tuple[tuple[str, ...], str, str]:
    size = max(map(int, common)) + 1
    if len(names) >= size:
        draft.why("tags", "The hub's own names, by number.")
        bio = "O" in names and not bio_mistake(names)
        named = [[names[int(str(tag))] for tag in tags] for tags in column.lists]
        return names, "O" if bio else names[int(common[0])], _scheme(named) if bio else ""
    ask = (
        f"what do the numbers 0 to {size - 1} mean? Write the names in this order; the page of the"
        f" data set has them. The most frequent ones here are {', '.join(common[:3])}."
    )
    draft.ask("tags", ask)
    return tuple(f"tag{number}" for number in range(size)), f"tag{common[0]}", ""


def _scheme(lists: Sequence[Sequence[Value]]) -> str:
    """`iob1` where most spans begin with `I-X`: there only a span right behind another of its kind
    begins with `B-X`."""
    rows = [tuple(map(str, tags)) for tags in lists]
    spans = sum(tag.startswith("B-") for tags in rows for tag in made_legal(tags))
    return "iob1" if 2 * sum(map(num_illegal, rows)) > spans else "bio"


def _with_begins(tags: list[str]) -> tuple[str, ...]:
    """`O` and for each kind of span `B-…` and, where the data have it, `I-…`."""
    spans = sorted({tag[2:] for tag in tags if tag != "O"})
    both = (f"{kind}-{span}" for span in spans for kind in "BI")
    listed = ("O", *(tag for tag in both if tag.startswith("B-") or tag in tags))
    return (*listed, *sorted({*tags} - {*listed}))
