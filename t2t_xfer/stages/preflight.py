"""Everything that can be known to fail, before anything runs.

A misnamed column, a label outside the set or a prompt that names a missing field shows when rows
are read and rendered. So all rows that open stages will need are read first, and models that exist
are asked whether they can answer them (`preconditions`). Models that are still to be made are asked
when they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from t2t_xfer.architectures.checkpoint import adapter_base, check_quantisation
from t2t_xfer.architectures.codec import Codec, light_codec
from t2t_xfer.engines.vllm_limits import adapter_rank, require_vllm
from t2t_xfer.records import Prompted, Readout, Split
from t2t_xfer.stages.base import Stage
from t2t_xfer.stages.bases import model_architecture
from t2t_xfer.stages.context import Context
from t2t_xfer.stages.model import check_decodable
from t2t_xfer.stages.preconditions import check_rows, check_words
from t2t_xfer.stages.predict import PredictStage, readout_planned
from t2t_xfer.stages.score import ScoreStage
from t2t_xfer.stages.train import TrainStage

Rows: TypeAlias = tuple[str, str, Split, int | None]
"""Task, language, split and limit."""


class Asked(NamedTuple):
    """What is asked of a model's tokenizer."""

    path: str
    revision: str | None
    max_input_tokens: int
    training: bool
    readout: Readout | None
    """How the answer is read; in training the form of tags."""
    rows: Rows


def preflight(stages: Sequence[Stage], context: Context, planned: Sequence[Stage] = ()) -> None:
    """Reads and renders the data of every stage that is going to run.

    Args:
        stages: those that are not done.
        planned: all of the plan, which say what a stage's checkpoint was made from; of one that is
            not there, the tokenizer is asked when its stage runs.

    Raises:
        DataError: a row does not hold what its task says, or does not fit into its model; nothing
            has run yet.
        UnsupportedError: a tokenizer cannot tell answers apart.
        MissingExtraError: something is not installed.
        UserError: an adapter does not fit its model, or the engine cannot apply it.
    """
    for stage in stages:
        if isinstance(stage, TrainStage):
            if stage.training.adapter == "qlora":
                check_quantisation()
            if stage.how.report_to not in ("none", "jsonl"):
                from t2t_xfer.training.trainer import check_tracker

                check_tracker(stage.how.report_to)
        if isinstance(stage, PredictStage) and stage.engine == "vllm":
            require_vllm()
    _check_models(stages)
    _check_adapters(stages)
    models = Models(stages, context, planned or stages)
    for wanted in dict.fromkeys(rows for stage in stages for rows in _rows(stage)):
        # `tested`: planning has asked what may be chosen by what.
        models.check_rows(wanted, context.prompted(*wanted, tested=True)[1])
    for stage in stages:
        if isinstance(stage, PredictStage) and stage.null is not None:
            stage.prompts(context, context.task(stage.shown.task))


class Models:
    """The tokenizers of the models that a plan names and that exist. Each is read once, and none
    where nothing is asked of it."""

    def __init__(self, stages: Sequence[Stage], context: Context, planned: Sequence[Stage]) -> None:
        """See `preflight`."""
        made = {stage.id: stage for stage in planned}
        self._context = context
        self._asked: dict[Rows, dict[Asked, None]] = {}
        for stage in stages:
            for each in _asked(stage, made):
                self._asked.setdefault(each.rows, {})[each] = None

    def check_words(self) -> None:
        """Whether those in folders can tell the answers of all tasks apart. Reads no rows, and
        tokenizers by themselves: a plan waits for no library.

        Raises:
            UnsupportedError: one cannot.
        """
        asked = [each for of_rows in self._asked.values() for each in of_rows]
        named = {(each.path, each.revision, each.rows[0], each.readout): each for each in asked}
        codecs: dict[str, Codec | None] = {}
        for path, revision, name, readout in named:
            if path not in codecs:
                codecs[path] = light_codec(Path(path))
            codec, task = codecs[path], self._context.task(name)
            if codec is not None:
                kind = model_architecture(path, revision)
                check_words(codec, kind, task, readout or readout_planned(kind, task))

    def check_rows(self, rows: Rows, prompted: Sequence[Prompted]) -> None:
        """The same for one set of rows, and whether its examples fit.

        Raises:
            DataError: one does not.
            UnsupportedError: see `check_words`.
        """
        for each in self._asked.get(rows, ()):
            architecture = self._context.reader(each.path, each.revision, each.max_input_tokens)
            task, kind = self._context.task(each.rows[0]), architecture.name
            check_words(architecture.codec, kind, task, each.readout or readout_planned(kind, task))
            check_rows(architecture, task, prompted, each.readout, training=each.training)


def _asked(stage: Stage, made: Mapping[str, Stage]) -> Iterator[Asked]:
    base = _base(stage, made)
    if base is None:
        return
    if isinstance(stage, PredictStage) and stage.reads_rows:
        yield _asked_by(stage, base, stage.max_input_tokens)
    if isinstance(stage, TrainStage):
        length = stage.training.max_input_tokens
        for each in stage.tasks:
            for language in each.in_languages:
                rows: Rows = (each.shown.task, language, "train", stage.limit)
                yield Asked(*base, length, True, each.form, rows)
        yield from (_asked_by(each.predict, base, length) for each in stage.dev)


def _asked_by(stage: PredictStage, base: tuple[str, str | None], length: int) -> Asked:
    return Asked(*base, length, False, stage.readout, _rows_of(stage))


def _base(stage: Stage, made: Mapping[str, Stage]) -> tuple[str, str | None] | None:
    """Path and revision of the checkpoint that a stage's chain begins with; None: a new model, or
    none at all."""
    while stage.how.path is None:
        before = stage.needs.get("checkpoint", "")
        if before not in made:
            return None
        stage = made[before]
    return stage.how.path, stage.how.revision


def _check_models(stages: Sequence[Stage]) -> None:
    """Whether every weight of the models that exist is there, and a head where one is read."""
    for stage in stages:
        path, adapter = stage.how.path, stage.how.adapter
        if path is None:
            continue
        from t2t_xfer.architectures.weights import check_head, check_names, check_weights

        account = check_weights(path, stage.how.revision)
        if not isinstance(stage, PredictStage):
            continue
        if stage.engine == "vllm":
            check_names(path, account)
        trained = "adapter" in stage.needs or (
            adapter is not None and adapter_base(adapter).fresh_head is not None
        )
        if stage.readout is not Readout.embed and not trained:
            check_head(path, account.fresh_head)


def _check_adapters(stages: Sequence[Stage]) -> None:
    """Looks at the adapters that exist already; no weights are loaded."""
    adapters: dict[tuple[str, str | None], dict[str, None]] = {}
    for stage in stages:
        adapter, path = stage.how.adapter, stage.how.path
        if adapter is None or path is None:
            continue
        adapters.setdefault((path, stage.how.revision), {})[adapter] = None
        if isinstance(stage, PredictStage) and stage.engine == "vllm":
            check_decodable(adapter)
            adapter_rank(adapter)
    for (path, revision), over in adapters.items():
        from t2t_xfer.architectures.loading import check_adapters

        check_adapters(path, revision, over)


def _rows(stage: Stage) -> list[Rows]:
    """What a stage reads."""
    if isinstance(stage, TrainStage):
        trained: list[Rows] = [
            (each.shown.task, language, "train", stage.limit)
            for each in stage.tasks
            for language in each.in_languages
        ]
        return [*trained, *(_rows_of(each.predict) for each in stage.dev)]
    if isinstance(stage, ScoreStage):
        return [(stage.parsed.task, stage.language, stage.split, stage.limit)]
    if not isinstance(stage, PredictStage) or not stage.reads_rows:
        return []
    rows = [_rows_of(stage)]
    if stage.majority_of is not None:
        train = stage.majority_of
        languages = stage.train_languages or (train.source_language,)
        rows += [(train.task, code, "train", stage.train_limit) for code in languages]
    return rows


def _rows_of(stage: PredictStage) -> Rows:
    return (stage.shown.task, stage.language, stage.split, stage.limit)
