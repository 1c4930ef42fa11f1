"""Right answers to the course's exercises as their authors did not write them: own helpers, other types, other ways.

By the id of the answer's cell; each has to be told right in the notebook and to earn all points in the sandbox.
"""

from __future__ import annotations

__all__ = ["KEEPS", "RIGHT", "TRAINS"]

# Questions whose right answer trains a net for many seconds: what its solution says of the length, and a short one.
TRAINS = {"lenet-small": ("batch, epochs = small_net(), 50, 12", "batch, epochs = small_net(), 50, 1")}
# A cell below such an answer: what it learned from the same pictures is kept for the next way in which it is written.
KEEPS = """

import coursecode

_learn = learn


def learn(X, y):
    kept = coursecode.__dict__.setdefault("_learned", {})
    seen = X.numpy().tobytes()
    if seen not in kept:
        kept[seen] = _learn(X, y)
    return [one.clone() for one in kept[seen]]
"""

_COUNTED = """
def counted(c, n, f):
    places = n * n / f**2
    return c * places, 9 * c * c, 9 * c * c * places


def ledger(c, n, factor):
    after, before = counted(c * factor, n, 2), counted(c, n, 1)
    return [a / b for a, b in zip(after, before)]
"""
_USES_UP = """
def to_32(images):
    images.div_(255)
    return F.pad(images, (2, 2, 2, 2))
"""
_BORDER_NUMPY = """
import numpy as np


def to_32(images):
    return np.pad(images.numpy() / 255, ((0, 0), (0, 0), (2, 2), (2, 2)))
"""
_BORDER_LISTS = """
def to_32(images):
    return F.pad(images / 255, (2, 2, 2, 2)).tolist()
"""
_LINEAR = """
def average_kernel(c, k):
    weight = torch.eye(c, dtype=torch.float64)[:, :, None, None] * torch.ones(k, k) / k**2
    return {weight}


def counterexample():
    return {pair}
"""
_MIXED = """
def as_one(A, B):
    weight = torch.cat([F.pad(A, (1, 1, 1, 1)), B])
    return {weight}


def waste(o_a, o_b):
    return torch.tensor(16 * o_a / (25 * (o_a + o_b)), dtype=torch.float64)
"""
_ONE_BY_ONE = """
import numpy as np


def one_by_one(X, K):
    return np.einsum("oi,ihw->ohw", K.numpy(), X.numpy())


def honest_bias(B):
    return {bias}
"""
_MATRIX = """
def as_dense(K, n_h, n_w):
    k_h, k_w = K.shape
    rows = []
    for i in range(n_h - k_h + 1):
        for j in range(n_w - k_w + 1):
            row = torch.zeros(n_h, n_w, dtype=torch.float64)
            row[i : i + k_h, j : j + k_w] = K
            rows.append(row.flatten())
    M = torch.stack(rows)
    return {matrix}
"""
_MOVES = """
import numpy as np


def moves(X):
    image = np.asarray(X, dtype=np.float64)
    moved = image - np.roll(image, 1, axis=1)
    return {moved}


def stays(X):
    return np.abs(np.asarray(moves(X))).sum()
"""
_UNFOLDED = """
def corr1d(x, w, b):
    return x.unfold(0, len(w), 1) @ w + b
"""
_STRIDED = """
def corr1d(x, w, b):
    return x.as_strided((len(x) - len(w) + 1, len(w)), (1, 1)) @ w + b
"""
_GENERATED = """
def corr1d(x, w, b):
    for i in range(len(x) - len(w) + 1):
        yield float((x[i : i + len(w)] * w).sum()) + b
"""
_MULTI_UNFOLDED = """
def multi(X, K, b):
    windows = X.unfold(1, K.shape[2], 1).unfold(2, K.shape[3], 1)
    return torch.einsum("ihwab,oiab->ohw", windows, K) + b[:, None, None]
"""
_MULTI_COLUMNS = """
def multi(X, K, b):
    h, w = X.shape[1] - K.shape[2] + 1, X.shape[2] - K.shape[3] + 1
    columns = F.unfold(X[None], K.shape[2:])[0]
    return (K.flatten(1) @ columns).reshape(len(K), h, w) + b[:, None, None]
"""
_OBJECT = """
class Slides:
    def __call__(self, x, k, s):
        return [max(x[i : i + k].tolist()) for i in range(0, len(x) - k + 1, s)]


pool1d = Slides()
"""
_PARTIAL = """
import functools


def _largest(x, k, s, of):
    return torch.stack([of(x[i : i + k]) for i in range(0, len(x) - k + 1, s)])


pool1d = functools.partial(_largest, of=torch.max)
"""
_KERNELS = """
horizontal = [[1, -1]]
vertical = [torch.tensor([1.0]), torch.tensor([-1.0])]
"""
_MOVED_NUMPY = """
import numpy as np


def moved_copies(images, d):
    h, w = images.shape[-2:]
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (d, d), (d, d)))
    steps = [(y, x) for y in (2 * d, d, 0) for x in (2 * d, d, 0)]
    return np.concatenate([padded[..., y : y + h, x : x + w] for y, x in steps])
"""

RIGHT = {
    "chan-budget": [_COUNTED],
    "lenet-border": [_USES_UP, _BORDER_NUMPY, _BORDER_LISTS],
    "linear": [
        _LINEAR.format(weight="weight", pair="torch.tensor([[1, 0], [0, 0]]), torch.tensor([[0, 0], [0, 1]])"),
        _LINEAR.format(weight="weight.numpy()", pair="[[1, 0], [0, 0]], [[0, 0], [0, 1]]"),
        _LINEAR.format(weight="weight.tolist()", pair="[[[0.5, 0], [0, 0]], [[0, 0], [0, 1]]]"),
    ],
    "chan-mixed": [_MIXED.format(weight=f"weight.{how}") for how in ("double()", "numpy()", "tolist()")],
    "chan-one-by-one": [
        _ONE_BY_ONE.format(bias=bias) for bias in ("B.double().sum(1)", "B.numpy().sum(1)", "[sum(row) for row in B]")
    ],
    "dense-matrix": [_MATRIX.format(matrix=matrix) for matrix in ("M", "M.numpy()", "M.tolist()")],
    "dense-moves": [_MOVES.format(moved=moved) for moved in ("moved", "moved.tolist()", "torch.from_numpy(moved)")],
    "conv-one-axis": [_UNFOLDED, _STRIDED, _GENERATED],
    "chan-multi": [_MULTI_UNFOLDED, _MULTI_COLUMNS],
    "pool-1d": [_OBJECT, _PARTIAL],
    "conv-neighbours": [_KERNELS],
    "lenet-moved": [_MOVED_NUMPY],
}
