"""The vLLM engine on the real vLLM: the same answers as the transformers engine.

`make test-vllm` installs vLLM for CPUs and runs these; elsewhere they are skipped. vLLM starts
once for all of them.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from click.testing import CliRunner

from t2t_xfer.architectures.base import option_tokens
from t2t_xfer.architectures.head import place_logits, row_losses
from t2t_xfer.architectures.loading import LoadedModel, load
from t2t_xfer.cli import cli
from t2t_xfer.engines.cached import CachedAnswers
from t2t_xfer.engines.response_cache import ResponseCache
from t2t_xfer.engines.transformers import TransformersEngine
from t2t_xfer.engines.vllm import VllmEngine
from t2t_xfer.engines.vllm_loading import LoadedVllm, adapter_rank, load_vllm
from t2t_xfer.errors import UnsupportedError
from t2t_xfer.records import Decoding, Example, Generation, Options, Prompted, Readout

from .learning import CUES, answers, label_examples, learn, rendered

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
LONG_WORDS = Options(("entailment without doubt", "neutral", "neutral or nothing"))
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
    """One checkpoint in both engines, without and with an adapter that answers otherwise."""

    slow: TransformersEngine
    fast: VllmEngine
    slow_adapted: TransformersEngine
    fast_adapted: VllmEngine
    vllm: LoadedVllm


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("vllm")
    # On all the scripts, or one label is never the best one and nothing is compared.
    examples = [*label_examples(64, 1), *examples_in_many_languages(96, 1)]
    learnt = learn("causal", answers("label"), examples, folder)
    learnt.model.save_pretrained(folder / "model")
    learnt.tokenizer.save_pretrained(folder / "model")
    path, adapter = str(folder / "model"), str(folder / "adapter")
    adapted = learn_other_words(load(path, max_input_tokens=128), adapter)
    vllm = load_vllm(path, max_input_tokens=128, max_adapter_rank=adapter_rank(adapter))
    yield Pair(
        TransformersEngine(load(path, max_input_tokens=128)),
        VllmEngine(vllm),
        TransformersEngine(adapted),
        VllmEngine(vllm, adapter),
        vllm,
    )
    vllm.close()


def learn_other_words(loaded: LoadedModel, adapter: str) -> LoadedModel:
    """A LoRA adapter under which every label is called by the next one's word."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    lora: Any = get_peft_model(loaded.model, LoraConfig(r=8, target_modules="all-linear"))
    prompted, options = rendered("label", 48)
    words = options.texts
    following = dict(zip(words, words[1:] + words[:1], strict=True))
    rows = [
        row
        for p in prompted
        for row in loaded.architecture.training_rows(
            replace(p, target=following[p.target]), options
        )
    ]
    optimizer = torch.optim.AdamW(lora.parameters(), lr=1e-2)
    for _ in range(60):
        loss = row_losses(place_logits(lora, loaded.architecture, rows), rows).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    lora.save_pretrained(adapter)
    return LoadedModel(loaded.architecture, lora, loaded.tokenizer)


def best(generations: Sequence[Generation]) -> list[int]:
    return [max(range(len(g.scores)), key=g.scores.__getitem__) for g in generations]


def agreement(a: Sequence[object], b: Sequence[object]) -> float:
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a)


def scores(generations: Sequence[Generation]) -> list[tuple[float, ...]]:
    return [g.scores for g in generations]


@pytest.mark.parametrize("readout", [Readout.slots, Readout.rank])
@pytest.mark.parametrize("adapted", [False, True], ids=["plain", "adapter"])
def test_scores_are_those_of_the_transformers_engine(
    pair: Pair, readout: Readout, adapted: bool
) -> None:
    prompted, options = in_many_languages(300), rendered("label", 1)[1]
    slow_engine = pair.slow_adapted if adapted else pair.slow
    fast_engine = pair.fast_adapted if adapted else pair.fast
    slow = slow_engine.read(prompted, options, readout)
    fast = fast_engine.read(prompted, options, readout)
    assert [g.id for g in fast] == [p.id for p in prompted]
    assert [g.readout for g in fast] == [readout] * len(fast)
    assert agreement(best(slow), best(fast)) >= 0.99
    assert len(set(best(fast))) == 3
    for a, b in zip(scores(slow), scores(fast), strict=True):
        assert b == pytest.approx(a, abs=1e-3)


def test_the_adapter_changes_nearly_every_answer(pair: Pair) -> None:
    prompted, options = rendered("label", 60, seed=9)
    plain = best(pair.fast.read(prompted, options, Readout.rank))
    adapted = best(pair.fast_adapted.read(prompted, options, Readout.rank))
    assert agreement([(i + 1) % 3 for i in plain], adapted) >= 0.9


def test_rank_follows_words_that_begin_alike_to_their_ends(pair: Pair) -> None:
    prompted = in_many_languages(30)
    slow = pair.slow.read(prompted, LONG_WORDS, Readout.rank)
    fast = pair.fast.read(prompted, LONG_WORDS, Readout.rank)
    for a, b in zip(scores(slow), scores(fast), strict=True):
        assert b == pytest.approx(a, abs=1e-3)
    with pytest.raises(UnsupportedError, match="do not differ in their first token"):
        pair.fast.read(prompted, LONG_WORDS, Readout.slots)


def test_more_options_than_one_request_can_name(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompted, options = in_many_languages(12), rendered("label", 1)[1]
    whole = pair.fast.read(prompted, options, Readout.rank)
    monkeypatch.setattr("t2t_xfer.engines.vllm.MAX_NAMED_TOKENS", 2)
    parts = pair.fast.read(prompted, options, Readout.rank)
    for a, b in zip(scores(whole), scores(parts), strict=True):
        assert b == pytest.approx(a, abs=1e-4)


def test_constrained_text_is_the_best_option(pair: Pair) -> None:
    prompted, options = in_many_languages(120), rendered("label", 1)[1]
    written = pair.fast.read(prompted, options, Readout.generate)
    ranked = best(pair.slow.read(prompted, options, Readout.rank))
    assert {g.text for g in written} == set(options.texts)
    assert agreement([g.text for g in written], [options.texts[i] for i in ranked]) >= 0.99
    assert all(g.readout is Readout.generate and not g.scores for g in written)


def test_constrained_text_is_an_option_even_if_the_model_would_write_another(pair: Pair) -> None:
    foreign = Options(("ja, das folgt", '猫 \\ "quoted"', "निष्पक्ष"))
    written = pair.fast.read(in_many_languages(12), foreign, Readout.generate)
    assert {g.text for g in written} <= set(foreign.texts)


def test_candidates_of_an_example_beat_the_tasks_options(pair: Pair) -> None:
    prompted, options = rendered("label", 3)
    own = [replace(p, candidates=(f"one {i}", f"two {i}")) for i, p in enumerate(prompted)]
    written = pair.fast.read(own, options, Readout.generate)
    for p, g in zip(own, written, strict=True):
        assert g.text in p.candidates


@pytest.mark.parametrize("most", [1, 2, 32])
def test_free_text_ends_at_the_end_token_or_at_the_limit(pair: Pair, most: int) -> None:
    prompted, options = rendered("label", 12, seed=9)
    free = Decoding(constrained=False, max_new_tokens=most)
    written = pair.fast.read(prompted, options, Readout.generate, free)
    codec = pair.vllm.architecture.codec
    for p, g in zip(prompted, written, strict=True):
        tokens = option_tokens(codec, Options((p.target,)))[0][:most]
        assert g.text == codec.tokenizer.decode(list(tokens)).strip()


def test_prompts_are_the_transformers_engines_by_ids(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, ...]] = []
    original = pair.fast._run

    def spy(prompts: Sequence[tuple[int, ...]], params: Sequence[Any]) -> list[Any]:
        sent.extend(prompts)
        return original(prompts, params)

    monkeypatch.setattr(pair.fast, "_run", spy)
    prompted, options = in_many_languages(24), rendered("label", 1)[1]
    pair.fast.read(prompted, options, Readout.slots)
    architecture = pair.slow.loaded.architecture
    rows = [architecture.reading_rows(p, options, Readout.slots)[0] for p in prompted]
    assert set(sent) == {row.input_ids for row in rows}


@pytest.mark.parametrize("readout", [Readout.slots, Readout.rank, Readout.generate])
def test_what_was_asked_before_is_not_sent_again(
    pair: Pair, readout: Readout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ResponseCache(tmp_path, 2**30)
    prompted, options = in_many_languages(24), rendered("label", 1)[1]
    words = LONG_WORDS if readout is Readout.rank else options
    first = VllmEngine(pair.vllm, None, CachedAnswers(cache, "m")).read(prompted, words, readout)
    plain = VllmEngine(pair.vllm).read(prompted, words, readout)
    assert [g.text for g in first] == [g.text for g in plain]
    again = VllmEngine(pair.vllm, None, CachedAnswers(cache, "m"))
    monkeypatch.setattr(again, "_run", None)  # an entry is a request, whatever stands beside it
    assert again.read(prompted[:20], words, readout) == first[:20]
    assert again.answers.num_recalled >= 20


def test_what_it_cannot_read_is_said_by_name(pair: Pair) -> None:
    tags, tag_options = rendered("tags", 2)
    with pytest.raises(UnsupportedError, match="tags, one at each word"):
        pair.fast.read(tags, tag_options, Readout.slots)
    label, options = rendered("label", 1)
    with pytest.raises(UnsupportedError, match="copied from 'text'"):
        pair.fast.read([replace(label[0], copied="text")], Options(()), Readout.generate)
    with pytest.raises(UnsupportedError, match="takes up to"):
        pair.fast.read(label, options, Readout.generate, Decoding(False, max_new_tokens=9999))


def test_no_examples_no_requests(pair: Pair) -> None:
    options = rendered("label", 1)[1]
    for readout in (Readout.slots, Readout.rank, Readout.generate):
        assert pair.fast.read([], options, readout) == []
    assert math.isfinite(pair.vllm.max_tokens)


def test_the_command_line_gives_the_same_scores(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages of `evaluate` from end to end, over a vLLM that runs already."""
    monkeypatch.setattr("t2t_xfer.engines.vllm_loading.load_vllm", lambda *_, **__: pair.vllm)
    model = pair.slow.loaded.model.name_or_path
    found = {}
    for engine in ("transformers", "vllm"):
        command = f"evaluate --model {model} --task xnli --language en --language tr --engine"
        rest = f"{engine} --data microworld --limit 12 --max-input-tokens 128 --json --output"
        result = CliRunner().invoke(cli, [*command.split(), *rest.split(), str(tmp_path)])
        assert result.exit_code == 0, result.output
        found[engine] = json.loads(result.stdout)
    assert found["vllm"] == found["transformers"]
    records = [
        json.loads(path.read_text()) for path in tmp_path.glob("store/predict/*/record.json")
    ]
    assert {record["spec"]["engine"] for record in records} == {"transformers", "vllm"}
    assert all(record["results"]["tokens_per_second"] > 0 for record in records)
