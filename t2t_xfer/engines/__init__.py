"""What turns prompted examples into generations: a model, or a baseline without one.

Importing this package does not import torch.
"""

from t2t_xfer.engines.base import Engine, MajorityEngine, OracleEngine

__all__ = ["Engine", "MajorityEngine", "OracleEngine"]
