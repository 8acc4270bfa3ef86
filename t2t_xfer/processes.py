"""Which of several processes this one is, as `accelerate launch` and `torchrun` say it. No torch.

The rule: every process computes, the first one alone writes and speaks. Another one speaks only
when it alone has met a mistake.

    accelerate launch --multi_gpu --num_processes 4 -m t2t_xfer train …
"""

from __future__ import annotations

import os
import time

from t2t_xfer.errors import UnsupportedError

GRACE_SECONDS = 20.0
"""How long another process holds a message back. The launcher ends it as soon as the first process
has said the same and stopped."""


def count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """The number of this one, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_first() -> bool:
    """Whether this is the process that writes and speaks."""
    return rank() == 0


def asked_for_fsdp() -> bool:
    """Whether the launcher was told to spread the weights (`accelerate launch --use_fsdp`)."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() in ("1", "true")


def let_the_first_speak() -> None:
    """Waits, in any process but the first, before a message that all of them may have."""
    if not is_first():
        time.sleep(GRACE_SECONDS)


def check_single(command: str, instead: str) -> None:
    """Refuses to run in several processes what would do the same work in each.

    Raises:
        UnsupportedError: there are several; says what to do instead.
    """
    if count() > 1:
        raise UnsupportedError(
            f"`{command}` was started in {count()} processes (WORLD_SIZE), and uses one. {instead}"
        )
