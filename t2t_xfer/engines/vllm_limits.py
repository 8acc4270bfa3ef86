"""What the engine `vllm` is asked for in vain, known at plan time and without importing vLLM.

`--engine auto` means `transformers` on every machine: the engine is part of a prediction's
identity, so it must not depend on what happens to be installed. vLLM is for those who ask for it.
"""

from __future__ import annotations

from importlib.util import find_spec

from t2t_xfer.errors import MissingExtraError, UnsupportedError
from t2t_xfer.records import ArchitectureName, Readout

INSTALL = (
    "Install it with `pip install 't2t_xfer[vllm]'` (a CUDA machine) or as docs/vllm.md says (a"
    " CPU); --engine transformers works without it."
)


def require_vllm() -> None:
    """Says how to install vLLM where it is missing.

    Raises:
        MissingExtraError: it is not installed.
    """
    if find_spec("vllm") is None:
        raise MissingExtraError(f"--engine vllm needs vLLM, which is not installed. {INSTALL}")


def check_vllm(architecture: ArchitectureName, answer: str, readout: Readout) -> None:
    """Refuses what vLLM cannot read; the readout is never changed to one that it can.

    Raises:
        UnsupportedError: no decoder, or answers that stand in the prompt or are copied from it.
    """
    reason = None
    if architecture != "causal":
        reason = f"it runs decoders, and the model is of the architecture {architecture!r}"
    elif answer == "tags":
        reason = (
            "tags are read at every word of the prompt, which vLLM 0.32 offers in its V2 runner on"
            " a GPU at most, or written under a grammar of their own for every example"
        )
    elif answer == "span":
        reason = "an answer copied from the context would need a grammar for every example"
    elif readout is Readout.embed:
        reason = "it gives no hidden states of a chosen layer"
    if reason:
        raise UnsupportedError(
            f"the engine `vllm` cannot read this: {reason}. Use --engine transformers."
        )
