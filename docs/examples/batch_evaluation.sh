#!/usr/bin/env bash
# Every adapter of a folder on two tasks, and the mean over languages of each. The model is loaded
# once.
#
#     docs/examples/batch_evaluation.sh Qwen/Qwen3-1.7B-Base runs --data mirror:DIR
#
# What stands behind the folder goes to `t2t-xfer evaluate` as it is.
set -euo pipefail
model=$1
folder=$2
shift 2

adapters=(--adapter none)
for config in "$folder"/*/adapter_config.json; do
  adapters+=(--adapter "$(dirname "$config")")
done

# Exit code 1: some cells failed. The others are there all the same, and `failed` names the rest.
code=0
t2t-xfer evaluate --model "$model" "${adapters[@]}" --task xnli --task udpos --json "$@" \
  > scores.json || code=$?
[ "$code" -le 1 ] || exit "$code"

python - scores.json <<'PY'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    found = json.load(file)
for part in found["results"]:
    scores = [result["score"] for result in part["languages"].values()]
    print(f"{part['task']}\t{sum(scores) / len(scores):.2f}\t{part['adapter']}")
for lost in found["failed"]:
    print(f"failed: {lost['adapter']}, {lost['task']} in {lost['language']}: {lost['why']}")
PY
exit "$code"
