"""Adapters in a chain of stages, as a plan sees them: what may follow what, without torch.

An adapter is a `train` stage's `checkpoint/`, over a whole checkpoint that another stage or a path
holds. What follows either goes on with it or stands on a `model` stage that has merged the two.

    base ──────────────► xnli's adapter, continued from mnli's        chain: continue
      └► mnli's adapter ─┘
    base + mnli's adapter ► merged checkpoint ► xnli's new adapter    chain: merge
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from t2t_xfer.architectures.checkpoint import (
    AdapterBase,
    adapter_base,
    adapter_config,
    adapter_identity,
)
from t2t_xfer.errors import UserError
from t2t_xfer.paths import expanded
from t2t_xfer.records import Json
from t2t_xfer.specs.training import TrainingSpec
from t2t_xfer.stages.models import model_identity


class AdapterState(NamedTuple):
    """What of an adapter must stay the same when training goes on with it."""

    adapter: str
    """`lora` or `qlora`."""
    rank: int
    alpha: float
    dropout: float
    targets: tuple[str, ...] | None
    """As the training asked; not compared with those of an adapter that was made elsewhere."""


def planned_adapter(training: TrainingSpec) -> AdapterState:
    """The adapter that a training will make."""
    lora = training.lora
    return AdapterState(training.adapter, lora.rank, lora.alpha, lora.dropout, lora.targets)


def existing_adapter(directory: str) -> AdapterState:
    """The adapter in a directory.

    Raises:
        UserError: there is none.
    """
    config = adapter_config(directory)
    adapter = "lora" if adapter_base(directory).quantised is None else "qlora"
    return AdapterState(adapter, config["r"], config["lora_alpha"], config["lora_dropout"], None)


def check_continues(before: AdapterState, training: TrainingSpec, who: str) -> None:
    """Refuses to go on with an adapter under other settings.

    Raises:
        UserError: names what differs, and how to mend it.
    """
    after = planned_adapter(training)
    if before.targets is None or after.targets is None:
        before, after = before._replace(targets=None), after._replace(targets=None)
    if before == after:
        return
    differing = [
        f"{name} {old} and {new}"
        for name, old, new in zip(AdapterState._fields, before, after, strict=True)
        if old != new
    ]
    if before.adapter != after.adapter:
        differing = differing[:1]
    raise UserError(
        f"{who}: training cannot go on with the adapter that is there, since its settings differ:"
        f" {', '.join(differing)}. Give both the same `adapter` and `lora`, or set"
        " `chain: merge`, which adds the first adapter to the weights and starts anew."
    )


def check_base(adapter: str, base: dict[str, Json], path: str) -> dict[str, Json]:
    """The identity of an adapter, after making sure that `base` is what it was trained on.

    Raises:
        UserError: the adapter is another model's, as far as both say what they are. Shapes are
            compared when it is loaded.
    """
    trained_on = adapter_base(adapter)
    known = trained_on.identity or _named_identity(trained_on, base, path)
    # What only one of the two says cannot be compared: a directory with a name of the hub.
    if any(known[key] != base[key] for key in known.keys() & base.keys()):
        raise UserError(
            f"the adapter {adapter} was trained on another model than {path}: on"
            f" {trained_on.path or 'one that it does not name'}"
            f"{f' at {trained_on.revision}' if trained_on.revision else ''}. Give that one as"
            f" --model. If the two are the same, name {path} as base_model_name_or_path in the"
            " adapter's adapter_config.json."
        )
    return adapter_identity(adapter)


def _named_identity(
    trained_on: AdapterBase, base: Mapping[str, Json], path: str
) -> Mapping[str, Json]:
    """What the model is that an adapter names which was made elsewhere; empty if unknown."""
    named, folder = trained_on.path, expanded(trained_on.path)
    if not named or (named.startswith(("/", ".", "~")) and not folder.is_dir()):
        return {}
    if (folder / "config.json").is_file():
        given = expanded(path)
        same = given.is_dir() and folder.samefile(given)
        return base if same else model_identity(named, None)
    hub = str(base.get("hub", ""))
    # The hub does not tell upper from lower case.
    return {"hub": hub if hub.lower() == named.lower() else named}
