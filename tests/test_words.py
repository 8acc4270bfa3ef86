"""Sentences in pieces: every word in exactly one of them, as few as can be, nothing lost unsaid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.architectures.windows import Room, even_ranges, word_chunks
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import DataError
from t2t_xfer.records import ArchitectureName, Example, Prompted, Readout, Slots, Status

from .learning import EXAMPLES, answers, fresh_model

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
FORMS = [
    ("encoder", Readout.slots),
    ("seq2seq", Readout.slots),
    ("seq2seq", Readout.generate),
    ("causal", Readout.slots),
    ("causal", Readout.generate),
]
SENTENCES = {
    "spaces inside": ("the", "10 000", "dog", "не видит", "."),
    "right to left": ("كتاب", "جديد", "sees", "كتاب", "."),
    "no spaces": ("猫", "が", "好き", "。"),
    "combining": ("e\u0301te\u0301", "\u200c", "नमस्ते", "."),
    "one word": ("dog",),
}
LONG_WORD = "https://example.org/" + "a1/" * 80
MAX_INPUT_TOKENS = 64
NAMES = answers("tags").options


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.integers(6, 20), st.integers(1, 9))
def test_ranges_hold_every_word_once_within_both_limits(
    sizes: list[int], max_tokens: int, max_words: int
) -> None:
    found = even_ranges(sizes, max_tokens, max_words)
    assert [i for start, end in found for i in range(start, end)] == list(range(len(sizes)))
    assert all(sum(sizes[start:end]) <= max_tokens for start, end in found)
    assert all(0 < end - start <= max_words for start, end in found)


@pytest.mark.parametrize(
    ("sizes", "max_tokens", "max_words", "expected"),
    [
        ([1] * 8, 8, 9, [(0, 8)]),
        ([1] * 9, 8, 9, [(0, 5), (5, 9)]),  # not 8 and a lonely one
        ([1] * 101, 999, 100, [(0, 51), (51, 101)]),  # sentinels run out, tokens do not
        # Three at least: 5 + 4 fit into no 8. Greedy would take (3 3 1), (4), (5).
        ([3, 3, 1, 4, 5], 8, 9, [(0, 2), (2, 4), (4, 5)]),
        ([8, 8], 8, 9, [(0, 1), (1, 2)]),
    ],
)
def test_pieces_are_few_and_even(
    sizes: list[int], max_tokens: int, max_words: int, expected: list[tuple[int, int]]
) -> None:
    assert even_ranges(sizes, max_tokens, max_words) == expected


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [" ".join(words) for words in SENTENCES.values()] + ["words: the dog tags:"] * 9
    model = fresh_model(request.param, texts, max_input_tokens=MAX_INPUT_TOKENS)
    model.model.eval()
    return model


def prompted(words: tuple[str, ...]) -> Prompted:
    gold = tuple(NAMES[i * 5 % len(NAMES)] for i in range(len(words)))
    return answers("tags").render(Example("7", "pos", "en", "test", {"words": words}, gold))


def forms(loaded: LoadedModel) -> list[Readout]:
    return [form for name, form in FORMS if name == loaded.architecture.name]


def reread(codec: Codec, row: Row) -> list[str]:
    """The tags that a training row teaches, told by their codes."""
    codes = codec.codebook(len(NAMES))
    return [NAMES[codes.index(label)] for label in row.labels]


@pytest.mark.parametrize("name", SENTENCES)
def test_training_rows_of_a_split_sentence_teach_every_tag_once(
    loaded: LoadedModel, name: str
) -> None:
    example = prompted(SENTENCES[name] * 12)
    for form in forms(loaded):
        rows = loaded.architecture.training_rows(example, form)
        assert len(rows) > 1 or name == "one word"
        assert sum(row.weight for row in rows) == pytest.approx(1)
        assert max(len(row.input_ids) for row in rows) <= MAX_INPUT_TOKENS
        assert sum(row.removed_tokens for row in rows) == 0
        taught = [tag for row in rows for tag in reread(loaded.architecture.codec, row)]
        assert taught == list(example.slot_targets)
        assert [row.first_slot for row in rows] == _starts([len(r.places) for r in rows])


@pytest.mark.parametrize("name", SENTENCES)
def test_a_written_row_is_fed_what_is_written_and_predicts_the_tags(
    loaded: LoadedModel, name: str
) -> None:
    example = prompted(SENTENCES[name] * 12)
    architecture = loaded.architecture
    if architecture.name == "encoder":
        pytest.skip("an encoder writes nothing")
    taught = architecture.training_rows(example, Readout.generate)
    read = architecture.reading_rows(example, Readout.generate)
    for row, asked in zip(taught, read, strict=True):
        assert asked.pairs is not None
        words = len(asked.pairs.markers)
        gold = example.slot_targets[asked.first_slot : asked.first_slot + words]
        text = asked.pairs.text([NAMES.index(tag) for tag in gold])
        fed = row.decoder_ids or row.input_ids
        context = asked.decoder_ids or asked.input_ids
        assert fed == (*context, *text[:-1])
        # Behind each place stands the tag that is predicted there.
        assert [(*context, *text)[place + 1] for place in row.places] == list(row.labels)


def _starts(sizes: list[int]) -> list[int]:
    return [sum(sizes[:i]) for i in range(len(sizes))]


@pytest.mark.parametrize("name", SENTENCES)
def test_a_split_sentence_gets_one_tag_for_each_word(loaded: LoadedModel, name: str) -> None:
    example = prompted(SENTENCES[name] * 12)
    answer = answers("tags")
    for form in forms(loaded):
        engine = TransformersEngine(loaded, 400)
        (found,) = engine.answer([example], form)
        assert found.pieces > 1 or name == "one word"
        prediction = answer.parse(found, example)
        assert prediction.value is not None
        assert len(prediction.value) == len(example.slot_targets)
        assert prediction.status in (Status.scored, Status.exact)


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_the_tags_of_split_sentences_do_not_depend_on_the_batch(
    loaded: LoadedModel, batch_tokens: int
) -> None:
    examples = [
        replace(prompted(words * times), id=f"{name}{times}")
        for name, words in SENTENCES.items()
        for times in (1, 7)
    ]
    for form in forms(loaded):
        (alone) = [TransformersEngine(loaded, 1).answer([e], form)[0] for e in examples]
        assert (
            TransformersEngine(loaded, batch_tokens).answer(examples[::-1], form) == (alone[::-1])
        )


@pytest.mark.parametrize("words", [(LONG_WORD,), ("the", LONG_WORD, "dog", ".")])
def test_a_word_longer_than_a_row_keeps_its_place_and_is_counted(
    loaded: LoadedModel, words: tuple[str, ...]
) -> None:
    example = prompted(words)
    for form in forms(loaded):
        rows = loaded.architecture.training_rows(example, form)
        assert max(len(row.input_ids) for row in rows) <= MAX_INPUT_TOKENS
        assert sum(row.removed_tokens for row in rows) > 100
        assert sum(row.weight for row in rows) == pytest.approx(1)
        (found,) = TransformersEngine(loaded, 400).answer([example], form)
        assert found.removed_tokens > 100
        value = answers("tags").parse(found, example).value
        assert value is not None
        assert len(value) == len(words)


def test_a_prompt_that_fills_the_row_is_refused_by_name(loaded: LoadedModel) -> None:
    text = prompted(("the", "dog"))
    assert isinstance(text.question, Slots)
    with pytest.raises(DataError, match=r"example '7' \(en\): the prompt .* no room .* Raise"):
        word_chunks(loaded.architecture.codec, text, text.question, Room(5))


def test_more_words_than_sentinels_become_two_rows() -> None:
    loaded = fresh_model("seq2seq", ["the dog", "words: tags:"] * 9, max_input_tokens=900)
    example = prompted(("dog",) * 101)
    for form in (Readout.slots, Readout.generate):
        rows = loaded.architecture.training_rows(example, form)
        assert [row.first_slot for row in rows] == [0, 51]
        (found,) = TransformersEngine(loaded, 4000).answer([example], form)
        assert found.pieces == 2


def test_an_encoder_reads_a_word_at_its_own_first_token_and_not_at_a_space() -> None:
    """Before a script without spaces the space is a token by itself, in XLM-R's vocabulary too."""
    texts = ["the cat sees 猫 在 花园 里 dog", "猫 在 花园 里"]
    loaded = fresh_model("encoder", texts)
    task = answers("tags")
    words = ("cat", "猫", "在", "dog")
    example = replace(
        EXAMPLES["tags"](1, 0)[0], fields={"words": words}, gold=("NOUN",) * len(words)
    )
    (row,) = loaded.architecture.training_rows(task.render(example))
    read = [loaded.tokenizer.decode([row.input_ids[place]]).strip() for place in row.places]
    assert read[1:3] == ["猫", "在"]
    assert all(read)
