"""Files that use what no shipped file uses, for `mutations`."""

from t2t_xfer.specs import PromptSpec, Spec, StudySpec, TaskSpec

HAND_WRITTEN: list[tuple[type[Spec], str]] = [
    (
        TaskSpec,
        """\
answer: label
data:
  files: {train: data/reviews.en.jsonl, test: "data/reviews.{language}.jsonl"}
languages: [en, de, tr]
label_field: stars
labels:
  negative: {value: 0, word: bad}
  positive: {value: 1, word: good}
prompt:
  input: |-
    {% for line in lines %}{{ loop.index }}: {{ line }}
    {% endfor %}Question: {{ question | trim }}
    {% if hint %}Hint: {{ hint | lower }}{% endif %}
    Answer:
metric: accuracy_f1
positive_label: positive
readout: {causal: rank}
rank: {normalise: pmi}
few_shot: {k: 4, seed: 1, from: train, language: source}
decoding: {max_new_tokens: 8, constrained: true}
parallel: true
note: "Zwölf Größen – 日本語 – हिन्दी"
""",
    ),
    (
        TaskSpec,
        """\
answer: choice
form: cloze
data:
  parts:
    - {name: one, hub: {id: owner/one, config: "{language}", revision: v1}, columns: {q: ask}}
    - {name: two, files: {train: two.csv, test: "two.{language}.csv"}, where: {kind: a}}
languages: [en, no-such]
label_field: right
labels: {A: {value: 0}, B: {value: 1}}
choices_fields: [first, second]
fields: {q: q}
prompt: {input: "{{ q }}?"}
metric: accuracy
""".replace("no-such", "de"),
    ),
    (
        PromptSpec,
        """\
variants:
  default: {input: "{{ text }} relation:", languages: {de: "{{ text }} Beziehung:"}}
  other: {input: "{{ text | title }}: {{ words | join(', ') }}"}
words: {default: {yes: "yes", no: "no"}, other: {yes: ja, no: nein}}
synonyms: {de: {yes: [jawohl, sicher], no: [nie]}}
""",
    ),
    (
        StudySpec,
        """\
models:
  - {name: a, path: owner/a, revision: main, training: {steps: 5, lora: {rank: 4}}}
  - {name: b, new: {architecture: causal, languages: [en, de], layers: 1}, dtype: float32}
intermediates: [none, mnli, [mnli, text]]
text: {files: "wiki/{language}.txt", languages: [de, ru], rate: 0.25}
targets: [xnli, udpos]
languages: {xnli: [en, de], udpos: [fr]}
seeds: [0, 1]
training: {learning_rate: 1e-4, epochs: 2.5, adapter: lora, train_embeddings: true}
task_training: {udpos: {epochs: 10}}
exclude: [{model: a, target: [udpos]}, {seed: 0, model: b, target: xnli}]
limit: {train: 100, test: 10}
""",
    ),
]
