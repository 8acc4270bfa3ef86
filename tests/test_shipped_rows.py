"""What holds of every shipped task in every wording once it is tokens, on every architecture.

What a model reads before its answer has the same ids in training and in reading, and the loss is
over the target's tokens and its end and over nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings

from t2t_xfer.answers import AnswerFormat
from t2t_xfer.architectures import rows, way_of
from t2t_xfer.architectures.base import Architecture
from t2t_xfer.architectures.codec import ANSWER, Codec
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import ArchitectureName, Copied, Example, Prompted, Readout, Separate, Slots

from .learning import fresh_model
from .shipped import PIECES, TEXTS, drawn_examples, examples, worded, wordings

SOME = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module", params=["encoder", "seq2seq", "causal"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return fresh_model(request.param, [*TEXTS.values(), *PIECES], max_input_tokens=900)


def trained_rows(architecture: Architecture, text: Prompted, readout: Readout) -> list[Row]:
    """What is trained so that it can be read this way: tags that are written have a form of
    their own."""
    form = (readout,) if written_tags(text, readout) else ()
    return architecture.training_rows(text, *form)


def written_tags(text: Prompted, readout: Readout) -> bool:
    return isinstance(text.question, Slots) and readout is Readout.generate


def readings(
    architecture: Architecture, answer: AnswerFormat, text: Prompted
) -> Iterator[tuple[Readout, list[Row]]]:
    """The rows of every readout that the architecture has for the format."""
    for readout in way_of(architecture.name, answer.asks).readouts:
        try:
            yield readout, architecture.reading_rows(text, readout)
        except UnsupportedError:
            if readout is not Readout.slots:
                raise  # words that begin alike: `slots` alone refuses them


def trains(architecture: Architecture, answer: AnswerFormat) -> bool:
    """Whether there is anything to train. Pairs are found by a model as it is."""
    return way_of(architecture.name, answer.asks).training is not None


def prefix_of(architecture: ArchitectureName, row: Row) -> tuple[int, ...]:
    """What the model has read before the first answer token."""
    if architecture == "causal" and row.places:
        end = row.blocks.count(0) if row.blocks else row.places[0] + 1
        return row.input_ids[:end]
    return row.input_ids


def prefixes(architecture: Architecture, rows: list[Row]) -> list[tuple[int, ...]]:
    return [prefix_of(architecture.name, each) for row in rows for each in row.sequences]


def check_prefixes(architecture: Architecture, answer: AnswerFormat, example: Example) -> None:
    text = answer.render(example)
    for readout, read in readings(architecture, answer, text):
        trained = trained_rows(architecture, text, readout)
        if written_tags(text, readout):
            # The first tag is predicted behind its word's marker, not at the prompt's end.
            ends = [len(row.input_ids) for row in read]
            fed = [row.input_ids[:end] for row, end in zip(trained, ends, strict=True)]
            assert fed == [row.input_ids for row in read]
            continue
        expected = prefixes(architecture, trained)
        assert prefixes(architecture, read) == expected, readout


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_the_prompt_has_the_same_ids_in_training_and_in_reading(
    loaded: LoadedModel, name: str, variant: str
) -> None:
    task, answer = worded(name, variant)
    if not trains(loaded.architecture, answer):
        pytest.skip("this architecture does not train on it")
    for example in examples(task):
        check_prefixes(loaded.architecture, answer, example)

    @SOME
    @given(drawn_examples(task))
    def holds(example: Example) -> None:
        check_prefixes(loaded.architecture, answer, example)

    holds()


def told(architecture: Architecture, text: Prompted, answer: AnswerFormat) -> list[int]:
    """The tokens that the loss must cover, and no others."""
    codec = architecture.codec
    if isinstance(
        text.question, Separate
    ):  # the right choice; the readings say which tokens are compared
        return [[each.target for each in text.asked].index("yes")]
    if answer.asks is Slots:
        codes = codec.codebook(len(answer.options))
        return [codes[answer.options.index(t)] for t in text.slot_targets]
    copied = text.question
    if isinstance(copied, Copied) and text.answer is not None:
        # What is copied is the field's own tokens, wherever the tokenizer has cut them.
        encoded = codec.encode(text)
        span = encoded.spans[ANSWER]
        if architecture.name == "encoder":
            field = encoded.spans[copied.field]
            return [span.start - field.start, span.end - 1 - field.start]
        return [*encoded.ids[span.start : span.end], codec.special("eos")]
    target = [*codec.target(text.target), codec.special("eos")]
    if architecture.name != "encoder":
        return target
    if isinstance(copied, Copied):  # both pointers say that there is no answer
        return [rows.NULL, rows.NULL]
    # One mask for each token of the longest word, filled up with the pad token; no end.
    longest = max(len(codec.target(word)) for word in answer.options)
    return target[:-1] + [codec.special("pad")] * (longest - len(target) + 1)


def written(
    architecture: Architecture, text: Prompted, answer: AnswerFormat, row: Row
) -> list[int]:
    """The codes of a row's tags. The loss is at them alone: the grammar writes the markers."""
    codes = architecture.codec.codebook(len(answer.options))
    tags = text.slot_targets[row.first_slot : row.first_slot + len(row.pairs.markers)]
    return [codes[answer.options.index(tag)] for tag in tags]


def check_loss(architecture: Architecture, answer: AnswerFormat, example: Example) -> None:
    text = answer.render(example)
    for readout, read in readings(architecture, answer, text):
        trained = trained_rows(architecture, text, readout)
        assert sum(row.weight for row in trained) == pytest.approx(1)
        if isinstance(text.question, Separate):
            (row,) = trained
            assert trained == read
            for each in row.apart:  # yes and no at every place
                found = [(reading.place, reading.option) for reading in each.readings]
                places = range(len(each.places))
                assert sorted(found) == [(place, option) for place in places for option in (0, 1)]
            assert list(row.labels) == told(architecture, text, answer)
            continue
        for row in trained:
            assert len(row.places) == len(row.labels) == len(set(row.places))
        if written_tags(text, readout):
            expected = [written(architecture, text, answer, row) for row in read]
            assert [list(row.labels) for row in trained] == expected
        elif isinstance(
            text.question, Copied
        ):  # each window of a long field holds the whole answer
            expected = told(architecture, text, answer)
            assert all(list(row.labels) == expected for row in trained)
        else:
            expected = told(architecture, text, answer)
            assert [label for row in trained for label in row.labels] == expected
        if architecture.name != "encoder" and not (
            isinstance(text.question, Slots) and readout is Readout.slots
        ):
            check_next_tokens(trained)


def check_next_tokens(trained: list[Row]) -> None:
    """Each place predicts the token that stands behind it; the last label is fed to nothing."""
    for row in trained:
        sequence = (*(row.decoder_ids or row.input_ids), row.labels[-1])
        assert [sequence[place + 1] for place in row.places] == list(row.labels)


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_the_loss_covers_the_target_and_its_end_and_nothing_else(
    loaded: LoadedModel, name: str, variant: str
) -> None:
    task, answer = worded(name, variant)
    if not trains(loaded.architecture, answer):
        pytest.skip("this architecture does not train on it")
    for example in examples(task):
        check_loss(loaded.architecture, answer, example)

    @SOME
    @given(drawn_examples(task))
    def holds(example: Example) -> None:
        check_loss(loaded.architecture, answer, example)

    holds()


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_words_and_codes_are_distinct_as_tokens(
    loaded: LoadedModel, name: str, variant: str
) -> None:
    _, answer = worded(name, variant)
    codec: Codec = loaded.architecture.codec
    words = answer.options
    ids = (
        [(code,) for code in codec.codebook(len(words))]
        if answer.asks is Slots
        else [codec.target(word) for word in words]
    )
    assert all(ids)
    assert len(set(ids)) == len(words)


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_texts_survive_the_tokenizer(loaded: LoadedModel, name: str, variant: str) -> None:
    """Every character but white space is in some token, and every word has a token of its own.

    Tokenizers may drop a space: XLM-R's joins several into one, ours drops those before Han.
    """
    task, answer = worded(name, variant)
    codec = loaded.architecture.codec

    @SOME
    @given(drawn_examples(task))
    def holds(example: Example) -> None:
        text = answer.render(example)
        encoded = codec.encode(text)
        covered = {i for start, end in encoded.offsets for i in range(start, end)}
        assert {i for i, sign in enumerate(text.input) if not sign.isspace()} <= covered
        places = text.question.places if isinstance(text.question, Slots) else ()
        owned = [encoded.spans[place] for place in places]
        assert all(span.start < span.end for span in owned)
        assert all(a.end <= b.start for a, b in pairwise(owned))

    holds()


def test_a_lost_region_would_be_noticed(loaded: LoadedModel) -> None:
    """The checks above must be able to fail: one word fewer and the labels differ."""
    task, answer = worded("udpos", "default")
    text = answer.render(examples(task)[0])
    shorter = replace(text, slot_targets=text.slot_targets[:-1])
    architecture = loaded.architecture
    assert told(architecture, shorter, answer) != told(architecture, text, answer)


def test_a_loss_at_the_wrong_place_would_be_noticed() -> None:
    task, answer = worded("mnli", "default")
    causal = fresh_model("causal", list(TEXTS.values())).architecture
    (row,) = causal.training_rows(answer.render(examples(task)[0]))
    check_next_tokens([row])
    moved = replace(row, places=tuple(place - 1 for place in row.places))
    with pytest.raises(AssertionError):
        check_next_tokens([moved])
