"""Separate choices: a yes or no to each, compared over the choices of one example."""

from __future__ import annotations

import copy
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row, row_batches
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Closed, Prompted, Readout, Separate
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.training import loop
from t2t_xfer.training.mixture import Mixture, Part, StreamPlace
from t2t_xfer.training.steps import Step, padded_tokens

from .learning import fresh_model, rendered
from .studydata import ARCHITECTURES

WORDS = {
    "one token each": ("yes", "no"),
    "several, the first ones shared": ("quite right", "quite wrong again"),
    "one begins the other": ("right", "right not"),
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [each.input for p in rendered("separate", 32) for each in p.asked]
    # Words of one token for "yes" and "no", and letters alone for the others.
    model = fresh_model(request.param, [*texts, *["right: yes", "right: no"] * 40])
    model.model.eval()
    return model


def examples(words: tuple[str, str] = ("yes", "no")) -> list[Prompted]:
    """Eight examples of different lengths, every other with a fourth choice."""
    found = []
    for i, each in enumerate(rendered("separate", 8)):
        asked = list(each.asked) + [replace(each.asked[1], target="no")] * (i % 2)
        named = [
            replace(a, question=Closed(words), target=words[0 if a.target == "yes" else 1])
            for a in asked
        ]
        found.append(replace(each, question=Separate(tuple(named))))
    return found


def test_scores_are_the_log_odds_of_each_question_alone(loaded: LoadedModel) -> None:
    """Against a forward of its own for each word after each question."""
    words = WORDS["one token each"]
    read = TransformersEngine(loaded, 300).answer(examples(words), Readout.slots)
    for example, generation in zip(examples(words), read, strict=True):
        expected = []
        for asked in example.asked:
            terms = [first_term(loaded, asked, word) for word in words]
            expected.append(terms[0] - terms[1])
        assert generation.scores == pytest.approx(expected, abs=1e-4)


def first_term(loaded: LoadedModel, asked: Prompted, word: str) -> float:
    """log p of a word's first token where both words begin; an encoder's masks all count."""
    plain = replace(asked, target=word)
    (row,) = loaded.architecture.training_rows(plain)
    count = len(row.places) if loaded.architecture.name == "encoder" else 1
    sequence = "decoder_ids" if row.decoder_ids else "input_ids"
    if count < len(row.places):  # nothing behind the place that is read
        row = replace(row, **{sequence: getattr(row, sequence)[: row.places[0] + 1]})
    with torch.inference_mode():
        logits = loaded.model(**loaded.architecture.inputs([row])).logits[0]
    places, labels = list(row.places[:count]), list(row.labels[:count])
    return float(logits.log_softmax(-1)[places, labels].sum())


@pytest.mark.parametrize("name", [name for name in WORDS if name != "one token each"])
def test_words_that_begin_alike_are_read_where_they_part(loaded: LoadedModel, name: str) -> None:
    """The log-odds of the first tokens that differ, given those before: exact for any words."""
    words = WORDS[name]
    codec, (example, *_) = loaded.architecture.codec, examples(words)
    (row,) = loaded.architecture.reading_rows(example, Readout.slots)
    if loaded.architecture.name == "encoder":
        assert len(row.apart[0].places) == max(len(codec.target(word)) for word in words)
        return
    ends = [(*codec.target(word), codec.special("eos")) for word in words]
    part = next(i for i, (a, b) in enumerate(zip(*ends, strict=False)) if a != b)
    assert part > 0
    for each in row.apart:
        sequence = each.decoder_ids or each.input_ids
        assert sequence[len(sequence) - part :] == ends[0][:part]
        assert each.places == (len(sequence) - 1,)
        assert [reading.token for reading in each.readings] == [ends[0][part], ends[1][part]]


def test_equal_words_are_refused(loaded: LoadedModel) -> None:
    with pytest.raises(UnsupportedError, match="'yes' and 'yes' are the same tokens"):
        loaded.architecture.training_rows(examples(("yes", "yes"))[0])


def test_losses_are_cross_entropies_over_the_choices(loaded: LoadedModel) -> None:
    """One example at a time, from the scores that reading gives."""
    prompted = examples()
    rows = [row for p in prompted for row in loaded.architecture.training_rows(p)]
    assert all(row.weight == 1 for row in rows)
    with torch.inference_mode():
        together = batch_losses(loaded.model, loaded.architecture, rows)
    for example, row, loss in zip(prompted, rows, together, strict=True):
        (read,) = TransformersEngine(loaded, 10_000).answer([example], Readout.slots)
        scores = torch.tensor([read.scores])
        right = [asked.target for asked in example.asked].index("yes")
        expected = torch.nn.functional.cross_entropy(scores, torch.tensor([right]))
        assert row.labels == (right,)
        assert float(loss) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("budget", [1, 200, 100_000])
@pytest.mark.parametrize("processes", [1, 2])
def test_a_step_has_one_gradient_however_it_is_cut(
    loaded: LoadedModel, budget: int, processes: int
) -> None:
    """Mixed with other tasks, in several processes: the choices of an example stay together."""
    labels = rendered("label", 5)
    architecture = loaded.architecture
    rows = [row for p in examples() for row in architecture.training_rows(p)]
    rows += [row for p in labels for row in architecture.training_rows(p)]
    random.Random(1).shuffle(rows)
    step = Step(rows, len(rows), tuple(row.id for row in rows), budget)

    def gradient(batches: list[list[Row]]) -> torch.Tensor:
        loaded.model.zero_grad()
        for batch in batches:
            (batch_losses(loaded.model, architecture, batch).sum() / len(rows)).backward()
        return torch.cat(
            [p.grad.flatten() for p in loaded.model.parameters() if p.grad is not None]
        )

    cut = [batch for share in step.shares(processes) for batch in share]
    assert all(len({row.kind for row in batch}) == 1 for batch in cut)
    torch.testing.assert_close(
        gradient(cut), gradient([[row] for row in rows]), atol=1e-5, rtol=1e-3
    )


def test_budgets_count_the_padding_within_a_bundle(loaded: LoadedModel) -> None:
    rows = [row for p in examples() for row in loaded.architecture.training_rows(p)]
    for batch in row_batches(rows, 300):
        some = [rows[i] for i in batch]
        assert len(some) == 1 or padded_tokens([some]) <= 300
        tokens = sum(row.num_tokens for row in some)
        assert tokens == sum(len(r.input_ids) + len(r.decoder_ids) for x in some for r in x.apart)


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_size_nor_order_changes_a_score(
    loaded: LoadedModel, batch_tokens: int
) -> None:
    engine = TransformersEngine(loaded, 500)
    expected = {g.id: g.scores for g in engine.answer(examples(), Readout.slots)}
    found = TransformersEngine(loaded, batch_tokens).answer(examples()[::-1], Readout.slots)
    for generation in found:
        assert generation.scores == pytest.approx(expected[generation.id], abs=1e-4)


def test_every_choice_is_read_behind_the_same_shots(loaded: LoadedModel) -> None:
    """What does not fit before the longest of the questions goes for all of them."""
    if loaded.architecture.name == "encoder":
        return
    codec, example = loaded.architecture.codec, examples()[0]
    long = replace(example.asked[0], input=example.asked[0].input + " the dog" * 20)
    shots = ("text: a dog right: yes\n\n", "text: a cat right: no\n\n")
    asked = replace(example, question=Separate((long, *example.asked[1:])), shots=shots)
    room = len(codec.encode(long).ids) + len(codec.encode(replace(long, input=shots[1])).ids) + 1
    fitting = codec.with_fitting_shots(asked, room)
    assert fitting.shots == shots[1:]
    (row,) = loaded.architecture.reading_rows(fitting, Readout.slots)
    shown = codec.encode(replace(example.asked[1], shots=shots[1:])).ids
    assert shown == row.apart[1].input_ids[len(codec.prefix) :][: len(shown)]


def test_a_mixture_learns_the_same_in_less_memory(
    loaded: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that does not fit is cut, and an example's choices stay together."""
    architecture, parts = loaded.architecture, [examples(), rendered("label", 8)]

    def rows_of(place: StreamPlace) -> list[Row]:
        return architecture.training_rows(parts[place.task][place.example])

    def trained(folder: str) -> loop.Trained:
        model = replace(loaded, model=copy.deepcopy(loaded.model))
        for module in model.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            elif isinstance(getattr(module, "dropout", None), float):  # T5's attention
                module.dropout = 0.0
        spec = TrainingSpec(steps=3, examples_per_step=8, learning_rate=1e-3)
        mixture = Mixture((Part("choices", 8), Part("labels", 8)), "equal", seed=0)
        where = tmp_path / folder
        return loop.train(model, mixture, rows_of, spec, seed=0, directory=where, progress=False)

    whole = trained("whole")
    computed = loop.batch_losses

    def no_room_for_many(
        model: torch.nn.Module, architecture: Architecture, rows: list[Row]
    ) -> torch.Tensor:
        if sum(len(row.sequences) for row in rows) > 6:
            raise torch.OutOfMemoryError("made up")
        return computed(model, architecture, rows)

    monkeypatch.setattr(loop, "batch_losses", no_room_for_many)
    cut = trained("cut")
    assert cut.micro_batch_tokens < whole.micro_batch_tokens
    assert cut.losses == pytest.approx(whole.losses, abs=1e-4)
    for one, other in zip(cut.part_losses, whole.part_losses, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
