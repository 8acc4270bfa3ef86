"""Make span_f1_seqeval_0_0_12.json: the reference's numbers for random tag sequences of ours.

In an environment of its own, because the reference is old:

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install numpy
    /tmp/reference/bin/pip install --no-deps seqeval==0.0.12
    /tmp/reference/bin/python tests/data/make_span_f1_seqeval_0_0_12.py
"""

import json
import random
import warnings
from pathlib import Path

from seqeval.metrics import f1_score, precision_score, recall_score

TAGS = {
    "udpos": "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X",
    "panx": "O B-PER I-PER B-ORG I-ORG B-LOC I-LOC",
    "bioes": "O B-A I-A E-A S-A B-B I-B E-B S-B",
    "odd": "O X OTHER . , $ -LRB- -RRB- B-X I-X E-X S-X INTJ EX SYM BX IX",
}
warnings.simplefilter("ignore")
rng = random.Random(2012)
cases = []
for i in range(60):
    name = list(TAGS)[i % len(TAGS)]
    tags = TAGS[name].split()
    few = rng.sample(tags, rng.randint(2, len(tags)))
    gold = [[rng.choice(few) for _ in range(rng.randint(1, 8))] for _ in range(rng.randint(1, 4))]
    predicted = [[t if rng.random() < 0.7 else rng.choice(few) for t in tags] for tags in gold]
    case = {"tags": name, "gold": [" ".join(s) for s in gold]}
    case["predicted"] = [" ".join(s) for s in predicted]
    for key, metric in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        case[key] = float(metric(gold, predicted))
    cases.append(case)
lines = ",\n".join(json.dumps(case) for case in cases)
made = "seqeval 0.0.12, python tests/data/make_span_f1_seqeval_0_0_12.py"
path = Path(__file__).with_name("span_f1_seqeval_0_0_12.json")
path.write_text(f'{{"made_by": "{made}", "cases": [\n{lines}\n]}}\n', encoding="utf-8")
