"""Predicting: what a model, or a baseline, answers to the rows of one task in one language.

    test = Evaluated("xnli", "de", "test", None)
    stage = plan_predict(context, base, first, test, Readout.rank, 256)
    test.beside(context, Readout.rank)      # {} or what must be predicted too: tuning, null

Scores of options without their example, which `pmi` and `contextual` compare with, are a stage of
their own, in the role `null` of a `score` stage. So another normalisation decodes at most these few
prompts and scores again. With fixed options there is one prompt for each text that says nothing,
whatever the rows, limits and (unless a prompt is worded by language) languages; with `cloze` one
for each example, whose choices are its own.

    label, contextual    premise: N/A … relation:      entailment | neutral | contradiction
    cloze, pmi           answer:                       the example's own choices

A model is trained on tags in the form that it will be read in: `readout: {causal: generate}` in a
task's YAML changes its training rows, so the form belongs to the identity of a `train` stage too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import JsonValue

from t2t_xfer.answers import PairFormat
from t2t_xfer.architectures import planned_readout, way_of
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.checkpoint import ANSWER_ROOM
from t2t_xfer.architectures.micro import NUM_SENTINELS, SPECIAL
from t2t_xfer.data.examples import missing_languages
from t2t_xfer.data.pools import read_pools
from t2t_xfer.engines import Engine, MajorityEngine, OracleEngine
from t2t_xfer.engines.vllm_limits import check_vllm
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.metrics import Tuned
from t2t_xfer.progress import start_meter
from t2t_xfer.prompts import Template
from t2t_xfer.records import (
    ArchitectureName,
    Decoding,
    Example,
    Generation,
    Json,
    Pair,
    Prompted,
    Readout,
    Slots,
    Split,
    Value,
)
from t2t_xfer.stages.base import Attempt, Fields, Kind, Shown, Stage
from t2t_xfer.stages.bases import Base, check_length
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.few_shot import (
    check_shots,
    count_shots,
    shots_spec,
)
from t2t_xfer.stages.logs import PREDICTIONS, logged, read_predictions, write_jsonl
from t2t_xfer.stages.model import check_decodable, weights_of
from t2t_xfer.stages.preconditions import check_words
from t2t_xfer.stages.task import Task, read_training, rows_of, training_data
from t2t_xfer.stages.unfinished import UNFINISHED, Unfinished, identity_of

ModelEngine: TypeAlias = Literal["transformers", "vllm"]
Baseline: TypeAlias = Literal["oracle", "majority"]
EngineName: TypeAlias = ModelEngine | Baseline
VERSION = 4
VLLM_VERSION = 2
"""Of what vLLM is asked. 2: texts are held by the transformers engine's own constraints."""
ROWS_VERSION = 3
"""Of the rows that sentences become. 2: sentences that are too long are cut into even pieces. 3: an
encoder reads a word at its own first token, not at a space that is a token by itself."""
BATCH_TOKENS = 8192
"""Padded tokens of one forward pass in prediction. Batches change the last bits of a score, so
the size belongs to the identity."""


class Tagging(Fields):
    """Of a tagging task: what its rows are."""

    rows_version: int
    form: Readout = Readout.slots
    """In training, the readout that the rows are made for."""
    legal: bool = False
    """In prediction, whether the tags that are written must be a legal sequence."""


class NullTexts(Fields):
    """What options are scored behind without their example."""

    domain: str | None = None
    """The end of the prompt."""
    content_free: tuple[str, ...] = ("",)
    """In all fields of the prompt."""


class PredictStage(Stage, extra="allow"):
    """One generation for each row. What is extra describes the rows: their places on the hub,
    filters, names of columns (`data.places.described`)."""

    kind: ClassVar[Kind] = "predict"

    shown: Shown
    shots: dict[str, JsonValue] | None = None
    """Which rows are shown before the tested one."""
    null: NullTexts | None = None
    """Options are scored without their example."""
    language: str
    split: Split = "train"
    """As `limit` and `data` not there where no rows are read."""
    limit: int | None = None
    data: str = ""
    """Hash of the rows."""
    place: JsonValue = None
    """Of the rows on the hub; None: files of the user's own."""
    model: dict[str, JsonValue] | None = None
    """Content of a checkpoint that exists; empty if a stage makes it. None: there is no model."""
    dtype: str = ""
    engine: EngineName
    engine_version: int = 1
    readout: Readout
    tagging: Tagging | None = None
    decoding: Decoding = Decoding()
    max_input_tokens: int = 0
    batch_tokens: int = 0
    """0: vLLM cuts its own batches."""
    majority_of: Shown | None = None
    """The task whose training rows hold the most frequent answer, with `train_limit` of them;
    extra keys that begin with `train_` describe these rows."""
    train_limit: int | None = None
    train_languages: tuple[str, ...] = ()

    @property
    def reads_rows(self) -> bool:
        """Whether it reads rows of the task, and not only texts that say nothing."""
        return "split" in self.model_fields_set

    def prompts(self, context: Context, task: Task) -> tuple[list[Example], list[Prompted]]:
        """What is answered: the examples, or what stands in their place.

        Raises:
            DataError: as `Context.prompted`; or the prompt fails on a text that says nothing.
        """
        if self.null is None:
            return self._rows(context, task)
        domain = self.null.domain
        if task.spec.cloze:
            examples, prompted = self._rows(context, task)
            return examples, [_behind(domain, text) for text in prompted]
        examples = [
            _empty(task, self.language, f"null:{i}", text)
            for i, text in enumerate(self.null.content_free)
        ]
        prompted = context.render(task, examples)
        return examples, [_behind(domain, text) for text in prompted]

    def _rows(self, context: Context, task: Task) -> tuple[list[Example], list[Prompted]]:
        return context.prompted(task.name, self.language, self.split, self.limit, tested=True)

    def run(self, attempt: Attempt) -> dict[str, Json]:
        """See `Stage.run`."""
        task = attempt.context.planned(self.shown)
        examples, prompted = self.prompts(attempt.context, task)
        engine, device, kept = _ENGINES[self.engine](self, attempt, task, examples, prompted)
        meter = start_meter()
        beside: dict[str, Json] = {}
        if self.model is not None and isinstance(task.answer, PairFormat):
            generations, beside = self._pairs(engine, task.answer, examples, attempt, task)
        else:
            try:
                generations = engine.answer(prompted, self.readout, self.decoding, kept)
            finally:
                if kept is not None:
                    kept.close()
        check_numbers(generations)
        before = 0 if kept is None else kept.num_before
        rates = meter.rates(len(examples) - before)
        write_jsonl(attempt.work / PREDICTIONS, map(logged, examples, generations))
        if kept is not None:
            kept.remove()
        return {
            "n": len(examples),
            "removed_tokens": sum(g.removed_tokens for g in generations),
            **rates,
            "device": device,
            **({"batch_share": attempt.share} if attempt.share > 1 else {}),
            **count_pieces(task, (generation.pieces for generation in generations)),
            **({"rows_read_before": before} if before else {}),
            **engine.told(prompted, self.readout),
            **count_shots(task, generations),
            **beside,
        }

    def _pairs(
        self,
        engine: Any,
        answer: PairFormat,
        examples: Sequence[Example],
        attempt: Attempt,
        task: Task,
    ) -> tuple[list[Generation], dict[str, Json]]:
        from t2t_xfer.stages.pairs import embed_pairs, mine_pairs, rank_pairs

        if task.spec.mining is not None:
            source = attempt.context.source
            pools = read_pools(task.spec, source, self.language, self.split, self.limit)
            mined = mine_pairs(engine, answer, task.spec.mining, examples, pools.english)
            return mined.generations, {"pool_removed_tokens": mined.pool_removed_tokens}
        if self.readout is Readout.embed:
            return embed_pairs(engine, answer, examples), {}
        embedded = read_predictions(attempt.needs["candidates"] / PREDICTIONS)
        return rank_pairs(engine, answer, examples, embedded), {}


class Opened(NamedTuple):
    """What answers."""

    engine: Engine
    device: str
    """In words."""
    kept: Unfinished | None = None
    """What was read before, and where each new generation goes; None where that is not kept."""


Open: TypeAlias = Callable[
    [PredictStage, Attempt, Task, Sequence[Example], Sequence[Prompted]], Opened
]


def _oracle(stage: PredictStage, attempt: Attempt, task: Task, *_: object) -> Opened:
    return Opened(OracleEngine(), "none")


def _majority(stage: PredictStage, attempt: Attempt, task: Task, *_: object) -> Opened:
    assert stage.majority_of is not None
    train = attempt.context.planned(stage.majority_of)
    languages = train.spec.trained_in
    examples = read_training(attempt.context, train.name, languages, stage.train_limit)[0]
    golds = [example.gold for example in examples if example.gold is not None]
    return Opened(MajorityEngine(task.answer.options, same_option(train, task, golds)), "none")


def _transformers(
    stage: PredictStage,
    attempt: Attempt,
    task: Task,
    examples: Sequence[Example],
    prompted: Sequence[Prompted],
) -> Opened:
    from t2t_xfer.engines.transformers import TransformersEngine

    weights = weights_of(stage.how, attempt.needs)
    loaded = attempt.context.model(weights, stage.dtype, stage.max_input_tokens)
    _check_words(loaded.architecture, task, stage.readout)
    engine = TransformersEngine(loaded, stage.batch_tokens // attempt.share)
    if task.answer.asks is Pair:  # searched all at once
        return Opened(engine, loaded.device)
    identity = identity_of(stage, attempt, weights, loaded.device, prompted)
    return Opened(engine, loaded.device, _kept(attempt, identity, examples))


def _vllm(
    stage: PredictStage,
    attempt: Attempt,
    task: Task,
    examples: Sequence[Example],
    prompted: Sequence[Prompted],
) -> Opened:
    from t2t_xfer.engines.vllm import VllmEngine

    weights = weights_of(stage.how, attempt.needs)
    check_decodable(weights.adapter)
    loaded = attempt.context.vllm(weights, stage.dtype, stage.max_input_tokens)
    _check_words(loaded.architecture, task, stage.readout)
    identity = identity_of(stage, attempt, weights, loaded.device, prompted)
    kept = _kept(attempt, identity, examples)
    return Opened(VllmEngine(loaded, weights.adapter), loaded.device, kept)


def _kept(attempt: Attempt, identity: str | None, examples: Sequence[Example]) -> Unfinished | None:
    path = attempt.work / UNFINISHED
    if identity is None:
        path.unlink(missing_ok=True)
        return None
    return Unfinished(path, identity, examples)


_ENGINES: Mapping[EngineName, Open] = {
    "oracle": _oracle,
    "majority": _majority,
    "transformers": _transformers,
    "vllm": _vllm,
}


def _check_words(architecture: Architecture, task: Task, readout: Readout) -> None:
    """Of a model that was not there when the plan was made."""
    check_words(architecture.codec, architecture.name, task, readout)


def check_numbers(generations: Iterable[Generation]) -> None:
    """Refuses answers whose scores are no numbers: any of them would be as good as another.

    Raises:
        UserError: names the first example.
    """
    for each in generations:
        if any(math.isnan(score) for score in each.scores):
            raise UserError(
                f"the scores of example {each.id!r} are not numbers (NaN), though all weights are:"
                " the model's states leave the range of its dtype. Use `dtype: float32`."
            )


def same_option(train: Task, task: Task, golds: Iterable[Any]) -> str:
    """The option text of `task` for the most frequent answer of `train`.

    XNLI's majority label is MNLI's: both name their labels alike, in whatever order and words.
    """
    index = train.answer.options.index(train.answer.constant(golds))
    return task.answer.options[task.options.index(train.options[index])]


def count_pieces(task: Task, pieces: Iterable[int]) -> dict[str, Json]:
    """How many sentences are read or trained on in pieces; nothing of tasks without tags."""
    if task.answer.asks is not Slots:
        return {}
    counts = [*pieces]
    return {"num_split": sum(n > 1 for n in counts), "num_pieces": sum(counts)}


def _behind(domain: str | None, prompted: Prompted) -> Prompted:
    """The same question for the same options behind another text, if there is one."""
    if domain is None:
        return prompted
    return replace(prompted, input=domain, regions=(), shortenable=(), target="")


def _empty(task: Task, language: str, id: str, text: str) -> Example:
    """An example whose every field is one text."""
    source = task.prompt.languages.get(language, task.prompt.input)
    fields: dict[str, Value] = dict.fromkeys(Template(source).names, text)
    if task.spec.answer == "choice":
        fields["choices"] = (text,) * len(task.options)
    return Example(id, task.name, language, "test", fields, None)


class Evaluated(NamedTuple):
    """What is predicted and scored."""

    task: str
    language: str
    split: Split
    limit: int | None
    tuning_limit: int | None = None
    """Of the validation rows that a threshold is chosen on."""
    null: bool = False
    """Options are scored without their example."""
    scored_only: bool = True
    """Nothing is chosen by these rows: neither weights nor a threshold."""

    @property
    def suffix(self) -> str:
        """What labels say of predictions that are not those of the test split."""
        return ".null" if self.null else "" if self.split == "test" else f".{self.split}"

    def beside(self, context: Context, readout: Readout) -> dict[str, Evaluated]:
        """What else is predicted for the score, by the role that it has there."""
        tuning = self.tuning(context)
        found: dict[str, Evaluated] = {} if tuning is None else {"tuning": tuning}
        if readout is Readout.rank and context.task(self.task).spec.rank.needs_null:
            found["null"] = self._replace(null=True)
        return found

    def tuning(self, context: Context) -> Evaluated | None:
        """The validation rows that a threshold is chosen on; None if nothing is, or there are
        none: then it is the best one of the tested rows themselves, and the signature says so."""
        task = context.task(self.task)
        if self.split != "test" or not isinstance(task.metric, Tuned):
            return None
        if missing_languages(task.spec, context.source, [self.language], "validation"):
            return None
        return self._replace(split="validation", limit=self.tuning_limit, scored_only=False)


def plan_predict(
    context: Context,
    base: Base,
    first: bool,
    test: Evaluated,
    readout: Readout,
    max_input_tokens: int,
    engine: ModelEngine = "transformers",
) -> PredictStage:
    """A model's stage; `first`: it reads the base rather than what another stage made.

    Raises:
        UnsupportedError: the engine cannot read this.
    """
    task = context.task(test.task)
    if engine == "vllm":
        check_vllm(base.architecture, task.answer.asks, readout)
    decoding = task.spec.decoding
    room = decoding.max_new_tokens if readout is Readout.generate else ANSWER_ROOM
    check_length(base, max_input_tokens, max(ANSWER_ROOM, room))
    return PredictStage.model_validate(
        {
            **_asked(context, test),
            "model": base.identity if first else {},
            "dtype": base.dtype,
            "engine": engine,
            **({"engine_version": VLLM_VERSION} if engine == "vllm" else {}),
            "readout": readout,
            **_read_form(base, task, readout),
            **({"decoding": decoding.canonical()} if readout is Readout.generate else {}),
            "max_input_tokens": max_input_tokens,
            # vLLM makes its own batches, so its scores are the same to some digits only.
            **({"batch_tokens": BATCH_TOKENS} if engine == "transformers" else {}),
        }
    )


def plan_baseline(
    context: Context, engine: Baseline, test: Evaluated, limit: int | None
) -> PredictStage:
    """A stage without a model.

    Args:
        limit: of the training rows that hold the most frequent answer.

    Raises:
        UnsupportedError: the majority of open answers.
        UserError: the training task answers otherwise.
    """
    asked = {**_asked(context, test), "engine": engine, "readout": Readout.slots}
    if engine == "majority":
        task = context.task(test.task)
        source = context.task(context.trained_on(test.task))
        if not task.answer.closed:
            raise UnsupportedError(
                f"task {test.task!r}: there is no majority baseline, because answers of the format"
                f" {task.answer.name!r} are not the same few for every example. Use the engine"
                " `oracle`, or a model."
            )
        if set(task.options) != set(source.options):
            raise UserError(
                f"the task {task.name!r} answers with {', '.join(task.options)}, but its training"
                f" task {source.name!r} with {', '.join(source.options)}. Give the labels of both"
                " the same names."
            )
        rows = training_data(context, source)
        rows.pop("language", None)  # `majority_of` says it
        asked |= {"majority_of": source.shown(), "train_limit": limit}
        asked |= {f"train_{key}": value for key, value in rows.items()}
    return PredictStage.model_validate(asked)


def _asked(context: Context, test: Evaluated) -> dict[str, Any]:
    """What is asked, whatever answers."""
    task = context.task(test.task)
    asked: dict[str, Any] = {
        "version": VERSION,
        "shown": task.shown(),
        **shots_spec(context, task, test.language),
    }
    if test.null:
        shots = task.spec.few_shot
        worded = test.language in task.prompt.languages or (shots and shots.language == "same")
        asked["null"] = task.spec.rank.null()
        asked["language"] = test.language if worded else task.spec.source_language
        if not task.spec.cloze:
            return asked
    return {
        **asked,
        "language": test.language,
        "split": test.split,
        "limit": test.limit,
        **rows_of(context, task, test.language, test.split, test.scored_only),
    }


def readouts_of(architecture: ArchitectureName, task: Task) -> tuple[Readout, ...]:
    """The readouts that a study reports: one, or for pairs that are not mined each there is.

    Raises:
        UnsupportedError: the architecture cannot answer the task.
    """
    asked = task.spec.readout.get(architecture)
    planned = readout_planned(architecture, task)
    check_ranked(architecture, task, planned)
    check_shots(architecture, task)
    if task.answer.asks is Pair and architecture == "causal":
        _check_first(task)
    if task.spec.mining is not None:
        # Yes/no questions about some of hundred thousands of sentences cost too much.
        if asked not in (None, Readout.embed):
            raise UnsupportedError(
                f"task {task.name!r}: pairs are mined by embeddings only; leave out"
                f" `readout: {{{architecture}: {asked}}}`."
            )
        return (Readout.embed,)
    if task.answer.asks is Pair and asked is None:
        return way_of(architecture, Pair).readouts
    return (planned,)


def _check_first(task: Task) -> None:
    if task.spec.embedding.pooling == "first":
        raise UnsupportedError(
            f"task {task.name!r}: `pooling: first` gives every sentence the same vector in a"
            " decoder, whose first token has seen nothing of the sentence. Use `mean` or `last`."
        )


def readout_planned(architecture: ArchitectureName, task: Task) -> Readout:
    """The readout that a task is read by unless it has several.

    Raises:
        UnsupportedError: the architecture has none for it.
    """
    try:
        asked = task.spec.readout.get(architecture)
        return planned_readout(architecture, task.answer, asked)
    except UnsupportedError as e:
        raise UnsupportedError(f"task {task.name!r}: {e}") from e


def check_ranked(architecture: ArchitectureName, task: Task, readout: Readout) -> None:
    """Refuses a way of comparing ranked options where options are not ranked.

    Raises:
        UnsupportedError: the readout is another.
    """
    if readout is not Readout.rank and not task.spec.rank.is_default(task.spec.cloze):
        raise UnsupportedError(
            f"task {task.name!r}: `rank` says how the scores of ranked options are compared, but"
            f" the architecture {architecture!r} reads this task by {readout.value!r}. Leave out"
            f" `rank`, or set `readout: {{{architecture}: rank}}` where the architecture can do it."
        )


def _read_form(base: Base, task: Task, readout: Readout) -> dict[str, Any]:
    """Of a tagging task its rows; nothing of others.

    Raises:
        UnsupportedError: see `check_codes`; or tags are to be written without their grammar.
    """
    if task.answer.asks is not Slots:
        return {}
    check_codes(base, task)
    if readout is Readout.generate and not task.spec.decoding.constrained:
        raise UnsupportedError(
            f"task {task.name!r}: tags are written under their grammar only, because a model is"
            " trained on the tags and not on the words between them. Leave out"
            " `decoding: {constrained: false}`."
        )
    # One pass logs both readings; what is written is one of them.
    held = readout is Readout.generate and task.spec.tag_reading == "legal"
    return {"tagging": {"rows_version": ROWS_VERSION, **({"legal": True} if held else {})}}


def check_codes(base: Base, task: Task) -> None:
    """Refuses more tags than a new model's vocabulary has codes for, before it is made.

    Raises:
        UnsupportedError: it has too few. That of a model that exists is seen when it is loaded.
    """
    if base.new is None:
        return
    special = len(SPECIAL) + NUM_SENTINELS
    if len(task.options) > base.new.vocabulary - special:
        raise UnsupportedError(
            f"task {task.name!r} has {len(task.options)} tags, and each needs a token of its own,"
            f" but a new model with a vocabulary of {base.new.vocabulary} has"
            f" {base.new.vocabulary - special} to give. Set `new.vocabulary` to at least"
            f" {len(task.options) + special}."
        )
