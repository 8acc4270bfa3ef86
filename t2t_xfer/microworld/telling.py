"""From what was drawn to a row in the hub's columns, in the language asked for.

Rule: nothing is drawn here. A teller takes a language, an item and its number, and gives a row with
the columns and types of the hub's data set.

    inference_row("tr", inference, 0)  ->  {"premise": "Anna …", "hypothesis": …, "label": 0}
"""

from __future__ import annotations

from t2t_xfer.languages import language as language_of
from t2t_xfer.microworld.choices import Choice
from t2t_xfer.microworld.entailment import Inference
from t2t_xfer.microworld.grammar import speaker
from t2t_xfer.microworld.pairs import Paraphrase, Statement
from t2t_xfer.microworld.stories import Story, tell
from t2t_xfer.microworld.tagging import ENTITIES, TAGS, penn, supertags, words
from t2t_xfer.records import Row


def say(language: str, statement: Statement) -> str:
    """The statement as running text."""
    event, surface, ask = statement
    return speaker(language).sentence(event, surface, ask)


def inference_row(language: str, pair: Inference, number: int) -> dict[str, str | int]:
    """`facebook/xnli`, `stanfordnlp/snli`."""
    del number
    says = speaker(language)
    return {
        "premise": says.sentence(pair.premise, pair.premise_surface),
        "hypothesis": says.sentence(pair.hypothesis, pair.hypothesis_surface),
        "label": pair.label,
    }


def glue_row(language: str, pair: Inference, number: int) -> Row:
    """`nyu-mll/glue`, `mnli`."""
    return inference_row(language, pair, number) | {"idx": number}


def anli_row(language: str, pair: Inference, number: int) -> Row:
    """`facebook/anli`."""
    uid: Row = {"uid": f"microworld-{number}"}
    return {**uid, **inference_row(language, pair, number), "reason": ""}


def paws_row(language: str, pair: Paraphrase, number: int) -> Row:
    """`google-research-datasets/paws-x`."""
    return {
        "id": number + 1,
        "sentence1": say(language, pair.first),
        "sentence2": say(language, pair.second),
        "label": pair.label,
    }


def qqp_row(language: str, pair: Paraphrase, number: int) -> Row:
    """`nyu-mll/glue`, `qqp`."""
    one, two = say(language, pair.first), say(language, pair.second)
    return {"question1": one, "question2": two, "label": pair.label, "idx": number}


def span_row(language: str, story: Story, number: int) -> Row:
    """SQuAD's columns with its title."""
    row = dict(xquad_row(language, story, number))
    return {"id": row.pop("id"), "title": f"Story_{number}", **row}


def xquad_row(language: str, story: Story, number: int) -> Row:
    """`google/xtreme`, `XQuAD.*`: the id is the same in all languages."""
    context, question, answer, start = tell(language, story)
    answers: Row = {
        "answer_start": () if start < 0 else (start,),
        "text": () if start < 0 else (answer,),
    }
    return {
        "id": f"microworld-{number}",
        "context": context,
        "question": question,
        "answers": answers,
    }


def tydiqa_row(language: str, story: Story, number: int) -> Row:
    """`google/xtreme`, `tydiqa`: the id names the language."""
    name = language_of(language).name.lower()
    return {**span_row(language, story, number), "id": f"{name}--{number}"}


def pos_row(language: str, statement: Statement, number: int) -> Row:
    """`google/xtreme`, `udpos.*`."""
    del number
    tokens = words(speaker(language).say(statement.event, statement.surface, statement.ask))
    return {
        "tokens": tuple([token.word for token in tokens]),
        "pos_tags": tuple([TAGS.index(token.tag) for token in tokens]),
    }


def entity_row(language: str, statement: Statement, number: int) -> Row:
    """`google/xtreme`, `PAN-X.*`."""
    del number
    tokens = words(speaker(language).say(statement.event, statement.surface))
    return {
        "tokens": tuple([token.word for token in tokens]),
        "ner_tags": tuple([ENTITIES.index(token.entity) for token in tokens]),
        "langs": (language,) * len(tokens),
    }


def supertag_row(language: str, statement: Statement, number: int) -> Row:
    """`ccg`, `supertags`."""
    del number
    sentence = speaker(language).say(statement.event, statement.surface)
    tokens = words(sentence)
    return {
        "tokens": tuple([token.word for token in tokens]),
        "pos": tuple([penn(token) for token in tokens]),
        "supertags": supertags(sentence),
        "domain": "microworld",
    }


def completion_row(language: str, choice: Choice, number: int) -> Row:
    """`Rowan/hellaswag`."""
    del language
    return {
        "ind": number,
        "activity_label": "Using things",
        "ctx_a": choice.context,
        "ctx_b": choice.question,
        "ctx": f"{choice.context} {choice.question}",
        "endings": choice.answers,
        "source_id": f"microworld~{number}",
        "split": "microworld",
        "split_type": "indomain",
        "label": str(choice.correct),
    }


def reason_row(language: str, choice: Choice, number: int) -> Row:
    """`allenai/cosmos_qa`."""
    del language
    return {
        "id": f"microworld-{number}",
        "context": choice.context,
        "question": choice.question,
        **{f"answer{i}": answer for i, answer in enumerate(choice.answers)},
        "label": choice.correct,
    }


def knowledge_row(language: str, choice: Choice, number: int) -> Row:
    """`tau/commonsense_qa`."""
    del language
    choices: Row = {"label": tuple("ABCDE"), "text": choice.answers}
    return {
        "id": f"microworld-{number}",
        "question": choice.question,
        "question_concept": choice.concept,
        "choices": choices,
        "answerKey": "ABCDE"[choice.correct],
    }


def translation_row(language: str, statement: Statement, number: int) -> Row:
    """`google/xtreme`, `tatoeba.*`, its line breaks included."""
    del number
    return {
        "source_sentence": f"{say(language, statement)}\n",
        "target_sentence": f"{say('en', statement)}\n",
        "source_lang": language_of(language).iso3,
        "target_lang": "eng",
    }
