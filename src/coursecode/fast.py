"""How a library computes a correlation: the chapter "how-it-is-computed"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from coursecode._arguments import checked, fits, kernel_into_planes, pairs_of_outputs, tile_of_four
from coursecode._checks import Size
from coursecode.geometry import per_axis

__all__ = ["corr1d_winograd", "fft_correlate", "im2col", "winograd", "winograd_weights"]


@checked(kernel_into_planes, X="c_i, n_h, n_w")
def im2col(X: Tensor, kernel: Size) -> Tensor:
    """All windows of ``X`` as the columns of a matrix (``eq-im2col``).

    X (c_i, n_h, n_w), ``kernel`` (k_h, k_w) or one number for both -> (c_i·k_h·k_w, m_h·m_w), as ``F.unfold``. Every
    pixel is copied into each window it stands in. Raises ValueError where the kernel does not fit.

    >>> im2col(torch.arange(6).reshape(1, 2, 3), (1, 2))
    tensor([[0, 1, 3, 4],
            [1, 2, 4, 5]])
    """
    k_h, k_w = per_axis(kernel, 2)
    windows = X.unfold(1, k_h, 1).unfold(2, k_w, 1)  # (c_i, m_h, m_w, k_h, k_w), a view
    return windows.permute(0, 3, 4, 1, 2).flatten(3).flatten(0, 2)


@checked(fits, X="n_h, n_w", K="k_h, k_w")
def fft_correlate(X: Tensor, K: Tensor) -> Tensor:
    """X ⋆ K by way of the Fourier transform (``eq-fft-correlation``).

    The circular correlation of the image has the spectrum DFT(X) times the conjugate of DFT(K); its first
    n − k + 1 rows and columns never reach round the circle. Real ``X`` (n_h, n_w) and ``K`` (k_h, k_w) give
    (n_h − k_h + 1, n_w − k_w + 1), equal to ``corr2d`` up to rounding. Raises as ``corr2d`` does.

    >>> fft_correlate(torch.arange(9.0).reshape(3, 3), torch.ones(2, 2)).round()
    tensor([[ 8., 12.],
            [20., 24.]])
    """
    n, (k_h, k_w) = X.shape, K.shape
    spectrum = torch.fft.rfft2(X) * torch.fft.rfft2(K, s=n).conj()
    Y: Tensor = torch.fft.irfft2(spectrum, s=n)
    return Y[: n[0] - k_h + 1, : n[1] - k_w + 1]


def winograd_weights(g: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """The four numbers that F(2, 3) keeps of the weights g_0, g_1, g_2, once for a whole image (``eq-winograd``).

    >>> winograd_weights([2, 4, 6])
    (2, 6.0, 2.0, 6)
    """
    g_0, g_1, g_2 = g
    return g_0, (g_0 + g_1 + g_2) / 2, (g_0 - g_1 + g_2) / 2, g_2


@checked(tile_of_four)
def winograd(d: Sequence[Any], g: Sequence[Any]) -> tuple[Any, Any]:
    """Two outputs of a kernel of three, with four multiplications: Winograd's F(2, 3) (``eq-winograd``).

    ``d`` are four samples, ``g`` three weights, numbers or tensors of any kind; the result is
    (d_0 g_0 + d_1 g_1 + d_2 g_2, d_1 g_0 + d_2 g_1 + d_3 g_2). Raises ValueError for other lengths.

    >>> winograd([1, 2, 3, 4], [2, 4, 6])
    (28.0, 40.0)
    """
    d_0, d_1, d_2, d_3 = d
    u_0, u_1, u_2, u_3 = winograd_weights(g)
    m_0, m_1 = (d_0 - d_2) * u_0, (d_1 + d_2) * u_1
    m_2, m_3 = (d_2 - d_1) * u_2, (d_1 - d_3) * u_3
    return m_0 + m_1 + m_2, m_1 - m_2 - m_3


@checked(pairs_of_outputs, x="n", w="k")
def corr1d_winograd(x: Tensor, w: Tensor) -> Tensor:
    """``corr1d`` of a signal (n,) with three weights, pair by pair (``eq-winograd``).

    n is even, so that the n − 2 outputs are pairs. Equal to ``corr1d`` up to rounding. Raises ValueError or
    TypeError for other lengths.

    >>> corr1d_winograd(torch.tensor([1.0, 2, 3, 4]), torch.tensor([2.0, 4, 6]))
    tensor([28., 40.])
    """
    tiles = x.unfold(0, 4, 2)  # each tile begins two samples after the one before
    pairs = winograd(tiles.unbind(1), w.unbind())
    return torch.stack(pairs, dim=1).flatten()
