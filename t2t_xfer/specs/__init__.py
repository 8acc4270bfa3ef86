"""Tasks, prompts, models, training and studies as checked data, read from YAML.

The rule: everything a user writes is checked here, at the border, and all mistakes of a file come
at once with their places. Nothing here imports torch.

    catalogue = Catalogue()
    task = catalogue.task("xnli")
    prompt = catalogue.prompt_of(task)
"""

from t2t_xfer.specs.base import Spec
from t2t_xfer.specs.catalogue import Catalogue, resolve_prompt
from t2t_xfer.specs.data import DataSpec, HubData
from t2t_xfer.specs.load import load_yaml
from t2t_xfer.specs.model import ModelSpec, NewModel
from t2t_xfer.specs.prompt import (
    PromptSpec,
    PromptUse,
    PromptVariant,
    ResolvedPrompt,
)
from t2t_xfer.specs.study import LimitSpec, StudySpec, training_for
from t2t_xfer.specs.task import LabelSpec, TaskSpec
from t2t_xfer.specs.training import TrainingSpec

__all__ = [
    "Catalogue",
    "DataSpec",
    "HubData",
    "LabelSpec",
    "LimitSpec",
    "ModelSpec",
    "NewModel",
    "PromptSpec",
    "PromptUse",
    "PromptVariant",
    "ResolvedPrompt",
    "Spec",
    "StudySpec",
    "TaskSpec",
    "TrainingSpec",
    "load_yaml",
    "resolve_prompt",
    "training_for",
]
