"""Files that are not what they should be: nothing wrong is given out, no pickle runs, and it is said what to do."""

import os
import pickle
import sys
import wave

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from aigc_course import frameworks, jobs
from aigc_course.gpt import files as gpt_files
from aigc_course.images.features import load_digit_features
from aigc_course.kit import bands
from aigc_course.kit.practice import progress, questions
from aigc_course.storage import checkpoints, networks, weights
from aigc_course.text.byte_pairs import BytePairs
from aigc_course.trust import labels
from tools.authoring import notebooks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes need rights there")


class Bomb:
    """Whoever unpickles this makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def loop(path):
    path.symlink_to(path)


def cut_short(path, whole):
    path.write_bytes(whole[: len(whole) * 2 // 3])


DAMAGES = {  # name: what is put in the place of the whole file
    "is empty": lambda path, whole: path.write_bytes(b""),
    "is cut short": cut_short,
    "is an HTML page": lambda path, whole: path.write_text("<html><body>Please log in</body></html>"),
    "is a pickle that runs a program": lambda path, whole: path.write_bytes(pickle.dumps(Bomb(path.parent / "ran"))),
    "is a pickle in a zip archive": lambda path, whole: torch.save(Bomb(path.parent / "ran"), path),
    "is zeros": lambda path, whole: path.write_bytes(bytes(len(whole))),
    "is a folder": lambda path, whole: path.mkdir(),
    "is a link to itself": lambda path, whole: loop(path),
    "is gone": lambda path, whole: None,
}


def sound(path):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(400))
    labels.write_label(path, labels.Label("course", "1"))


def picture(path):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(path)
    labels.write_label(path, labels.Label("course", "1"))


def copied(name):
    def make(path):
        path.write_bytes((bands.runtime.data_folder() / name).read_bytes())

    return make


def notebook(path):
    path.write_bytes(notebooks.path_of("00_start_here", "en").read_bytes())


MERGES = bands.runtime.data_folder() / "models" / "story_gpt2" / "merges.txt"
DOWNLOAD = r"copy or download (it|the folder|both) again|fetch the course again|git checkout|python -m tools\.train"
READERS = {  # what: (file, what writes it whole, what reads it, what its message says)
    "a checkpoint": ("c.safetensors", lambda p: checkpoints.save(p, {"m": nn.Linear(2, 2)}),
                     lambda p: checkpoints.load(p, {"m": nn.Linear(2, 2)}), r"train (anew|first)"),
    "weights": ("w.safetensors", lambda p: weights.save_weights(nn.Linear(2, 2), p),
                lambda p: weights.load_weights(nn.Linear(2, 2), p), DOWNLOAD),
    "the settings of a network": ("config.json", lambda p: networks.save_network(Tiny(3), p.parent, ["width"]),
                                  lambda p: networks.load_network(p.parent, {"Tiny": Tiny}),
                                  DOWNLOAD),
    "the weights of a network": ("model.safetensors", lambda p: networks.save_network(Tiny(3), p.parent, ["width"]),
                                 lambda p: networks.load_network(p.parent, {"Tiny": Tiny}), DOWNLOAD),
    "the weights that judge digits": ("model.safetensors", copied("models/digit_features/model.safetensors"),
                                      lambda p: load_digit_features(p.parent), DOWNLOAD),
    "GPT-2's settings": ("config.json", copied("models/story_gpt2/config.json"),
                         lambda p: gpt_files.read_settings(p.parent), DOWNLOAD),
    "GPT-2's vocabulary": ("vocab.json", copied("models/story_gpt2/vocab.json"),
                           lambda p: BytePairs.from_files(p, MERGES),
                           DOWNLOAD),
    "the expected results": ("b.csv", copied("expected_results.csv"), bands.read, DOWNLOAD),
    "the table of occupations": ("occupations.csv", copied("jobs/occupations.csv"),
                                 lambda p: jobs.read_table(p, jobs.TEXTS, jobs.NUMBERS), DOWNLOAD),
    "the table of tools": ("tools.csv", copied("tools.csv"), frameworks.read_tools, DOWNLOAD),
    "a file of questions": ("05_1_x.toml", lambda p: p.write_bytes(questions.files()["05_1"].read_bytes()),
                            questions.read, r"git checkout"),
    "a labeled picture": ("a.png", picture, labels.read_label, r"make it (again|first)|name a(nother place| file)"),
    "a labeled sound": ("a.wav", sound, labels.read_label, r"make it (again|first)|name a(nother place| file)"),
    "a notebook": ("05_1_x.ipynb", notebook, notebooks.read, r"git checkout"),
}  # fmt: skip


class Tiny(nn.Module):
    """A network with a setting."""

    def __init__(self, width):
        super().__init__()
        self.width, self.layer = width, nn.Linear(width, 2)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("what", READERS)
def test_a_file_that_is_not_what_it_should_be_is_told(what, damage, tmp_path, withstood):
    name, make, read, way_out = READERS[what]
    path = tmp_path / name
    make(path)
    read(path)
    whole = path.read_bytes()
    path.unlink()
    DAMAGES[damage](path, whole)
    with pytest.raises((ValueError, OSError)) as caught:
        read(path)
    assert not (tmp_path / "ran").exists(), "the pickle was run"
    withstood(f"{what} {damage}", "refused", str(caught.value), way_out)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "is gone"])
def test_a_record_that_is_not_what_it_should_be_is_kept(damage, tmp_path, withstood, monkeypatch, capsys):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("AIGC_PROGRESS", str(path))
    progress._print_once.cache_clear()
    DAMAGES[damage](path, b'{"version": 1, "exercises": {"05_1.loss": "2025-03-01T10:15:00+08:00"}}')
    before = path.read_bytes() if path.is_file() else None
    assert progress.passed("05_1.loss")[0] == 1
    said = capsys.readouterr().out
    if before is not None:
        assert before in [each.read_bytes() for each in tmp_path.glob("progress.damaged-*")], "nothing is thrown away"
    assert not (tmp_path / "ran").exists()
    withstood(f"the record of progress {damage}", "set aside whole", said, "It is kept as|kept as|保留|AIGC_PROGRESS")
