"""What each architecture has to predict of a raw text."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.causal import Causal
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.encoder import Encoder
from t2t_xfer.architectures.micro import train_tokenizer
from t2t_xfer.architectures.rows import Row
from t2t_xfer.architectures.seq2seq import Seq2Seq
from t2t_xfer.records import ArchitectureName
from t2t_xfer.training.objectives import noise_spans, text_row

TEXT = " ".join(f"word{i} stands beside word{i + 1}." for i in range(40))
LINES = [TEXT] * 3


def architecture(name: ArchitectureName) -> Architecture:
    codec = Codec(train_tokenizer(LINES, 500, name))
    if name == "encoder":
        return Encoder(codec, 256)
    return Causal(codec, 256) if name == "causal" else Seq2Seq(codec, 256, decoder_start=0)


def ids_of(codec: Codec) -> list[int]:
    """Two documents with an end token between them."""
    half = list(codec.tokenizer(TEXT[:300], add_special_tokens=False)["input_ids"])
    return [*half, codec.special("eos"), *half]


def masked(seed: int) -> tuple[list[int], Row, Codec]:
    encoder = architecture("encoder")
    ids = ids_of(encoder.codec)
    return ids, text_row(encoder, ids, Random(seed)), encoder.codec


def test_masked_words_are_labels_and_all_else_is_shown() -> None:
    ids, row, codec = masked(1)
    full = [*codec.prefix, *ids, *codec.suffix]
    restored = list(row.input_ids)
    for place, label in zip(row.places, row.labels, strict=True):
        restored[place] = label
    assert restored == full
    assert list(row.places) == sorted(set(row.places))
    # 15 % of all tokens but the end token between the documents.
    assert len(row.places) == round(0.15 * (len(ids) - 1))


def test_no_special_token_is_masked() -> None:
    codec = masked(0)[2]
    labels = {label for seed in range(50) for label in masked(seed)[1].labels}
    assert labels.isdisjoint(codec.special_tokens)


def test_of_the_masked_words_eight_in_ten_are_hidden_and_one_is_replaced() -> None:
    encoder = architecture("encoder")
    ids = ids_of(encoder.codec)
    mask = encoder.codec.special("mask")
    hidden = kept = total = 0
    for seed in range(200):
        row = text_row(encoder, ids, Random(seed))
        shown = [row.input_ids[place] for place in row.places]
        total += len(shown)
        hidden += shown.count(mask)
        kept += sum(a == b for a, b in zip(shown, row.labels, strict=True))
    # Some 5,000 draws: a standard error of 0.006 for 0.8 and of 0.004 for 0.1; a random token is
    # the right one by chance once in 395.
    assert total > 4000
    assert hidden / total == pytest.approx(0.8, abs=0.02)
    assert kept / total == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("always", [(), (3, 4, 20)])
def test_spans_behind_their_sentinels_make_the_text_again(always: tuple[int, ...]) -> None:
    seq2seq = architecture("seq2seq")
    codec = seq2seq.codec
    ids = ids_of(codec)
    for seed in range(20):
        row = text_row(seq2seq, ids, Random(seed), always={ids[place] for place in always})
        spans: dict[int, list[int]] = {}
        for token in row.labels[:-1]:
            if token in codec.sentinels:
                spans[token] = []
                last = token
            else:
                spans[last].append(token)
        restored: list[int] = []
        for token in row.input_ids:
            restored += spans.get(token, [token])
        assert restored == [*codec.prefix, *ids, *codec.suffix]
        assert list(spans) == list(codec.sentinels[: len(spans)])
        assert row.labels[-1] == codec.special("eos")
        # The decoder reads its start and then what it has just written.
        assert row.decoder_ids == (0, *row.labels[:-1])
        assert row.places == tuple(range(len(row.labels)))


def test_spans_are_apart_and_hold_the_share_of_the_tokens() -> None:
    spans = noise_spans(100, Random(3), 0.15)
    # 15 tokens in spans of 3 on average: 5 of them.
    assert len(spans) == 5
    assert sum(end - start for start, end in spans) == 15
    assert all(a_end < b_start for (_, a_end), (b_start, _) in pairwise(spans))
    assert spans[0][0] > 0


@pytest.mark.parametrize("length", [2, 3, 5])
def test_a_short_text_loses_one_span(length: int) -> None:
    assert [end - start for start, end in noise_spans(length, Random(0), 0.15)] == [1]


def test_the_next_token_is_the_label_of_the_one_before_it() -> None:
    causal = architecture("causal")
    ids = ids_of(causal.codec)
    row = text_row(causal, ids, Random(0))
    assert row.labels == tuple(ids)
    assert row.input_ids == (*causal.codec.prefix, *ids[:-1])
    assert row.places == tuple(range(len(ids)))


@pytest.mark.parametrize("name", ["encoder", "seq2seq"])
def test_the_same_random_state_gives_the_same_row(name: ArchitectureName) -> None:
    made = architecture(name)
    ids = ids_of(made.codec)
    assert text_row(made, ids, Random(7)) == text_row(made, ids, Random(7))
    assert text_row(made, ids, Random(7)) != text_row(made, ids, Random(8))


@pytest.mark.parametrize("name", ["encoder", "seq2seq"])
def test_what_must_always_be_predicted_is_never_shown(name: ArchitectureName) -> None:
    """Alone, side by side, and beside what is drawn."""
    found = architecture(name)
    ids = ids_of(found.codec)
    always = {ids[0], ids[7], ids[8], ids[-1]}
    wanted = [token for token in ids if token in always]
    for seed in range(30):
        row = text_row(found, ids, Random(seed), always=always)
        assert always.isdisjoint(row.input_ids)
        assert [label for label in row.labels if label in always] == wanted
        predicted = [label for label in row.labels if label in set(ids)]
        # As many in all as without: 15 %, the few that are always predicted among them.
        assert len(predicted) == pytest.approx(0.15 * len(ids), abs=len(wanted) + 2)
