"""Models and adapters as files: every tensor accounted for, or exit 2 and one paragraph before any
work. Each file here is a tampered copy of a model that answers; all of them used to give numbers.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from t2t_xfer.errors import SpecError, UnsupportedError, UserError
from t2t_xfer.microworld.checkpoints import checkpoint

from .studydata import Outcome, t2t

Weights = dict[str, Any]
LAYER = "roberta.encoder.layer.3."


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tampered(
    place: Path,
    change: Callable[[Weights], Weights] = lambda weights: weights,
    config: Mapping[str, Any] | None = None,
    architecture: str = "encoder",
) -> Path:
    """A copy of a micro model, its tensors changed, its config with other values."""
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(checkpoint(f"micro:{architecture}"), place / "model"))
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})
    if config:
        told = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**told, **config}))
    return folder


def ask(model: Path | str, *options: str | Path, task: str = "xnli") -> Outcome:
    asked = ("evaluate", "--model", model, "--task", task, "--language", "en", "--limit", "4")
    return t2t(*asked, "--data", "microworld", "--output", "out", *options)


def refused(done: Outcome, *words: str) -> None:
    """Exit 2, one paragraph that holds the words, and nothing computed."""
    assert done.code == 2, done.err
    (paragraph,) = [line for line in done.err.splitlines() if line.startswith("t2t-xfer: ")]
    assert "Traceback" not in done.err
    for word in words:
        assert word in paragraph
    assert not list(Path().glob("out/store/*/*/record.json"))


def behind(prefix: str) -> Callable[[Weights], Weights]:
    return lambda weights: {f"{prefix}{name}": value for name, value in weights.items()}


def without(part: str) -> Callable[[Weights], Weights]:
    return lambda weights: {k: v for k, v in weights.items() if part not in k}


# Models


@pytest.mark.parametrize(
    ("change", "config", "words"),
    [
        (without(LAYER), {}, ("16 weights are missing", f"{LAYER}attention.output.dense.bias")),
        (without("embeddings.word"), {}, ("is not whole", "word_embeddings.weight")),
        (behind("other."), {}, ("are missing",)),
        (None, {"num_hidden_layers": 3}, ("16 tensors of its file belong nowhere", LAYER)),
        (None, {"intermediate_size": 128}, ("(192,) in its file, and (128,)",)),
        (without("lm_head.dense"), {}, ("lm_head.dense.bias", "are missing, while lm_head.bias")),
        (without("lm_head"), {}, ("holds no LM head", "lm_head.dense.weight")),
    ],
)
def test_a_model_that_is_not_whole_is_refused(
    change: Any, config: Any, words: tuple[str, ...], place: Path
) -> None:
    refused(ask(tampered(place, change or dict, config)), *words)


@pytest.mark.parametrize("architecture", ["encoder", "seq2seq", "causal"])
@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod.", "net."])
def test_wrappers_names_are_stripped_and_said(
    prefix: str, architecture: str, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`_orig_mod.` took a tagger from 99.2 to 0.0 without a word."""
    from safetensors.torch import load_file

    from t2t_xfer.architectures.loading import load

    model = load(str(tampered(place, behind(prefix), architecture=architecture))).model
    plain = load(str(checkpoint(f"micro:{architecture}"))).model.state_dict()
    assert all(value.equal(plain[name]) for name, value in model.state_dict().items())
    assert f"under other names: {prefix}" in caplog.text
    model.save_pretrained(place / "again")
    assert not [n for n in load_file(place / "again/model.safetensors") if n.startswith(prefix)]


def test_wrappers_inside_a_model_are_stripped(place: Path) -> None:
    from t2t_xfer.architectures.weights import check_weights

    inner = "layer._fsdp_wrapped_module._checkpoint_wrapped_module."
    folder = tampered(place, lambda w: {k.replace("layer.", inner): v for k, v in w.items()})
    assert len(check_weights(str(folder), None).renamed) == 64


def test_other_heads_poolers_and_a_body_saved_bare_are_no_mistakes(place: Path) -> None:
    import torch

    from t2t_xfer.architectures.weights import check_weights

    def bare(weights: Weights) -> Weights:
        body = without("lm_head")(weights)
        inner = {name.removeprefix("roberta."): value for name, value in body.items()}
        others = ("pooler.dense.weight", "classifier.weight", "embeddings.position_ids")
        return {**inner, **{name: torch.zeros(2) for name in others}}

    account = check_weights(str(tampered(place, bare)), None)
    assert not account.renamed
    assert "lm_head.dense.weight" in account.fresh_head


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of families' own modules, when they are imported
def test_every_family_saved_and_read_again_is_whole(place: Path) -> None:
    """What a class may lack or leave over differs from family to family."""
    from t2t_xfer.architectures.weights import Account, config_of, laid_out

    from .families import FAMILIES, made

    found = {}
    for architecture, names in FAMILIES.items():
        for name in names:
            folder = place / f"{architecture}-{name}".replace(" ", "-")
            made(architecture, name).model.save_pretrained(folder)
            found[name] = laid_out(str(folder), None, config_of(str(folder), None), architecture)[1]
            shutil.rmtree(folder)
    assert {name: account for name, account in found.items() if account != Account()} == {}


def test_scores_that_are_no_numbers_are_refused() -> None:
    from t2t_xfer.records import Generation, Readout
    from t2t_xfer.stages.predict import check_numbers

    fine = Generation("a", Readout.rank, scores=(0.5, float("-inf")))
    check_numbers([fine])
    with pytest.raises(UserError, match="example 'b'"):
        check_numbers([fine, Generation("b", Readout.rank, scores=(0.5, float("nan")))])


def test_a_weight_that_is_no_number_is_named(place: Path) -> None:
    name = f"{LAYER}output.dense.weight"
    model = tampered(place, lambda w: {**w, name: w[name] * float("nan")})
    refused(ask(model), name, "not finite")


def test_a_tokenizer_with_more_tokens_than_rows_is_refused(place: Path) -> None:
    cut = {"vocab_size": 4000}
    small = tampered(
        place, lambda w: {k: v[:4000].clone() if len(v) == 4096 else v for k, v in w.items()}, cut
    )
    refused(ask(small), "96 tokens that its 4000 rows", "resize_token_embeddings")


# Files


def lfs(file: Path) -> None:
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n")


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 100)


def folder_instead(file: Path) -> None:
    file.unlink()
    file.mkdir()


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("model.safetensors", lfs, ("pointer of Git LFS", "git lfs pull")),
        ("tokenizer.json", lfs, ("pointer of Git LFS",)),
        ("model.safetensors", cut, ("ends early",)),
        ("model.safetensors", lambda f: f.write_bytes(b"PK"), ("no whole safetensors file",)),
        ("model.safetensors", folder_instead, ("model.safetensors cannot be read",)),
        ("config.json", lambda f: f.write_text(f'{{"a": {DEEP}}}'), ("nested too deeply",)),
        ("config.json", lambda f: f.write_text("{"), ("cannot be read as JSON",)),
    ],
)
def test_spoilt_files_are_one_paragraph(
    name: str, spoil: Callable[[Path], Any], words: tuple[str, ...], place: Path
) -> None:
    model = tampered(place)
    spoil(model / name)
    refused(ask(model), name, *words)


def test_a_tokenizer_of_a_later_release_is_one_paragraph(place: Path) -> None:
    model = tampered(place)
    told = json.loads((model / "tokenizer.json").read_text())
    told["model"]["type"] = "SuperBPE"
    (model / "tokenizer.json").write_text(json.dumps(told))
    refused(ask(model), "later release of tokenizers")


def test_a_shard_that_is_not_there_is_named(place: Path) -> None:
    model = tampered(place)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2-of-2.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(ask(model), "lacks model-2-of-2.safetensors")


@pytest.mark.parametrize("key", ["num_hidden_layers", "num_labels", "num_local_experts"])
def test_a_config_cannot_ask_for_a_billion_parts(key: str, place: Path) -> None:
    refused(ask(tampered(place, config={key: 10**9})), f"{key}: 1000000000")


@pytest.mark.parametrize("setting", [{"layers": 10**8}, {"vocabulary": 10**12}, {"hidden": 4096}])
def test_a_new_model_is_small(setting: dict[str, int], place: Path) -> None:
    from t2t_xfer.specs import StudySpec, load_yaml

    new = {"architecture": "causal", "languages": ["en"], "vocabulary": 600_000, **setting}
    study = {"models": [{"name": "a", "new": new}], "targets": ["xnli"]}
    (place / "s.yaml").write_text(json.dumps(study))
    with pytest.raises(SpecError, match="at most"):
        load_yaml(place / "s.yaml", StudySpec)


def test_every_file_that_is_read_is_in_the_identity(place: Path) -> None:
    from t2t_xfer.stages.bases import model_identity

    model = tampered(place)
    seen = {str(model_identity(str(model), None))}
    (model / "additional_chat_templates").mkdir()
    names = ("chat_template.jinja", "additional_chat_templates/tool.jinja", "merges.bpe")
    for name in (*names, "added_tokens.json", "spiece.vocab"):
        (model / name).write_text("{}")
        identity = str(model_identity(str(model), None))
        assert identity not in seen, name
        seen.add(identity)
    for name in ("README.md", ".gitattributes", "training_args.bin"):
        (model / name).write_text("{}")
        assert str(model_identity(str(model), None)) in seen, name


# Adapters


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from .adapters_made import made_adapter

    folder = tmp_path_factory.mktemp("adapter") / "whole"
    return Path(made_adapter(str(checkpoint("micro:encoder")), "encoder", folder, 1))


def changed(
    adapter: Path, place: Path, change: Callable[[Weights], Weights], **config: Any
) -> Path:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(adapter, place / "adapter"))
    file = folder / "adapter_model.safetensors"
    save_file(change(load_file(file)), file)
    if config:
        told = json.loads((folder / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps({**told, **config}))
    return folder


BROKEN: Mapping[str, tuple[Callable[[Weights], Weights], str]] = {
    "empty": (lambda w: {}, "holds no tensor at all"),
    "half": (without("lora_B"), "lora_B.weight"),
    "default": (
        lambda w: {k.replace(".weight", ".default.weight"): v for k, v in w.items()},
        "belong nowhere",
    ),
    "prefix": (
        lambda w: {k.removeprefix("base_model.model."): v for k, v in w.items()},
        "belong nowhere",
    ),
    "layer": (without(LAYER), "are missing"),
    "nan": (lambda w: {k: v * float("nan") for k, v in w.items()}, "not finite"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_adapter_that_is_not_whole_is_refused_everywhere(
    case: str, adapter: Path, place: Path
) -> None:
    """Each gave the base's answers, bit for bit."""
    from t2t_xfer.architectures.loading import SwitchedBase, load

    change, words = BROKEN[case]
    folder = changed(adapter, place, change)
    refused(ask("micro:encoder", "--adapter", folder), words)
    merged = t2t("merge", folder, "--output", place / "merged")
    assert merged.code == 2
    assert words in merged.err
    assert not (place / "merged").exists()
    switched = SwitchedBase(load(str(checkpoint("micro:encoder"))))
    switched.using(str(adapter))
    with pytest.raises(UserError, match=words):
        switched.using(str(folder))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"target_modules": ["nothing"]}, "does not fit this model"),
        ({"target_modules": "(a+)+$"}, "take for ever"),
        ({"rank_pattern": {"(.*)*x": 4}}, "take for ever"),
        ({"layer_replication": [[0, 4]] * 100_000}, "layer_replication"),
        ({"r": 10**9}, "its rank"),
    ],
)
def test_settings_of_an_adapter_are_bounded(
    settings: dict[str, Any], words: str, adapter: Path, place: Path
) -> None:
    folder = changed(adapter, place, dict, **settings)
    refused(ask("micro:encoder", "--adapter", folder), words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"quantised": "int3"}', "`quantised` is 'int3'"),
        ("{", "adapter_base.json cannot be read as JSON"),
        ("[]", "no JSON object"),
        ('{"dtype": 3}', "is broken"),
        (f'{{"identity": {DEEP}}}', "nested too deeply"),
    ],
)
def test_a_broken_file_about_the_base_is_one_paragraph(
    text: str, words: str, adapter: Path, place: Path
) -> None:
    folder = changed(adapter, place, dict)
    (folder / "adapter_base.json").write_text(text)
    refused(ask("micro:encoder", "--adapter", folder), words)


# Fresh heads


def test_a_report_names_the_models_whose_head_was_fresh(place: Path) -> None:
    model = tampered(place, without("lm_head"))
    study: dict[str, Any] = {
        "models": [{"name": "bare", "path": str(model)}],
        "targets": ["xnli"],
        "languages": ["en"],
        "limit": {"train": 4, "test": 4},
        "training": {"steps": 1, "examples_per_step": 4, "warmup": 0},
    }
    Path("s.yaml").write_text(json.dumps(study))
    done = t2t("study", "run", "s.yaml", "--data", "microworld", "--output", "out")
    assert done.code == 0, done.err
    assert "Fresh head: bare" in Path("out/s/report.md").read_text()


def trained(model: Path | str, caplog: pytest.LogCaptureFixture, *options: str) -> Path:
    settings = "steps: 1\nexamples_per_step: 4\nwarmup: 0\n"
    Path("t.yaml").write_text(settings)
    done = t2t(
        *("train", "--model", model, "--task", "mnli", "--data", "microworld", "--limit", "4"),
        *("--training", "t.yaml", "--output", "out", "--json", *options),
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert "a fresh head is trained" in caplog.text
    assert "lm_head.dense.weight" in told["fresh_head"]
    return Path(told["checkpoint"])


def test_a_fresh_head_is_trained_first_and_said(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tampered(place, without("lm_head"))
    whole = trained(model, caplog)
    assert ask(whole).code == 0
    rights = {file.stat().st_mode & 0o777 for file in whole.iterdir()}
    assert len(rights) == 1  # ours were 0600 among 0644


def test_an_adapter_over_a_fresh_head_is_read_over_the_same(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tampered(place, without("lm_head"))
    over = trained(model, caplog, "--adapter", "lora")
    assert ask(over).code == 0
    told = json.loads((over / "adapter_base.json").read_text())
    (over / "adapter_base.json").write_text(json.dumps({**told, "fresh_head": "0"}))
    for kind in ("predict", "score"):
        shutil.rmtree(Path("out/store", kind))
    assert "begins with other numbers" in ask(over).err


def test_embeddings_need_no_head(place: Path) -> None:
    model = tampered(place, without("lm_head"), {"architectures": ["XLMRobertaModel"]})
    done = t2t(
        "evaluate",
        "--model",
        model,
        "--task",
        "tatoeba",
        "--language",
        "de",
        "--limit",
        "4",
        "--data",
        "microworld",
        "--output",
        "out",
    )
    assert done.code == 0, done.err
    assert "[2/2]" in done.err  # no yes/no questions about the nearest


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_the_head_that_mdeberta_was_pretrained_with_is_read(place: Path) -> None:
    """It got a random one: its own lies under a name that transformers does not look for."""
    import torch
    import transformers
    from safetensors.torch import load_file, save_file

    from t2t_xfer.architectures.loading import load

    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.DebertaV2Config(**size, vocab_size=4096, intermediate_size=16)
    model = transformers.DebertaV2ForMaskedLM(config).eval()
    shutil.copytree(checkpoint("micro:encoder"), place / "d")
    model.save_pretrained(place / "d")
    file = place / "d" / "model.safetensors"
    names = {"cls.predictions.transform": "lm_predictions.lm_head", "cls.predictions.bias": ""}
    stored = {}
    for name, value in load_file(file).items():
        for old, new in names.items():
            name = name.replace(old, new or "lm_predictions.lm_head.bias")  # noqa: PLW2901
        stored[name] = value
    save_file({**stored, "mask_predictions.dense.weight": torch.zeros(2)}, file)
    ids = torch.arange(9)[None]
    loaded = load(str(place / "d"))
    with torch.inference_mode():
        assert torch.equal(loaded.model(input_ids=ids).logits, model(input_ids=ids).logits)


def test_an_electra_discriminator_has_no_head(place: Path) -> None:
    import transformers

    from t2t_xfer.architectures.loading import load

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.ElectraConfig(**size, vocab_size=4096, embedding_size=16)
    shutil.copytree(checkpoint("micro:encoder"), place / "e")
    transformers.ElectraForPreTraining(config).save_pretrained(place / "e")
    with pytest.raises(UserError, match="holds no LM head"):
        load(str(place / "e"))
    found = load(str(place / "e"), fresh_head=True).fresh_head
    assert found is not None
    assert found == load(str(place / "e"), fresh_head=True).fresh_head


def test_a_causal_models_fresh_head_begins_as_the_embeddings(place: Path) -> None:
    from t2t_xfer.architectures.loading import load

    untied = tampered(place, config={"tie_word_embeddings": False}, architecture="causal")
    model: Any = load(str(untied), fresh_head=True).model
    head, embeddings = model.get_output_embeddings().weight, model.get_input_embeddings().weight
    assert head.equal(embeddings)
    assert head is not embeddings


def test_vllm_is_given_no_renamed_tensors() -> None:
    from t2t_xfer.architectures.weights import Account, check_names

    with pytest.raises(UnsupportedError, match="vLLM cannot read"):
        check_names("m", Account(renamed=(("module.a", "a"),)))
