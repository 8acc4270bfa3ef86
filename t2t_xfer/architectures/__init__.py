"""Where the target text sits in each architecture, and how answers are read from it.

Importing this package does not import torch: plans ask it what is possible.
"""

from t2t_xfer.architectures.base import ANSWER_READOUTS, planned_readout

__all__ = ["ANSWER_READOUTS", "planned_readout"]
