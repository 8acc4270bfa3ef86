"""Every wording of the shipped question prompt, on every architecture, in hard scripts.

Render -> tokens -> place -> parse gives the answer back, and what a model reads in training is, id
for id, what it reads when it answers.
"""

import pytest

from t2t_xfer.answers import answer_format
from t2t_xfer.architectures.codec import ANSWER
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.windows import piece
from t2t_xfer.records import Answer, ArchitectureName, Example, Generation, Options, Readout
from t2t_xfer.specs.catalogue import Catalogue
from t2t_xfer.specs.wording import PromptUse

from .learning import fresh_model
from .test_windows import ANSWERS, ARCHITECTURES, TEXTS

VARIANTS = ("default", "passage")
NO_OPTIONS = Options(())


@pytest.fixture(scope="module")
def models() -> dict[ArchitectureName, LoadedModel]:
    texts = [*TEXTS.values(), "question: context: Question: Answer, copied from the text above:"]
    return {name: fresh_model(name, texts * 4, max_input_tokens=256) for name in ARCHITECTURES}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("language", TEXTS)
def test_answers_survive(
    models: dict[ArchitectureName, LoadedModel],
    architecture: ArchitectureName,
    variant: str,
    language: str,
) -> None:
    catalogue, loaded = Catalogue(), models[architecture]
    use = PromptUse.model_validate({"use": "question", "variant": variant})
    task = catalogue.task("xquad").model_copy(update={"prompt": use})
    spans = answer_format(task, catalogue.prompt_of(task))
    context = TEXTS[language]
    gold = (Answer(ANSWERS[language], context.index(ANSWERS[language])),)
    fields = {"question": "؟ which 何 कौन e\u0301", "context": context}
    prompted = spans.render(Example("1", "xquad", language, "test", fields, gold))

    encoded = loaded.architecture.codec.encode(prompted)
    place = piece(prompted, encoded.offsets[slice(*encoded.spans[ANSWER])])
    prediction = spans.parse(Generation("1", Readout.slots, place=place), prompted)
    # A token may hold more than the answer where nothing stands between words.
    if language == "zh":
        assert prompted.target in str(prediction.value)
    else:
        assert prediction.value == prompted.target

    readout = Readout.slots if architecture == "encoder" else Readout.generate
    (trained,) = loaded.architecture.training_rows(prompted, NO_OPTIONS)
    (read,) = loaded.architecture.reading_rows(prompted, NO_OPTIONS, readout)
    if architecture == "causal":
        assert trained.input_ids[: trained.places[0] + 1] == read.input_ids
    else:
        assert trained.input_ids == read.input_ids
