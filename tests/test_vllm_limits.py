"""What the engine `vllm` says before it starts: what is missing, and what it cannot do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from t2t_xfer.cli import cli
from t2t_xfer.engines.vllm import NextTokens, _questions, import_vllm
from t2t_xfer.engines.vllm_limits import adapter_rank, check_model, check_vllm, require_vllm
from t2t_xfer.errors import MissingExtraError, UnsupportedError, UserError
from t2t_xfer.records import (
    ArchitectureName,
    Closed,
    Copied,
    Pair,
    Question,
    Readout,
    Separate,
    Slots,
)

LLAMA = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 128,
    "num_attention_heads": 4,
    "max_position_embeddings": 1024,
}


def test_a_missing_vllm_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2t_xfer.engines.vllm_limits.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 't2t_xfer\[vllm\]'"):
        require_vllm()
    with pytest.raises(MissingExtraError, match="--engine transformers works without it"):
        import_vllm()


def test_an_import_broken_by_torchvision_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the real package: nothing breaks before the class is named.
    broken = (
        "def __getattr__(name):\n    raise RuntimeError('operator torchvision::nms does not exist')"
    )
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text(broken)
    for name in [name for name in sys.modules if name.partition(".")[0] == "vllm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="pip uninstall torchvision") as caught:
        import_vllm()
    assert "operator torchvision::nms does not exist" in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "asks", "readout", "reason"),
    [
        ("encoder", Closed, Readout.slots, "it runs decoders"),
        ("seq2seq", Closed, Readout.rank, "it runs decoders"),
        ("causal", Slots, Readout.slots, "tags in one pass are read at every word"),
        ("causal", Separate, Readout.slots, "form: separate"),
        ("causal", Pair, Readout.embed, "hidden states"),
    ],
)
def test_what_it_cannot_read_is_refused_at_plan_time(
    architecture: ArchitectureName, asks: type[Question], readout: Readout, reason: str
) -> None:
    with pytest.raises(UnsupportedError, match=f"{reason}.*Use --engine transformers"):
        check_vllm(architecture, asks, readout)


@pytest.mark.parametrize("readout", [Readout.slots, Readout.rank, Readout.generate])
def test_what_it_can_read(readout: Readout) -> None:
    check_vllm("causal", Closed, readout)
    check_vllm("causal", Copied, Readout.generate)
    check_vllm("causal", Slots, Readout.generate)


def test_a_model_it_cannot_run_is_refused_before_the_start() -> None:
    check_model(LLAMA, "m", 256, on_cpu=True)
    check_model({**LLAMA, "num_attention_heads": 8}, "m", 256, on_cpu=False)
    with pytest.raises(UnsupportedError, match="at least 32 numbers, but those of 'm' have 16"):
        check_model({**LLAMA, "num_attention_heads": 8}, "m", 256, on_cpu=True)
    with pytest.raises(UnsupportedError, match="max_input_tokens to at most"):
        check_model(LLAMA, "m", 1024, on_cpu=True)
    encoder = {**LLAMA, "model_type": "xlm-roberta", "architectures": ["XLMRobertaForMaskedLM"]}
    with pytest.raises(UnsupportedError, match="of the architecture 'encoder'"):
        check_model(encoder, "m", 256, on_cpu=False)


def adapter(folder: Path, **settings: Any) -> str:
    text = json.dumps({"r": 4, "lora_alpha": 8, "bias": "none", **settings})
    (folder / "adapter_config.json").write_text(text)
    return str(folder)


def test_the_rank_of_an_adapter_is_its_largest(tmp_path: Path) -> None:
    assert adapter_rank(adapter(tmp_path)) == 4
    assert adapter_rank(adapter(tmp_path, rank_pattern={"q_proj": 24})) == 24


@pytest.mark.parametrize(
    "settings",
    [{"use_dora": True}, {"bias": "all"}, {"modules_to_save": ["lm_head"]}, {"r": 1024}],
    ids=lambda settings: next(iter(settings)),
)
def test_an_adapter_that_it_would_apply_wrongly_is_refused(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedError, match="Merge it into its model"):
        adapter_rank(adapter(tmp_path, **settings))


def test_no_adapter_is_said_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no adapter_config\.json"):
        adapter_rank(str(tmp_path))


def test_one_question_for_each_common_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    options = [(5, 6, 1), (5, 7, 1), (8, 1)]
    assert _questions((2, 3), options) == [
        NextTokens((2, 3), (5, 8)),
        NextTokens((2, 3, 5), (6, 7)),
        NextTokens((2, 3, 5, 6), (1,)),
        NextTokens((2, 3, 5, 7), (1,)),
        NextTokens((2, 3, 8), (1,)),
    ]
    monkeypatch.setattr("t2t_xfer.engines.vllm.MAX_NAMED_TOKENS", 2)
    assert _questions((9,), [(i,) for i in range(5)]) == [
        NextTokens((9,), (0, 1)),
        NextTokens((9,), (2, 3)),
        NextTokens((9,), (4,)),
    ]


@pytest.mark.parametrize("name", ["xnli", "udpos"])
def test_evaluate_refuses_before_anything_runs(name: str, tmp_path: Path) -> None:
    command = f"evaluate --model new:seq2seq --task {name} --engine vllm --data microworld"
    rest = f"--language en --output {tmp_path}"
    result = CliRunner().invoke(cli, [*command.split(), *rest.split()])
    assert isinstance(result.exception, UnsupportedError), result.output
    assert not list(tmp_path.iterdir())


def test_evaluate_says_that_vllm_is_missing_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t2t_xfer.engines.vllm_limits.find_spec", lambda _: None)
    command = "evaluate --model new:causal --task xnli --engine vllm --data microworld"
    result = CliRunner().invoke(
        cli, [*command.split(), "--language", "en", "--output", str(tmp_path)]
    )
    assert isinstance(result.exception, MissingExtraError), result.output
    assert not list(tmp_path.glob("store/model/*"))
