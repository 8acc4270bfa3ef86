"""`t2t-xfer microworld`: the embedded synthetic world, written out.

    t2t-xfer microworld export DIR --limit 1000        # then: --data mirror:DIR
"""

from __future__ import annotations

import click


@click.group()
def microworld() -> None:
    """The embedded, synthetic microworld: its data."""
