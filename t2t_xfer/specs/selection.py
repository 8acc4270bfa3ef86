"""When a training is evaluated on English dev rows, and when it ends early.

The defaults are those of Phang et al. 2020 (arXiv 2005.13013), as the authors' own jiant scripts
for XTREME state them.

    training: {select: {}}                                  # as published
    training: {select: {every_steps: 200, patience: 5}}
    training: {select: {every_steps: null}}                 # after every epoch
"""

from __future__ import annotations

import math

from t2t_xfer.specs.base import Count, Spec


class SelectSpec(Spec):
    """Keep the weights with the best dev score of the task: its metric, read by its readout."""

    every_steps: Count | None = 1000
    """Optimizer steps between two evaluations (Phang et al.: 1,000). None: once an epoch. There is
    always one after the last step."""
    patience: Count | None = 30
    """Evaluations without a better score that end the training (Phang et al.: 30). None: it never
    ends early."""
    limit: Count | None = 500
    """Validation rows of each task (Phang et al.: 500). None: all."""

    def steps_between(self, epoch_length: int, examples_per_step: int) -> int:
        """Steps from one evaluation to the next."""
        return self.every_steps or max(1, math.ceil(epoch_length / examples_per_step))
