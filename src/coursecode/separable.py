"""Kernels that are products of smaller ones, in space and over channels: the chapter "separable-kernels"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coursecode._arguments import checked, column_and_row, grouped, has_terms, one_kernel_each, whole
from coursecode._checks import Size
from coursecode.channels import corr2d_multi_in_out
from coursecode.correlation import corr2d
from coursecode.geometry import conv_macs

__all__ = [
    "corr2d_depthwise",
    "corr2d_grouped",
    "corr2d_separable",
    "depthwise_separable_macs",
    "factors",
]


@checked(column_and_row, X="n_h, n_w", u="k_h", v="k_w")
def corr2d_separable(X: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """X ⋆ K for the kernel K_ab = u_a v_b: first the row ``v``, then the column ``u`` (``eq-separable``).

    X (n_h, n_w), u (k_h,), v (k_w,) -> (n_h − k_h + 1, n_w − k_w + 1): k_h + k_w multiplications for each output in
    place of k_h·k_w. Raises ValueError or TypeError where they do not fit.

    >>> corr2d_separable(torch.ones(3, 3), torch.tensor([1.0, 2, 1]), torch.tensor([-1.0, 0, 1]))
    tensor([[0.]])
    """
    rows = corr2d(X, v[None, :])
    return corr2d(rows, u[:, None])


@checked(has_terms, K="k_h, k_w", terms=whole(1))
def factors(K: Tensor, *, terms: int = 1) -> list[tuple[Tensor, Tensor]]:
    """Columns and rows with K ≈ Σ_r u_r v_rᵀ, the closest sum of so many terms (``eq-low-rank``).

    ``K`` (k_h, k_w) of floats gives ``terms`` pairs (k_h,), (k_w,), from its singular value decomposition, largest
    first. With as many terms as the rank of ``K`` the sum is ``K``. Raises ValueError for more terms than rows or
    columns, TypeError for whole numbers.

    >>> (u, v), = factors(torch.tensor([[2.0, 0], [4, 0]]))
    >>> torch.outer(u, v).round()
    tensor([[2., 0.],
            [4., 0.]])
    """
    U, S, Vh = torch.linalg.svd(K, full_matrices=False)
    columns, rows = U * S.sqrt(), S.sqrt()[:, None] * Vh
    return [(columns[:, r], rows[r]) for r in range(terms)]


@checked(grouped, X="c_i, n_h, n_w", K="c_o, c_i/groups, k_h, k_w", groups=whole(1))
def corr2d_grouped(X: Tensor, K: Tensor, *, groups: int) -> Tensor:
    """A layer cut into ``groups`` layers side by side, each on its share of the channels (``eq-grouped``).

    X (c_i, n_h, n_w), K (c_o, c_i/groups, k_h, k_w) -> (c_o, n_h − k_h + 1, n_w − k_w + 1). Raises ValueError or
    TypeError where the groups do not divide the channels or the shapes do not fit.

    >>> corr2d_grouped(torch.ones(4, 3, 3), torch.ones(6, 2, 2, 2), groups=2).shape
    torch.Size([6, 2, 2])
    """
    maps = []
    for x, k in zip(X.chunk(groups), K.chunk(groups), strict=True):
        maps.append(corr2d_multi_in_out(x, k))
    return torch.cat(maps)


@checked(one_kernel_each, X="c, n_h, n_w", K="c, k_h, k_w")
def corr2d_depthwise(X: Tensor, K: Tensor) -> Tensor:
    """Each channel with its own kernel, nothing added up: Y_c = X_c ⋆ K_c (``eq-depthwise``).

    X (c, n_h, n_w), K (c, k_h, k_w) -> (c, n_h − k_h + 1, n_w − k_w + 1): the case ``groups=c``. Raises ValueError or
    TypeError where they do not fit.

    >>> corr2d_depthwise(torch.ones(2, 2, 2), torch.ones(2, 2, 2)).flatten()
    tensor([4., 4.])
    """
    maps = [corr2d(x, k) for x, k in zip(X, K, strict=True)]
    return torch.stack(maps)


def depthwise_separable_macs(c_in: int, c_out: int, kernel: Size, out_shape: Sequence[int]) -> int:
    """Multiply-accumulates of a depthwise layer and the 1×1 layer after it (``eq-depthwise-separable-macs``).

    (k_h k_w c_i + c_i c_o) m_h m_w for one image, against k_h k_w c_i c_o m_h m_w of ``conv_macs``.

    >>> depthwise_separable_macs(64, 128, 3, (14, 14))
    1718528
    """
    depthwise = conv_macs(c_in, c_in, kernel, out_shape, groups=c_in)
    pointwise = conv_macs(c_in, c_out, 1, out_shape)
    return depthwise + pointwise
