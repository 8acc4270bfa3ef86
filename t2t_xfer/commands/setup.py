"""`t2t-xfer doctor`, `schema` and `pin`: what a machine has, what editors and YAML files need.

t2t-xfer schema task > tasks/task.schema.json
"""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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


@click.command()
@click.argument("kind", type=click.Choice(["task", "prompt", "study", "claims", "translator"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of one kind of file, so that an editor completes and checks it."""
    from t2t_xfer.specs.schema import SPECS
    from t2t_xfer.specs.schema import schema as made

    found = next(each for each in SPECS if each == kind)
    echo(json.dumps(made(found), indent=1, ensure_ascii=False, sort_keys=False))


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--check", is_flag=True, help="Only tell what is not pinned; exit 1 if anything.")
def pin(files: tuple[Path, ...], check: bool) -> None:
    """Write the hub's present commit beside each data set and model of task and study FILES."""
    from t2t_xfer.files import write_text
    from t2t_xfer.specs.load import place_of
    from t2t_xfer.specs.pins import commit_of, hub_ids, with_revision

    loose = 0
    for file in files:
        place_of(file, ())  # a mistake shows before anything is asked or written
    for file in files:
        for number, wanted in enumerate(hub_ids(file)):
            if wanted.pinned:
                continue
            loose += 1
            where = f"{file}:{wanted.place.line}:{wanted.place.column}: {wanted.id}"
            if check:
                echo(f"{where} is at {wanted.revision or 'the newest revision'}")
                continue
            commit = commit_of(wanted)
            text = file.read_text(encoding="utf-8")
            # Lines may have moved since the first id of the file was pinned.
            pinned = with_revision(text, hub_ids(file)[number], commit)
            write_text(file, pinned)
            echo(f"{where} is pinned to {commit}")
    if not loose:
        echo("everything is pinned")
    if check and loose:
        raise SystemExit(1)
