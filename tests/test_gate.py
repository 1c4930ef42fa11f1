"""The gate that only an answer of one's own passes: what it notices, what it lets through, and what it costs."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from coursecode._gate import FAMILIES, Forbidden, Gate
from coursecode.channels import corr2d_multi_in
from coursecode.check import Student, StudentError, judge
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


FORBIDDEN = {
    "convolution": [
        lambda: F.conv2d(X, K),
        lambda: nn.Conv2d(1, 1, 2)(X),
        lambda: torch.ops.aten.conv2d(X, K),
        lambda: X.unfold(2, 2, 1),
        lambda: F.unfold(X, 2),
        lambda: np.convolve([1, 2, 3], [1, 2]),
        lambda: corr2d(X[0, 0], K[0, 0]),
        swallowed,
    ],
    "pooling": [
        lambda: pooled(V, 2),
        lambda: F.avg_pool1d(V, 2),
        lambda: nn.MaxPool1d(2)(V),
        lambda: torch.ops.aten.max_pool1d(V, 2),
        lambda: F.adaptive_max_pool1d(V, 2),
    ],
    "autograd": [
        differentiated,
        lambda: torch.func.vjp(lambda w: w**2, V)[1](V),
        lambda: torch.func.grad(lambda w: (w**2).sum())(V),
        lambda: torch.nn.grad.conv2d_weight(X, (1, 1, 2, 2), torch.ones(1, 1, 5, 5)),
    ],
}
FREE = [
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


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_forbids_is_noticed_and_all_else_is_free(family):
    gate = Gate((family,))
    assert [passes(gate, answer) for answer in FORBIDDEN[family]] == [False] * len(FORBIDDEN[family])
    assert [passes(gate, answer) for answer in FREE] == [True] * len(FREE)
    assert passes(Gate(("pooling",)), lambda: F.conv2d(X, K))


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


def test_a_gate_loads_no_module():
    """PyTorch's compiler would be loaded by a careless mode: ten seconds, at a learner's first check."""
    code = (
        "import sys, torch\nfrom coursecode._gate import Gate\nbefore = set(sys.modules)\n"
        "with Gate(('pooling',)).closed(): (torch.ones(3) * 2).max()\n"
        "print(sorted(set(sys.modules) - before))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
