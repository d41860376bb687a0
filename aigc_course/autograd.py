"""Reverse-mode automatic differentiation over NumPy arrays: the engine of chapter 4.1, in the manner of micrograd.

A Tensor remembers which tensors it was computed from and, for each, a rule that turns the gradient of the result into
that input's gradient. `backward()` walks this graph from the loss to the leaves (Linnainmaa 1970, Rumelhart 1986).
"""

# pyright: reportAttributeAccessIssue=false
# A Tensor's operations become its methods below the class, where the checker does not look for them.

from functools import wraps

import numpy as np


class Tensor:
    """An array of floats that remembers what it was computed from.

    data: a copy of what is given, dtype kept.  grad: dL/d(data), an array of its shape; None before `backward()`
    """

    __array_ufunc__ = None  # in `array + tensor` the Tensor answers, not NumPy

    def __init__(self, data, inputs=(), rules=(), name=""):
        self.data = np.asarray(data) if inputs else checked(data)
        self.grad = None
        self.inputs = inputs  # the tensors it was computed from
        self.rules = rules  # for each of them: dL/d(this) -> dL/d(that)
        self.name = name  # of the operation

    def __repr__(self):
        return f"Tensor({self.data!r})"


def checked(data):
    """A copy of `data` as an array; TypeError unless it holds floats, ValueError if one of them is NaN."""
    array = np.array(data)
    if array.dtype.kind != "f":
        raise TypeError(f"a Tensor holds floats, this is {array.dtype}: convert it, say with array.astype(np.float32)")
    if (nan := np.isnan(array)).any():
        raise ValueError(f"NaN at index {np.argwhere(nan)[0].tolist()} of shape {array.shape}: clean the data first")
    return array


def topological_order(end):
    """Every node that `end` was computed from, and `end` itself, each one after its inputs."""
    order, seen, stack = [], set(), [(end, False)]
    while stack:
        node, inputs_are_in = stack.pop()
        if inputs_are_in:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((source, False) for source in node.inputs)
    return order


def unbroadcast(gradient, shape):
    """Sum `gradient` over the axes along which an array of `shape` was copied: the copies' gradients add up."""
    if gradient.shape == shape:
        return gradient
    new = gradient.ndim - len(shape)
    copied = [i for i, n in enumerate(gradient.shape) if i < new or shape[i - new] != n]
    return gradient.sum(axis=tuple(copied)).reshape(shape)


def backward(end, seed=None):
    """Set `grad` in all that `end` was computed from (leaves add it up); seed: dL/d(end), 1 if `end` is one number."""
    order = topological_order(end)
    gradients = {end: first_gradient(end, seed, order)}
    for node in reversed(order):
        gradient = gradients.pop(node)
        node.grad = gradient if node.inputs or node.grad is None else node.grad + gradient
        for source, rule in zip(node.inputs, node.rules, strict=True):
            share = unbroadcast(rule(gradient), source.data.shape)
            if source in gradients:  # used more than once: its shares add up
                gradients[source] += share
            else:  # only an array that nobody else holds is kept as it is
                keep = np.array if share is gradient or share.base is not None else np.asarray
                gradients[source] = keep(share, source.data.dtype)


def first_gradient(end, seed, order):
    """The seed as an array; ValueError if it is missing or does not fit, or if the values are not finite."""
    if not np.isfinite(end.data).all():
        bad = next(node for node in order if not np.isfinite(node.data).all())
        where = f"{bad.name or 'leaf'} of shape {bad.data.shape}"
        raise ValueError(f"NaN or infinity on the way to the loss, first in the {where}: look at what goes in there")
    if seed is None and end.data.size == 1:
        return np.ones_like(end.data)
    if np.shape(seed) != end.data.shape or not np.isfinite(seed).all():
        given = "none given" if seed is None else f"given: {np.shape(seed)}"
        raise ValueError(f"backward() of {end.data.shape} needs a finite seed of that shape ({given}), or .sum() first")
    return np.array(seed, end.data.dtype)


def operation(function):
    """Make an operation on tensors of `function`: (arrays, /, settings) -> the value, then for each array its rule."""

    @wraps(function)
    def apply(*arguments, **settings):
        name, count = function.__name__, function.__code__.co_posonlyargcount or len(arguments)
        operands = arguments[:count]  # they stand before the slash
        tensors = [x for x in operands if isinstance(x, Tensor)]  # all else is constant, of the first tensor's dtype
        dtype = tensors[0].data.dtype if tensors else None
        arrays = [x.data if isinstance(x, Tensor) else np.asarray(x, dtype) for x in operands]
        try:
            value, *rules = function(*arrays, *arguments[count:], **settings)
        except ValueError as error:
            shapes = " and ".join(str(array.shape) for array in arrays)
            raise ValueError(f"{name} of shape {shapes}: {str(error).strip()}. {function.__doc__}") from error
        if len(tensors) < len(operands):  # a constant's rule is not needed
            rules = [rule for x, rule in zip(operands, rules, strict=True) if isinstance(x, Tensor)]
        return Tensor(value, tensors, rules, name)

    return apply


def elementwise(name, function, *slopes):
    """An operation on each element alike: the value y = function(*arrays), its slope(*arrays, y) along each array."""

    def apply(*arrays):
        y = function(*arrays)
        return y, *[lambda g, slope=slope: g * slope(*arrays, y) for slope in slopes]

    apply.__name__, apply.__doc__ = name, "From the right, axes must be equally long, or one of them 1"
    return operation(apply)


def reduction(name, function, slope):
    """An operation along `axis`, or all axes: the value y = function(a), its slope(a, y, axis) along each element."""

    def apply(a, /, axis=None, keepdims=False):
        y = function(a, axis=axis, keepdims=True)
        return y if keepdims else y.squeeze(axis), lambda g: g.reshape(y.shape) * slope(a, y, axis)

    apply.__name__, apply.__doc__ = name, "The axis must be one of the array's, counted from 0"
    return operation(apply)


def slope_of_exponent(a, b, y):
    """y ln(a), but 0 where 0 is raised to 0 or more: there 0 stays 0, and ln(0) must not make a NaN of it."""
    return y * np.log(np.where((a == 0) & (b >= 0), 1, a))


add = elementwise("+", np.add, lambda a, b, y: 1, lambda a, b, y: 1)
subtract = elementwise("-", np.subtract, lambda a, b, y: 1, lambda a, b, y: -1)
multiply = elementwise("*", np.multiply, lambda a, b, y: b, lambda a, b, y: a)
divide = elementwise("/", np.divide, lambda a, b, y: 1 / b, lambda a, b, y: -y / b)
power = elementwise("**", np.power, lambda a, b, y: b * a ** np.where(b, b - 1, 0), slope_of_exponent)
Tensor.__neg__ = elementwise("-", np.negative, lambda x, y: -1)
Tensor.exp = elementwise("exp", np.exp, lambda x, y: y)
Tensor.log = elementwise("log", np.log, lambda x, y: 1 / x)
Tensor.tanh = elementwise("tanh", np.tanh, lambda x, y: 1 - y * y)
Tensor.relu = elementwise("relu", lambda x: np.maximum(x, 0), lambda x, y: x > 0)
Tensor.sum = reduction("sum", np.sum, lambda a, y, axis: np.ones_like(a))
Tensor.mean = reduction("mean", np.mean, lambda a, y, axis: np.full_like(a, y.size / a.size))
Tensor.max = reduction("max", np.max, lambda a, y, axis: (a == y) / (a == y).sum(axis, keepdims=True))


@operation
def matmul(a, b, /):
    """The last axis of a must be as long as the last but one of b, a vector's only one"""
    rows, columns = a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None]
    y = rows @ columns

    def to_b(g):
        gradient = rows.swapaxes(-1, -2) @ g.reshape(y.shape)
        return gradient if b.ndim > 1 else gradient[..., 0]

    return y if min(a.ndim, b.ndim) > 1 else a @ b, lambda g: g.reshape(y.shape) @ columns.swapaxes(-1, -2), to_b


@operation
def reshape(a, /, *shape):
    """The number of elements stays the same"""
    return a.reshape(*shape), lambda g: g.reshape(a.shape)


@operation
def pick(a, /, index):
    """The elements a[index]; one that is picked twice gets both gradients"""

    def rule(g):
        gradient = np.zeros_like(a)
        np.add.at(gradient, index, g)
        return gradient

    return a[index], rule


@operation
def softmax_cross_entropy(logits, /, labels):
    """The mean of -log softmax(logits)[label]: logits (..., classes), labels (...) from 0 to classes - 1"""
    hits = np.asarray(labels)[..., None] == np.arange(logits.shape[-1])  # (..., classes)
    if hits.shape != logits.shape or not hits.any(axis=-1).all():
        raise ValueError(f"the labels, of shape {np.shape(labels)}, do not fit or are not all classes")
    shifted = logits - logits.max(axis=-1, keepdims=True)  # so that exp cannot overflow
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return -log_probs[hits].mean(), lambda g: (np.exp(log_probs) - hits) * (g / hits[..., 0].size)


for name, function in dict(add=add, sub=subtract, mul=multiply, truediv=divide, pow=power, matmul=matmul).items():
    setattr(Tensor, f"__{name}__", function)
    setattr(Tensor, f"__r{name}__", lambda a, b, function=function: function(b, a))
Tensor.backward = backward
Tensor.reshape = reshape
Tensor.__getitem__ = pick
