"""How `make test` shares the notebooks out between the full data and the bundled sample."""

from pathlib import Path

from tools import test as tool
from tools.authoring.notebooks import EDITIONS, ROOT, stems


def test_of_each_chapter_one_edition_has_the_sample():
    notebooks = sorted(ROOT.glob("notebooks/*/*.ipynb"))
    full, sample = tool.on_full_and_sample(notebooks)
    assert sorted(full + sample) == [path.relative_to(ROOT).as_posix() for path in notebooks]
    for part in (full, sample):
        assert sorted(Path(path).stem for path in part) == stems()
        assert {Path(path).parent.name for path in part} == set(EDITIONS)


def test_one_chapter_alone_is_shared_out_alike():
    notebooks = sorted(ROOT.glob("notebooks/*/03_1*.ipynb"))
    full, sample = tool.on_full_and_sample(notebooks)
    assert len(full) == len(sample) == 1
    everything = tool.on_full_and_sample(sorted(ROOT.glob("notebooks/*/*.ipynb")))
    assert full[0] in everything[0]
    assert sample[0] in everything[1]
