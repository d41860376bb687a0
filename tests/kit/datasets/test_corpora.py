"""The texts and word tests that gensim ships are there, whole, and missed clearly when they are not."""

import gzip
from pathlib import Path

import psutil
import pytest

from aigc_course.kit.datasets import (
    corpora,
    load_analogies,
    load_glove,
    load_polarity,
    load_wikipedia_sentences,
    load_wikipedia_text,
    load_word_similarity,
)
from aigc_course.kit.runtime import facts


@pytest.mark.parametrize("name", corpora.FILES)
def test_the_file_is_the_one_that_the_course_knows(name):
    assert corpora.shipped_file(name).stat().st_size > 5_000


def test_wikipedia_as_running_text(capsys):
    text = load_wikipedia_text()
    assert "1,723,764 characters" in capsys.readouterr().out
    assert len(text) == 1_723_764
    paragraphs = text.split("\n")
    assert len(set(paragraphs)) == len(paragraphs) and min(map(len, paragraphs)) >= 200
    assert text.isascii() and not set("{}[]<>|=*") & set(text) and "  " not in text
    assert text.startswith("Anarchism draws on many currents")
    assert facts()["data"] == "full"


def test_wikipedia(capsys):
    before = psutil.Process().children()
    pieces = load_wikipedia_sentences()
    assert psutil.Process().children() == before, "no process is left behind"
    assert "106 English articles, 452,944 words" in capsys.readouterr().out
    assert sum(map(len, pieces)) == 452_944
    assert max(map(len, pieces)) == corpora.WORDS_A_PIECE
    assert pieces[0][:5] == ["anarchism", "is", "political", "philosophy", "that"]
    assert facts()["data"] == "full"


def test_word_similarity(capsys):
    pairs = load_word_similarity("wordsim353")
    assert "353 pairs" in capsys.readouterr().out
    assert len(pairs) == 353
    assert ("tiger", "cat", 7.35) in pairs
    assert all(a == a.lower() and b == b.lower() and 0 <= score <= 10 for a, b, score in pairs)
    assert ("old", "new", 1.58) in load_word_similarity("simlex999")


def test_polarity(capsys):
    sentences = load_polarity()
    assert f"{len(sentences)} sentences" in capsys.readouterr().out
    assert sum(good for _, good in sentences) == 100
    assert ("simplistic , silly and tedious .", False) in sentences


def test_analogies(capsys):
    sections = load_analogies()
    assert "19,544 questions in 14 sections" in capsys.readouterr().out
    assert ("athens", "greece", "baghdad", "iraq") in sections["capital-common-countries"]
    assert all(len(question) == 4 for questions in sections.values() for question in questions)


def test_another_word_test_is_refused():
    with pytest.raises(ValueError, match=r'"men3000" is not known; allowed: .wordsim353., .simlex999.'):
        load_word_similarity("men3000")


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that stands in for gensim's test data."""
    monkeypatch.setattr("gensim.test.utils.datapath", lambda name: str(tmp_path / name))
    corpora.shipped_file.cache_clear()
    yield tmp_path
    corpora.shipped_file.cache_clear()


def test_a_missing_file_is_named_with_the_way_out(shipped):
    with pytest.raises(RuntimeError, match=r"wordsim353.tsv is missing in gensim .* pip install"):
        load_word_similarity("wordsim353")


def test_a_changed_file_is_never_read(shipped):
    (shipped / "wordsim353.tsv").write_text("tiger\tcat\t1.0\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="not the file it used to be"):
        load_word_similarity("wordsim353")


# Pretrained vectors: where a network is there


@pytest.fixture
def glove(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where gensim.downloader would put GloVe."""
    monkeypatch.setattr("gensim.downloader.BASE_DIR", str(tmp_path))
    monkeypatch.setattr(corpora, "answering", lambda urls: urls)
    monkeypatch.delenv("AIGC_OFFLINE", raising=False)
    return tmp_path / corpora.GLOVE / f"{corpora.GLOVE}.gz"


def write_glove(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(gzip.compress(b"3 2\nthe 1 0\nof 0 1\ncat 0.5 0.5\n"))


def test_vectors_that_are_there_are_read(glove, capsys):
    write_glove(glove)
    found = load_glove(most=2)
    assert found.words == ["the", "of"]
    assert found.vectors.tolist() == [[1, 0], [0, 1]]
    assert capsys.readouterr().out.startswith("GloVe: 2 words, 2 dimensions")


def test_the_network_is_asked_only_when_told_to(glove, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr("gensim.downloader.load", lambda name, return_path: (asked.append(name), write_glove(glove)))
    assert load_glove() is None
    assert "not fetched yet" in capsys.readouterr().out
    assert not asked
    assert load_glove(fetch=True).words == ["the", "of", "cat"]
    assert asked == [corpora.GLOVE]


def test_without_a_network_there_are_none_and_it_is_said(glove, capsys, monkeypatch):
    monkeypatch.setattr(corpora, "answering", lambda urls: [])
    monkeypatch.setattr(corpora, "silence_of", lambda url: "github.com does not answer")
    assert load_glove(fetch=True) is None
    assert capsys.readouterr().out == "GloVe: none (github.com does not answer)\n"
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    assert load_glove(fetch=True) is None
    assert capsys.readouterr().out == "GloVe: none (AIGC_OFFLINE=1)\n"


def test_a_download_that_fails_is_told(glove, capsys, monkeypatch):
    def fail(name, return_path):
        raise Exception("Checksum comparison failed, try again")

    monkeypatch.setattr("gensim.downloader.load", fail)
    assert load_glove(fetch=True) is None
    assert "the download failed: Exception: Checksum comparison failed" in capsys.readouterr().out


def test_a_damaged_file_is_named(glove):
    glove.parent.mkdir()
    rows = "".join(f"word{i} {i**0.5} {i**0.3}\n" for i in range(900))
    glove.write_bytes(gzip.compress(f"900 2\n{rows}".encode())[:5000])
    with pytest.raises(RuntimeError, match=r"is damaged .* delete the folder"):
        load_glove()
