"""How far a percentage can be off by chance alone.

>>> round(half_width(50.0, 100), 1)
9.6
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def half_width(percentage: float, n: int, confidence: float = 0.95) -> float:
    """Half the width of Wilson's interval (1927), in points, for a percentage over n examples.

    Unlike the normal interval it is not 0 at 0 % and 100 %. It holds for a share of independent
    examples (accuracy); for F1 read it as an order of magnitude.

    Raises:
        ValueError: n is not positive, or the percentage is outside 0..100.
    """
    if n <= 0 or not 0 <= percentage <= 100:
        raise ValueError(f"expected 0 <= percentage <= 100 and n > 0, got {percentage}, {n}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = percentage / 100
    spread = sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    return 100 * z * spread / (1 + z * z / n)
