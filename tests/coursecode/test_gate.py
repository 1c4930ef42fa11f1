"""The gate that only an answer of one's own passes: what it notices, what it lets through, and what it costs."""

import functools
import importlib
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage, signal
from torch import nn
from torch.autograd import forward_ad

from coursecode._gate import Forbidden, Gate
from coursecode.channels import corr2d_multi_in
from coursecode.check import Student, StudentError, close, judge
from coursecode.correlation import corr2d

X, K, V = torch.randn(1, 1, 6, 6), torch.randn(1, 1, 2, 2), torch.randn(1, 9)
pooled = F.max_pool1d  # an alias


def conv2d(x):
    """An own function with the name of a library's."""
    return x[..., 1:, :] + x[..., :-1, :]


def swallowed():
    try:
        return F.conv2d(X, K)
    except Exception:
        return 0


def differentiated():
    w = V.clone().requires_grad_()
    (w**2).sum().backward()
    return w.grad


def forward():
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(forward_ad.make_dual(V, V) ** 2).tangent


FORBIDDEN = {
    "convolution": [
        lambda: F.conv2d(X, K),
        lambda: nn.Conv2d(1, 1, 2)(X),
        lambda: torch.ops.aten.conv2d(X, K),
        lambda: np.convolve([1, 2, 3], [1, 2]),
        lambda: corr2d(X[0, 0], K[0, 0]),
        lambda: signal.upfirdn([1.0, 2], [1.0, 2, 3]),
        lambda: np.polymul([1.0, 2], [1.0, 2, 3]),
        swallowed,
    ],
    "pooling": [
        lambda: pooled(V, 2),
        lambda: F.avg_pool1d(V, 2),
        lambda: nn.MaxPool1d(2)(V),
        lambda: torch.ops.aten.max_pool1d(V, 2),
        lambda: F.adaptive_max_pool1d(V, 2),
        lambda: ndimage.maximum_filter1d(V[0].numpy(), 2),
        lambda: ndimage.maximum_filter(V[0].numpy(), 2),
        lambda: ndimage.rank_filter(V[0].numpy(), -1, 2),
        lambda: ndimage.grey_dilation(V[0].numpy(), 2),
        lambda: signal.order_filter(V[0].numpy(), np.ones(3), 2),
    ],
    "autograd": [
        differentiated,
        lambda: torch.func.vjp(lambda w: w**2, V)[1](V),
        forward,
        lambda: torch.func.grad(lambda w: (w**2).sum())(V),
        lambda: torch.nn.grad.conv2d_weight(X, (1, 1, 2, 2), torch.ones(1, 1, 5, 5)),
    ],
    "padding": [
        lambda: F.conv1d(V[None], torch.ones(1, 1, 3), padding="same"),
        lambda: F.conv1d(V[None], torch.ones(1, 1, 4), padding="same"),
        lambda: F.conv2d(X, K, padding=(0, 1)),
        lambda: nn.Conv1d(1, 1, 3, padding=1)(V[None]),
    ],
}
FREE = [
    lambda: X.unfold(2, 2, 1).unfold(3, 2, 1) @ torch.ones(2),
    lambda: X.as_strided((5, 5, 2, 2), (6, 1, 6, 1)) * K[0, 0],
    lambda: F.unfold(X, 2).mT @ K.flatten(),
    lambda: np.lib.stride_tricks.sliding_window_view(np.ones(5), 2) @ np.ones(2),
    lambda: conv2d(X),
    lambda: (X[..., 1:3, 1:3] * K).sum(),
    lambda: X.max(),
    lambda: F.pad(X, (1, 1)),
    lambda: X.double().float(),
    lambda: np.corrcoef(np.eye(2)),
]


def passes(gate: Gate, answer) -> bool:
    try:
        with gate.closed():
            answer()
    except Forbidden:
        return False
    return True


@pytest.mark.parametrize("family", FORBIDDEN)
def test_what_a_family_forbids_is_noticed_and_all_else_is_free(family):
    gate = Gate((family,))
    assert [passes(gate, answer) for answer in FORBIDDEN[family]] == [False] * len(FORBIDDEN[family])
    assert [passes(gate, answer) for answer in FREE] == [True] * len(FREE)
    assert passes(Gate(("pooling", "padding")), lambda: F.conv2d(F.pad(X, (1, 1)), K))


def test_an_exception_to_a_family():
    gate = Gate(("convolution",), but=("corr2d",))
    assert passes(gate, lambda: corr2d(X[0, 0], K[0, 0]))
    assert not passes(gate, lambda: corr2d_multi_in(X[0], K[0]))


def test_a_loop_takes_more_operations_than_a_matrix_product():
    gate, W, Y = Gate(operations=20), torch.randn(8, 9), torch.randn(9, 8, 7)
    assert passes(gate, lambda: (W @ Y.reshape(9, 56)).reshape(8, 8, 7))
    assert passes(gate, lambda: torch.einsum("oi,ihw->ohw", W, Y))
    assert not passes(gate, lambda: torch.stack([(W[o, :, None, None] * Y).sum(0) for o in range(8)]))
    assert not passes(gate, lambda: torch.stack([W @ Y[:, i] for i in range(8)]).permute(1, 0, 2) + sum(W))


def looped(W, Y):
    out = np.zeros((len(W), *Y.shape[1:]))
    for o in range(len(W)):
        for i in range(len(Y)):
            out[o] += W[o, i] * Y[i]
    return out


LOOPS = {
    "two of NumPy": looped,
    "comprehensions": lambda W, Y: [[sum(w * x for w, x in zip(row, X.flat, strict=False)) for row in W] for X in Y],
    "a lambda that is mapped": lambda W, Y: list(map(lambda row: row @ Y.reshape(len(Y), -1), W)),  # noqa: C417
}


@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_of_python_runs_a_line_again_and_again(kind):
    before, W, Y = sys.gettrace(), np.ones((23, 25)), np.ones((25, 8, 7))
    assert not passes(Gate(operations=20), lambda: LOOPS[kind](W, Y))
    assert passes(Gate(operations=20), lambda: np.einsum("oi,ihw->ohw", W, Y) + sum(k for k in (1, 2, 3)))
    assert sys.gettrace() is before


def written(v, w=None):
    v[0] = 7
    return v


@pytest.mark.parametrize("value", [torch.zeros(3), np.zeros(3), [torch.zeros(2), torch.ones(2)]])
def test_a_change_of_an_argument_is_noticed_where_it_is_to_stay(value):
    own = Student(lambda: {"f": written, "g": lambda v: v})
    verdict = judge("a / b", lambda: own.without("changes").f(value) is not None, student=own)
    assert not verdict.passed
    assert "work on a copy" in verdict.note["en"]
    assert judge("a / b", lambda: own.without("changes").g(value) is not None, student=own).passed
    assert judge("a / b", lambda: own.f(value) is not None, student=own).passed


def test_not_a_number_is_no_change():
    own = Student(lambda: {"g": lambda v: v})
    assert judge("a / b", lambda: own.without("changes").g(torch.tensor([math.nan])) is not None, student=own).passed


def test_the_gate_is_open_again_afterwards_whatever_happened():
    before = sys.getprofile()
    assert not passes(Gate(("convolution",)), lambda: F.conv2d(X, K))
    with pytest.raises(ZeroDivisionError), Gate(("convolution",)).closed():
        raise ZeroDivisionError
    assert sys.getprofile() is before
    assert F.conv2d(X, K).shape == (1, 1, 5, 5)


def test_an_unknown_family_names_the_known_ones():
    with pytest.raises(ValueError, match="'sums' is none of convolution, pooling, autograd"):
        Gate(("sums",))


def test_an_answer_behind_the_gate_is_told_what_it_used():
    own = Student(lambda: {"f": lambda x: F.max_pool1d(x, 2)})
    assert judge("a / b", lambda: own.f(V) is not None).passed
    with pytest.raises(StudentError, match="it used max_pool1d of a library"):
        own.without("pooling").f(V)


class Pool:
    """An answer that is an object."""

    def __call__(self, x, k):
        return F.max_pool1d(x, k)


def lazily(x, k):
    yield from F.max_pool1d(x, k)


class Lazy(list):
    """A list that computes when it is read."""

    def __init__(self, x, k):
        super().__init__([0])
        self.given = x, k

    def __iter__(self):
        return iter(F.max_pool1d(*self.given)[0])


SCRIPTED = """
import torch
import torch.nn.functional as F

@torch.jit.script
def pool(x, k: int):
    return F.max_pool1d(x, k)
"""


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    (tmp_path / "scripted_pool.py").write_text(SCRIPTED)
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that scripting is old
        return importlib.import_module("scripted_pool").pool


KINDS = {
    "a function": lambda x, k: F.max_pool1d(x, k),
    "a partial": functools.partial(lambda f, x, k: f(x, k), F.max_pool1d),
    "an object": Pool(),
    "a method": Pool().__call__,
    "a module": nn.MaxPool1d(2),
    "a class": Lazy,
    "a generator": lazily,
    "a map": lambda x, k: map(functools.partial(F.max_pool1d, kernel_size=k), x[None]),
    "a list that computes": lambda x, k: [Lazy(x, k)],
    "the library's own": F.max_pool1d,
}


@pytest.mark.parametrize("kind", [*KINDS, "a scripted function"])
def test_every_callable_answer_stands_behind_the_gate(kind, request):
    answer = KINDS[kind] if kind in KINDS else request.getfixturevalue("scripted")
    own = Student(lambda: {"f": answer})
    arguments = (V,) if kind == "a module" else (V, 2)
    verdict = judge("a / b", lambda: own.without("pooling").f(*arguments) is not None, student=own)
    assert not verdict.passed
    assert "of a library" in verdict.note["en"]
    assert own.f(*arguments) is not None


def test_an_answer_that_is_an_object_keeps_its_parts():
    own = Student(lambda: {"net": nn.Sequential(nn.Linear(2, 3), nn.ReLU()), "pool": Pool()})
    assert own.net.training
    assert own.net[0].weight.shape == (3, 2)
    assert len(own.net) == len(list(own.net)) == 2
    assert own.net(torch.ones(1, 2)).shape == (1, 3)
    assert own.calls[-1].reads.startswith("net(")


def test_what_is_given_lazily_arrives_as_a_list():
    own = Student(lambda: {"f": lambda n: (i**2 for i in range(n))})
    assert close(own.f(3), [0, 1, 4])
    assert close(own.without("pooling").f(3), [0, 1, 4])


def test_a_gate_loads_no_module():
    """PyTorch's compiler would be loaded by a careless mode: ten seconds, at a learner's first check."""
    code = (
        "import sys, torch\nfrom coursecode._gate import Gate\nbefore = set(sys.modules)\n"
        "with Gate(('pooling',)).closed(): (torch.ones(3) * 2).max()\n"
        "print(sorted(set(sys.modules) - before))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
