"""Checkpoints: what is put back, what is refused, and what a killed or failing writer leaves behind."""

import errno
import json
import os
import random
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from aigc_course.storage import checkpoints
from aigc_course.storage.checkpoints import DamagedCheckpoint, load, previous, read, save


def two_networks(seed, width=5):
    """A pair of networks with buffers and dropout, and their optimizers, as a GAN has them."""
    torch.manual_seed(seed)
    G = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Dropout(0.5), nn.Linear(width, 2))
    D = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
    optimizers = {
        "G": torch.optim.Adam(G.parameters(), lr=1e-2),
        "D": torch.optim.SGD(D.parameters(), 1e-2, momentum=0.9),
    }
    return {"G": G, "D": D}, optimizers


def play(modules, optimizers, rounds):
    """Steps that use every kind of random number; the numbers drawn and the losses."""
    seen = []
    for _ in range(rounds):
        shift = random.random() + np.random.random()  # noqa: NPY002
        score = modules["D"](modules["G"](torch.randn(8, 3) + shift)).mean()
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        score.backward()
        for optimizer in optimizers.values():
            optimizer.step()
        seen.append((shift, score.item()))
    return seen


def state_of(modules):
    """All weights and buffers, to be compared bit for bit."""
    return {f"{name}.{key}": value.clone() for name, m in modules.items() for key, value in m.state_dict().items()}


@pytest.fixture
def saved(tmp_path):
    """A path with two checkpoints, of rounds 3 and 5, and the networks as they are after round 5."""
    modules, optimizers = two_networks(0)
    path = tmp_path / "gan.safetensors"
    for round_, more in ((3, 3), (5, 2)):
        play(modules, optimizers, more)
        save(path, modules, optimizers, {"round": round_})
    return path, modules, optimizers


def test_two_networks_go_on_bit_for_bit(saved):
    path, modules, optimizers = saved
    expected = play(modules, optimizers, 4), state_of(modules)
    others, their_optimizers = two_networks(1)
    random.seed(9), np.random.seed(9)  # noqa: NPY002
    assert load(path, others, their_optimizers) == {"round": 5}
    assert play(others, their_optimizers, 4) == expected[0]
    assert all(torch.equal(value, expected[1][key]) for key, value in state_of(others).items())


def test_shared_empty_and_odd_tensors_come_back(tmp_path):
    tied = nn.Linear(4, 4, bias=False)
    model = nn.ModuleDict({"first": tied, "second": tied})
    model.register_buffer("number", torch.tensor(7))
    model.register_buffer("none", torch.zeros(0, 3))
    model.register_buffer("short", torch.randn(3).bfloat16())
    model.register_buffer("turned", torch.randn(3, 2).T)
    before = state_of({"m": model})
    save(tmp_path / "c", {"m": model}, state={"losses": [1.5, None], "text": "é"})
    for value in model.state_dict().values():
        value.zero_()
    assert load(tmp_path / "c", {"m": model}) == {"losses": [1.5, None], "text": "é"}
    assert all(torch.equal(value, before[key]) for key, value in state_of({"m": model}).items())


def test_a_state_that_json_cannot_hold_changes_nothing(saved):
    path, modules, optimizers = saved
    before = path.read_bytes()
    with pytest.raises(TypeError):
        save(path, modules, optimizers, {"rows": torch.zeros(2)})
    assert path.read_bytes() == before


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def as_pickle(path):
    torch.save({"model": torch.zeros(3)}, path)


def as_old_pickle(path):
    torch.save({"model": torch.zeros(3)}, path, _use_new_zipfile_serialization=False)


def as_foreign(path):
    save_file({"weight": torch.zeros(3)}, path)


DAMAGES = {
    "empty": lambda path: cut(path, 0),
    "cut in the length": lambda path: cut(path, 7),
    "cut in the header": lambda path: cut(path, 200),
    "cut by one byte": lambda path: cut(path, -1),
    "flipped in the length": lambda path: flip(path, 3),
    "flipped in the notes": lambda path: flip(path, path.read_bytes().index(b"round") + 10),
    "flipped in a name": lambda path: flip(path, path.read_bytes().index(b"modules/G") + 8),
    "flipped in the numbers": lambda path: flip(path, -5),
    "a pickle": as_pickle,
    "an old pickle": as_old_pickle,
    "another program's": as_foreign,
    "text": lambda path: path.write_text("no checkpoint at all"),
}
SAID = {
    "a pickle": "pickle",
    "an old pickle": "pickle",
    "another program's": "not written by",
    "cut by one byte": "cut short",
    "flipped in the numbers": "SHA-256",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_or_replaced_by_the_previous_one(saved, damage):
    path, *_ = saved
    DAMAGES[damage](path)
    with pytest.raises(DamagedCheckpoint, match=SAID.get(damage, str(path))):
        read(path)
    others, their_optimizers = two_networks(1)
    with pytest.warns(UserWarning, match="previous checkpoint"):
        assert load(path, others, their_optimizers) == {"round": 3}
    before = state_of(others)
    previous(path).unlink()
    with pytest.raises(DamagedCheckpoint, match=str(path)):
        load(path, others, their_optimizers)
    assert all(torch.equal(value, before[key]) for key, value in state_of(others).items())


def test_every_byte_counts(tmp_path):
    path = tmp_path / "small"
    save(path, {"m": nn.Linear(2, 1)})
    whole = path.read_bytes()
    rng = random.Random(0)
    for place in rng.sample(range(len(whole)), 300):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :])
        with pytest.raises(DamagedCheckpoint):
            read(path)


def test_a_file_that_is_gone(saved):
    path, modules, optimizers = saved
    path.unlink()
    with pytest.warns(UserWarning, match="is gone"):
        assert load(path, modules, optimizers) == {"round": 3}
    previous(path).unlink()
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        load(path, modules, optimizers)


def test_other_shapes_names_and_optimizers_are_refused(saved):
    path, modules, optimizers = saved
    wide, wide_optimizers = two_networks(0, width=6)
    before = state_of(wide)
    with pytest.raises(
        ValueError, match=r'a different shape: "0.bias" of module "G" has shape \(5,\) in the file, \(6,\)'
    ):
        load(path, wide, wide_optimizers)
    assert all(torch.equal(value, before[key]) for key, value in state_of(wide).items())
    with pytest.raises(ValueError, match=r"holds the modules \['D', 'G'\], but \['G'\]"):
        load(path, {"G": modules["G"]}, optimizers)
    with pytest.raises(ValueError, match="holds the optimizers"):
        load(path, modules, {"G": optimizers["G"]})
    with pytest.raises(ValueError, match=r'"D" is SGD .* but Adam'):
        load(path, modules, {**optimizers, "D": torch.optim.Adam(modules["D"].parameters())})


def test_a_full_disk_leaves_the_old_one(saved, monkeypatch):
    path, modules, optimizers = saved
    before = path.read_bytes(), previous(path).read_bytes()

    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", no_space)
    with pytest.raises(OSError, match=r"No space left .* the earlier checkpoint is untouched"):
        save(path, modules, optimizers, {"round": 6})
    assert (path.read_bytes(), previous(path).read_bytes()) == before
    kept = sorted(file.name for file in path.parent.iterdir())
    assert kept == [f".{path.name}.lock", path.name, previous(path).name]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives one process a file system of its own")
def test_a_really_full_disk(tmp_path):
    program = (
        "import sys; from pathlib import Path; from torch import nn; from aigc_course.storage.checkpoints import save\n"
        "path = Path(sys.argv[1]) / 'c'; save(path, {'m': nn.Linear(4, 4)}); before = path.read_bytes()\n"
        "try: save(path, {'m': nn.Linear(300, 300)})\n"
        "except OSError as e: print(e, path.read_bytes() == before, sorted(p.name for p in path.parent.iterdir()))"
    )
    script = f'mount -t tmpfs -o size=128k tmpfs {tmp_path} && exec "$@"'
    own = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-r", "-m"]
    command = [*own, "bash", "-c", script, "bash", sys.executable, "-c", program, str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert "No space left on device" in said
    assert "the earlier checkpoint is untouched" in said
    assert said.strip().endswith("True ['.c.lock', 'c']")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OSError, match=r"No such file .* there is no earlier one"):
        save(tmp_path / "nowhere" / "c", {"m": nn.Linear(1, 1)})


def test_a_disk_that_knows_no_second_names(saved, monkeypatch):
    path, modules, optimizers = saved

    def no_links(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(checkpoints.os, "link", no_links)
    save(path, modules, optimizers, {"round": 6})
    assert [read(file).notes["state"]["round"] for file in (path, previous(path))] == [6, 5]


def test_it_is_a_safetensors_file(saved):
    path, *_ = saved
    content = path.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    assert size % 8 == 0
    assert header["modules/G/0.weight"]["dtype"] == "F32"
    assert header["__metadata__"]["format"] == checkpoints.FORMAT


class Heads(nn.Module):
    """Weights of one shape, whatever the number of heads that share them."""

    def __init__(self, num_heads):
        super().__init__()
        self.num_heads, self.mix = num_heads, nn.Linear(4, 4)


def test_the_same_weights_used_otherwise_are_refused(tmp_path):
    path = tmp_path / "c"
    save(path, {"m": nn.Sequential(Heads(2), nn.Dropout(0.1))})
    load(path, {"m": nn.Sequential(Heads(2), nn.Dropout(0.1))})
    with pytest.raises(ValueError, match='"0" of module "m" has num_heads 2 in the checkpoint, 4 in the model'):
        load(path, {"m": nn.Sequential(Heads(4), nn.Dropout(0.1))})
    with pytest.raises(ValueError, match=r'"1" of module "m" has p 0\.1 in the checkpoint, 0\.2 in the model'):
        load(path, {"m": nn.Sequential(Heads(2), nn.Dropout(0.2))})
    with pytest.raises(ValueError, match='"1" of module "m" has kind Dropout in the checkpoint, AlphaDropout in'):
        load(path, {"m": nn.Sequential(Heads(2), nn.AlphaDropout(0.1))})


def test_another_precision_is_refused(tmp_path):
    save(tmp_path / "c", {"m": nn.Linear(2, 2)})
    with pytest.raises(ValueError, match='"bias" of module "m" is float32 in the checkpoint, bfloat16 in the model'):
        load(tmp_path / "c", {"m": nn.Linear(2, 2).bfloat16()})


TRAINING = """
import sys
from torch import nn
from aigc_course.storage import checkpoints
path, modules = sys.argv[1], {"m": nn.Linear(2, 2)}
checkpoints.resume(path, modules, {}, {"config": {}})
print("resumed", flush=True)
for line in sys.stdin:
    try:
        checkpoints.save(path, modules, state={"step": int(line), "config": {}})
        print("saved", flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
"""


def test_two_trainings_with_one_checkpoint_are_told_apart(tmp_path):
    def training():
        command = [sys.executable, "-c", TRAINING, str(tmp_path / "c")]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "resumed\n"
        return process

    def step(process, number):
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    with training() as one, training() as two:
        assert [step(one, 1), step(one, 2)] == ["saved", "saved"]
        said = step(two, 1)
        assert said.startswith("ValueError another program has written")
        assert said.endswith("Give each its own file")
        assert step(one, 3) == "saved"
        one.stdin.close(), two.stdin.close()
    with training() as three:  # one after the other is how a training goes on
        assert step(three, 4) == "saved"
        three.stdin.close()
    assert read(tmp_path / "c").notes["state"]["step"] == 4


def test_many_writers_of_one_checkpoint_do_it_no_harm(tmp_path):
    program = (
        "import sys; from torch import nn; from aigc_course.storage.checkpoints import save\n"
        "for step in range(20): save(sys.argv[1], {'m': nn.Linear(50, 50)}, state=step)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "c")]
    writers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [writer.communicate()[1] for writer in writers] == [""] * 3
    assert read(tmp_path / "c").notes["state"] == 19
    assert read(previous(tmp_path / "c")).notes["state"] in range(20)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")
def test_a_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "c")
    with pytest.raises(DamagedCheckpoint, match="a device or a pipe"):
        load(tmp_path / "c", {"m": nn.Linear(1, 1)})
    with pytest.raises(OSError, match="a device or a pipe"):
        save(tmp_path / "c", {"m": nn.Linear(1, 1)})


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_way_of_a_new_one_is_not_followed(tmp_path):
    (tmp_path / "precious").write_text("precious")
    for name in ("c.part", "c.previous.part", ".c.part"):
        (tmp_path / name).symlink_to(tmp_path / "precious")
    for _ in range(2):
        save(tmp_path / "c", {"m": nn.Linear(1, 1)})
    assert (tmp_path / "precious").read_text() == "precious"


def test_what_a_killed_training_left_is_removed_by_the_next(tmp_path):
    for name in (".c.0123456789abcdef.part", ".c.previous.0123456789abcdef.part"):
        (tmp_path / name).write_bytes(b"half")
    save(tmp_path / "c", {"m": nn.Linear(1, 1)})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".c.lock", "c"]


def test_a_checkpoint_of_the_format_before_is_told_the_way_out(tmp_path):
    save_file({"modules/m/a": torch.zeros(1)}, tmp_path / "c", metadata={"format": "aigc_course checkpoint 1"})
    with pytest.raises(DamagedCheckpoint, match=r"checkpoint 1', an older format.*; train anew"):
        read(tmp_path / "c")
