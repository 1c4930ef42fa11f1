"""coursecode.causal against torch: nothing comes from the future, and the field's closed form and centre."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from alike import random
from hypothesis import given
from hypothesis import strategies as st
from registry import equation

from coursecode.causal import causal_corr1d, field_centre, field_size
from coursecode.geometry import Layer, receptive_field

layers = st.lists(
    st.builds(Layer, st.integers(1, 4), st.integers(1, 3), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=4
)


@equation("eq-causal")
@given(n=st.integers(1, 9), k=st.integers(1, 4), d=st.integers(1, 3), seed=st.integers(0, 2**16))
def test_causal_is_torch_with_all_padding_on_the_left(n: int, k: int, d: int, seed: int) -> None:
    x, w = random(n, seed=seed).requires_grad_(), random(k, seed=seed + 1).requires_grad_()
    ours = causal_corr1d(x, w, dilation=d)
    theirs = F.conv1d(F.pad(x[None, None], (d * (k - 1), 0)), w[None, None], dilation=d)[0, 0]
    g = random(n, seed=seed + 2)
    torch.testing.assert_close(ours, theirs)
    for mine, torchs in zip(*(torch.autograd.grad(y, (x, w), g) for y in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, torchs)
    by_sum = [sum(w[a] * x[i - d * (k - 1 - a)] for a in range(k) if i >= d * (k - 1 - a)) for i in range(n)]
    torch.testing.assert_close(ours, torch.stack([torch.as_tensor(y, dtype=x.dtype) for y in by_sum]))


@given(n=st.integers(2, 9), at=st.integers(0, 8), d=st.integers(1, 3))
def test_no_output_before_a_sample_knows_of_it(n: int, at: int, d: int) -> None:
    at %= n
    x, w = random(n), random(3, seed=1)
    other = x.clone()
    other[at] += 1
    differs = causal_corr1d(x, w, dilation=d) != causal_corr1d(other, w, dilation=d)
    assert not differs[:at].any()
    assert differs[at]


@equation("eq-field-closed")
@given(layers=layers)
def test_the_closed_form_is_the_recursion(layers: list[Layer]) -> None:
    assert field_size(layers) == receptive_field(layers)[-1].size


@equation("eq-field-centre")
@given(layers=layers)
def test_the_centre_is_the_middle_of_what_the_recursion_gives(layers: list[Layer]) -> None:
    field = receptive_field(layers)[-1]
    centre, jump = field_centre(layers)
    assert centre == field.start + (field.size - 1) / 2
    assert jump == field.jump


@equation("eq-field-centre", "eq-field-closed")
@given(k=st.integers(1, 4), s=st.integers(1, 3), q=st.integers(0, 2), depth=st.integers(1, 3), seed=st.integers(0, 99))
def test_the_gradient_reaches_exactly_that_far_around_that_centre(
    k: int, s: int, q: int, depth: int, seed: int
) -> None:
    stack = [Layer(k, s, 2 * q)] * depth
    x = random(1, 1, 120, seed=seed).requires_grad_()
    y = x
    for _ in range(depth):
        y = F.conv1d(y, random(1, 1, k, seed=seed + 1).abs() + 0.1, stride=s, padding=q)
    i = y.shape[-1] // 2
    reached = torch.autograd.grad(y[0, 0, i], x)[0][0, 0].nonzero().flatten()
    centre, jump = field_centre(stack)
    if s <= k:  # else there are holes, and at both ends
        assert reached[-1] - reached[0] + 1 == field_size(stack)
    assert (reached[0] + reached[-1]).item() / 2 == centre + i * jump


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: causal_corr1d(torch.ones(0), torch.ones(2)), ValueError, r"^causal_corr1d: x has shape 0"),
        (lambda: causal_corr1d(torch.ones(3), torch.ones(2), dilation=0), ValueError, r"^causal_corr1d: dilation is 0"),
        (lambda: field_size([3]), TypeError, r"^field_size: layer 0 must be a Layer"),
        (lambda: field_centre([Layer(0)]), ValueError, r"^field_centre: layer 0: kernel is 0"),
    ],
)
def test_what_does_not_fit_is_named(call, error, said) -> None:
    with pytest.raises(error, match=said):
        call()
