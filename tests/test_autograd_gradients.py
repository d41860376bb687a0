"""Every operation's gradient against central differences, torch and tf.GradientTape: random shapes, broadcasting."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import broadcastable_shapes, mutually_broadcastable_shapes

from aigc_course.autograd import Tensor, softmax_cross_entropy

BAR = 1e-6  # relative error of a gradient, in float64
SEEDS = st.integers(0, 2**32 - 1)
SHAPES = broadcastable_shapes((3, 4, 3), max_dims=3, max_side=4)
PAIRS = mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=4).map(lambda drawn: drawn.input_shapes)


@st.composite
def matrices(draw):
    """Shapes of two operands of @: vectors, matrices, stacks of matrices that are broadcast."""
    rows, inner, columns = (draw(st.integers(1, 4)) for _ in range(3))
    left, right = draw(mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=3)).input_shapes
    a = draw(st.sampled_from([(inner,), (*left, rows, inner)]))
    b = draw(st.sampled_from([(inner,), (*right, inner, columns)]))
    return a, b


@dataclass(frozen=True)
class Case:
    ours: Callable  # also torch's, unless told otherwise
    shapes: st.SearchStrategy
    tf: Callable  # what TensorFlow calls the same
    torch: Callable | None = None
    low: float = -2.0  # of the operands' values


ONE = SHAPES.map(lambda shape: (shape,))
MATRIX = st.tuples(st.integers(1, 4), st.integers(2, 5)).map(lambda shape: (shape,))
LABELS = np.array([1, 0, 1, 1])
FIRST, ROWS = (slice(None), 0), [0, 0, -1]


def cross_entropy(logits):
    import torch

    return torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS[: len(logits)]))


def tf_cross_entropy(tf, logits):
    labels = LABELS[: logits.shape[0]]
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


CASES = {
    "+": Case(lambda a, b: a + b, PAIRS, lambda tf, a, b: a + b),
    "-": Case(lambda a, b: a - b, PAIRS, lambda tf, a, b: a - b),
    "*": Case(lambda a, b: a * b, PAIRS, lambda tf, a, b: a * b),
    "/": Case(lambda a, b: a / b, PAIRS, lambda tf, a, b: a / b),
    "**": Case(lambda a, b: a**b, PAIRS, lambda tf, a, b: a**b, low=0.1),
    "** 3": Case(lambda a: a**3, ONE, lambda tf, a: a**3),
    "1 / a": Case(lambda a: 1 / a, ONE, lambda tf, a: 1 / a),
    "2 ** a": Case(lambda a: 2**a, ONE, lambda tf, a: 2**a),
    "5 - a": Case(lambda a: 5 - a, ONE, lambda tf, a: 5 - a),
    "-a": Case(lambda a: -a, ONE, lambda tf, a: -a),
    "@": Case(lambda a, b: a @ b, matrices(), lambda tf, a, b: tf.matmul(a, b)),
    "exp": Case(lambda a: a.exp(), ONE, lambda tf, a: tf.exp(a)),
    "log": Case(lambda a: a.log(), ONE, lambda tf, a: tf.math.log(a), low=0.1),
    "tanh": Case(lambda a: a.tanh(), ONE, lambda tf, a: tf.tanh(a)),
    "relu": Case(lambda a: a.relu(), ONE, lambda tf, a: tf.nn.relu(a)),
    "sum": Case(lambda a: a.sum(), ONE, lambda tf, a: tf.reduce_sum(a)),
    "sum(1)": Case(lambda a: a.sum(1), MATRIX, lambda tf, a: tf.reduce_sum(a, 1)),
    "mean": Case(lambda a: a.mean(), ONE, lambda tf, a: tf.reduce_mean(a)),
    "mean(axis=0)": Case(lambda a: a.mean(axis=0), MATRIX, lambda tf, a: tf.reduce_mean(a, 0)),
    "max": Case(lambda a: a.max(), ONE, lambda tf, a: tf.reduce_max(a)),
    "max(-1)": Case(
        lambda a: a.max(-1, keepdims=True),
        MATRIX,
        lambda tf, a: tf.reduce_max(a, -1, keepdims=True),
        torch=lambda a: a.amax(-1, keepdim=True),
    ),
    "reshape": Case(lambda a: a.reshape(-1, 1), ONE, lambda tf, a: tf.reshape(a, (-1, 1))),
    "[:, 0]": Case(lambda a: a[FIRST], MATRIX, lambda tf, a: a[FIRST]),
    "[[0, 0, -1]]": Case(lambda a: a[ROWS], MATRIX, lambda tf, a: tf.gather(a, [0, 0, a.shape[0] - 1])),
    "cross-entropy": Case(
        lambda a: softmax_cross_entropy(a, LABELS[: len(a.data)]), MATRIX, tf_cross_entropy, torch=cross_entropy
    ),
}  # fmt: skip


def values(shape, low, rng):
    """Random numbers of at least 0.1 in size, no two of them close: no difference quotient steps over a kink."""
    size = math.prod(shape)
    numbers = rng.permutation(np.linspace(low, 2.0, size + 2)[1:-1]).reshape(shape)
    return np.where(np.abs(numbers) < 0.1, 0.1 + 0.5 * np.abs(numbers), numbers)


def our_gradients(function, arrays, weights):
    tensors = [Tensor(array) for array in arrays]
    function(*tensors).backward(weights)
    assert all(type(t.grad) is np.ndarray and t.grad.shape == t.data.shape for t in tensors)
    return [tensor.grad for tensor in tensors]


def central_differences(function, arrays, weights, step=1e-5):
    """d(sum of weights times function)/d(array), each element moved up and down by `step` on its own."""
    gradients = [np.zeros_like(array) for array in arrays]
    for array, gradient in zip(arrays, gradients, strict=True):
        for index in np.ndindex(array.shape):
            middle, ends = array[index], []
            for array[index] in (middle + step, middle - step):
                ends.append(function(*map(Tensor, arrays)).data)
            array[index] = middle
            gradient[index] = (weights * (ends[0] - ends[1])).sum() / (2 * step)
    return gradients


def torch_gradients(function, arrays, weights):
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    function(*tensors).backward(torch.tensor(weights))
    return [tensor.grad.numpy() for tensor in tensors]


def tf_gradients(function, arrays, weights):
    import tensorflow as tf

    variables = [tf.Variable(array) for array in arrays]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(function(tf, *variables) * weights)
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, variables)]


def relative_error(ours, theirs):
    """Length of the difference over the length of the gradients, all arrays taken together."""
    a, b = (np.concatenate([np.ravel(gradient) for gradient in gradients]) for gradients in (ours, theirs))
    return np.linalg.norm(a - b) / max(np.linalg.norm(a) + np.linalg.norm(b), 1e-3)


def drawn(case, shapes, seed):
    """Operands and random weights of the result's elements, so that its gradient is not the same everywhere."""
    rng = np.random.default_rng(seed)
    arrays = [values(shape, case.low, rng) for shape in shapes]
    return arrays, rng.uniform(0.5, 1.5, case.ours(*map(Tensor, arrays)).data.shape)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_central_differences_and_of_torch(name):
    case = CASES[name]

    @settings(max_examples=40, deadline=None)
    @given(case.shapes, SEEDS)
    def holds(shapes, seed):
        arrays, weights = drawn(case, shapes, seed)
        gradients = our_gradients(case.ours, arrays, weights)
        assert relative_error(gradients, central_differences(case.ours, arrays, weights)) < BAR
        assert relative_error(gradients, torch_gradients(case.torch or case.ours, arrays, weights)) < BAR / 1000

    holds()


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_gradient_tape(name):
    case = CASES[name]
    shapes = case.shapes
    if name == "@":  # tf.matmul knows no vectors
        shapes = shapes.filter(lambda pair: min(map(len, pair)) > 1)

    @settings(max_examples=5, deadline=None)
    @given(shapes, SEEDS)
    def holds(shapes, seed):
        arrays, weights = drawn(case, shapes, seed)
        gradients = our_gradients(case.ours, arrays, weights)
        assert relative_error(gradients, tf_gradients(case.tf, arrays, weights)) < BAR / 1000

    holds()
