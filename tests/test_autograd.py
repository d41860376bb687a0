"""The engine as a whole: a network like torch's, the rules of the graph, and what it refuses, in which words."""

import ast
import gc
import math
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import broadcastable_shapes

from aigc_course import autograd
from aigc_course.autograd import Tensor, operation, softmax_cross_entropy, topological_order, unbroadcast
from tools.authoring import remarks
from tools.authoring.notebooks import EDITIONS, code_cells, path_of, read


def mlp_loss(x, labels, parameters, relu, cross_entropy):
    W1, b1, W2, b2 = parameters
    return cross_entropy(relu(x @ W1 + b1) @ W2 + b2, labels)


def mlp(dtype, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (784, 128), (128,), (128, 10), (10,)
    x, labels = rng.random((128, 784)).astype(dtype), rng.integers(0, 10, 128)
    return x, labels, [(rng.standard_normal(shape) * 0.05).astype(dtype) for shape in shapes]


@pytest.mark.parametrize(("dtype", "bar"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_whole_network_has_torchs_loss_and_gradients_and_keeps_its_dtype(dtype, bar):
    import torch

    x, labels, arrays = mlp(dtype)
    ours, theirs = [Tensor(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    loss = mlp_loss(x, labels, ours, Tensor.relu, softmax_cross_entropy)
    loss.backward()
    cross_entropy = torch.nn.functional.cross_entropy
    expected = mlp_loss(torch.tensor(x), torch.tensor(labels), theirs, torch.relu, cross_entropy)
    expected.backward()
    assert float(loss.data) == pytest.approx(expected.item(), rel=bar)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.linalg.norm(mine.grad - other.grad.numpy()) < bar * np.linalg.norm(mine.grad)
    assert {loss.data.dtype, *(node.grad.dtype for node in topological_order(loss))} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_dtype_is_kept_also_beside_constants_of_another(dtype):
    for constant in (2, 2.5, np.arange(3), np.arange(3.0), np.array([True, False, True]), np.uint8(3)):
        a = Tensor(np.full((2, 3), 1.5, dtype))
        result = (2**a - constant) * a / (constant + a) + (constant - a) @ np.ones((3, 1))
        result.max(axis=1).sum().backward()
        assert result.data.dtype == a.grad.dtype == dtype


def test_a_tensor_used_twice_gets_both_gradients():
    a = Tensor(3.0)
    b = a * a
    (b + b * a).backward()  # a^2 + a^3
    assert a.grad == 2 * 3 + 3 * 3**2
    assert b.grad == 1 + 3


def test_leaves_add_up_over_calls_and_inner_tensors_do_not():
    a = Tensor([1.0, 2.0])
    inner = a * 3
    loss = inner.sum()
    loss.backward()
    loss.backward()
    assert a.grad.tolist() == [6, 6]
    assert inner.grad.tolist() == [1, 1]


def test_a_seed_is_the_gradient_of_the_result():
    a = Tensor([1.0, 2.0])
    seed = np.array([10, 100])
    (a * a).backward(seed)
    assert a.grad.tolist() == [20, 400]
    assert seed.tolist() == [10, 100]


def test_every_tensor_owns_its_gradient_and_its_data():
    start = np.ones((2, 2))
    a, b = Tensor(start), Tensor(start)
    total = operation("sum of two", lambda a, b: (a + b, lambda g: g, lambda g: g), a, b)
    flat = total.reshape(4)
    flat.sum().backward()
    a.grad *= 5
    total.grad *= 5
    a.data -= 1
    assert b.grad.tolist() == start.tolist() == [[1, 1], [1, 1]]
    assert flat.grad.tolist() == [1, 1, 1, 1]


def test_tied_largest_elements_share_the_gradient():
    a = Tensor([1.0, 7.0, 7.0])
    a.max().backward()
    assert a.grad.tolist() == [0, 0.5, 0.5]


def test_a_constant_costs_no_gradient():
    def product(a, b):
        return a * b, lambda g: g * b, lambda g: pytest.fail("the rule of a constant was used")

    a = Tensor([1.0, 2.0])
    operation("product", product, a, np.array([3.0, 4.0])).sum().backward()
    assert a.grad.tolist() == [3, 4]


def test_large_logits_do_not_overflow():
    logits = Tensor([[1000.0, 0.0], [-1000.0, 0.0]])
    loss = softmax_cross_entropy(logits, [0, 1])
    loss.backward()
    assert loss.data == 0
    assert np.abs(logits.grad).max() == 0


def test_the_undecided_classifier_loses_log_k():
    assert softmax_cross_entropy(Tensor(np.zeros((3, 7))), [0, 3, 6]).data == pytest.approx(math.log(7))


@given(st.lists(st.lists(st.integers(0, 100), max_size=3), min_size=1, max_size=30))
def test_each_node_comes_after_its_inputs_and_once(draws):
    nodes = []
    for draw in draws:  # a random graph: each node takes some of the earlier ones
        inputs = [nodes[i % len(nodes)] for i in draw] if nodes else []
        nodes.append(Tensor(1.0, inputs, [None] * len(inputs)))
    order = topological_order(nodes[-1])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert order[-1] is nodes[-1]
    assert all(place[source] < place[node] for node in order for source in node.inputs)


@given(broadcastable_shapes((2, 3, 2), max_dims=3, max_side=3).filter(bool))
def test_unbroadcast_counts_the_copies(shape):
    stretched = np.broadcast_shapes(shape, (2, 3, 2))
    back = unbroadcast(np.ones(stretched), shape)
    assert back.shape == shape
    assert (back == math.prod(stretched) / math.prod(shape)).all()


def test_a_chain_of_100_000_operations_needs_no_recursion_and_leaves_nothing_behind():
    start = end = Tensor(1.0)
    for _ in range(100_000):
        end = end + 1
    end.backward()
    assert start.grad == 1
    gc.disable()  # without cycles, the graph goes as soon as nobody holds its end
    try:
        middle = weakref.ref(end.inputs[0])
        del end
        assert middle() is None
    finally:
        gc.enable()


MATRIX_32 = np.ones((3, 4), np.float32)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda a: a + np.ones(3), ValueError, r"\+ of shape \(3, 4\) and \(3,\).*From the right, axes"),
        (lambda a: a @ np.ones((3, 2)), ValueError, r"matmul of shape \(3, 4\) and \(3, 2\).*The last axis of a"),
        (lambda a: a.reshape(5, 2), ValueError, r"reshape of shape \(3, 4\).*number of elements"),
        (lambda a: a.mean(axis=2), ValueError, r"mean of shape \(3, 4\).*axis 2"),
        (lambda a: a[3], IndexError, "index 3 is out of bounds for axis 0 with size 3"),
        (
            lambda a: a.backward(),
            ValueError,
            r"backward\(\) of \(3, 4\) needs a finite seed of that shape \(none given\), or \.sum\(\)",
        ),
        (
            lambda a: a.backward([1.0]),
            ValueError,
            r"backward\(\) of \(3, 4\) needs .*seed of that shape \(given: \(1,\)\)",
        ),
        (lambda a: a.sum().backward(math.nan), ValueError, "needs a finite seed"),
        (lambda a: Tensor([1, 2]), TypeError, r"holds floats, this is int64.*astype\(np.float32\)"),
        (lambda a: Tensor([1.0, 2j]), TypeError, "this is complex128"),
        (lambda a: Tensor([True]), TypeError, "this is bool"),
        (lambda a: Tensor([[0.0, 1.0], [math.nan, 1.0]]), ValueError, r"NaN at index \[1, 0\] of shape \(2, 2\)"),
        (lambda a: (a * math.nan).sum().backward(), ValueError, r"first in the \* of shape \(3, 4\)"),
        (lambda a: ((a - 1).log() * 2).sum().backward(), ValueError, r"first in the log of shape \(3, 4\)"),
        (lambda a: (a * math.inf).exp().mean().backward(), ValueError, r"first in the \* of shape \(3, 4\)"),
        (lambda a: softmax_cross_entropy(a, [0, 1]), ValueError, r"labels, of shape \(2,\)"),
        (lambda a: softmax_cross_entropy(a, [0, 1, 4]), ValueError, r"not all classes.*from 0 to classes - 1"),
        (lambda a: softmax_cross_entropy(a, [0, 1, -1]), ValueError, "not all classes"),
        (lambda a: softmax_cross_entropy(a, np.eye(4)[:3]), ValueError, r"labels, of shape \(3, 4\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_wrong_input_is_refused_in_words(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong(Tensor(MATRIX_32))


def test_the_slope_of_an_exponent_is_torchs_where_the_base_is_0():
    torch = pytest.importorskip("torch")
    bases, exponents = [0.0, 0.0, 0.0, 2.0, 3.0], [2.0, 1.0, 0.0, 0.0, -1.5]
    a, b = Tensor(np.array(bases)), Tensor(np.array(exponents))
    (a**b).sum().backward()
    base, exponent = (torch.tensor(x, requires_grad=True, dtype=torch.float64) for x in (bases, exponents))
    (base**exponent).sum().backward()
    np.testing.assert_allclose(b.grad, exponent.grad.numpy())
    assert b.grad[:3].tolist() == [0, 0, 0]


def test_the_engine_needs_numpy_alone():
    tree = ast.parse(Path(autograd.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names == {"numpy"}


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_chapter_types_in_the_whole_engine_to_the_letter(edition):
    same = remarks.shared if edition == "zh" else str  # the Chinese edition has its own comments and docstrings
    source = Path(autograd.__file__).read_text(encoding="utf-8")
    cells = "\n".join(same(cell.source) for cell in code_cells(read(path_of("04_1_backpropagation", edition))))
    lines = source.splitlines()
    for node in ast.parse(source).body[1:]:  # without the docstring
        if not isinstance(node, ast.Import | ast.ImportFrom):
            first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
            assert same("\n".join(lines[first - 1 : node.end_lineno])) in cells
