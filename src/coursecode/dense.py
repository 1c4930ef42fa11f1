"""From a dense layer to a convolution, step by step: the chapter "from-dense-to-convolution"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from coursecode._arguments import (
    checked,
    enough_offsets,
    filled,
    flattened,
    has_centre,
    number_type,
    reads_image,
    reads_offsets,
    sizes,
    tensor,
    whole,
)

__all__ = [
    "dense_4d",
    "dense_4d_loop",
    "dense_by_offset",
    "dense_parameters",
    "linear_to_4d",
    "local",
    "local_parameters",
    "memory_bytes",
    "parameter_ladder",
    "reindex",
    "reindex_back",
    "share",
    "shared_parameters",
    "to_linear",
]


@checked(reads_image, X="n_h, n_w", W="m_h, m_w, n_h, n_w", U="m_h, m_w")
def dense_4d(X: Tensor, W: Tensor, U: Tensor | None = None) -> Tensor:
    """A dense layer that keeps images as images: H_ij = U_ij + Σ_kl W_ijkl X_kl (``eq-dense-4d``).

    ``X`` (n_h, n_w), ``W`` (m_h, m_w, n_h, n_w), bias ``U`` (m_h, m_w) give H (m_h, m_w): every output
    reads every input. Raises ValueError or TypeError if ranks, shapes, dtypes or devices differ.

    >>> dense_4d(torch.ones(2, 3), torch.ones(4, 5, 2, 3)).unique()
    tensor([6.])
    """
    H = torch.einsum("ijkl,kl->ij", W, X)
    return H if U is None else U + H


@checked(reads_image, X="n_h, n_w", W="m_h, m_w, n_h, n_w", U="m_h, m_w")
def dense_4d_loop(X: Tensor, W: Tensor, U: Tensor | None = None) -> Tensor:
    """The loop twin of `dense_4d` (``eq-dense-4d``), same arguments and errors.

    >>> dense_4d_loop(torch.ones(2, 3), torch.ones(4, 5, 2, 3)).unique()
    tensor([6.])
    """
    m_h, m_w = W.shape[:2]
    H = X.new_zeros(m_h, m_w)
    for i in range(m_h):
        for j in range(m_w):
            H[i, j] = (W[i, j] * X).sum()
    return H if U is None else U + H


@checked(flattened, weight="m_h·m_w, n_h·n_w", in_shape=sizes(2), out_shape=sizes(2))
def linear_to_4d(weight: Tensor, *, in_shape: Sequence[int], out_shape: Sequence[int]) -> Tensor:
    """The weight of an ``nn.Linear`` between images flattened row by row, as W (m_h, m_w, n_h, n_w).

    ``weight`` (m_h·m_w, n_h·n_w), ``in_shape`` (n_h, n_w), ``out_shape`` (m_h, m_w). Raises ValueError
    if they do not belong together.

    >>> linear_to_4d(torch.nn.Linear(6, 20).weight, in_shape=(2, 3), out_shape=(4, 5)).shape
    torch.Size([4, 5, 2, 3])
    """
    (m_h, m_w), (n_h, n_w) = out_shape, in_shape
    return weight.reshape(m_h, m_w, n_h, n_w)


@checked(filled, W="m_h, m_w, n_h, n_w")
def to_linear(W: Tensor) -> Tensor:
    """W (m_h, m_w, n_h, n_w) as the matrix (m_h·m_w, n_h·n_w) of ``nn.Linear``: undoes `linear_to_4d`.

    >>> to_linear(torch.zeros(4, 5, 2, 3)).shape
    torch.Size([20, 6])
    """
    m_h, m_w, n_h, n_w = W.shape
    return W.reshape(m_h * m_w, n_h * n_w)


@checked(filled, W="m_h, m_w, n_h, n_w")
def reindex(W: Tensor) -> Tensor:
    """The same weights, named by the offset from the output: V_ijab = W_i,j,i+a,j+b (``eq-reindex``).

    ``W`` (m_h, m_w, n_h, n_w) gives V (m_h, m_w, m_h+n_h−1, m_w+n_w−1). The offset a runs from −(m_h−1) to
    n_h−1 and stands at index a + m_h − 1, b likewise. V is 0 where (i+a, j+b) lies outside the image.

    >>> reindex(torch.tensor([[[[1, 2, 3]], [[4, 5, 6]]]]))  # one row: j = 0, 1 and b = -1 … 2
    tensor([[[[0, 1, 2, 3]],
    <BLANKLINE>
             [[4, 5, 6, 0]]]])
    """
    m_h, m_w, n_h, n_w = W.shape
    V = W.new_zeros(m_h, m_w, m_h + n_h - 1, m_w + n_w - 1)
    for i in range(m_h):
        for j in range(m_w):
            a, b = m_h - 1 - i, m_w - 1 - j  # where V keeps the offsets -i and -j, which read X_0,0
            V[i, j, a : a + n_h, b : b + n_w] = W[i, j]
    return V


@checked(reads_offsets, in_shape=sizes(2), V="m_h, m_w, m_h+n_h-1, m_w+n_w-1")
def reindex_back(V: Tensor, *, in_shape: Sequence[int]) -> Tensor:
    """W_ijkl = V_i,j,k−i,l−j: undoes `reindex` (``eq-reindex``) for images of ``in_shape`` (n_h, n_w).

    >>> W = torch.arange(24).reshape(2, 2, 2, 3)
    >>> torch.equal(reindex_back(reindex(W), in_shape=(2, 3)), W)
    True
    """
    (m_h, m_w), (n_h, n_w) = V.shape[:2], in_shape
    W = V.new_zeros(m_h, m_w, n_h, n_w)
    for i in range(m_h):
        for j in range(m_w):
            a, b = m_h - 1 - i, m_w - 1 - j
            W[i, j] = V[i, j, a : a + n_h, b : b + n_w]
    return W


@checked(reads_offsets, X="n_h, n_w", V="m_h, m_w, m_h+n_h-1, m_w+n_w-1", U="m_h, m_w")
def dense_by_offset(X: Tensor, V: Tensor, U: Tensor | None = None) -> Tensor:
    """The dense layer, weights named by offset: H_ij = U_ij + Σ_ab V_ijab X_i+a,j+b (``eq-dense-offset``).

    ``X`` (n_h, n_w) counts 0 outside the image, ``V`` (m_h, m_w, m_h+n_h−1, m_w+n_w−1) is as from `reindex`
    or `share`, bias ``U`` (m_h, m_w). Returns H (m_h, m_w). Errors as in `dense_4d`.

    >>> X, W = torch.arange(6).reshape(2, 3), torch.arange(24).reshape(2, 2, 2, 3)
    >>> torch.equal(dense_by_offset(X, reindex(W)), dense_4d(X, W))
    True
    """
    m_h, m_w, offsets_h, offsets_w = V.shape
    X = F.pad(X, (m_w - 1, m_w - 1, m_h - 1, m_h - 1))  # zeros wherever an offset leaves the image
    windows = X.unfold(0, offsets_h, 1).unfold(1, offsets_w, 1)  # windows_ijab = X_i+a,j+b
    H = torch.einsum("ijab,ijab->ij", V, windows)
    return H if U is None else U + H


@checked(enough_offsets, v="m_h+n_h-1, m_w+n_w-1", out_shape=sizes(2))
def share(v: Tensor, *, out_shape: Sequence[int]) -> Tensor:
    """One set of weights for every output: V_ijab = v_ab (``eq-shared``).

    ``v`` (m_h+n_h−1, m_w+n_w−1) gives V (m_h, m_w, m_h+n_h−1, m_w+n_w−1) for ``out_shape`` (m_h, m_w). V is a
    view: every (i, j) reads the same memory. Raises ValueError if ``v`` has too few offsets.

    >>> share(torch.zeros(5, 6), out_shape=(3, 4)).shape
    torch.Size([3, 4, 5, 6])
    """
    return v.expand(*out_shape, *v.shape)


@checked(has_centre, v=tensor("*"))
def local(v: Tensor, *, delta: int, centre: Sequence[int]) -> Tensor:
    """``v`` with v_ab = 0 for abs(a) > Δ or abs(b) > Δ, the rest kept (``eq-local``).

    ``v`` (offsets_h, offsets_w), or V with two more axes in front. ``centre`` is the index of offset (0, 0),
    which `reindex` puts at (m_h − 1, m_w − 1). What is left is a kernel of (2Δ+1)×(2Δ+1). Raises ValueError
    if ``centre`` is no index of ``v``.

    >>> local(torch.ones(3, 5, dtype=torch.int64), delta=1, centre=(1, 2))
    tensor([[0, 1, 1, 1, 0],
            [0, 1, 1, 1, 0],
            [0, 1, 1, 1, 0]])
    """
    (offsets_h, offsets_w), (c_h, c_w) = v.shape[-2:], centre
    a = torch.arange(offsets_h, device=v.device) - c_h
    b = torch.arange(offsets_w, device=v.device) - c_w
    near = (a.abs() <= delta)[:, None] & (b.abs() <= delta)
    return v.masked_fill(~near, 0)


@checked(inputs=whole(1), hidden=whole(1))
def dense_parameters(inputs: int, hidden: int, *, bias: bool = False) -> int:
    """Weights of a dense layer from ``inputs`` to ``hidden`` numbers, with ``bias`` one more per output.

    >>> dense_parameters(36_000_000, 100)
    3600000000
    """
    return (inputs + bool(bias)) * hidden


@checked(in_shape=sizes(2), out_shape=sizes(2))
def shared_parameters(*, in_shape: Sequence[int], out_shape: Sequence[int]) -> int:
    """Weights left when V_ijab = v_ab: one per offset, (m_h+n_h−1)(m_w+n_w−1) (``eq-shared``).

    >>> shared_parameters(in_shape=(1000, 1000), out_shape=(1000, 1000))
    3996001
    """
    (m_h, m_w), (n_h, n_w) = out_shape, in_shape
    return (m_h + n_h - 1) * (m_w + n_w - 1)


@checked(delta=whole(0))
def local_parameters(delta: int) -> int:
    """Weights left when abs(a), abs(b) ≤ Δ: (2Δ+1)², because a and b each take 2Δ+1 values (``eq-local``).

    >>> local_parameters(1)
    9
    """
    return (2 * delta + 1) ** 2


@checked(n_h=whole(1), n_w=whole(1))
def parameter_ladder(n_h: int, n_w: int, *, delta: int) -> dict[str, int]:
    """Weights of a layer from n_h×n_w to n_h×n_w: dense, then shared, then also local. No biases.

    >>> parameter_ladder(1000, 1000, delta=10)
    {'dense': 1000000000000, 'shared': 3996001, 'local': 441}
    """
    return {
        "dense": dense_parameters(n_h * n_w, n_h * n_w),
        "shared": shared_parameters(in_shape=(n_h, n_w), out_shape=(n_h, n_w)),
        "local": local_parameters(delta),
    }


@checked(dtype=number_type, parameters=whole(0))
def memory_bytes(parameters: int, dtype: torch.dtype = torch.float32) -> int:
    """Bytes that so many numbers of ``dtype`` take.

    >>> memory_bytes(3_600_000_000)
    14400000000
    """
    return parameters * dtype.itemsize
