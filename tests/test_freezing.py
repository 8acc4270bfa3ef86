"""Training with the token embeddings as they are: which weights move, and what the record says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from t2t_xfer.architectures.adapters import freeze_token_embeddings
from t2t_xfer.architectures.micro import new_model as draw_model
from t2t_xfer.specs.training import TrainingSpec, merge

from .studydata import ARCHITECTURES, make_mirror, new_model, one_thread, t2t, write_study

FROZEN = {"steps": 3, "examples_per_step": 8, "learning_rate": 1e-2, "train_embeddings": False}
TOKENS = {
    "encoder": "roberta.embeddings.word_embeddings.weight",
    "seq2seq": "shared.weight",
    "causal": "model.embed_tokens.weight",
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_weights_train_but_those_of_tokens(architecture: str, tmp_path: Path) -> None:
    one_thread()
    study = write_study(
        tmp_path,
        models=[new_model(architecture)],
        intermediates=["none"],
        targets=["xnli"],
        languages=["en"],
        training=FROZEN,
    )
    hub, out = make_mirror(tmp_path), tmp_path / "out"
    outcome = t2t("study", "run", study, "--data", f"mirror:{hub}", "--output", out)
    assert outcome.code == 0, outcome.err
    (before,), (after,) = ((out / "store").glob(f"{kind}/*") for kind in ("model", "train"))
    old, new = (load_file(stage / "checkpoint" / "model.safetensors") for stage in (before, after))
    # Tied heads: the file holds the matrix once, and nothing of that shape beside it.
    tokens = old[TOKENS[architecture]]
    assert [name for name in old if old[name].shape == tokens.shape] == [TOKENS[architecture]]
    still = {name for name in old if old[name].equal(new[name])}
    # The decoder's relative positions of one layer, and what a masked LM reads of its last layer
    # alone, may stand still; matrices of layers may not.
    assert TOKENS[architecture] in still
    assert not [name for name in still if "layer" in name and "relative" not in name]
    results = json.loads((after / "record.json").read_text())["results"]
    assert results["parameters"] - results["trainable_parameters"] == tokens.numel()


def test_an_untied_head_is_kept_too() -> None:
    import transformers

    config = draw_model("causal", 400, hidden=32, heads=2).config
    config.tie_word_embeddings = False
    model = transformers.LlamaForCausalLM(config)
    freeze_token_embeddings(model)
    kept = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert kept == {"model.embed_tokens.weight", "lm_head.weight"}


def test_what_was_trained_before_there_was_a_choice_keeps_its_identity() -> None:
    """Neither the default nor an adapter, which never trains embeddings, has a word about them."""
    frozen = TrainingSpec(train_embeddings=False)
    assert frozen.canonical()["train_embeddings"] is False
    assert TrainingSpec.model_validate(frozen.canonical()) == frozen
    assert "train_embeddings" not in TrainingSpec().canonical()
    adapted = TrainingSpec(adapter="lora")
    assert merge(adapted, {"train_embeddings": False}).canonical() == adapted.canonical()
