"""Greedy decoding equals its slow definition: no cache, no batch, every legal text written out."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.engines.written import OneOf, PieceOf, Written
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Closed, Cloze, Decoding, Question, Readout, Status

from .learning import answers, asking, fresh_model, rendered, written

WRITERS: tuple[ArchitectureName, ...] = ("seq2seq", "causal")
FREE = Decoding(constrained=False, max_new_tokens=7)
LONG_WORDS = Closed(("entailment without doubt", "neutral", "entailment", "contradiction"))
END = 1


@pytest.fixture(scope="module", params=WRITERS)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [p.input for kind in ("label", "span") for p in rendered(kind, 32)]
    words = ["relation: entailment without doubt, relation: contradiction in terms: neutral"] * 8
    model = fresh_model(request.param, [*texts, *words])
    # Random weights say one thing for ever; larger ones are moodier.
    with torch.no_grad():
        for parameter in model.model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2)
    model.model.eval()
    return model


def rows_of(
    loaded: LoadedModel, kind: str, count: int, question: Question | None = None
) -> list[Row]:
    prompted = rendered(kind, count)
    if question is not None:
        prompted = asking(prompted, question)
    architecture = loaded.architecture
    return [
        row for example in prompted for row in architecture.reading_rows(example, Readout.generate)
    ]


def next_terms(loaded: LoadedModel, row: Row, tokens: list[int]) -> torch.Tensor:
    """Log-probabilities after some written tokens, by one forward pass over everything."""
    if row.decoder_ids:
        row = replace(row, decoder_ids=(*row.decoder_ids, *tokens))
    else:
        row = replace(row, input_ids=(*row.input_ids, *tokens))
    with torch.inference_mode():
        logits = loaded.model(**loaded.architecture.inputs([row])).logits[0, -1]
    return logits.log_softmax(-1)


def legal_texts(row: Row) -> set[tuple[int, ...]]:
    """Every text that the row may become, each with its end."""
    if row.keys is None:
        return {(*target, END) for target in row.targets}
    keys = row.input_ids[row.keys.start : row.keys.end]
    pairs = itertools.combinations(range(len(keys) + 1), 2)
    return {(*keys[start:end], END) for start, end in pairs}


def slowly(loaded: LoadedModel, row: Row, decoding: Decoding) -> tuple[float, list[int]]:
    """Greedy search through the legal texts, one token and one forward pass at a time."""
    tokens: list[int] = []
    score = 0.0
    texts = legal_texts(row) if decoding.constrained else set()
    most = decoding.max_new_tokens if row.keys or not decoding.constrained else 99
    while not tokens or tokens[-1] != END:
        terms = next_terms(loaded, row, tokens)
        legal = range(len(terms)) if not texts else {text[len(tokens)] for text in texts}
        if len(tokens) == most - 1:
            legal = {END}
        tokens.append(max(legal, key=lambda token: float(terms[token])))
        score += float(terms[tokens[-1]])
        texts = {text for text in texts if text[: len(tokens)] == tuple(tokens)}
    return score, tokens[:-1]


@pytest.mark.parametrize(
    ("kind", "decoding"),
    [
        ("span", Decoding(max_new_tokens=6)),
        ("span", Decoding()),
        ("span", FREE),
        ("label", Decoding()),
        ("label", FREE),
    ],
)
def test_writing_equals_the_slow_search(loaded: LoadedModel, kind: str, decoding: Decoding) -> None:
    rows = rows_of(loaded, kind, 8, LONG_WORDS if kind == "label" else None)
    for row, found in zip(rows, written(loaded, rows, decoding, 400), strict=True):
        score, tokens = slowly(loaded, row, decoding)
        assert list(found.tokens) == tokens
        assert found.score == pytest.approx(score, abs=1e-3)
        if not decoding.constrained:
            assert found.found is None
        elif row.keys is None:
            assert found.found is not None
            assert row.targets[found.found] == found.tokens
        else:
            assert found.found is not None
            first = row.keys.start + found.found
            assert row.input_ids[first : first + len(tokens)] == found.tokens
            earlier = range(row.keys.start, first)
            assert all(row.input_ids[i : i + len(tokens)] != found.tokens for i in earlier)


def test_a_constrained_label_is_the_greedy_one_and_parses(loaded: LoadedModel) -> None:
    prompted = rendered("label", 12)
    generations = TransformersEngine(loaded, 500).answer(prompted, Readout.generate)
    for example, generation in zip(prompted, generations, strict=True):
        assert generation.text in answers("label").options
        prediction = answers("label").parse(generation, example)
        assert (prediction.value, prediction.status) == (generation.text, Status.exact)


def test_candidates_of_one_example_beat_the_options(loaded: LoadedModel) -> None:
    prompted = rendered("label", 2)
    own = [replace(prompted[0], question=Cloze(("the dog", "a cat"))), prompted[1]]
    first, second = TransformersEngine(loaded, 500).answer(own, Readout.generate)
    assert first.text in ("the dog", "a cat")
    assert second.text in answers("label").options


@pytest.mark.parametrize("decoding", [Decoding(), FREE])
@pytest.mark.parametrize("kind", ["label", "span"])
@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_size_nor_order_changes_a_text(
    loaded: LoadedModel, kind: str, batch_tokens: int, decoding: Decoding
) -> None:
    rows = rows_of(loaded, kind, 12)
    # Ties by float rounding aside: an untrained model has none here.
    order = random.Random(0).sample(range(len(rows)), len(rows))
    expected = written(loaded, rows, decoding, 500)
    mixed = written(loaded, [rows[i] for i in order], decoding, batch_tokens)
    for i, found in zip(order, mixed, strict=True):
        assert found.tokens == expected[i].tokens
        assert found.score == pytest.approx(expected[i].score, abs=1e-3)


def test_the_checkpoints_own_generation_settings_do_not_count(loaded: LoadedModel) -> None:
    rows = rows_of(loaded, "span", 4)
    expected = written(loaded, rows, Decoding(), 500)
    settings = loaded.model.generation_config
    assert settings is not None
    settings.repetition_penalty = 9.0
    settings.no_repeat_ngram_size = 1
    try:
        assert written(loaded, rows, Decoding(), 500) == expected
        assert loaded.model.generation_config is settings
    finally:
        settings.repetition_penalty = settings.no_repeat_ngram_size = None


def test_free_text_of_a_span_has_no_place_and_still_parses(loaded: LoadedModel) -> None:
    prompted = rendered("span", 4)
    engine = TransformersEngine(loaded, 500)
    for generation, example in zip(
        engine.answer(prompted, Readout.generate, FREE), prompted, strict=True
    ):
        assert generation.place is None
        assert generation.text is not None
        answers("span").parse(generation, example)


def test_constrained_text_of_a_span_stands_in_its_place(loaded: LoadedModel) -> None:
    prompted = rendered("span", 12)
    for generation, example in zip(
        TransformersEngine(loaded, 500).answer(prompted, Readout.generate),
        prompted,
        strict=True,
    ):
        assert generation.place is not None
        start, end = generation.place
        field = next(r for r in example.regions if r.field == "context")
        assert field.start <= start <= end <= field.end
        assert generation.text == example.input[start:end]


def test_an_encoder_writes_nothing() -> None:
    encoder = fresh_model("encoder", ["which one of them?"] * 9)
    with pytest.raises(UnsupportedError, match="slots"):
        encoder.architecture.generation_inputs([])


def test_nothing_to_write_is_no_error(loaded: LoadedModel) -> None:
    assert written(loaded, [], Decoding(), 500) == list[Written]()


def reachable(constraint_of, most: int) -> Iterator[tuple[int, ...]]:  # type: ignore[no-untyped-def]
    """Every finished text that a constraint lets through."""
    open_texts: list[tuple[int, ...]] = [()]
    for _ in range(most):
        longer = []
        for text in open_texts:
            constraint = constraint_of()
            for token in text:
                constraint.advance(token)
            for token in constraint.allowed():
                if token == END:
                    yield text
                else:
                    longer.append((*text, token))
        open_texts = longer


@given(st.lists(st.integers(2, 5), min_size=1, max_size=7))
def test_a_piece_is_any_consecutive_tokens(keys: list[int]) -> None:
    pairs = itertools.combinations(range(len(keys) + 1), 2)
    expected = {tuple(keys[start:end]) for start, end in pairs}
    found = list(reachable(lambda: PieceOf(keys, END), len(keys) + 1))
    assert set(found) == expected
    assert len(found) == len(expected)


@given(
    st.lists(st.lists(st.integers(2, 4), min_size=1, max_size=4).map(tuple), min_size=1, max_size=5)
)
def test_one_of_some_targets_and_nothing_else(targets: list[tuple[int, ...]]) -> None:
    found = list(reachable(lambda: OneOf(targets, END), 6))
    assert sorted(found) == sorted(set(targets))
    for target in targets:
        constraint = OneOf(targets, END)
        for token in target:
            constraint.advance(token)
        assert constraint.found() == targets.index(target)


def test_a_field_that_holds_the_end_token_is_not_copied_across_it() -> None:
    found = set(reachable(lambda: PieceOf((5, END, 6), END), 4))
    assert found == {(5,), (6,)}
    assert PieceOf((END,), END).allowed() == [END]
