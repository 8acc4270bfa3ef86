"""What stops a training, what mends it, and the switches that must not change what it learns."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from t2t_xfer.architectures.loading import LoadedModel, wrap
from t2t_xfer.architectures.micro import new_model, train_tokenizer
from t2t_xfer.architectures.rows import Row
from t2t_xfer.errors import MissingExtraError, TrainingError, UnsupportedError
from t2t_xfer.records import ArchitectureName
from t2t_xfer.specs.model import ModelSpec
from t2t_xfer.specs.training import TrainingSpec, merge
from t2t_xfer.stages.bases import base_of, check_autocast
from t2t_xfer.training import trainer
from t2t_xfer.training.guards import LossGuard
from t2t_xfer.training.loop import Trained
from t2t_xfer.training.steps import Step

from .adapting import fit
from .learning import answers, label_examples

EXAMPLES = label_examples(24, seed=1)
ANSWER = answers("label")
TRAINING = TrainingSpec(
    steps=4,
    examples_per_step=12,
    learning_rate=1e-3,
    adam_epsilon=1e-6,
    max_input_tokens=128,
    micro_batch_tokens=512,
)


def model(
    architecture: ArchitectureName = "encoder", dropout: float = 0.0, layers: int = 2
) -> LoadedModel:
    prompted = [ANSWER.render(example) for example in EXAMPLES]
    tokenizer = train_tokenizer([p.input for p in prompted], 700, architecture)
    made = new_model(
        architecture, len(tokenizer), hidden=32, layers=layers, heads=2, dropout=dropout, seed=1
    )
    return wrap(made, tokenizer, 128)


def trained(loaded: LoadedModel, folder: Path, **changes: Any) -> Trained:
    return fit(loaded, ANSWER, EXAMPLES, folder, merge(TRAINING, changes))


@contextmanager
def memory_for(loaded: LoadedModel, tokens: int) -> Iterator[list[int]]:
    """A device that holds no batch of more padded tokens: the forward pass stops half-way."""
    refused: list[int] = []

    def check(_: torch.nn.Module, args: Any, kwargs: Any) -> None:
        states = args[0] if args else kwargs["hidden_states"]
        size = states.shape[0] * states.shape[1]
        if size > tokens:
            refused.append(size)
            raise torch.OutOfMemoryError("CUDA out of memory.")

    handle = loaded.model.roberta.encoder.layer[1].register_forward_pre_hook(
        check, with_kwargs=True
    )
    try:
        yield refused
    finally:
        handle.remove()


def same_weights(a: LoadedModel, b: LoadedModel, tolerance: float) -> bool:
    return all(
        torch.allclose(x, y, atol=tolerance, rtol=0)
        for x, y in zip(a.model.parameters(), b.model.parameters(), strict=True)
    )


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_examples(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """512 tokens hold a whole step of some 250; 128 were asked for by the second run from the
    start. 150 fit, so the budget is halved twice, once and for all."""
    squeezed, small = model(), model()
    with memory_for(squeezed, 150) as refused, caplog.at_level(logging.WARNING):
        mended = trained(squeezed, tmp_path / "a")
    planned = trained(small, tmp_path / "b", micro_batch_tokens=128)
    assert len(refused) == 2
    assert mended.micro_batch_tokens == planned.micro_batch_tokens == 128
    assert mended.losses == planned.losses
    assert mended.tokens == planned.tokens
    assert same_weights(squeezed, small, 0)
    said = [r.getMessage() for r in caplog.records if "out of memory at step 1" in r.getMessage()]
    assert [message.split()[8] for message in said] == ["256", "128"]


def test_a_step_done_again_draws_the_same_dropout(tmp_path: Path) -> None:
    """All of the first step is done again, its random numbers included."""
    squeezed, small = model(dropout=0.3), model(dropout=0.3)
    with memory_for(squeezed, 300) as refused:
        mended = trained(squeezed, tmp_path / "a", micro_batch_tokens=512)
    planned = trained(small, tmp_path / "b", micro_batch_tokens=256)
    assert bool(refused) == (mended.micro_batch_tokens == 256)
    assert refused
    assert mended.losses == planned.losses


def test_a_row_that_does_not_fit_alone_is_named(tmp_path: Path) -> None:
    loaded = model()
    with (
        memory_for(loaded, 5),
        pytest.raises(TrainingError, match=r"step 1.*example \d+ and has \d+ tokens.*dry-run"),
    ):
        trained(loaded, tmp_path)


def test_other_errors_of_a_forward_pass_are_not_mended(tmp_path: Path) -> None:
    loaded = model()

    def fail(*_: Any) -> None:
        raise RuntimeError("a bug")

    loaded.model.roberta.encoder.layer[0].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="a bug"):
        trained(loaded, tmp_path)


def test_a_loss_that_is_not_finite_names_the_step_and_the_example(tmp_path: Path) -> None:
    """One token's embedding is not a number; it is in the examples with the cue 猫 alone."""
    loaded = model()
    cat = {e.id for e in EXAMPLES if e.fields["cue"] == "猫"}
    ids = [loaded.tokenizer(e.fields["cue"]).input_ids for e in EXAMPLES]
    others = {i for e, found in zip(EXAMPLES, ids, strict=True) if e.id not in cat for i in found}
    token = next(
        i
        for e, found in zip(EXAMPLES, ids, strict=True)
        if e.id in cat
        for i in found
        if i not in others
    )
    with torch.no_grad():
        # The head is tied to the embeddings, so the loss would be NaN everywhere.
        loaded.model.lm_head.decoder.weight = torch.nn.Parameter(
            loaded.model.lm_head.decoder.weight.clone()
        )
        loaded.model.roberta.embeddings.word_embeddings.weight[token] = torch.nan
    with pytest.raises(TrainingError, match=r"the loss is nan at step 1, from the examples") as e:
        trained(loaded, tmp_path)
    named = str(e.value).split("examples ")[1].split(" among")[0].split(", ")
    assert named
    assert set(named) <= cat
    assert "learning_rate" in str(e.value)


def test_a_gradient_that_is_not_finite_stops_before_the_weights_are_lost(tmp_path: Path) -> None:
    loaded = model()
    weight = loaded.model.roberta.encoder.layer[0].output.dense.weight
    weight.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(TrainingError, match=r"gradient's norm is (nan|inf) at step 1.*examples"):
        trained(loaded, tmp_path)
    assert all(torch.isfinite(p).all() for p in loaded.model.parameters())


def guarded(losses: list[float], vocabulary: int = 1000) -> Callable[[], None]:
    step = Step([Row("seven", (1,), (0,), labels=(1,))], 1, ("seven",), 100)

    def run() -> None:
        guard = LossGuard(vocabulary)
        for number, loss in enumerate(losses, 1):
            guard.check(number, loss, step, [])

    return run


def test_a_loss_that_explodes_stops_the_stage() -> None:
    """log(1000) = 6.9. The mean of ten steps passes 6.9 with the fourth loss of 20."""
    with pytest.raises(TrainingError, match=r"exploded at step 24.*examples seven"):
        guarded([1.0] * 20 + [20.0] * 10)()


@pytest.mark.parametrize(
    "losses",
    [
        [48.0] * 20 + [5.0] * 20,  # a T5 that begins far above guessing
        [1.0] * 20 + [60.0] + [1.0] * 20,  # one hard step: the mean of ten is 6.9 at most
        [0.1] * 20 + [5.0] * 20,  # fifty times as much, yet better than guessing
    ],
)
def test_a_loss_that_only_moves_stops_nothing(losses: list[float]) -> None:
    guarded(losses)()


def test_gradient_checkpointing_changes_nothing(tmp_path: Path) -> None:
    plain, again = model(dropout=0.1), model(dropout=0.1)
    a = trained(plain, tmp_path / "a")
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    again.model.roberta.encoder.layer[0].attention.register_forward_pre_hook(count)
    b = trained(again, tmp_path / "b", gradient_checkpointing=True)
    assert calls == 2 * 4  # each step is one micro-batch, computed twice
    assert a.losses == b.losses
    assert same_weights(plain, again, 0)


@pytest.mark.parametrize("architecture", ["encoder", "seq2seq", "causal"])
def test_bfloat16_arithmetic_keeps_float32_weights_and_nearly_the_loss(
    architecture: ArchitectureName, tmp_path: Path
) -> None:
    plain, mixed = model(architecture), model(architecture)
    a = trained(plain, tmp_path / "a")
    b = trained(mixed, tmp_path / "b", autocast="bfloat16")
    assert {p.dtype for p in mixed.model.parameters()} == {torch.float32}
    assert a.losses != b.losses
    # bfloat16 has eight bits: about 0.4 % a product.
    assert b.losses == pytest.approx(a.losses, rel=0.02)


def test_float16_is_refused_for_t5_with_the_reason() -> None:
    base = base_of(
        ModelSpec.model_validate(
            {"name": "m", "new": {"architecture": "seq2seq", "languages": ["en"]}}
        )
    )
    with pytest.raises(UnsupportedError, match=r"mT5.*65,504.*bfloat16"):
        check_autocast(base, "float16")
    check_autocast(base, "bfloat16")


def test_float16_is_refused_on_a_cpu(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    with pytest.raises(UnsupportedError, match="needs a CUDA device"):
        trained(model("causal"), tmp_path, autocast="float16")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # torch's own
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # and this one
def test_compiled_blocks_give_nearly_the_same_losses(tmp_path: Path) -> None:
    plain, compiled = model("causal", layers=1), model("causal", layers=1)
    a = trained(plain, tmp_path / "a", micro_batch_tokens=128)
    b = trained(compiled, tmp_path / "b", micro_batch_tokens=128, compile=True)
    assert all(block._compiled_call_impl is not None for block in compiled.model.model.layers)
    assert b.losses == pytest.approx(a.losses, rel=1e-4)


def test_the_course_is_told_in_json_lines(tmp_path: Path) -> None:
    log = tmp_path / trainer.LOG
    log.write_text('{"step": 0, "loss": 9.9}\n{"step": 3, "loss": 9.9}\n')  # a run cut off at 3
    done = fit(
        model(),
        ANSWER,
        EXAMPLES,
        tmp_path / "training",
        merge(TRAINING, {"report_to": "jsonl"}),
        callbacks=[trainer.JsonLines(log)],
    )
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = [line for line in lines if "loss" in line]
    assert [line["step"] for line in told] == [0, 1, 2, 3, 4]
    assert [line["loss"] for line in told[1:]] == pytest.approx(done.losses)
    assert {"grad_norm", "learning_rate"} <= told[1].keys()


def test_a_tracker_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingExtraError, match="pip install clearml"):
        trainer.check_tracker("clearml")
