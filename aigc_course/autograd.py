"""Reverse-mode automatic differentiation over NumPy arrays: the engine of chapter 4.1, in the manner of micrograd.

A Tensor remembers which tensors it was computed from and, for each, a rule that turns the gradient of the result into
that input's gradient. `backward()` walks this graph from the loss to the leaves (Linnainmaa 1970, Rumelhart 1986).
Longer than other files: the chapter types it from top to bottom, an operation a cell.
"""

# pyright: reportAttributeAccessIssue=false
# A Tensor's operations become its methods below the class, where the checker does not look for them.

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
    missing = np.isnan(array)
    if missing.any():
        index = np.argwhere(missing)[0].tolist()
        raise ValueError(f"NaN at index {index} of shape {array.shape}: clean the data first")
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


def operation(name, compute, *operands, hint=""):
    """The result of an operation as a Tensor that remembers where it came from.

    operands: tensors; anything else is a constant: it takes the tensors' dtype and gets no gradient
    compute:  arrays -> the value, then for each array its rule, dL/d(value) -> dL/d(array)
    """
    tensors = [x for x in operands if isinstance(x, Tensor)]
    dtype = tensors[0].data.dtype if tensors else None
    arrays = [x.data if isinstance(x, Tensor) else np.asarray(x, dtype) for x in operands]
    try:
        value, *rules = compute(*arrays)
    except ValueError as error:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise ValueError(f"{name} of shape {shapes}: {str(error).strip()}. {hint}") from error
    needed = [rule for x, rule in zip(operands, rules, strict=True) if isinstance(x, Tensor)]
    return Tensor(value, tensors, needed, name)


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
            elif share is gradient or share.base is not None:  # somebody else holds this array: copy it
                gradients[source] = np.array(share, source.data.dtype)
            else:
                gradients[source] = np.asarray(share, source.data.dtype)


def first_gradient(end, seed, order):
    """The seed as an array; ValueError if it is missing or does not fit, or if the values are not finite."""
    if not np.isfinite(end.data).all():
        bad = next(node for node in order if not np.isfinite(node.data).all())
        where = f"{bad.name or 'leaf'} of shape {bad.data.shape}"
        raise ValueError(f"NaN or infinity on the way to the loss, first in the {where}: check its input")
    if seed is None and end.data.size == 1:
        return np.ones_like(end.data)
    if np.shape(seed) != end.data.shape or not np.isfinite(seed).all():
        given = "none given" if seed is None else f"given: {np.shape(seed)}"
        raise ValueError(f"backward() of {end.data.shape} needs a finite seed of that shape ({given}), or .sum() first")
    return np.array(seed, end.data.dtype)


BROADCAST = "From the right, axes must be equally long, or one of them 1"


def add(a, b):
    """a + b; its derivatives are 1 and 1."""

    def compute(a, b):
        return a + b, lambda g: g, lambda g: g

    return operation("+", compute, a, b, hint=BROADCAST)


def subtract(a, b):
    """a - b; its derivatives are 1 and -1."""

    def compute(a, b):
        return a - b, lambda g: g, lambda g: -g

    return operation("-", compute, a, b, hint=BROADCAST)


def multiply(a, b):
    """a * b; its derivatives are b and a."""

    def compute(a, b):
        return a * b, lambda g: g * b, lambda g: g * a

    return operation("*", compute, a, b, hint=BROADCAST)


def divide(a, b):
    """a / b; its derivatives are 1/b and -a/b²."""

    def compute(a, b):
        y = a / b
        return y, lambda g: g / b, lambda g: -g * y / b

    return operation("/", compute, a, b, hint=BROADCAST)


def power(a, b):
    """a ** b; its derivatives are b a^(b-1) and a^b ln(a)."""

    def compute(a, b):
        y = np.power(a, b)

        def to_a(g):
            exponent = np.where(b == 0, 0, b - 1)  # a^0 is constant: its derivative is 0, also where 1/a is infinite
            return g * b * a**exponent

        def to_b(g):
            stays_0 = (a == 0) & (b >= 0)  # 0 to a power of 0 or more: the derivative is 0, and ln(0) would give NaN
            return g * y * np.log(np.where(stays_0, 1, a))

        return y, to_a, to_b

    return operation("**", compute, a, b, hint=BROADCAST)


def negative(x):
    """-x; its derivative is -1."""
    return operation("-", lambda x: (-x, lambda g: -g), x)


def exp(x):
    """e^x; its derivative is e^x itself."""

    def compute(x):
        y = np.exp(x)
        return y, lambda g: g * y

    return operation("exp", compute, x)


def log(x):
    """The natural logarithm; its derivative is 1/x."""
    return operation("log", lambda x: (np.log(x), lambda g: g / x), x)


def tanh(x):
    """The hyperbolic tangent y; its derivative is 1 - y²."""

    def compute(x):
        y = np.tanh(x)
        return y, lambda g: g * (1 - y * y)

    return operation("tanh", compute, x)


def relu(x):
    """x where it is positive, else 0; its derivative is 1 or 0."""
    return operation("relu", lambda x: (np.maximum(x, 0), lambda g: g * (x > 0)), x)


def matmul(a, b):
    """a @ b of matrices, stacks of matrices, and vectors: one on the left is a row, one on the right a column."""

    def compute(a, b):
        rows = a[None, :] if a.ndim == 1 else a
        columns = b[:, None] if b.ndim == 1 else b
        y = rows @ columns
        value = y if min(a.ndim, b.ndim) > 1 else a @ b  # without the axis that a vector lacks

        def to_a(g):
            return g.reshape(y.shape) @ columns.swapaxes(-1, -2)

        def to_b(g):
            gradient = rows.swapaxes(-1, -2) @ g.reshape(y.shape)
            return gradient[..., 0] if b.ndim == 1 else gradient

        return value, to_a, to_b

    return operation("matmul", compute, a, b, hint="The last axis of a must be as long as the last but one of b")


def total(a, axis=None, keepdims=False):
    """The sum along `axis`: each element of a row has derivative 1."""

    def compute(a):
        y = a.sum(axis=axis, keepdims=True)
        return y if keepdims else y.squeeze(axis), lambda g: g.reshape(y.shape) * np.ones_like(a)

    return operation("sum", compute, a, hint="The axis must be one of the array's, counted from 0")


def mean(a, axis=None, keepdims=False):
    """The mean along `axis`: each of n elements has derivative 1/n."""

    def compute(a):
        y = a.mean(axis=axis, keepdims=True)
        return y if keepdims else y.squeeze(axis), lambda g: g.reshape(y.shape) * np.full_like(a, y.size / a.size)

    return operation("mean", compute, a, hint="The axis must be one of the array's, counted from 0")


def largest(a, axis=None, keepdims=False):
    """The maximum along `axis`: the largest element has derivative 1; if several are largest, they share it."""

    def compute(a):
        y = a.max(axis=axis, keepdims=True)

        def rule(g):
            winners = a == y
            return g.reshape(y.shape) * (winners / winners.sum(axis, keepdims=True))

        return y if keepdims else y.squeeze(axis), rule

    return operation("max", compute, a, hint="The axis must be one of the array's, counted from 0")


def reshape(a, *shape):
    """The same elements in another shape; the gradient gets its old shape back."""

    def compute(a):
        return a.reshape(*shape), lambda g: g.reshape(a.shape)

    return operation("reshape", compute, a, hint="The number of elements stays the same")


def pick(a, index):
    """The elements a[index]; one that is picked twice gets both gradients."""

    def compute(a):
        def rule(g):
            gradient = np.zeros_like(a)
            np.add.at(gradient, index, g)
            return gradient

        return a[index], rule

    return operation("pick", compute, a)


def softmax_cross_entropy(logits, labels):
    """The mean of -log softmax(logits)[label]: logits (..., classes), labels (...) from 0 to classes - 1."""

    def compute(z):
        hits = np.asarray(labels)[..., None] == np.arange(z.shape[-1])  # (..., classes)
        if hits.shape != z.shape or not hits.any(axis=-1).all():
            raise ValueError(f"the labels, of shape {np.shape(labels)}, do not fit or are not all classes")
        shifted = z - z.max(axis=-1, keepdims=True)  # so that exp cannot overflow
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        n = hits[..., 0].size
        return -log_probs[hits].mean(), lambda g: (np.exp(log_probs) - hits) * (g / n)

    hint = "Labels of shape (...) are integers from 0 to classes - 1, for logits of shape (..., classes)"
    return operation("softmax_cross_entropy", compute, logits, hint=hint)


Tensor.__add__, Tensor.__radd__ = add, lambda tensor, other: add(other, tensor)
Tensor.__sub__, Tensor.__rsub__ = subtract, lambda tensor, other: subtract(other, tensor)
Tensor.__mul__, Tensor.__rmul__ = multiply, lambda tensor, other: multiply(other, tensor)
Tensor.__truediv__, Tensor.__rtruediv__ = divide, lambda tensor, other: divide(other, tensor)
Tensor.__pow__, Tensor.__rpow__ = power, lambda tensor, other: power(other, tensor)
Tensor.__matmul__, Tensor.__rmatmul__ = matmul, lambda tensor, other: matmul(other, tensor)
Tensor.__neg__, Tensor.exp, Tensor.log = negative, exp, log
Tensor.tanh, Tensor.relu = tanh, relu
Tensor.sum, Tensor.mean, Tensor.max = total, mean, largest
Tensor.reshape, Tensor.__getitem__ = reshape, pick
Tensor.backward = backward
