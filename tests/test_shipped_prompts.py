"""Every shipped task in every wording of its prompt, with every architecture.

The same made-up examples in scripts that break careless code: right to left, no spaces, combining
marks, a word with a space inside, a character that normalisers drop.
"""

from dataclasses import replace
from typing import Any

import pytest

from t2t_xfer.answers import AnswerFormat, answer_format
from t2t_xfer.architectures import ANSWER_READOUTS
from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.engines import OracleEngine
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.prompts import Template
from t2t_xfer.records import Answer, ArchitectureName, Example, Gold, Prompted, Readout, Value
from t2t_xfer.specs.catalogue import Catalogue, shipped_root
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.prompt import PromptSpec
from t2t_xfer.specs.task import TaskSpec

from .learning import fresh_model

TEXTS = {
    "en": "The dog's bowl is red, isn't it?",
    "ar": "أكلت القطّة السمكة في الحديقة.",
    "he": "הכלב ישן ליד הבית.",
    "zh": "狗在花园里睡觉。",
    "th": "แมวกินปลา",
    "hi": "बिल्ली मछली खाती है।",
    "vi": "Con mèo ăn cá ở trong vườn.",
    "fr": "E\u0301te\u0301 10\u00a0000 \u00ab\u00a0ok\u00a0\u00bb !",
}
WORDS = ("10 000", "القطّة", "猫が", "e\u0301te\u0301", "x\u200cy", "นอน", "'s", ".")
SHIPPED = Catalogue([shipped_root()])


def wordings() -> list[tuple[str, str]]:
    """Task and variant, for every variant of a task's prompt that names only what the task has."""
    found = []
    for name in SHIPPED.task_names():
        task = SHIPPED.task(name)
        there = {*task.fields, "choices", "letters", "words", "source", "target"}
        path = shipped_root() / "prompts" / f"{task.prompt.use}.yaml"
        for variant, wording in load_yaml(path, PromptSpec).variants.items():
            names = Template(wording.input).names
            if names <= there and set(task.shortenable) - {"choices"} <= names:
                found.append((name, variant))
    return found


def worded(name: str, variant: str) -> tuple[TaskSpec, AnswerFormat]:
    task = SHIPPED.task(name)
    use = task.prompt.model_copy(update={"variant": variant})
    cloze = variant.startswith("cloze")
    # Choices that are the answer itself do not stand in the input, so they cannot be shortened.
    kept = tuple(field for field in task.shortenable if not (cloze and field == "choices"))
    task = task.model_copy(update={"prompt": use, "cloze": cloze, "shortenable": kept})
    return task, answer_format(task, SHIPPED.prompt_of(task))


def examples(task: TaskSpec) -> list[Example]:
    out = []
    for i, (language, text) in enumerate(TEXTS.items()):
        fields: dict[str, Value] = dict.fromkeys(task.fields, text)
        gold: Gold
        if task.answer == "tags":
            fields["words"] = WORDS
            gold = tuple(task.tags[(i + k) % len(task.tags)] for k in range(len(WORDS)))
        elif task.answer == "span":
            start = len(text) // 3
            piece = text[start : start + 5].strip()
            gold = (Answer(piece, text.index(piece)),)
        elif task.answer == "pair":
            fields = {"source": "A sentence.", "target": text}
            gold = str(i)
        else:
            if task.answer == "choice":
                fields["choices"] = tuple(f"{text} {k}" for k in range(len(task.labels)))
            gold = list(task.labels)[i % len(task.labels)]
        out.append(Example(str(i), task.task, language, "train", fields, gold))
    return out


@pytest.fixture(scope="module", params=["encoder", "seq2seq", "causal"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return fresh_model(request.param, list(TEXTS.values()), max_input_tokens=900)


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_gold_answers_come_back_from_text(name: str, variant: str) -> None:
    task, answer = worded(name, variant)
    if task.answer == "pair":
        pytest.skip("pairs have no target text: their answers are neighbours")
    for example in examples(task):
        text = answer.render(example)
        (generation,) = OracleEngine().read([text], answer.options, Readout.generate)
        value = answer.parse(generation, text).value
        gold = example.gold
        expected = gold[0].text if gold and isinstance(gold[0], Answer) else gold
        assert value == expected


def prefix_of(architecture: ArchitectureName, row: Any) -> tuple[int, ...]:
    """What the model has read before the first answer token."""
    if architecture == "causal" and row.places:
        end = row.blocks.count(0) if row.blocks else row.places[0] + 1
        return tuple(row.input_ids[:end])
    return tuple(row.input_ids)


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_the_prompt_has_the_same_ids_in_training_and_in_reading(
    loaded: LoadedModel, name: str, variant: str
) -> None:
    architecture = loaded.architecture
    task, answer = worded(name, variant)
    if (architecture.name, answer.name) not in ANSWER_READOUTS or task.answer == "pair":
        pytest.skip("this architecture does not train on it")
    for example in examples(task):
        text = answer.render(example)
        for readout in ANSWER_READOUTS.get((architecture.name, answer.name), ()):
            trained = architecture.training_rows(text, answer.options, readout)
            try:
                read = architecture.reading_rows(text, answer.options, readout)
            except UnsupportedError:
                if readout is not Readout.slots:
                    raise
                continue  # words that begin alike: `slots` refuses them
            if answer.options.coded and readout is Readout.generate:
                # The first tag is predicted behind its word's marker, not at the prompt's end.
                lengths = [len(row.input_ids) for row in read]
                fed = [row.input_ids[:n] for row, n in zip(trained, lengths, strict=True)]
                assert fed == [row.input_ids for row in read]
                continue
            expected = [prefix_of(architecture.name, row) for row in trained]
            assert [prefix_of(architecture.name, row) for row in read] == expected


def told(codec: Codec, text: Prompted, answer: AnswerFormat) -> list[int]:
    """The tokens that the loss must cover, and no others."""
    if answer.options.coded:
        codes = codec.codebook(len(answer.options.texts))
        return [codes[answer.options.texts.index(t)] for t in text.slot_targets]
    return [*codec.target(text.target), codec.special("eos")]


@pytest.mark.parametrize(("name", "variant"), wordings())
def test_the_loss_covers_the_target_and_its_end_and_nothing_else(
    loaded: LoadedModel, name: str, variant: str
) -> None:
    architecture, codec = loaded.architecture, loaded.architecture.codec
    task, answer = worded(name, variant)
    if (architecture.name, answer.name) not in ANSWER_READOUTS or task.answer == "pair":
        pytest.skip("this architecture does not train on it")
    if task.answer == "span":
        pytest.skip("spans copy the context's own tokens: test_windows and test_shipped_spans")
    for example in examples(task):
        text = answer.render(example)
        rows = architecture.training_rows(text, answer.options)
        labels = [label for row in rows for label in row.labels]
        expected = told(codec, text, answer)
        if architecture.name == "encoder" and not answer.options.coded:
            # One mask for each token of the longest word, filled up with the pad token; no end.
            longest = max(len(codec.target(word)) for word in answer.options.texts)
            word = expected[:-1]
            expected = word + [codec.special("pad")] * (longest - len(word))
        assert labels == expected
        assert sum(row.weight for row in rows) == pytest.approx(1)


def test_a_lost_region_would_be_noticed() -> None:
    """The check above must be able to fail: one word fewer and the labels differ."""
    task, answer = worded("udpos", "default")
    text = answer.render(examples(task)[0])
    shorter = replace(text, slot_targets=text.slot_targets[:-1], slots=text.slots[:-1])
    codec = fresh_model("causal", list(TEXTS.values())).architecture.codec
    assert told(codec, shorter, answer) != told(codec, text, answer)
