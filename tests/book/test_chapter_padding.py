"""Formulas and sentences of the chapter *Padding and stride* that no test of a module covers."""

import torch
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim, equation

from coursecode.correlation import corr2d, correlate


@equation("eq-padded-size")
@claim("S11")
@given(n_h=integers(1, 9), n_w=integers(1, 9), k_h=integers(1, 5), k_w=integers(1, 5), p=integers(4, 8))
def test_padding_counts_once_for_both_sides_together(n_h: int, n_w: int, k_h: int, k_w: int, p: int) -> None:
    Y = correlate(torch.zeros(1, 1, n_h, n_w), torch.zeros(1, 1, k_h, k_w), padding=(p, p + 1))[0, 0]
    assert Y.shape == (n_h - k_h + p + 1, n_w - k_w + (p + 1) + 1)


@claim("S11")
@given(q=integers(0, 3), k=integers(1, 4))
def test_padding_adds_outputs_and_changes_none(q: int, k: int) -> None:
    torch.manual_seed(q)
    X, K = torch.randint(-9, 9, (6, 7)), torch.randint(-9, 9, (k, k))
    Y = corr2d(X, K)
    assert torch.equal(
        correlate(X[None, None], K[None, None], padding=2 * q)[0, 0, q : q + len(Y), q : q + Y.shape[1]], Y
    )


@claim("S12")
@given(s_h=integers(1, 4), s_w=integers(1, 4), p=integers(0, 5))
def test_a_stride_keeps_every_s_th_output(s_h: int, s_w: int, p: int) -> None:
    torch.manual_seed(p)
    X, W = torch.randint(-9, 9, (2, 3, 9, 8)), torch.randint(-9, 9, (4, 3, 3, 2))
    every = correlate(X, W, padding=p)[:, :, ::s_h, ::s_w]
    assert torch.equal(correlate(X, W, padding=p, stride=(s_h, s_w)), every)
