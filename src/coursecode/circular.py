"""Convolution on a circle, where no pixel is at the border: the chapter "circular-convolution"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from coursecode._arguments import checked, filled, same_circle, shape, tensor, whole, wraps
from coursecode.correlation import flip

__all__ = ["circulant", "circular_convolve", "convolve_by_fourier", "fourier_modes", "wrap"]


@checked(same_circle, x="*n", w="*n")
def circular_convolve(x: Tensor, w: Tensor) -> Tensor:
    """Convolution on a circle: (w ⊛ x)_i = Σ_a w_a x_(i−a) mod n (``eq-circular-convolution``).

    ``x`` and ``w`` have one shape *n, with one or more axes, all of which are closed to circles; the result has it too.
    Raises ValueError or TypeError, naming the argument, if shapes or dtypes differ.

    >>> circular_convolve(torch.tensor([1, 2, 3, 4]), torch.tensor([0, 1, 0, 0]))
    tensor([4, 1, 2, 3])
    """
    axes = tuple(range(x.dim()))
    y = torch.zeros_like(x)
    for a in product(*map(range, w.shape)):
        y += w[a] * torch.roll(x, a, axes)
    return y


@checked(filled, w=tensor("*n"))
def circulant(w: Tensor) -> Tensor:
    """The matrix of ``circular_convolve``: C_ij = w_(i−j) mod n (``eq-circulant``), so C x = w ⊛ x.

    ``w`` (*n) gives a square matrix for images flattened row by row: column j is ``w`` shifted by j. With one axis it
    is circulant, with two doubly block circulant. Raises ValueError for an empty ``w``.

    >>> circulant(torch.tensor([1, 2, 3]))
    tensor([[1, 3, 2],
            [2, 1, 3],
            [3, 2, 1]])
    """
    axes = tuple(range(w.dim()))
    columns = [torch.roll(w, j, axes).flatten() for j in product(*map(range, w.shape))]
    return torch.stack(columns, dim=1)


@checked(n=whole(1))
def fourier_modes(n: int) -> Tensor:
    """The n Fourier modes as columns: f_k has the entries exp(2πi·jk/n), j = 0 … n−1 (``eq-fourier-mode``).

    Returns (n, n), complex128. They are eigenvectors of every circulant matrix of n rows.

    >>> fourier_modes(2).real.int()
    tensor([[ 1,  1],
            [ 1, -1]], dtype=torch.int32)
    """
    j = torch.arange(n, dtype=torch.float64)
    return torch.exp(2j * math.pi * torch.outer(j, j) / n)


@checked(same_circle, x="*n", w="*n")
def convolve_by_fourier(x: Tensor, w: Tensor) -> Tensor:
    """w ⊛ x as a product of spectra: the DFT of w ⊛ x is DFT(w) · DFT(x) (``eq-convolution-theorem``).

    ``x`` and ``w`` are real and have one shape *n; the result has it too, equal to ``circular_convolve`` up to
    rounding. Raises as ``circular_convolve`` does.

    >>> convolve_by_fourier(torch.tensor([1.0, 2, 3, 4]), torch.tensor([0.0, 1, 0, 0])).round()
    tensor([4., 1., 2., 3.])
    """
    y: Tensor = torch.fft.ifftn(torch.fft.fftn(w) * torch.fft.fftn(x)).real
    return y


@checked(wraps, K=tensor("*k"), shape=shape)
def wrap(K: Tensor, shape: Sequence[int]) -> Tensor:
    """A layer's kernel ``K`` as the ``w`` of a circle of ``shape``: ``circular_convolve(X, wrap(K, X.shape))``.

    A layer correlates, so ``K`` is flipped. Its middle, element k // 2 of each axis, stands at place 0, and what comes
    before it at the end. That is a layer with circular padding, ⌈(k − 1)/2⌉ before and ⌊(k − 1)/2⌋ after. Raises
    ValueError where ``K`` has other axes than ``shape`` or is larger.

    >>> wrap(torch.tensor([1, 2, 3]), (5,))
    tensor([2, 1, 0, 0, 3])
    """
    w = K.new_zeros(shape)
    w[*map(slice, K.shape)] = flip(K)
    return torch.roll(w, [-((k - 1) // 2) for k in K.shape], tuple(range(K.dim())))
