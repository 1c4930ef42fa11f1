"""What flows back through a convolution: the chapter "backward-pass"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coursecode._arguments import checked, filled, gradient_fits, gradients_fit, kernel_fits_shape, sizes, whole
from coursecode._checks import Size
from coursecode.correlation import convolve, corr2d
from coursecode.geometry import per_axis

__all__ = [
    "conv_matrix",
    "corr1d_backward",
    "input_gradient",
    "kernel_gradient",
    "layer_gradients",
    "spread",
    "transposed_size",
]


@checked(gradient_fits, x="n", w="k", g="m")
def corr1d_backward(x: Tensor, w: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients for x and w of y_i = Σ_a w_a x_i+a, of which g_i is the gradient (``eq-corr1d-backward``).

    ``x`` (n,), ``w`` (k,), ``g`` (n − k + 1,) give (n,) and (k,). Each output hands its gradient on to the k samples
    and the k weights that it was made of. Raises ValueError or TypeError, naming the argument, if they do not fit.

    >>> corr1d_backward(torch.tensor([1, 2, 3, 4]), torch.tensor([2, 1]), torch.tensor([1, 0, 2]))
    (tensor([2, 1, 4, 2]), tensor([ 7, 10]))
    """
    grad_x, grad_w = torch.zeros_like(x), torch.zeros_like(w)
    for i in range(len(g)):
        for a in range(len(w)):
            grad_x[i + a] += w[a] * g[i]
            grad_w[a] += x[i + a] * g[i]
    return grad_x, grad_w


@checked(filled, G="m_h, m_w", stride=whole(1))
def spread(G: Tensor, stride: int) -> Tensor:
    """``G`` with s − 1 zeros between neighbours: element (i, j) moves to (s·i, s·j) (``eq-spread``).

    G (m_h, m_w) gives ((m_h − 1)·s + 1, (m_w − 1)·s + 1).

    >>> spread(torch.tensor([[1, 2]]), 3)
    tensor([[1, 0, 0, 2]])
    """
    m_h, m_w = G.shape
    Z = G.new_zeros((m_h - 1) * stride + 1, (m_w - 1) * stride + 1)
    Z[::stride, ::stride] = G
    return Z


@checked(gradient_fits, X="n_h, n_w", G="m_h, m_w", kernel=sizes(2), stride=whole(1))
def kernel_gradient(X: Tensor, G: Tensor, *, kernel: Size, stride: int = 1) -> Tensor:
    """The gradient of a kernel: X ⋆ G, with s − 1 zeros in G (``eq-kernel-gradient``).

    ``X`` (n_h, n_w) is the layer's input, ``G`` (m_h, m_w) the gradient of its output. Rows that the stride's floor
    dropped meet no weight. Returns ``kernel`` (k_h, k_w). Raises ValueError or TypeError where they do not fit.

    >>> kernel_gradient(torch.arange(9).reshape(3, 3), torch.ones(2, 2, dtype=torch.int64), kernel=2)
    tensor([[ 8, 12],
            [20, 24]])
    """
    k_h, k_w = per_axis(kernel, 2)
    return corr2d(X, spread(G, stride))[:k_h, :k_w]


@checked(gradient_fits, G="m_h, m_w", K="k_h, k_w", shape=sizes(2), stride=whole(1))
def input_gradient(G: Tensor, K: Tensor, *, shape: Sequence[int], stride: int = 1) -> Tensor:
    """The gradient of an input: the full convolution of G, with s − 1 zeros in it, with K (``eq-input-gradient``).

    ``G`` (m_h, m_w) is the gradient of the output, ``shape`` (n_h, n_w) the input's. Rows that the stride's floor
    dropped have the gradient 0. This is what a transposed convolution computes. Raises as ``kernel_gradient`` does.

    >>> input_gradient(torch.tensor([[1, 2]]), torch.tensor([[3, 1]]), shape=(1, 4), stride=2)
    tensor([[3, 1, 6, 2]])
    """
    k_h, k_w = K.shape
    reached = convolve(spread(G, stride), K, padding=(2 * (k_h - 1), 2 * (k_w - 1)))
    grad = G.new_zeros(shape)
    grad[: reached.shape[0], : reached.shape[1]] = reached
    return grad


@checked(gradients_fit, X="c_i, n_h, n_w", W="c_o, c_i, k_h, k_w", G="c_o, m_h, m_w", stride=whole(1))
def layer_gradients(X: Tensor, W: Tensor, G: Tensor, *, stride: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of a layer's input, kernels and biases (``eq-channel-gradients``, ``eq-bias-gradient``).

    ``X`` (c_i, n_h, n_w), ``W`` (c_o, c_i, k_h, k_w) and the gradient of the output ``G`` (c_o, m_h, m_w) give the
    gradients for X, W and the c_o biases. Raises ValueError or TypeError where they do not fit.

    >>> [tuple(g.shape) for g in layer_gradients(torch.ones(2, 4, 4), torch.ones(3, 2, 2, 2), torch.ones(3, 3, 3))]
    [(2, 4, 4), (3, 2, 2, 2), (3,)]
    """
    grad_X, grad_W = torch.zeros_like(X), torch.zeros_like(W)
    for o in range(len(G)):
        for c in range(len(X)):
            grad_W[o, c] = kernel_gradient(X[c], G[o], kernel=W.shape[2:], stride=stride)
            grad_X[c] += input_gradient(G[o], W[o, c], shape=X[c].shape, stride=stride)
    return grad_X, grad_W, G.sum((1, 2))


@checked(kernel_fits_shape, K="k_h, k_w", shape=sizes(2), stride=whole(1))
def conv_matrix(K: Tensor, shape: Sequence[int], *, stride: int = 1) -> Tensor:
    """The matrix M of a correlation: M X, both flattened row by row, is X ⋆ K (``eq-conv-matrix``).

    ``shape`` is (n_h, n_w). M is (m_h·m_w, n_h·n_w); each row is one window, the kernel's weights in it. Raises
    ValueError where the kernel does not fit.

    >>> conv_matrix(torch.tensor([[1, 2]]), (1, 4))
    tensor([[1, 2, 0, 0],
            [0, 1, 2, 0],
            [0, 0, 1, 2]])
    """
    (n_h, n_w), (k_h, k_w) = shape, K.shape
    rows = []
    for i in range(0, n_h - k_h + 1, stride):
        for j in range(0, n_w - k_w + 1, stride):
            window = K.new_zeros(n_h, n_w)
            window[i : i + k_h, j : j + k_w] = K
            rows.append(window.flatten())
    return torch.stack(rows)


@checked(size=whole(1), kernel=whole(1), padding=whole(0), stride=whole(1))
def transposed_size(size: int, *, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Length of a transposed convolution's output along one axis: (m − 1)·s + k − p (``eq-transposed-size``).

    ``padding`` is the total that the layer it transposes has added; here it is cut off. PyTorch's counts one side.

    >>> transposed_size(3, kernel=3, stride=2)
    7
    """
    return (size - 1) * stride + kernel - padding
