"""Maximum and average over windows: chapter *Pooling*.

Padding is the total on both sides of an axis, as everywhere in this course; PyTorch's argument counts one
side, so its ``padding=q`` is ``padding=2*q`` here. Like PyTorch, pooling refuses more padding on a side than
half the kernel (⌈p/2⌉ <= k/2, whatever the dilation): more would make windows that see little but padding.
The total p = k - 1, which keeps the size at stride 1, is always allowed.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from coursecode._checks import LONGEST, Size, check_fits, check_sizes, check_tensor, dtype_text, shape_text
from coursecode.geometry import output_shape, pad_sides

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


def pool2d(X: Tensor, pool_size: Size, mode: Mode = "max", *, stride: Size = 1, padding: Size = 0) -> Tensor:
    """Pool one plane with a loop: maximum (``eq-max-pool``) or average (``eq-avg-pool``) of every window.

    X (n_h, n_w) -> (m_h, m_w) of ``output_shape``. The stride is 1 unless given. ``padding`` is the total on
    both sides; it holds -∞ for the maximum and 0 for the average, which counts it. Where several elements
    are the maximum, they share the gradient equally.

    >>> pool2d(torch.arange(9.0).reshape(3, 3), (2, 2))
    tensor([[4., 5.],
            [7., 8.]])
    >>> pool2d(torch.arange(9.0).reshape(3, 3), (2, 2), mode="avg")
    tensor([[2., 3.],
            [5., 6.]])
    """
    check_tensor("pool2d", "X", X, rank=2, axes="n_h, n_w")
    if X.numel() == 0:
        raise ValueError(f"pool2d: X has shape {shape_text(X.shape)}, but no axis may be empty.")
    _check_real("pool2d", X)
    _check_mode("pool2d", mode)
    (p_h, p_w), (s_h, s_w), p, _ = _check_windows("pool2d", X, pool_size, stride, padding, 1, axes=2, name="pool_size")
    m_h, m_w = output_shape(X.shape, kernel=(p_h, p_w), stride=(s_h, s_w), padding=p)
    X = _pad(X, p, _lowest(X) if mode == "max" else 0)
    Y = X.new_zeros(m_h, m_w)
    for i in range(m_h):
        for j in range(m_w):
            window = X[i * s_h : i * s_h + p_h, j * s_w : j * s_w + p_w]
            Y[i, j] = window.max() if mode == "max" else _mean(window)
    return Y


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
    k, s, p, d = _check_batch("max_pool", X, kernel, stride, padding, dilation)
    return _windows(_pad(X, p, _lowest(X)), k, s, d).max(dim=-1).values


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
    k, s, p, d = _check_batch("avg_pool", X, kernel, stride, padding, 1)
    windows = _windows(_pad(X, p, 0), k, s, d)
    if count_include_pad:
        return _mean(windows, dim=-1)
    real = _windows(_pad(torch.ones_like(X[:1, :1]), p, 0), k, s, d)
    return _divide(windows, real, -1)


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
    _check_mode("pool_loop", mode)
    k, s, p, d = _check_batch("pool_loop", X, kernel, stride, padding, dilation)
    m = output_shape(X.shape[2:], kernel=k, stride=s, padding=p, dilation=d)
    padded = _pad(X, p, _lowest(X) if mode == "max" else 0)
    real = _pad(torch.ones_like(X), p, 0)
    out = []
    for position in itertools.product(*map(range, m)):
        window: tuple[Any, ...] = tuple(
            slice(i * s_, i * s_ + d_ * (k_ - 1) + 1, d_) for i, s_, k_, d_ in zip(position, s, k, d, strict=True)
        )
        window = (..., *window)
        values = padded[window].flatten(2)
        if mode == "max":
            out.append(values.max(dim=-1).values)
        elif count_include_pad:
            out.append(_mean(values, dim=-1))
        else:
            out.append(_divide(values, real[window].flatten(2), -1))
    return torch.stack(out, dim=-1).reshape(*X.shape[:2], *m)


def global_avg_pool(X: Tensor) -> Tensor:
    """The average of every channel over all positions: X (batch, c, *n) -> (batch, c).

    >>> global_avg_pool(torch.arange(8.0).reshape(1, 2, 2, 2))
    tensor([[1.5000, 5.5000]])
    """
    _check_rank("global_avg_pool", X)
    return _mean(X.flatten(2), dim=-1)


def shifted(X: Tensor, *, shift: tuple[int, int]) -> Tensor:
    """The image moved down by dy and right by dx rows and columns; zeros come in, what leaves is lost.

    X (..., h, w) -> the same shape. Negative numbers move up and left.

    >>> shifted(torch.tensor([[1, 2, 3]]), shift=(0, 1))
    tensor([[0, 1, 2]])
    """
    return _shifted("shifted", X, shift)


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
    before, after = f(X), f(_shifted("unchanged_fraction", X, shift))
    for answer in (before, after):
        check_tensor("unchanged_fraction", "f(X)", answer)
    if before.numel() == 0:
        raise ValueError("unchanged_fraction: f gave an empty tensor, of which there is no fraction.")
    if before.shape != after.shape:
        raise ValueError(
            f"unchanged_fraction: f gave shape {shape_text(before.shape)} before the shift and "
            f"{shape_text(after.shape)} after it, but outputs can only be compared one by one: "
            "give an f whose output has the same shape for every image."
        )
    return torch.isclose(before, after, equal_nan=True).double().mean().item()


def _shifted(who: str, X: Tensor, shift: tuple[int, int]) -> Tensor:
    check_tensor(who, "X", X)
    if X.dim() < 2:
        raise ValueError(f"{who}: X has shape {shape_text(X.shape)}, but it must be (..., h, w).")
    dy, dx = check_sizes(who, "shift", shift, axes=2, minimum=-sys.maxsize)
    h, w = X.shape[-2:]
    dy, dx = max(-h, min(dy, h)), max(-w, min(dx, w))
    return F.pad(X, (dx, -dx, dy, -dy))  # a negative padding crops


def _windows(X: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Tensor:
    """All windows of (batch, c, *n) as (batch, c, *m, elements of a window in row order)."""
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), start=2):
        X = X.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    return X.flatten(-len(kernel))


def _pad(X: Tensor, padding: tuple[int, ...], value: float) -> Tensor:
    """X with its last axes padded by these totals, ⌈p/2⌉ before and ⌊p/2⌋ after."""
    sides = [side for p in reversed(padding) for side in pad_sides(p)]
    return F.pad(X, sides, value=value) if any(sides) else X


def _lowest(X: Tensor) -> float:
    return -math.inf if X.is_floating_point() else torch.iinfo(X.dtype).min


def _mean(X: Tensor, dim: int | None = None) -> Tensor:
    """The mean; of whole numbers in their own dtype, cut towards 0."""
    return X.mean(dim) if X.is_floating_point() else _divide(X, torch.ones_like(X), dim)


def _divide(values: Tensor, counted: Tensor, dim: int | None) -> Tensor:
    """Sum of the values over the sum of ``counted``; of whole numbers in their own dtype, cut towards 0."""
    total, count = values.sum(dim), counted.sum(dim)
    if values.is_floating_point():
        return total / count
    return torch.div(total, count, rounding_mode="trunc").to(values.dtype)


def _check_mode(who: str, mode: str) -> None:
    if mode not in ("max", "avg"):
        raise ValueError(f'{who}: mode is {mode!r}, but it must be "max" or "avg".')


def _check_rank(who: str, X: Tensor) -> None:
    check_tensor(who, "X", X)
    if X.dim() not in (3, 4, 5):
        raise ValueError(
            f"{who}: X has shape {shape_text(X.shape)} (rank {X.dim()}), but it must be (batch, c, *n) with "
            "1, 2 or 3 sizes n. Add the missing axes, for example X[None, None]."
        )
    if 0 in X.shape[1:]:
        raise ValueError(f"{who}: X has shape {shape_text(X.shape)}, but only the batch may be empty.")
    _check_real(who, X)


def _check_real(who: str, X: Tensor) -> None:
    if X.dtype == torch.bool or X.is_complex():
        raise TypeError(f"{who}: X is {dtype_text(X.dtype)}, but it must hold real numbers.")
    if X.is_floating_point() and X.element_size() == 1:
        raise TypeError(f"{who}: X is {dtype_text(X.dtype)}, in which torch does not compute; give X.float().")


def _check_batch(
    who: str, X: Tensor, kernel: Size, stride: Size | None, padding: Size, dilation: Size
) -> tuple[tuple[int, ...], ...]:
    _check_rank(who, X)
    return _check_windows(who, X, kernel, kernel if stride is None else stride, padding, dilation, axes=X.dim() - 2)


def _check_windows(
    who: str,
    X: Tensor,
    kernel: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    *,
    axes: int,
    name: str = "kernel",
) -> tuple[tuple[int, ...], ...]:
    """Kernel, stride, padding and dilation with one number per axis, if the windows make sense."""
    n = X.shape[-axes:]
    k = check_sizes(who, name, kernel, axes=axes, minimum=1)
    s = check_sizes(who, "stride", stride, axes=axes, minimum=1, maximum=LONGEST)
    p = check_sizes(who, "padding", padding, axes=axes, minimum=0, maximum=LONGEST)
    d = check_sizes(who, "dilation", dilation, axes=axes, minimum=1, maximum=LONGEST)
    check_fits(who, n, k, padding=p, dilation=d, what="window")
    for k_, p_ in zip(k, p, strict=True):
        if pad_sides(p_)[0] > k_ // 2:
            raise ValueError(
                f"{who}: padding {p_} puts {pad_sides(p_)[0]} on one side, but a window of {k_} allows at most "
                f"{k_ // 2}, half of it: ⌈p/2⌉ <= k/2, so that windows see more than padding. "
                f"Use a padding of {2 * (k_ // 2)} or less."
            )
    return k, s, p, d
