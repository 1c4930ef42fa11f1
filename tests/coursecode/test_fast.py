"""coursecode.fast against torch: the ways in which a library computes a correlation, in values and gradients."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from alike import assert_same, random
from hypothesis import given
from hypothesis import strategies as st
from registry import equation

from coursecode.correlation import corr1d, corr2d
from coursecode.fast import corr1d_winograd, fft_correlate, im2col, winograd, winograd_weights

small = st.integers(1, 4)
more = st.integers(0, 5)
seeds = st.integers(0, 2**16)


@equation("eq-im2col")
@given(c=st.integers(1, 3), k_h=small, k_w=small, more_h=more, more_w=more, seed=seeds)
def test_columns_are_torchs_unfold_and_their_product_is_the_layer(
    c: int, k_h: int, k_w: int, more_h: int, more_w: int, seed: int
) -> None:
    X, W = random(c, k_h + more_h, k_w + more_w, seed=seed), random(2, c, k_h, k_w, seed=seed + 1)
    assert torch.equal(im2col(X, (k_h, k_w)), F.unfold(X[None], (k_h, k_w))[0])
    assert_same(
        lambda X, W: (W.flatten(1) @ im2col(X, (k_h, k_w))).reshape(2, more_h + 1, more_w + 1),
        lambda X, W: F.conv2d(X[None], W)[0],
        X,
        W,
    )


@equation("eq-fft-correlation")
@given(k_h=small, k_w=small, more_h=more, more_w=more, seed=seeds)
def test_by_way_of_the_fourier_transform_it_is_the_same(
    k_h: int, k_w: int, more_h: int, more_w: int, seed: int
) -> None:
    X, K = random(k_h + more_h, k_w + more_w, seed=seed), random(k_h, k_w, seed=seed + 1)
    assert_same(fft_correlate, lambda X, K: F.conv2d(X[None, None], K[None, None])[0, 0], X, K)
    torch.testing.assert_close(fft_correlate(X, K), corr2d(X, K), rtol=1e-9, atol=1e-9)


@equation("eq-winograd")
@given(pairs=st.integers(1, 6), seed=seeds)
def test_winograd_is_the_correlation(pairs: int, seed: int) -> None:
    x, w = random(2 * pairs + 2, seed=seed), random(3, seed=seed + 1)
    assert_same(corr1d_winograd, lambda x, w: F.conv1d(x[None, None], w[None, None])[0, 0], x, w)
    torch.testing.assert_close(corr1d_winograd(x, w), corr1d(x, w), rtol=1e-9, atol=1e-9)


class Counted:
    """An exact number that counts the products of a sample with a weight."""

    products = 0

    def __init__(self, value: Fraction, weight: bool) -> None:
        self.value, self.weight = value, weight

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.value + other.value, self.weight)

    def __sub__(self, other: Counted) -> Counted:
        return Counted(self.value - other.value, self.weight)

    def __truediv__(self, other: int) -> Counted:
        assert self.weight, "only weights are halved, once for a whole image"
        return Counted(self.value / other, self.weight)

    def __mul__(self, other: Counted) -> Counted:
        assert self.weight != other.weight
        Counted.products += 1
        return Counted(self.value * other.value, False)


@equation("eq-winograd")
@given(numbers=st.lists(st.integers(-99, 99), min_size=7, max_size=7))
def test_winograd_is_exact_with_four_products(numbers: list[int]) -> None:
    d = [Counted(Fraction(n), False) for n in numbers[:4]]
    g = [Counted(Fraction(n), True) for n in numbers[4:]]
    Counted.products = 0
    y = winograd(d, g)
    assert Counted.products == 4
    x, w = numbers[:4], numbers[4:]
    assert [v.value for v in y] == [sum(w[a] * x[i + a] for a in range(3)) for i in range(2)]
    assert [u.value for u in winograd_weights(g)] == [w[0], Fraction(sum(w), 2), Fraction(w[0] - w[1] + w[2], 2), w[2]]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: im2col(torch.ones(1, 2, 2), 3), r"^im2col: the 3×3 kernel does not fit the 2×2 input"),
        (lambda: fft_correlate(torch.ones(2, 2), torch.ones(3, 3)), r"^fft_correlate: the 3×3 kernel does not fit"),
        (lambda: winograd([1, 2, 3], [1, 2, 3]), r"^winograd: d has 3 numbers, but F\(2, 3\) reads 4"),
        (lambda: corr1d_winograd(torch.ones(5), torch.ones(3)), r"^corr1d_winograd: x has 5 samples"),
        (lambda: corr1d_winograd(torch.ones(6), torch.ones(2)), r"^corr1d_winograd: w has 2 weights"),
    ],
)
def test_what_does_not_fit_is_named(call, said) -> None:
    with pytest.raises(ValueError, match=said):
        call()
