"""From a dense layer to a convolution, step by step: the chapter "from-dense-to-convolution"."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from coursecode._checks import (
    check_int,
    check_same_device,
    check_same_dtype,
    check_sizes,
    check_tensor,
    shape_text,
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


def _check_4d(who: str, name: str, weight: Tensor, axes: str) -> None:
    check_tensor(who, name, weight, rank=4, axes=axes)
    if 0 in weight.shape:
        raise ValueError(f"{who}: {name} has shape {shape_text(weight.shape)}, but each axis needs at least 1 element.")


def _check_layer(who: str, X: Tensor, weight: Tensor, name: str, axes: str, U: Tensor | None) -> None:
    """Check an image, a rank-4 weight and a bias per output that belong together."""
    check_tensor(who, "X", X, rank=2, axes="n_h, n_w")
    _check_4d(who, name, weight, axes)
    if U is not None:
        check_tensor(who, "U", U, rank=2, axes="m_h, m_w")
        if U.shape != weight.shape[:2]:
            raise ValueError(
                f"{who}: U has shape {shape_text(U.shape)}, but it holds one bias per output: "
                f"{shape_text(weight.shape[:2])}, the first two axes of {name}."
            )
    for other_name, other in ((name, weight), ("U", U)):
        check_same_dtype(who, X=X, **{other_name: other})
        check_same_device(who, X=X, **{other_name: other})


def _check_in_shape(who: str, X: Tensor, W: Tensor) -> None:
    if X.shape != W.shape[2:]:
        raise ValueError(
            f"{who}: X has shape {shape_text(X.shape)}, but W reads images of {shape_text(W.shape[2:])}, "
            "its last two axes."
        )


def _check_offsets(who: str, V: Tensor, n_h: int, n_w: int) -> None:
    m_h, m_w = V.shape[:2]
    if V.shape[2:] != (m_h + n_h - 1, m_w + n_w - 1):
        raise ValueError(
            f"{who}: V has shape {shape_text(V.shape)}, but from {n_h}×{n_w} to {m_h}×{m_w} there are "
            f"(m_h+n_h-1)×(m_w+n_w-1) = {m_h + n_h - 1}×{m_w + n_w - 1} offsets."
        )


def dense_4d(X: Tensor, W: Tensor, U: Tensor | None = None) -> Tensor:
    """A dense layer that keeps images as images: H_ij = U_ij + Σ_kl W_ijkl X_kl (``eq-dense-4d``).

    ``X`` (n_h, n_w), ``W`` (m_h, m_w, n_h, n_w), bias ``U`` (m_h, m_w) give H (m_h, m_w): every output
    reads every input. Raises ValueError or TypeError if ranks, shapes, dtypes or devices differ.

    >>> dense_4d(torch.ones(2, 3), torch.ones(4, 5, 2, 3)).unique()
    tensor([6.])
    """
    _check_layer("dense_4d", X, W, "W", "m_h, m_w, n_h, n_w", U)
    _check_in_shape("dense_4d", X, W)
    H = torch.einsum("ijkl,kl->ij", W, X)
    return H if U is None else U + H


def dense_4d_loop(X: Tensor, W: Tensor, U: Tensor | None = None) -> Tensor:
    """The loop twin of `dense_4d` (``eq-dense-4d``), same arguments and errors.

    >>> dense_4d_loop(torch.ones(2, 3), torch.ones(4, 5, 2, 3)).unique()
    tensor([6.])
    """
    _check_layer("dense_4d_loop", X, W, "W", "m_h, m_w, n_h, n_w", U)
    _check_in_shape("dense_4d_loop", X, W)
    m_h, m_w = W.shape[:2]
    H = X.new_zeros(m_h, m_w)
    for i in range(m_h):
        for j in range(m_w):
            H[i, j] = (W[i, j] * X).sum()
    return H if U is None else U + H


def linear_to_4d(weight: Tensor, *, in_shape: Sequence[int], out_shape: Sequence[int]) -> Tensor:
    """The weight of an ``nn.Linear`` between images flattened row by row, as W (m_h, m_w, n_h, n_w).

    ``weight`` (m_h·m_w, n_h·n_w), ``in_shape`` (n_h, n_w), ``out_shape`` (m_h, m_w). Raises ValueError
    if they do not belong together.

    >>> linear_to_4d(torch.nn.Linear(6, 20).weight, in_shape=(2, 3), out_shape=(4, 5)).shape
    torch.Size([4, 5, 2, 3])
    """
    who = "linear_to_4d"
    check_tensor(who, "weight", weight, rank=2, axes="m_h·m_w, n_h·n_w")
    n_h, n_w = check_sizes(who, "in_shape", in_shape, axes=2, minimum=1)
    m_h, m_w = check_sizes(who, "out_shape", out_shape, axes=2, minimum=1)
    if weight.shape != (m_h * m_w, n_h * n_w):
        raise ValueError(
            f"{who}: weight has shape {shape_text(weight.shape)}, but from {n_h}×{n_w} to {m_h}×{m_w} "
            f"it must be (m_h·m_w)×(n_h·n_w) = {m_h * m_w}×{n_h * n_w}."
        )
    return weight.reshape(m_h, m_w, n_h, n_w)


def to_linear(W: Tensor) -> Tensor:
    """W (m_h, m_w, n_h, n_w) as the matrix (m_h·m_w, n_h·n_w) of ``nn.Linear``: undoes `linear_to_4d`.

    >>> to_linear(torch.zeros(4, 5, 2, 3)).shape
    torch.Size([20, 6])
    """
    _check_4d("to_linear", "W", W, "m_h, m_w, n_h, n_w")
    m_h, m_w, n_h, n_w = W.shape
    return W.reshape(m_h * m_w, n_h * n_w)


def reindex(W: Tensor) -> Tensor:
    """The same weights, named by the offset from the output: V_ijab = W_i,j,i+a,j+b (``eq-reindex``).

    ``W`` (m_h, m_w, n_h, n_w) gives V (m_h, m_w, m_h+n_h−1, m_w+n_w−1). The offset a runs from −(m_h−1) to
    n_h−1 and stands at index a + m_h − 1, b likewise. V is 0 where (i+a, j+b) lies outside the image.

    >>> reindex(torch.tensor([[[[1, 2, 3]], [[4, 5, 6]]]]))  # one row: j = 0, 1 and b = -1 … 2
    tensor([[[[0, 1, 2, 3]],
    <BLANKLINE>
             [[4, 5, 6, 0]]]])
    """
    _check_4d("reindex", "W", W, "m_h, m_w, n_h, n_w")
    m_h, m_w, n_h, n_w = W.shape
    V = W.new_zeros(m_h, m_w, m_h + n_h - 1, m_w + n_w - 1)
    for i in range(m_h):
        for j in range(m_w):
            a, b = m_h - 1 - i, m_w - 1 - j  # where V keeps the offsets -i and -j, which read X_0,0
            V[i, j, a : a + n_h, b : b + n_w] = W[i, j]
    return V


def reindex_back(V: Tensor, *, in_shape: Sequence[int]) -> Tensor:
    """W_ijkl = V_i,j,k−i,l−j: undoes `reindex` (``eq-reindex``) for images of ``in_shape`` (n_h, n_w).

    >>> W = torch.arange(24).reshape(2, 2, 2, 3)
    >>> torch.equal(reindex_back(reindex(W), in_shape=(2, 3)), W)
    True
    """
    n_h, n_w = check_sizes("reindex_back", "in_shape", in_shape, axes=2, minimum=1)
    _check_4d("reindex_back", "V", V, "m_h, m_w, m_h+n_h-1, m_w+n_w-1")
    _check_offsets("reindex_back", V, n_h, n_w)
    m_h, m_w = V.shape[:2]
    W = V.new_zeros(m_h, m_w, n_h, n_w)
    for i in range(m_h):
        for j in range(m_w):
            a, b = m_h - 1 - i, m_w - 1 - j
            W[i, j] = V[i, j, a : a + n_h, b : b + n_w]
    return W


def dense_by_offset(X: Tensor, V: Tensor, U: Tensor | None = None) -> Tensor:
    """The dense layer, weights named by offset: H_ij = U_ij + Σ_ab V_ijab X_i+a,j+b (``eq-dense-offset``).

    ``X`` (n_h, n_w) counts 0 outside the image, ``V`` (m_h, m_w, m_h+n_h−1, m_w+n_w−1) is as from `reindex`
    or `share`, bias ``U`` (m_h, m_w). Returns H (m_h, m_w). Errors as in `dense_4d`.

    >>> X, W = torch.arange(6).reshape(2, 3), torch.arange(24).reshape(2, 2, 2, 3)
    >>> torch.equal(dense_by_offset(X, reindex(W)), dense_4d(X, W))
    True
    """
    _check_layer("dense_by_offset", X, V, "V", "m_h, m_w, m_h+n_h-1, m_w+n_w-1", U)
    _check_offsets("dense_by_offset", V, *X.shape)
    m_h, m_w, offsets_h, offsets_w = V.shape
    X = F.pad(X, (m_w - 1, m_w - 1, m_h - 1, m_h - 1))  # zeros wherever an offset leaves the image
    windows = X.unfold(0, offsets_h, 1).unfold(1, offsets_w, 1)  # windows_ijab = X_i+a,j+b
    H = torch.einsum("ijab,ijab->ij", V, windows)
    return H if U is None else U + H


def share(v: Tensor, *, out_shape: Sequence[int]) -> Tensor:
    """One set of weights for every output: V_ijab = v_ab (``eq-shared``).

    ``v`` (m_h+n_h−1, m_w+n_w−1) gives V (m_h, m_w, m_h+n_h−1, m_w+n_w−1) for ``out_shape`` (m_h, m_w). V is a
    view: every (i, j) reads the same memory. Raises ValueError if ``v`` has too few offsets.

    >>> share(torch.zeros(5, 6), out_shape=(3, 4)).shape
    torch.Size([3, 4, 5, 6])
    """
    check_tensor("share", "v", v, rank=2, axes="m_h+n_h-1, m_w+n_w-1")
    m_h, m_w = check_sizes("share", "out_shape", out_shape, axes=2, minimum=1)
    if v.shape[0] < m_h or v.shape[1] < m_w:
        raise ValueError(
            f"share: v has shape {shape_text(v.shape)}, but an output of {m_h}×{m_w} has "
            f"m_h+n_h-1 and m_w+n_w-1 offsets, at least {m_h}×{m_w}."
        )
    return v.expand(m_h, m_w, *v.shape)


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
    check_tensor("local", "v", v)
    if v.dim() not in (2, 4):
        check_tensor("local", "v", v, rank=2, axes="offsets_h, offsets_w")
    delta = check_int("local", "delta", delta, minimum=0)
    c_h, c_w = check_sizes("local", "centre", centre, axes=2, minimum=0)
    offsets_h, offsets_w = v.shape[-2:]
    if c_h >= offsets_h or c_w >= offsets_w:
        raise ValueError(f"local: centre is {(c_h, c_w)}, but v has {offsets_h}×{offsets_w} offsets, indexed from 0.")
    a = torch.arange(offsets_h, device=v.device) - c_h
    b = torch.arange(offsets_w, device=v.device) - c_w
    near = (a.abs() <= delta)[:, None] & (b.abs() <= delta)
    return v.masked_fill(~near, 0)


def dense_parameters(inputs: int, hidden: int, *, bias: bool = False) -> int:
    """Weights of a dense layer from ``inputs`` to ``hidden`` numbers, with ``bias`` one more per output.

    >>> dense_parameters(36_000_000, 100)
    3600000000
    """
    inputs = check_int("dense_parameters", "inputs", inputs, minimum=1)
    hidden = check_int("dense_parameters", "hidden", hidden, minimum=1)
    return (inputs + bool(bias)) * hidden


def shared_parameters(*, in_shape: Sequence[int], out_shape: Sequence[int]) -> int:
    """Weights left when V_ijab = v_ab: one per offset, (m_h+n_h−1)(m_w+n_w−1) (``eq-shared``).

    >>> shared_parameters(in_shape=(1000, 1000), out_shape=(1000, 1000))
    3996001
    """
    n_h, n_w = check_sizes("shared_parameters", "in_shape", in_shape, axes=2, minimum=1)
    m_h, m_w = check_sizes("shared_parameters", "out_shape", out_shape, axes=2, minimum=1)
    return (m_h + n_h - 1) * (m_w + n_w - 1)


def local_parameters(delta: int) -> int:
    """Weights left when abs(a), abs(b) ≤ Δ: (2Δ+1)², because a and b each take 2Δ+1 values (``eq-local``).

    >>> local_parameters(1)
    9
    """
    return (2 * check_int("local_parameters", "delta", delta, minimum=0) + 1) ** 2


def parameter_ladder(n_h: int, n_w: int, *, delta: int) -> dict[str, int]:
    """Weights of a layer from n_h×n_w to n_h×n_w: dense, then shared, then also local. No biases.

    >>> parameter_ladder(1000, 1000, delta=10)
    {'dense': 1000000000000, 'shared': 3996001, 'local': 441}
    """
    n_h = check_int("parameter_ladder", "n_h", n_h, minimum=1)
    n_w = check_int("parameter_ladder", "n_w", n_w, minimum=1)
    return {
        "dense": dense_parameters(n_h * n_w, n_h * n_w),
        "shared": shared_parameters(in_shape=(n_h, n_w), out_shape=(n_h, n_w)),
        "local": local_parameters(delta),
    }


def memory_bytes(parameters: int, dtype: torch.dtype = torch.float32) -> int:
    """Bytes that so many numbers of ``dtype`` take.

    >>> memory_bytes(3_600_000_000)
    14400000000
    """
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"memory_bytes: dtype must be a dtype of torch, such as torch.float32, not {dtype!r}.")
    return check_int("memory_bytes", "parameters", parameters, minimum=0) * dtype.itemsize
