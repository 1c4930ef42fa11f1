"""Several input and output channels: chapter *Channels*."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coursecode._arguments import channels_match, checked, colours, one_by_one
from coursecode._checks import Size
from coursecode.correlation import corr2d
from coursecode.geometry import conv_macs

__all__ = [
    "bottleneck_macs",
    "corr2d_multi_in",
    "corr2d_multi_in_out",
    "corr2d_multi_in_out_1x1",
    "same_gray_pair",
    "to_gray",
]


@checked(channels_match, X="c_i, n_h, n_w", K="c_i, k_h, k_w")
def corr2d_multi_in(X: Tensor, K: Tensor) -> Tensor:
    """Correlate every channel with its own kernel and add the results (``eq-multi-in``).

    X (c_i, n_h, n_w), K (c_i, k_h, k_w) -> (n_h-k_h+1, n_w-k_w+1). Raises ValueError or TypeError where
    rank, channels, size or dtype do not match.

    >>> corr2d_multi_in(torch.ones(3, 4, 4), torch.ones(3, 2, 2))[0]
    tensor([12., 12., 12.])
    """
    return torch.stack([corr2d(x, k) for x, k in zip(X, K, strict=True)]).sum(0)


@checked(channels_match, X="c_i, n_h, n_w", K="c_o, c_i, k_h, k_w", bias="c_o")
def corr2d_multi_in_out(X: Tensor, K: Tensor, *, bias: Tensor | None = None) -> Tensor:
    """One multi-channel kernel per output channel, the results stacked (``eq-multi-out``).

    X (c_i, n_h, n_w), K (c_o, c_i, k_h, k_w), bias (c_o,) -> (c_o, n_h-k_h+1, n_w-k_w+1). Raises ValueError
    or TypeError where rank, channels, size or dtype do not match.

    >>> corr2d_multi_in_out(torch.ones(3, 4, 4), torch.ones(2, 3, 2, 2)).shape
    torch.Size([2, 3, 3])
    """
    Y = torch.stack([corr2d_multi_in(X, k) for k in K])
    return Y if bias is None else Y + bias[:, None, None]


@checked(channels_match, one_by_one, X="c_i, n_h, n_w", K="c_o, c_i, 1, 1")
def corr2d_multi_in_out_1x1(X: Tensor, K: Tensor) -> Tensor:
    """A 1×1 kernel is a dense layer over the channels of every pixel: a matrix product (``eq-one-by-one``).

    X (c_i, n_h, n_w), K (c_o, c_i, 1, 1) -> (c_o, n_h, n_w). Raises ValueError or TypeError where rank,
    channels, size or dtype do not match.

    >>> corr2d_multi_in_out_1x1(torch.ones(3, 4, 4), torch.ones(2, 3, 1, 1))[0, 0]
    tensor([3., 3., 3., 3.])
    """
    c_o, c_i = K.shape[:2]
    _, n_h, n_w = X.shape
    return (K.reshape(c_o, c_i) @ X.reshape(c_i, n_h * n_w)).reshape(c_o, n_h, n_w)


@checked(X=colours)
def to_gray(X: Tensor) -> Tensor:
    """The grey image of a colour image: 0.299 R + 0.587 G + 0.114 B, the luma of ITU-R BT.601.

    X (..., 3, h, w) -> (..., h, w). uint8 (0 to 255) is rounded to the nearest uint8; floats stay floats.

    >>> to_gray(torch.tensor([255, 255, 255], dtype=torch.uint8).reshape(3, 1, 1)).item()
    255
    """
    R, G, B = X.unbind(-3)
    if X.dtype == torch.uint8:
        return ((299 * R.int() + 587 * G.int() + 114 * B.int() + 500) // 1000).to(torch.uint8)
    return 0.299 * R + 0.587 * G + 0.114 * B


def same_gray_pair() -> tuple[Tensor, Tensor]:
    """Two colour images, uint8 (3, 12, 12), that differ in every pixel and have the same grey image.

    A red square on a green ground and a green square on a red ground. The two colours have the same luma,
    117.84, so both grey images are one flat grey: the square is lost.

    >>> first, second = same_gray_pair()
    >>> torch.equal(first, second), torch.equal(to_gray(first), to_gray(second))
    (False, True)
    """
    red = torch.tensor([230, 70, 70], dtype=torch.uint8)[:, None, None]
    green = torch.tensor([58, 158, 68], dtype=torch.uint8)[:, None, None]
    square = torch.zeros(12, 12, dtype=torch.bool)
    square[3:9, 3:9] = True
    return torch.where(square, red, green), torch.where(square, green, red)


def bottleneck_macs(channels: int, middle: int, kernel: Size, out_shape: Sequence[int]) -> int:
    """Multiply-accumulates of a bottleneck: 1×1 down to ``middle`` channels, the kernel there, 1×1 back up.

    All three keep the size ``out_shape``. Compare with ``conv_macs(channels, channels, kernel, out_shape)``.

    >>> bottleneck_macs(256, 64, 3, (14, 14))
    13647872
    """
    return (
        conv_macs(channels, middle, 1, out_shape)
        + conv_macs(middle, middle, kernel, out_shape)
        + conv_macs(middle, channels, 1, out_shape)
    )
