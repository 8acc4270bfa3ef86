"""A plan as a picture: what is trained from what, and what is tested on it.

A Mermaid flowchart inside Markdown, which code hosts and editors show as a drawing. Stages that
differ only in seed or language are one box with their number:

    flowchart LR
      n0["model xlmr × 1"] --> n1["train mnli × 3"] --> n2["test udpos × 102"]

Scores stand with their predictions, so a box of tests counts predictions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from t2t_xfer.stages.base import Stage

HEAD = "flowchart LR"
CLASSES = (
    "classDef done fill:#d7f0d7,stroke:#3a7d3a",
    "classDef begun fill:#fff3cd,stroke:#a07800",
)


def drawing(stages: Sequence[Stage], done: Collection[str]) -> str:
    """Markdown with the flowchart.

    Args:
        done: ids of the stages that need not run: boxes of only such are green, mixed ones yellow.
    """
    shown = [stage for stage in stages if stage.kind != "score"]
    box_of = {stage.id: _box(stage) for stage in shown}
    members: dict[str, list[Stage]] = defaultdict(list)
    for stage in shown:
        members[box_of[stage.id]].append(stage)
    ids = {box: f"n{i}" for i, box in enumerate(members)}
    lines = [HEAD]
    for box, those in members.items():
        finished = sum(stage.id in done for stage in those)
        mark = ":::done" if finished == len(those) else ":::begun" if finished else ""
        lines.append(f'  {ids[box]}["{box} × {len(those)}"]{mark}')
    edges = {
        (ids[box_of[needed]], ids[box_of[stage.id]])
        for stage in shown
        for needed in stage.needs.values()
        if needed in box_of
    }
    lines += [f"  {a} --> {b}" for a, b in sorted(edges, key=lambda e: (int(e[0][1:]), e[1]))]
    lines += [f"  {each}" for each in CLASSES]
    return "\n".join(
        [
            "× is the number of stages: seeds, and languages of tests. Green is done, yellow is"
            " begun.",
            "",
            "```mermaid",
            *lines,
            "```",
            "",
        ]
    )


def _box(stage: Stage) -> str:
    """What a stage has in common with those that differ only in seed or language."""
    label = stage.label.partition("@")[0]
    if stage.kind == "predict":
        model, _, test = label.rpartition("=")
        label = f"{model}={test.partition('.')[0]}"
    return f"{stage.kind} {label}".replace('"', "'")
