"""Regions become tokens: right-to-left, no-space scripts, inner spaces, characters that vanish.

Four families of tokenizers, made here: byte-level BPE (Llama 3, Qwen), SentencePiece-like unigram
(XLM-R, mT5), the same with a normaliser that drops characters, and WordPiece (BERT).
"""

import itertools
import random
import string
from dataclasses import replace

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from t2t_xfer.architectures.codec import Codec
from t2t_xfer.architectures.micro import train_tokenizer
from t2t_xfer.errors import DataError, UnsupportedError
from t2t_xfer.prompts import Template
from t2t_xfer.records import Prompted, Slots

WORDS = ("The", "10 000", "كتاب", "猫が好き", "नमस्ते", "x\u200cy", "'s", "e\u0301te\u0301", ".")
SPECIAL = ["<pad>", "</s>", "<s>", "<unk>", "<mask>"]
CORPUS = [" ".join(WORDS), "words: the dog sleeps tags:", "entailment neutral contradiction"] * 20


def from_backend(backend: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def unigram(drop_invisible: bool) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    if drop_invisible:
        backend.normalizer = normalizers.Replace("\u200c", "")
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return from_backend(backend)


def word_piece() -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordPiece(unk_token="<unk>"))  # type: ignore[call-arg, unused-ignore]
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    backend.train_from_iterator(CORPUS, trainer)
    return from_backend(backend)


@pytest.fixture(scope="module", params=["byte-level", "unigram", "unigram-dropping", "word-piece"])
def codec(request: pytest.FixtureRequest) -> Codec:
    made = {
        "byte-level": lambda: train_tokenizer(CORPUS, 600, "causal"),
        "unigram": lambda: unigram(False),
        "unigram-dropping": lambda: unigram(True),
        "word-piece": word_piece,
    }
    return Codec(made[request.param]())


def prompted(words: tuple[str, ...], source: str = "words: {{ words }} tags:") -> Prompted:
    text, regions = Template(source).render({"words": words})
    slots = tuple(f"words[{i}]" for i in range(len(words)))
    return Prompted("1", "en", text, "", Slots(slots, ()), regions, shortenable=("words",))


def test_every_word_has_its_own_tokens_in_order(codec: Codec) -> None:
    encoded = codec.encode(prompted(WORDS))
    spans = [encoded.spans[f"words[{i}]"] for i in range(len(WORDS))]
    assert all(span.end > span.start for span in spans)
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    assert encoded.spans["words"] == (spans[0].start, spans[-1].end)


def test_a_words_tokens_read_back_as_the_word(codec: Codec) -> None:
    encoded = codec.encode(prompted(("the", "dog", "sleeps")))
    for i, word in enumerate(("the", "dog", "sleeps")):
        span = encoded.spans[f"words[{i}]"]
        text = codec.tokenizer.decode(list(encoded.ids[span.start : span.end]))
        assert text.replace(" ", "").replace("##", "") == word


def test_a_word_that_the_normaliser_drops_keeps_a_place(codec: Codec) -> None:
    encoded = codec.encode(prompted(("the", "\u200c", "dog")))
    middle = encoded.spans["words[1]"]
    assert middle.end - middle.start >= 1
    assert encoded.spans["words[0]"].end <= middle.start
    assert middle.end <= encoded.spans["words[2]"].start


def specials(codec: Codec) -> list[str]:
    return [name for name in (*SPECIAL, "<extra_id_0>") if name in codec.tokenizer.get_vocab()]


def num_special(codec: Codec, ids: tuple[int, ...]) -> int:
    """Without the unknown token, which these small vocabularies need for `<`."""
    return sum(id in codec.reserved - {codec.special("unk")} for id in ids)


def test_special_tokens_in_the_data_are_spelt_and_keep_their_places(codec: Codec) -> None:
    """`</s>` in a premise ended the input; `<extra_id_0>` in a word was another word's place."""
    assert len(specials(codec)) >= 5
    for name in specials(codec):
        words = ("the", name, f"dog{name}dog", "sleeps")
        encoded = codec.encode(prompted(words))
        assert num_special(codec, encoded.ids) == 0, name
        spans = [encoded.spans[f"words[{i}]"] for i in range(4)]
        assert all(span.end > span.start for span in spans)
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
        start = len("words: the ")
        covered = encoded.offsets[spans[1].start][0], encoded.offsets[spans[1].end - 1][1]
        assert covered in {(start, start + len(name)), (start - 1, start + len(name))}
        before = codec.encode(prompted(("the",), "words: {{ words }}"))
        assert encoded.ids[: len(before.ids)] == before.ids


def test_special_tokens_of_the_template_are_meant(codec: Codec) -> None:
    source = "words: {{ words }} <mask> tags:"
    for wording, kept in ((source, 1), ("", 0)):
        example = replace(prompted(("the", "<mask>"), source), wording=wording)
        assert num_special(codec, codec.encode(example).ids) == kept


def test_special_tokens_in_shots_targets_and_plain_text_are_spelt(codec: Codec) -> None:
    for name in specials(codec):
        example = replace(prompted(("the",)), shots=(f"words: {name} tags: x\n\n",))
        assert num_special(codec, codec.encode(example).ids) == 0
        assert codec.with_fitting_shots(example, len(codec.encode(example).ids)) == example
        assert num_special(codec, codec.target(f"a {name}")) == 0
        assert num_special(codec, codec.text_ids(f"dog {name} dog")) == 0
        assert num_special(codec, codec.text_ids(f"dog {name} dog", f"{{{{ text }}}} {name}")) == (
            name != "<unk>"
        )


def test_a_name_among_the_ordinary_pieces_is_spelt() -> None:
    """mT5 and XLM-R hold `▁<extra_id_0>` and `<s>` among their pieces, found without special
    tokens."""
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("▁", -2.0), ("▁<extra_id_0>", -1.0)]
    pieces += [(c, -3.0) for c in "<>/_0adeirstx"]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    codec = Codec(
        PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")
    )
    assert codec.sentinels == (3,)
    encoded = codec.encode(prompted(("a", "<extra_id_0>", "</s>"), "{{ words }}"))
    assert not {1, 3} & {*encoded.ids}
    span = encoded.spans["words[1]"]
    text = codec.tokenizer.decode(list(encoded.ids[span.start : span.end]))
    assert text.replace(" ", "").replace("▁", "") == "<extra_id_0>"


def test_a_target_is_tokenized_as_if_it_followed_the_prompt(codec: Codec) -> None:
    joined = codec.encode(Prompted("1", "en", "tags: entailment", ""))
    prompt = codec.encode(Prompted("1", "en", "tags:", ""))
    assert joined.ids == prompt.ids + codec.target("entailment")


def test_the_codebook_is_distinct_ordinary_and_does_not_depend_on_its_size(codec: Codec) -> None:
    codes = codec.codebook(17)
    assert len(set(codes)) == 17
    assert not set(codes) & (set(codec.tokenizer.all_special_ids) | set(codec.sentinels))
    assert codec.codebook(5) == codes[:5]


def test_a_vocabulary_too_small_for_the_codebook_is_refused(codec: Codec) -> None:
    with pytest.raises(UnsupportedError, match="5000 answers"):
        codec.codebook(5000)


def sentence_pieces(size: int) -> list[tuple[str, float]]:
    """A vocabulary with mT5's and XLM-R's kinds of pieces: bytes, letters, pairs, word parts."""
    alphabet = string.ascii_letters + string.digits
    pieces = [*(f"<0x{i:02X}>" for i in range(256)), "▁", *alphabet, *(f"▁{c}" for c in alphabet)]
    pieces += [f"▁{a}{b}" for a, b in itertools.product(string.ascii_lowercase, repeat=2)]
    pieces += [f"▁{c}k{i}" for i in range(size) for c in "abc"]
    return [(piece, -float(i)) for i, piece in enumerate([*SPECIAL, *dict.fromkeys(pieces)])][:size]


@pytest.mark.parametrize(("style", "size"), [("mT5 and XLM-R", 250_000), ("Llama", 6_000)])
def test_large_vocabularies_have_a_code_for_every_category_of_ccg(style: str, size: int) -> None:
    if style == "Llama":
        rng = random.Random(0)
        texts = [" ".join(f"{rng.randrange(16**4):x}" for _ in range(9)) for _ in range(2000)]
        tokenizer = train_tokenizer(texts, size, "causal")
    else:
        backend = Tokenizer(models.Unigram(sentence_pieces(size), unk_id=SPECIAL.index("<unk>")))
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
        tokenizer = from_backend(backend)
        tokenizer.add_tokens([f"<extra_id_{i}>" for i in range(100)])
    codec = Codec(tokenizer)
    codes = codec.codebook(1363)
    assert len(set(codes)) == 1363
    assert not set(codes) & {*tokenizer.all_special_ids, *codec.sentinels}
    assert not set(codes) & set(tokenizer.get_added_vocab().values())
    assert codec.codebook(250) == codes[:250]


def test_the_smallest_micro_tokenizer_has_codes_for_the_mirrors_250_categories() -> None:
    """Bytes are tokens too, so no new model has fewer than 256."""
    smallest = 256 + len(SPECIAL) + 100
    codec = Codec(train_tokenizer(CORPUS, smallest, "seq2seq"))
    assert len(set(codec.codebook(256))) == 256
    with pytest.raises(UnsupportedError, match=r"has 256 tokens .* 257 answers"):
        codec.codebook(257)


def test_shortening_takes_from_the_longest_shortenable_field_and_counts(codec: Codec) -> None:
    text, regions = Template("a: {{ a }} b: {{ b }} end:").render(
        {"a": "dog " * 40, "b": "the dog"}
    )
    example = Prompted("1", "en", text, "", regions=regions, shortenable=("a", "b"))
    full = codec.encode(example)
    short = codec.encode(example, len(full.ids) - 9)
    assert short.removed == 9
    assert len(short.ids) == len(full.ids) - 9
    b_before, b_after = full.spans["b"], short.spans["b"]
    assert full.ids[b_before.start : b_before.end] == short.ids[b_after.start : b_after.end]
    assert short.ids[-1] == full.ids[-1]


def test_what_cannot_be_shortened_is_refused_by_name(codec: Codec) -> None:
    text, regions = Template("a: {{ a }} end:").render({"a": "dog " * 40})
    example = Prompted("17", "de", text, "", regions=regions)
    with pytest.raises(DataError, match=r"example '17' \(de\).*cannot give up"):
        codec.encode(example, 12)


def test_mt5s_sentinels_are_found_with_their_leading_mark() -> None:
    names = [f"▁<extra_id_{i}>" for i in range(100)]
    backend = Tokenizer(models.WordLevel({n: i for i, n in enumerate([*SPECIAL, *names])}, "<unk>"))
    assert Codec(from_backend(backend)).sentinels == tuple(range(5, 105))


def test_a_tokenizer_without_offsets_is_refused() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(UnsupportedError, match="fast one"):
        Codec(Slow())  # type: ignore[arg-type]
