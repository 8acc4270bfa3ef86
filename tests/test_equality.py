"""Fast equals slow in float32: head on needed places, packed candidates, any batch and order."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from t2t_xfer.architectures.head import place_logits, row_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.records import ArchitectureName, Closed, Prompted, Readout, Slots

from .learning import answers, asking, fresh_model, rendered

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
LONG_WORDS = Closed(("entailment without doubt", "neutral", "contradiction in terms"))
"""Label words of different token counts, one of them three words long."""


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [p.input for kind in ("label", "tags") for p in rendered(kind, 32)]
    words = ["relation: entailment without doubt, relation: contradiction in terms: neutral"] * 8
    model = fresh_model(request.param, [*texts, *words])
    model.model.eval()
    return model


def plain_losses(loaded: LoadedModel, rows: list[Row]) -> list[float]:
    """The loss of each row alone, from the logits of every position."""
    losses = []
    for row in rows:
        with torch.inference_mode():
            logits = loaded.model(**loaded.architecture.inputs([row])).logits[0]
        at_places = logits[list(row.places)]
        losses.append(row.weight * functional.cross_entropy(at_places, torch.tensor(row.labels)))
    return [float(loss) for loss in losses]


@pytest.mark.parametrize("kind", ["label", "tags"])
def test_losses_from_needed_places_equal_those_from_full_logits(
    loaded: LoadedModel, kind: str
) -> None:
    prompted = rendered(kind, 12)
    rows = [row for p in prompted for row in loaded.architecture.training_rows(p)]
    with torch.inference_mode():
        fast = row_losses(place_logits(loaded.model, loaded.architecture, rows), rows)
    assert fast.tolist() == pytest.approx(plain_losses(loaded, rows), abs=1e-5)


def test_the_models_own_loss_agrees_on_a_label(loaded: LoadedModel) -> None:
    """Labels given to the model itself, placed as its own documentation says."""
    prompted = rendered("label", 4)
    for example in prompted:
        (row,) = loaded.architecture.training_rows(example)
        inputs = loaded.architecture.inputs([row])
        sequence = row.decoder_ids or row.input_ids
        labels = [-100] * len(sequence)
        # A decoder's loss shifts labels by itself: a token is its own position's label.
        shift = 1 if loaded.architecture.name == "causal" else 0
        ids = list(sequence) + [row.labels[-1]] * shift
        labels += [-100] * shift
        for place, label in zip(row.places, row.labels, strict=True):
            labels[place + shift] = label
        if shift:
            inputs = {
                "input_ids": torch.tensor([ids]),
                "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
            }
        with torch.inference_mode():
            own = loaded.model(**inputs, labels=torch.tensor([labels])).loss
            ours = row_losses(place_logits(loaded.model, loaded.architecture, [row]), [row])
        assert float(ours) == pytest.approx(float(own), abs=1e-5)


def one_candidate_at_a_time(
    loaded: LoadedModel, example: Prompted, options: Sequence[str]
) -> list[float]:
    """Sum of log-probabilities of each candidate with its end token, one forward each."""
    scores = []
    for word in options:
        (row,) = loaded.architecture.training_rows(replace(example, target=word))
        with torch.inference_mode():
            logits = loaded.model(**loaded.architecture.inputs([row])).logits[0]
        terms = logits.log_softmax(-1)[list(row.places), list(row.labels)]
        scores.append(float(terms.sum()))
    return scores


def test_rank_with_shared_context_equals_one_forward_for_each_candidate(
    loaded: LoadedModel,
) -> None:
    prompted = asking(rendered("label", 10), LONG_WORDS)
    readout = Readout.slots if loaded.architecture.name == "encoder" else Readout.rank
    fast = TransformersEngine(loaded, 600).answer(prompted, readout)
    for example, generation in zip(prompted, fast, strict=True):
        slow = one_candidate_at_a_time(loaded, example, LONG_WORDS.options)
        assert generation.scores == pytest.approx(slow, abs=1e-4)


def test_the_head_is_computed_once_where_all_candidates_begin(loaded: LoadedModel) -> None:
    if loaded.architecture.name == "encoder":
        pytest.skip("an encoder has no candidates that begin anywhere")
    prompted = asking(rendered("label", 1), LONG_WORDS)
    (row,) = loaded.architecture.reading_rows(prompted[0], Readout.rank)
    assert len(row.places) == sum(row.option_lengths) - len(LONG_WORDS.options) + 1


def test_slots_are_the_first_terms_of_rank(loaded: LoadedModel) -> None:
    if loaded.architecture.name == "encoder":
        pytest.skip("an encoder's slots hold whole words: nothing is a first term")
    prompted = asking(rendered("label", 4), LONG_WORDS)
    fast = TransformersEngine(loaded, 600).answer(prompted, Readout.slots)
    for example, generation in zip(prompted, fast, strict=True):
        for option, word in enumerate(LONG_WORDS.options):
            (row,) = loaded.architecture.training_rows(replace(example, target=word))
            with torch.inference_mode():
                logits = loaded.model(**loaded.architecture.inputs([row])).logits[0]
            first = logits.log_softmax(-1)[row.places[0], row.labels[0]]
            assert generation.scores[option] == pytest.approx(float(first), abs=1e-4)


@pytest.mark.parametrize("kind", ["label", "tags"])
@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_size_nor_order_changes_an_answer(
    loaded: LoadedModel, kind: str, batch_tokens: int
) -> None:
    prompted = rendered(kind, 24)
    readout = Readout.rank if kind == "label" else Readout.slots
    if loaded.architecture.name == "encoder":
        readout = Readout.slots
    expected = {g.id: g for g in TransformersEngine(loaded, 500).answer(prompted, readout)}
    mixed = random.Random(0).sample(prompted, len(prompted))
    for generation in TransformersEngine(loaded, batch_tokens).answer(mixed, readout):
        assert generation.choices == expected[generation.id].choices
        assert generation.scores == pytest.approx(expected[generation.id].scores, abs=1e-4)


def test_the_inputs_ids_are_the_same_in_training_and_in_reading(loaded: LoadedModel) -> None:
    prompted = rendered("label", 6)
    for example in prompted:
        (trained,) = loaded.architecture.training_rows(example)
        (read,) = loaded.architecture.reading_rows(example, Readout.rank)
        if loaded.architecture.name == "causal":
            context = read.blocks.count(0)
            assert trained.input_ids[:context] == read.input_ids[:context]
            assert trained.places[0] == context - 1
        else:
            assert trained.input_ids == read.input_ids


def test_a_long_sentence_is_split_and_every_word_answered_once(loaded: LoadedModel) -> None:
    prompted = rendered("tags", 40)
    words = [t for p in prompted for t in p.slot_targets]
    text = "words: "
    regions, slots = [], []
    for p in prompted:
        for region in p.regions:
            if "[" not in region.field:
                continue
            slots.append(f"words[{len(slots)}]")
            word = p.input[region.start : region.end]
            start = len(text)
            text += word + " "
            regions.append(replace(region, field=slots[-1], start=start, end=start + len(word)))
    question = Slots(tuple(slots), answers("tags").options)
    long = Prompted("long", "en", text + "tags:", "", question, tuple(regions), tuple(words))
    rows = loaded.architecture.training_rows(long)
    assert len(rows) > 1
    assert sum(row.weight for row in rows) == pytest.approx(1)
    assert rows[0].first_slot == 0
    assert sum(len(row.places) for row in rows) == len(words)
    assert max(len(row.input_ids) for row in rows) <= loaded.architecture.max_input_tokens
    (generation,) = TransformersEngine(loaded, 500).answer([long], Readout.slots)
    assert len(generation.choices) == len(words)
