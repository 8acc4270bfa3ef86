"""Settings of adapters: what they change, where they may stand, and what is said of mistakes."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from t2t_xfer.errors import SpecError
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.study import StudySpec, training_for
from t2t_xfer.specs.training import TrainingSpec, merge


def test_an_adapters_settings_count_only_where_there_is_an_adapter() -> None:
    assert TrainingSpec(lora={"rank": 4}).to_json() == TrainingSpec().to_json()  # type: ignore[arg-type]
    plain, four, eight = (
        TrainingSpec.model_validate({"adapter": "lora", "lora": lora}).to_json()
        for lora in ({}, {"rank": 4}, {"rank": 8})
    )
    assert len({TrainingSpec().to_json(), plain, four, eight}) == 4
    assert merge(TrainingSpec(adapter="lora"), {"adapter": "qlora"}).to_json() != plain


def test_the_identity_is_read_back_as_the_same_training() -> None:
    """A stage keeps the identity alone and trains by it."""
    for training in (TrainingSpec(), TrainingSpec(adapter="qlora")):
        assert TrainingSpec.model_validate(training.canonical()) == training


def test_an_override_of_one_setting_keeps_the_others() -> None:
    base = TrainingSpec.model_validate({"adapter": "lora", "lora": {"rank": 4, "dropout": 0.1}})
    lora = merge(base, {"lora": {"rank": 8}}).lora
    assert (lora.rank, lora.dropout, lora.alpha) == (8, 0.1, 32)
    assert merge(base, {"adapter": "none"}).adapter == "none"


STUDY = """\
models:
  - {name: a, path: p, training: {lora: {rank: 8, dropout: 0.1}, learning_rate: 2e-4}}
  - {name: b, path: p, training: {adapter: none}}
targets: [xnli]
training: {adapter: lora, lora: {alpha: 8}}
task_training: {mnli: {lora: {rank: 4}}}
"""


def test_adapters_by_model_and_task(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(STUDY)
    study = load_yaml(path, StudySpec)
    a, b = study.models
    assert training_for(study, a, "xnli").lora.rank == 8
    lora = training_for(study, a, "mnli").lora
    assert (lora.rank, lora.alpha, lora.dropout) == (4, 8, 0.1)
    assert training_for(study, b, "xnli").adapter == "none"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adapter: lorra", "Did you mean 'lora'?"),
        ("lora: {rnk: 4}", "lora.rnk: unknown key. Did you mean 'rank'?"),
        ("lora: {rank: 0}", "lora.rank: found 0, expected more than 0."),
        ("lora: {rank: eight}", 'lora.rank: found "eight", expected a whole number.'),
        ("lora: {dropout: 2}", "lora.dropout: found 2, expected at most 1."),
        ("lora: {targets: []}", "expected at least one item"),
        ("lora: 8", "lora: found 8, expected a mapping"),
        ("chain: marge", "Did you mean 'merge'?"),
    ],
)
@pytest.mark.parametrize("place", ["training", "model"])
def test_a_mistake_is_told_wherever_it_stands(
    place: str, line: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.yaml"
    where = {"training": "", "model": ""} | {place: line}
    path.write_text(
        f"models: [{{name: a, path: p, training: {{{where['model']}}}}}]\n"
        f"targets: [xnli]\ntraining: {{{where['training']}}}\n"
    )
    with pytest.raises(SpecError) as caught:
        load_yaml(path, StudySpec)
    assert message in str(caught.value)


def test_numbers_are_still_no_mappings(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="valid number"):
        merge(TrainingSpec(), {"learning_rate": {}})
