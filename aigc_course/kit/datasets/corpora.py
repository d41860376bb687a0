"""English text and word tests, read from the test data that gensim ships; `datasets` is the way in.

Test data of a package is no public interface: each file is held against its SHA-256, and a changed one is named.
"""

import bz2
import io
import re
import shutil
import socket
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aigc_course.kit.downloads import STALL_SECONDS, answering, offline, reason, sha256_of, silence_of
from aigc_course.kit.runtime import record, say

FILES = {  # name: file in gensim's test data, SHA-256
    "wikipedia": (
        "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
        "a53f4648dec40467ebdcbc7a1307eddb51fe6e28e9309f6ebde81ba0d04bea2d",
    ),
    "wordsim353": ("wordsim353.tsv", "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d"),
    "simlex999": ("simlex999.txt", "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d"),
    "analogies": ("questions-words.txt", "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36"),
    "polarity": ("pang_lee_polarity.cor", "662c1b7c3bd0612eaaaf3f0c694cbd3897e30c0d87d2940b46c9fd0d15ed70c1"),
}
WORD_TESTS = ("wordsim353", "simlex999")
GLOVE = "glove-wiki-gigaword-50"
GLOVE_HOSTS = ["https://raw.githubusercontent.com", "https://github.com"]  # where gensim.downloader asks
PARAGRAPH = re.compile(r"[A-Z\"][^|{}=<>\[\]*]{198,}[.!?]\"?")  # of prose: no markup in it, a sentence's end
WORDS_A_PIECE = 1000  # gensim's Word2Vec reads only the first 10,000 words of a sentence: articles are cut up


def load_wikipedia_sentences() -> list[list[str]]:
    """106 articles of the English Wikipedia, as of May 2016, as lists of words, lower case, no punctuation.

    They are the first of the encyclopaedia by number, and nearly all titles begin with A, from Anarchism to Algorithm.
    As in gensim's WikiCorpus the markup is taken off, words of one letter or more than 15 and articles of less than 50
    words are dropped, and no full stops are kept, so a "sentence" is a piece of at most 1,000 words of an article.
    Prints one line: how much, from where.
    Source: Wikipedia, CC BY-SA. Takes about two seconds.
    """
    from gensim.corpora.wikicorpus import ARTICLE_MIN_WORDS, extract_pages, filter_wiki, tokenize

    with bz2.open(shipped_file("wikipedia")) as pages:
        texts = [tokenize(filter_wiki(text)) for _, text, _ in extract_pages(pages, ("0",))]
    articles = [text for text in texts if len(text) >= ARTICLE_MIN_WORDS]
    pieces = [text[i : i + WORDS_A_PIECE] for text in articles for i in range(0, len(text), WORDS_A_PIECE)]
    record("data", "full")
    words = sum(map(len, articles))
    print(
        say(
            f"维基百科：{len(articles)}篇英文文章，{words:,}词（随gensim提供）",
            f"Wikipedia: {len(articles)} English articles, {words:,} words (shipped with gensim)",
        )
    )
    return pieces


def load_wikipedia_text() -> str:
    """The prose of the same articles as one text, with capitals and punctuation: 1.7 million characters.

    Kept are paragraphs of at least 200 characters that end like a sentence and hold only ASCII, one a line; titles,
    lists, tables and what is left of the markup are dropped. Prints one line: how much, from where.
    Source: Wikipedia, CC BY-SA. Takes a few seconds.
    """
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    with bz2.open(shipped_file("wikipedia")) as pages:
        articles = [filter_wiki(text) for _, text, _ in extract_pages(pages, ("0",))]
    tidy = [re.sub(r"\s+", " ", line.replace("''", "")).strip() for text in articles for line in text.split("\n")]
    paragraphs = [line for line in tidy if line.isascii() and PARAGRAPH.fullmatch(line)]
    text = "\n".join(dict.fromkeys(paragraphs))
    record("data", "full")
    print(
        say(
            f"维基百科：{len(text):,}个字符的英文正文（随gensim提供）",
            f"Wikipedia: {len(text):,} characters of English prose (shipped with gensim)",
        )
    )
    return text


def load_word_similarity(name: str) -> list[tuple[str, str, float]]:
    """Pairs of words (lower case) with people's mean judgment, 0 to 10: "wordsim353" or "simlex999".

    WordSim-353 asks how related two words are, SimLex-999 how alike. Prints one line. ValueError for another name.
    Sources: Finkelstein et al. (2002); Hill, Reichart, Korhonen (2015).
    """
    if name not in WORD_TESTS:
        raise ValueError(f'word test "{name}" is not known; allowed: {", ".join(map(repr, WORD_TESTS))}')
    rows = [line.lower().split("\t") for line in _lines(name) if not line.startswith("#")]
    print(
        say(
            f"{name}：{len(rows)}对词，由人打分（随gensim提供）",
            f"{name}: {len(rows)} pairs of words judged by people (shipped with gensim)",
        )
    )
    return [(a, b, float(score)) for a, b, score, *_ in rows]


def load_analogies() -> dict[str, list[tuple[str, str, str, str]]]:
    """Questions a : b = c : d (lower case) by section, such as "capital-common-countries" or "gram3-comparative".

    Prints one line. Source: Mikolov, Chen, Corrado, Dean (2013).
    """
    sections: dict[str, list[tuple[str, str, str, str]]] = {}
    section = ""
    for line in _lines("analogies"):
        if line.startswith(":"):
            section = line[1:].strip()
        else:
            sections.setdefault(section, []).append(tuple(line.lower().split()))
    total = sum(map(len, sections.values()))
    print(
        say(
            f"类比题：{total:,}道，分{len(sections)}类（随gensim提供）",
            f"analogies: {total:,} questions in {len(sections)} sections (shipped with gensim)",
        )
    )
    return sections


def load_polarity() -> list[tuple[str, bool]]:
    """200 sentences of real film reviews (lower case, punctuation apart), each with whether it is favorable.

    Prints one line. Source: Pang and Lee (2005), of whose 10,662 sentences gensim ships these.
    """
    lines = shipped_file("polarity").read_text(encoding="cp1252").splitlines()
    rows = [line.partition(" ") for line in lines if line.strip()]
    print(
        say(
            f"影评：{len(rows)}句，褒贬各半（随gensim提供）",
            f"polarity: {len(rows)} sentences of film reviews, half favorable (shipped with gensim)",
        )
    )
    return [(text.strip(), label == "__label__pos") for label, _, text in rows]


class Pretrained(NamedTuple):
    """Words with the vectors that somebody else trained, the most frequent word first."""

    words: list[str]
    vectors: np.ndarray  # (n, dim) float32


def load_glove(*, fetch: bool = False, most: int = 50_000) -> Pretrained | None:
    """GloVe's 50-dimensional vectors of the `most` commonest words of 6 billion, or None when they cannot be had.

    fetch:  ask the network (66 MB, once, kept where gensim.downloader keeps it); without it, only what is there is read
    Prints one line that says which it was. Source: Pennington, Socher, Manning (2014); Public Domain Dedication.
    """
    from gensim import downloader
    from gensim.models import KeyedVectors

    file = Path(downloader.BASE_DIR) / GLOVE / f"{GLOVE}.gz"
    if not file.is_file() and (
        problem := _fetch_glove()
        if fetch
        else say("还没有下载，load_glove(fetch=True)来下载", "not fetched yet, load_glove(fetch=True) does it")
    ):
        print(say(f"GloVe：没有（{problem}）", f"GloVe: none ({problem})"))
        return None
    try:
        vectors = KeyedVectors.load_word2vec_format(str(file), limit=most)
    except (OSError, EOFError, ValueError) as error:
        raise RuntimeError(f"{file} is damaged ({error}); delete the folder {file.parent} and load it again") from error
    print(
        say(
            f"GloVe：{len(vectors):,}词，{vectors.vector_size}维，由他人在60亿词上训练",
            f"GloVe: {len(vectors):,} words, {vectors.vector_size} dimensions, trained on 6 billion words by others",
        )
    )
    return Pretrained(vectors.index_to_key, vectors.vectors)


def _fetch_glove() -> str:
    """Let gensim.downloader fetch GloVe; why it could not, or an empty text."""
    from gensim import downloader

    if offline():
        return "AIGC_OFFLINE=1"
    if len(answering(GLOVE_HOSTS)) < len(GLOVE_HOSTS):
        return "; ".join(sorted({silence_of(url) for url in GLOVE_HOSTS} - {""}))
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        with redirect_stdout(io.StringIO()):  # its progress bar is not for a notebook
            downloader.load(GLOVE, return_path=True)
    except Exception as error:  # gensim raises a bare Exception for a wrong checksum
        shutil.rmtree(Path(downloader.BASE_DIR) / f"{GLOVE}_tmp", ignore_errors=True)
        return f"the download failed: {reason(error)}"
    finally:
        socket.setdefaulttimeout(patience)
    return ""


def _lines(name: str) -> list[str]:
    return [line for line in shipped_file(name).read_text(encoding="utf-8").splitlines() if line.strip()]


@cache
def shipped_file(name: str) -> Path:
    """The path of one of FILES in the installed gensim; RuntimeError when it is gone or another one."""
    from gensim import __version__
    from gensim.test.utils import datapath

    file, sha256 = FILES[name]
    path = Path(datapath(file))
    if not path.is_file() or sha256_of(path) != sha256:
        what = "is not the file it used to be" if path.is_file() else "is missing"
        raise RuntimeError(
            f"{file} {what} in gensim {__version__}, from whose test data the course reads it. Install a version that "
            'has it: pip install --force-reinstall "gensim==4.4.0"'
        )
    return path
