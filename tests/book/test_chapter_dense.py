"""The chapter "from-dense-to-convolution": formulas and sentences that belong to no single helper."""

import math

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from registry import claim, equation
from torch import Tensor

from coursecode.correlation import corr2d
from coursecode.dense import dense_parameters, parameter_ladder

SEEDS = st.integers(0, 2**16)


def framed(seed: int, margin: int = 4) -> Tensor:
    """Random whole numbers with a frame of zeros, so that a shift up to ``margin`` loses nothing."""
    inside = torch.randint(-9, 10, (5, 6), generator=torch.Generator().manual_seed(seed))
    return F.pad(inside, (margin,) * 4)


@equation("eq-equivariance")
@claim("S2")
@given(seed=SEEDS, dy=st.integers(-3, 3), dx=st.integers(-3, 3), k_h=st.integers(1, 2), k_w=st.integers(1, 2))
def test_a_correlation_moves_with_its_input(seed: int, dy: int, dx: int, k_h: int, k_w: int) -> None:
    X = framed(seed)
    K = torch.randint(-9, 10, (k_h, k_w), generator=torch.Generator().manual_seed(seed + 1))
    moved = corr2d(X.roll((dy, dx), (0, 1)), K)
    assert torch.equal(moved, corr2d(X, K).roll((dy, dx), (0, 1)))


@equation("eq-invariance")
@claim("S2")
@given(seed=SEEDS, dy=st.integers(-3, 3), dx=st.integers(-3, 3))
def test_the_sum_over_a_correlation_stays(seed: int, dy: int, dx: int) -> None:
    X, K = framed(seed), torch.tensor([[-1, 1]])
    moved = X.roll((dy, dx), (0, 1))
    assert corr2d(moved, K).abs().sum() == corr2d(X, K).abs().sum()


@claim("S2")
def test_a_correlation_is_not_invariant() -> None:
    X, K = framed(0), torch.tensor([[-1, 1]])
    assert not torch.equal(corr2d(X.roll(1, 1), K), corr2d(X, K))


@claim("S1")
def test_45_hidden_units_are_the_first_with_more_weights_than_animals() -> None:
    animals, inputs = 600_000_000 + 1_000_000_000, 3 * 12_000_000
    first = math.ceil(animals / inputs)
    assert first == 45
    assert dense_parameters(inputs, first - 1) < animals < dense_parameters(inputs, first)


@claim("S6")
@given(n_h=st.integers(1, 5), n_w=st.integers(1, 5), delta=st.integers(0, 4))
def test_the_ladder_is_the_formulas_of_the_text(n_h: int, n_w: int, delta: int) -> None:
    expected = [(n_h * n_w) ** 2, (2 * n_h - 1) * (2 * n_w - 1), (2 * delta + 1) ** 2]
    assert list(parameter_ladder(n_h, n_w, delta=delta).values()) == expected
