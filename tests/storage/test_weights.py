"""The one reader of weights: what it gives, and what it says of files that are no weights or another network's."""

import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from aigc_course.kit.runtime import data_folder
from aigc_course.storage.weights import check, load_weights, read, save_weights


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_numpy_and_torch_read_the_same_numbers_and_the_metadata(path):
    tensors = {"a": torch.randn(2, 3), "n": torch.tensor(7), "none": torch.zeros(0, 3), "h": torch.randn(4).half()}
    save_file(tensors, path, metadata={"说明": "说明"})
    by_numpy, by_torch = read(path), read(path, "pt")
    assert by_numpy.metadata == by_torch.metadata == {"说明": "说明"}
    for name, tensor in tensors.items():
        assert torch.equal(by_torch.arrays[name], tensor)
        np.testing.assert_array_equal(by_numpy.arrays[name], tensor.numpy())


def test_what_was_read_does_not_hang_on_the_file(path):
    save_file({"a": torch.ones(1000)}, path)
    arrays = read(path, "pt").arrays
    with path.open("r+b") as file:  # as no writer here does: in place
        file.write(b"\0" * path.stat().st_size)
    assert (arrays["a"] == 1).all()


def test_bfloat16_is_torchs_alone(path):
    save_file({"a": torch.ones(3).bfloat16()}, path)
    assert read(path, "pt").arrays["a"].dtype == torch.bfloat16
    with pytest.raises(ValueError, match=r"unsupported type .*bfloat16"):
        read(path)


def write_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", "x")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b""), r"\(0 bytes\) was cut short"),
        (lambda path: path.write_bytes(save({"a": torch.ones(9)})[:-1]), "was cut short"),
        (lambda path: path.write_bytes(save({"a": torch.ones(9)}) + b"x"), "no safetensors file"),
        (lambda path: path.write_bytes(save({"a": torch.ones(9)}, {"b": 304 * "b"})[:-1]), "was cut short"),
        (lambda path: path.write_text("<html>not found</html>"), "no safetensors file"),
        (lambda path: path.write_bytes((60_005).to_bytes(8, "little") + b'{"a":' + b"[" * 60_000), "no safetensors"),
        (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "is a pickle"),
        (lambda path: torch.save({"a": torch.ones(1)}, path), "a zip archive"),
        (write_zip, "a zip archive"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "HDF5; these can hold code"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: os.mkfifo(path, 0o600), "cannot be read: a device or a pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "cannot be read: a device or a pipe"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and devices there")
def test_another_file_is_named(spoil, said, path):
    spoil(path)
    with pytest.raises(ValueError, match=rf"{said}.*; fetch it$"):
        read(path, advice="fetch it")


def test_a_missing_file_is_told_with_the_way_out(path):
    with pytest.raises(FileNotFoundError, match=r"there is no model file .*model\.safetensors; fetch it$"):
        read(path, advice="fetch it")


def change(weights, **others):
    return {name: array for name, array in (weights | others).items() if array is not None}


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"bias": torch.zeros(4)}, r'"bias" is \(4,\) in the file, \(3,\) in the network;'),
        ({"bias": None}, r'"bias" is missing in the file, \(3,\) in the network;'),
        ({"more": torch.zeros(2)}, r'"more" is \(2,\) in the file, missing in the network;'),
        ({"bias": None, "more": torch.zeros(2)}, "and 1 more differ"),
        ({"bias": torch.zeros(3, dtype=torch.int32)}, '"bias" is int32 in the file, float32 in the network'),
        ({"bias": torch.zeros(3, dtype=torch.bool)}, "is bool in the file"),
        ({"bias": torch.zeros(3, dtype=torch.complex64)}, "is complex64 in the file"),
        ({"bias": torch.zeros(3, dtype=torch.float64)}, "is float64 in the file, float32"),
    ],
)
def test_weights_of_another_network_change_nothing(others, said, path):
    network = nn.Linear(2, 3)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    save_file(change(nn.Linear(2, 3).state_dict(), **others), path)
    with pytest.raises(ValueError, match=f"belongs to another network.*{said}"):
        load_weights(network, path)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_shorter_floats_are_read_without_rounding(dtype, path):
    stored = nn.Linear(2, 3).to(dtype)
    save_weights(stored, path)
    network = nn.Linear(2, 3)
    load_weights(network, path)
    assert network.weight.dtype == torch.float32
    assert torch.equal(network.weight, stored.weight.float())
    with pytest.raises(ValueError, match=r"float32 in the file, (b?float16) in the network"):
        save_weights(network, path)
        load_weights(stored, path)


def test_numpys_arrays_and_torchs_tensors_are_compared_alike():
    arrays = {"a": np.zeros((2, 3), np.float32), "n": np.array(1)}
    tensors = {"a": torch.zeros(2, 3), "n": torch.tensor(1)}
    others = {"a": torch.zeros(3, 2), "n": torch.tensor(1)}
    for stored, expected in ((arrays, tensors), (tensors, arrays)):
        check(stored, expected, "file")
        with pytest.raises(ValueError, match=r"\(2, 3\) in the file, \(3, 2\)"):
            check(stored, others, "file")


@pytest.mark.parametrize(
    "path", sorted((data_folder() / "models").glob("*/model.safetensors")), ids=lambda path: path.parent.name
)
def test_every_shipped_file_is_read(path):
    arrays = read(path).arrays
    assert arrays
    assert all(np.isfinite(array).all() for array in arrays.values())
