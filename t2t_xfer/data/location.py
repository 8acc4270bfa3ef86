"""Where the rows of one split lie, in words that hold for every source.

The names are the hub's, because the shipped tasks speak of the hub's data sets.

    SplitRef("facebook/xnli", "de", "test")     # hub, mirror and microworld all know this place
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SplitRef:
    """One split of one configuration of a data set, named as the hub names it."""

    id: str
    """Data set on the hub, `owner/name`."""
    config: str
    """Configuration; `default` where a data set has only one."""
    split: str
    """The hub's own name of the split (`validation_matched`, …)."""
    revision: str | None = None
    """Commit or tag on the hub; sources other than the hub ignore it."""

    def __str__(self) -> str:
        return f"{self.id}/{self.config}/{self.split}"
