"""Maximum and average over windows: chapter *Pooling*.

Padding is the total on both sides of an axis, as everywhere in this course; PyTorch's argument counts one
side, so its ``padding=q`` is ``padding=2*q`` here. Like PyTorch, pooling refuses more padding on a side than
half the kernel (⌈p/2⌉ <= k/2, whatever the dilation): more would make windows that see little but padding.
The total p = k - 1, which keeps the size at stride 1, is always allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from coursecode._arguments import (
    ANYWHERE,
    checked,
    comparable,
    maps,
    maximum_or_average,
    planes,
    window_fits,
    windows_fit,
)
from coursecode._checks import Size
from coursecode.geometry import Windows, per_axis

__all__ = [
    "avg_pool",
    "global_avg_pool",
    "max_pool",
    "pool2d",
    "pool_loop",
    "shifted",
    "unchanged_fraction",
]

Mode = Literal["max", "avg"]


@checked(window_fits, X="n_h, n_w")
def pool2d(X: Tensor, pool_size: tuple[int, int], mode: Mode = "max") -> Tensor:
    """Pool one plane with a loop: maximum (``eq-max-pool``) or average (``eq-avg-pool``) of every window.

    X (n_h, n_w) -> (m_h, m_w) of ``output_shape``; the windows move by one row and column. One number serves
    both sides of a window. Where several elements are the maximum, they share the gradient equally. `pool_loop` has
    stride and padding.

    >>> pool2d(torch.arange(9.0).reshape(3, 3), (2, 2))
    tensor([[4., 5.],
            [7., 8.]])
    >>> pool2d(torch.arange(9.0).reshape(3, 3), (2, 2), mode="avg")
    tensor([[2., 3.],
            [5., 6.]])
    """
    p_h, p_w = pool_size
    Y = X.new_zeros(X.shape[0] - p_h + 1, X.shape[1] - p_w + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            window = X[i : i + p_h, j : j + p_w]
            Y[i, j] = window.max() if mode == "max" else mean(window)
    return Y


@checked(windows_fit, X=maps)
def max_pool(X: Tensor, kernel: Size, *, stride: Size | None = None, padding: Size = 0, dilation: Size = 1) -> Tensor:
    """The maximum of every window (``eq-max-pool``), for 1, 2 or 3 axes.

    X (batch, c, *n) -> (batch, c, *m), m of ``output_shape``; the rank of X decides the axes. ``stride=None``
    is the kernel, as in PyTorch. ``padding`` is the total on both sides and holds -∞ (for whole numbers the
    smallest of their dtype), which is the result where a dilated window misses a short input altogether. NaN
    wins, an empty batch stays empty. Where several elements are the maximum, the first in row order gets the
    gradient, as in PyTorch.

    Raises ValueError or TypeError for bad sizes, ranks and dtypes, and for padding over half the kernel.

    >>> max_pool(torch.arange(16.0).reshape(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    windows = Windows.of(per_axis(kernel, X.dim() - 2), stride, padding, dilation)
    values = windows.cut(windows.pad(X, lowest(X))).flatten(X.dim())
    return values.max(dim=-1).values


@checked(windows_fit, X=maps)
def avg_pool(
    X: Tensor, kernel: Size, *, stride: Size | None = None, padding: Size = 0, count_include_pad: bool = True
) -> Tensor:
    """The average of every window (``eq-avg-pool``), for 1, 2 or 3 axes.

    X (batch, c, *n) -> (batch, c, *m), m of ``output_shape``; the rank of X decides the axes. ``stride=None``
    is the kernel, as in PyTorch. ``padding`` is the total on both sides and holds 0: with
    ``count_include_pad`` these zeros count as elements, without it the sum is divided by the number of
    elements of X in the window. Whole numbers are averaged in their dtype, cut towards 0, as in PyTorch.

    Raises ValueError or TypeError for bad sizes, ranks and dtypes, and for padding over half the kernel.

    >>> avg_pool(torch.ones(1, 1, 2, 2), 2, padding=2)
    tensor([[[[0.2500, 0.2500],
              [0.2500, 0.2500]]]])
    >>> avg_pool(torch.ones(1, 1, 2, 2), 2, padding=2, count_include_pad=False)
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """
    windows = Windows.of(per_axis(kernel, X.dim() - 2), stride, padding)
    values = windows.cut(windows.pad(X)).flatten(X.dim())
    if count_include_pad:
        return mean(values, dim=-1)
    ones = windows.cut(windows.pad(torch.ones_like(X[:1, :1]))).flatten(X.dim())
    return divide(values, ones, dim=-1)


@checked(maximum_or_average, windows_fit, X=maps)
def pool_loop(
    X: Tensor,
    kernel: Size,
    mode: Mode,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    count_include_pad: bool = True,
) -> Tensor:
    """``max_pool`` or ``avg_pool`` as a loop over output positions: slow, and equal in values and gradients.

    ``dilation`` is for the maximum and ``count_include_pad`` for the average.

    >>> pool_loop(torch.arange(6.0).reshape(1, 1, 6), 2, "max")
    tensor([[[1., 3., 5.]]])
    """
    windows = Windows.of(per_axis(kernel, X.dim() - 2), stride, padding, dilation)
    padded = windows.pad(X, lowest(X) if mode == "max" else 0)
    ones = windows.pad(torch.ones_like(X))
    out = []
    for _, where in windows.places(X.shape[2:]):
        window = padded[..., *where].flatten(2)
        if mode == "max":
            out.append(window.max(dim=-1).values)
        elif count_include_pad:
            out.append(mean(window, dim=-1))
        else:
            out.append(divide(window, ones[..., *where].flatten(2), dim=-1))
    return torch.stack(out, dim=-1).reshape(*X.shape[:2], *windows.out(X.shape[2:]))


@checked(X=maps)
def global_avg_pool(X: Tensor) -> Tensor:
    """The average of every channel over all positions: X (batch, c, *n) -> (batch, c).

    >>> global_avg_pool(torch.arange(8.0).reshape(1, 2, 2, 2))
    tensor([[1.5000, 5.5000]])
    """
    return mean(X.flatten(2), dim=-1)


@checked(X=planes, shift=ANYWHERE)
def shifted(X: Tensor, *, shift: tuple[int, int]) -> Tensor:
    """The image moved down by dy and right by dx rows and columns; zeros come in, what leaves is lost.

    X (..., h, w) -> the same shape. Negative numbers move up and left.

    >>> shifted(torch.tensor([[1, 2, 3]]), shift=(0, 1))
    tensor([[0, 1, 2]])
    """
    h, w = X.shape[-2:]
    dy = max(-h, min(shift[0], h))
    dx = max(-w, min(shift[1], w))
    return F.pad(X, (dx, -dx, dy, -dy))  # a negative padding crops


@checked(X=planes, shift=ANYWHERE)
def unchanged_fraction(f: Callable[[Tensor], Tensor], X: Tensor, *, shift: tuple[int, int]) -> float:
    """Fraction of f's outputs that stay as they are when the image shifts by (dy, dx), from 0 to 1.

    X (..., h, w) is shifted as ``shifted`` does: zeros come in. Outputs count as equal within rounding
    (``torch.isclose``), and NaN equals NaN.

    >>> X = torch.zeros(1, 1, 4, 4)
    >>> X[..., 1, 1] = 1
    >>> unchanged_fraction(lambda x: max_pool(x, 2), X, shift=(0, -1))
    1.0
    >>> unchanged_fraction(lambda x: max_pool(x, 2), X, shift=(0, 1))
    0.5
    """
    before, after = f(X), f(shifted(X, shift=shift))
    comparable("unchanged_fraction", before, after)
    same = torch.isclose(before, after, equal_nan=True)
    return same.double().mean().item()


def lowest(X: Tensor) -> float:
    """What no element is below: -∞, of whole numbers the smallest of their dtype."""
    return -math.inf if X.is_floating_point() else torch.iinfo(X.dtype).min


def mean(X: Tensor, dim: int | None = None) -> Tensor:
    """The mean; of whole numbers in their own dtype, cut towards 0."""
    return X.mean(dim) if X.is_floating_point() else divide(X, torch.ones_like(X), dim)


def divide(values: Tensor, counted: Tensor, dim: int | None) -> Tensor:
    """Sum of the values over the sum of ``counted``; of whole numbers in their own dtype, cut towards 0."""
    total, count = values.sum(dim), counted.sum(dim)
    if values.is_floating_point():
        return total / count
    return torch.div(total, count, rounding_mode="trunc").to(values.dtype)
