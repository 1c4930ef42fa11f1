"""coursecode.backward against torch's autograd, its convolution gradients and its transposed convolution."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from alike import close, random
from hypothesis import given
from hypothesis import strategies as st
from registry import equation

from coursecode.backward import (
    conv_matrix,
    corr1d_backward,
    input_gradient,
    kernel_gradient,
    layer_gradients,
    spread,
    transposed_size,
)
from coursecode.correlation import corr1d, corr2d, correlate

small = st.integers(1, 4)
more = st.integers(0, 5)
seeds = st.integers(0, 2**16)


def test_the_four_numbers_of_the_page() -> None:
    x, w, g = torch.tensor([1, 2, 3, 4]), torch.tensor([2, 1]), torch.tensor([1, 0, 2])
    grad_x, grad_w = corr1d_backward(x, w, g)
    assert (grad_x.tolist(), grad_w.tolist()) == ([2, 1, 4, 2], [7, 10])


@equation("eq-corr1d-backward")
@given(k=small, extra=more, seed=seeds)
def test_the_gradients_of_one_axis_are_autograds(k: int, extra: int, seed: int) -> None:
    x, w = random(k + extra, seed=seed).requires_grad_(), random(k, seed=seed + 1).requires_grad_()
    g = random(extra + 1, seed=seed + 2)
    for f in (corr1d, lambda x, w: F.conv1d(x[None, None], w[None, None])[0, 0]):
        expected = torch.autograd.grad(f(x, w), (x, w), g)
        for ours, theirs in zip(corr1d_backward(x.detach(), w.detach(), g), expected, strict=True):
            close(ours, theirs)


@equation("eq-kernel-gradient", "eq-input-gradient", "eq-spread")
@given(k_h=small, k_w=small, more_h=more, more_w=more, stride=st.integers(1, 4), seed=seeds)
def test_the_gradients_of_a_strided_layer_are_torchs(
    k_h: int, k_w: int, more_h: int, more_w: int, stride: int, seed: int
) -> None:
    X, K = random(k_h + more_h, k_w + more_w, seed=seed), random(k_h, k_w, seed=seed + 1)
    G = random(more_h // stride + 1, more_w // stride + 1, seed=seed + 2)
    X4, K4, G4 = X[None, None], K[None, None], G[None, None]
    close(
        kernel_gradient(X, G, kernel=(k_h, k_w), stride=stride),
        torch.nn.grad.conv2d_weight(X4, K4.shape, G4, stride=stride)[0, 0],
    )
    close(
        input_gradient(G, K, shape=X.shape, stride=stride),
        torch.nn.grad.conv2d_input(X4.shape, K4, G4, stride=stride)[0, 0],
    )
    Z = spread(G, stride)
    assert torch.equal(Z[::stride, ::stride], G)
    assert Z.count_nonzero() == G.count_nonzero()


@equation("eq-channel-gradients", "eq-bias-gradient")
@given(
    c_i=st.integers(1, 3), c_o=st.integers(1, 3), k=st.integers(1, 3), extra=more, stride=st.integers(1, 3), seed=seeds
)
def test_the_gradients_of_a_layer_with_channels_are_autograds(
    c_i: int, c_o: int, k: int, extra: int, stride: int, seed: int
) -> None:
    X = random(c_i, k + extra, k + extra + 1, seed=seed).requires_grad_()
    W, b = random(c_o, c_i, k, k, seed=seed + 1).requires_grad_(), random(c_o, seed=seed + 2).requires_grad_()
    Y = F.conv2d(X[None], W, b, stride=stride)[0]
    G = random(*Y.shape, seed=seed + 3)
    expected = torch.autograd.grad(Y, (X, W, b), G)
    for ours, theirs in zip(layer_gradients(X.detach(), W.detach(), G, stride=stride), expected, strict=True):
        close(ours, theirs)


@equation("eq-conv-matrix")
@given(k_h=small, k_w=small, more_h=more, more_w=more, stride=st.integers(1, 3), seed=seeds)
def test_the_matrix_correlates_and_its_transpose_is_torchs_transposed_convolution(
    k_h: int, k_w: int, more_h: int, more_w: int, stride: int, seed: int
) -> None:
    X, K = random(k_h + more_h, k_w + more_w, seed=seed), random(k_h, k_w, seed=seed + 1)
    M = conv_matrix(K, X.shape, stride=stride)
    Y = correlate(X[None, None], K[None, None], stride=stride)[0, 0]
    close(M @ X.flatten(), Y.flatten())
    G = random(*Y.shape, seed=seed + 2)
    back = (M.T @ G.flatten()).reshape(X.shape)
    up = F.conv_transpose2d(G[None, None], K[None, None], stride=stride)[0, 0]
    close(back[: up.shape[0], : up.shape[1]], up)
    assert back[up.shape[0] :].count_nonzero() == back[:, up.shape[1] :].count_nonzero() == 0
    close((Y * G).sum(), (X * back).sum())  # ⟨M X, G⟩ = ⟨X, Mᵀ G⟩


@equation("eq-transposed-size")
@given(m=st.integers(1, 9), k=st.integers(1, 6), q=st.integers(0, 3), s=st.integers(1, 4))
def test_the_size_of_a_transposed_convolution_is_torchs(m: int, k: int, q: int, s: int) -> None:
    size = (m - 1) * s + k - 2 * q
    if size < 1:
        return
    Y = F.conv_transpose1d(torch.zeros(1, 1, m), torch.zeros(1, 1, k), stride=s, padding=q)
    assert transposed_size(m, kernel=k, padding=2 * q, stride=s) == Y.shape[-1] == size


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: corr1d_backward(torch.ones(4), torch.ones(2), torch.ones(4)),
            r"^corr1d_backward: g has shape 4, but a kernel of 2 with stride 1 makes 3 outputs of 4",
        ),
        (
            lambda: kernel_gradient(torch.ones(5, 5), torch.ones(3, 3), kernel=3, stride=2),
            r"^kernel_gradient: G has shape 3×3, but a kernel of 3×3 with stride 2 makes 2×2 outputs of 5×5",
        ),
        (
            lambda: input_gradient(torch.ones(2, 2), torch.ones(3, 3), shape=(3, 3)),
            r"^input_gradient: G has shape 2×2, but",
        ),
        (
            lambda: layer_gradients(torch.ones(2, 4, 4), torch.ones(3, 1, 2, 2), torch.ones(3, 3, 3)),
            r"^layer_gradients: X has 2 channels, G has 3 and W is 3×1×2×2",
        ),
        (lambda: conv_matrix(torch.ones(3, 3), (2, 2)), r"^conv_matrix: the 3×3 kernel does not fit the 2×2 input"),
        (lambda: spread(torch.ones(2, 2), 0), r"^spread: stride is 0, but it must be at least 1"),
    ],
)
def test_what_does_not_fit_is_named(call, said) -> None:
    with pytest.raises(ValueError, match=said):
        call()


def test_ones_under_a_stride_count_the_overlaps() -> None:
    """A kernel of 3 and a stride of 2 paint a checkerboard, a kernel of 4 does not."""
    for k, inside in ((3, {1.0, 2.0, 4.0}), (4, {4.0})):
        Y = F.conv_transpose2d(torch.ones(1, 1, 6, 6), torch.ones(1, 1, k, k), stride=2)[0, 0]
        assert set(Y[k:-k, k:-k].flatten().tolist()) == inside
    assert corr2d(torch.ones(2, 2), torch.ones(1, 1)).shape == (2, 2)
