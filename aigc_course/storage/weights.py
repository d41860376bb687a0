"""Weights in safetensors files: one writer, one reader, for NumPy, torch and Keras; checked before anything is changed.

torch is imported only where a torch network is given: TensorFlow's process must not load it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from safetensors import SafetensorError, safe_open

from aigc_course.storage.files import check_regular, write

if TYPE_CHECKING:
    from torch import nn

OTHER_KINDS = (b"\x80", b"PK", b"\x89HDF")  # how pickles, zip archives and HDF5 files begin
WIDER = {"float32": ("float16", "bfloat16"), "float64": ("float16", "bfloat16", "float32")}  # holds these unrounded
ADVICE = "copy or download it again"


class Array(Protocol):
    """What NumPy's arrays, torch's tensors and Keras' variables have in common."""

    @property
    def shape(self) -> Any: ...

    @property
    def dtype(self) -> Any: ...


class Stored(NamedTuple):
    """What a safetensors file holds."""

    arrays: dict[str, Any]  # np.ndarray, or torch.Tensor for "pt"
    metadata: dict[str, str]


def read(path: str | Path, framework: str = "numpy", advice: str = ADVICE) -> Stored:
    """All that a safetensors file holds, copied into memory.

    framework: "numpy", or "pt" for torch's tensors, which know bfloat16 too
    advice: what the reader of an error can do about it
    Raises FileNotFoundError; ValueError for a file that is cut short or of another kind.
    """
    with opened(path, framework, advice) as file:
        names = file.keys()
        arrays = {name: file.get_tensor(name) for name in names}
        if framework == "pt":  # not a view of the file, which others may replace
            arrays = {name: tensor.clone() for name, tensor in arrays.items()}
        elif any(kind_of(array) == "bfloat16" for array in arrays.values()):  # some packages teach it to NumPy
            raise ValueError(f"{path} holds numbers of an unsupported type (bfloat16); {advice}")
        return Stored(arrays, file.metadata() or {})


@contextmanager
def opened(path: str | Path, framework: str = "numpy", advice: str = ADVICE) -> Iterator[Any]:
    """The open file, of which names, shapes and metadata are known before any number is read; errors as for `read`."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no model file {path}; {advice}")
    try:
        check_regular(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {f'{error.strerror}'.partition('; ')[0]}; {advice}") from error
    if (name := str(path)) != name.encode(errors="replace").decode():
        raise ValueError(f"{path!a} has a name that is no UTF-8, which no safetensors reader can open; rename it")
    try:
        with safe_open(path, framework=framework) as file:
            yield file
    except SafetensorError as error:
        raise ValueError(f"{path} {problem_of(path, error)}; {advice}") from error
    except (TypeError, AttributeError) as error:  # a dtype that the framework does not know
        raise ValueError(f"{path} holds numbers of an unsupported type ({error}); {advice}") from error


def problem_of(path: Path, error: SafetensorError) -> str:
    """What is wrong with a file that safetensors does not read."""
    with path.open("rb") as file:
        begin = file.read(9)
    if begin.startswith(OTHER_KINDS) and not begin.endswith(b"{"):  # a header's length may look so, too
        return "is a pickle, a zip archive or HDF5; these can hold code, so that only safetensors is read"
    return f"({path.stat().st_size:,} bytes) was cut short or is no safetensors file ({error})"


def check(stored: Mapping[str, Array], wanted: Mapping[str, Array], path: str | Path, advice: str = ADVICE) -> None:
    """ValueError, naming the first difference, unless names, shapes and kinds of numbers agree.

    Numbers may be stored in a floating point format that the network's holds without rounding: float16 and bfloat16 for
    float32. All else would be changed in silence, whole numbers, booleans and complex numbers above all.
    """
    differing = [name for name in sorted(stored.keys() | wanted.keys()) if not fits(stored.get(name), wanted.get(name))]
    if not differing:
        return
    inside, asked = stored.get(differing[0]), wanted.get(differing[0])
    said = [describe(array) for array in (inside, asked)]
    if inside is not None and asked is not None and tuple(inside.shape) == tuple(asked.shape):
        said = [kind_of(array) for array in (inside, asked)]
    more = f", and {len(differing) - 1} more differ" if differing[1:] else ""
    difference = f'"{differing[0]}" is {said[0]} in the file, {said[1]} in the network{more}'
    raise ValueError(f"{path} belongs to another network: {difference}; {advice}")


def fits(stored: Array | None, wanted: Array | None) -> bool:
    """Whether a stored array can become a weight of a network without any change to its numbers."""
    if stored is None or wanted is None or tuple(stored.shape) != tuple(wanted.shape):
        return False
    return holds(kind_of(wanted), stored)


def holds(kind: str, stored: Array) -> bool:
    """Whether numbers of `kind`, such as "float32", hold those of a stored array unchanged."""
    return kind_of(stored) == kind or kind_of(stored) in WIDER.get(kind, ())


def kind_of(array: Array) -> str:
    """The name of an array's dtype, the same for all frameworks: "float32"."""
    return str(array.dtype).removeprefix("torch.")


def describe(array: Array | None) -> str:
    """The shape as text, for a message."""
    return "missing" if array is None else str(tuple(array.shape))


def save_weights(network: "nn.Module", path: str | Path) -> None:
    """Write the weights and running statistics of a network: names, shapes and numbers, nothing that can run.

    OSError, with what can be done, where the file cannot be written; what stood there before is then untouched.
    """
    write(path, content_of(network))


def content_of(network: "nn.Module") -> bytes:
    """The bytes of such a file."""
    from safetensors.torch import save

    return save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()})


def load_weights(network: "nn.Module", path: str | Path, advice: str = ADVICE) -> None:
    """Put the weights of a file into `network`, all of them or, when an error is raised, none.

    Raises what `read` and `check` raise.
    """
    arrays = read(path, "pt", advice).arrays
    check(arrays, network.state_dict(), path, advice)
    network.load_state_dict(arrays)
