"""A program for `torchrun`: a few steps on weights that FSDP has spread over processes.

    torchrun --standalone --nproc-per-node 2 -m tests.spread FOLDER

The steps hold label rows and pointers in unequal numbers, so that processes have different
micro-batches, and one has the head's rows where another has pointers. The first process leaves
`weights.pt` and `losses.json`. Alone, without a launcher, it runs on whole weights.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from t2t_xfer import processes
from t2t_xfer.architectures.head import batch_losses
from t2t_xfer.architectures.loading import LoadedModel
from t2t_xfer.architectures.rows import Row
from t2t_xfer.training.devices import blocks, is_sharded, join, leave, whole_weights
from t2t_xfer.training.steps import Step

from .learning import answers, fresh_model, label_examples, span_examples

BUDGET = 90


def steps(loaded: LoadedModel) -> list[Step]:
    """Three steps of 7 label rows and 4, 2 or 1 pointers."""
    label, span = answers("label"), answers("span")
    labels = [label.render(e) for e in label_examples(21, 1)]
    spans = [span.render(e) for e in span_examples(7, 1)]
    made = loaded.architecture.training_rows
    rows = [made(p)[0] for p in labels]
    pointers = [made(p)[0] for p in spans]
    cuts = [(0, 4), (4, 6), (6, 7)]
    out = []
    for i, (start, end) in enumerate(cuts):
        of_step: list[Row] = rows[7 * i : 7 * i + 7] + pointers[start:end]
        out.append(Step(of_step, len(of_step), tuple(r.id for r in of_step), BUDGET))
    return out


def main(folder: Path) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    examples = [*map(answers("label").render, label_examples(21, 1))]
    examples += map(answers("span").render, span_examples(7, 1))
    loaded = fresh_model("encoder", [p.input for p in examples], hidden=32)
    model = loaded.model.eval()  # no dropout
    several = processes.count() > 1
    if several:
        join()
        for block in blocks(model):
            fully_shard(block)
        fully_shard(model)
        assert is_sharded(model)
        assert all(isinstance(p, DTensor) for p in model.parameters())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for step in steps(loaded):
        total = torch.zeros(())
        for rows in step.shares(processes.count())[processes.rank()]:
            loss = batch_losses(model, loaded.architecture, rows).sum() / step.num_examples
            (loss * processes.count()).backward()
            total += loss.detach()
        if several:
            distributed.all_reduce(total)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total))
    weights = whole_weights(model) if several else model.state_dict()
    if processes.is_first():
        torch.save(dict(weights or {}), folder / "weights.pt")
        (folder / "losses.json").write_text(json.dumps(losses))
    leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
