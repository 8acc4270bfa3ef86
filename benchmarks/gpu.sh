#!/bin/sh
# LoRA training and reading rates of the three architectures on this machine, in at most ten
# minutes. Needs python3 with torch (for its device) and transformers; installs peft and what it
# needs if they are missing, and downloads nothing else. Options are those of gpu.py; PYTHON names
# another python.
#
#     benchmarks/gpu.sh
#     benchmarks/gpu.sh --tiny
#
# With T2T_DATA=mirror:DIR it then trains beside Trainer, Seq2SeqTrainer and TRL (if installed) on
# MNLI, SQuAD and HellaSwag, in bfloat16 and with LoRA, for another ten minutes at most.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
for package in torch transformers; do
    "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$package') is None)" || {
        echo "gpu.sh: $python has no $package. Install it for this machine's device first." >&2
        exit 2
    }
done
for package in accelerate psutil peft; do
    "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$package') is None)" ||
        # Without dependencies: pip must not replace the torch that fits the device.
        "$python" -m pip install --quiet --no-deps "$package" || {
        echo "gpu.sh: $package is missing and could not be installed." >&2
        exit 2
    }
done
timeout 600 "$python" "$here/gpu.py" "$@"
[ -z "${T2T_DATA:-}" ] || exec timeout 600 "$python" "$here/training.py" --data "$T2T_DATA" \
    --size large --bf16 --lora --steps 20 --rounds 3 --peer-batch 32 --micro-batch-tokens 16384
