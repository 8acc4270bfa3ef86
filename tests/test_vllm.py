"""The vLLM engine on the real vLLM: the same answers as the transformers engine.

`make test-vllm` installs vLLM for CPUs and runs these; elsewhere they are skipped. vLLM starts
once for all of them.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from t2t_xfer.architectures.checkpoint import WEIGHTS
from t2t_xfer.architectures.head import place_logits, row_losses
from t2t_xfer.architectures.loading import LoadedModel, load
from t2t_xfer.architectures.rows import Row
from t2t_xfer.cli import cli
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.engines.vllm import LoadedVllm, VllmEngine, _start, load_vllm
from t2t_xfer.engines.vllm_limits import adapter_rank
from t2t_xfer.errors import UnsupportedError, UserError
from t2t_xfer.progress import start_meter
from t2t_xfer.records import Closed, Cloze, Decoding, Example, Generation, Prompted, Readout

from .learning import (
    CUES,
    answers,
    asking,
    bio_examples,
    fresh_model,
    label_examples,
    rendered,
    tags_examples,
)

pytestmark = [
    pytest.mark.vllm,
    # Of vLLM and torch about each other, when vLLM is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
if find_spec("vllm") is None and not os.environ.get("T2T_REQUIRE_VLLM"):
    pytest.skip("vLLM is not installed; `make test-vllm` installs it", allow_module_level=True)

NOISE = {
    "de": ["das", "Haus", "ist", "sehr", "groß", "und", "für", "Gäste", "schön"],
    "ru": ["дом", "стоит", "у", "реки", "очень", "тихо"],
    "ar": ["بيت", "كبير", "قرب", "المدينة", "جدا"],
    "hi": ["यह", "घर", "नदी", "के", "पास", "है"],
    "zh": ["房子", "很", "大", "在", "河边"],
    "th": ["บ้าน", "ใหญ่", "มาก", "ริม", "แม่น้ำ"],
}
LONG_WORDS = Closed(("entailment without doubt", "neutral", "neutral or nothing"))
"""Of different token counts; two begin alike, so `slots` cannot tell them apart."""


def examples_in_many_languages(count: int, seed: int) -> list[Example]:
    """Questions in six scripts, mixed; ids repeat across languages, as parallel data's do."""
    rng = random.Random(seed)
    out = []
    for i, example in enumerate(label_examples(count, seed)):
        language = list(NOISE)[i % len(NOISE)]
        cue = rng.choice(CUES[str(example.gold)])
        words = rng.choices(NOISE[language], k=rng.randrange(3, 12))
        words.insert(rng.randrange(len(words) + 1), cue)
        joint = "" if language in ("zh", "th") else " "
        text = {"text": joint.join(words)}
        out.append(replace(example, id=str(i // len(NOISE)), language=language, fields=text))
    rng.shuffle(out)
    return out


def in_many_languages(count: int) -> list[Prompted]:
    answer = answers("label")
    return [answer.render(example) for example in examples_in_many_languages(count, 11)]


class Pair(NamedTuple):
    """One checkpoint in both engines, with adapters that answer otherwise."""

    path: str
    adapters: dict[str, str]
    vllm: LoadedVllm

    def slow(self, adapter: str = "") -> TransformersEngine:
        where = self.adapters.get(adapter)
        return TransformersEngine(load(self.path, max_input_tokens=128, adapter=where))

    def fast(self, adapter: str = "") -> VllmEngine:
        return VllmEngine(self.vllm, self.adapters.get(adapter))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("vllm")
    path = str(folder / "model")
    learnt = learn_everything()
    learnt.model.save_pretrained(path)
    learnt.tokenizer.save_pretrained(path)
    adapters = {
        "next": learn_other_words(path, 1, 8, folder / "next"),
        "previous": learn_other_words(path, 2, 16, folder / "previous"),
    }
    rank = max(map(adapter_rank, adapters.values()))
    vllm = load_vllm(path, max_input_tokens=128, max_adapter_rank=rank)
    yield Pair(path, adapters, vllm)
    vllm.close()


def learn_everything() -> LoadedModel:
    """A model that answers labels in all the scripts, spans and written tags, not always rightly:
    else one answer is always the best and nothing is compared."""
    kinds = ("label", "span_or_none", "bio", "tags")
    labels = [answers("label").render(each) for each in examples_in_many_languages(96, 1)]
    shown = {kind: rendered(kind, 48) for kind in kinds}
    shown["label"] = [*shown["label"], *labels]
    texts = [f"{p.input} {p.target}" for prompted in shown.values() for p in prompted]
    loaded = fresh_model("causal", texts)
    rows = [
        row
        for kind, prompted in shown.items()
        for p in prompted
        for row in loaded.architecture.training_rows(p, Readout.generate)
    ]
    fit(loaded.model, loaded, rows, steps=60, rate=3e-3)
    return loaded


def learn_other_words(path: str, shift: int, rank: int, folder: Path) -> str:
    """A LoRA adapter under which every label is called by the word of another."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    loaded = load(path, max_input_tokens=128)
    lora: Any = get_peft_model(loaded.model, LoraConfig(r=rank, target_modules="all-linear"))
    prompted = rendered("label", 48)
    words = answers("label").options
    other = dict(zip(words, words[shift:] + words[:shift], strict=True))
    rows = [
        row
        for p in prompted
        for row in loaded.architecture.training_rows(replace(p, target=other[p.target]))
    ]
    fit(lora, loaded, rows, steps=60, rate=1e-2)
    lora.save_pretrained(folder)
    return str(folder)


def fit(model: Any, loaded: LoadedModel, rows: Sequence[Row], steps: int, rate: float) -> None:
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    model.train()
    for step in range(steps):
        some = [row for i, row in enumerate(rows) if i % 4 == step % 4]
        loss = row_losses(place_logits(model, loaded.architecture, some), some).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def best(generations: Sequence[Generation]) -> list[int]:
    return [max(range(len(g.scores)), key=g.scores.__getitem__) for g in generations]


def agreement(a: Sequence[object], b: Sequence[object]) -> float:
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a)


def scores(generations: Sequence[Generation]) -> list[tuple[float, ...]]:
    return [g.scores for g in generations]


@pytest.mark.parametrize("readout", [Readout.slots, Readout.rank])
@pytest.mark.parametrize("adapter", ["", "next"], ids=["plain", "adapter"])
def test_scores_are_those_of_the_transformers_engine(
    pair: Pair, readout: Readout, adapter: str
) -> None:
    prompted = in_many_languages(300)
    slow = pair.slow(adapter).answer(prompted, readout)
    fast = pair.fast(adapter).answer(prompted, readout)
    assert [g.id for g in fast] == [p.id for p in prompted]
    assert [g.readout for g in fast] == [readout] * len(fast)
    assert agreement(best(slow), best(fast)) >= 0.99
    assert len(set(best(fast))) == 3
    for a, b in zip(scores(slow), scores(fast), strict=True):
        assert b == pytest.approx(a, abs=1e-3)


def test_the_adapter_changes_nearly_every_answer(pair: Pair) -> None:
    prompted = rendered("label", 60, seed=9)
    plain = best(pair.fast().answer(prompted, Readout.rank))
    adapted = best(pair.fast("next").answer(prompted, Readout.rank))
    assert agreement([(i + 1) % 3 for i in plain], adapted) >= 0.9


def test_rank_follows_words_that_begin_alike_to_their_ends(pair: Pair) -> None:
    prompted = asking(in_many_languages(30), LONG_WORDS)
    slow = pair.slow().answer(prompted, Readout.rank)
    fast = pair.fast().answer(prompted, Readout.rank)
    for a, b in zip(scores(slow), scores(fast), strict=True):
        assert b == pytest.approx(a, abs=1e-3)
    with pytest.raises(UnsupportedError, match="do not differ in their first token"):
        pair.fast().answer(prompted, Readout.slots)


def test_more_options_than_one_request_can_name(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompted = in_many_languages(12)
    whole = pair.fast().answer(prompted, Readout.rank)
    monkeypatch.setattr("t2t_xfer.engines.vllm.MAX_NAMED_TOKENS", 2)
    parts = pair.fast().answer(prompted, Readout.rank)
    for a, b in zip(scores(whole), scores(parts), strict=True):
        assert b == pytest.approx(a, abs=1e-4)


def test_constrained_text_is_the_best_option(pair: Pair) -> None:
    prompted = in_many_languages(120)
    written = pair.fast().answer(prompted, Readout.generate)
    ranked = best(pair.slow().answer(prompted, Readout.rank))
    assert {g.text for g in written} == set(answers("label").options)
    assert (
        agreement([g.text for g in written], [answers("label").options[i] for i in ranked]) >= 0.99
    )
    assert all(g.readout is Readout.generate and not g.scores for g in written)


def test_constrained_text_is_an_option_even_if_the_model_would_write_another(pair: Pair) -> None:
    foreign = Closed(("ja, das folgt", '猫 \\ "quoted"', "निष्पक्ष"))
    written = pair.fast().answer(asking(in_many_languages(12), foreign), Readout.generate)
    assert {g.text for g in written} <= set(foreign.options)


def test_candidates_of_an_example_beat_the_tasks_options(pair: Pair) -> None:
    prompted = rendered("label", 3)
    own = [replace(p, question=Cloze((f"one {i}", f"two {i}"))) for i, p in enumerate(prompted)]
    written = pair.fast().answer(own, Readout.generate)
    for p, g in zip(own, written, strict=True):
        assert isinstance(p.question, Cloze)
        assert g.text in p.question.options


@pytest.mark.parametrize("most", [1, 2, 32])
def test_free_text_ends_at_the_end_token_or_at_the_limit(pair: Pair, most: int) -> None:
    prompted = rendered("label", 12, seed=9)
    free = Decoding(constrained=False, max_new_tokens=most)
    slow = pair.slow().answer(prompted, Readout.generate, free)
    assert pair.fast().answer(prompted, Readout.generate, free) == slow
    assert len({g.text for g in slow}) == (1 if most == 1 else 3)


def in_windows(prompted: Sequence[Prompted]) -> list[Prompted]:
    """The same questions about contexts that are too long for one input."""
    out = []
    for p in prompted:
        field = next(r for r in p.regions if r.field == "context")
        added = 5 * f" {p.input[field.start : field.end]}"
        text = p.input[: field.end] + added + p.input[field.end :]
        longer = replace(field, end=field.end + len(added))
        out.append(replace(p, input=text, regions=(longer,), answer=None))
    return out


@pytest.mark.parametrize("kind", ["span", "span_or_none"])
@pytest.mark.parametrize("long", [False, True], ids=["one-window", "windows"])
def test_spans_are_those_of_the_transformers_engine(pair: Pair, kind: str, long: bool) -> None:
    prompted = rendered(kind, 40 if long else 150, seed=9)
    prompted = in_windows(prompted) if long else prompted
    slow = pair.slow().answer(prompted, Readout.generate)
    fast = pair.fast().answer(prompted, Readout.generate)
    assert agreement([g.place for g in slow], [g.place for g in fast]) >= 0.99
    assert len({g.text for g in fast}) > 3
    for p, a, b in zip(prompted, slow, fast, strict=True):
        assert b.place is not None
        assert b.text == p.input[slice(*b.place)]
        assert len(b.scores) == (2 if kind == "span_or_none" else 0)
        if a.place == b.place:
            assert b.scores == pytest.approx(a.scores, abs=1e-3)


@pytest.mark.parametrize("kind", ["bio", "tags"])
def test_written_tags_are_those_of_the_transformers_engine(pair: Pair, kind: str) -> None:
    """Also of sentences in several pieces, whose first tag depends on the piece before."""
    prompted = rendered(kind, 60, seed=9)
    long = [replace(p, id="long") for p in sentences_in_pieces(kind)]
    slow = pair.slow().answer([*prompted, *long], Readout.generate)
    fast = pair.fast().answer([*prompted, *long], Readout.generate)
    assert agreement([g.text for g in slow], [g.text for g in fast]) >= 0.99
    assert len({g.text for g in fast}) > 6
    assert [g.pieces for g in fast] == [g.pieces for g in slow]
    assert fast[-1].pieces > 1


def sentences_in_pieces(kind: str) -> list[Prompted]:
    examples = {"bio": bio_examples, "tags": tags_examples}[kind](40, 7)
    words = [word for example in examples for word in example.fields["words"]]
    fields = {"words": tuple(map(str, words[:60]))}
    return [answers(kind).render(replace(examples[0], fields=fields, gold=None))]


def sent_by(engine: VllmEngine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The prompts of all that the engine sends from here on, in their order."""
    sent: list[tuple[int, ...]] = []
    original = engine._run

    def spy(prompts: Sequence[tuple[int, ...]], params: Sequence[Any]) -> list[Any]:
        sent.extend(prompts)
        return original(prompts, params)

    monkeypatch.setattr(engine, "_run", spy)
    return sent


def test_prompts_are_the_transformers_engines_by_ids(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = pair.fast()
    sent = sent_by(fast, monkeypatch)
    prompted = in_many_languages(24)
    fast.answer(prompted, Readout.slots)
    architecture = pair.vllm.architecture
    rows = [architecture.reading_rows(p, Readout.slots)[0] for p in prompted]
    assert set(sent) == {row.input_ids for row in rows}


@pytest.mark.parametrize("readout", [Readout.rank, Readout.generate])
def test_requests_with_a_common_beginning_follow_each_other(
    pair: Pair, readout: Readout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four beginnings, given in turn: each is sent in one go, and its tokens are read once."""
    shots = ["text: the usual room relation: neutral", "text: ugly dog relation: contradiction"]
    prompted = in_many_languages(40)
    given = [replace(p, shots=(3 * f"{shots[i % 2]}\n{i % 4}\n",)) for i, p in enumerate(prompted)]
    fast = pair.fast()
    sent = sent_by(fast, monkeypatch)
    meter = start_meter()
    found = fast.answer(given, readout)
    beginnings = [prompt[:32] for prompt in sent]
    changes = sum(a != b for a, b in pairwise(beginnings))
    assert changes == len(set(beginnings)) - 1 == 3
    assert meter.read < 0.75 * sum(map(len, sent))
    assert [g.id for g in found] == [p.id for p in prompted]


def test_three_adapters_and_none_take_turns_in_one_start(pair: Pair, tmp_path: Path) -> None:
    """The third has learned nothing, so it answers as the model does without one."""
    from safetensors.torch import load_file, save_file

    blank = tmp_path / "blank"
    shutil.copytree(pair.adapters["next"], blank)
    weights = load_file(blank / WEIGHTS)
    save_file({name: torch.zeros_like(w) for name, w in weights.items()}, blank / WEIGHTS)
    prompted = in_many_languages(12)
    asked = [
        pair.fast(),
        pair.fast("next"),
        VllmEngine(pair.vllm, str(blank)),
        pair.fast("previous"),
    ]
    first = [scores(engine.answer(prompted, Readout.rank)) for engine in asked]
    again = [scores(engine.answer(prompted, Readout.rank)) for engine in reversed(asked)]
    for a, b in zip(first, reversed(again), strict=True):
        assert np.allclose(a, b, atol=1e-4)
    plain, following, zeroed, previous = first
    assert np.allclose(plain, zeroed, atol=1e-4)
    assert not np.allclose(plain, following, atol=0.1)
    assert not np.allclose(following, previous, atol=0.1)


@pytest.mark.parametrize("readout", [Readout.slots, Readout.rank, Readout.generate])
def test_what_was_asked_before_is_not_sent_again(pair: Pair, readout: Readout) -> None:
    # Answers are kept by the example's id, which is unique in a stage: it reads one language.
    prompted = [replace(each, id=str(i)) for i, each in enumerate(in_many_languages(24))]
    if readout is Readout.rank:
        prompted = asking(prompted, LONG_WORDS)
    kept: dict[str, Generation] = {}
    first = pair.fast().answer(prompted, readout, kept=kept)
    plain = pair.fast().answer(prompted, readout)
    assert [g.text for g in first] == [g.text for g in plain]
    # vLLM need not run for what is known.
    never = VllmEngine(replace(pair.vllm, start=None, _llm=None))
    assert never.answer(prompted[:20], readout, kept=kept) == first[:20]


def test_what_it_cannot_read_is_said_by_name(pair: Pair) -> None:
    tags = rendered("tags", 2)
    with pytest.raises(UnsupportedError, match="tags in one pass"):
        pair.fast().answer(tags, Readout.slots)
    label = rendered("label", 1)
    with pytest.raises(UnsupportedError, match="takes up to 10"):
        pair.fast().answer(label, Readout.generate, Decoding(False, max_new_tokens=9999))


def test_no_examples_no_requests(pair: Pair) -> None:
    for readout in (Readout.slots, Readout.rank, Readout.generate):
        assert pair.fast().answer([], readout) == []
    assert math.isfinite(pair.vllm.max_tokens)


def test_the_command_line_gives_the_same_scores(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages of `evaluate` from end to end, over a vLLM that runs already."""
    monkeypatch.setattr("t2t_xfer.engines.vllm.load_vllm", lambda *_, **__: pair.vllm)
    found = {}
    for engine in ("transformers", "vllm"):
        command = f"evaluate --model {pair.path} --task xnli --task xquad --language en"
        rest = f"--language tr --engine {engine} --data microworld --limit 12 --json --output"
        arguments = f"{command} --max-input-tokens 128 {rest}".split()
        result = CliRunner().invoke(cli, [*arguments, str(tmp_path)])
        assert result.exit_code == 0, result.output
        found[engine] = json.loads(result.stdout)
    assert found["vllm"] == found["transformers"]
    records = [
        json.loads(path.read_text()) for path in tmp_path.glob("store/predict/*/record.json")
    ]
    assert {record["spec"]["engine"] for record in records} == {"transformers", "vllm"}
    assert all(record["results"]["tokens_per_second"] > 0 for record in records)


def test_an_adapter_that_the_running_vllm_has_no_room_for(pair: Pair, tmp_path: Path) -> None:
    large = tmp_path / "large"
    shutil.copytree(pair.adapters["next"], large)
    settings = json.loads((large / "adapter_config.json").read_text()) | {"r": 32}
    (large / "adapter_config.json").write_text(json.dumps(settings))
    with pytest.raises(UnsupportedError, match=r"has rank 32, but this vLLM has room for .* 16"):
        VllmEngine(pair.vllm, str(large))


def test_an_adapter_of_a_rank_that_vllm_never_has_is_refused_before_anything_runs(
    pair: Pair, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    shutil.copytree(pair.adapters["next"], large)
    settings = json.loads((large / "adapter_config.json").read_text()) | {"r": 1024}
    (large / "adapter_config.json").write_text(json.dumps(settings))
    command = f"evaluate --model {pair.path} --adapter {large} --task xnli --language en"
    rest = f"--engine vllm --data microworld --max-input-tokens 128 --output {tmp_path / 'out'}"
    result = CliRunner().invoke(cli, [*command.split(), *rest.split()])
    assert isinstance(result.exception, UnsupportedError), result.output
    assert "rank 1024, the limit is 512" in str(result.exception)
    assert not list(tmp_path.glob("out/store/predict/*"))


def test_what_does_not_start_is_said_once_and_not_tried_again(pair: Pair) -> None:
    tried: list[int] = []

    def start() -> Any:
        tried.append(1)
        return _start(pair.path, {"max_model_len": 10**9}, on_cpu=True)

    engine = VllmEngine(replace(pair.vllm, start=start, _llm=None))
    prompted = rendered("label", 2)
    for _ in range(2):
        with pytest.raises(UserError, match=r"vLLM did not start with .*--engine transformers"):
            engine.answer(prompted, Readout.rank)
    assert tried == [1]


def test_when_its_process_ends_that_is_said_and_what_is_known_is_served(pair: Pair) -> None:
    """The last test: nothing runs after it."""
    kept: dict[str, Generation] = {}
    prompted = rendered("label", 4)
    known = pair.fast().answer(prompted[:2], Readout.rank, kept=kept)
    (process,) = pair.vllm._llm.llm_engine.engine_core.resources.engine_manager.processes
    os.kill(process.pid, signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(UserError, match=r"vLLM's process ended .* goes on from there"):
            pair.fast().answer(prompted, Readout.rank, kept=kept)
    assert pair.fast().answer(prompted[:2], Readout.rank, kept=kept) == known
