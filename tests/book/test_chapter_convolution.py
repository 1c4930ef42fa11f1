"""The chapter "convolutional-layer": formulas and sentences that belong to no single helper."""

import torch
from alike import random
from hypothesis import given
from hypothesis import strategies as st
from registry import claim, equation

from coursecode.correlation import Conv2D, convolve, corr2d, corr3d
from coursecode.data import moving_square

SIZES = st.tuples(st.integers(1, 6), st.integers(1, 6))
MORE = st.tuples(st.integers(0, 5), st.integers(0, 5))


@equation("eq-corr2d-shape")
@given(kernel=SIZES, more=MORE)
def test_the_output_has_a_place_for_each_kernel_position(kernel: tuple[int, int], more: tuple[int, int]) -> None:
    (k_h, k_w), (n_h, n_w) = kernel, (kernel[0] + more[0], kernel[1] + more[1])
    Y = corr2d(torch.zeros(n_h, n_w), torch.zeros(k_h, k_w))
    assert Y.shape == (n_h - k_h + 1, n_w - k_w + 1)
    positions = [(i, j) for i in range(n_h) for j in range(n_w) if i + k_h <= n_h and j + k_w <= n_w]
    assert Y.numel() == len(positions)


@equation("eq-conv-layer")
@given(kernel=SIZES, more=MORE, bias=st.integers(-9, 9))
def test_the_layer_adds_one_number_everywhere(kernel: tuple[int, int], more: tuple[int, int], bias: int) -> None:
    X, K = random(kernel[0] + more[0], kernel[1] + more[1]), random(*kernel, seed=1)
    layer = Conv2D(kernel).double()
    with torch.no_grad():
        layer.weight.copy_(K)
        layer.bias.fill_(bias)
    expected = torch.nn.functional.conv2d(X[None, None], K[None, None], torch.tensor([float(bias)]).double())[0, 0]
    torch.testing.assert_close(layer(X).detach(), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(corr2d(X, K) + float(bias), expected, rtol=1e-12, atol=1e-12)


@equation("eq-corr2d-gradients")
@claim("S7")
@given(kernel=SIZES, more=MORE, seed=st.integers(0, 2**16))
def test_the_gradients_are_a_correlation_and_a_convolution(
    kernel: tuple[int, int], more: tuple[int, int], seed: int
) -> None:
    (k_h, k_w), n = kernel, (kernel[0] + more[0], kernel[1] + more[1])
    X, K = random(*n, seed=seed).requires_grad_(), random(k_h, k_w, seed=seed + 1).requires_grad_()
    Y = torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0]
    G = random(*Y.shape, seed=seed + 2)
    grad_X, grad_K = torch.autograd.grad(Y, (X, K), G)
    torch.testing.assert_close(corr2d(X.detach(), G), grad_K)
    torch.testing.assert_close(convolve(G, K.detach(), padding=(2 * (k_h - 1), 2 * (k_w - 1))), grad_X)


@equation("eq-flip")
@claim("S5")
@given(kernel=SIZES, more=MORE, seed=st.integers(0, 2**16))
def test_the_sum_with_minus_signs_is_the_correlation_with_the_turned_kernel(
    kernel: tuple[int, int], more: tuple[int, int], seed: int
) -> None:
    (k_h, k_w), (n_h, n_w) = kernel, (kernel[0] + more[0], kernel[1] + more[1])
    X, K = random(n_h, n_w, seed=seed), random(k_h, k_w, seed=seed + 1)
    turned = torch.rot90(K, 2)
    for i in range(k_h - 1, n_h):
        for j in range(k_w - 1, n_w):
            minus = sum(K[a, b] * X[i - a, j - b] for a in range(k_h) for b in range(k_w))
            torch.testing.assert_close(minus, corr2d(X, turned)[i - k_h + 1, j - k_w + 1])
            torch.testing.assert_close(minus, convolve(X, K)[i - k_h + 1, j - k_w + 1])


@claim("S9")
@given(first=SIZES, second=SIZES)
def test_two_kernels_in_a_row_are_one_larger_kernel(first: tuple[int, int], second: tuple[int, int]) -> None:
    X, A, B = random(12, 12), random(*first, seed=1), random(*second, seed=2)
    one = convolve(A, B, padding=(2 * (second[0] - 1), 2 * (second[1] - 1)))
    assert one.shape == (first[0] + second[0] - 1, first[1] + second[1] - 1)
    torch.testing.assert_close(corr2d(corr2d(X, A), B), corr2d(X, one))


@claim("S8")
def test_a_slanted_kernel_in_space_and_time_finds_a_direction() -> None:
    film = moving_square(frames=4, size=7, side=1)
    to_right = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    best = [[corr3d(f, k).max().item() for k in (to_right, to_right.flip(2))] for f in (film, film.flip(0))]
    assert best == [[2, 1], [1, 2]]
