"""One GPU for one process on a machine with several: taken by a lock, given back by its end.

A scheduler counts GPUs but does not say which; two jobs on the same one would run out of memory.

    with leased_gpu(root / ".work"):        # sets CUDA_VISIBLE_DEVICES; before torch is imported
        ...
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
SECONDS_BETWEEN_TRIES = 2.0


@contextmanager
def leased_gpu(folder: Path) -> Iterator[str | None]:
    """The GPU that this process may use, waited for if all are taken; None without GPUs.

    With one GPU, or where a scheduler has already chosen one, nothing is done.
    """
    devices = visible_gpus()
    if len(devices) < 2:
        yield devices[0] if devices else None
        return
    folder.mkdir(parents=True, exist_ok=True)
    device, descriptor = _wait(folder, devices)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = device
    try:
        yield device
    finally:
        os.close(descriptor)  # the lock goes with it, also when the process is killed
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def visible_gpus() -> list[str]:
    """Names of the GPUs that this process may see: indices, or what `CUDA_VISIBLE_DEVICES` says.

    Asks `nvidia-smi` rather than torch, which could no longer be told which one to use.
    """
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    lines = [line for line in listed.splitlines() if line.startswith("GPU ")]
    return [str(number) for number in range(len(lines))]


def _wait(folder: Path, devices: list[str]) -> tuple[str, int]:
    told = False
    while True:
        for device in devices:
            safe = "".join(c if c.isalnum() else "-" for c in device)
            descriptor = os.open(folder / f"gpu-{safe}.lock", os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            return device, descriptor
        if not told:
            log.warning("all %d GPUs are leased; waiting for one", len(devices))
            told = True
        time.sleep(SECONDS_BETWEEN_TRIES)
