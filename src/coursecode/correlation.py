"""Correlation in one, two, three and N dimensions: the chapter "convolutional-layer".

``padding`` is everywhere the total number of rows or columns added on both sides, as in the text:
⌈p/2⌉ before and ⌊p/2⌋ after. PyTorch's argument counts one side: its ``padding=q`` is ``padding=2*q`` here.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import product

import torch
from torch import Tensor, nn

from coursecode._arguments import checked, fits, layer_fits, sizes, tensor
from coursecode._checks import Size
from coursecode.geometry import Windows, per_axis

__all__ = [
    "KERNELS",
    "Conv2D",
    "convolve",
    "corr1d",
    "corr2d",
    "corr3d",
    "correlate",
    "correlate_loop",
    "corrnd",
    "flip",
]

_kernel = partial(torch.tensor, dtype=torch.float32)

KERNELS: dict[str, Tensor] = {
    "identity": _kernel([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "edge-vertical": _kernel([[1.0, -1]]),
    "edge-horizontal": _kernel([[1.0], [-1]]),
    "edge-diagonal": _kernel([[1.0, 0], [0, -1]]),
    "sobel-x": _kernel([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "sobel-y": _kernel([[-1.0, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "laplacian": _kernel([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "blur": torch.full((5, 5), 1 / 25, dtype=torch.float32),
    "sharpen": _kernel([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "emboss": _kernel([[-2.0, -1, 0], [-1, 1, 1], [0, 1, 2]]),
}
"""Well-known kernels, float32 whatever torch's default is. Each is written for correlation (no flip)."""


@checked(fits, X="n", K="k")
def corr1d(X: Tensor, K: Tensor) -> Tensor:
    """Correlation of a signal ``X`` (n,) with a kernel ``K`` (k,): Y_i = Σ_a K_a X_i+a (``eq-corr1d``).

    Indices start at 0. Returns n − k + 1 samples of the same dtype. Raises ValueError or TypeError, naming the
    argument, if the shapes or dtypes do not go together. `correlate` has stride, padding and dilation.

    >>> corr1d(torch.tensor([1, 2, 4, 8]), torch.tensor([-1, 1]))
    tensor([1, 2, 4])
    """
    k = len(K)
    Y = X.new_zeros(len(X) - k + 1)
    for i in range(len(Y)):
        Y[i] = (X[i : i + k] * K).sum()
    return Y


@checked(fits, X="n_h, n_w", K="k_h, k_w")
def corr2d(X: Tensor, K: Tensor) -> Tensor:
    """Correlation of an image ``X`` (n_h, n_w) with ``K`` (k_h, k_w): Y = X ⋆ K (``eq-corr2d``).

    Y_ij = Σ_ab K_ab X_i+a,j+b, indices from 0. Returns (n_h − k_h + 1, n_w − k_w + 1) of the same dtype. Raises
    ValueError or TypeError, naming the argument, if the shapes or dtypes do not go together. `correlate` has
    stride, padding and dilation.

    >>> corr2d(torch.arange(9).reshape(3, 3), torch.arange(4).reshape(2, 2))
    tensor([[19, 25],
            [37, 43]])
    """
    k_h, k_w = K.shape
    Y = X.new_zeros(X.shape[0] - k_h + 1, X.shape[1] - k_w + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + k_h, j : j + k_w] * K).sum()
    return Y


@checked(fits, X="n_t, n_h, n_w", K="k_t, k_h, k_w")
def corr3d(X: Tensor, K: Tensor) -> Tensor:
    """Correlation of a volume ``X`` (n_t, n_h, n_w) with ``K`` (k_t, k_h, k_w) (``eq-corr3d``).

    Y_ijl = Σ_abc K_abc X_i+a,j+b,l+c, indices from 0: the 2-D sum with a third axis, such as time.
    Shapes and errors as in `corr2d`.

    >>> corr3d(torch.ones(3, 3, 3), torch.ones(2, 2, 2)).unique()
    tensor([8.])
    """
    k_t, k_h, k_w = K.shape
    Y = X.new_zeros(X.shape[0] - k_t + 1, X.shape[1] - k_h + 1, X.shape[2] - k_w + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            for l in range(Y.shape[2]):
                Y[i, j, l] = (X[i : i + k_t, j : j + k_h, l : l + k_w] * K).sum()
    return Y


@checked(fits, X="*n", K="*k")
def corrnd(X: Tensor, K: Tensor) -> Tensor:
    """Correlation along any number of axes: Y_i = Σ_a K_a X_i+a with index vectors i, a (``eq-corrnd``).

    ``X`` and ``K`` have the same rank, 1 or more; `corr1d`, `corr2d` and `corr3d` are this function for
    one, two and three axes. Shapes and errors as in `corr2d`.

    >>> corrnd(torch.ones(2, 2, 2, 2), torch.ones(2, 2, 2, 2)).shape
    torch.Size([1, 1, 1, 1])
    """
    Y = X.new_zeros([n_d - k_d + 1 for n_d, k_d in zip(X.shape, K.shape, strict=True)])
    for i in product(*map(range, Y.shape)):
        window = [slice(i_d, i_d + k_d) for i_d, k_d in zip(i, K.shape, strict=True)]
        Y[i] = (X[*window] * K).sum()
    return Y


@checked(layer_fits, X="*n", W="*k", bias="c_o")
def correlate(
    X: Tensor,
    W: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """A convolutional layer without loops, for 1, 2 or 3 spatial axes.

    ``X`` (batch, c_i, *n), ``W`` (c_o, c_i/groups, *k), ``bias`` (c_o,) give (batch, c_o, *m) with
    m = ⌊(n − k + p + s) / s⌋ along each axis. ``padding`` is the total of both sides; PyTorch's counts one.
    The windows are views of ``X``; one copy lays them out as the columns of a matrix that ``W`` multiplies:
    c_i·∏k·∏m numbers per sample. Raises ValueError or TypeError, naming the argument and the rule.

    >>> correlate(torch.zeros(2, 3, 8, 8), torch.zeros(4, 3, 5, 5), padding=4).shape
    torch.Size([2, 4, 8, 8])
    """
    windows = Windows.of(W.shape[2:], stride, padding, dilation)
    m, axes = windows.out(X.shape[2:]), W.dim() - 2
    kernel_first = [0, 1, *range(axes + 2, 2 * axes + 2), *range(2, axes + 2)]
    columns = windows.cut(windows.pad(X)).permute(kernel_first)  # (batch, c_i, *k, *m), nothing copied yet
    columns = columns.reshape(len(X), groups, W[0].numel(), math.prod(m))
    Y = W.reshape(groups, -1, W[0].numel()) @ columns
    Y = Y.reshape(len(X), len(W), *m)
    return Y if bias is None else Y + bias.reshape(-1, *(1,) * axes)


@checked(layer_fits, X="*n", W="*k", bias="c_o")
def correlate_loop(
    X: Tensor,
    W: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """The loop twin of `correlate`: at each position the window times the kernel, summed, plus the bias.

    Shapes, options and errors as in `correlate`.

    >>> correlate_loop(torch.ones(1, 2, 3), torch.ones(1, 2, 2), torch.ones(1))
    tensor([[[5., 5.]]])
    """
    windows = Windows.of(W.shape[2:], stride, padding, dilation)
    c_o, c_i = W.shape[:2]
    Y = X.new_zeros(len(X), c_o, *windows.out(X.shape[2:]))
    padded = windows.pad(X)
    for o in range(c_o):
        first = o // (c_o // groups) * c_i  # the first input channel of this output's group
        for position, where in windows.places(X.shape[2:]):
            window = padded[:, first : first + c_i][..., *where]  # (batch, c_i, *k)
            Y[:, o, *position] = (window * W[o]).flatten(1).sum(1)
        if bias is not None:
            Y[:, o] += bias[o]
    return Y


@checked(K=tensor("*"))
def flip(K: Tensor) -> Tensor:
    """``K`` turned around along every axis: the difference between correlation and convolution.

    >>> flip(torch.tensor([[1, 2], [3, 4]]))
    tensor([[4, 3],
            [2, 1]])
    """
    return K.flip(tuple(range(K.dim())))


@checked(fits, X="*n", K="*k")
def convolve(X: Tensor, K: Tensor, *, padding: Size = 0) -> Tensor:
    """The convolution of mathematics, (X ∗ K)_i = Σ_a K_a X_i−a: ``K`` is flipped first (``eq-convolution``).

    ``X`` and ``K`` have the same rank. ``padding`` is the total of both sides; 0 keeps the windows that lie
    inside ``X``, 2(k − 1) gives every sum that is not empty. Errors as in `corrnd`.

    >>> convolve(torch.tensor([1, 1]), torch.tensor([1, 2]), padding=2)  # (1 + x)(1 + 2x)
    tensor([1, 3, 2])
    """
    return corrnd(Windows.of(K.shape, padding=padding).pad(X), flip(K))


class Conv2D(nn.Module):
    """A layer of one kernel with one bias; ``forward`` is `corr2d` of an image (n_h, n_w), plus the bias.

    ``weight`` starts uniform in [0, 1), ``bias`` at zero.

    >>> Conv2D((1, 2))(torch.zeros(6, 8)).shape
    torch.Size([6, 7])
    """

    @checked(kernel_size=sizes(2))
    def __init__(self, kernel_size: Size) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(per_axis(kernel_size, 2)))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X: Tensor) -> Tensor:
        return corr2d(X, self.weight) + self.bias
