"""A task: a data set, the kind of its answers, and the metric. One YAML file, no Python.

The rule: names are ours, columns and values are the data's, and both stand side by side
(`paraphrase: {value: 1}`), so that an inverted label can be seen. Transfer is zero-shot unless a
task names the languages that it is trained in (`train_languages`).

    task: reviews
    answer: label
    data: {files: {train: data/reviews.en.jsonl, test: "data/reviews.{language}.jsonl"}}
    languages: [en, de, tr]
    label_field: stars_bin
    labels: {negative: {value: neg, word: negative}, positive: {value: pos, word: positive}}
    prompt: {input: "Review: {{ text }}\nSentiment:"}
    metric: accuracy
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from t2t_xfer.languages import holds_language
from t2t_xfer.metrics import METRICS
from t2t_xfer.records import ArchitectureName, Json, Readout
from t2t_xfer.specs.base import (
    Filled,
    Identifier,
    LanguageCode,
    Name,
    Once,
    Several,
    Spec,
    TaskName,
    Text,
    Truth,
    distinct,
    mistake,
)
from t2t_xfer.specs.data import DataSpec, MiningSpec, RawValue, checked_mining
from t2t_xfer.specs.prompt import PromptUse
from t2t_xfer.specs.reading import (
    DecodingSpec,
    EmbeddingSpec,
    FewShotSpec,
    RankSpec,
    checked_few_shot,
    checked_rank,
)
from t2t_xfer.specs.tag_scheme import bio_mistake

YES_NO = ("yes", "no")
"""The answers to a pair's question, whether the two sentences mean the same."""


T = TypeVar("T")


class Keys(NamedTuple):
    """The keys of a task that belong to its answer."""

    needed: tuple[str, ...]
    """They must be there; no answer may have them that does not name them too."""
    own: tuple[str, ...] = ()
    """They may be there, as above."""
    shown: tuple[str, ...] = ()
    """Beside `needed`, those that change what a model is shown: part of what training and
    prediction are known by."""


KEYS: dict[str, Keys] = {
    "label": Keys(("label_field", "labels")),
    "choice": Keys(("label_field", "labels", "choices_fields"), shown=("form",)),
    "span": Keys(
        ("context_field", "answers_field"), own=("unanswerable",), shown=("unanswerable",)
    ),
    "tags": Keys(
        ("words_field", "tags_field"),
        own=("tags", "tags_from", "default_tag", "tag_scheme", "tag_reading"),
        shown=("tags",),
    ),
    "pair": Keys(("pair_fields",), own=("mining",), shown=("embedding", "mining")),
}
"""The kinds of answers that a task may have, and what belongs to each. What may be stated beside
each other is checked here and told by the JSON schema."""


def owners(key: str) -> tuple[str, ...]:
    """The answers that may have a key; none if it belongs to no answer."""
    return tuple(answer for answer, keys in KEYS.items() if key in (*keys.needed, *keys.own))


OWNED = tuple(dict.fromkeys(key for keys in KEYS.values() for key in (*keys.needed, *keys.own)))
"""Every key that belongs to answers."""


def _known_answer(answer: object) -> object:
    if not isinstance(answer, str) or answer not in KEYS:
        *first, last = (f"'{name}'" for name in KEYS)
        raise mistake(f"{', '.join(first)} or {last}", KEYS)
    return answer


class LabelSpec(Spec):
    """One label of a task."""

    value: RawValue | None = None
    """The raw value in the data. Left out: the label's own name (filled in by `TaskSpec`)."""
    word: Filled | None = None
    """The text a model answers. Beats the prompt's words."""


class TaskSpec(Spec):
    """What `tasks/<name>.yaml` says."""

    name_key: ClassVar[str] = "task"
    not_identity: ClassVar[frozenset[str]] = frozenset(
        {"note", "languages", "contains", "train_languages"}  # the last by the rows themselves
    )

    task: Name
    """The file's stem."""
    answer: Annotated[str, BeforeValidator(_known_answer)]
    """One label for the example, one of its own choices, a piece of its context, one tag for each
    word, or the sentence in another language that means the same."""
    data: DataSpec
    train_task: TaskName | None = None
    """The task whose English rows train this one (XNLI is trained on MNLI). None: its own."""
    contains: tuple[TaskName, ...] = ()
    """Tasks whose training rows stand in this one's too, under another data set's name. Rows from
    the same split of the same data set are found without it (docs/decisions/005)."""
    source_language: LanguageCode = "en"
    """The language of training and validation. Rows of others are only ever tested on."""
    languages: Several[LanguageCode]
    """The languages to test, in the order of the reports."""
    train_languages: Once[LanguageCode] = ()
    """The languages of the training rows where these are translations; `source_language` counts
    only if it is listed. Empty: the source language, so that transfer is zero-shot."""
    fields: dict[Identifier, Filled] = Field(default_factory=dict)
    """Template name -> column. Empty: the columns under their own names."""
    id_field: Filled | None = None
    """The column with the example's id. None: the row number."""

    label_field: Filled | None = Field(default=None, validate_default=True)
    """The column with the label (`label`) or with the right choice (`choice`)."""
    labels: dict[Filled, LabelSpec] = Field(default_factory=dict, validate_default=True)
    """The labels in the order of the options (`label`); the letters in the order of the choices,
    with the raw value that means each (`choice`)."""
    choices_fields: tuple[Filled, ...] = Field((), validate_default=True)
    """The columns with the texts of the choices: one that holds a list, or one for each choice. A
    dot looks inside a column (`choices.text`)."""
    form: Literal["letters", "cloze", "separate"] = "letters"
    """How a choice is asked for (`choice`): by its letter in one prompt that shows all of them; by
    its text (`cloze`); or each in a prompt of its own, `{{ choice }}`, answered with yes or no and
    compared over the choices (`separate`, as Phang et al. 2020: decisions/018)."""

    context_field: Filled | None = Field(None, validate_default=True)
    """The column with the text that answers are copied from (`answer: span`)."""
    answers_field: Filled | None = Field(None, validate_default=True)
    """The column with the accepted answers as SQuAD has them: `{text: […], answer_start: […]}`."""
    unanswerable: Filled | None = None
    """The target text of questions without an accepted answer (SQuAD 2.0). None: there are no such
    questions, and a model can only answer with a piece of the context."""

    pair_fields: tuple[Filled, ...] = Field((), validate_default=True)
    """The columns with the sentence in the target language and with its English translation; for
    `mining` with the ids of both."""
    mining: MiningSpec | None = None
    """The pools that pairs are hidden in. None: every row is a pair (`answer: pair`)."""
    embedding: EmbeddingSpec = EmbeddingSpec()
    """How sentences become vectors (`answer: pair`)."""

    words_field: Filled | None = Field(default=None, validate_default=True)
    """The column with the list of words (`answer: tags`). Prompts know it as `words`."""
    tags_field: Filled | None = Field(default=None, validate_default=True)
    """The column with one tag for each word: names, or indices into `tags`."""
    tags_from: Literal["train"] | None = None
    """Instead of `tags`: all tags of the source language's training split (`with_inventory`)."""
    tags: Once[Filled] = Field(default=(), validate_default=True)
    """The tags in the order of the options, which is the order of the data's indices."""
    default_tag: Text | None = Field(default=None, validate_default=True)
    """Fills the slots that a generated answer leaves out."""
    tag_scheme: Literal["bio", "iob1"] | None = None
    """What the data's tags `O`, `B-…` and `I-…` mean (docs/decisions/017-gold.md). `bio`: every
    span begins with `B-X`; a few that do not are counted and begin with it once they are read, many
    are refused. `iob1`: as in the original CoNLL files, where `I-X` begins a span too; it is read
    as BIO. None: any tag may follow any."""
    tag_reading: Literal["tag_by_tag", "legal"] = Field("tag_by_tag", validate_default=True)
    """`tag_by_tag`: the best tag of each word, as XTREME reads its models. `legal`: the best
    sequence that the scheme allows (docs/decisions/006-legal-bio.md)."""

    prompt: PromptUse
    shortenable: Once[Identifier] = ()
    """Template fields that may lose tokens at their end when an input is too long, in order.
    `choices`: each of them; with `form: separate` `choice`, the one that is asked about."""
    metric: Text
    positive_label: Filled | None = Field(default=None, validate_default=True)
    """The label whose F1 counts (`metric: accuracy_f1`)."""
    parallel: Truth = False
    """The same id is the same example in every language."""
    readout: dict[ArchitectureName, Readout] = Field(default_factory=dict)
    """Overrides of how the answer is read, by architecture."""
    decoding: DecodingSpec = DecodingSpec()
    """How answers are written where they are generated."""
    rank: RankSpec = RankSpec()
    """How the scores of options are compared where they are ranked."""
    few_shot: FewShotSpec | None = None
    """Solved examples before the tested one, for models that are not trained on the task."""
    note: Text = ""
    """What a reader of the numbers must know about the data."""

    @property
    def trained_in(self) -> tuple[str, ...]:
        """The languages of the training rows."""
        return self.train_languages or (self.source_language,)

    @property
    def trains_on(self) -> str:
        """As lists show it: `mnli, en`, or `nothing`."""
        rows = f"{self.train_task or self.task}, {'+'.join(self.trained_in)}"
        return "nothing" if self.answer == "pair" else rows

    @property
    def cloze(self) -> bool:
        """Whether the target text is the choice itself."""
        return self.form == "cloze"

    @property
    def worded(self) -> tuple[str, ...]:
        """What has a word in the prompt: the labels, or `yes` and `no` to a pair or to a choice."""
        asked = self.answer == "pair" or self.form == "separate"
        return YES_NO if asked else tuple(self.labels)

    def canonical(self) -> dict[str, Json]:
        """See `Spec.canonical`. Labels become a list: their order is the order of the options."""
        labels: list[Json] = [
            {"name": name, **each.canonical()} for name, each in self.labels.items()
        ]
        return {**super().canonical(), "labels": labels}

    @field_validator("task")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name == "none":
            raise mistake("another name: 'none' means no intermediate training")
        return name

    @field_validator("train_task")
    @classmethod
    def _another_task(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is not None and info.data.get("answer") == "pair":
            raise mistake("nothing here, because the answer is pair, which is not trained")
        if name is not None and name in ("none", info.data.get("task")):
            raise mistake("the name of another task")
        return name

    @field_validator("languages")
    @classmethod
    def _own_data(cls, codes: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        data: DataSpec | None = info.data.get("data")
        if len(codes) > 1 and data is not None and not data.tells_languages_apart():
            raise mistake("one language, because `data` names no {language}: all would be the same")
        return codes

    @field_validator(*OWNED)
    @classmethod
    def _belongs_to_the_answer(cls, value: T, info: ValidationInfo) -> T:
        key = str(info.field_name)
        answer = info.data.get("answer", owners(key)[0])
        stated = value and value != cls.model_fields[key].get_default(call_default_factory=True)
        if stated and answer not in owners(key):
            raise mistake(f"nothing here, because the answer is {answer}")
        if not value and "answer" in info.data and key in KEYS[answer].needed:
            raise mistake(f"this key, because the answer is {answer}")
        return value

    @field_validator("form")
    @classmethod
    def _of_a_choice(cls, form: str, info: ValidationInfo) -> str:
        answer = info.data.get("answer", "choice")
        if form != "letters" and answer != "choice":
            raise mistake(f"nothing here, because the answer is {answer}")
        labels: dict[str, LabelSpec] = info.data.get("labels", {})
        if form == "separate" and any(each.word for each in labels.values()):
            raise mistake(
                "letters or cloze, or no `word` in `labels`: separate choices are answered with the"
                " words of yes and no, which the prompt's `words` may change"
            )
        return form

    @field_validator("unanswerable")
    @classmethod
    def _can_be_compared(cls, word: str | None) -> str | None:
        if word is not None and not any(character.isalnum() for character in word):
            raise mistake("a text with a letter or a digit: answers are compared by these")
        return word

    @field_validator("pair_fields")
    @classmethod
    def _two_sentences(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        if columns and len(columns) != 2:
            raise mistake("two columns: the target language's sentence and the English one")
        return columns

    _fits_its_pools = field_validator("mining")(checked_mining)

    @field_validator("tags")
    @classmethod
    def _from_here_or_the_data(cls, tags: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        elsewhere = info.data.get("tags_from", "wrong")
        if tags and elsewhere:
            raise mistake("either `tags` or `tags_from`, not both")
        if not tags and not elsewhere and info.data.get("answer") == "tags":
            raise mistake("this key, because the answer is tags")
        return tags

    @field_validator("labels")
    @classmethod
    def _known_to_the_parts(
        cls, labels: dict[str, LabelSpec], info: ValidationInfo
    ) -> dict[str, LabelSpec]:
        data: DataSpec | None = info.data.get("data")
        for part in () if data is None else data.parts:
            strange = [name for name in part.labels if name not in labels]
            if strange:
                raise mistake(f"the label {strange[0]!r}, which the part {part.name!r} names")
        return labels

    @field_validator("labels")
    @classmethod
    def _different_labels(cls, labels: dict[str, LabelSpec]) -> dict[str, LabelSpec]:
        if len(labels) == 1:
            raise mistake("at least two labels")
        named = {
            name: each if each.value is not None else each.model_copy(update={"value": name})
            for name, each in labels.items()
        }
        distinct(tuple(each.value for each in named.values()), "another value for each label")
        words = (each.word for each in named.values())
        distinct(tuple(word.casefold() for word in words if word), "another word for each label")
        return named

    @field_validator("default_tag")
    @classmethod
    def _one_of_the_tags(cls, tag: str | None, info: ValidationInfo) -> str | None:
        tags = info.data.get("tags", ())
        if tag is not None and tags and tag not in tags:
            raise mistake("one of the tags", tags)
        return tag

    @field_validator("shortenable")
    @classmethod
    def _known_fields(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        fields = dict(info.data.get("fields") or {})
        if fields and info.data.get("answer") == "choice":
            asked = "choice" if info.data.get("form") == "separate" else "choices"
            fields[asked] = "choices_fields"
        for name in names:
            if fields and name not in fields:
                raise mistake(f"names from `fields`, not {name!r}", list(fields))
        return names

    @field_validator("tag_scheme")
    @classmethod
    def _keeps_to_its_scheme(cls, scheme: str | None, info: ValidationInfo) -> str | None:
        wrong = scheme and bio_mistake(info.data.get("tags", ()))
        if wrong:
            raise mistake(f"tags of the scheme {scheme}: {wrong}")
        return scheme

    @field_validator("tag_reading")
    @classmethod
    def _has_a_scheme_to_keep(cls, reading: str, info: ValidationInfo) -> str:
        if reading == "legal" and not info.data.get("tag_scheme", "wrong"):
            raise mistake("`tag_by_tag`, because without a `tag_scheme` any tag may follow any")
        return reading

    _of_ranked_answers = field_validator("rank")(checked_rank)
    _of_written_answers = field_validator("few_shot")(checked_few_shot)

    @field_validator("train_languages")
    @classmethod
    def _tells_its_training_apart(
        cls, codes: tuple[str, ...], info: ValidationInfo
    ) -> tuple[str, ...]:
        if not codes:
            return codes
        if info.data.get("answer") == "pair":
            raise mistake("nothing here, because the answer is pair, which is not trained")
        if codes == (info.data.get("source_language"),):
            raise mistake("a language beside the source language, which trains without this key")
        data: DataSpec | None = info.data.get("data")
        if data is not None and not all(
            any(map(holds_language, part.patterns("train"))) for part in data.sources
        ):
            raise mistake("training data that names {language}: all languages would be the same")
        return codes

    @field_validator("metric")
    @classmethod
    def _judges_the_answer(cls, metric: str, info: ValidationInfo) -> str:
        if metric not in METRICS:
            raise mistake(" or ".join(METRICS), METRICS)
        answer = info.data.get("answer", METRICS[metric].answers[0])
        if answer not in METRICS[metric].answers:
            fitting = next(name for name, each in METRICS.items() if answer in each.answers)
            raise mistake(f"{fitting}, because the answer is {answer}")
        if "mining" in info.data and info.data["mining"] is None and metric == "bucc_f1":
            raise mistake("retrieval_accuracy, because there is no `mining`: all rows are pairs")
        if info.data.get("mining") is not None and metric != "bucc_f1":
            raise mistake("bucc_f1, because there is `mining`: most sentences have no counterpart")
        if answer == "span" and "unanswerable" in info.data:
            word = info.data["unanswerable"]
            if word is not None and metric != "squad_v2":
                raise mistake("squad_v2, because there is the key `unanswerable`")
            if word is None and metric == "squad_v2":
                raise mistake("squad, or the key `unanswerable` for questions without an answer")
        return metric

    @field_validator("positive_label")
    @classmethod
    def _fits_the_metric(cls, label: str | None, info: ValidationInfo) -> str | None:
        metric = info.data.get("metric")
        if metric is None:  # already a problem
            return label
        labels = tuple(info.data.get("labels", ()))
        if metric != "accuracy_f1" and label is not None:
            raise mistake(f"nothing here, because the metric is {metric}")
        if metric == "accuracy_f1" and label is None:
            raise mistake("the label whose F1 counts, because the metric is accuracy_f1", labels)
        if label is not None and labels and label not in labels:
            raise mistake("one of the labels", labels)
        return label
