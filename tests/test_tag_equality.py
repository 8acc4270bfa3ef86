"""Tags read fast are the tags read slowly: word by word, code by code, one sentence at a time.

Slow readings use no batch, no cache and the logits of the whole vocabulary; codebooks go up to the
1,363 categories of CCGbank.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from t2t_xfer.architectures.head import place_logits
from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.architectures.rows import Row
from t2t_xfer.engines.transformers import TransformersEngine, best_path
from t2t_xfer.engines.written import PairsOf
from t2t_xfer.records import ArchitectureName, Prompted, Readout, Slots
from t2t_xfer.specs.tag_scheme import bio_follows

from .learning import rendered

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
BIO = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
CODEBOOKS = {
    "17": Slots((), tuple(f"T{i}" for i in range(17))),
    "bio": Slots((), BIO, bio_follows(BIO), held=True),
    "1363": Slots((), tuple(f"T{i}" for i in range(1363))),
}


def text(words: int) -> list[str]:
    """Enough different words for a vocabulary of 1,700 tokens."""
    rng = random.Random(0)
    return [" ".join(f"{rng.randrange(10**6):x}" for _ in range(9)) for _ in range(words)]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    tokenizer = train_tokenizer(
        [*text(900), *(p.input for p in rendered("tags", 32))], 1700, request.param
    )
    model = new_model(request.param, len(tokenizer), hidden=64, layers=2, heads=2)
    # Random weights say one thing for ever; larger ones are moodier.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2)
    return wrap(model.eval(), tokenizer, 96)


@pytest.fixture(params=CODEBOOKS)
def asked(request: pytest.FixtureRequest) -> Slots:
    return CODEBOOKS[request.param]


def sentences(count: int, asked: Slots) -> list[Prompted]:
    """Without gold answers: the codebooks here are not the task's."""
    found = []
    for p in rendered("tags", count):
        assert isinstance(p.question, Slots)
        own = replace(asked, places=p.question.places)
        found.append(replace(p, target="", slot_targets=(), question=own))
    return found


def one_word_at_a_time(loaded: LoadedModel, row: Row, word: int) -> torch.Tensor:
    """Logits of the whole vocabulary at one word, from a row that holds no other block."""
    place = row.places[word]
    if row.blocks:
        block = row.blocks[place]
        kept = [i for i, each in enumerate(row.blocks) if each == block]
        ids = tuple(row.decoder_ids[i] for i in kept)
        row = replace(row, decoder_ids=ids, blocks=(), places=(len(ids) - 1,))
    elif loaded.architecture.name == "causal":
        row = replace(row, input_ids=row.input_ids[: place + 1])
    with torch.inference_mode():
        logits = loaded.model(**loaded.architecture.inputs([row])).logits[0]
    found: torch.Tensor = logits[-1 if loaded.architecture.name != "encoder" else place]
    return found


def test_one_pass_equals_one_word_at_a_time(loaded: LoadedModel, asked: Slots) -> None:
    codes = list(loaded.architecture.codec.codebook(len(asked.options)))
    examples = sentences(5, asked)
    fast = TransformersEngine(loaded, 700).answer(examples, Readout.slots)
    for example, generation in zip(examples, fast, strict=True):
        (row,) = loaded.architecture.reading_rows(example, Readout.slots)
        slow = [one_word_at_a_time(loaded, row, i) for i in range(len(row.places))]
        terms = torch.stack(slow).log_softmax(-1)[:, codes]
        follows = asked.follows or ((),) * len(codes)
        assert list(generation.choices) == terms.argmax(-1).tolist()
        assert list(generation.legal or generation.choices) == best_path(terms.tolist(), follows)


def test_the_heads_rows_of_the_codes_are_the_columns_of_all_logits(
    loaded: LoadedModel, asked: Slots
) -> None:
    codes = loaded.architecture.codec.codebook(len(asked.options))
    rows = [
        row
        for example in sentences(5, asked)
        for row in loaded.architecture.reading_rows(example, Readout.slots)
    ]
    with torch.inference_mode():
        every = place_logits(loaded.model, loaded.architecture, rows)
        some = place_logits(loaded.model, loaded.architecture, rows, codes)
    assert some.shape == (every.shape[0], len(codes))
    torch.testing.assert_close(some, every[:, list(codes)], atol=1e-5, rtol=0)


def test_a_head_that_is_no_plain_matrix_gives_the_same(loaded: LoadedModel) -> None:
    """An adapter over the head: its rows cannot be picked before it has added its part."""

    class Wrapped(torch.nn.Linear):
        pass

    asked = CODEBOOKS["17"]
    codes = loaded.architecture.codec.codebook(17)
    (row,) = loaded.architecture.reading_rows(sentences(1, asked)[0], Readout.slots)
    head = loaded.model.get_output_embeddings()
    with torch.inference_mode():
        expected = place_logits(loaded.model, loaded.architecture, [row], codes)
        head.__class__ = Wrapped
        try:
            found = place_logits(loaded.model, loaded.architecture, [row], codes)
        finally:
            head.__class__ = torch.nn.Linear
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def one_token_at_a_time(loaded: LoadedModel, row: Row) -> list[int]:
    """Greedy under the grammar, with one forward pass over everything for each token."""
    assert row.pairs is not None
    end = loaded.architecture.codec.special("eos")
    grammar = PairsOf(row.pairs, end)
    tokens: list[int] = []
    while grammar.allowed() != [end]:
        if row.decoder_ids:
            longer = replace(row, decoder_ids=(*row.decoder_ids, *tokens))
        else:
            longer = replace(row, input_ids=(*row.input_ids, *tokens))
        with torch.inference_mode():
            logits = loaded.model(**loaded.architecture.inputs([longer])).logits[0, -1]
        tokens.append(max(grammar.allowed(), key=lambda token: float(logits[token])))
        grammar.advance(tokens[-1])
    return tokens


def test_written_tags_equal_the_slow_search(loaded: LoadedModel, asked: Slots) -> None:
    if loaded.architecture.name == "encoder":
        pytest.skip("an encoder writes nothing")
    examples = sentences(4, asked)
    found = TransformersEngine(loaded, 700).answer(examples, Readout.generate)
    for example, generation in zip(examples, found, strict=True):
        (row,) = loaded.architecture.reading_rows(example, Readout.generate)
        assert row.pairs is not None
        tokens = one_token_at_a_time(loaded, row)
        tags = [asked.options[tag] for tag in row.pairs.tags(tokens)]
        assert generation.text == " ".join(f"{i}:{tag}" for i, tag in enumerate(tags))


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_nor_order_changes_written_tags(
    loaded: LoadedModel, asked: Slots, batch_tokens: int
) -> None:
    if loaded.architecture.name == "encoder":
        pytest.skip("an encoder writes nothing")
    examples = sentences(9, asked)
    alone = {
        example.id: TransformersEngine(loaded, 1).answer([example], Readout.generate)[0]
        for example in examples
    }
    mixed = random.Random(0).sample(examples, len(examples))
    engine = TransformersEngine(loaded, batch_tokens)
    for found in engine.answer(mixed, Readout.generate):
        assert found == alone[found.id]


def test_a_piece_goes_on_with_the_tag_of_the_piece_before(loaded: LoadedModel) -> None:
    """`I-PER` may begin a piece exactly where the one before it ends with a person."""
    asked = CODEBOOKS["bio"]
    if loaded.architecture.name == "encoder":
        pytest.skip("an encoder writes nothing")
    rows = loaded.architecture.reading_rows(sentences(1, asked)[0], Readout.generate)
    pairs = rows[0].pairs
    assert pairs is not None
    for previous, may in ((None, False), (0, False), (1, True), (2, True), (3, False)):
        grammar = PairsOf(replace(pairs, previous=previous), 1)
        for token in pairs.markers[0]:
            grammar.advance(token)
        assert (pairs.codes[2] in grammar.allowed()) is may
