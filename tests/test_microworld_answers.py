"""The microworld's answers are right, says a checker that shares no code with the generator."""

from __future__ import annotations

from typing import Any

import pytest

from t2t_xfer.microworld import rows

from .microworld_checker import answer, data, derives, judge, leaves, parse

NLI = [
    ("Anna found an apple.", "Anna found a fruit.", 0),
    ("Anna found a fruit.", "Anna found an apple.", 1),
    ("Anna did not find an apple.", "Anna did not find a big apple.", 0),
    ("Anna did not find a big apple.", "Anna did not find an apple.", 1),
    ("Anna saw David on Monday.", "On Monday David was seen by Anna.", 0),
    ("Anna saw David on Monday.", "On Monday David saw Anna.", 1),
    ("Anna saw three dogs yesterday.", "Anna saw a dog yesterday.", 0),
    ("Anna saw three dogs yesterday.", "Anna did not see an animal.", 2),
    ("All animals slept.", "Some dogs slept.", 0),
    ("Some animals slept.", "Some dogs slept.", 1),
    ("No animal slept.", "All dogs slept in the garden.", 2),
    ("No dog slept in the garden.", "No dog slept.", 1),
    ("The black dog slept.", "The dog is not white.", 0),
    ("The dog is not black.", "The dog is white.", 1),
    ("Anna's dog is big.", "Anna's dog is small.", 2),
    ("Anna saw a small horse.", "Anna saw a small animal.", 1),
]


@pytest.mark.parametrize(("premise", "hypothesis", "label"), NLI)
def test_the_checker_on_pairs_judged_by_hand(premise: str, hypothesis: str, label: int) -> None:
    assert judge(premise, hypothesis, seed=0) == label


@pytest.mark.parametrize(
    ("hub_id", "config", "split"),
    [
        ("facebook/xnli", "en", "test"),
        ("nyu-mll/glue", "mnli", "train"),
        ("facebook/anli", "plain_text", "dev_r1"),
        ("stanfordnlp/snli", "plain_text", "validation"),
    ],
)
def test_entailment_is_what_small_worlds_say(hub_id: str, config: str, split: str) -> None:
    wrong = [
        (row["premise"], row["hypothesis"], row["label"])
        for seed, row in enumerate(rows(hub_id, config, split, 90) or [])
        if judge(str(row["premise"]), str(row["hypothesis"]), seed) != row["label"]
    ]
    assert wrong == []


def test_paraphrases_say_the_same_of_the_same() -> None:
    """Parsed, a passive is its active and a synonym its concept."""
    found = rows("google-research-datasets/paws-x", "en", "test", 300) or []
    wrong = [
        (row["sentence1"], row["sentence2"], row["label"])
        for row in found
        if (parse(str(row["sentence1"])) == parse(str(row["sentence2"]))) != bool(row["label"])
    ]
    assert len(found) == 300
    assert wrong == []


def test_duplicate_questions_ask_the_same() -> None:
    """`Where was A seen by B?` as a statement: `A was seen by B`."""

    def stated(question: Any) -> Any:
        words = str(question).rstrip("?").split()[1:]
        if words[0] == "was":
            at = next(i for i, word in enumerate(words) if word == "by")
            return parse(" ".join([*words[1 : at - 1], "was", *words[at - 1 :]]))
        text = " ".join(words[1:])
        for i in range(1, len(words)):
            try:
                return parse(f"{' '.join(words[1:i])} did not {' '.join(words[i:])}.")
            except (AssertionError, IndexError):
                continue
        raise AssertionError(text)

    wrong = []
    for row in rows("nyu-mll/glue", "qqp", "validation", 200) or []:
        one, two = stated(row["question1"]), stated(row["question2"])
        same = (one.agent, one.verb, one.patient) == (two.agent, two.verb, two.patient)
        if same != bool(row["label"]):
            wrong.append((row["question1"], row["question2"], row["label"]))
    assert wrong == []


@pytest.mark.parametrize(
    ("hub_id", "config", "split"),
    [
        ("rajpurkar/squad", "plain_text", "train"),
        ("rajpurkar/squad_v2", "squad_v2", "validation"),
        ("google/xtreme", "XQuAD.en", "validation"),
        ("google/xtreme", "MLQA.en.en", "test"),
    ],
)
def test_answers_are_what_the_story_says(hub_id: str, config: str, split: str) -> None:
    found: list[Any] = rows(hub_id, config, split, 200) or []
    for row in found:
        told = row["answers"]["text"]
        assert answer(row["context"], row["question"]) == (told[0] if told else None), row
    empty = sum(not row["answers"]["text"] for row in found)
    assert (50 < empty < 110) if config == "squad_v2" else empty == 0


STORY = "Anna saw a dog in the garden. David saw a cat at the market."
ASKED = [
    ("Who saw the dog in the garden?", "Anna"),
    ("What did David see at the market?", "a cat"),
    ("Where did Anna see the dog?", "in the garden"),
    ("Where did Anna see the cat?", None),
    ("Who saw the dog at the market?", None),
]


@pytest.mark.parametrize(("question", "expected"), ASKED)
def test_the_checker_on_questions_answered_by_hand(question: str, expected: str | None) -> None:
    assert answer(STORY, question) == expected


@pytest.mark.parametrize(
    ("config", "split"),
    [
        *((f"XQuAD.{code}", "validation") for code in ("en", "de", "tr", "ar", "zh")),
        *((f"MLQA.{code}.{code}", "test") for code in ("en", "de", "ar", "zh")),
        ("tydiqa", "validation"),
    ],
)
def test_answers_stand_where_the_row_says(config: str, split: str) -> None:
    found: list[Any] = rows("google/xtreme", config, split, 200) or []
    assert len(found) >= 200
    for row in found:
        (text,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
        assert text
        assert row["context"][start : start + len(text)] == text


def test_supertags_derive_a_sentence() -> None:
    found: list[Any] = rows("ccg", "supertags", "test", 400) or []
    assert len(found) == 400
    underived = [row["tokens"] for row in found if not derives(list(row["supertags"]))]
    assert underived == []
    assert not derives(["N", "(S[dcl]\\NP)/NP", "."])  # the parser can say no


def test_endings_use_what_the_person_got() -> None:
    """Of the two things, the one that belongs to her or him, by what is done with its kind."""
    women = set(data("world.yaml")["women"])
    uses = data("world.yaml")["uses"]
    past = {
        entry.split()[1]: concept for concept, entry in data("lexicon/en.yaml")["verbs"].items()
    }
    found: list[Any] = rows("Rowan/hellaswag", "default", "validation", 200) or []
    assert len(found) == 200
    for row in found:
        clauses = [parse(each + ".") for each in row["ctx_a"].rstrip(".").split(". ")]
        she = row["ctx_b"] == "Then she"
        (mine,) = [c for c in clauses if (c.agent.noun.lower() in women) == she]
        assert mine.patient is not None
        right = [
            i
            for i, ending in enumerate(row["endings"])
            for kind, use in uses.items()
            if past[ending.split()[0]] == use and mine.patient.noun in leaves(kind)
        ]
        assert right == [int(row["label"])]


def test_reasons_are_in_the_story() -> None:
    found: list[Any] = rows("allenai/cosmos_qa", "default", "validation", 200) or []
    assert len(found) == 200
    for row in found:
        reasons = {}
        for each in row["context"].rstrip(".").split(". "):
            effect, reason = each.split(" because ")
            reasons[parse(effect).agent.noun, parse(effect).verb] = f"Because {reason}."
        name, act = row["question"].removeprefix("Why did ").rstrip("?").split()
        assert row[f"answer{row['label']}"] == reasons[name, act]
        assert len({row[f"answer{i}"] for i in range(4)}) == 4


def test_exactly_one_answer_is_true_of_the_world() -> None:
    """Looked up in world.yaml, by the form of the question."""
    uses = data("world.yaml")["uses"]
    kinds = data("lexicon/en.yaml")["kind_names"]
    named = {name: kind for kind, name in kinds.items()}

    def noun(text: str) -> str:
        word = text.split()[-1]
        return str(named.get(word, word))

    def true(question: str, option: str) -> bool:
        asked = noun(question.rstrip("?"))
        if question.startswith("Which"):
            return noun(option) in leaves(asked)
        if question.startswith("What is"):
            return asked in leaves(noun(option))
        if question.startswith("What does one do with"):
            return any(use == option.split()[0] and asked in leaves(k) for k, use in uses.items())
        return any(use == asked and noun(option) in leaves(kind) for kind, use in uses.items())

    found: list[Any] = rows("tau/commonsense_qa", "default", "validation", 200) or []
    assert len(found) == 200
    for row in found:
        options = row["choices"]["text"]
        right = [
            letter for letter, o in zip("ABCDE", options, strict=True) if true(row["question"], o)
        ]
        assert right == [row["answerKey"]], row


def test_entity_tags_are_names_of_the_lexicon() -> None:
    """A word is tagged as part of an entity if and only if it is of a name."""
    english = data("lexicon/en.yaml")
    names = set(english["names"].values()) | set(english["surnames"].values())
    places = {word for city in english["cities"].values() for word in city.split()}
    heads = {"University", "Bank", "Museum", "Hospital"}
    found: list[Any] = rows("google/xtreme", "PAN-X.en", "test", 300) or []
    assert len(found) == 300
    for row in found:
        for i, (word, tag) in enumerate(zip(row["tokens"], row["ner_tags"], strict=True)):
            if word in names:
                assert tag in (1, 2)
            elif word in heads:
                assert tag in (3, 4)
            elif word in places:
                assert tag in (3, 4, 5, 6)
                organised = set(row["tokens"][max(0, i - 5) : i + 4]) & heads
                assert tag in (5, 6) or organised
            elif word == "of":
                assert tag == 4
            else:
                assert tag == 0
