"""`t2t-xfer doctor`: what is installed, what device there is, what each missing part would give."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import click

from t2t_xfer.terminal import echo

PARTS = {
    "torch": "training and decoding",
    "transformers": "model classes and tokenizers",
    "accelerate": "devices, several processes",
    "datasets": "data from the hub (--data hub)",
    "pydantic": "checking of YAML files",
    "peft": "LoRA",
    "bitsandbytes": "QLoRA, 4-bit bases (pip install 't2t_xfer[qlora]')",
    "vllm": "fast decoding of causal models (pip install 't2t_xfer[vllm]', or docs/vllm.md)",
    "snakemake": "studies on a cluster (pip install 't2t_xfer[study]')",
}


@click.command()
def doctor() -> None:
    """Tell what is installed and what this machine can do."""
    echo(f"python       {platform.python_version()}  {platform.system()} {platform.machine()}")
    echo(f"t2t_xfer     {version('t2t_xfer')}")
    for name, use in PARTS.items():
        echo(f"{name:<12} {_version(name):<16} {use}")
    import torch

    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            found = torch.cuda.get_device_properties(i)
            echo(f"device       cuda:{i} {found.name}, {found.total_memory / 2**30:.0f} GiB")
    else:
        echo(f"device       cpu, {os.cpu_count()} cores, {torch.get_num_threads()} threads")
    offline = os.environ.get("HF_HUB_OFFLINE", "0")
    echo(f"hub          {'offline (HF_HUB_OFFLINE)' if offline != '0' else 'asked when needed'}")
    echo("data         --data microworld and --data mirror:DIR need no network")


def _version(name: str) -> str:
    """Of a package or, of vLLM, of its twin for CPUs."""
    for package in (name, f"{name}-cpu"):
        try:
            return version(package)
        except PackageNotFoundError:
            continue
    return "not installed"
