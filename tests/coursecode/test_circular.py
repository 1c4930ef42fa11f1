"""coursecode.circular: convolution on a circle against torch's circular padding and torch.fft; the theorem itself."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from alike import close, random
from hypothesis import given
from hypothesis import strategies as st
from registry import equation
from torch import Tensor

from coursecode.circular import circulant, circular_convolve, convolve_by_fourier, fourier_modes, wrap
from coursecode.geometry import pad_sides

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3)
seeds = st.integers(0, 2**16)


def shift(n: int) -> Tensor:
    return circulant(torch.eye(n, dtype=torch.float64)[1 % n])


@equation("eq-circular-convolution")
@given(n=st.integers(1, 7), k=st.integers(1, 7), seed=seeds)
def test_one_axis_is_torchs_circular_padding_in_values_and_gradients(n: int, k: int, seed: int) -> None:
    k = min(k, n)
    x, K = random(n, seed=seed).requires_grad_(), random(k, seed=seed + 1).requires_grad_()
    ours = circular_convolve(x, wrap(K, (n,)))
    theirs = F.conv1d(F.pad(x[None, None], pad_sides(k - 1), mode="circular"), K[None, None])[0, 0]
    close(ours, theirs)
    g = random(n, seed=seed + 2)
    for mine, torchs in zip(*(torch.autograd.grad(y, (x, K), g) for y in (ours, theirs)), strict=True):
        close(mine, torchs)


@equation("eq-circular-convolution", "eq-circulant")
@given(n_h=st.integers(3, 6), n_w=st.integers(3, 6), seed=seeds)
def test_two_axes_are_a_layer_with_circular_padding(n_h: int, n_w: int, seed: int) -> None:
    X, K = random(n_h, n_w, seed=seed), random(3, 3, seed=seed + 1)
    layer = torch.nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", bias=False).double()
    layer.weight.data = K[None, None]
    expected = layer(X[None, None])[0, 0].detach()
    w = wrap(K, X.shape)
    close(circular_convolve(X, w), expected)
    close((circulant(w) @ X.flatten()).reshape(X.shape), expected)
    close(convolve_by_fourier(X, w), expected)


@equation("eq-circulant")
@given(shape=shapes, seed=seeds)
def test_the_matrix_is_the_convolution_and_its_entries_depend_on_the_difference_of_places(
    shape: list[int], seed: int
) -> None:
    x, w = random(*shape, seed=seed), random(*shape, seed=seed + 1)
    C = circulant(w)
    close(C @ x.flatten(), circular_convolve(x, w).flatten())
    close(circular_convolve(x, w), circular_convolve(w, x))
    if len(shape) == 1:
        n = shape[0]
        assert all(C[i, j] == w[(i - j) % n] for i in range(n) for j in range(n))


@equation("eq-commutes")
@given(shape=shapes, seed=seeds)
def test_a_convolution_commutes_with_every_shift(shape: list[int], seed: int) -> None:
    C = circulant(random(*shape, seed=seed))
    for axis, n in enumerate(shape):
        one = torch.zeros(shape, dtype=torch.float64)
        one[tuple(int(a == axis) % n for a, n in enumerate(shape))] = 1
        P = circulant(one)
        close(C @ P, P @ C)


@equation("eq-commutes")
@given(n=st.integers(1, 6), seed=seeds)
def test_what_commutes_with_the_shift_is_the_convolution_with_its_first_column(n: int, seed: int) -> None:
    """A matrix averaged over all shifts commutes with them; the theorem says that its first column tells it all."""
    M, P = random(n, n, seed=seed), shift(n)
    mean = sum(torch.linalg.matrix_power(P.T, s) @ M @ torch.linalg.matrix_power(P, s) for s in range(n)) / n
    close(mean @ P, P @ mean)
    close(mean, circulant(mean[:, 0].clone()))


@equation("eq-commutes")
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_the_matrices_that_commute_are_a_space_of_n_dimensions(n: int) -> None:
    P, one = shift(n), torch.eye(n, dtype=torch.float64)
    equations = torch.kron(one, P.T.contiguous()) - torch.kron(P, one)
    assert n * n - torch.linalg.matrix_rank(equations).item() == n


@equation("eq-fourier-mode", "eq-eigenvalue")
@given(n=st.integers(1, 9), seed=seeds)
def test_fourier_modes_are_the_eigenvectors_and_the_dft_has_the_eigenvalues(n: int, seed: int) -> None:
    w, f = random(n, seed=seed), fourier_modes(n)
    eigenvalues = torch.fft.fft(w)
    close(circulant(w).to(f.dtype) @ f, f * eigenvalues)
    close(f.conj().T @ f, n * torch.eye(n, dtype=f.dtype))
    close(f.conj().T @ w.to(f.dtype), eigenvalues)  # λ_k = Σ_a w_a exp(−2πi ak/n)


@equation("eq-convolution-theorem")
@given(shape=shapes, seed=seeds)
def test_the_spectrum_of_a_convolution_is_the_product_of_spectra(shape: list[int], seed: int) -> None:
    x, w = random(*shape, seed=seed).requires_grad_(), random(*shape, seed=seed + 1).requires_grad_()
    y, z = convolve_by_fourier(x, w), circular_convolve(x, w)
    close(y, z)
    close(torch.fft.fftn(z), torch.fft.fftn(w) * torch.fft.fftn(x))
    g = random(*shape, seed=seed + 2)
    for mine, loops in zip(*(torch.autograd.grad(v, (x, w), g) for v in (y, z)), strict=True):
        close(mine, loops)


def test_zeros_instead_of_the_circle_break_equivariance_in_the_border_rows_alone() -> None:
    n = 12
    i, P = torch.arange(n), shift(n)
    for reach in (1, 2, 3):
        K = random(2 * reach + 1)
        cut = circulant(wrap(K, (n,))) * ((i[:, None] - i).abs() <= reach)
        x = random(n, seed=1)
        torch.testing.assert_close(cut @ x, F.conv1d(x[None, None], K[None, None], padding=reach)[0, 0])
        rows = (cut @ P - P @ cut).abs().sum(1).nonzero().flatten().tolist()
        assert rows == [*range(reach + 1), *range(n - reach, n)]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: circular_convolve(torch.ones(4), torch.ones(3)), r"^circular_convolve: x has shape 4 and w 3"),
        (lambda: circular_convolve(torch.ones(()), torch.ones(())), r"^circular_convolve: x is a scalar"),
        (lambda: circulant(torch.ones(0)), r"^circulant: w has shape 0, but each axis"),
        (lambda: fourier_modes(0), r"^fourier_modes: n is 0, but it must be at least 1"),
        (lambda: wrap(torch.ones(5), (4,)), r"^wrap: the 5 kernel does not fit the 4 input"),
        (lambda: wrap(torch.ones(5), (4, 4)), r"^wrap: K has shape 5 \(rank 1\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(call, said) -> None:
    with pytest.raises(ValueError, match=said):
        call()
