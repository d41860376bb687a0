"""What the poem model is trained on and measured by: data, batches, files, planted copies."""

import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from aigc_course.gpt.model import GPT
from aigc_course.gpt.verse import CODES, Characters
from aigc_course.kit.runtime import data_folder
from aigc_course.text.quatrains import form_of, lines_of, punctuated, rhyme_of
from tools.bench import quatrains as bench
from tools.train import quatrain_poems
from tools.train import quatrains as train
from tools.train.quatrain_poems import Poems, fetch_archive, prepare, read_quatrains, without_variants

TOWER = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
FAREWELL = "渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。"


@pytest.fixture(scope="module")
def poems():
    """47 real poems of five characters, and as many of seven that are made from their lines."""
    lines = (data_folder() / "tang_quatrains.txt").read_text(encoding="utf-8").splitlines()
    fives = [line.partition("》")[2] for line in lines]
    sevens = [punctuated("".join(line[:2] + line for line in lines_of(poem)), 7) for poem in fives]
    letters = sorted({letter for poem in fives for letter in "".join(lines_of(poem))})
    return Poems(
        fives[:40] + sevens[:40], fives[40:43] + sevens[40:43], fives[43:] + sevens[43:], letters, {"東": "东"}
    )


@pytest.fixture(scope="module")
def characters(poems):
    return Characters([*CODES, "，", "。", *poems.characters])


def test_quatrains_are_read_from_the_package_in_its_order(tmp_path):
    archive = tmp_path / "poems.tgz"
    lines = [f"{line}。" for line in lines_of(TOWER)]
    files = {"song.0": [lines], "tang.1000": [[FAREWELL]], "tang.0": [["春"], lines[:3]], "tang.authors": [lines]}
    with tarfile.open(archive, "w:gz") as package:
        for name, texts in files.items():
            content = json.dumps([{"paragraphs": text, "title": "?"} for text in texts]).encode()
            member = tarfile.TarInfo(f"package/dist/quantangshi/poet.{name}.json")
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    assert read_quatrains(archive) == [FAREWELL, "".join(lines)]
    with pytest.raises(SystemExit, match="SHA-256"):
        fetch_archive(archive)


def test_variants_of_a_poem_are_left_out():
    variant = TOWER.replace("一层楼", "一重楼")
    other = TOWER[:6] + "".join(f"{mark * 5}{end}" for mark, end in zip("甲乙丙", "。，。", strict=True))
    assert without_variants([TOWER, variant, other, FAREWELL.replace("，", "！")]) == [TOWER, other, FAREWELL]


def test_poems_are_simplified_and_split_by_their_own_text(monkeypatch):
    monkeypatch.setattr(quatrain_poems, "RAREST", 2)
    old = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"
    mixed = punctuated("".join(lines_of(TOWER)[i] for i in (0, 2)) + "山河日月楼海上流人千", 5)
    made = prepare([old, TOWER, mixed.replace("月", "海").replace("人", "山"), FAREWELL])
    assert made.training + made.validation + made.test == []  # 河 and others are rare, and so is every poem
    monkeypatch.setattr(quatrain_poems, "RAREST", 1)
    made = prepare([old, TOWER, FAREWELL])
    assert sorted(made.training + made.validation + made.test) == sorted([TOWER, FAREWELL])
    assert made.simplified["盡"] == "尽"
    assert set(made.characters) == set("".join(lines_of(TOWER + FAREWELL)))
    monkeypatch.setattr(quatrain_poems, "VALIDATION", 1000)
    monkeypatch.setattr(quatrain_poems, "TEST", 1000)
    assert prepare([FAREWELL]).test == [FAREWELL]


def test_batches_hold_every_poem_once_an_epoch(poems, characters, monkeypatch):
    monkeypatch.setattr(train, "BATCH_SIZE", 8)
    batch_at = train.poem_batches(train.rows_of(poems.training, characters), seed=1)
    batches = [batch_at(step) for step in range(4 * 5)]
    assert {tuple(ids.shape) for ids in batches} == {(8, 27), (8, 35)}
    fives = [characters.decode(row) for ids in batches if ids.shape[1] == 27 for row in ids.tolist()]
    assert sorted(fives) == sorted(poem for poem in poems.training if form_of(poem) == 5)
    sevens = [characters.decode(row) for ids in batches if ids.shape[1] == 35 for row in ids.tolist()]
    assert len(set(sevens[:40])) == 40
    assert torch.equal(batch_at(3), batches[3])
    assert max(max(map(len, rows)) for rows in train.rows_of(poems.training, characters).values()) <= train.CONTEXT


def test_what_is_written_is_read_by_us_and_by_transformers(poems, characters, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "SHAPE", {"embedding_dim": 16, "num_layers": 1, "num_heads": 2})
    model = train.new_model(characters, 0).eval()
    train.save_model(model, characters, {"東": "东"}, tmp_path)
    ours = GPT.from_pretrained(tmp_path)
    ids = torch.tensor([characters.encode(TOWER, ("<五言>", "<油求>"))])
    assert ours.config.end_token == 0
    assert torch.allclose(ours(ids), model(ids), atol=0.01)  # weights in float16
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path).float().eval()
    assert torch.allclose(theirs(ids).logits, ours(ids), atol=1e-4)
    assert Characters.from_file(tmp_path / "tokenizer.json").tokens == characters.tokens
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(f"<五言><油求>{TOWER}").ids == ids[0].tolist()


def test_pointwise_information_by_hand():
    table = train.pointwise_information([(0, 1), (0, 1), (0, 2), (3, 3)], 4)
    assert torch.equal(table, table.T)
    assert table[0, 1].item() == pytest.approx(np.log(2 / 8 / (3 / 8 * 2 / 8)))  # 8: each pair in both orders
    assert table[1, 2].item() == 0  # never together
    assert table[3, 3].item() == pytest.approx(np.log(2 / 8 / (2 / 8) ** 2))


def test_counted_embeddings_put_what_rhymes_near_the_code_of_its_rhyme(poems, characters):
    vectors = train.counted_embeddings(poems.training, characters, 32, seed=0)
    assert vectors.shape == (len(characters.tokens), 32)
    assert vectors.square().mean().sqrt().item() == pytest.approx(train.EMBEDDING_STD, rel=0.05)
    nearness = torch.nn.functional.normalize(vectors, dim=1)[characters.ids["<江阳>"]] @ vectors.T
    ends = {line[-1] for poem in poems.training for line in lines_of(poem)[1::2]}
    rhyming = [nearness[characters.ids[end]].item() for end in ends if rhyme_of(end) == "江阳"]
    others = [nearness[characters.ids[end]].item() for end in ends if rhyme_of(end) != "江阳"]
    assert np.mean(rhyming) > np.mean(others) + train.EMBEDDING_STD


def test_training_lowers_the_loss_and_goes_on_where_it_stopped(poems, characters, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "SHAPE", {"embedding_dim": 16, "num_layers": 1, "num_heads": 2})
    monkeypatch.setattr(train, "BATCH_SIZE", 8)
    monkeypatch.setattr(train, "TRAINING", replace(train.TRAINING, num_steps=12, num_warmup_steps=2))
    model = train.new_model(characters, 0)
    before = train.nats(model, train.rows_of(poems.test, characters))
    train.train(model, poems, characters, 0, tmp_path / "a.checkpoint")
    note = json.loads(train.log_of(tmp_path / "a.checkpoint").read_text(encoding="utf-8"))
    assert note["step"] == 12
    assert train.nats(model, train.rows_of(poems.test, characters)) < before
    again = train.new_model(characters, 1)
    train.train(again, poems, characters, 0, tmp_path / "a.checkpoint")  # nothing is left to do
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


def test_the_measure_of_a_model_that_knows_nothing(poems, characters, monkeypatch):
    monkeypatch.setattr(train, "SHAPE", {"embedding_dim": 16, "num_layers": 1, "num_heads": 2})
    measured = bench.measure(train.new_model(characters, 0).eval(), characters, poems, 8, 0)
    assert len(measured.poems) == 8
    assert "planted          20 whole poems and 20 halves, all found" in measured.table
    assert "four lines of equal length" in measured.summary
    monkeypatch.setattr(bench, "longest_copied_runs", lambda texts, _: [3] * len(texts))
    with pytest.raises(SystemExit, match="40 of 40 planted copies were not found"):
        bench.measure(train.new_model(characters, 0).eval(), characters, poems, 8, 0)


def test_groups_that_are_compared(poems):
    real = bench.half_and_half(poems.training, 20, 0)
    assert [form_of(poem) for poem in real] == [5] * 10 + [7] * 10
    mixed = bench.with_other_ends(real, 0)
    assert [lines_of(poem)[:3] for poem in mixed] == [lines_of(poem)[:3] for poem in real]
    for form in (5, 7):
        ends = [sorted(lines_of(poem)[3] for poem in group if form_of(poem) == form) for group in (mixed, real)]
        assert ends[0] == ends[1]
    assert mixed != real
    chance = bench.with_mixed_characters(real, 0)
    assert [sorted(poem) for poem in chance] == [sorted(poem) for poem in real]
    assert [form_of(poem) for poem in chance] == [form_of(poem) for poem in real]
    assert len(bench.half_and_half([*poems.training[:30], *poems.training[-3:]], 40, 0)) == 6
    assert bench.share(lambda lines: True, ["春", TOWER])[0] == 0.5
    assert np.isclose(bench.share(lambda lines: lines[0] == "春", [TOWER, FAREWELL])[0], 0)
