"""coursecode.separable against torch: kernels that factor in space, and layers that factor over channels."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from alike import assert_same, random
from hypothesis import given
from hypothesis import strategies as st
from registry import equation
from torch import nn

from coursecode.correlation import KERNELS
from coursecode.geometry import conv_macs, count_macs
from coursecode.separable import (
    corr2d_depthwise,
    corr2d_grouped,
    corr2d_separable,
    depthwise_separable_macs,
    factors,
)

small = st.integers(1, 4)
more = st.integers(0, 4)
seeds = st.integers(0, 2**16)


@equation("eq-separable")
@given(k_h=small, k_w=small, more_h=more, more_w=more, seed=seeds)
def test_a_column_and_a_row_are_their_outer_product(k_h: int, k_w: int, more_h: int, more_w: int, seed: int) -> None:
    assert_same(
        corr2d_separable,
        lambda X, u, v: F.conv2d(X[None, None], torch.outer(u, v)[None, None])[0, 0],
        *(random(k_h + more_h, k_w + more_w, seed=seed), random(k_h, seed=seed + 1), random(k_w, seed=seed + 2)),
    )


@equation("eq-low-rank")
@given(k_h=small, k_w=small, seed=seeds)
def test_as_many_terms_as_the_rank_are_the_kernel_and_fewer_are_the_closest(k_h: int, k_w: int, seed: int) -> None:
    K = random(k_h, k_w, seed=seed)
    singular = torch.linalg.svdvals(K)
    for terms in range(1, min(k_h, k_w) + 1):
        pairs = factors(K, terms=terms)
        rest = K - sum(torch.outer(u, v) for u, v in pairs)
        torch.testing.assert_close(rest.norm(), singular[terms:].norm(), rtol=1e-9, atol=1e-9)
        X = random(k_h + 2, k_w + 3, seed=seed + 1)
        total = sum(corr2d_separable(X, u, v) for u, v in pairs)
        expected = F.conv2d(X[None, None], (K - rest)[None, None])[0, 0]
        torch.testing.assert_close(total, expected, rtol=1e-9, atol=1e-9)


def test_sobel_and_blur_have_rank_one_and_the_laplacian_two() -> None:
    ranks = {name: torch.linalg.matrix_rank(K).item() for name, K in KERNELS.items()}
    assert ranks["sobel-x"] == ranks["sobel-y"] == ranks["blur"] == 1
    assert ranks["laplacian"] == ranks["sharpen"] == 2
    assert torch.equal(torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([-1.0, 0, 1])), KERNELS["sobel-x"])


@equation("eq-grouped")
@given(groups=st.integers(1, 3), c_i=st.integers(1, 2), c_o=st.integers(1, 2), k=st.integers(1, 3), seed=seeds)
def test_groups_are_torchs(groups: int, c_i: int, c_o: int, k: int, seed: int) -> None:
    assert_same(
        lambda X, K: corr2d_grouped(X, K, groups=groups),
        lambda X, K: F.conv2d(X[None], K, groups=groups)[0],
        *(random(groups * c_i, k + 2, k + 1, seed=seed), random(groups * c_o, c_i, k, k, seed=seed + 1)),
    )


@equation("eq-depthwise")
@given(c=st.integers(1, 4), k_h=small, k_w=small, seed=seeds)
def test_depthwise_is_one_group_for_each_channel(c: int, k_h: int, k_w: int, seed: int) -> None:
    assert_same(
        corr2d_depthwise,
        lambda X, K: F.conv2d(X[None], K[:, None], groups=c)[0],
        *(random(c, k_h + 2, k_w + 1, seed=seed), random(c, k_h, k_w, seed=seed + 1)),
    )


@equation("eq-depthwise-separable-macs")
@given(c_i=st.integers(1, 6), c_o=st.integers(1, 6), k=st.integers(1, 5), n=st.integers(5, 9))
def test_the_ledger_is_what_a_counter_sees(c_i: int, c_o: int, k: int, n: int) -> None:
    net = nn.Sequential(nn.Conv2d(c_i, c_i, k, groups=c_i), nn.Conv2d(c_i, c_o, 1))
    m = n - k + 1
    assert depthwise_separable_macs(c_i, c_o, k, (m, m)) == count_macs(net, torch.zeros(1, c_i, n, n))
    assert depthwise_separable_macs(c_i, c_o, k, (m, m)) == (k * k * c_i + c_i * c_o) * m * m
    assert conv_macs(c_i, c_o, k, (m, m)) == k * k * c_i * c_o * m * m


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: corr2d_separable(torch.ones(2, 2), torch.ones(3), torch.ones(1)), ValueError,
         r"^corr2d_separable: the 3×1 kernel does not fit the 2×2 input"),
        (lambda: factors(torch.ones(3, 3), terms=4), ValueError, r"^factors: terms is 4, but a 3×3 kernel has"),
        (lambda: factors(torch.ones(3, 3).long()), TypeError, r"^factors: K is int64, but its factors are no whole"),
        (lambda: corr2d_grouped(torch.ones(3, 4, 4), torch.ones(2, 1, 2, 2), groups=2), ValueError,
         r"^corr2d_grouped: groups is 2, but it must divide the 3 input and 2 output channels"),
        (lambda: corr2d_grouped(torch.ones(4, 4, 4), torch.ones(2, 4, 2, 2), groups=2), ValueError,
         r"^corr2d_grouped: K has shape 2×4×2×2, so each kernel reads 4 channels"),
        (lambda: corr2d_depthwise(torch.ones(3, 4, 4), torch.ones(2, 2, 2)), ValueError,
         r"^corr2d_depthwise: X has 3 channels and K 2 kernels"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, error, said) -> None:
    with pytest.raises(error, match=said):
        call()
