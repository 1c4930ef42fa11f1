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

# As a stranger wrote them: other types, other libraries, a fraction, a range, one number in brackets.
_OTHERS: dict[str, list[str]] = {
    "pool-1d": [
        """
def pool1d(x: torch.Tensor, k: int, s: int) -> torch.Tensor:
    # 每个窗口的最大值
    return x.unfold(0, k, s).amax(-1)
""",
        """
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as swv


def pool1d(x, k, s):
    return swv(x.numpy(), k)[::s].max(-1)
""",
        """
def pool1d(x, k, s):
    out = []
    for i in range(0, len(x) - k + 1, s):
        out += [x[i : i + k].max().item()]
    x.fill_(0)
    return torch.FloatTensor(out)
""",
    ],
    "shift-right": [
        """
import numpy as np


def shift_right(X, d):
    return X.numpy() @ np.eye(X.shape[1], k=d)
""",
        """
def shift_right(X, d):
    return [([0] * d + row)[: len(row)] for row in X.tolist()]
""",
    ],
    "edges-near": [
        """
lost = torch.arange(8) >= 3


def edges_near(row, k):
    return (row.diff() != 0).unfold(0, k, 1).any(1).float()
""",
        """
lost = [0, 0, 0, 0, 1, 1, 1, 1]


def edges_near(row, k):
    e = row.diff() != 0
    return [bool(e[i : i + k].any()) for i in range(len(e) - k + 1)]
""",
    ],
    "tolerated": [
        """
def tolerated(n, k, d):
    j = torch.arange(n - d)
    return j[j // k == (j + d) // k]
""",
    ],
    "pool-backward": [
        """
def pool1d_backward(x, k, s, grad):
    i = torch.arange(len(grad)) * s
    win = x.unfold(0, k, s)
    at = i + win.argmax(1)
    return torch.zeros_like(x).index_add_(0, at, grad)
""",
    ],
    "dense-moves": [
        """
def moves(X):
    f = torch.fft.fft2(X)
    k = torch.zeros_like(X)
    k[0, 0], k[1, 2] = 1, 0.5
    return torch.fft.ifft2(f * torch.fft.fft2(k)).real


def stays(X):
    return torch.fft.fft2(X).abs().sum().item()
""",
        """
def moves(X):
    return X**2


def stays(X):
    return [X.pow(2).sum().item()]
""",
    ],
    "dense-cut": [
        """
def cut(v, delta):
    r = len(v) // 2
    return [
        [x.item() if max(abs(i - r), abs(j - r)) <= delta else 0 for j, x in enumerate(row)]
        for i, row in enumerate(v)
    ]
""",
    ],
    "dense-by-offset": [
        """
import numpy as np


def shared_local(X, v, u):
    d = len(v) // 2
    P = np.pad(X.numpy(), d)
    return np.tensordot(np.lib.stride_tricks.sliding_window_view(P, v.shape), v.numpy()) + u
""",
        """
def shared_local(X, v, u):
    h, w = X.shape
    m = len(v)
    d = m // 2
    s = (h + 2 * d + m, w + 2 * d + m)
    A = torch.fft.rfft2(F.pad(X, (d,) * 4), s=s)
    B = torch.fft.rfft2(v, s=s)
    Y = torch.fft.irfft2(A * B.conj(), s=s)
    return Y[:h, :w] + u
""",
    ],
    "dense-border": [
        """
def followers(n, k, d):
    return range(d, n - k // 2)
""",
    ],
    "dense-matrix": [
        """
def as_dense(K, n_h, n_w):
    (a, b) = K.shape
    mh, mw = n_h - a + 1, n_w - b + 1
    M = torch.zeros(mh * mw, n_h * n_w)
    for k in range(a):
        for l in range(b):
            M += K[k, l] * torch.kron(torch.eye(mh, n_h).roll(k, 1), torch.eye(mw, n_w).roll(l, 1))
    return M
""",
    ],
    "dense-shuffled": [
        """
def reordered(W, order):
    return torch.stack([W[:, p] for p in order], 1)


def kept(order, n_h, n_w):
    o = order.tolist()

    def nb(p, q):
        return abs(p // n_w - q // n_w) + abs(p % n_w - q % n_w) == 1

    ok = [nb(o[p], o[q]) for p in range(n_h * n_w) for q in range(p) if nb(p, q)]
    return sum(ok) / len(ok)
""",
    ],
    "conv-one-axis": [
        """
def corr1d(x, w, b):
    n = len(x)
    return torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(w, n).conj(), n)[: n - len(w) + 1] + b
""",
    ],
    "conv-star": [
        """
import numpy as np


def correlation(X, K):
    w = np.lib.stride_tricks.sliding_window_view(X.numpy(), K.shape)
    return np.einsum("ijab,ab->ij", w, K.numpy())


def convolution(X, K):
    return correlation(X, torch.rot90(K, 2))


def indifferent(K):
    return (K == torch.rot90(K, 2)).all()
""",
        """
def correlation(X, K):
    return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-1, -2))


def convolution(X, K):
    return correlation(X, K.flip(0).flip(1))


def indifferent(K):
    return bool((correlation(torch.randn(9, 9), K) == 0).any()) or K.equal(K.flip((0, 1)))
""",
    ],
    "conv-stack": [
        """
def costs(view, c):
    return (c**2 * view**2, (view - 1) / 2 * 9 * c**2)
""",
    ],
    "conv-gradient": [
        """
def kernel_gradient(X, shape, grad):
    return F.conv2d(X[None, None], grad[None, None])[0, 0]
""",
    ],
    "conv-any-axes": [
        """
from scipy.signal import correlate


def corrnd(X, K):
    return correlate(X.numpy(), K.numpy(), "valid")
""",
        """
def corrnd(X, K):
    if X.dim() == 0:
        return X * K
    m = len(X) - len(K) + 1
    return torch.stack([sum(corrnd(X[i + a], K[a]) for a in range(len(K))) for i in range(m)])
""",
    ],
    "conv-median": [
        """
import statistics


def median3(x):
    x = x.tolist()
    n = len(x)
    return [statistics.median((x[i - 1], x[i], x[(i + 1) % n])) for i in range(n)]


def best_kernel(x, y):
    A = torch.stack([x.roll(1), x, x.roll(-1)], 1)
    return torch.linalg.solve(A.T @ A, A.T @ y)
""",
    ],
    "pad-size": [
        """
def size(n, k, p, s):
    return torch.tensor(max(0, (n + p - k) // s + 1))


def size_per_side(n, k, q, s):
    return float(size(n, k, 2 * q, s))
""",
        """
def size(n, k, p, s):
    return [max(0, (n + p - k) // s + 1)]


def size_per_side(n, k, q, s):
    return [max(0, (n + 2 * q - k) // s + 1)]
""",
    ],
    "pad-counts": [
        """
fair_padding = 2 * (5 - 1)


def uses_of(n, k, p, s):
    x = torch.zeros(n, requires_grad=True)
    F.pad(x, ((p + 1) // 2, p // 2)).unfold(0, k, s).sum().backward()
    return x.grad
""",
    ],
    "pad-odd": [
        """
def same(x, w, first):
    k = len(w)
    l, r_ = ((k - 1 + 1) // 2, (k - 1) // 2) if first else ((k - 1) // 2, k // 2)
    return F.pad(x, (l, r_)).unfold(0, k, 1) @ w
""",
    ],
    "pad-view": [
        """
def view(layers):
    s_, v = 1, 1
    for k, s in layers:
        v += (k - 1) * s_
        s_ *= s
    return v


def tail(n, layers):
    v = view(layers)
    j = 1
    m = n
    for k, s in layers:
        j *= s
        m = (m - k) // s + 1
    return n - ((m - 1) * j + v)
""",
    ],
    "chan-shapes": [
        """
def shapes(c_i, c_o, k, h, w):
    l = torch.nn.Conv2d(c_i, c_o, k)
    return {
        "weight": l.weight.shape,
        "bias": l.bias.shape,
        "output": l(torch.zeros(c_i, h, w)).shape,
    }
""",
    ],
    "chan-one-by-one": [
        """
def one_by_one(X, K):
    return F.linear(X.permute(1, 2, 0), K).permute(2, 0, 1)


honest_bias = lambda B: [sum(r) for r in B]
""",
    ],
    "chan-budget": [
        """
from fractions import Fraction as Q


def ledger(c, n, factor):
    return [Q(factor, 4), Q(factor) ** 2, Q(factor**2, 4)]
""",
    ],
    "chan-way-back": [
        """
def input_gradient(grad, K, shape, stride):
    cols = K.flatten()[:, None] * grad.flatten()[None]
    m_h, m_w = grad.shape
    h = (m_h - 1) * stride + K.shape[0]
    w = (m_w - 1) * stride + K.shape[1]
    Y = F.fold(cols[None], (h, w), K.shape, stride=stride)[0, 0]
    return F.pad(Y, (0, shape[1] - w, 0, shape[0] - h))
""",
    ],
    "chan-factor": [
        """
def factor(K):
    U, S, V = torch.linalg.svd(K)
    if (S[1:] > 1e-5).any():
        return None
    return (U[:, :1] * S[0]), V[:1]
""",
    ],
    "lenet-shapes": [
        """
def feature_shapes(c, h, w, layers):
    out = []
    for l in layers:
        match l:
            case ("conv", c, k, q):
                h, w = h + 2 * q - k + 1, w + 2 * q - k + 1
            case ("pool", k):
                h, w = h // k, w // k
        out.append([c, h, w])
    return out
""",
    ],
    "lenet-mistakes": [
        """
from collections import Counter


def report(logits, targets):
    p = [int(r_.argmax()) for r_ in logits]
    t = [int(x) for x in targets]
    c = Counter((a, b) for a, b in zip(t, p) if a != b)
    worst = min(c, key=lambda q: (-c[q], q)) if c else (0, 0)
    rec = []
    for k in range(logits.shape[1]):
        here = [b == k for a, b in zip(t, p) if a == k]
        rec.append(sum(here) / len(here) if here else 0)
    return dict(accuracy=sum(a == b for a, b in zip(t, p)) / len(t), recall=rec, worst=worst)
""",
    ],
    "lenet-moved": [
        """
def moved_copies(images, d):
    h, w = images.shape[-2:]
    u = F.pad(images, (d,) * 4).unfold(2, h, d).unfold(3, w, d)
    return u.permute(2, 3, 0, 1, 4, 5).flip(0, 1).reshape(-1, 1, h, w)
""",
    ],
    "lenet-vgg-field": [
        """
def field(blocks):
    layers = [x for n in blocks for x in [(3, 1, 1)] * n + [(2, 2, 0)]]
    lo = hi = 0
    for k, s, p in reversed(layers):
        lo, hi = lo * s - p, hi * s - p + k - 1
    return hi - lo + 1, 2 ** len(blocks), (lo + hi) / 2
""",
    ],
    "lenet-parameters": [
        """
def parameters(sizes):
    c0, c1, c2, k, side, d1, d2, m = sizes
    return torch.tensor(
        [
            c1 * (c0 * k * k + 1)
            + c2 * (c1 * k * k + 1)
            + d1 * (c2 * side**2 + 1)
            + d2 * (d1 + 1)
            + m * (d2 + 1)
        ]
    )


def partial(groups, k):
    return torch.tensor([sum(groups) * k * k + len(groups)])
""",
    ],
}

RIGHT: dict[str, list[str]] = {
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
for _id, _ways in _OTHERS.items():
    RIGHT[_id] = [*RIGHT.get(_id, []), *_ways]
