"""What was drawn, told in the language asked for: the fields that columns are made of.

Rule: nothing is drawn here, and nothing here knows a data set. A teller takes a language and an
item and gives fields by name; which of them a column shows is written in `datasets.yaml`.

    inference("tr", pair)  ->  {"premise": "Anna …", "hypothesis": "Anna …", "label": 0}
"""

from __future__ import annotations

from typing import Any, TypeAlias

from t2t_xfer.languages import language as language_of
from t2t_xfer.microworld.choices import Choice
from t2t_xfer.microworld.entailment import Inference
from t2t_xfer.microworld.grammar import speaker
from t2t_xfer.microworld.pairs import Paraphrase, Statement
from t2t_xfer.microworld.stories import Story, tell
from t2t_xfer.microworld.tagging import ENTITIES, TAGS, penn, supertags, words
from t2t_xfer.records import Value

Fields: TypeAlias = dict[str, Value]


def say(language: str, statement: Statement) -> str:
    """The statement as running text."""
    return speaker(language).sentence(*statement)


def inference(language: str, pair: Inference) -> Fields:
    """Premise, hypothesis and label."""
    says = speaker(language)
    return {
        "premise": says.sentence(pair.premise, pair.premise_surface),
        "hypothesis": says.sentence(pair.hypothesis, pair.hypothesis_surface),
        "label": pair.label,
    }


def paraphrase(language: str, pair: Paraphrase) -> Fields:
    """Two sentences or questions, and whether they mean the same."""
    first, second, label = pair
    return {"first": say(language, first), "second": say(language, second), "label": label}


def story(language: str, item: Story) -> Fields:
    """Context, question and SQuAD's answers: one, or none."""
    context, question, text, start = tell(language, item)
    found = start >= 0
    answers: Value = {"answer_start": (start,) * found, "text": (text,) * found}
    return {"context": context, "question": question, "answers": answers}


def tagged(language: str, statement: Statement) -> Fields:
    """Words with parts of speech and entities, as google/xtreme numbers them."""
    tokens = words(speaker(language).say(*statement))
    return {
        "tokens": tuple([token.word for token in tokens]),
        "pos_tags": tuple([TAGS.index(token.tag) for token in tokens]),
        "ner_tags": tuple([ENTITIES.index(token.entity) for token in tokens]),
        "languages": (language,) * len(tokens),
    }


def derivation(language: str, statement: Statement) -> Fields:
    """Words with the Penn Treebank's tags and CCG categories; English statements only."""
    sentence = speaker(language).say(*statement)
    tokens = words(sentence)
    return {
        "tokens": tuple([token.word for token in tokens]),
        "penn": tuple([penn(token) for token in tokens]),
        "supertags": supertags(sentence),
    }


def translation(language: str, statement: Statement) -> Fields:
    """The sentence, and in English."""
    return {"sentence": say(language, statement), "english": say("en", statement)}


def choice(language: str, item: Choice) -> Fields:
    """A question with its answers, together and one by one, and the right one."""
    assert language == "en", "choices are drawn in English"
    letters = "ABCDE"[: len(item.answers)]
    return {
        **item._asdict(),
        **{f"answer{i}": answer for i, answer in enumerate(item.answers)},
        "letters": tuple(letters),
        "letter": letters[item.correct],
    }


def row(columns: Any, fields: Fields, language: str, number: int) -> Any:
    """The columns filled in; see `datasets.yaml`.

    Args:
        columns: column to text, or to columns within it.
        number: of the row, from 0.
    """
    one = language_of(language)
    known = {
        **fields,
        "number": number,
        "ordinal": number + 1,
        "language_name": one.name.lower(),
        "iso3": one.iso3,
    }

    def filled(column: Any) -> Value:
        if isinstance(column, dict):
            return {name: filled(inner) for name, inner in column.items()}
        return known[column[1:]] if column[:1] == "$" else column.format_map(known)

    return filled(columns)
