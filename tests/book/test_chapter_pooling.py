"""Formulas and sentences of the chapter *Pooling* that no test of a module covers."""

import torch
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim, equation

from coursecode.correlation import correlate
from coursecode.pooling import avg_pool, global_avg_pool, max_pool, shifted

sizes, small = integers(1, 6), integers(1, 3)


@equation("eq-global-average")
@given(batch=small, c=small, n_h=sizes, n_w=sizes)
def test_the_global_average_is_the_sum_over_all_places_divided_by_their_number(
    batch: int, c: int, n_h: int, n_w: int
) -> None:
    X = torch.randint(-9, 10, (batch, c, n_h, n_w)).double()
    y = sum(X[:, :, i, j] for i in range(n_h) for j in range(n_w)) / (n_h * n_w)
    torch.testing.assert_close(global_avg_pool(X), y)


@claim("S25")
@given(s=integers(1, 4), steps=integers(-2, 2))
def test_pooling_follows_a_shift_by_a_multiple_of_its_stride(s: int, steps: int) -> None:
    X = torch.zeros(1, 1, 6 * s, 6 * s)
    X[..., 2 * s : 4 * s, 2 * s : 4 * s] = torch.rand(2 * s, 2 * s)  # nothing leaves the picture
    moved = shifted(X, shift=(steps * s, steps * s))
    for pool in (max_pool, avg_pool):
        torch.testing.assert_close(pool(moved, s), shifted(pool(X, s), shift=(steps, steps)))


@given(k=integers(1, 4), s=small, c=small)
def test_average_pooling_is_a_correlation_with_a_constant_kernel(k: int, s: int, c: int) -> None:
    X = torch.rand(2, c, 7, 6, dtype=torch.float64)
    box = torch.full((c, 1, k, k), 1 / k**2, dtype=torch.float64)
    torch.testing.assert_close(avg_pool(X, k, stride=s), correlate(X, box, stride=s, groups=c))


@given(n=integers(2, 9))
def test_the_larger_of_two_neighbours_is_a_difference_and_a_relu(n: int) -> None:
    X = torch.randint(-9, 10, (2, 3, n))
    left, right = X[..., :-1], X[..., 1:]
    assert torch.equal(right + (left - right).relu(), max_pool(X, 2, stride=1))


@given(dx=integers(-3, 3))
def test_the_global_average_does_not_see_where_a_pattern_stands(dx: int) -> None:
    X = torch.zeros(1, 2, 9, 9)
    X[..., 3:6, 3:6] = torch.randint(-9, 10, (1, 2, 3, 3)).float()
    torch.testing.assert_close(global_avg_pool(shifted(X, shift=(dx, dx))), global_avg_pool(X))
