"""Signals that may not look ahead, and where a stack of layers looks: the chapter "causal-and-dilated"."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from coursecode._arguments import chain, checked, looks_back, whole
from coursecode.geometry import Layer, pad_sides

__all__ = ["causal_corr1d", "field_centre", "field_size"]


@checked(looks_back, x="n", w="k", dilation=whole(1))
def causal_corr1d(x: Tensor, w: Tensor, *, dilation: int = 1) -> Tensor:
    """Correlation that reads no later sample: y_i = Σ_a w_a x_i−d(k−1−a) (``eq-causal``).

    ``x`` (n,) counts 0 before its first sample, ``w`` (k,): the last weight meets the present, the others samples
    d, 2d, … steps back. Returns (n,). Raises ValueError or TypeError, naming the argument.

    >>> causal_corr1d(torch.tensor([1, 2, 3, 4]), torch.tensor([1, 1]), dilation=2)
    tensor([1, 2, 4, 6])
    """
    n, k, d = len(x), len(w), dilation
    past = torch.cat([x.new_zeros(d * (k - 1)), x])
    y = torch.zeros_like(x)
    for a in range(k):
        y += w[a] * past[d * a : d * a + n]
    return y


@checked(chain)
def field_size(layers: Sequence[Layer]) -> int:
    """How many inputs in a row one output spans: r = 1 + Σ_l d_l (k_l − 1) Π_{t<l} s_t (``eq-field-closed``).

    The closed form of ``receptive_field``; plain tuples in Layer's order also serve.

    >>> field_size([Layer(3), Layer(3, stride=2), Layer(3)])
    9
    """
    layers = [Layer(*layer) for layer in layers]
    strides = [layer.stride for layer in layers]
    size = 1
    for l, (k, _, _, d) in enumerate(layers):
        size += d * (k - 1) * math.prod(strides[:l])
    return size


@checked(chain)
def field_centre(layers: Sequence[Layer]) -> tuple[float, int]:
    """Where output 0 looks, and how far apart neighbours look: the centre is q + i·j (``eq-field-centre``).

    q = Σ_l (d_l (k_l − 1)/2 − ⌈p_l/2⌉) Π_{t<l} s_t, in input elements counted from 0; j = Π s_l. A half means a
    place between two elements.

    >>> field_centre([Layer(5), Layer(2, stride=2)])
    (2.5, 2)
    """
    centre, jump = 0.0, 1
    for k, s, p, d in (Layer(*layer) for layer in layers):
        centre, jump = centre + (d * (k - 1) / 2 - pad_sides(p)[0]) * jump, jump * s
    return centre, jump
