"""Windows: every token of a long context is read, with the prompt around it; the best answer wins.

The contexts are real in shape: several scripts, right to left, no spaces, combining marks.
"""

from dataclasses import replace

import pytest

from t2t_xfer.architectures.codec import ANSWER
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.pointers import best_pieces, pointer_logits
from t2t_xfer.architectures.rows import NULL, Row
from t2t_xfer.architectures.windows import answer_windows, piece, training_windows, windows
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.errors import DataError
from t2t_xfer.records import (
    Answer,
    ArchitectureName,
    Copied,
    Decoding,
    Example,
    Prompted,
    Readout,
)

from .learning import answers, fresh_model, written

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
TEXTS = {
    "en": "The bridge was built in 1858 by Ada Lovelace and her brother near the old town. ",
    "ar": "بُني الجسر عام 1858 على يد المهندس أحمد قرب المدينة القديمة. ",
    "zh": "这座桥建于1858年，由爱达在老城附近建造。",
    "hi": "पुल 1858 में पुराने शहर के पास बनाया गया था। ",
    "fr": "Le pont a e\u0301te\u0301 ba\u0302ti en 1858 pre\u0300s de la vieille ville. ",
}
ANSWERS = {"en": "Ada Lovelace", "ar": "أحمد", "zh": "爱达", "hi": "शहर", "fr": "vieille ville"}
NO_ANSWER = "unanswerable"
END = 1


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    prompts = ["question: which one of them? context: answer:"]
    model = fresh_model(request.param, [*TEXTS.values(), *prompts] * 4, max_input_tokens=96)
    model.model.eval()
    return model


def question(language: str, repeats: int, at: int = 0, text: str = "") -> Prompted:
    """The gold answer stands in the repetition `at` of the text."""
    context = TEXTS[language] * repeats
    text = text or ANSWERS[language]
    start = context.index(text, at * len(TEXTS[language]))
    fields = {"question": "which one of them?", "context": context}
    gold = (Answer(text, start),)
    return answers("span").render(Example("7", "things", language, "test", fields, gold))


def asked(example: Prompted) -> Copied:
    assert isinstance(example.question, Copied)
    return example.question


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("repeats", [1, 8])
def test_windows_hold_every_token_of_the_context_and_the_whole_prompt(
    loaded: LoadedModel, language: str, repeats: int
) -> None:
    codec, example = loaded.architecture.codec, question(language, repeats)
    full = codec.encode(example)
    span = full.spans["context"]
    found = windows(codec, example, asked(example), 90)
    assert len(found) == 1 or repeats > 1
    seen: set[int] = set()
    at = 0
    for window in found:
        assert len(window.ids) <= 90
        assert window.before == full.ids[: span.start]
        assert window.after == full.ids[span.end :]
        # Windows go from left to right and overlap by half.
        at = next(
            i
            for i in range(at, span.end)
            if full.offsets[i : i + len(window.tokens)] == window.offsets
        )
        assert full.ids[at : at + len(window.tokens)] == window.tokens
        seen |= set(range(at, at + len(window.tokens)))
    assert seen == set(range(span.start, span.end))


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("at", [0, 3, 7])
def test_training_rows_hold_the_whole_answer_and_weigh_one_together(
    loaded: LoadedModel, language: str, at: int
) -> None:
    example = question(language, 8, at)
    rows = loaded.architecture.training_rows(example)
    assert sum(row.weight for row in rows) == pytest.approx(1)
    assert len({row.weight for row in rows}) == 1
    full = loaded.architecture.codec.encode(example)
    answer = full.ids[slice(*full.spans[ANSWER])]
    for row in rows:
        if row.keys is not None:
            keys = row.input_ids[row.keys.start : row.keys.end]
            assert keys[row.labels[0] : row.labels[1] + 1] == answer
            assert len(row.input_ids) <= 96
        else:
            assert row.labels == (*answer, loaded.tokenizer.eos_token_id)
            inputs = row.input_ids if row.decoder_ids else row.input_ids[: row.places[0] + 1]
            assert len(inputs) <= 96


@pytest.mark.parametrize("language", TEXTS)
def test_the_answers_tokens_read_back_as_the_answer(loaded: LoadedModel, language: str) -> None:
    example = question(language, 1)
    (window,) = answer_windows(loaded.architecture.codec, example, asked(example), 200)
    assert window.answer is not None
    place = piece(example, asked(example), window.offsets[window.answer.start : window.answer.end])
    # Tokens may hold more than the answer (a space-less neighbour), never less.
    assert example.target in example.input[slice(*place)]
    if language != "zh":
        assert example.input[slice(*place)] == example.target


def test_a_long_answer_between_windows_gets_its_own(loaded: LoadedModel) -> None:
    text = TEXTS["en"].strip() + " The bridge was built in 1858 by Ada Lovelace and her"
    example = question("en", 8, 2, text)
    codec = loaded.architecture.codec
    length = codec.encode(example).spans[ANSWER]
    room = (
        length.end - length.start + len(windows(codec, example, asked(example), 500)[0].before) + 12
    )
    (window,) = answer_windows(codec, example, asked(example), room)
    assert window.answer is not None
    assert window.answer_tokens == codec.encode(example).ids[slice(*length)]


def test_an_answer_longer_than_a_window_is_refused_by_name(loaded: LoadedModel) -> None:
    example = question("en", 8, 1, TEXTS["en"] * 5)
    with pytest.raises(DataError, match=r"example '7' \(en\): the answer has .* Raise"):
        answer_windows(loaded.architecture.codec, example, asked(example), 80)


def test_a_long_question_gives_up_tokens_so_that_a_window_has_room(loaded: LoadedModel) -> None:
    fields = {"question": "which " * 200, "context": TEXTS["en"] * 4}
    example = answers("span").render(Example("7", "things", "en", "test", fields, None))
    codec = loaded.architecture.codec
    with pytest.raises(DataError, match="cannot give up"):
        windows(codec, example, asked(example), 90)
    found = windows(codec, replace(example, shortenable=("question",)), asked(example), 90)
    assert {len(w.tokens) for w in found} == {30}
    assert all(len(w.ids) == 90 and w.removed > 0 for w in found)


def or_none(language: str, repeats: int, at: int | None) -> Prompted:
    """As `question`, of a task whose questions may have no answer (`at` None)."""
    context = TEXTS[language] * repeats
    text = ANSWERS[language]
    gold: tuple[Answer, ...] = ()
    if at is not None:
        gold = (Answer(text, context.index(text, at * len(TEXTS[language]))),)
    fields = {"question": "which one of them?", "context": context}
    return answers("span_or_none").render(Example("7", "things", language, "test", fields, gold))


def says_none(loaded: LoadedModel, row: Row) -> bool:
    """Whether a training row says that its window holds no answer."""
    if row.keys is not None:
        return row.labels == (NULL, NULL)
    return row.labels == (*loaded.architecture.codec.target(NO_ANSWER), END)


def window_of(row: Row) -> tuple[int, ...]:
    """The input's tokens, whatever comes behind it."""
    if row.decoder_ids:
        return row.input_ids
    return row.input_ids[: row.places[0]] if row.keys else row.input_ids[: row.places[0] + 1]


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("repeats", [1, 20])
def test_every_window_of_an_unanswerable_question_says_so(
    loaded: LoadedModel, language: str, repeats: int
) -> None:
    rows = loaded.architecture.training_rows(or_none(language, repeats, None))
    readout = Readout.slots if loaded.architecture.name == "encoder" else Readout.generate
    read = loaded.architecture.reading_rows(or_none(language, repeats, None), readout)
    assert len(rows) == len(read) > (0 if repeats == 1 else 2)
    assert all(says_none(loaded, row) for row in rows)
    assert {row.weight for row in rows} == {1 / len(rows)}
    assert all(len(window_of(row)) <= 96 for row in rows)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("at", [0, 3, 7])
def test_windows_beside_the_answer_say_that_they_hold_none(
    loaded: LoadedModel, language: str, at: int
) -> None:
    example, codec = or_none(language, 40, at), loaded.architecture.codec
    assert example.answer is not None
    rows = loaded.architecture.training_rows(example)
    plain = loaded.architecture.training_rows(question(language, 40, at))
    answered = [row for row in rows if not says_none(loaded, row)]
    # Those with the answer are the same as where every question has one.
    assert [row.labels for row in answered] == [row.labels for row in plain]
    assert [window_of(row) for row in answered] == [window_of(row) for row in plain]
    assert sum(row.weight for row in rows) == pytest.approx(1)
    room = 96 - len(codec.prefix) - len(codec.suffix) - 2
    silent = [
        window
        for window in training_windows(codec, example, asked(example), room)
        if window.answer is None
    ]
    assert silent
    for window in silent:
        start, end = window.offsets[0][0], window.offsets[-1][1]
        assert end <= example.answer.start or example.answer.end <= start


def test_the_window_that_is_surest_of_its_answer_wins(loaded: LoadedModel) -> None:
    """The span that is furthest above no answer in its own window; both scores are logged."""
    readout = Readout.slots if loaded.architecture.name == "encoder" else Readout.generate
    engine = TransformersEngine(loaded, 500)
    example = or_none("en", 8, None)
    rows = loaded.architecture.reading_rows(example, readout)
    assert len(rows) >= 3
    (found,) = engine.answer([example], readout)
    apart = []
    for row in rows:
        if readout is Readout.slots:
            best = best_pieces(pointer_logits(loaded.model, loaded.architecture, [row]))[0]
            score, null, start, end = best.score, best.null, best.start, best.end
        else:
            (one,) = written(loaded, [row], Decoding(), 500)
            word = replace(row, keys=None, targets=(codec_target(loaded),))
            (none,) = written(loaded, [word], Decoding(), 500)
            assert one.found is not None
            score, null, start = one.score, none.score, one.found
            end = start + len(one.tokens)
        apart.append(
            (score - null, null, score, piece(example, asked(example), row.key_offsets[start:end]))
        )
    _, null, score, place = max(apart)
    assert found.place == place
    assert found.scores == pytest.approx((null, score), abs=1e-3)
    evidence = answers("span_or_none").parse(found, example).evidence
    assert evidence == pytest.approx(-min(null - score for _, null, score, _ in apart), abs=2e-3)


def codec_target(loaded: LoadedModel) -> tuple[int, ...]:
    return loaded.architecture.codec.target(NO_ANSWER)


def test_shortened_questions_are_counted_where_there_may_be_no_answer(loaded: LoadedModel) -> None:
    readout = Readout.slots if loaded.architecture.name == "encoder" else Readout.generate
    fields = {"question": "which " * 200, "context": TEXTS["en"] * 4}
    example = answers("span_or_none").render(Example("7", "things", "en", "test", fields, ()))
    with pytest.raises(DataError, match="cannot give up"):
        loaded.architecture.training_rows(example)
    short = replace(example, shortenable=("question",))
    trained = loaded.architecture.training_rows(short)
    read = loaded.architecture.reading_rows(short, readout)
    assert all(row.removed_tokens > 100 for row in [*trained, *read])
    # Every token of the context is in some window.
    codec = loaded.architecture.codec
    full = codec.encode(short)
    kept = {offset for row in read for offset in row.key_offsets}
    assert kept == set(full.offsets[slice(*full.spans["context"])])
    (found,) = TransformersEngine(loaded, 500).answer([short], readout)
    assert found.removed_tokens == read[0].removed_tokens


def test_the_best_window_wins(loaded: LoadedModel) -> None:
    """As if every window were an example of its own."""
    readout = Readout.slots if loaded.architecture.name == "encoder" else Readout.generate
    engine = TransformersEngine(loaded, 500)
    example = question("en", 8)
    rows = loaded.architecture.reading_rows(example, readout)
    assert len(rows) >= 3
    (found,) = engine.answer([example], readout)
    best = []
    for row in rows:
        if readout is Readout.slots:
            logits = pointer_logits(loaded.model, loaded.architecture, [row])
            score, start, end, _ = best_pieces(logits)[0]
        else:
            (one,) = written(loaded, [row], Decoding(), 500)
            assert one.found is not None
            score, start, end = one.score, one.found, one.found + len(one.tokens)
        best.append((score, piece(example, asked(example), row.key_offsets[start:end])))
    assert found.place == max(best, key=lambda pair: pair[0])[1]
    assert found.text == example.input[slice(*found.place)]
