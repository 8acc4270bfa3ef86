#!/bin/sh
# LoRA training and reading rates of the three architectures on this machine, in at most ten
# minutes. Needs python3 with torch (for its device) and transformers; installs peft and what it
# needs if they are missing, and downloads nothing else. Options are those of gpu.py; PYTHON names
# another python.
#
#     benchmarks/gpu.sh
#     benchmarks/gpu.sh --tiny
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
exec timeout 600 "$python" "$here/gpu.py" "$@"
