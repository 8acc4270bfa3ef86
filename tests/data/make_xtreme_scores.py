"""Make xtreme_scores.json: made-up files of all nine tasks, and the reference's numbers for them.

In an environment of its own, with a checkout of github.com/google-research/xtreme (091824888a):

    python3 -m venv /tmp/reference && /tmp/reference/bin/pip install numpy
    /tmp/reference/bin/pip install --no-deps seqeval==0.0.12
    /tmp/reference/bin/python tests/data/make_xtreme_scores.py path/to/xtreme

The stored numbers were made with that evaluate.py, MLQA's own `mlqa_evaluation_v1.py` (which is
third_party/evaluate_mlqa.py but for its header), and SQuAD 1.1's rules for the other QA tasks.

The texts are ours. They hold what the normalisers differ on: marks outside ASCII, articles of the
seven languages, Han characters beside Latin words, white space of several kinds, combining marks.
"""

import json
import random
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from evaluate import TASK2LANGS, evaluate

warnings.simplefilter("ignore")
UPOS_TEXT = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"
UPOS, BIO = UPOS_TEXT.split(), ["O", "O", "O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
LABELS = {"xnli": ["entailment", "neutral", "contradiction"], "pawsx": ["0", "1"]}
TEXT = (
    "the a an The A. U.S. el la los Una un der Die das einem của Là những ال البيت بيت، قال؟ كتاب"
    " «Kiev» ‹x› “quoted” 北京 北京大学 大学。 東京、 㐀 ２０１９年 3.5% $5 a-b don’t क्या हिंदी। राम"
    " Straße STRASSE İstanbul é é x\u00a0y x\u200by 1,000 – — … ¿qué? ไทย ไทย. 서울 서울시 ª the-a"
)
WORDS = TEXT.split(" ")
rng = random.Random(2003)
files = {}


def text():
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 4)))


def noisy(answer):
    kind = rng.random()
    if kind < 0.35:
        return answer
    if kind < 0.7:
        return " ".join(rng.sample([*answer.split(" "), rng.choice(WORDS)], 2))
    return text()


def add(task, language, gold, predicted, suffix="tsv"):
    files[f"labels/{task}/test-{language}.{suffix}"] = gold
    files[f"predictions/{task}/test-{language}.{suffix}"] = predicted


def lines(items):
    return "".join(f"{item}\n" for item in items)


def tags(known):
    gold = [[rng.choice(known) for _ in range(rng.randint(1, 6))] for _ in range(3)]
    guess = [[t if rng.random() < 0.7 else rng.choice(known) for t in each] for each in gold]
    # The last sentence of some files has no blank line after it; some have an empty sentence.
    end = rng.choice(["\n", ""])
    first = rng.choice(["", "\n"])
    one, other = ("\n".join(map(lines, each)) for each in (gold, guess))
    return first + one + end, first + other


for task, languages in sorted(TASK2LANGS.items()):
    for language in languages:
        if task in LABELS:
            gold = [rng.choice(LABELS[task]) for _ in range(7)]
            guess = [g if rng.random() < 0.6 else rng.choice(LABELS[task]) for g in gold]
            add(task, language, lines(gold), lines(guess))
        elif task == "tatoeba":
            gold = rng.sample(range(9), 9)
            guess = [g if rng.random() < 0.6 else rng.randrange(9) for g in gold]
            add(task, language, lines(gold), lines(guess))
        elif task == "bucc2018":
            gold = [f"{language}-{i:09d}\ten-{rng.randrange(9):09d}" for i in range(8)]
            guess = [g for g in gold if rng.random() < 0.6] + [
                f"{language}-000000003\ten-000000099"
            ]
            add(task, language, lines(gold), lines(guess + guess[:2]))
        elif task in ("udpos", "panx"):
            add(task, language, *tags(UPOS if task == "udpos" else BIO))
        else:
            questions = [
                {"id": f"{language}-{i}", "answers": [{"text": text()} for _ in range(1 + i % 2)]}
                for i in range(6)
            ]
            guess = {q["id"]: noisy(q["answers"][0]["text"]) for q in questions[1:]}
            guess[f"{language}-no such question"] = "x"
            gold = {"data": [{"paragraphs": [{"qas": questions}]}]}
            dumped = (json.dumps(each, ensure_ascii=False) for each in (gold, guess))
            add(task, language, *dumped, "json")

with tempfile.TemporaryDirectory() as folder:
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    overall, detailed = evaluate(f"{folder}/predictions", f"{folder}/labels")
made = (
    "evaluate.py of google-research/xtreme 091824888a with seqeval 0.0.12, MLQA's and SQuAD 1.1's"
    " scorers; tests/data/make_xtreme_scores.py"
)
out = {"made_by": made, "overall": overall, "tasks": detailed, "files": files}
path = Path(__file__).with_name("xtreme_scores.json")
path.write_text(json.dumps(out, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
