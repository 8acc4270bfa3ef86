"""Every shipped question task in every wording, on every architecture, in hard scripts.

Render -> tokens -> place -> parse gives the answer back. What is read before it and what the loss
covers is checked with the other formats in `test_shipped_rows.py`.
"""

import pytest
from hypothesis import HealthCheck, given, settings

from t2t_xfer.architectures.codec import ANSWER
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.windows import piece
from t2t_xfer.records import Answer, Copied, Example, Generation, Readout

from .learning import fresh_model
from .shipped import PIECES, context_name, drawn_examples, worded, wordings
from .test_windows import ANSWERS, ARCHITECTURES, TEXTS

QUESTIONS = [each for each in wordings() if worded(*each)[0].answer == "span"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    texts = [*TEXTS.values(), "question: context: Question: Answer, copied from the text above:"]
    return fresh_model(request.param, [*texts * 4, *PIECES], max_input_tokens=256)


def read_back(loaded: LoadedModel, name: str, variant: str, example: Example) -> tuple[str, str]:
    """The gold answer, and what the tokens that hold it are read as."""
    _, spans = worded(name, variant)
    prompted = spans.render(example)
    encoded = loaded.architecture.codec.encode(prompted)
    assert isinstance(prompted.question, Copied)
    place = piece(prompted, prompted.question, encoded.offsets[slice(*encoded.spans[ANSWER])])
    prediction = spans.parse(Generation(example.id, Readout.slots, place=place), prompted)
    return prompted.target, str(prediction.value)


@pytest.mark.parametrize(("name", "variant"), QUESTIONS)
@pytest.mark.parametrize("language", TEXTS)
def test_answers_survive(loaded: LoadedModel, name: str, variant: str, language: str) -> None:
    task, _ = worded(name, variant)
    context = TEXTS[language]
    gold = (Answer(ANSWERS[language], context.index(ANSWERS[language])),)
    fields = dict.fromkeys(task.fields, "؟ which 何 कौन e\u0301") | {context_name(task): context}
    example = Example("1", name, language, "test", fields, gold)
    target, read = read_back(loaded, name, variant, example)
    # A token may hold more than the answer where nothing stands between words.
    if language == "zh":
        assert target in read
    else:
        assert read == target


@pytest.mark.parametrize(("name", "variant"), QUESTIONS)
def test_any_answer_survives(loaded: LoadedModel, name: str, variant: str) -> None:
    """Tokens are cut by the model: they may hold a little more, and never less."""

    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn_examples(worded(name, variant)[0]))
    def holds(example: Example) -> None:
        if example.gold:
            target, read = read_back(loaded, name, variant, example)
            assert target in read

    holds()
