"""The picture of a plan: boxes of stages alike but for seed and language, and what needs what."""

from __future__ import annotations

from t2t_xfer.report.drawing import drawing
from t2t_xfer.stages.base import Stage

from .made_stages import made


def stage(kind: str, label: str, **needs: str) -> Stage:
    return made(kind, label, needs, version=len(label))


def stages() -> list[Stage]:
    found = []
    for seed in (0, 1):
        trained = stage("train", f"qwen-0.6b>mnli@{seed}")
        found.append(trained)
        for language in ("de", "tr"):
            label, needs = f"qwen-0.6b>mnli=xnli.{language}", {"checkpoint": trained.id}
            read = made("predict", label, needs, language=language, version=seed)
            found += [read, stage("score", f"{language}{seed}", predictions=read.id)]
    return found


def test_seeds_and_languages_share_a_box() -> None:
    lines = drawing(stages(), set()).splitlines()
    assert '  n0["train qwen-0.6b>mnli × 2"]' in lines
    assert '  n1["predict qwen-0.6b>mnli=xnli × 4"]' in lines
    assert [line for line in lines if "-->" in line] == ["  n0 --> n1"]
    assert not any("score" in line for line in lines)


def test_what_is_done_is_green_and_what_is_begun_is_yellow() -> None:
    every = stages()
    trained = {each.id for each in every if each.kind == "train"}
    one_read = next(each.id for each in every if each.kind == "predict")
    text = drawing(every, {*trained, one_read})
    assert 'mnli × 2"]:::done' in text
    assert 'xnli × 4"]:::begun' in text
